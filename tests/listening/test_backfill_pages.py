"""Fetching what was posted before, on the page of sources without JavaScript."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listening.models import Backfill
from listening.services.accounts import WAITING
from profiles.models import Role
from socialdesk.backfills import walk
from socialdesk.lib.clock import now
from tests.factories import make_post
from tests.listening.pages import sign_in, text_of
from tests.socialdesk.pretend import NETWORK, Pretend, make_sources
from tests.socialdesk.pretend import pretend as pretend

pytestmark = pytest.mark.django_db


def test_a_lead_fetches_watches_pauses_and_stops(pretend: Pretend) -> None:
    _, source, _ = make_sources()
    pretend.past = [make_post(network=NETWORK, ago=60 * 24 * days) for days in (40, 20, 10)]
    lead = sign_in(Role.LEAD)
    assert "Fetch what was posted before" in text_of(lead.get("/sources/"))
    assert "newest first" in text_of(lead.post(f"/sources/{source.pk}/backfill/", {"days": "30"}, follow=True))
    backfill = Backfill.objects.get()
    assert timedelta(days=29) < now() - backfill.until < timedelta(days=31)
    for move, state in (("pause", "paused"), ("resume", "running")):
        lead.post(f"/sources/backfills/{backfill.pk}/move/", {"move": move})
        backfill.refresh_from_db()
        assert backfill.state == state
    walk(backfill.pk)
    text = text_of(lead.get("/sources/"))
    assert "2 looked at, 2 new; back to" in text
    assert "What was posted before: done" in text
    assert "Fetch what was posted before" in text  # again, further back


def test_how_far_it_came_is_a_share_of_the_time_that_was_asked_for(pretend: Pretend) -> None:
    _, source, _ = make_sources()
    moment = now()
    common = {"source": source, "until": moment - timedelta(days=10), "started_at": moment}
    backfill = Backfill.objects.create(**common, reached_at=moment - timedelta(days=4), error=WAITING, next_at=moment + timedelta(hours=1))
    page = sign_in(Role.AGENT).get(f"/sources/backfills/{backfill.pk}/", headers={"HX-Request": "true"})
    assert page.context["walk"].percent == 40
    assert "Waiting for the network's limit, goes on at" in text_of(page)
    assert b"hx-trigger" in page.content
    assert b"<form" not in page.content  # who may only watch
    Backfill.objects.update(state="paused")
    page = sign_in(Role.AGENT).get(f"/sources/backfills/{backfill.pk}/", headers={"HX-Request": "true"})
    assert b"hx-trigger" not in page.content
    assert sign_in(Role.AGENT).get(f"/sources/backfills/{backfill.pk}/").status_code == 302


@pytest.mark.parametrize("days", ["", "x", "0", "-3", "999999", "²"])
def test_days_that_are_none_are_refused_in_words(pretend: Pretend, days: str) -> None:
    _, source, _ = make_sources()
    answer = sign_in(Role.LEAD).post(f"/sources/{source.pk}/backfill/", {"days": days}, follow=True)
    assert "how many days to go back" in text_of(answer)
    assert not Backfill.objects.exists()


def test_moves_that_are_none_are_refused(pretend: Pretend) -> None:
    _, source, _ = make_sources()
    moment = now()
    backfill = Backfill.objects.create(source=source, until=moment - timedelta(days=1), started_at=moment)
    lead = sign_in(Role.LEAD)
    for pk, move, words in (
        (backfill.pk, "away", "A fetch can be paused, resumed and stopped."),
        (backfill.pk, "stop", ""),
        (backfill.pk, "pause", "It has ended already"),
        (0, "pause", "There is no such fetch"),
    ):
        assert words in text_of(lead.post(f"/sources/backfills/{pk}/move/", {"move": move}, follow=True))
    backfill.refresh_from_db()
    assert backfill.state == "failed"
