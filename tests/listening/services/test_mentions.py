"""Our own posts, stored by whoever sent them or by their echo, whichever was first."""

from __future__ import annotations

from typing import Any

import pytest

from listening.models import Mention, NetworkAccount
from listening.services.mentions import record_own_post
from socialdesk.lib.clock import now
from tests.factories import make_account, make_mention

pytestmark = pytest.mark.django_db


def record(answered: Mention) -> None:
    """The desk posted an answer to the mention: the network calls it `ours`."""
    account = NetworkAccount.objects.first() or make_account()
    conversation = answered.conversation
    assert conversation is not None
    post: dict[str, Any] = {"external_id": "ours", "text": "It IS on its way", "url": "", "posted_at": now()}
    record_own_post(conversation=conversation, account=account, in_reply_to=answered, **post)


def test_what_we_posted_is_context_beside_what_it_answers() -> None:
    mention = make_mention()
    record(mention)
    post = Mention.objects.get(external_id="ours")
    assert (post.is_own, post.conversation, post.parent, post.in_reply_to) == (True, mention.conversation, mention, mention.external_id)
    assert (post.folded, post.sentiment, post.author.username) == ("it is on its way", "neutral", "tidewheel")


def test_echo_that_was_faster_stays_and_finds_its_conversation() -> None:
    mention = make_mention()
    record(mention)
    Mention.objects.filter(external_id="ours").update(conversation=None, text="as the network shows it")
    record(mention)
    post = Mention.objects.get(external_id="ours")
    assert (post.text, post.conversation) == ("as the network shows it", mention.conversation)


def test_echo_that_has_a_conversation_keeps_it() -> None:
    mention, other = make_mention(), make_mention(author="tom")
    record(mention)
    Mention.objects.filter(external_id="ours").update(conversation=other.conversation)
    record(mention)
    assert Mention.objects.get(external_id="ours").conversation == other.conversation
