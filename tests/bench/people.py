"""The list of people over 50,000 and over 1,000,000 of them: words, segments, and the desk of a segment."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.bench.feed import on

SMALL, LARGE = 50_000, 1_000_000
ROUNDS = 11

# What is common is a share of all, what is rare stands on three hundred people however many there are: a full page of both sizes, and
# the more to look through for it. Everybody has a handle, every other one an e-mail address and a number, every third a conversation.
FILL = """
INSERT INTO profiles_profile (id, name, language, time_zone, company, stage, preferred_channel, implied_channel, do_not_contact_why,
    sources, version, created_at, owner_id, terms_at)
  SELECT n, {first} || ' ' || {last}, CASE WHEN {rare} THEN 'fi' WHEN n % 4 = 0 THEN 'de' ELSE '' END, '',
    CASE WHEN n % 1000 = 3 THEN 'Lindqvist AB' ELSE '' END,
    CASE WHEN {rare} THEN 'high_value' WHEN n % 5 = 0 THEN 'customer' ELSE 'prospect' END, '', '', '', '{{}}', 0,
    now() - make_interval(secs => 30.0 * ({people} - n)), CASE WHEN n % 50 = 0 THEN 1 + n / 50 % 5 END, now()
  FROM generate_series(1, {people}) n;
INSERT INTO profiles_handle (id, profile_id, network, external_id, username, display_name, followers, url, bio, first_seen_at)
  SELECT n, n, CASE WHEN {rare} THEN 'bluesky' ELSE 'x' END, 'a' || n, 'person_' || n, '',
    CASE WHEN {rare} THEN 60000 ELSE n % 5000 END, '', '', now()
  FROM generate_series(1, {people}) n;
INSERT INTO profiles_contactpoint (profile_id, kind, value, typed, state, source, problem, verified_how, verified_at, created_at,
    changed_at)
  SELECT n, k.kind, CASE k.kind WHEN 'email' THEN 'm' || n || '@post.example' ELSE '+44' || (1170000000 + n) END, '',
    CASE WHEN n % 10 = 0 THEN 'verified' ELSE 'given' END, 'agent', '', '', now(), now(), now()
  FROM generate_series(1, {people}, 2) m, LATERAL (SELECT m + m / 2 % 2 AS n) x, (VALUES ('email'), ('phone')) k (kind);
INSERT INTO profiles_tag (id, name, folded) VALUES (1, 'VIP', 'vip'), (2, 'Beekeeper', 'beekeeper');
INSERT INTO profiles_profiletag (profile_id, tag_id, source, at)
  SELECT n, 1, 'agent', now() FROM generate_series(1, {people}) n WHERE n % 20 = 0
  UNION ALL SELECT n, 2, 'agent', now() FROM generate_series(1, {people}) n WHERE {rare};
INSERT INTO profiles_profilenote (profile_id, text, created_at, changed_at)
  SELECT n, 'asked for the blue saddle', now(), now() FROM generate_series(1, {people}) n WHERE n % 100 = 1;
INSERT INTO profiles_customfield (id, key, label, kind, choices, position) VALUES (1, 'number', 'Customer number', 'text', '[]', 0),
  (2, 'spent', 'Spent', 'number', '[]', 1);
INSERT INTO profiles_customvalue (profile_id, field_id, text, number, source, changed_at)
  SELECT n, 1, 'KD-' || n, NULL, 'agent', now() FROM generate_series(1, {people}) n WHERE n % 5 = 0
  UNION ALL SELECT n, 2, n % 1000 || '', CASE WHEN {rare} THEN 5000 ELSE n % 1000 END, 'agent', now()
  FROM generate_series(1, {people}) n WHERE n % 5 = 0 OR {rare};
INSERT INTO listening_conversation (id, network, author_id, status, priority, priority_reasons, excerpt, language, sentiment,
    due_kind, activity_at, opened_at)
  SELECT n, 'x', n, (ARRAY['new', 'open', 'waiting', 'resolved', 'resolved', 'resolved'])[1 + n / 3 % 6], 1, '[]', 'the bike is late', 'en',
    (ARRAY['negative', 'neutral', 'positive', 'unsure'])[1 + n / 3 % 4], '', now() - make_interval(secs => 30.0 * ({people} - n)), now()
  FROM generate_series(3, {people}, 3) n;
