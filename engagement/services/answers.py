"""Which public answers a mention has, and who may add one (invariant 2)."""

from __future__ import annotations

from typing import Any

from engagement.models import Delivery, Message
from socialdesk.lib.errors import Conflict

# An answer that was undone, given up or refused by the network is not there for the customer. One on its way is, and so is one of
# which nobody knows: better late than twice in public.
GONE = (Delivery.State.ABORTED, Delivery.State.FAILED)


class AlreadyAnswered(Conflict):
    """The mention has a public answer that the agent did not see. `answers` are all it has, `answer_seen` accepts them."""

    code = "already_answered"


def check_answers_seen(*, mention_id: int, answer_seen: int, besides: int | None = None) -> int:
    """The number of the next public answer to a mention, for an agent who saw those up to number `answer_seen` (0: there were none).

    Raises AlreadyAnswered if one stands that the agent did not see. Numbers are never used twice, also not those of answers that are
    gone. Call it with the conversation locked; even without, two who come to the same number are told apart by the database, because
    what was seen and what comes next are read in one query. `besides` is a message that does not count: the one that is tried again.
    """
    replies = Message.objects.filter(mention_id=mention_id, kind=Message.Kind.REPLY).select_related("delivery", "agent")
    numbers = {answer.answer_number or 0: answer for answer in replies.order_by("answer_number")}
    following = max(numbers, default=0) + 1
    standing = {number: answer for number, answer in numbers.items() if answer.pk != besides and answer.delivery.state not in GONE}
    last = max(standing, default=0)
    # A number beyond the last may belong to an answer that is gone: whoever saw it saw those before it.
    if last <= answer_seen < following:
        return following
    if not standing:
        raise AlreadyAnswered("The answer that you refer to does not exist. Reload the conversation.", answers=[], answer_seen=0)
    agent = standing[last].agent
    raise AlreadyAnswered(
        f"{agent.name if agent else 'Somebody'} answered this already. Read the answer; to send yours as well, send it again with"
        f" answer_seen={last}.",
        answers=[describe_answer(answer) for answer in standing.values()],
        answer_seen=last,
    )


def describe_answer(answer: Message) -> dict[str, Any]:
    """An answer for whoever was refused: {id, number, agent, text, at, state}; `at` in ISO 8601."""
    return {
        "id": answer.pk,
        "number": answer.answer_number,
        "agent": answer.agent.name if answer.agent else "",
        "text": answer.text,
        "at": (answer.sent_at or answer.created_at).isoformat(),
        "state": answer.delivery.state,
    }
