"""Public replies that a lead reads before they go out (brief B2, B9): submitted, withdrawn, approved or declined.

Each step happens with the conversation locked and moves the row by a conditional UPDATE. The conversation is locked first, the
approval's row after it, everywhere: so nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from engagement.models import Approval, FollowRequest, Message, TemplateVariant
from engagement.services import checks
from engagement.services.answers import add_up_seen, answers_in, sum_up_seen, was_seen
from engagement.services.attachments import lay_before_lead, release_of_approval
from engagement.services.bubbles import Bubble
from engagement.services.drafts import give_back_text, save_draft
from engagement.services.policy import ApprovalNeeded
from engagement.services.send import RequestKeyReused, answered_mention, send_reply, take_claim
from engagement.services.spans import Promised
from listening.services.conversations import lock_conversation, release_claim
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean

State = Approval.State
LONGEST_NOTE = 1000


class DraftWaits(Conflict):
    """The agent has a draft in this conversation that waits for a lead already."""

    code = "approval_pending"


class Decided(Conflict):
    """It does not wait any more: somebody decided, or its author took it back. `state` says which."""

    code = "already_decided"


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """Approvals with their author, conversation and its author, mention and who decided. `next` is the key of what follows or ""."""

    entries: list[Approval]
    next: str


@dataclass(frozen=True, slots=True)
class News:
    """`said` in sentences. `answer_seen` is the number of the post's last answer now; `is_answered`: one that the author did not see."""

    said: tuple[str, ...]
    answer_seen: int
    is_answered: bool


# --- By the author ------------------------------------------------------------------------------------------------------


def submit_reply(
    *,
    conversation_id: int,
    agent: Agent,
    text: str,
    mention_id: int | None = None,
    answer_seen: int = 0,
    variant_id: int | None = None,
    promise: Promised | None = None,
    request_key: str = "",
    hold: float | None = None,
    is_typed: bool = True,
    pictures: Sequence[int] = (),
) -> Message | Approval:
    """Send a public reply, or where a lead has to read it first, lay it before them. Otherwise as `send_reply`; the same press of Send
    gives the same message or approval. Raises DraftWaits."""
    earlier = _same_press(agent, request_key, conversation_id, text)
    if earlier is not None:
        return earlier
    try:
        return send_reply(
            conversation_id=conversation_id,
            agent=agent,
            text=text,
            mention_id=mention_id,
            answer_seen=answer_seen,
            variant_id=variant_id,
            promise=promise,
            request_key=request_key,
            hold=hold,
            is_typed=is_typed,
            pictures=pictures,
        )
    except ApprovalNeeded as needed:
        try:
            return _store(
                conversation_id,
                agent,
                reasons=needed.extra["reasons"],
                text=text,
                mention_id=mention_id,
                answer_seen=answer_seen,
                variant_id=variant_id,
                request_key=request_key,
                is_typed=is_typed and promise is None,
                pictures=pictures,
            )
        except IntegrityError:
            # The same press came twice at once, or there is a draft of theirs already: now it can be seen.
            earlier = _same_press(agent, request_key, conversation_id, text)
            if earlier is None:
                waits = "Your draft for this conversation waits for a lead already. Take it back to write another one; your text is kept."
                raise DraftWaits(waits) from None
            return earlier


def _same_press(agent: Agent, request_key: str, conversation_id: int, text: str) -> Approval | None:
    if not request_key:
        return None
    earlier = Approval.objects.filter(agent=agent, request_key=request_key).first()
    if earlier is not None and (earlier.conversation_id, earlier.text) != (conversation_id, checks.tidy_text(text)):
        raise RequestKeyReused("This request key was used for another draft. Give each message a key of its own.", id=earlier.pk)
    return earlier


