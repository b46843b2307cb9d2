"""A person whom everything happened to, by the ways it really happens: erased, nothing is left of them anywhere, and nothing comes back."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import Approval, CallbackRequest, Delivery, Notice, ShortLink, TemplateWord
from engagement.services.approvals import submit_reply
from engagement.services.attachments import add_attachment
from engagement.services.calls import begin_call, end_call
from engagement.services.chat import accept_chat, begin_chat, say_as_agent
from engagement.services.compliments import forward_compliment
from engagement.services.drafts import save_draft
from engagement.services.handovers import hand_over
from engagement.services.outbound import send_notice
from engagement.services.send import add_note, send_direct_message, send_reply
from engagement.services.surveys import record_answer, survey_link
from engagement.services.tickets import add_customers_words, add_update, open_ticket
from listening.models import Conversation, IntakeBatch, Mention, Rollup, Status, Topic
from listening.services.searches import save_search
from profiles.models import ErasedHandle, Erasure, Handle, Profile, ProfileEvent, ProfileNote, Role
from profiles.services.edit import edit_profile
from profiles.services.erasure import erase_person, plan_erasure
from profiles.services.importing import folder, make_job
from profiles.services.merge import merge_profiles
from profiles.tasks import keep_to_retention, leave_no_pages_yet
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.networks.base import MessageData
from tests.engagement.calls import ask_for_call, give_consent, open_day
from tests.engagement.chats import make_link, put_on_duty
from tests.engagement.desk import Desk, work
from tests.engagement.drawn import draw
from tests.engagement.heated import make_rule
from tests.factories import make_agent, make_author, make_post, push
from tests.profiles.leftovers import in_database, in_files

NAME = "Zyxqmara Kwolvek"
USERNAME = "zyxqmara"


class Story:
    """Everything that a person does with a desk and a desk with a person, each text with a word of its own."""

    def __init__(self) -> None:
        self.markers = ["zyxqmara", "kwolvek"]
        self.agent, self.lead = make_agent(Role.AGENT), make_agent(Role.LEAD)
        open_day()
        self.desk = Desk()
        Topic.objects.create(name="Late", query=f"late OR from:{USERNAME}")
        make_rule("must", lead=self.lead, query=f"late OR from:{USERNAME}")
        make_rule("approval", "Read first", lead=self.lead, query="late")
        self.desk.world.add_account(USERNAME, display_name=NAME)
        self.mention = self.desk.mention(f"@tidewheel my bike is late {self.word('post')}", author=USERNAME)
        found = self.mention.conversation
        assert found is not None
        self.conversation: Conversation = found
        self.person = self.mention.author.profile
        self.write()
        self.talk()
        self.keep()

    def word(self, name: str) -> str:
        self.markers.append(f"zq{name}qz")
        return self.markers[-1]

    def write(self) -> None:
        """In public and in private, sent, drafted and waiting for a lead."""
        pk = self.conversation.pk
        picture = add_attachment(agent=self.agent, content=draw(), alt=self.word("picture"), conversation_id=pk)
        text = f"Sorry {USERNAME} {self.word('approval')}"
        submit_reply(conversation_id=pk, agent=self.agent, text=text, request_key="", pictures=[picture.pk])
        Conversation.objects.filter(pk=pk).update(claimed_by=None, claimed_until=None)
        send_reply(conversation_id=pk, agent=self.lead, text=f"@{USERNAME} we look into it {self.word('reply')}", hold=0)
        work(now() + timedelta(seconds=1))
        self.desk.read()
        self.desk.world.reply_as(USERNAME, self.mention.external_id, f"and it is still late {self.word('again')}")
        self.desk.world.reply_as("bystander", self.mention.external_id, "@tidewheel same here")
        self.desk.read()
        author = replace(make_author(USERNAME), external_id=self.mention.author.external_id, display_name=NAME)
        take_in([], [MessageData("sandbox", f"zyxqmara-dm-{pk}", f"my number is secret {self.word('dm')}", author, now())])
        send_direct_message(conversation_id=pk, agent=self.lead, text=f"Thanks {self.word('ourdm')}", hold=0)
        work(now() + timedelta(seconds=1))
        add_note(conversation_id=pk, agent=self.agent, text=f"They are angry {self.word('note')}")
        save_draft(agent=self.agent, conversation_id=pk, kind="direct_message", text=self.word("draft"))

    def talk(self) -> None:
        """On the telephone, in a chat, by a ticket, by mail, in a survey; and praise."""
        pk = self.conversation.pk
        call = ask_for_call(self.conversation, reason=self.word("call"), typed="+44 117 496 0177", also_sms=True)
        begin_call(callback_id=call.pk, agent=self.lead)
        end_call(callback_id=call.pk, agent=self.lead, outcome="no_answer", note=self.word("attempt"))
        put_on_duty(self.lead)
        chat = begin_chat(link=make_link(self.conversation), form_key="1" * 32, text=self.word("chat"), language="en")
        accept_chat(chat_id=chat.pk, agent=self.lead)
        say_as_agent(chat_id=chat.pk, agent=self.lead, text=self.word("chatreply"), client_key="a1")
        ticket = open_ticket(conversation_id=pk, agent=self.lead, title=self.word("ticket"))
        add_update(ticket_id=ticket.pk, agent=self.lead, text=self.word("update"), audience="internal")
        add_customers_words(ticket_id=ticket.pk, text=self.word("theirwords"), form_key="2" * 32)
        give_consent(self.person, "email", typed="Zyxqmara@Example.com")
        send_notice(profile=self.person, medium="email", purpose="this matter", text=self.word("mail"), subject=self.word("subject"))
        record_answer(link=survey_link(conversation_id=pk, agent=self.lead), score=2, comment=self.word("survey"), form_key="3" * 32)
        praise = self.desk.mention(f"@tidewheel wonderful, thank you! {self.word('praise')}", author=USERNAME)
        forward_compliment(mention_id=praise.pk, agent=self.agent, note=self.word("forward"))
        hand_over(conversation_id=pk, agent=self.lead, team="marketing", note=self.word("handover"))

    def keep(self) -> None:
        """What colleagues wrote down, edited and deleted; another account of theirs; a search that names them."""
        edit_profile(profile_id=self.person.pk, changes={"company": self.word("company")}, source="agent", agent=self.agent)
        edit_profile(profile_id=self.person.pk, changes={"company": "Another"}, source="agent", agent=self.agent)
        note = ProfileNote.objects.create(
            profile=self.person, agent=self.agent, text=self.word("profilenote"), created_at=now(), changed_at=now()
        )
        note.text = self.word("edited")
        note.save()
        other = make_author("zyxqother", display_name="Kwolvek", external_id="zyxq-other")
        push(make_post(f"@tidewheel me again {self.word('other')}", author=other, external_id="zyxqmara-post"))
        merge_profiles(survivor_id=self.person.pk, other_id=Handle.objects.get(username="zyxqother").profile_id, agent=self.lead)
        save_search(agent=self.agent, name="One of them", filters={"author": USERNAME})


def figures() -> dict[str, Any]:
    """What counts without naming anybody."""
    by_sentiment = {label: Mention.objects.filter(sentiment=label, is_own=False).count() for label in ("positive", "negative", "neutral")}
    rollups = list(Rollup.objects.values_list("topic", "sentiment", "hour", "count").order_by("pk"))
    counts = {
        model.__name__: model.objects.count() for model in (Mention, Conversation, CallbackRequest, Notice, Delivery, Handle, Profile)
    }
    return {
        "by_sentiment": by_sentiment,
        "rollups": rollups,
        "counts": counts,
        "languages": sorted(Mention.objects.values_list("language")),
    }


@pytest.mark.django_db
def test_nothing_is_left_in_any_table() -> None:
    story = Story()
    unknown = [marker for marker in story.markers if not in_database([marker])]
    assert unknown == [], "these were never stored, so that finding none of them would prove nothing"
    before = figures()
    erasure = erase_person(profile_id=story.person.pk, agent=story.lead)
    assert in_database(story.markers) == []
    assert figures() == before
    assert erasure.counts["mentions"] == 4
    assert ProfileEvent.objects.filter(kind="erased", profile=story.person).count() == 1
    assert Mention.objects.get(text="@tidewheel same here").parent_id  # somebody else's words stay where they stood
    assert Topic.objects.get(name="Late").query == "late OR from:erased"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_in_any_file() -> None:
    """Pages that are free and the log beside the database hold nothing either."""
    if connection.vendor != "sqlite":
        pytest.skip("the files of a server are its own")
    story = Story()
    folder = Path(settings.DATA_DIR)
    assert in_files(folder, story.markers)
    erase_person(profile_id=story.person.pk, agent=story.lead)
    connection.close()
    assert in_files(folder, story.markers) == []


def begin_to_read() -> sqlite3.Connection:
    """Somebody who reads all the while, as an export does."""
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM profiles_profile").fetchone()
    return reader


@pytest.mark.django_db(transaction=True)
def test_while_somebody_reads_all_the_while_nobody_waits_and_the_log_is_emptied_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the files of a server are its own")
    story = Story()
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
    reader = begin_to_read()
    with caplog.at_level(logging.INFO, logger="profiles.services.erasure"), CaptureQueriesContext(connection) as asked:
        erase_person(profile_id=story.person.pk, agent=story.lead)
        for _ in range(2):
            leave_no_pages_yet()
        assert caplog.text.count("tried again each minute") == 1
        assert log.stat().st_size > 0
        writer = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=0.5)
        writer.execute("UPDATE profiles_profile SET version = version + 1")
        writer.close()
        reader.close()
        leave_no_pages_yet()
        assert log.stat().st_size == 0
        assert in_files(Path(settings.DATA_DIR), story.markers) == []
        before = len(asked)
        leave_no_pages_yet()
        assert len(asked) == before
    assert caplog.text.count("is empty now") == 1
    said = [query["sql"] for query in asked if "PRAGMA" in query["sql"]]
    tried = [number for number, sql in enumerate(said) if "wal_checkpoint" in sql]
    assert len(tried) == 4
    assert {said[number - 1] for number in tried} == {"PRAGMA busy_timeout=200"}
    assert {said[number + 1] for number in tried} == {f"PRAGMA busy_timeout={usual}"}
    assert usual > 1000


@pytest.mark.django_db(transaction=True)
def test_the_log_is_emptied_by_night_in_any_case() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the files of a server are its own")
    story = Story()
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    reader = begin_to_read()
    erase_person(profile_id=story.person.pk, agent=story.lead)
    assert log.stat().st_size > 0
    reader.close()
    caches["kept"].clear()  # as where Redis was emptied
    keep_to_retention()
    assert log.stat().st_size == 0


@pytest.mark.django_db
def test_what_waits_is_not_sent_and_what_is_open_is_closed() -> None:
    story = Story()
    send_reply(conversation_id=story.conversation.pk, agent=story.lead, text="One more", hold=60)
    sent = story.desk.world.posts_by("tidewheel")
    erase_person(profile_id=story.person.pk, agent=story.lead)
    work(now() + timedelta(hours=1))
    assert len(story.desk.world.posts_by("tidewheel")) == len(sent)
    theirs = Conversation.objects.filter(author__profile__person=story.person.pk)
    assert {row.status for row in theirs} == {Status.RESOLVED}
    assert {row.returns_owed for row in theirs} == {0}
    assert not ShortLink.objects.filter(conversation__in=theirs, revoked_at=None).exists()
    assert not Approval.objects.filter(state="pending").exists()
    assert {callback.state for callback in CallbackRequest.objects.all()} == {"cancelled"}
    assert {notice.state for notice in Notice.objects.all()} == {"refused"}


@pytest.mark.django_db
def test_while_something_is_on_its_way_nothing_is_erased() -> None:
    story = Story()
    Delivery.objects.filter(message__conversation=story.conversation).update(state="inflight")
    with pytest.raises(Conflict, match="on its way"):
        erase_person(profile_id=story.person.pk, agent=story.lead)
    assert in_database(["zqpostqz"])
    assert not Erasure.objects.exists()


@pytest.mark.django_db
def test_what_the_network_shows_again_is_not_stored_and_counted_as_erased() -> None:
    story = Story()
    erase_person(profile_id=story.person.pk, agent=story.lead)
    story.desk.source.cursor = ""
    story.desk.source.save()
    result = story.desk.read()
    assert result.filtered >= 3
    assert in_database(story.markers) == []
    ledger = IntakeBatch.objects.latest("pk")
    assert ledger.filtered_by["erased"] >= 3
    assert not Handle.objects.filter(username=USERNAME).exists()


@pytest.mark.django_db
def test_a_message_from_before_does_not_come_back_either() -> None:
    author = make_author("mara_k")
    push(make_post(author=author))
    erase_person(profile_id=Handle.objects.get(username="mara_k").profile_id, agent=None)
    result = take_in([], [MessageData("sandbox", "old", "my secret", author, now() - timedelta(hours=1))])
    assert (result.seen, result.filtered, result.stored) == (1, 1, 0)
    assert in_database(["my secret"]) == []


@pytest.mark.django_db
def test_who_writes_again_later_is_somebody_new() -> None:
    author = make_author("mara_k")
    push(make_post(author=author, ago=60))
    first = Handle.objects.get(username="mara_k")
    erase_person(profile_id=first.profile_id, agent=None, at=now() - timedelta(minutes=30))
    result = push(make_post("@tidewheel the old one", author=author, ago=45), make_post("@tidewheel a new one", author=author, ago=1))
    assert (result.stored, result.filtered) == (1, 1)
    again = Handle.objects.get(username="mara_k")
    assert again.profile_id != first.profile_id
    assert again.profile.erased_at is None
    result = push(make_post("@tidewheel another old one", author=author, ago=50), make_post("@tidewheel newer", author=author, ago=0.5))
    assert (result.stored, result.filtered) == (1, 1)


@pytest.mark.django_db
def test_the_memory_of_an_account_cannot_be_read() -> None:
    push(make_post(author=make_author("mara_k", external_id="id-of-mara")))
    erase_person(profile_id=Handle.objects.get(username="mara_k").profile_id, agent=None)
    kept = ErasedHandle.objects.get()
    assert kept.digest != hashlib.sha256(f"{kept.network}\0id-of-mara".encode()).hexdigest()  # anybody could try ids against that
    assert len(kept.digest) == 64


@pytest.mark.django_db
def test_a_template_forgets_their_words_and_keeps_those_of_others() -> None:
    from engagement.services.forgetting import _forget_words  # noqa: F401 - named here so that a rename is noticed
    from engagement.services.template_outcomes import settle_uses
    from tests.engagement.texts import make_template

    desk, agent = Desk(), make_agent(Role.LEAD)
    template = make_template("Sorry", "answer", en="We are sorry.")
    variant = template.variants.get()
    for author, text in (("mara", "wheelwright delayed"), ("tom", "delayed parcel")):
        mention = desk.mention(f"@tidewheel {text}", author=author)
        send_reply(conversation_id=mention.conversation_id or 0, agent=agent, text="We are sorry.", hold=0, variant_id=variant.pk)
    work(now() + timedelta(seconds=1))
    settle_uses()
    assert {"wheelwright", "delayed"} <= set(TemplateWord.objects.values_list("word", flat=True))
    erase_person(profile_id=Handle.objects.get(username="mara").profile_id, agent=agent)
    words = set(TemplateWord.objects.values_list("word", flat=True))
    assert "wheelwright" not in words
    assert {"delayed", "parcel"} <= words


@pytest.mark.django_db
def test_only_leads_and_admins_erase_and_only_once() -> None:
    mention = push(make_post()).ids
    person = Mention.objects.get(pk=next(iter(mention.values()))).author.profile
    for role in (Role.AGENT, Role.MARKETING, Role.MANAGER):
        with pytest.raises(NotAllowed):
            erase_person(profile_id=person.pk, agent=make_agent(role))
    lead = make_agent(Role.LEAD)
    with pytest.raises(DeskError, match="reason"):
        erase_person(profile_id=person.pk, agent=lead, why="because")
    assert {share.label for share in plan_erasure(person)} >= {"Posts", "Accounts on networks", "Profiles"}
    erase_person(profile_id=person.pk, agent=lead)
    with pytest.raises(NotFound):
        erase_person(profile_id=person.pk, agent=lead)


@pytest.mark.django_db
def test_an_erased_person_is_nowhere_on_a_page() -> None:
    story = Story()
    erase_person(profile_id=story.person.pk, agent=story.lead)
    client = Client()
    client.force_login(story.lead)
    for address in (
        "/",
        f"/conversations/{story.conversation.pk}/",
        "/outbox/",
        "/callbacks/",
        "/tickets/",
        "/compliments/",
        "/approvals/",
    ):
        answer = client.get(address, follow=True)
        text = answer.content.decode().casefold()
        assert answer.status_code in (200, 404), address
        assert [marker for marker in story.markers if marker in text] == [], address


@pytest.mark.django_db(transaction=True)
def test_a_file_that_waits_and_names_them_is_thrown_away(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    push(make_post(author=make_author("mara_k")))
    person, lead = Handle.objects.get(username="mara_k").profile, make_agent(Role.LEAD)
    give_consent(person, "email", typed="mara@example.com")
    theirs = make_job(filename="theirs.csv", parts=[b"name,email\nMara,MARA@example.com\n"], agent=lead)
    others = make_job(filename="others.csv", parts=[b"name,email\nTom,tom@example.com\n"], agent=lead)
    theirs.state = "running"
    theirs.save()
    with pytest.raises(Conflict, match="being read in"):
        erase_person(profile_id=person.pk, agent=lead)
    theirs.state = "preview"
    theirs.save()
    erase_person(profile_id=person.pk, agent=lead)
    theirs.refresh_from_db()
    assert (theirs.state, theirs.stored_as) == ("cancelled", "")
    assert [path.name for path in folder().iterdir()] == [others.stored_as]
    others.refresh_from_db()
    assert others.state == "preview"
    (folder() / others.stored_as).unlink()