"""
TERMS = """
INSERT INTO profiles_searchterm (profile_id, kind, term)
  SELECT n, 'handle', unnest(ARRAY['person_' || n, '@person_' || n, 'person', n || '']) FROM generate_series(1, {people}) n
  UNION ALL SELECT n, 'name', unnest(ARRAY[{first}, {last}, {first} || ' ' || {last}]) FROM generate_series(1, {people}) n
  UNION ALL SELECT profile_id, 'email', unnest(ARRAY[value, split_part(value, '@', 1), 'post.example'])
    FROM profiles_contactpoint WHERE kind = 'email'
  UNION ALL SELECT profile_id, 'phone', unnest(ARRAY[substr(value, 2), substr(value, 4), '~' || reverse(substr(value, 2))])
    FROM profiles_contactpoint WHERE kind = 'phone'
  UNION ALL SELECT profile_id, 'tag', CASE tag_id WHEN 1 THEN 'vip' ELSE 'beekeeper' END FROM profiles_profiletag
  UNION ALL SELECT profile_id, 'note', unnest(ARRAY['asked', 'for', 'the', 'blue', 'saddle']) FROM profiles_profilenote
  UNION ALL SELECT id, 'company', unnest(ARRAY['lindqvist ab', 'lindqvist', 'ab']) FROM profiles_profile WHERE company <> ''
  UNION ALL SELECT profile_id, 'custom', unnest(ARRAY[lower(text), substr(text, 4)]) FROM profiles_customvalue WHERE field_id = 1