def _store(
    conversation_id: int,
    agent: Agent,
    *,
    reasons: list[str],
    text: str,
    mention_id: int | None,
    answer_seen: int,
    variant_id: int | None,
    request_key: str,
    is_typed: bool,
    pictures: Sequence[int],
) -> Approval:
    moment = current_time()
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        mention = answered_mention(conversation_id, mention_id)
        take_claim(conversation, agent, moment)
        approval = Approval.objects.create(
            conversation=conversation,
            mention=mention,
            answer_seen=answer_seen,
            text=checks.check_reply_text(conversation, text),
            variant=TemplateVariant.objects.filter(pk=variant_id or 0).first(),
            agent=agent,
            reasons=reasons,
            request_key=request_key,
            created_at=moment,
        )
        lay_before_lead(approval=approval, agent=agent, pictures=pictures)
        if is_typed:
            save_draft(agent=agent, conversation_id=conversation_id, kind=Message.Kind.REPLY, text="")
        _tell(approval, by=agent)
    return approval


def withdraw_reply(*, approval_id: int, agent: Agent) -> Approval:
    """The author takes a draft back before it is decided; the text is theirs again. Raises Decided, NotAllowed, NotFound."""
    with transaction.atomic():
        approval = _lock(approval_id)
        if approval.agent_id != agent.pk:
            raise NotAllowed("Only its author takes a draft back. A lead can decline it.")
        _move(approval, State.WITHDRAWN, by=agent)
        release_of_approval(approval)
        give_back_text(agent=agent, conversation_id=approval.conversation_id, kind=Message.Kind.REPLY, text=approval.text)
    return approval


# --- By a lead ----------------------------------------------------------------------------------------------------------


def approve_reply(*, approval_id: int, agent: Agent, text: str | None = None, answer_seen: int | None = None, note: str = "") -> Approval:
    """Send a draft as its author's reply, as it is or as the lead changed it. Every check of `send_reply` is made again.

    `answer_seen` is the number of the last answer that the lead saw, for when the post was answered meanwhile. The same lead who
    approves again gets the same approval. Raises Decided, NotAllowed, NotFound, and what `send_reply` raises: then it still waits.
    """
    _check_may_approve(agent)
    with transaction.atomic():
        approval = _lock(approval_id)
        if approval.state == State.APPROVED and approval.decided_by_id == agent.pk:
            return approval
        _check_pending(approval)
        if approval.agent is None or not approval.agent.is_active:
            raise DeskError("Its author does not work here any more. Decline it, and answer in your own name.")
        if approval.conversation.claimed_by_id == agent.pk:
            release_claim(conversation_id=approval.conversation_id, agent=agent)  # it is the author's answer, and claim
        message = send_reply(
            conversation_id=approval.conversation_id,
            agent=approval.agent,
            text=approval.text if text is None else text,
            mention_id=approval.mention_id,
            answer_seen=approval.answer_seen if answer_seen is None else answer_seen,
            variant_id=approval.variant_id,
            is_approved=True,
            pictures=release_of_approval(approval),
        )
        _move(approval, State.APPROVED, by=agent, message=message, final_text=message.text, note=_tidy_note(note))
        FollowRequest.objects.filter(approval=approval).update(message=message, asked_at=message.created_at, look_at=message.created_at)
    return approval


def decline_reply(*, approval_id: int, agent: Agent, note: str = "") -> Approval:
    """Do not send it. The text becomes its author's draft again, with the lead's note beside it. Raises Decided, NotAllowed, NotFound."""
    _check_may_approve(agent)
    with transaction.atomic():
        approval = _lock(approval_id)
        if approval.state == State.DECLINED and approval.decided_by_id == agent.pk:
            return approval
        _move(approval, State.DECLINED, by=agent, note=_tidy_note(note))
        release_of_approval(approval)
        if approval.agent is not None:
            give_back_text(agent=approval.agent, conversation_id=approval.conversation_id, kind=Message.Kind.REPLY, text=approval.text)
    return approval


def _check_may_approve(agent: Agent) -> None:
    if not agent.may_approve:
        raise NotAllowed("Drafts are approved and declined by leads and admins.")


def _tidy_note(note: str) -> str:
    words = clean(note).strip()
    if len(words) > LONGEST_NOTE:
        raise DeskError(f"The note has {len(words)} characters; at most {LONGEST_NOTE} are kept. Shorten it.")
    return words


def _lock(approval_id: int) -> Approval:
    """An approval as it stands now, with its conversation locked until the transaction ends."""
    conversation_id = Approval.objects.filter(pk=approval_id).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        raise NotFound("There is no such draft. Reload the list.")
    lock_conversation(conversation_id)
    return _loaded().get(pk=approval_id)


