"""The main job on real public posts: both files imported, threaded as they were, and worked through the desk."""

from __future__ import annotations

import csv
import os
import warnings
from collections import defaultdict
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from engagement.models import Delivery
from engagement.services.delivery import deliver
from listening.models import Conversation, IntakeBatch, Mention, Status
from listening.trends.rollups import read_counts, recount
from socialdesk.networks.registry import sandbox_world
from tests.factories import at, make_agent

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(300)]
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def real_file(name: str) -> Path | None:
    """The file, or None in a clone that has no data beside it. In CI it has to be there."""
    path = DATA / name
    if path.exists():
        return path
    assert not os.environ.get("CI"), f"{path} is missing: in CI the check on real posts must run"
    warnings.warn(f"{name} is not at hand: this check looked at nothing", stacklevel=2)
    return None


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(path: Path, *own: str) -> str:
    out = StringIO()
    call_command("import_mentions", path, network="sandbox", own=list(own), stdout=out, verbosity=0)
    if connection.vendor == "postgresql":  # as it does by itself within a minute, but not for rows of a transaction that goes on
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return out.getvalue()


def test_real_conversations_thread_as_they_were():
    path = real_file("conversations_dev.csv")
    if path is None:
        return
    rows = read(path)
    brands = {row["author_id"] for row in rows if row["inbound"] == "False"}
    out = load(path, *brands)
    assert f"{len(rows):,} posts: {len(rows):,} stored, 0 duplicate, 0 folded, 0 filtered, 0 rejected" in out
    mentions = {m.external_id: m for m in Mention.objects.select_related("author")}
    assert len(mentions) == len(rows)
    together: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for row in rows:
        mention = mentions[row["tweet_id"]]
        assert mention.is_own == (row["inbound"] == "False")
        if not mention.is_own:
            together[row["thread_id"], row["author_id"]].add(mention.conversation_id)
    # One customer in one thread is one conversation: nobody answers the same person at two places.
    assert {key: found for key, found in together.items() if len(found) != 1} == {}
    for row in rows:
        mention, parent = mentions[row["tweet_id"]], mentions.get(row["in_response_to_tweet_id"])
        if mention.is_own and parent is not None and not parent.is_own:
            assert mention.conversation_id == parent.conversation_id
    # Those whom the brand answered last wait for the customer, the others wait for us.
    for conversation in Conversation.objects.all():
        last = conversation.mentions.order_by("-posted_at").first()
        assert last is not None
        assert conversation.is_active != last.is_own, conversation


def test_real_complaints_are_imported_counted_and_worked():
    path = real_file("airline_dev.csv")
    if path is None:
        return
    rows = read(path)
    different = {row["tweet_id"] for row in rows}
    out = load(path, "tidewheel")
    assert f"{len(different):,} stored" in out
    assert "0 rejected" in out
    assert f"{len(rows):,} duplicate" in load(path, "tidewheel")
    for batch in IntakeBatch.objects.all():
        assert batch.seen == batch.stored + batch.duplicate + batch.folded + batch.filtered + batch.rejected
    since, until = at("2015-02-01T00:00:00+00:00"), at("2015-03-01T00:00:00+00:00")
    assert read_counts(since, until) == recount(since, until)

    agent = make_agent()
    client = Client()
    client.force_login(agent, backend=BACKEND)
    assert client.get("/").status_code == 200
    negatives = client.get("/api/mentions/?sentiment=negative&page_size=500").json()["results"]
    assert len(negatives) == 500
    worked = list(dict.fromkeys(row["conversation"] for row in negatives))[:40]
    for number, conversation in enumerate(worked):
        base = f"/api/conversations/{conversation}/"
        assert client.post(base + "claim/").status_code == 200
        assert client.post(base + "note/", {"text": "booking looked up"}, content_type="application/json").status_code == 201
        answer = client.post(base + "reply/", {"text": f"We are sorry. Case {number}"}, content_type="application/json")
        assert answer.status_code == 201, answer.json()
        again = client.post(base + "reply/", {"text": "We are sorry twice"}, content_type="application/json")
        assert again.status_code == 409
    for delivery in Delivery.objects.all():
        deliver(delivery.pk)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert len(sandbox_world().posts_by("tidewheel")) == len(worked)
    assert Conversation.objects.filter(pk__in=worked, status=Status.WAITING).count() == len(worked)
    for conversation in worked:
        assert client.post(f"/api/conversations/{conversation}/resolve/").status_code == 200
