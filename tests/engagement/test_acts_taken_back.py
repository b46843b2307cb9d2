"""A like that is taken back and a hidden comment that is shown again: asked for once, done once, and standing where that fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from engagement.models import NetworkAct
from engagement.services.act_words import say_act
from engagement.services.acts import CannotAct, hide_mention, like_mention, sweep_acts, take_back_act, take_down_answer
from engagement.services.checks import AccountUnusable
from engagement.services.thread import read_thread
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import NotAllowed, NotFound
from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from tests.engagement.desk import Desk
from tests.engagement.test_acts import comment, is_hidden, run, sent_answer
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


def test_a_like_is_taken_back_and_can_be_given_again(desk: Desk, sam: Agent, ana: Agent) -> None:
    mention = desk.mention()
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    assert take_back_act(act_id=act.pk, agent=ana).state == "undoing"
    act.refresh_from_db()
    assert say_act(act) == "It is being taken back."
    assert (run(act).state, desk.world.likes(mention.external_id)) == ("undone", 0)
    assert say_act(act) == "Liked by Sam, taken back by Ana"
    assert mention.conversation is not None
    assert read_thread(mention.conversation)[0].acts.standing == frozenset()
    again = run(like_mention(mention_id=mention.pk, agent=sam))
    assert (again.pk != act.pk, desk.world.likes(mention.external_id)) == (True, 1)


def test_a_hidden_comment_is_shown_again_by_a_lead_only(desk: Desk, sam: Agent, lead: Agent) -> None:
    mention = comment(desk)
    act = run(hide_mention(mention_id=mention.pk, agent=lead))
    with pytest.raises(NotAllowed, match="leads and admins"):
        take_back_act(act_id=act.pk, agent=sam)
    take_back_act(act_id=act.pk, agent=lead)
    assert (run(act).state, is_hidden(desk, mention)) == ("undone", False)
    assert say_act(act) == "Hidden by Lena, shown again by Lena"
    assert (run(hide_mention(mention_id=mention.pk, agent=lead)).state, is_hidden(desk, mention)) == ("done", True)


def test_taken_back_twice_it_is_asked_for_once(desk: Desk, sam: Agent, ana: Agent) -> None:
    act = run(like_mention(mention_id=desk.mention().pk, agent=sam))
    take_back_act(act_id=act.pk, agent=sam)
    take_back_act(act_id=act.pk, agent=ana)
    run(act)
    assert take_back_act(act_id=act.pk, agent=ana).undone_by == sam


def test_what_is_not_done_cannot_be_taken_back(desk: Desk, sam: Agent) -> None:
    act = like_mention(mention_id=desk.mention().pk, agent=sam)
    for state in ("queued", "failed"):
        NetworkAct.objects.update(state=state)
        with pytest.raises(CannotAct, match="not done yet"):
            take_back_act(act_id=act.pk, agent=sam)
    down = run(take_down_answer(message_id=sent_answer(desk, sam).pk, agent=sam))
    for pk in (down.pk, 10**30):
        with pytest.raises(NotFound):
            take_back_act(act_id=pk, agent=sam)


@pytest.mark.parametrize("fault", ["dropped", "server_error", "error_after_accept", "timeout_after_accept"])
def test_taking_back_is_tried_again_where_it_is_not_known(desk: Desk, sam: Agent, fault: str) -> None:
    mention = desk.mention()
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    take_back_act(act_id=act.pk, agent=sam)
    desk.world.faults.set(fault, 1)
    assert (run(act).state, act.attempts) == ("undoing", 1)
    assert say_act(act).startswith("It is being taken back. The desk tries again by itself: ")
    desk.world.faults.heal()
    assert sweep_acts(now=now() + timedelta(hours=1)) == 1
    act.refresh_from_db()
    assert (act.state, desk.world.likes(mention.external_id)) == ("undone", 0)


def test_what_the_network_does_not_take_back_stands_and_says_so(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = desk.mention()
    act = run(like_mention(mention_id=mention.pk, agent=sam))
    liked_at = act.finished_at
    take_back_act(act_id=act.pk, agent=sam)

    def refuse(self: Any, *, external_id: str) -> None:
        raise NetworkError("It keeps its likes", permanent=True, code="kept")

    with monkeypatch.context() as patch:
        patch.setattr(SandboxPublisher, "unlike", refuse)
        assert (run(act).state, act.finished_at) == ("done", liked_at)
    assert say_act(act) == "Liked by Sam. It could not be taken back: It keeps its likes."
    take_back_act(act_id=act.pk, agent=sam)  # and once more
    assert (run(act).state, desk.world.likes(mention.external_id)) == ("undone", 0)


def test_an_account_that_is_away_takes_nothing_back(desk: Desk, sam: Agent) -> None:
    act = run(like_mention(mention_id=desk.mention().pk, agent=sam))
    mark_revoked(account_id=desk.account.pk, reason="gone")
    with pytest.raises(AccountUnusable):
        take_back_act(act_id=act.pk, agent=sam)


def test_the_bubble_offers_to_take_it_back_and_programs_can(desk: Desk, sam: Agent, lead: Agent) -> None:
    mention = comment(desk)
    liked, hidden = run(like_mention(mention_id=mention.pk, agent=sam)), run(hide_mention(mention_id=mention.pk, agent=lead))
    client = Client()
    client.force_login(sam)
    pane = client.get(f"/conversations/{mention.conversation_id}/", headers={"HX-Request": "true"}).content.decode()
    assert f"/acts/{liked.pk}/take-back/" in pane
    assert f"/acts/{hidden.pk}/take-back/" not in pane
    client.force_login(lead)
    pane = client.get(f"/conversations/{mention.conversation_id}/", headers={"HX-Request": "true"}).content.decode()
    assert f"/acts/{hidden.pk}/take-back/" in pane
    assert client.post(f"/acts/{hidden.pk}/take-back/", headers={"HX-Request": "true"}).status_code == 204
    assert (run(hidden).state, is_hidden(desk, mention)) == ("undone", False)
    api = APIClient()
    api.force_authenticate(sam)
    said = api.post(f"/api/acts/{liked.pk}/take-back/")
    assert (said.status_code, said.json()["state"], said.json()["undone_by"]["username"]) == (202, "undoing", "sam")
