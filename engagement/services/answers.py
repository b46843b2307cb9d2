"""Which public answers a mention has, and who may add one (invariant 2)."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, QuerySet

from engagement.models import Delivery, Message
from socialdesk.lib.errors import Conflict

# An answer that was undone, given up or refused by the network is not there for the customer. One on its way is, and so is one of
# which nobody knows: better late than twice in public.
GONE = (Delivery.State.ABORTED, Delivery.State.FAILED)


class AlreadyAnswered(Conflict):
    """The mention has a public answer that the agent did not see. `answers` are all it has, `answer_seen` accepts them."""

    code = "already_answered"


def standing_answers(mention_id: int) -> QuerySet[Message]:
    """The replies to a mention that are there, or may be, in order. Delivery and agent are loaded."""
    replies = Message.objects.filter(mention_id=mention_id, kind=Message.Kind.REPLY).exclude(delivery__state__in=GONE)
    return replies.select_related("delivery", "agent").order_by("answer_number")


def next_answer_number(mention_id: int) -> int:
    """The number of the next reply to a mention. Numbers are never used twice, also not those of answers that are gone.

    Inside the transaction that stores the reply: if two come to the same number, the database takes only one.
    """
    last = Message.objects.filter(mention_id=mention_id, kind=Message.Kind.REPLY).aggregate(last=Max("answer_number"))["last"]
    return (last or 0) + 1


def require_answers_seen(*, mention_id: int, answer_seen: int, besides: int | None = None) -> None:
    """Raises AlreadyAnswered unless `answer_seen` is the number of the last standing answer (0: there is none).

    Call it with the conversation locked. `besides` is a message that is not counted: the one that is tried again.
    """
    answers = [answer for answer in standing_answers(mention_id) if answer.pk != besides]
    last = answers[-1].answer_number or 0 if answers else 0
    # A number beyond the last may belong to an answer that is gone: whoever saw it saw those before it.
    if last <= answer_seen < next_answer_number(mention_id):
        return
    if not answers:
        raise AlreadyAnswered("The answer that you refer to does not exist. Reload the conversation.", answers=[], answer_seen=0)
    who = answers[-1].agent.name if answers[-1].agent else "Somebody"
    raise AlreadyAnswered(
        f"{who} answered this already. Read the answer; to send yours as well, send it again with answer_seen={last}.",
        answers=[describe_answer(answer) for answer in answers],
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
