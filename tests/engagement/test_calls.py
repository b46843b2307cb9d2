"""Calls: taken by one agent at a time, with permission only, at the hours that the customer named, and what comes of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from engagement.models import CallAttempt, CallbackRequest, Company, Draft, Hop, NumberView
from engagement.services.callbacks import AlreadySent, read_queue
from engagement.services.calls import BACK_OFF, CALL_LASTS, NoPermission, NotNow, begin_call, end_call, release_lost_calls, show_number
from engagement.services.hours import Window
from engagement.services.send import send_reply
from listening.feed import count_views
from listening.models import Conversation
from listening.services.conversations import ReturnOwed, resolve_conversation
from profiles.models import Agent, Role
from profiles.services.contacts import mark_wrong, revoke_consent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.calls import ask_for_call, callback_link, open_day
from tests.engagement.desk import Desk, work
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def company(db: None) -> Company:
    return open_day()


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation("@tidewheel my battery is dead", author="mara_k")


@pytest.fixture
def callback(conversation: Conversation) -> CallbackRequest:
    return ask_for_call(conversation)


def test_one_agent_calls_and_is_the_only_one_who_sees_the_number(callback: CallbackRequest, sam: Agent, ana: Agent) -> None:
    with pytest.raises(NotAllowed):
        show_number(callback_id=callback.pk, agent=sam)
    assert begin_call(callback_id=callback.pk, agent=sam).state == "calling"
    assert begin_call(callback_id=callback.pk, agent=sam).attempts == 1  # a second press
    with pytest.raises(Conflict, match="Sam is calling already"):
        begin_call(callback_id=callback.pk, agent=ana)
    assert show_number(callback_id=callback.pk, agent=sam) == "+44 117 496 0140"
    with pytest.raises(NotAllowed):
        show_number(callback_id=callback.pk, agent=ana)
    assert list(NumberView.objects.values_list("agent__username", flat=True)) == ["sam"]


@pytest.mark.parametrize("role", [Role.MARKETING, Role.MANAGER])
def test_who_may_not_answer_may_not_call_either(callback: CallbackRequest, role: str) -> None:
    agent = make_agent(role)
    for act in (begin_call, show_number):
        with pytest.raises(NotAllowed):
            act(callback_id=callback.pk, agent=agent)
    with pytest.raises(NotAllowed):
        end_call(callback_id=callback.pk, agent=agent, outcome="reached")
    assert not NumberView.objects.exists()


def test_nobody_is_called_without_a_living_consent(callback: CallbackRequest, sam: Agent) -> None:
    revoke_consent(consent=callback.consent, how="a test")
    with pytest.raises(NoPermission):
        begin_call(callback_id=callback.pk, agent=sam)
    assert not CallAttempt.objects.exists()
    assert release_lost_calls() == 1
    callback.refresh_from_db()
    assert callback.state == "cancelled"


def test_number_is_not_shown_any_more_once_the_consent_was_taken_back(callback: CallbackRequest, sam: Agent) -> None:
    begin_call(callback_id=callback.pk, agent=sam)
    revoke_consent(consent=callback.consent, how="STOP")
    with pytest.raises(NoPermission):
        show_number(callback_id=callback.pk, agent=sam)
    with pytest.raises(NoPermission):
        begin_call(callback_id=callback.pk, agent=sam)  # pressed again
    assert not NumberView.objects.exists()
    assert end_call(callback_id=callback.pk, agent=sam, outcome="declined").state == "cancelled"


def test_nobody_is_called_on_a_number_that_was_found_wrong(callback: CallbackRequest, sam: Agent) -> None:
    mark_wrong(contact_point=callback.contact_point, problem="wrong number")
    with pytest.raises(NoPermission):
        begin_call(callback_id=callback.pk, agent=sam)


def test_database_keeps_a_call_without_consent_or_number_out(callback: CallbackRequest) -> None:
    for column in ("consent", "contact_point"):
        with pytest.raises(IntegrityError), transaction.atomic():
            CallbackRequest.objects.filter(pk=callback.pk).update(**{column: None})


def test_call_waits_for_the_hours_that_the_customer_named(conversation: Conversation, sam: Agent) -> None:
    zone = ZoneInfo("America/New_York")
    day = (now() + timedelta(days=2)).astimezone(zone).date()
    starts = datetime(day.year, day.month, day.day, 14, tzinfo=zone)
    callback = ask_for_call(conversation, window=Window("w", starts, starts + timedelta(hours=2), zone.key))
    with pytest.raises(NotNow, match="14:00"):
        begin_call(callback_id=callback.pk, agent=sam)
    Company.objects.update(quiet_from="20:00", quiet_until="08:00", time_zone="Asia/Tokyo")
    late, night, next_day = (starts + timedelta(hours=hours) for hours in (4, 7, 19))
    for moment in (night, next_day):
        with pytest.raises(NotNow):
            begin_call(callback_id=callback.pk, agent=sam, now=moment)
    assert begin_call(callback_id=callback.pk, agent=sam, now=late).state == "calling"


def test_reached_ends_the_task_with_the_thank_you_in_the_draft(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara_k")
    send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry. When may we call?", hold=0)
    work(now())
    callback = ask_for_call(conversation)
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    begin_call(callback_id=callback.pk, agent=sam)
    ended = end_call(callback_id=callback.pk, agent=sam, outcome="reached", note="A new battery is on its way.")
    assert (ended.state, ended.finished_at is not None) == ("reached", True)
    assert Hop.objects.get().state == "done"
    conversation.refresh_from_db()
    assert (conversation.status, conversation.private_waiting, conversation.returns_owed) == ("waiting", False, 1)
    thanks = Draft.objects.get(agent=sam, kind="reply").text
    assert "mara_k" in thanks
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text=thanks, answer_seen=1, hold=0)
    work(now())
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"


def test_thanks_before_the_call_do_not_pay_for_it(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara_k")
    callback = ask_for_call(conversation)
    send_reply(conversation_id=conversation.pk, agent=sam, text="We will call you, Mara.", hold=0)
    work(now())
    begin_call(callback_id=callback.pk, agent=sam)
    end_call(callback_id=callback.pk, agent=sam, outcome="reached")
    conversation.refresh_from_db()
    assert conversation.returns_owed == 1


def test_nobody_there_means_another_try_later_within_the_hours_then_no_more(callback: CallbackRequest, sam: Agent, ana: Agent) -> None:
    moment = callback.created_at
    for number, pause in enumerate(BACK_OFF):
        begin_call(callback_id=callback.pk, agent=sam, now=moment)
        ended = end_call(callback_id=callback.pk, agent=sam, outcome="no_answer", now=moment)
        if number == 2:
            break
        assert (ended.state, ended.call_from) == ("waiting", moment + pause)
        assert ended.call_from < ended.due_at <= ended.window_until
        with pytest.raises(NotNow):
            begin_call(callback_id=callback.pk, agent=ana, now=moment)
        moment = ended.call_from
    assert ended.call_from < ended.window_until
    moment = ended.call_from
    begin_call(callback_id=callback.pk, agent=ana, now=moment)
    ended = end_call(callback_id=callback.pk, agent=ana, outcome="no_answer", now=moment)
    assert (ended.state, ended.attempts) == ("not_reached", 4)
    assert Hop.objects.get().state == "begun"  # the customer is still owed an answer


def test_call_that_came_to_nothing_brings_its_conversation_back(callback: CallbackRequest, sam: Agent) -> None:
    Conversation.objects.update(status="snoozed", snoozed_until=now() + timedelta(days=2))
    begin_call(callback_id=callback.pk, agent=sam)
    end_call(callback_id=callback.pk, agent=sam, outcome="wrong_number")
    callback.refresh_from_db()
    assert callback.state == "failed"
    assert callback.contact_point.state == "revoked"
    assert callback.consent.revoked_at is not None
    assert Conversation.objects.get().is_active


def test_who_does_not_want_a_call_is_not_called_again(callback: CallbackRequest, sam: Agent) -> None:
    begin_call(callback_id=callback.pk, agent=sam)
    end_call(callback_id=callback.pk, agent=sam, outcome="declined")
    callback.refresh_from_db()
    assert (callback.state, callback.consent.revoked_how) == ("cancelled", "said so on the phone")
    with pytest.raises(Conflict):
        begin_call(callback_id=callback.pk, agent=sam)


def test_forgotten_call_goes_back_to_the_queue_and_a_long_one_still_counts(callback: CallbackRequest, sam: Agent, ana: Agent) -> None:
    moment = callback.created_at
    begin_call(callback_id=callback.pk, agent=sam, now=moment)
    assert release_lost_calls(now=moment + CALL_LASTS - timedelta(seconds=1)) == 0
    assert release_lost_calls(now=moment + CALL_LASTS) == 1
    assert release_lost_calls(now=moment + CALL_LASTS) == 0
    callback.refresh_from_db()
    assert callback.state == "waiting"
    ended = end_call(callback_id=callback.pk, agent=sam, outcome="reached", now=moment + CALL_LASTS + timedelta(minutes=9))
    assert ended.state == "reached"
    assert CallAttempt.objects.get().outcome == "reached"


def test_call_that_somebody_else_took_since_is_not_ended_by_the_first(callback: CallbackRequest, sam: Agent, ana: Agent) -> None:
    moment = callback.created_at
    begin_call(callback_id=callback.pk, agent=sam, now=moment)
    begin_call(callback_id=callback.pk, agent=ana, now=moment + CALL_LASTS)  # without waiting for the sweep
    with pytest.raises(Conflict, match="not your call"):
        end_call(callback_id=callback.pk, agent=sam, outcome="reached", now=moment + CALL_LASTS)
    assert sorted(CallAttempt.objects.values_list("agent__username", "outcome")) == [("ana", ""), ("sam", "lost")]


def test_request_that_nobody_called_ends_as_not_reached(callback: CallbackRequest) -> None:
    assert release_lost_calls(now=callback.window_until + timedelta(hours=13)) == 1
    callback.refresh_from_db()
    assert callback.state == "not_reached"


def test_nonsense_is_refused_with_words(callback: CallbackRequest, sam: Agent) -> None:
    with pytest.raises(NotFound):
        begin_call(callback_id=10**20, agent=sam)
    with pytest.raises(Conflict):
        end_call(callback_id=callback.pk, agent=sam, outcome="reached")  # never begun
    begin_call(callback_id=callback.pk, agent=sam)
    with pytest.raises(DeskError):
        end_call(callback_id=callback.pk, agent=sam, outcome="lost")
    with pytest.raises(DeskError, match="Shorten"):
        end_call(callback_id=callback.pk, agent=sam, outcome="reached", note="x" * 100_000)


def test_link_asks_for_one_call(conversation: Conversation) -> None:
    link = callback_link(conversation, kind="choice")
    first = ask_for_call(conversation, link=link)
    assert ask_for_call(conversation, link=link) == first
    with pytest.raises(AlreadySent):
        ask_for_call(conversation, link=link, form_key="1" * 32)


def test_what_cannot_be_called_is_not_taken(conversation: Conversation) -> None:
    with pytest.raises(DeskError):
        ask_for_call(conversation, typed="0909 879 0000")
    assert not CallbackRequest.objects.exists()
    assert not Hop.objects.filter(state="begun").exists()


def test_queue_is_read_by_due_time_page_by_page_with_one_query_each(sam: Agent) -> None:
    due = now() + timedelta(hours=1)
    wanted = [ask_for_call(make_conversation(author=f"caller{number}")).pk for number in range(7)]
    CallbackRequest.objects.update(due_at=due)
    CallbackRequest.objects.filter(pk=wanted[-1]).update(due_at=due - timedelta(minutes=5))
    seen: list[int] = []
    after = ""
    while True:
        with CaptureQueriesContext(connection) as queries:
            page = read_queue(after=after, limit=3)
            seen += [callback.pk for callback in page.callbacks if callback.conversation.author.username]
        assert len(queries) == 1
        after = page.next
        if not after:
            break
    assert seen == [wanted[-1], *wanted[:-1]]
    assert count_views(sam)["callbacks"] == 7
    with pytest.raises(DeskError):
        read_queue(after="nonsense")


@pytest.mark.django_db(transaction=True)
def test_of_many_who_press_at_once_one_calls(callback: CallbackRequest) -> None:
    agents = [make_agent() for _ in range(6)]
    results = at_once([partial(begin_call, callback_id=callback.pk, agent=agent) for agent in agents])
    assert sum(isinstance(result, CallbackRequest) for result in results) == 1
    assert all(isinstance(result, CallbackRequest | Conflict) for result in results)
    assert CallAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_presses_of_the_form_at_once_one_is_stored(conversation: Conversation) -> None:
    link = callback_link(conversation)
    results = at_once([lambda: ask_for_call(conversation, link=link) for _ in range(4)])
    assert {getattr(result, "pk", result) for result in results} == {CallbackRequest.objects.get().pk}
