"""Pictures and films of answers: handed in, described, sent with a reply by whoever handed them in, forgotten where nobody sends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BinaryField, Q, QuerySet
from django.db.models.functions import Length, Substr

from engagement.models import Approval, Attachment, Message
from engagement.services import checks
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib import mp4
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.mp4 import SafeFilm
from socialdesk.lib.pictures import MOST_BYTES, TAKEN, Encoded, encode_anew
from socialdesk.lib.text import clean
from socialdesk.networks.base import Capabilities, Film, Picture

KEEP_UNSENT = timedelta(days=1)
LONGEST_ALT = 1500
MOST_UNSENT, MOST_UNSENT_FILMS = 40, 5  # of one agent
_USUAL_BYTES = 5_000_000  # until it is known where it goes
_UNSENT = Q(message=None, approval=None)


class NotDescribed(Conflict):
    """A picture says nothing to those who cannot see it."""

    code = "picture_not_described"


def say_taken(able: Capabilities, label: str) -> str:
    """What can be chosen for an answer on that network, before it is; "" where it takes none."""
    if not able.max_pictures:
        return ""
    most = "One picture" if able.max_pictures == 1 else f"Up to {able.max_pictures} pictures"
    words = f"{most}: {TAKEN}, at most {MOST_BYTES / 1e6:.0f} MB{' each' if able.max_pictures > 1 else ''}."
    if able.max_picture_bytes:
        words = f"{words} {label} takes {able.max_picture_bytes / 1e6:.3g} MB; what is larger is made smaller here."
    if able.max_film_bytes:
        size = f"{most_film_bytes(able) / 1e6:.3g} MB"
        words = f"{words} Or one film: {mp4.TAKEN}, at most {_length_and(able)}{size}."
    return words


def most_film_bytes(able: Capabilities) -> int:
    """Of what that network takes and this desk does. 0: none."""
    return min(able.max_film_bytes, mp4.MOST_BYTES)


def _length_and(able: Capabilities) -> str:
    return f"{able.max_film_seconds} seconds and " if able.max_film_seconds else ""


def longest_alt(able: Capabilities, *, film: bool) -> int:
    """How many characters may describe a film, or a picture, there."""
    return min((able.max_film_alt if film else able.max_picture_alt) or LONGEST_ALT, LONGEST_ALT)


def room_for_alt(attachment: Attachment) -> int:
    """The same for one that was just handed in."""
    assert attachment.conversation is not None
    return longest_alt(checks.abilities_in(attachment.conversation), film=attachment.is_film)


# --- Before it is sent --------------------------------------------------------------------------------------------------


def add_attachment(*, agent: Agent, content: bytes, alt: str = "", conversation_id: int | None = None) -> Attachment:
    """Keep a picture or film for an answer that is being written. A picture is made anew, as small as that conversation's network wants it;
    a film stays as it is, but for what it says of place, time and camera.

    Raises NotAllowed, NotFound, BadPicture, BadFilm, and DeskError where the network takes none or too many of theirs wait.
    """
    checks.check_may_answer(agent)
    if Attachment.objects.filter(_UNSENT, agent=agent).count() >= MOST_UNSENT:
        raise DeskError(f"{MOST_UNSENT} pictures of yours wait to be sent already. Take some out first.")
    is_film = mp4.is_mp4(content)
    if is_film and Attachment.objects.filter(_UNSENT, agent=agent, seconds__gt=0).count() >= MOST_UNSENT_FILMS:
        raise DeskError(f"{MOST_UNSENT_FILMS} films of yours wait to be sent already. Take one out first.")
    conversation = _find_conversation(conversation_id) if conversation_id is not None else None
    words = _tidy_alt(alt, conversation, film=is_film)
    found = _make_film_safe(content, conversation) if is_film else _make_picture_safe(content, conversation)
    return Attachment.objects.create(agent=agent, conversation=conversation, alt=words, created_at=current_time(), **_values_of(found))


def _make_picture_safe(content: bytes, conversation: Conversation | None) -> Encoded:
    if conversation is None:
        return encode_anew(content, most_bytes=_USUAL_BYTES)
    _check_count(conversation, 1)
    return encode_anew(content, most_bytes=checks.abilities_in(conversation).max_picture_bytes)


def _make_film_safe(content: bytes, conversation: Conversation | None) -> SafeFilm:
    film = mp4.make_safe(content)
    if conversation is not None:
        _check_film(conversation, size=len(content), seconds=film.seconds)
    return film


def describe_attachment(*, attachment_id: int, agent: Agent, alt: str) -> Attachment:
    """Say what it shows, while it is not sent. What went out meanwhile stays as it is: the form that sent it had the words.

    Raises NotFound, and DeskError where the words are too many.
    """
    theirs = _light().select_related("conversation__account").filter(agent=agent)
    attachment = theirs.filter(pk=attachment_id).first() if attachment_id < 2**63 else None
    if attachment is None:
        raise NotFound("This picture is not in your draft any more. Choose it again.")
    if attachment.message_id or attachment.approval_id:
        return attachment
    attachment.alt = _tidy_alt(alt, attachment.conversation, film=attachment.is_film)
    attachment.save(update_fields=["alt"])
    return attachment


def remove_attachment(*, attachment_id: int, agent: Agent) -> None:
    """Take it out of a draft. What is gone already is gone."""
    Attachment.objects.filter(_UNSENT, pk=attachment_id, agent=agent).delete()


def read_unsent(*, agent: Agent, conversation_id: int) -> list[Attachment]:
    """What this agent has put into the draft of that conversation, without its bytes. One query."""
    return list(unsent_of(conversation_id).filter(agent=agent).defer("content").order_by("pk"))


def unsent_of(conversation_id: Any) -> QuerySet[Attachment]:
    """What whoever has put into a draft of that conversation."""
    return Attachment.objects.filter(_UNSENT, conversation=conversation_id)


def drop_unsent(*, now: datetime | None = None) -> int:
    """Forget what nobody sent within a day. Returns how many pictures went."""
    return Attachment.objects.filter(_UNSENT, created_at__lt=(now or current_time()) - KEEP_UNSENT).delete()[0]


# --- With a reply -------------------------------------------------------------------------------------------------------


def make_ready(*, conversation_id: int, agent: Agent, pictures: Sequence[int]) -> None:
    """Check the pictures of a reply that is about to be sent, or its film, and make pictures smaller where this network wants them smaller;
    outside any transaction, for that takes a while. What another press of Send has taken already is left to it.

    Raises DeskError, NotDescribed, NotFound.
    """
    if not pictures:
        return
    conversation = _find_conversation(conversation_id)
    found = list(_light().filter(pk__in=_ids(pictures), agent=agent).annotate(size=Length("content")))
    films = [attachment for attachment in found if attachment.is_film]
    _check_count(conversation, len(set(pictures)) - len(films))
    if len(found) != len(set(pictures)):
        raise NotFound("A picture of this answer is not there any more. Take it out, and choose it again.")
    if films and len(found) > 1:
        raise DeskError("A film goes alone: take out what stands beside it, or the film. Your text is kept.")
    if not all(attachment.alt for attachment in found):
        raise NotDescribed("Say in words what each picture or film shows, for those who cannot see it. Your text is kept.")
    for one in found:  # it may have been described before it was known where it goes
        _check_alt(one.alt, conversation, film=one.is_film)
    for film in films:
        _check_film(conversation, size=film.size, seconds=film.seconds)
    limit = checks.abilities_in(conversation).max_picture_bytes
    too_large = [attachment.pk for attachment in found if not attachment.is_film and limit and attachment.size > limit]
    for attachment in Attachment.objects.filter(_UNSENT, pk__in=too_large) if too_large else ():
        smaller = encode_anew(bytes(attachment.content), most_bytes=limit)
        Attachment.objects.filter(_UNSENT, pk=attachment.pk).update(**_values_of(smaller))


def attach(*, message: Message, agent: Agent, pictures: Sequence[int]) -> None:
    """Hang the pictures on a message that was just stored, inside its transaction. Raises Conflict where another one took them."""
    taken = Attachment.objects.filter(_UNSENT, pk__in=_ids(pictures), agent=agent)
    count = taken.update(message=message, conversation=message.conversation_id)
    if count != len(set(pictures)):
        raise Conflict("A picture of this answer was sent with another one, or taken out. Choose it again.")
    message.picture_count = count
    Message.objects.filter(pk=message.pk).update(picture_count=count)


def lay_before_lead(*, approval: Approval, agent: Agent, pictures: Sequence[int]) -> None:
    """The same with a draft that a lead reads first."""
    if not pictures:
        return
    taken = Attachment.objects.filter(_UNSENT, pk__in=_ids(pictures), agent=agent)
    if taken.update(approval=approval, conversation=approval.conversation_id) != len(set(pictures)):
        raise Conflict("A picture of this answer was sent with another one, or taken out. Choose it again.")


def release_of_approval(approval: Approval) -> list[int]:
    """What hung on a draft that is decided: the author's again, to be sent at once or later. One query where there is none."""
    ids = list(Attachment.objects.filter(approval=approval).order_by("pk").values_list("pk", flat=True))
    if ids:
        Attachment.objects.filter(pk__in=ids).update(approval=None, created_at=current_time())
    return ids


