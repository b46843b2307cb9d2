"""What lists and sweeps ask for is found along an index on SQLite too, which is harder to please than PostgreSQL.

Each statement is explained with its parameters, as it is run: a partial index is used only where the planner sees that it holds all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from listening.feed import SORTS, VIEWS, Filters, count_mine, count_views, list_assignable, read_page
from profiles.models import Agent, Role
from socialdesk.celery import app
from socialdesk.lib.clock import now
from tests.factories import make_agent
from tests.profiles.happened import KINDS, Person

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

# Tables that may be read whole: they stay short, or all of it is what is asked for.
SHORT = {
    "profiles_agent",
    "profiles_segment",
    "profiles_deeplink",
    "listening_topic",  # by the page of sources, which names those that cannot be searched for
    "profiles_customfield",
    "profiles_connection",
    "engagement_article",
    "engagement_template",
    "engagement_surveyanswer",  # the mean of all
    "listening_intakebatch",  # the newest by id, which is the table's own order
}
OURS = ("listening_", "engagement_", "profiles_")
PAGES = (
    "/callbacks/",
    "/returns/",
    "/outbox/",
    "/notices/",
    "/notices/?show=trouble",
    *(f"/tickets/?view={view}" for view in ("open", "mine", "overdue", "solved", "closed")),
    "/approvals/",
    "/links/",
    "/compliments/",
    "/templates/",
    "/articles/",
    "/rules/must-answer/",
    "/sources/",
    "/duplicates/",
    "/people/import/",
    "/people/",
    "/people/?q=mara",
    "/people/?q=mara+klein+4960123",
    "/people/?stage=customer&owner=nobody",
    "/people/?owner=mine",
    "/segments/",
    "/looks/",
    "/notes/",
    "/tags/options/?name=v",
    "/",
)


class Scans:
    """The statements that read a whole table, by that table."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not many and sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            plain = sql.replace("%s", "?").replace("%%", "%")
            for *_, step in connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {plain}", params or ()).fetchall():
                scan = re.fullmatch(r"SCAN (\w+)", step)
                if scan and scan[1].startswith(OURS) and scan[1] not in SHORT:
                    self.found[scan[1]] = sql
        return execute(sql, params, many, context)


@contextmanager
def no_scan() -> Iterator[None]:
    scans = Scans()
    with connection.execute_wrapper(scans):
        yield
    assert scans.found == {}


@pytest.fixture
def lead() -> Agent:
    return make_agent(Role.LEAD)


def test_a_table_that_is_read_whole_is_noticed() -> None:
    with pytest.raises(AssertionError, match="listening_conversation"), no_scan(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM listening_conversation WHERE status IN (%s, %s) ORDER BY activity_at", ["new", "open"])


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_the_feed(lead: Agent, view: str, sort: str) -> None:
    with no_scan():
        read_page(agent=lead, filters=Filters(view=view, sort=sort))


def test_counts(lead: Agent) -> None:
    with no_scan():
        count_views(lead)
        count_mine()
        list_assignable()


@pytest.mark.parametrize("path", PAGES)
def test_lists(lead: Agent, path: str) -> None:
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    with no_scan():
        assert client.get(path).status_code == 200


def test_all_that_is_shown_of_a_person(lead: Agent) -> None:
    person = Person(agent=lead)
    for kind in KINDS:
        person.happen(kind, now())
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    at = f"/profiles/{person.profile.pk}/"
    pages = (at, f"/api{at}", f"/api{at}timeline/", f"{at}card/", f"{at}edit/", f"{at}history/", f"{at}looks/")
    for path in (*pages, f"/conversations/{person.conversations[0].pk}/"):
        with no_scan():
            assert client.get(path, headers={"HX-Request": "true"}).status_code == 200


@pytest.mark.parametrize("name", app.conf.beat_schedule)
def test_what_runs_again_and_again(name: str) -> None:
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule[name]
    with no_scan():
        app.tasks[entry["task"]].apply(args=entry.get("args", ()), throw=True)
