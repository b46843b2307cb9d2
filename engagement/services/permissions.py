"""What authors answer: a person records it with the post or message that says so; a permission ends when they say so or delete the post."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from engagement.models import Compliment, Message, Permission, TakeDown
from engagement.services.compliments import OPEN, check_note
from engagement.services.delivery import abort_unsent
from engagement.services.lines import leave_line
from engagement.services.praise_state import Kind, MovedOn, State, check_may_work, lock_compliment, move, permission_of
from engagement.services.readings import Reading, read_answer
from listening.models import Mention
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

Purpose = Compliment.Purpose
SHOWN = 3  # answers beside a compliment, the newest
WRITINGS = 20  # from which somebody chooses what shows an answer
_READ = 500  # posts and messages looked through for a page of the board
_MAY_BE_GRANTED = (State.NEW, State.ASKED, State.THANKED, State.DECLINED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an author wrote since they were asked, and what the desk reads in it. `evidence` names it for `record_answer`."""

    evidence: str
    text: str
    at: datetime
    reading: Reading
    is_private: bool
    url: str


def record_answer(*, compliment_id: int, agent: Agent, granted: bool, evidence: str, purpose: str = "") -> Compliment:
    """Record what the author says, with what shows it: `evidence` is "post:<id>" or "message:<id>", of theirs.

    `purpose` is what they agree to, "" for what was asked for. A yes can still be recorded after it was put away. Raises MovedOn if an
    answer was recorded already, NotFound and DeskError for evidence that is none.
    """
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        post, message = _find_evidence(compliment, evidence)
        moment = current_time()
        read_as = read_answer(post.text if post else message.text if message else "", language=compliment.mention.language)
        if not granted:
            move(
                compliment,
                Kind.REFUSED,
                to=State.DECLINED,
                wherefrom=(State.NEW, State.ASKED),
                agent=agent,
                post=post,
                message=message,
                changes={"answer": Compliment.Answer.REFUSED, "answered_at": moment},
            )
            leave_line(
                conversation_id=compliment.conversation_id,
                agent=agent,
                words=f"Praise: @{compliment.mention.author.username} does not want the post to be used.",
            )
            return compliment
        wanted = purpose or compliment.purpose
        if wanted not in Purpose.values:
            raise DeskError("Say what the author agrees to: a repost, or a quote with credit.")
        if compliment.mention.deleted_at is not None:
            raise Conflict("The author has deleted the post meanwhile. There is nothing left to repost.")
        if permission_of(compliment) is not None:
            raise MovedOn("The author's permission is recorded already. Reload the page to see by whom.")
        changes = {"answer": Compliment.Answer.GRANTED, "answered_at": moment, "purpose": wanted}
        move(
            compliment, Kind.GRANTED, to=State.GRANTED, wherefrom=_MAY_BE_GRANTED, agent=agent, post=post, message=message, changes=changes
        )
        Permission.objects.create(
            compliment=compliment,
            purpose=wanted,
            granted_by=compliment.mention.author,
            post=post,
            message=message,
            recorded_by=agent,
            recorded_at=moment,
            read_as=read_as,
        )
        what = "quoted with credit" if wanted == Purpose.QUOTE else "reposted"
        leave_line(
            conversation_id=compliment.conversation_id,
            agent=agent,
            words=f"Praise: @{compliment.mention.author.username} agrees that the post is {what}.",
        )
    return compliment


def _find_evidence(compliment: Compliment, evidence: str) -> tuple[Mention | None, Message | None]:
    """The author's own post or private message that is named. Only what they wrote can show what they want."""
    kind, _, word = evidence.partition(":")
    if kind not in ("post", "message") or not word.isdecimal() or len(word) > 18:
        raise DeskError("Name the author's post or message that says so, as post:<id> or message:<id>.")
    author, pk = compliment.mention.author_id, int(word)
    if kind == "post":
        post = Mention.objects.filter(pk=pk, author_id=author, is_own=False, deleted_at=None).first()
        if post is not None:
            return post, None
    else:
        message = Message.objects.filter(pk=pk, author_id=author, is_incoming=True).first()
        if message is not None:
            return None, message
    raise NotFound("There is no such post or message by this author. Only what they wrote themselves shows what they want.")


def withdraw_permission(*, compliment_id: int, agent: Agent, evidence: str = "") -> Compliment:
    """The author no longer wants it. What was not sent will not be; what is out is taken down. `evidence` is optional: a no is a no.

    Raises MovedOn if no permission holds.
    """
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        post, message = _find_evidence(compliment, evidence) if evidence else (None, None)
        if permission_of(compliment) is None:
            raise Conflict("No permission of this author is recorded, so that none can be withdrawn.")
        _end_permission(compliment, Kind.WITHDRAWN, agent=agent, post=post, message=message)
        leave_line(
            conversation_id=compliment.conversation_id,
            agent=agent,
            words=f"Praise: @{compliment.mention.author.username} no longer wants the post to be used.",
        )
    return compliment