def give_back_pictures(*, agent: Agent, message: Message) -> None:
    """A message was not sent: its pictures stand in the agent's draft again."""
    if message.picture_count:
        Attachment.objects.filter(message=message).update(message=None, agent=agent, created_at=current_time())
        message.picture_count = 0
        Message.objects.filter(pk=message.pk).update(picture_count=0)


def is_same_press(message: Message, pictures: Sequence[int]) -> bool:
    """Whether a message that is there has these pictures. No query where neither has any."""
    if not pictures and not message.picture_count:
        return True
    return set(message.attachments.values_list("pk", flat=True)) == set(pictures)


def carried_by(message: Message) -> dict[str, Any]:
    """What a publisher's `reply` is given besides: the pictures in the order in which they were handed in, or the film. No query where
    there is none.
    """
    if not message.picture_count:
        return {}
    carried = list(message.attachments.order_by("pk"))
    for one in carried:
        if one.is_film:
            return {"film": Film(bytes(one.content), one.alt, one.width, one.height, one.seconds, one.media_type)}
    return {"pictures": tuple(Picture(bytes(one.content), one.media_type, one.alt) for one in carried)}


def load_pictures(messages: Iterable[Message]) -> None:
    """Give each message its `pictures`, without their bytes. One query, none where no message has any."""
    shown = {message.pk: message for message in messages}
    for message in shown.values():
        message.pictures = []
    with_some = [message.pk for message in shown.values() if message.picture_count]
    for attachment in _light().filter(message__in=with_some).order_by("pk") if with_some else ():
        assert attachment.message_id is not None
        shown[attachment.message_id].pictures.append(attachment)


