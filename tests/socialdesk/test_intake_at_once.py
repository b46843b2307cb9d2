"""Batches that are taken in at the same moment: what one stores, the other does not miss."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from django.db import transaction

from listening.models import Mention
from tests.engagement.threads import while_held
from tests.factories import make_account, make_author, make_post, push

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_post_that_comes_while_its_deletion_is_taken_in_is_filtered():
    post = make_post()
    _, late = while_held("socialdesk.intake._record", partial(push, replace(post, deleted=True)), partial(push, post))
    assert late.filtered == 1
    assert not Mention.objects.exists()


def test_a_deletion_that_comes_while_its_post_is_taken_in_takes_the_words_away():
    post = make_post()
    _, deletion = while_held("socialdesk.intake._record", partial(push, post), partial(push, replace(post, deleted=True)))
    assert deletion.folded == 1
    assert Mention.objects.get().deleted_at is not None


def test_a_deletion_that_comes_twice_at_once_is_remembered_once():
    post = replace(make_post(), deleted=True)
    results = while_held("socialdesk.intake._record", partial(push, post), partial(push, post))
    assert [result.filtered for result in results] == [1, 1]
    assert push(replace(post, deleted=False)).filtered == 1


def test_of_two_of_our_own_posts_in_a_conversation_the_one_that_comes_last_has_the_higher_id():
    """Who saw the one with the higher id is taken to have seen the other."""
    post = make_post(ago=30)
    push(post)
    answers = []
    for name in ("us", "us_too"):
        make_account(username=name, external_id=name)
        us = make_author(name, external_id=name)
        push(make_post("Good morning", author=us, ago=40))  # so that no row but the answer's needs an id
        answers.append(make_post("By hand", author=us, in_reply_to=post.external_id, ago=20))
    committed: list[int] = []

    def take_in(number: int) -> None:
        with transaction.atomic():  # noted before the other one may go on
            committed.extend(push(answers[number]).ids.values())

    while_held("socialdesk.lib.bulk.allocate_ids", partial(take_in, 0), partial(take_in, 1))
    assert len(committed) == 2
    assert committed == sorted(committed)
