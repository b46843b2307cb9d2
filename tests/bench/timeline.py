"""A person's history: the same among 50,000 and among 1,000,000 people, and a history of 100,000 posts beside one of fifty."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.bench.feed import on

SMALL, LARGE = 50_000, 1_000_000
ROUNDS = 15
SHORT, LONG = 1, 2  # profiles; the long one's second handle is of profile 3, which is merged into it
POSTS, TALKS = 100_000, 5_000  # of the long one: posts, and the conversations that they are in

FILL = """
INSERT INTO profiles_profile (id, name, language, stage, created_at)
  SELECT n, 'Person ' || n, 'en', 'prospect', now() FROM generate_series(1, {people}) n;
UPDATE profiles_profile SET merged_into_id = 2, root_id = 2 WHERE id = 3;
INSERT INTO profiles_handle (id, profile_id, network, external_id, username, display_name, followers, url, first_seen_at)
  SELECT n, n, 'x', 'a' || n, 'person' || n, 'Person ' || n, n % 5000, '', now() FROM generate_series(1, {people}) n;
INSERT INTO listening_conversation (id, network, author_id, status, priority, priority_reasons, excerpt, language, sentiment,
    due_kind, activity_at, opened_at)
  SELECT n, 'x', n, 'resolved', 1, '[]', 'the bike is late', 'en', 'negative', '', now() - make_interval(mins => n), now()
  FROM generate_series(1, {people}) n;
INSERT INTO listening_conversation (id, network, author_id, status, priority, priority_reasons, excerpt, language, sentiment,
    due_kind, activity_at, opened_at)
  SELECT {people} + n, 'x', 2 + n % 2, 'resolved', 1, '[]', 'the bike is late', 'en', 'negative', '',
    now() - make_interval(hours => 5 * n), now() - make_interval(hours => 5 * n)
  FROM generate_series(1, {talks}) n;
INSERT INTO listening_mention (id, network, external_id, author_id, conversation_id, text, folded, language, posted_at, received_at,
    url, media, reposts, is_own, is_addressed, asks_for_help, score, label, confidence, scorer)
  SELECT n, 'x', 'm' || n, n, n, 'the bike is late', 'the bike is late', 'en', now() - make_interval(mins => n), now(), '', '[]', 0,
    false, true, false, -0.4, 'negative', 0.8, 'bench'
  FROM generate_series(1, {people}) n;
INSERT INTO listening_mention (id, network, external_id, author_id, conversation_id, text, folded, language, posted_at, received_at,
    url, media, reposts, is_own, is_addressed, asks_for_help, score, label, confidence, scorer)
  SELECT {people} + n, 'x', 'l' || n, 2 + n % 2, {people} + 1 + n % {talks}, 'the bike is late', 'the bike is late', 'en',
    now() - make_interval(mins => 15 * n), now(), '', '[]', 0, false, true, false, -0.4, 'negative', 0.8, 'bench'
  FROM generate_series(1, {posts}) n;
INSERT INTO listening_mention (id, network, external_id, author_id, conversation_id, text, folded, language, posted_at, received_at,
    url, media, reposts, is_own, is_addressed, asks_for_help, score, label, confidence, scorer)
  SELECT {people} + {posts} + n, 'x', 's' || n, 1, 1, 'the bike is late', 'the bike is late', 'en',
    now() - make_interval(mins => 15 * n), now(), '', '[]', 0, false, true, false, -0.4, 'negative', 0.8, 'bench'
  FROM generate_series(1, 50) n;
INSERT INTO engagement_message (conversation_id, kind, is_incoming, text, network, external_id, url, request_key, created_at)
  SELECT c.id, k.kind, false, 'we look into it', '', '', '', '', c.activity_at
  FROM listening_conversation c, (VALUES ('note'), ('direct_message')) k (kind)
  WHERE c.author_id IN (2, 3) OR c.id % 10 = 1;
INSERT INTO profiles_profilenote (profile_id, agent_id, text, created_at, changed_at)
  SELECT p.id, 1, 'likes the blue one', now(), now() FROM profiles_profile p WHERE p.id % 10 = 1 OR p.id = 2;
"""


def fill(people: int) -> None:
    """A database of `people`, each with a post, two of them with what is measured."""
    from profiles.models import Agent

    call_command("migrate", verbosity=0)
    Agent.objects.create(pk=1, username="agent1", role="agent")
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(people=people, posts=POSTS, talks=TALKS))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _cases(client: Client) -> dict[str, Callable[[], Any]]:
    """What is timed, on the connection that is open."""
    from profiles.models import Profile
    from profiles.services.card import read_card
    from profiles.timeline import find_subject, read_timeline

    def page(person: int, **wanted: Any) -> Any:
        return read_timeline(subject=find_subject(person), **wanted)

    deep = page(LONG, limit=20_000).next  # twenty thousand entries further down
    cases: dict[str, Callable[[], Any]] = {"long: 20,000 down": partial(page, LONG, after=deep)}
    for name, person in (("short", SHORT), ("long", LONG)):
        cases |= {
            f"{name}: page": partial(page, person),
            f"{name}: posts only": partial(page, person, kinds=["mention"]),
            f"{name}: card": partial(read_card, Profile.objects.get(pk=person)),
            f"{name}: /profiles/": partial(client.get, f"/profiles/{person}/"),
            f"{name}: API": partial(client.get, f"/api/profiles/{person}/timeline/"),
        }
    return cases


def bench(small: str, large: str) -> dict[str, Any]:
    """Medians in milliseconds on both databases, measured in turn; their ratios, and those of the long history to the short one."""
    from profiles.models import Agent

    filled = {}
    for name, people in ((small, SMALL), (large, LARGE)):
        started = time.monotonic()
        with on(name):
            fill(people)
        filled[name] = round(time.monotonic() - started)
    client = Client()
    times: dict[str, dict[str, list[float]]] = {}
    queries: dict[str, int] = {}
    for turn in range(ROUNDS + 1):
        for name in (small, large) if turn % 2 else (large, small):
            with on(name):
                client.force_login(Agent.objects.get(pk=1), backend="django.contrib.auth.backends.ModelBackend")
                for case, call in _cases(client).items():
                    call()
                    started = time.perf_counter()
                    call()
                    spent = (time.perf_counter() - started) * 1000
                    if turn:
                        times.setdefault(case, {small: [], large: []})[name].append(spent)
                    elif case not in queries:
                        with CaptureQueriesContext(connection) as captured:
                            call()
                        queries[case] = len(captured)
    middle = {case: {name: statistics.median(spent) for name, spent in of.items()} for case, of in times.items()}
    rows = {
        case: {
            "ms_small": round(of[small], 1),
            "ms_large": round(of[large], 1),
            "ratio": round(of[large] / of[small], 2),
            "queries": queries[case],
        }
        for case, of in middle.items()
    }
    lengths = {
        case.removeprefix("long: "): round(middle[case][large] / middle[case.replace("long", "short")][large], 2)
        for case in middle
        if case.startswith("long") and case.replace("long", "short") in middle
    }
    return {
        "people": f"{SMALL:,} and {LARGE:,}",
        "posts": f"51 and {POSTS:,} over two handles",
        "fill_seconds": filled[large],
        "worst_ratio": max(row["ratio"] for row in rows.values()),
        "goal": 1.3,
        "long_to_short": lengths,
        "cases": rows,
    }