def read_of_approval(approval: Approval) -> list[Attachment]:
    """What the lead sees beside the text; what went out with it, once it did. One query."""
    on_it = Q(approval=approval) | Q(message=approval.message_id) if approval.message_id else Q(approval=approval)
    return list(_light().filter(on_it).order_by("pk"))


def find_attachment(*, attachment_id: int, agent: Agent) -> Attachment:
    """A draft's is its author's, one that went out or waits for a lead is everybody's; without its bytes, but with their number in `size`.
    Raises NotFound.
    """
    found = _light().filter(pk=attachment_id).filter(Q(agent=agent) | ~_UNSENT) if attachment_id < 2**63 else _light().none()
    attachment = found.annotate(size=Length("content")).first()
    if attachment is None:
        raise NotFound("There is no such picture.")
    return attachment


def read_bytes(attachment: Attachment, start: int, end: int) -> bytes:
    """Those from `start` up to, and without, `end`; b"" where it was taken out meanwhile."""
    piece = Substr("content", start + 1, end - start, output_field=BinaryField())
    content = Attachment.objects.filter(pk=attachment.pk).annotate(piece=piece).values_list("piece", flat=True).first()
    return bytes(content or b"")


def _light() -> QuerySet[Attachment]:
    return Attachment.objects.defer("content")


def _find_conversation(conversation_id: int) -> Conversation:
    found = Conversation.objects.select_related("account", "author").filter(pk=conversation_id).first()
    if found is None:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    return found


def _check_count(conversation: Conversation, count: int) -> None:
    most = checks.abilities_in(conversation).max_pictures
    if count > most:
        label = checks.label_of(conversation.network)
        raise DeskError(f"{label} takes at most {most} pictures with an answer." if most else f"{label} takes no pictures from this desk.")


def _check_film(conversation: Conversation, *, size: int, seconds: float) -> None:
    able, label = checks.abilities_in(conversation), checks.label_of(conversation.network)
    if not able.max_film_bytes:
        raise DeskError(f"{label} takes no films from this desk.")
    if size > able.max_film_bytes:
        raise DeskError(f"The film has {size / 1e6:.3g} MB; {label} takes {able.max_film_bytes / 1e6:.3g}. Make it shorter or smaller.")
    if able.max_film_seconds and seconds > able.max_film_seconds:
        raise DeskError(f"The film has {seconds:.0f} seconds; {label} takes {able.max_film_seconds}. Make it shorter.")


def _ids(pictures: Sequence[int]) -> list[int]:
    return [pk for pk in pictures if 0 < pk < 2**63]  # no database has a greater id


def _tidy_alt(alt: str, conversation: Conversation | None, *, film: bool) -> str:
    words = " ".join(clean(alt).split())
    if conversation is not None:
        _check_alt(words, conversation, film=film)
    elif len(words) > LONGEST_ALT:
        raise DeskError(f"The description has {len(words)} characters; at most {LONGEST_ALT} are taken. Shorten it.")
    return words


def _check_alt(words: str, conversation: Conversation, *, film: bool) -> None:
    most = longest_alt(checks.abilities_in(conversation), film=film) if words else 0
    if len(words) > most:
        label = checks.label_of(conversation.network)
        raise DeskError(f"The description has {len(words)} characters; {label} takes {most}. Shorten it.")


def _values_of(safe: Encoded | SafeFilm) -> dict[str, Any]:
    seconds = safe.seconds if isinstance(safe, SafeFilm) else 0
    return {"content": safe.content, "media_type": safe.media_type, "width": safe.width, "height": safe.height, "seconds": seconds}