def end_deleted(*, limit: int = 100) -> int:
    """Put away the praise whose authors deleted their posts, and end what they had allowed. Returns how much."""
    waiting = Compliment.objects.filter(state__in=[State.NEW, State.ASKED], mention__deleted_at__isnull=False).values_list("pk", flat=True)
    allowed = Permission.objects.filter(ended_at=None, compliment__mention__deleted_at__isnull=False).values_list("compliment", flat=True)
    ended = 0
    for pk in [*waiting[:limit], *allowed[:limit]]:
        with transaction.atomic():
            compliment = lock_compliment(pk)
            if compliment.state in (State.NEW, State.ASKED) or permission_of(compliment) is not None:
                _end_permission(compliment, Kind.DELETED, agent=None)
                leave_line(
                    conversation_id=compliment.conversation_id,
                    agent=None,
                    words="Praise: the author deleted the post. It will not be used, and what we made public of it goes.",
                )
                ended += 1
    return ended


def decline_compliment(*, compliment_id: int, agent: Agent, note: str = "") -> Compliment:
    """We will not use it; what the author allowed ends. Raises MovedOn once it was thanked for or declined, or is public or on its way."""
    words = check_note(note)
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        share = Message.objects.filter(permission__compliment=compliment, permission__ended_at=None).first()
        if share is not None and not abort_unsent(message_id=share.pk):
            raise MovedOn("It is public already, or on its way. To remove it, record that the author withdraws the permission.")
        Permission.objects.filter(compliment=compliment, ended_at=None).update(ended_at=current_time())
        if compliment.state == State.ASKED and compliment.asking_id is not None:
            abort_unsent(message_id=compliment.asking_id)  # a question that is out is out
        move(compliment, Kind.DECLINED, to=State.DECLINED, wherefrom=OPEN, agent=agent, note=words)
        leave_line(
            conversation_id=compliment.conversation_id, agent=agent, words="Praise: it will not be used." + (f" {words}" if words else "")
        )
    return compliment


def _end_permission(
    compliment: Compliment, did: Kind, *, agent: Agent | None, post: Mention | None = None, message: Message | None = None
) -> None:
    moment = current_time()
    permission = permission_of(compliment)
    if permission is not None:
        Permission.objects.filter(pk=permission.pk).update(ended_at=moment)
        share = Message.objects.filter(permission=permission).first()
        if share is not None and not abort_unsent(message_id=share.pk):
            # It is out, or may be, or is on its way at this moment: whoever takes it down finds out.
            TakeDown.objects.get_or_create(message=share, defaults={"created_at": moment, "not_before": moment})
    move(compliment, did, to=State.DECLINED, agent=agent, post=post, message=message)


# --- What authors wrote since -------------------------------------------------------------------------------------------


def read_answers(compliments: Sequence[Compliment]) -> dict[int, list[Answer]]:
    """The newest posts and private messages of those who were asked and have no recorded answer, oldest first, by compliment.

    Two queries, however many compliments.
    """
    asked: dict[int, list[Compliment]] = defaultdict(list)
    for compliment in compliments:
        if compliment.state == State.ASKED:
            asked[compliment.conversation_id].append(compliment)
    if not asked:
        return {}
    waiting = [compliment for group in asked.values() for compliment in group]
    theirs = {
        "conversation__in": list(asked),
        "author__in": {compliment.mention.author_id for compliment in waiting},
    }
    since = min(_asked_at(compliment) for compliment in waiting)
    posts = Mention.objects.filter(**theirs, is_own=False, deleted_at=None, posted_at__gte=since).order_by("-posted_at", "-pk")
    messages = Message.objects.filter(**theirs, is_incoming=True, created_at__gte=since).order_by("-created_at", "-pk")
    found: dict[int, list[Answer]] = defaultdict(list)
    for post in posts[:_READ]:
        for compliment in asked[post.conversation_id or 0]:
            if post.posted_at >= _asked_at(compliment):
                found[compliment.pk].append(_answer(compliment, f"post:{post.pk}", post.text, post.posted_at, url=post.url))
    for message in messages[:_READ]:
        for compliment in asked[message.conversation_id]:
            if message.created_at >= _asked_at(compliment):
                found[compliment.pk].append(_answer(compliment, f"message:{message.pk}", message.text, message.created_at, is_private=True))
    return {pk: sorted(answers, key=lambda answer: answer.at)[-SHOWN:] for pk, answers in found.items()}


def read_writings(compliment: Compliment) -> list[Answer]:
    """The author's newest posts and private messages in the conversation, newest first: what an answer can be recorded by. Two queries."""
    theirs = {"conversation": compliment.conversation_id, "author": compliment.mention.author_id}
    posts = Mention.objects.filter(**theirs, is_own=False, deleted_at=None).order_by("-posted_at", "-pk")
    messages = Message.objects.filter(**theirs, is_incoming=True).order_by("-created_at", "-pk")
    found = [_answer(compliment, f"post:{post.pk}", post.text, post.posted_at, url=post.url) for post in posts[:WRITINGS]]
    found += [_answer(compliment, f"message:{m.pk}", m.text, m.created_at, is_private=True) for m in messages[:WRITINGS]]
    return sorted(found, key=lambda answer: answer.at, reverse=True)[:WRITINGS]


def _asked_at(compliment: Compliment) -> datetime:
    return compliment.asked_at or compliment.forwarded_at


def _answer(compliment: Compliment, evidence: str, text: str, at: datetime, *, is_private: bool = False, url: str = "") -> Answer:
    return Answer(evidence, text, at, read_answer(text, language=compliment.mention.language), is_private, url)
