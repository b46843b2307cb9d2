"""Nothing goes out unasked to people who want to be left alone. What they begin themselves is answered."""

from __future__ import annotations

from datetime import datetime

from engagement.models import Message
from listening.models import Conversation, Mention
from profiles.models import Handle, Profile
from profiles.services.do_not_contact import left_alone_since
from socialdesk.lib.errors import Conflict


class LeftAlone(Conflict):
    """The person said that they do not want to be contacted, and has not begun this themselves."""

    code = "do_not_contact"


def check_may_begin(profile: Profile | int, *, asked_at: datetime | None = None) -> None:
    """Raises LeftAlone unless the person may be contacted, or asked for it at `asked_at`, after they had said that."""
    since = left_alone_since(profile)
    if since is not None and (asked_at is None or asked_at <= since):
        raise LeftAlone(
            f"They asked us on {since:%-d %B %Y} not to contact them. Answer them where they write to us; nothing else is sent."
        )


def check_may_answer_there(conversation: Conversation) -> None:
    """Raises LeftAlone for words of ours in a conversation in which they have not turned to us."""
    profile_id = Handle.objects.values_list("profile_id", flat=True).get(pk=conversation.author_id)
    if left_alone_since(profile_id) is None or _turned_to_us(conversation):
        return
    raise LeftAlone(
        "They asked us not to contact them, and have not written to us here: the post only speaks of us. Leave it, or wait until they do."
    )


def _turned_to_us(conversation: Conversation) -> bool:
    if Mention.objects.filter(conversation=conversation, is_own=False, is_addressed=True).exists():
        return True
    return Message.objects.filter(conversation=conversation, is_incoming=True).exists()
