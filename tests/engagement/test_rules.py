"""Engagement rules: what stops a public answer, what marks a conversation, and who keeps them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery, EngagementRule, Message, MustAnswer
from engagement.services import marks
from engagement.services.delivery import decide_unconfirmed, retry_failed
from engagement.services.facts import read_facts
from engagement.services.marks import mark_last_week, read_open, rules_of
from engagement.services.policy import NeverAnswer
from engagement.services.rules import Conditions, match_rules, preview_rule, read_rules, save_rule
from engagement.services.send import add_note, send_direct_message, send_reply
from listening.models import Conversation, Source
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed
from tests.engagement.desk import Desk, work
from tests.engagement.heated import make_rule
from tests.factories import make_agent, make_author, make_conversation, make_post, push
from tests.listening.pages import make_topic

pytestmark = pytest.mark.django_db


def matched(conversation: Conversation, *kinds: str) -> list[str]:
    found = match_rules(read_rules(*(kinds or EngagementRule.Kind.values)), read_facts(conversation))
    return [match.rule.name for match in found]


def test_a_never_rule_blocks_the_public_door_and_names_itself(desk: Desk, sam: Agent) -> None:
    make_rule("never", "Court cases", query="lawsuit OR court")
    conversation = desk.conversation("@tidewheel what do you say about the lawsuit?", author="press")
    desk.world.follow("press")
    for agent in (sam, make_agent(Role.LEAD), make_agent(Role.ADMIN)):
        with pytest.raises(NeverAnswer, match="“Court cases” says: never answer this in public") as refusal:
            send_reply(conversation_id=conversation.pk, agent=agent, text="No comment")
        assert (refusal.value.code, refusal.value.extra, refusal.value.status) == ("never_rule", {"rule": "Court cases"}, 409)
    assert not Message.objects.exists()
    assert send_direct_message(conversation_id=conversation.pk, agent=sam, text="Our press office will write", waiver="Never in public").pk
    assert add_note(conversation_id=conversation.pk, agent=sam, text="Press office told").pk


def test_a_never_rule_holds_for_the_whole_thread_and_not_for_the_next_customer(desk: Desk, sam: Agent) -> None:
    make_rule("never", query="lawsuit")
    first = desk.mention("@tidewheel what about the lawsuit?", author="press")
    second = desk.mention("@tidewheel any answer by five, please?", author="press")
    assert first.conversation_id == second.conversation_id is not None
    with pytest.raises(NeverAnswer):
        send_reply(conversation_id=second.conversation_id, agent=sam, text="Hello", mention_id=second.pk)
    assert send_reply(conversation_id=desk.conversation("@tidewheel my bike is late").pk, agent=sam, text="Sorry").pk


def test_a_never_rule_made_meanwhile_stops_what_failed_and_what_nobody_knows_of(desk: Desk, sam: Agent) -> None:
    failed = send_reply(conversation_id=desk.conversation("@tidewheel lawsuit one").pk, agent=sam, text="Hello", hold=0)
    unknown = send_reply(conversation_id=desk.conversation("@tidewheel lawsuit two").pk, agent=sam, text="Hello", hold=0)
    Delivery.objects.filter(message=failed).update(state="failed")
    Delivery.objects.filter(message=unknown).update(state="unconfirmed", must_look=True)
    make_rule("never", query="lawsuit")
    with pytest.raises(NeverAnswer):
        retry_failed(message_id=failed.pk, agent=sam)
    with pytest.raises(NeverAnswer):
        decide_unconfirmed(message_id=unknown.pk, agent=sam, decision="send_again")
    assert (desk.state(failed), desk.state(unknown)) == ("failed", "unconfirmed")
    assert decide_unconfirmed(message_id=unknown.pk, agent=sam, decision="sent").state == "sent"


def test_a_rule_that_is_off_stops_nobody(desk: Desk, sam: Agent) -> None:
    rule, lead = make_rule("never", query="lawsuit"), make_agent(Role.LEAD)
    save_rule(rule=rule, name=rule.name, kind="never", conditions=Conditions("lawsuit"), agent=lead, is_active=False)
    assert send_reply(conversation_id=desk.conversation("@tidewheel lawsuit").pk, agent=sam, text="Hello").pk
    rule.refresh_from_db()
    assert (rule.is_active, rule.changed_by) == (False, lead)


def test_a_post_must_meet_every_condition() -> None:
    battery = make_topic("Battery", "battery")
    web = Source.objects.create(network="web", kind=Source.Kind.POLL, name="Reviews")
    post = make_post("@tidewheel my battery is terrible, I hate it", author=make_author("mara", followers=40_000))
    push(post, source=web)
    conversation = Conversation.objects.get()
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"query": "battery"}, True),
        ({"query": "charger"}, False),
        ({"query": "min_followers:10000"}, True),
        ({"query": "min_followers:50000"}, False),
        ({"query": "network:sandbox"}, True),
        ({"topic": battery}, True),
        ({"topic": make_topic("Charger", "charger")}, False),
        ({"source": web}, True),
        ({"source": Source.objects.create(network="x", kind=Source.Kind.POLL, name="Other")}, False),
        ({"sentiment": "negative"}, True),
        ({"sentiment": "positive"}, False),
        ({"query": "battery", "topic": battery, "source": web, "sentiment": "negative"}, True),
        ({"query": "battery", "topic": battery, "source": web, "sentiment": "positive"}, False),
    ]
    for number, (conditions, _) in enumerate(cases):
        make_rule("may", f"Rule {number:02}", **conditions)
    assert matched(conversation) == [f"Rule {number:02}" for number, (_, holds) in enumerate(cases) if holds]


def test_conditions_are_met_by_one_post_and_not_by_two_together(desk: Desk) -> None:
    conversation = desk.conversation("@tidewheel terrible, I hate this horrible company", author="mara")
    desk.mention("@tidewheel the battery is fine, thank you", author="mara")
    make_rule("may", "Bad battery", query="battery", sentiment="negative")
    assert matched(conversation) == []


def test_the_reason_says_reach_topic_and_name() -> None:
    topic = make_topic("Battery", "battery")
    post = make_post("my battery", author=make_author("mara", followers=40_000))
    push(post)
    make_rule("approval", "Wide reach", query="min_followers:10000")
    make_rule("approval", "Wide and hot", query="min_followers:10000", topic=topic)
    make_rule("approval", "A word", query="battery")
    matches = match_rules(read_rules("approval"), read_facts(Conversation.objects.get()))
    assert [match.reason for match in matches] == [
        "rule “A word”",
        "seen by 40k followers, about Battery (rule “Wide and hot”)",
        "seen by 40k followers (rule “Wide reach”)",
    ]


def test_all_rules_are_asked_with_a_fixed_number_of_queries() -> None:
    conversation = make_conversation("@tidewheel my battery")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            matched(conversation, "never", "approval", "may")
        return len(queries)

    few = count()
    for number in range(20):
        make_rule("may", f"Rule {number}", query="battery", topic=make_topic(f"T{number}", "battery"))
    assert count() == few == 4


# --- Keeping them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.AGENT, Role.MARKETING])
def test_rules_are_kept_by_leads_and_managers(role: str) -> None:
    with pytest.raises(NotAllowed):
        save_rule(rule=None, name="Mine", kind="never", conditions=Conditions("x"), agent=make_agent(role))
    for leader in (Role.LEAD, Role.MANAGER, Role.ADMIN):
        rule = save_rule(rule=None, name=leader, kind="never", conditions=Conditions("x"), agent=make_agent(leader))
        assert rule.created_by == rule.changed_by is not None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "  "}, "Give the rule a name"),
        ({"kind": "sometimes"}, "Choose what the rule says"),
        ({"conditions": Conditions()}, "which posts the rule is about"),
        ({"conditions": Conditions("battery AND")}, "needs a word after it"),
        ({"conditions": Conditions("-battery")}, "only says what to leave out"),
        ({"conditions": Conditions(sentiment="furious")}, "no sentiment"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    fields = {"name": "Court", "kind": "never", "conditions": Conditions("court"), **given}
    with pytest.raises(DeskError, match=words):
        save_rule(rule=None, agent=make_agent(Role.LEAD), **fields)
    assert not EngagementRule.objects.exists()


def test_two_rules_of_one_name_are_refused() -> None:
    make_rule("never", "Court", query="court")
    with pytest.raises(DeskError, match="There is a rule called Court already"):
        make_rule("may", "Court", query="tennis")


def test_the_database_itself_refuses_a_rule_about_everything() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        EngagementRule.objects.create(name="All", kind="never")


def test_a_rule_is_tried_on_last_week() -> None:
    topic = make_topic("Battery", "battery")
    push(
        make_post("my battery is terrible, I hate it"), make_post("love my battery"), make_post("charger"), make_post("battery", ago=20_000)
    )
    assert preview_rule(Conditions("battery")).count == 2
    assert preview_rule(Conditions(topic=topic, sentiment="negative")).count == 1
    assert preview_rule(Conditions(sentiment="negative")).looked_at == 1
    with pytest.raises(DeskError) as refusal:
        preview_rule(Conditions("battery OR"))
    assert refusal.value.extra["column"] == 9


# --- What must be answered ----------------------------------------------------------------------------------------------


def test_a_must_rule_marks_what_comes_in_until_it_is_answered(desk: Desk, sam: Agent) -> None:
    make_rule("must", "Safety", query="brake OR smoke")
    conversation = desk.conversation("@tidewheel my brake is gone", author="mara")
    desk.mention("@tidewheel the brake, hello?", author="mara")
    desk.conversation("@tidewheel nice bell")
    assert rules_of(conversation.pk) == ["Safety"]
    assert [(entry.pk, names) for entry, names in read_open().entries] == [(conversation.pk, ["Safety"])]
    send_reply(conversation_id=conversation.pk, agent=sam, text="Please stop riding it", hold=0)
    work(now())
    assert read_open().entries == []
    desk.mention("@tidewheel it still has no brake", author="mara")
    assert len(read_open().entries) == 1
    assert MustAnswer.objects.count() == 1


def test_a_new_must_rule_marks_last_week_and_a_changed_one_forgets_what_it_marked() -> None:
    push(make_post("brake one", author="a"), make_post("smoke two", author="b"), make_post("brake three", author="c", ago=20_000))
    rule = make_rule("must", "Safety", query="brake")
    mark_last_week(rule_id=rule.pk)
    assert [mark.conversation.excerpt for mark in MustAnswer.objects.all()] == ["brake one"]
    lead = make_agent(Role.LEAD)
    save_rule(rule=rule, name="Safety", kind="must", conditions=Conditions("smoke"), agent=lead)
    mark_last_week(rule_id=rule.pk)
    assert [mark.conversation.excerpt for mark in MustAnswer.objects.all()] == ["smoke two"]
    save_rule(rule=rule, name="Safety", kind="must", conditions=Conditions("smoke"), agent=lead, is_active=False)
    mark_last_week(rule_id=rule.pk)
    assert not MustAnswer.objects.exists()
    mark_last_week(rule_id=10**9)


def test_marks_made_while_a_rule_is_marked_anew_stay_and_so_do_older_ones_that_still_match(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = make_rule("must", "Safety", query="brake")
    push(make_post("brake of two weeks ago", author="a", ago=20_000))
    look = marks._find_marks

    def look_while_more_comes_in(*given: Any) -> Any:
        found = look(*given)
        monkeypatch.undo()
        push(make_post("brake meanwhile", author="b"))
        return found

    monkeypatch.setattr(marks, "_find_marks", look_while_more_comes_in)
    mark_last_week(rule_id=rule.pk)
    assert {mark.conversation.excerpt for mark in MustAnswer.objects.all()} == {"brake of two weeks ago", "brake meanwhile"}


def test_intake_without_a_must_rule_costs_one_query_more_and_with_one_a_fixed_number() -> None:
    def count(posts: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            push(*(make_post("my brake", author=f"writer{number}-{posts}") for number in range(posts)))
        return sum("engagement_" in query["sql"] for query in queries)

    assert count(5) == 1
    make_rule("must", query="brake")
    assert count(3) == count(30) == 2


def test_the_list_of_what_must_be_answered_is_read_by_key_with_two_queries_a_page() -> None:
    make_rule("must", "Safety", query="brake")
    make_rule("must", "Anger", query="hate")
    push(*(make_post(f"brake {number}, I hate it", author=f"writer{number}", ago=30) for number in range(7)))
    Conversation.objects.update(waiting_since=Conversation.objects.earliest("pk").waiting_since)  # all at one moment
    seen: list[str] = []
    after = ""
    while True:
        with CaptureQueriesContext(connection) as queries:
            page = read_open(after=after, limit=3)
            seen += [conversation.author.username for conversation, names in page.entries if names == ["Anger", "Safety"]]
        assert len(queries) == 2
        after = page.next
        if not after:
            break
    assert sorted(seen) == [f"writer{number}" for number in range(7)]
    with pytest.raises(DeskError):
        read_open(after="nonsense")