"""
PARTS = {
    "first": "CASE WHEN n / 7 % 10 = 0 THEN 'anna' ELSE 'first' || n % 997 END",
    "last": "CASE WHEN {rare} THEN 'zebrowska' WHEN n / 11 % 10 = 0 THEN 'berg' ELSE 'last' || n % 9973 END",
    "rare": "n % ({people} / 300) = 0",
}

PAGES = {
    "list": "/people/",
    "rare name": "/people/?q=zebrowska",
    "common name": "/people/?q=anna",
    "beginning of a name": "/people/?q=ann",
    "beginning of every handle": "/people/?q=pers",
    "common and rare": "/people/?q=anna+zebrowska",
    "common and common": "/people/?q=berg+anna",
    "two common tags and names": "/people/?q=vip+anna",
    "handle": "/people/?q=@person_40123",
    "phone, oddly written": "/people/?q=0117+004-0121",
    "end of a phone": "/people/?q=040121",
    "e-mail": "/people/?q=m40121@post.example",
    "domain of every other": "/people/?q=post.example",
    "common tag": "/people/?q=vip",
    "rare tag": "/people/?q=beekeeper",
    "word of notes": "/people/?q=saddle",
    "number of ours": "/people/?q=KD-40125",
    "nobody": "/people/?q=qqqqq",
    "common, in a segment": "/people/?q=anna&stage=customer",
    "common stage": "/people/?stage=customer",
    "rare stage": "/people/?stage=high_value",
    "of one owner": "/people/?owner=mine",
    "API by e-mail": "/api/profiles/?email=m40121@post.example",
    "API by words": "/api/profiles/?q=anna+berg",
}
SEGMENTS: dict[str, list[dict[str, Any]]] = {
    "common tag": [{"field": "tag", "is": "is", "value": ["vip"]}],
    "rare tag": [{"field": "tag", "is": "is", "value": ["beekeeper"]}],
    "without a tag": [{"field": "tag", "is": "is_not", "value": ["vip"]}],
    "rare language": [{"field": "language", "is": "is", "value": ["fi"]}],
    "rare network": [{"field": "network", "is": "is", "value": ["bluesky"]}],
    "many followers": [{"field": "followers", "is": "more", "value": 50_000}],
    "some followers": [{"field": "followers", "is": "more", "value": 4_000}],
    "verified e-mail": [{"field": "verified", "is": "is", "value": ["email"]}],
    "a number of ours": [{"field": "custom:number", "is": "is", "value": "KD-40125"}],
    "spent much": [{"field": "custom:spent", "is": "more", "value": "2000"}],
    "spent something": [{"field": "custom:spent", "is": "more", "value": "500"}],
    "company": [{"field": "company", "is": "is", "value": "Lindqvist AB"}],
    "name holds": [{"field": "name", "is": "contains", "value": "erg"}],
    "negative lately": [{"field": "sentiment", "is": "within", "value": ["negative"], "days": 30}],
    "wrote today": [{"field": "last_contact", "is": "within", "days": 1}],
    "wrote long ago": [{"field": "last_contact", "is": "before", "days": 2}],
    "customers, negative, with an e-mail": [
        {"field": "stage", "is": "is", "value": ["customer"]},
        {"field": "sentiment", "is": "within", "value": ["negative"], "days": 30},
        {"field": "contact", "is": "is", "value": ["email"]},
    ],
}
ON_THE_DESK = ("common tag", "rare tag")  # segments that filter the feed as well


def fill(people: int) -> None:
    """A database of so many people, with their words."""
    from profiles.models import Agent, Segment
    from socialdesk.lib.clock import now

    call_command("migrate", verbosity=0)
    Agent.objects.bulk_create(Agent(pk=number, username=f"agent{number}", role="agent") for number in range(1, 6))
    rare = PARTS["rare"].format(people=people)
    parts = {"people": people, "rare": rare, "first": PARTS["first"], "last": PARTS["last"].format(rare=rare)}
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(**parts))
        # Indexes are built once and not row by row, or filling takes ten minutes.
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'profiles_searchterm' AND indexname LIKE 'search_term%'")
        indexes = [definition for (definition,) in cursor.fetchall()]
        cursor.execute("ALTER TABLE profiles_searchterm DROP CONSTRAINT search_term_once")
        cursor.execute("DROP INDEX search_term_term")
        cursor.execute(TERMS.format(**parts))
        for definition in indexes:
            cursor.execute(definition)
    for name, conditions in SEGMENTS.items():
        Segment.objects.create(name=name, conditions=conditions, made_at=now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _pages() -> dict[str, str]:
    """Every address that is timed, on the connection that is open."""
    from profiles.models import Segment
    from profiles.services.search import search_people

    ids = dict(Segment.objects.values_list("name", "pk"))
    pages = dict(PAGES)
    deep = search_people(agent=None, limit=500)
    for _ in range(40):
        deep = search_people(agent=None, limit=500, after=deep.next)
    pages["list, 20,000 down"] = f"/people/?after={deep.next}"
    pages |= {f"segment: {name}": f"/people/?segment={ids[name]}" for name in SEGMENTS}
    return pages | {f"feed of segment: {name}": f"/feed/?segment={ids[name]}" for name in ON_THE_DESK}


def bench(small: str, large: str) -> dict[str, Any]:
    """Medians in milliseconds on both databases, measured in turn, and their ratios."""
    from profiles.models import Agent

    filled, pages = {}, {}
    for name, people in ((small, SMALL), (large, LARGE)):
        started = time.monotonic()
        with on(name):
            fill(people)
            pages[name] = _pages()
        filled[name] = round(time.monotonic() - started)
    client = Client()
    times: dict[str, dict[str, list[float]]] = {}
    shown: dict[str, dict[str, int]] = {}
    queries: dict[str, int] = {}
    for turn in range(ROUNDS + 1):
        for name in (small, large) if turn % 2 else (large, small):
            with on(name):
                client.force_login(Agent.objects.get(pk=1), backend="django.contrib.auth.backends.ModelBackend")
                for case, address in pages[name].items():
                    client.get(address)
                    started = time.perf_counter()
                    answer = client.get(address)
                    spent = (time.perf_counter() - started) * 1000
                    if turn:
                        times.setdefault(case, {small: [], large: []})[name].append(spent)
                        continue
                    shown.setdefault(case, {})[name] = _rows(answer)
                    with CaptureQueriesContext(connection) as captured:
                        client.get(address)
                    queries[case] = max(len(captured), queries.get(case, 0))
    middle = {case: {name: statistics.median(spent) for name, spent in of.items()} for case, of in times.items()}
    rows: dict[str, dict[str, Any]] = {
        case: {
            "ms_small": round(of[small], 1),
            "ms_large": round(of[large], 1),
            "ratio": round(of[large] / of[small], 2),
            "shown": f"{shown[case][small]}/{shown[case][large]}",
            "queries": queries[case],
        }
        for case, of in middle.items()
    }
    return {
        "people": f"{SMALL:,} and {LARGE:,}",
        "fill_seconds": filled[large],
        "worst_ratio": max(row["ratio"] for row in rows.values()),
        "goal": 1.3,
        "cases": rows,
    }


def _rows(answer: Any) -> int:
    """How many people or cards a page shows."""
    assert answer.status_code == 200, answer.content[:500]
    if answer["Content-Type"].startswith("application/json"):
        return len(answer.json()["results"])
    return len(re.findall(rb"data-person\b|<li class=\"card", answer.content))
