"""The same pages over 50,000 and over 1,000,000 mentions: what a long list costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

SMALL, LARGE = 50_000, 1_000_000
ROUNDS = 15

# One conversation in three is active; a fifth of the mentions carry the commonest topic. The rarest, and the rarest word, stand on three
# hundred mentions however many there are: a full page of both sizes, and the more to look through for it.
FILL = """
INSERT INTO profiles_profile (id, name, language, stage, created_at)
  SELECT n, 'Person ' || n, '', 'prospect', now() FROM generate_series(1, {people}) n;
INSERT INTO profiles_handle (id, profile_id, network, external_id, username, display_name, followers, url, first_seen_at)
  SELECT n, n, 'x', 'a' || n, 'person' || n, 'Person ' || n, n % 5000, '', now() FROM generate_series(1, {people}) n;
INSERT INTO listening_topic (id, name, query, is_active, created_at, changed_at)
  SELECT n, 'Topic ' || n, 'word' || n, true, now(), now() FROM generate_series(1, 10) n;
INSERT INTO listening_conversation (id, network, author_id, status, assignee_id, priority, priority_reasons, last_mention_id,
    excerpt, language, sentiment, is_proactive, activity_at, opened_at, waiting_since, due_at, due_kind)
  SELECT n, (ARRAY['x', 'mastodon', 'bluesky'])[1 + n / 11 % 3], 1 + n % {people},
    (ARRAY['new', 'open', 'waiting', 'resolved', 'resolved', 'resolved'])[1 + n / 7 % 6], CASE WHEN n % 40 = 0 THEN 1 + n % 5 END,
    (ARRAY[1, 1, 1, 1, 1, 1, 1, 2, 0, 3])[1 + n % 10], '[]', n, 'the bike number ' || n || ' is late again and nobody answers',
    (ARRAY['en', 'en', 'en', 'de', 'fr'])[1 + n / 13 % 5], (ARRAY['negative', 'negative', 'neutral', 'positive', 'unsure'])[1 + n % 5],
    n % 200 = 0,
    now() - make_interval(secs => 30.0 * ({size} - n)), now() - make_interval(secs => 30.0 * ({size} - n)), now(), now(), 'first'
  FROM generate_series(1, {size}) n;
INSERT INTO listening_mention (id, network, external_id, author_id, conversation_id, text, folded, language, posted_at, received_at,
    url, media, reposts, is_own, is_addressed, asks_for_help, score, label, confidence, scorer)
  SELECT n, (ARRAY['x', 'mastodon', 'bluesky'])[1 + n / 11 % 3], 'm' || n, 1 + n % {people}, n, t.text, t.text, 'en',
    now() - make_interval(secs => 30.0 * ({size} - n)), now(), '', '[]', 0, false, true, false, -0.4,
    (ARRAY['negative', 'negative', 'neutral', 'positive', 'unsure'])[1 + n % 5], 0.8, 'bench'
  FROM generate_series(1, {size}) n,
    LATERAL (SELECT 'the bike number ' || n || ' is late again ' || (ARRAY['battery', 'brake', 'app', 'delivery', 'bill'])[1 + n % 5]
      || CASE WHEN n % ({size} / 300) = 0 THEN ' zebra' ELSE '' END || CASE WHEN n % 50 = 0 THEN ' lantern' ELSE '' END AS text) t;
INSERT INTO listening_mentiontopic (topic_id, mention_id, posted_at)
  SELECT t.id, m.id, m.posted_at FROM listening_mention m
  JOIN listening_topic t ON m.id % (ARRAY[5,7,11,20,50,100,200,500,1000,{size} / 300])[t.id] = 0;
INSERT INTO listening_conversationtopic (topic_id, conversation_id, is_active, activity_at)
  SELECT t.id, c.id, c.status IN ('new', 'open'), c.activity_at
  FROM listening_conversation c
  JOIN listening_topic t ON c.id % (ARRAY[5,7,11,20,50,100,200,500,1000,{size} / 300])[t.id] = 0;
"""

PAGES = {
    "desk": "/",
    "feed": "/feed/",
    "feed urgent": "/feed/?view=urgent",
    "feed negative": "/feed/?view=negative",
    "feed unassigned": "/feed/?view=unassigned",
    "feed mine": "/feed/?view=mine",
    "feed proactive": "/feed/?view=proactive",
    "feed resolved": "/feed/?view=resolved",
    "feed due first": "/feed/?sort=due",
    "feed common topic": "/feed/?topic=1",
    "feed rare topic": "/feed/?topic=10",
    "feed language": "/feed/?language=fr",
    "feed network, positive": "/feed/?network=bluesky&sentiment=positive",
    "feed search": "/feed/?q=lantern",
    "api": "/api/mentions/",
    "api sentiment": "/api/mentions/?sentiment=unsure",
    "api common topic": "/api/mentions/?topic=1",
    "api rare topic": "/api/mentions/?topic=10",
    "api status": "/api/mentions/?status=new",
    "api assignee": "/api/mentions/?assignee=agent1",
    "api author": "/api/mentions/?author=person77",
    "api common word": "/api/mentions/?q=bike",
    "api rare word": "/api/mentions/?q=zebra",
    "api old": "/api/mentions/?until={old}",
}


def fill(size: int) -> None:
    """A database of `size` mentions, as many conversations, and five agents."""
    from profiles.models import Agent

    call_command("migrate", verbosity=0)
    for number in range(1, 6):
        Agent.objects.create(pk=number, username=f"agent{number}", role="agent")
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(size=size, people=size // 2))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def on(name: str) -> Iterator[None]:
    """The default connection turned to another database of the same server."""
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def bench(small: str, large: str) -> dict[str, Any]:
    """Medians in milliseconds for each page on both databases, measured in turn, their ratios and query counts."""
    from datetime import timedelta

    from profiles.models import Agent
    from socialdesk.lib.clock import now

    for name, size in ((small, SMALL), (large, LARGE)):
        with on(name):
            fill(size)
    times: dict[str, dict[str, list[float]]] = {page: {small: [], large: []} for page in PAGES}
    queries: dict[str, int] = {}
    client = Client()
    old = (now() - timedelta(seconds=30 * SMALL * 0.9)).isoformat().replace("+", "%2B")
    for turn in range(ROUNDS + 2):
        for name in (small, large) if turn % 2 else (large, small):
            with on(name):
                client.force_login(Agent.objects.get(pk=1), backend="django.contrib.auth.backends.ModelBackend")
                for page, address in PAGES.items():
                    where = address.format(old=old)
                    with CaptureQueriesContext(connection) as captured:
                        answer = client.get(where)
                    assert answer.status_code == 200, (where, answer.status_code, answer.content[:300])
                    queries[page] = max(queries.get(page, 0), len(captured))
                    spent = _milliseconds(partial(client.get, where))
                    if turn >= 2:
                        times[page][name].append(spent)
    rows = {}
    for page, measured in times.items():
        few, many = statistics.median(measured[small]), statistics.median(measured[large])
        rows[page] = {"ms_small": round(few, 1), "ms_large": round(many, 1), "ratio": round(many / few, 2), "queries": queries[page]}
    return {"small": SMALL, "large": LARGE, "worst_ratio": max(row["ratio"] for row in rows.values()), "goal": 1.3, "pages": rows}
