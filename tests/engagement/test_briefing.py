"""What stands beside the composer: lines that can be trusted, over every handle, for as many queries however much there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagement.models import Ticket
from engagement.services.briefing import Briefing, read_briefing
from engagement.services.promises import acknowledge
from engagement.services.repeats import find_repeat
from engagement.services.send import send_reply
from listening.models import Conversation, ConversationEvent, ConversationTopic, NetworkAccount, Topic
from listening.services.conversations import resolve_conversation
from listening.templatetags.people import mood_line_of, mood_of, say_mood
from listening.trends.change import Counts
from profiles.models import Agent, CustomField, CustomValue, FieldRight, Profile, ProfileNote, ProfileTag, Tag
from profiles.services.card import read_card
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work_off
from tests.engagement.texts import make_template
from tests.factories import make_agent
from tests.profiles.happened import KINDS, Person

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def brief(person: Person, conversation: Conversation | None = None) -> Briefing:
    return read_briefing(subject=read_card(person.profile).subject, conversation=conversation)


def about(conversation: Conversation, *names: str) -> None:
    for name in names:
        topic, _ = Topic.objects.get_or_create(name=name, defaults={"query": name})
        ConversationTopic.objects.create(
            topic=topic, conversation=conversation, is_active=conversation.is_active, activity_at=conversation.activity_at
        )


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_last_contacts_say_when_where_what_about_and_how_it_ended(desk: Desk, sam: Agent) -> None:
    first = desk.conversation("@tidewheel the brake is loose", author="mara")
    send_reply(conversation_id=first.pk, agent=sam, text="We fix it.")
    work_off()
    desk.read()
    first.refresh_from_db()
    resolve_conversation(conversation_id=first.pk, agent=sam, version=first.version)
    second = desk.conversation("@tidewheel my bill is wrong", author="mara")
    assert second.pk != first.pk
    beside = read_briefing(subject=read_card(second.author.profile).subject, conversation=second)
    (contact,) = beside.contacts
    assert (contact.about, contact.channel, contact.url) == ("@tidewheel the brake is loose", "Sandbox", f"/conversations/{first.pk}/")
    assert contact.ended.startswith("answered by Sam, ")
    alone = read_briefing(subject=read_card(second.author.profile).subject)
    assert [line.about for line in alone.contacts] == ["@tidewheel my bill is wrong", "@tidewheel the brake is loose"]
    assert alone.contacts[0].ended.startswith("no answer since ")


def test_how_it_ended_is_told_by_the_record_alone() -> None:
    sam = make_agent(username="sam")
    person = Person(agent=sam)
    at = now() - hours(50)

    def told(**fields: Any) -> tuple[Conversation, str]:
        Conversation.objects.exclude(pk=conversation.pk).update(activity_at=at - hours(900))
        Conversation.objects.filter(pk=conversation.pk).update(**fields)
        return conversation, brief(person).contacts[0].ended

    conversation = person.conversations[0]
    assert told()[1] == "no answer yet"
    assert told(status="resolved")[1] == "closed without an answer"
    assert told(status="open", waiting_since=at)[1].startswith("no answer since ")
    assert told(status="waiting", waiting_since=None, last_answered_at=at)[1].startswith("answered outside the desk, ")
    ConversationEvent.objects.create(conversation=conversation, kind="answered", at=at, agent=sam)
    assert told()[1].startswith("answered by Sam, ")
    ticket = person.ticket(at, conversation, state="in_progress")
    assert told()[1].startswith(f"{ticket.name} in progress · answered by Sam")
    Ticket.objects.filter(pk=ticket.pk).update(state="closed", customer_says="not_solved")
    assert told()[1].startswith(f"{ticket.name} closed, they say it is not · ")
    call = person.callback(at, conversation, person.profile)
    call.state = "not_reached"
    call.save()
    assert "call: not reached" in told()[1]
    person.happen("chat", at)
    assert "chat ended" in told()[1]


def test_open_promises_and_debts_are_listed_over_every_handle_the_most_urgent_first() -> None:
    person = Person()
    here, there = person.conversations
    assert (brief(person).promises, brief(person).debts) == ([], [])
    Conversation.objects.filter(pk=there.pk).update(promise_due_at=now() - hours(1), returns_owed=1)
    ticket = person.ticket(now(), here, due_at=now() + hours(30), next_update_due=now() + hours(3))
    person.callback(now() - hours(1), there, person.other)
    found = brief(person, here)
    assert [(owed.text, owed.is_late) for owed in found.promises] == [
        ("an answer", True),
        ("a call", False),
        (f"news of {ticket.name}", False),
        (f"{ticket.name} solved", False),
    ]
    assert [owed.text for owed in found.debts] == ["The public thread on Mastodon waits for our return"]
    Conversation.objects.filter(pk=there.pk).update(promise_due_at=None, returns_owed=0)
    Ticket.objects.filter(pk=ticket.pk).update(state="solved")
    person.other.callbacks.update(state="reached")
    assert (brief(person).promises, brief(person).debts) == ([], [])


def test_a_promise_of_an_acknowledgement_stands_there_until_it_is_kept(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation(author="mara")
    acknowledge(conversation_id=conversation.pk, agent=sam, promise_minutes=60, hold=0)
    work_off()
    subject = read_card(conversation.author.profile).subject
    assert [owed.text for owed in read_briefing(subject=subject).promises] == ["an answer"]


@pytest.mark.parametrize(
    ("topics", "days", "status", "times"),
    [
        (("delivery",), 3, "open", 2),
        (("delivery",), 3, "resolved", 2),  # closed by us, and back with the same
        (("billing",), 3, "open", 0),
        ((), 3, "open", 0),
        (("delivery",), 8, "open", 0),
    ],
)
def test_who_comes_again_about_the_same_within_a_week(topics: tuple[str, ...], days: float, status: str, times: int) -> None:
    person = Person()
    here, there = person.conversations
    about(here, "delivery", "app")
    about(there, *topics)
    Conversation.objects.filter(pk=there.pk).update(activity_at=now() - timedelta(days=days), status=status)
    repeat = brief(person, here).repeat
    assert (repeat.times if repeat else 0) == times
    if repeat:
        assert repeat.words == "2nd contact about delivery within 7 days on Sandbox and Mastodon, and it is not solved."


def test_what_the_customer_called_solved_is_no_repeat_and_a_closed_conversation_warns_of_nothing() -> None:
    person = Person()
    here, there = person.conversations
    about(here, "delivery")
    about(there, "delivery")
    assert brief(person, here).repeat
    person.ticket(now(), there, state="closed", customer_says="solved")
    assert brief(person, here).repeat is None
    Ticket.objects.update(customer_says="not_solved")
    assert brief(person, here).repeat
    here.status = "resolved"
    assert find_repeat(here, [there], now=now()) is None


def test_who_comes_again_in_the_same_conversation_is_seen_and_several_posts_at_once_are_one_contact() -> None:
    person = Person()
    conversation = person.conversations[0]
    for ago in (60, 59.9, 59.5):
        person.happen("mention", now() - hours(ago))
    conversation.opened_at, conversation.activity_at = now() - hours(60), now() - hours(59.5)
    conversation.save()
    assert brief(person, conversation).repeat is None
    person.happen("direct_message", now() - hours(1))
    conversation.activity_at = now() - hours(1)
    conversation.save()
    repeat = brief(person, conversation).repeat
    assert repeat
    assert repeat.words == "2nd contact within 7 days, and it is not solved."


def test_the_pane_offers_a_call_instead_to_who_may_answer(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    other = desk.conversation("@tidewheel again", author="jo")
    other.author.profile_id, handle = conversation.author.profile_id, other.author
    handle.profile_id = conversation.author.profile_id
    handle.save()
    for one in (conversation, other):
        about(one, "delivery")
    path = f"/conversations/{conversation.pk}/"
    page = client_of(sam).get(path, headers=FRAGMENT).content.decode()
    assert "2nd contact about delivery within 7 days" in page
    assert "Offer a call instead" in page
    link = client_of(sam).post(f"{path}link/", {"kind": "callback", "reason": "complex"}, headers=FRAGMENT)
    assert link.status_code in (200, 204), link.content
    marketing = client_of(make_agent("marketing")).get(path, headers=FRAGMENT).content.decode()
    assert "2nd contact about delivery" in marketing
    assert "Offer a call instead" not in marketing
    profile = conversation.author.profile
    profile.do_not_contact_at, profile.do_not_contact_why = now(), "asked us to stop"
    profile.save()
    page = client_of(sam).get(path, headers=FRAGMENT).content.decode()
    assert "asked us to stop" in page
    assert "Offer a call instead" not in page


def test_the_card_says_who_it_is_over_all_profiles_and_shows_no_whole_coordinate(sam: Agent) -> None:
    person = Person(agent=sam)
    person.profile.owner = sam
    person.profile.company = "Menon Analytics"
    person.profile.implied_channel = "direct_message"
    person.profile.save()
    for profile, name in ((person.profile, "knee"), (person.other, "reviewer")):
        tag = Tag.objects.create(name=name, folded=name)
        ProfileTag.objects.create(profile=profile, tag=tag, source="agent", at=now())
        ProfileNote.objects.create(profile=profile, agent=sam, text=f"note of {name}", created_at=now(), changed_at=now(), pinned_at=now())
    ProfileNote.objects.create(profile=person.profile, agent=sam, text="not pinned", created_at=now(), changed_at=now())
    email = person.point(person.other, now(), "email", state="verified", verified_at=now(), verified_how="code")
    phone = person.point(person.profile, now(), "phone")
    revoked = person.point(person.profile, now(), "phone", state="revoked")
    field = CustomField.objects.create(key="rider", label="Rider number", kind="text")
    CustomValue.objects.create(profile=person.other, field=field, text="R-1180", source="import 7", changed_at=now())
    person.callback(now(), person.conversations[0], person.profile, reason="my brake squeaks")
    page = client_of(make_agent()).get(f"/profiles/{person.other.pk}/card/").content.decode()
    page = " ".join(page.split())
    for words in ("Owner: Sam", "Menon Analytics", "Mostly writes by private message", "knee", "reviewer", "note of knee"):
        assert words in page, words
    for words in ("note of reviewer", email.masked, "verified", phone.masked, "Rider number", "R-1180", "my brake squeaks", "2 handles"):
        assert words in page, words
    for value in (email.value, phone.value, revoked.value, revoked.masked):
        assert value not in page
    assert "not pinned" not in page.split("History</h3>")[0]


@pytest.mark.parametrize(
    ("preferred", "implied", "words", "where"),
    [
        ("", "sandbox", "Mostly writes", "in public on Sandbox"),
        ("", "email", "Mostly writes", "by e-mail"),
        ("phone", "sandbox", "Wants to be answered", "by phone"),
    ],
)
def test_the_card_says_where_they_write_as_their_page_does(sam: Agent, preferred: str, implied: str, words: str, where: str) -> None:
    person = Person()
    Profile.objects.filter(pk=person.profile.pk).update(preferred_channel=preferred, implied_channel=implied)
    client, path = client_of(sam), f"/profiles/{person.profile.pk}/"
    assert f"{words} {where}<" in client.get(f"{path}card/").content.decode()
    assert f"<bdi>{where}</bdi>" in client.get(path).content.decode()


def test_what_a_role_may_not_see_is_on_file_and_no_more() -> None:
    person = Person()
    phone, email = person.point(person.profile, now(), "phone"), person.point(person.profile, now(), "email")
    card = client_of(make_agent("marketing")).get(f"/profiles/{person.profile.pk}/card/").content.decode()
    assert "on file" in card
    assert email.masked in card
    assert phone.masked not in card
    assert phone.value[-3:] not in card.split("Known already")[1].split("Handles</h3>")[0]
    FieldRight.objects.create(role="marketing", field="email", may_see=False)
    card = client_of(make_agent("marketing")).get(f"/profiles/{person.profile.pk}/card/").content.decode()
    assert email.masked not in card


def test_contacts_of_a_month_count_what_they_did_and_not_what_we_did() -> None:
    person = Person()
    for kind in ("mention", "direct_message", "callback", "chat"):
        person.happen(kind, now() - timedelta(days=3))
        person.happen(kind, now() - timedelta(days=40))
    person.happen("note", now())
    person.happen("profile_note", now())
    card = read_card(person.profile)
    assert (card.contacts, card.contacts_words) == (4, "4")
    for _ in range(60):
        person.happen("mention", now())
    assert read_card(person.profile).contacts_words == "50+"


def test_the_card_costs_the_same_however_much_there_is(sam: Agent) -> None:
    NetworkAccount.objects.create(network="sandbox", username="tidewheel")
    person = Person(agent=sam)
    here, there = person.conversations
    about(here, "delivery")
    about(there, "delivery")
    client, path, counts = client_of(sam), f"/conversations/{here.pk}/", []
    ConversationEvent.objects.create(conversation=there, kind="answered", at=now(), agent=sam)
    Conversation.objects.filter(pk=there.pk).update(last_answered_at=now(), promise_due_at=now())
    Conversation.objects.filter(pk=here.pk).update(opened_at=now() - hours(30))
    for turn in (2, 30):
        for number in range(turn):
            for kind in KINDS:
                person.happen(kind, now() - hours(number), number % 2)
            ProfileNote.objects.create(profile=person.other, agent=sam, text="pinned", created_at=now(), changed_at=now(), pinned_at=now())
        client.get(path, headers=FRAGMENT)
        with CaptureQueriesContext(connection) as queries:
            client.get(path, headers=FRAGMENT)
        counts.append(len(queries))
    # Of somebody of whom everything is known: fourteen parts of the history, four of the thread, four of the card, five of the briefing,
    # two for what was and can be done to the posts.
    assert counts[0] == counts[1] <= 65, counts


def test_mood_in_words_says_no_more_than_the_numbers_bear() -> None:
    none, bad, good = Counts(), Counts(negative=2), Counts(positive=2)
    assert say_mood([none] * 12) == "Nothing in the last 4 weeks"
    assert say_mood([none] * 11 + [Counts(unsure=3)]) == "Hard to read"
    assert say_mood([none] * 11 + [bad]) == "Mostly negative, 2 of 2 posts in 4 weeks"
    assert say_mood([good] * 8 + [bad] * 4) == "Mostly negative, 8 of 8 posts in 4 weeks; worse than before"
    assert say_mood([bad] * 8 + [good] * 4) == "Mostly positive, 8 of 8 posts in 4 weeks; better than before"
    assert say_mood([none] * 8 + [bad, good, Counts(neutral=2), none]) == "Mixed, 6 posts in 4 weeks"


def test_the_small_chart_is_over_all_handles_and_reads_aloud() -> None:
    person = Person()
    assert mood_line_of(person.handles) is None
    person.happen("mention", now(), 0)
    person.happen("mention", now(), 1)
    line = mood_line_of(person.handles)
    assert line is not None
    assert line.words == "Mostly negative, 2 of 2 posts in 4 weeks"
    assert "2 of 2 negative" in line.reading
    assert len(line.chart.bars) == 12


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def test_weeks_are_those_of_the_desks_own_zone(zone: str) -> None:
    with timezone.override(zone):
        local = timezone.localtime()
        monday = (local - timedelta(days=local.weekday() + 7)).replace(hour=0, minute=0, second=0, microsecond=0)
        person = Person()
        person.happen("mention", monday + timedelta(minutes=5), 0)
        person.happen("mention", monday - timedelta(minutes=5), 1)
        counts = [slot.counts.negative for slot in mood_of(person.handles).slots]
    assert counts[-4:] == [0, 1, 1, 0]
    assert sum(counts) == 2
