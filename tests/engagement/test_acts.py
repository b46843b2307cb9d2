"""Likes, hidden comments and answers taken down: asked for once, done once, said in the thread, whatever fails in between."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from engagement.models import Message, NetworkAct
from engagement.services.act_words import read_offers, say_act
from engagement.services.acts import CannotAct, hide_mention, like_mention, perform_act, sweep_acts, take_down_answer
from engagement.services.checks import AccountUnusable
from engagement.services.left_alone import LeftAlone
from engagement.services.outcomes import LEASE, MAX_ATTEMPTS
from engagement.services.policy import NeverAnswer
from engagement.services.send import send_reply
from engagement.services.thread import read_thread
from listening.models import Mention, NetworkAccount
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Role
from profiles.services.do_not_contact import set_do_not_contact
from socialdesk.lib.clock import now
from socialdesk.lib.errors import NotAllowed, NotFound
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from tests.engagement.desk import Desk, work
from tests.engagement.heated import make_rule
from tests.engagement.threads import at_once
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


def comment(desk: Desk, text: str = "Rubbish, @tidewheel") -> Mention:
    """What somebody wrote below a post of ours."""
    ours = desk.world.publish("tidewheel", "Our new bell")
    post = desk.world.reply_as("troll", ours.id, text)
    desk.read()
    return Mention.objects.select_related("conversation").get(external_id=post.id)


def answer_to(desk: Desk, external_id: str) -> Mention:
    """What somebody else wrote below that post."""
    post = desk.world.reply_as("heckler", external_id, "Ha, @tidewheel")
    desk.read()
    return Mention.objects.get(external_id=post.id)


def sent_answer(desk: Desk, agent: Agent) -> Message:
    mention = desk.mention()
    assert mention.conversation_id is not None
    message = send_reply(conversation_id=mention.conversation_id, agent=agent, text="On its way", hold=0)
    work(now())
    message.refresh_from_db()
    assert message.external_id
    return message


def run(act: NetworkAct, moment: datetime | None = None) -> NetworkAct:
    perform_act(act.pk, now=moment or now())
    act.refresh_from_db()
    return act


def is_hidden(desk: Desk, mention: Mention) -> bool:
    post = desk.world.post(mention.external_id)
    assert post is not None
    return post.hidden


# --- Done ---------------------------------------------------------------------------------------------------------------


def test_a_post_is_liked_and_its_bubble_says_by_whom(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    assert (act.state, desk.world.likes(mention.external_id)) == ("done", 1)
    assert mention.conversation is not None
    (bubble,) = read_thread(mention.conversation)
    assert ([say_act(one) for one in bubble.acts.last], bubble.acts.standing) == (["Liked by Sam"], frozenset({"like"}))


def test_a_comment_below_our_post_is_hidden(desk: Desk, lead: Agent) -> None:
    mention = comment(desk)
    act = run(hide_mention(mention_id=mention.pk, agent=lead))
    assert (act.state, is_hidden(desk, mention), say_act(act)) == ("done", True, "Hidden by Lena")


def test_an_answer_is_taken_down_its_text_kept_and_no_clock_changed(desk: Desk, sam: Agent) -> None:
    message = sent_answer(desk, sam)
    conversation = message.conversation
    conversation.refresh_from_db()
    before = (conversation.status, conversation.waiting_since, conversation.last_answered_at)
    assert run(take_down_answer(message_id=message.pk, agent=sam)).state == "done"
    assert desk.answers_of_thread(conversation)[0].deleted
    conversation.refresh_from_db()
    assert (conversation.status, conversation.waiting_since, conversation.last_answered_at) == before
    desk.read()
    thread = read_thread(conversation)
    (ours,) = [bubble for bubble in thread if bubble.kind == "reply"]
    assert (ours.text, [say_act(one) for one in ours.acts.last]) == ("On its way", ["Taken down by Sam"])
    assert [bubble.text for bubble in thread if bubble.kind == "note"] == [
        "A public answer of ours was taken down on Sandbox. Its text stays here; who read it there has read it."
    ]


def test_pressed_again_it_is_asked_for_once(desk: Desk, sam: Agent, ana: Agent) -> None:
    mention = desk.mention()
    acts = [like_mention(mention_id=mention.pk, agent=agent) for agent in (sam, ana)]
    run(acts[0])
    acts.append(like_mention(mention_id=mention.pk, agent=ana))
    assert len({act.pk for act in acts}) == NetworkAct.objects.count() == desk.world.likes(mention.external_id) == 1


@pytest.mark.django_db(transaction=True)
def test_pressed_by_many_at_the_same_moment_it_is_done_once(sam: Agent) -> None:
    desk = Desk()
    mention = desk.mention()
    asked: list[int] = []
    at_once([lambda: asked.append(like_mention(mention_id=mention.pk, agent=sam).pk)] * 5)
    calls: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxPublisher, "like", lambda self, *, external_id, token: calls.append(token))
        at_once([lambda: perform_act(asked[0])] * 5)
    assert (len(set(asked)), len(calls)) == (1, 1)
    assert NetworkAct.objects.get().state == "done"


# --- Faults -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["dropped", "server_error", "error_after_accept", "timeout_after_accept"])
def test_what_is_not_known_is_tried_again(desk: Desk, sam: Agent, fault: str) -> None:
    mention, moment = desk.mention(), now()
    desk.world.faults.set(fault, 1)
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    assert (act.state, act.attempts) == ("queued", 1)
    assert act.error
    assert say_act(act).startswith("It is being liked. The desk tries again by itself: ")
    desk.world.faults.set(fault, 0)
    assert sweep_acts(now=moment) == 0  # not yet its time
    assert sweep_acts(now=moment + timedelta(minutes=2)) == 1
    act.refresh_from_db()
    assert (act.state, act.error, desk.world.likes(mention.external_id)) == ("done", "", 1)


def test_a_network_that_wants_a_pause_has_it(desk: Desk, sam: Agent) -> None:
    mention, moment = desk.mention(), now()
    desk.world.faults.set("rate_limit", 1, seconds=600)
    act = run(like_mention(mention_id=mention.pk, agent=sam), moment + timedelta(seconds=1))
    assert (act.state, act.not_before >= moment + timedelta(seconds=600)) == ("queued", True)


def test_what_never_works_fails_in_the_end_and_can_be_asked_for_again(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    desk.world.faults.set("dropped", 1)
    act, moment = like_mention(mention_id=mention.pk, agent=sam), now()
    for _ in range(MAX_ATTEMPTS):
        moment += timedelta(hours=1)
        sweep_acts(now=moment)
    act.refresh_from_db()
    assert (act.state, act.attempts) == ("failed", MAX_ATTEMPTS)
    desk.world.faults.set("dropped", 0)
    again = run(like_mention(mention_id=mention.pk, agent=sam))
    assert (again.pk != act.pk, again.state) == (True, "done")
    assert mention.conversation is not None
    assert [say_act(one) for one in read_thread(mention.conversation)[0].acts.last] == ["Liked by Sam"]


def test_what_the_network_refuses_is_said_in_words(desk: Desk, lead: Agent) -> None:
    mention = comment(desk)
    act = hide_mention(mention_id=mention.pk, agent=lead)
    desk.world.delete(mention.external_id)
    run(act)
    assert act.state == "failed"
    assert say_act(act).startswith("It was not hidden: ")


def test_what_is_gone_there_counts_as_taken_down(desk: Desk, sam: Agent) -> None:
    message = sent_answer(desk, sam)
    desk.world.delete(message.external_id)
    assert run(take_down_answer(message_id=message.pk, agent=sam)).state == "done"


def test_credentials_that_ended_are_said_and_the_account_marked(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    desk.world.faults.set("revoked", 1)
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    assert act.state == "failed"
    assert NetworkAccount.objects.get().state == "revoked"


def test_a_worker_that_died_is_followed_by_the_sweep(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = desk.mention()
    act = like_mention(mention_id=mention.pk, agent=sam)
    moment = now()
    with monkeypatch.context() as patch:
        patch.setattr("engagement.services.acts._note_done", _die)
        with pytest.raises(_Dead):
            perform_act(act.pk, now=moment)
    assert sweep_acts(now=moment + timedelta(seconds=LEASE - 1)) == 0
    assert sweep_acts(now=moment + timedelta(seconds=LEASE + 1)) == 1
    act.refresh_from_db()
    assert (act.state, desk.world.likes(mention.external_id)) == ("done", 1)


def test_a_slow_network_keeps_the_sweep_for_a_while_only(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 1000, 6))
    monkeypatch.setattr("engagement.services.acts.time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    for _ in range(4):
        like_mention(mention_id=desk.mention().pk, agent=sam)
    moment = now()
    assert sweep_acts(now=moment) == 1
    assert NetworkAct.objects.filter(state="queued", attempts=0).count() == 3


class _Dead(BaseException):
    pass


def _die(*given: Any) -> None:
    raise _Dead


def test_a_worker_taken_for_dead_fails_nothing_that_another_holds(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    act = like_mention(mention_id=desk.mention().pk, agent=sam)
    moment = now()

    def slow(self: SandboxPublisher, *, external_id: str, token: str) -> None:
        """Comes back only when another worker has it."""
        NetworkAct.objects.filter(pk=act.pk).update(claim="another")
        raise NetworkError("refused", permanent=True)

    monkeypatch.setattr(SandboxPublisher, "like", slow)
    assert run(act, moment).state == "queued"


def test_a_connector_that_breaks_is_an_outcome_that_nobody_knows(
    desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = "https://network.example/like?access_token=zyxq"

    def broken(self: SandboxPublisher, *, external_id: str, token: str) -> None:
        raise ZeroDivisionError(address)

    monkeypatch.setattr(SandboxPublisher, "like", broken)
    act = run(like_mention(mention_id=desk.mention().pk, agent=sam))
    assert (act.state, act.error) == ("queued", "The connector failed: ZeroDivisionError.")
    assert "ZeroDivisionError" in caplog.text
    assert "zyxq" not in caplog.text


# --- Who, and where -----------------------------------------------------------------------------------------------------


def test_only_who_may(desk: Desk, sam: Agent, ana: Agent, lead: Agent) -> None:
    message, mention = sent_answer(desk, sam), comment(desk)
    manager = make_agent(Role.MANAGER)
    for refused in (
        lambda: like_mention(mention_id=mention.pk, agent=manager),
        lambda: hide_mention(mention_id=mention.pk, agent=sam),
        lambda: hide_mention(mention_id=mention.pk, agent=manager),
        lambda: take_down_answer(message_id=message.pk, agent=ana),
        lambda: take_down_answer(message_id=message.pk, agent=manager),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert take_down_answer(message_id=message.pk, agent=lead).kind == "delete"


def test_what_cannot_be_done_is_refused_with_the_reason(desk: Desk, sam: Agent, lead: Agent) -> None:
    mention, below = desk.mention(), comment(desk)
    with pytest.raises(CannotAct, match="stands by itself"):
        hide_mention(mention_id=mention.pk, agent=lead)
    desk.account.cannot = {"like": "it was connected without that permission"}
    desk.account.save()
    with pytest.raises(CannotAct, match=r"@tidewheel may not do that on .*: it was connected without that permission\."):
        like_mention(mention_id=mention.pk, agent=sam)
    mark_revoked(account_id=desk.account.pk, reason="It was revoked.")
    with pytest.raises(AccountUnusable, match="has to be connected again"):
        hide_mention(mention_id=below.pk, agent=lead)
    Mention.objects.filter(pk=below.pk).update(deleted_at=now())
    with pytest.raises(CannotAct, match="deleted"):
        hide_mention(mention_id=below.pk, agent=lead)
    for pk in (0, 2**70):
        with pytest.raises(NotFound):
            like_mention(mention_id=pk, agent=sam)
        with pytest.raises(NotFound):
            take_down_answer(message_id=pk, agent=sam)


def test_what_answers_others_in_a_thread_of_theirs_is_not_hidden(desk: Desk, lead: Agent) -> None:
    """X answers such a call with 403: only who began a thread hides what stands in it."""
    theirs = desk.mention()
    below = answer_to(desk, theirs.external_id)
    for mention in (below, answer_to(desk, below.external_id)):
        with pytest.raises(CannotAct, match="this one answers somebody else's"):
            hide_mention(mention_id=mention.pk, agent=lead)
    assert not NetworkAct.objects.exists()


def test_an_answer_to_a_comment_below_our_post_is_hidden(desk: Desk, lead: Agent) -> None:
    below = answer_to(desk, comment(desk).external_id)
    assert run(hide_mention(mention_id=below.pk, agent=lead)).state == "done"
    assert is_hidden(desk, below)


def test_an_answer_to_an_answer_of_ours_is_hidden_in_a_thread_of_others_too(desk: Desk, sam: Agent, lead: Agent) -> None:
    ours = sent_answer(desk, sam)
    desk.read()
    assert hide_mention(mention_id=answer_to(desk, ours.external_id).pk, agent=lead).kind == "hide"


def test_where_the_desk_does_not_know_what_is_answered_the_network_decides(desk: Desk, lead: Agent) -> None:
    """As with a comment on a post of our page from before it was connected."""
    mention, other = desk.mention(), desk.mention("@tidewheel hello", author="ines")
    below = answer_to(desk, mention.external_id)
    Mention.objects.filter(pk__in=(mention.pk, other.pk)).update(in_reply_to="never-stored")
    for unknown in (below, other):
        assert hide_mention(mention_id=unknown.pk, agent=lead).state == "queued"


def test_our_own_posts_are_not_liked_and_notes_not_taken_down(desk: Desk, sam: Agent) -> None:
    message = sent_answer(desk, sam)
    own = Mention.objects.get(external_id=message.external_id)
    with pytest.raises(NotFound):
        like_mention(mention_id=own.pk, agent=sam)
    note = Message.objects.create(conversation=message.conversation, kind="note", text="n", agent=sam, created_at=now())
    with pytest.raises(NotFound):
        take_down_answer(message_id=note.pk, agent=sam)


def test_what_was_not_sent_is_not_taken_down(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="On its way", hold=60)
    with pytest.raises(CannotAct, match="can be taken back"):
        take_down_answer(message_id=message.pk, agent=sam)


def test_who_wants_to_be_left_alone_and_whom_a_rule_names_is_not_liked(desk: Desk, sam: Agent, lead: Agent) -> None:
    mention = desk.mention()
    make_rule("never", lead=lead, query="late")
    with pytest.raises(NeverAnswer):
        like_mention(mention_id=mention.pk, agent=sam)
    other = desk.mention("@tidewheel hello")
    Mention.objects.filter(pk=other.pk).update(is_addressed=False)
    set_do_not_contact(profile_id=other.author.profile_id, why="They said so", agent=sam)
    with pytest.raises(LeftAlone):
        like_mention(mention_id=other.pk, agent=sam)


def test_what_is_offered_says_why_not(desk: Desk, sam: Agent, lead: Agent, django_assert_num_queries: Any) -> None:
    conversation = comment(desk).conversation
    assert conversation is not None
    conversation.account = desk.account
    with django_assert_num_queries(0):
        offers = read_offers(agent=sam, conversation=conversation)
    assert (offers.no_like, offers.no_take_down, offers.takes_down_all) == ("", "", False)
    assert offers.no_hide.startswith("Hiding what others wrote is for leads and admins.")
    assert read_offers(agent=lead, conversation=conversation).no_hide == ""
    conversation.network = conversation.account.network = "imported"
    assert read_offers(agent=lead, conversation=conversation).no_like == "Nothing can be liked on imported from this desk. Do it there."


# --- Doors --------------------------------------------------------------------------------------------------------------


def sign_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_pane_offers_and_tells(desk: Desk, sam: Agent, lead: Agent) -> None:
    mention = comment(desk)
    page = f"/conversations/{mention.conversation_id}/"
    assert b"Hide this comment" in sign_in(lead).get(page).content
    content = sign_in(sam).get(page).content
    assert b"Like this post" in content
    assert b"Hide this comment" not in content
    assert b"is for leads and admins" in content
    answer = sign_in(sam).post(f"/mentions/{mention.pk}/like/", headers={"Referer": f"http://testserver{page}"})
    assert answer.status_code == 302
    run(NetworkAct.objects.get())
    content = sign_in(sam).get(page).content
    assert b"Liked by Sam" in content
    assert b"Like this post" not in content
    assert b"Like this post" not in sign_in(make_agent(Role.MANAGER)).get(page).content


def disclosures(agent: Agent, mention: Mention) -> list[str]:
    """The words on what can be opened to do something to the posts of its conversation."""
    pane = sign_in(agent).get(f"/conversations/{mention.conversation_id}/", headers={"HX-Request": "true"}).content.decode()
    return [" ".join(words.split()) for words in re.findall(r'class="bubble-acts".*?<summary>(.*?)</summary>', pane, re.DOTALL)]


@pytest.mark.parametrize(
    ("able", "to_lead", "to_agent"),
    [
        ({"like": True, "hide": True}, ["Like or hide"], ["Like"]),
        ({"like": True, "hide": False}, ["Like"], ["Like"]),
        ({"like": False, "hide": True}, ["Hide"], []),
        ({"like": False, "hide": False}, [], []),
    ],
)
def test_the_words_come_from_what_the_network_can(
    desk: Desk, sam: Agent, lead: Agent, monkeypatch: pytest.MonkeyPatch, able: dict[str, Any], to_lead: list[str], to_agent: list[str]
) -> None:
    mention, sandbox = comment(desk), registry.get("sandbox")
    monkeypatch.setitem(registry.NETWORKS, "sandbox", replace(sandbox, capabilities=replace(sandbox.capabilities, **able)))
    assert (disclosures(lead, mention), disclosures(sam, mention)) == (to_lead, to_agent)
    pane = sign_in(sam).get(f"/conversations/{mention.conversation_id}/").content
    assert b"from this desk. Do it there." not in pane
    assert (b"Hiding what others wrote is for leads" in pane) == (able == {"like": True, "hide": True})


def test_what_is_hidden_where_nothing_can_be_liked_offers_nothing_more(desk: Desk, lead: Agent) -> None:
    mention = comment(desk)
    desk.account.cannot = {"like": "it was connected without that permission"}
    desk.account.save()
    assert disclosures(lead, mention) == ["Hide"]
    run(hide_mention(mention_id=mention.pk, agent=lead))
    assert disclosures(lead, mention) == []


def test_hiding_is_offered_only_for_what_may_be_below_us(desk: Desk, sam: Agent, lead: Agent) -> None:
    theirs = desk.mention()
    below = answer_to(desk, theirs.external_id)
    assert (disclosures(lead, theirs), disclosures(lead, below)) == (["Like"], ["Like"])
    assert b"Hiding what others wrote" not in sign_in(sam).get(f"/conversations/{below.conversation_id}/").content
    Mention.objects.filter(pk=below.pk).update(parent=None)  # as where what it answers was never stored
    assert disclosures(lead, below) == ["Like or hide"]
    under_ours = desk.world.reply_as("mocker", comment(desk).external_id, "So true, @tidewheel")
    desk.read()
    assert disclosures(lead, Mention.objects.get(external_id=under_ours.id)) == ["Like or hide"]


def test_an_account_that_is_away_offers_nothing(desk: Desk, lead: Agent) -> None:
    mention = comment(desk)
    mark_revoked(account_id=desk.account.pk, reason="gone")
    assert disclosures(lead, mention) == []


def test_taking_down_is_offered_to_who_wrote_it_and_to_leads(desk: Desk, sam: Agent, ana: Agent, lead: Agent) -> None:
    message = sent_answer(desk, sam)
    page = f"/conversations/{message.conversation_id}/"
    offered = [b"Take it down for good" in sign_in(agent).get(page).content for agent in (sam, ana, lead)]
    assert offered == [True, False, True]
    fragment = {"HX-Request": "true"}
    assert sign_in(ana).post(f"/messages/{message.pk}/take_down/", headers=fragment).status_code == 403
    assert sign_in(sam).post(f"/messages/{message.pk}/take_down/", headers=fragment).status_code == 204
    assert b"Take it down for good" not in sign_in(sam).get(page).content


def test_colleagues_are_told(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    mention = desk.mention()
    monkeypatch.setattr("engagement.services.acts.live.publish", told.append)
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    assert [(event.type, event.conversation, event.act, event.kind, event.state, event.agent) for event in told] == [
        ("act.changed", mention.conversation_id, act.pk, "like", state, sam.pk) for state in ("queued", "done")
    ]


def test_programs_ask_for_it_and_learn_what_became_of_it(desk: Desk, sam: Agent, lead: Agent) -> None:
    message, mention = sent_answer(desk, sam), comment(desk)
    client = APIClient(raise_request_exception=True)
    client.force_authenticate(lead)
    for path in (f"mentions/{mention.pk}/like", f"mentions/{mention.pk}/hide", f"messages/{message.pk}/take_down"):
        answer = client.post(f"/api/{path}/")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued"), path
        perform_act(answer.json()["id"])
        again = client.post(f"/api/{path}/").json()
        assert (again["id"], again["state"], again["agent"]["username"]) == (answer.json()["id"], "done", "lena")
    client.force_authenticate(sam)
    assert client.post(f"/api/mentions/{mention.pk}/hide/").status_code == 403
