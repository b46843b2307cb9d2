"""New conversations go to whoever knows the person: the person's owner, or whom their segment names (brief E16)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from celery import current_app
from django.db import transaction

from listening.models import Conversation, ConversationEvent, Status
from listening.services.conversations import add_event, conversation_state, lock_conversation, save_conversation
from profiles.models import Agent, Profile, Segment
from profiles.services.segments import people_in
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import NotFound


def route_later(conversation_ids: Sequence[int]) -> None:
    """These are new: find out whom they go to, once this transaction is done. On a desk where nobody owns anybody, nobody is asked.

    Whether these are somebody's is left to the task: to ask that here for each batch took a fourteenth of intake.
    """
    if not conversation_ids:
        return
    ids = list(conversation_ids)
    if Segment.objects.filter(routes_to__isnull=False).exists() or Profile.objects.filter(owner__isnull=False).exists():
        transaction.on_commit(lambda: current_app.send_task("listening.tasks.route_conversations", (ids,)), robust=True)


def route_conversations(conversation_ids: Iterable[int]) -> int:
    """Give those of these conversations that nobody has to the owners of their people, else to whom the first fitting segment names.

    How many went to somebody. Nothing is taken from anybody, whatever happens meanwhile.
    """
    waiting = Conversation.objects.filter(pk__in=list(conversation_ids), assignee=None)
    waiting = waiting.select_related("author__profile__owner", "author__profile__root__owner")
    people = {conversation.pk: conversation.author.profile.root or conversation.author.profile for conversation in waiting}
    goals = {pk: (person.owner, "owner") for pk, person in people.items() if _can_have(person.owner)}
    rest = {pk: person for pk, person in people.items() if pk not in goals}
    for segment, members in _segments_of({person.pk for person in rest.values()}):
        for pk, person in rest.items():
            if person.pk in members:
                goals.setdefault(pk, (segment.routes_to, f"segment {segment.name}"))
    return sum(_give(pk, agent, why) for pk, (agent, why) in sorted(goals.items()) if agent is not None)


def _segments_of(people: set[int]) -> Iterator[tuple[Segment, set[int]]]:
    """The segments that route, in their order, each with those of `people` who are in it."""
    if not people:
        return
    for segment in Segment.objects.filter(routes_to__isnull=False).select_related("routes_to"):
        if _can_have(segment.routes_to):
            found = people_in(segment).filter(pk__in=people)
            yield segment, set(found.values_list("pk", flat=True))


def _can_have(agent: Agent | None) -> bool:
    return agent is not None and agent.is_active and agent.may_answer


def _give(conversation_id: int, to: Agent, why: str) -> bool:
    """Assign it, unless somebody has it or works on it by now, or it is over."""
    with transaction.atomic():
        try:
            conversation = lock_conversation(conversation_id)
        except NotFound:
            return False
        moment = current_time()
        is_claimed = conversation.claimed_by_id is not None and conversation.claimed_until and conversation.claimed_until > moment
        if conversation.assignee_id is not None or is_claimed or not conversation.is_active:
            return False
        conversation.assignee = to
        if conversation.status == Status.NEW:
            conversation.status = Status.OPEN
        conversation.version += 1
        add_event(conversation, ConversationEvent.Kind.ASSIGNED, at=moment, data={"to": to.pk, "why": why})
        save_conversation(conversation)
        live.publish(live.ConversationsChanged([conversation_state(conversation)]))
    return True