def _check_pending(approval: Approval) -> None:
    if approval.state == State.PENDING:
        return
    who = approval.decided_by.name if approval.decided_by else "Somebody"
    what = {State.APPROVED: "approved it", State.DECLINED: "declined it", State.WITHDRAWN: "took it back"}[State(approval.state)]
    raise Decided(f"{who} {what} already. Nothing was sent twice.", state=approval.state)


def _move(approval: Approval, state: Approval.State, *, by: Agent, **changes: Any) -> None:
    changes |= {"state": state, "decided_by": by, "decided_at": current_time()}
    if Approval.objects.filter(pk=approval.pk, state=State.PENDING).update(**changes) != 1:
        _check_pending(_loaded().get(pk=approval.pk))
        raise Decided("It does not wait any more. Reload the list.")
    for name, value in changes.items():
        setattr(approval, name, value)
    _tell(approval, by=by)


def _tell(approval: Approval, *, by: Agent) -> None:
    def send() -> None:
        # Counted after the commit: of two who decide at once, the later one counts both.
        live.send_now(
            live.ApprovalsChanged(
                approval=approval.pk,
                conversation=approval.conversation_id,
                state=approval.state,
                agent=approval.agent_id,
                by=by.name,
                pending=count_pending(),
            )
        )

    transaction.on_commit(send, robust=True)


# --- Reading ------------------------------------------------------------------------------------------------------------


def count_pending(*, cap: int = 1000) -> int:
    """How many drafts wait for a lead. `cap` means that many or more. One query."""
    return Approval.objects.filter(state=State.PENDING)[:cap].count()


def read_approvals(*, agent: Agent, state: str = State.PENDING, after: str = "", limit: int = 50) -> ApprovalPage:
    """Drafts in one state: what waits, oldest first; what was decided, newest first. Care agents see their own. One query."""
    if state not in State.values:
        raise DeskError(f"{state[:40]!r} is no state. Use one of: {', '.join(State.values)}.")
    rows = _loaded().filter(state=state)
    if not agent.may_configure:
        rows = rows.filter(agent=agent)
    return ApprovalPage(*page_of(rows, field="created_at", after=after, limit=limit, oldest_first=state == State.PENDING))


def read_of_conversation(conversation_id: int, *, agent: Agent) -> list[Approval]:
    """The drafts of a conversation that wait, and this agent's last one whatever became of it; newest first. One query."""
    recent = _loaded().filter(Q(state=State.PENDING) | Q(agent=agent), conversation_id=conversation_id).order_by("-pk")
    return list(recent[:20])


def find_approval(approval_id: int, *, agent: Agent) -> Approval:
    """One draft with all that a page shows of it. Raises NotFound, also to agents who did not write it."""
    approval = _loaded().filter(pk=approval_id).first()
    if approval is None or not (agent.may_configure or approval.agent_id == agent.pk):
        raise NotFound("There is no such draft. Reload the list.")
    return approval


def read_news(approval: Approval, thread: Sequence[Bubble]) -> News:
    """What happened in the thread since the draft was written. No query."""
    standing = answers_in(thread).get(approval.mention_id, [])
    unseen = [bubble for number, bubble in standing if not was_seen(number, approval.answer_seen)]
    said = [f"{bubble.author} answered this post meanwhile." for bubble in unseen]
    wrote = sum(1 for bubble in thread if bubble.kind == "mention" and bubble.at > approval.created_at)
    if wrote:
        said.append(f"The customer wrote {'again' if wrote == 1 else f'{wrote} more times'} meanwhile.")
    mention = approval.mention
    if mention.deleted_at is not None:
        said.append("The post that it answers was deleted by its author.")
    elif mention.edited_at is not None and mention.edited_at > approval.created_at:
        said.append("The post that it answers was edited meanwhile.")
    # The thread that is shown may begin after what the author of the draft saw.
    shown = sum_up_seen(number for number, _ in standing)
    return News(tuple(said), add_up_seen(approval.answer_seen, shown), bool(unseen))


def _loaded() -> QuerySet[Approval]:
    return Approval.objects.select_related("agent", "decided_by", "mention__author", "conversation__author")
