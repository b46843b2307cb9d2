"""The page of sources in a real browser: how streams fare, and what was posted before while it is fetched."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from listening.models import Backfill, Source, Topic
from listening.services.accounts import WAITING
from profiles.models import Agent, Role
from socialdesk.backfills import walk
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows
from tests.browser.looking import look
from tests.factories import make_agent, make_post
from tests.socialdesk.pretend import NETWORK, Pretend, make_sources
from tests.socialdesk.pretend import pretend as pretend


@pytest.fixture
def lead(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


def test_what_was_posted_before_is_fetched_and_its_progress_moves_by_itself(windows: Windows, lead: Agent, pretend: Pretend) -> None:
    _, source, stream = make_sources(username="tidewheel_" + "verylongword" * 6)
    Source.objects.filter(pk=stream.pk).update(connected_at=now(), found_late=3, last_read_at=now())
    Topic.objects.create(name="مرحبا " + "verylongword" * 5, query="lang:de")
    pretend.past = [make_post(network=NETWORK, ago=60 * 24 * days) for days in range(33, 0, -1)]
    page = windows.open(lead, "/sources/", width=320)
    expect(page.get_by_text("Found only by reading again")).to_be_visible()
    page.get_by_label("Fetch what was posted before").select_option("30 days")
    page.get_by_role("button", name="Fetch").click()
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", "0")
    look(page, "a fetch that begins")

    backfill = Backfill.objects.get()
    Backfill.objects.update(reached_at=backfill.started_at - timedelta(days=15), seen=1500, stored=1499, error=WAITING)
    Backfill.objects.update(next_at=now() + timedelta(hours=1))
    expect(bar).to_have_attribute("value", "50")
    expect(page.get_by_text("1,500 looked at, 1,499 new")).to_be_visible()
    expect(page.get_by_text("Waiting for the network's limit, goes on at")).to_be_visible()
    look(page, "a fetch that waits", widths=[320])

    pause = page.get_by_role("button", name="Pause fetching")
    renewed = re.compile(f"/{backfill.pk}/$")
    with page.expect_response(renewed):
        pause.focus()
    Backfill.objects.update(seen=1600)
    expect(page.get_by_text("1,600 looked at")).to_be_visible()
    expect(pause).to_be_focused()
    pause.hover()
    page.mouse.down()
    with page.expect_response(renewed):
        Backfill.objects.update(seen=1700)
    page.mouse.up()
    expect(page.get_by_role("button", name="Go on fetching")).to_be_visible()
    look(page, "a fetch that is paused", widths=[320])
    page.get_by_role("button", name="Go on fetching").click()
    expect(page.get_by_role("button", name="Pause fetching")).to_be_visible()
    for _ in range(2):
        walk(backfill.pk)
    expect(bar).to_have_attribute("value", "100")
    expect(page.get_by_text("What was posted before: done")).to_be_visible()
    look(page, "a fetch that is done", widths=[320])
    assert backfill.source_id == source.pk
