"""The commands that people and programs run."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from knox.auth import TokenAuthentication

from listening.models import IntakeBatch, Mention
from tests.factories import make_agent

pytestmark = pytest.mark.django_db
HEADER = ["tweet_id", "created_at", "name", "text"]
ROWS = [
    ["1", "2015-02-24T19:35:52Z", "cairdin", '@VirginAmerica What?\nA line break, "quoted"'],
    ["2", "2015-02-24T19:13:57Z", "cmc", "great flight 😀"],
]


def run(*args, **options):
    out = StringIO()
    call_command(*args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.fixture
def sheet(tmp_path):
    def write(rows, header=HEADER):
        path = tmp_path / "posts.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


def test_a_csv_file_is_imported_once(sheet):
    path = sheet(ROWS)
    assert run("import_mentions", path, network="x").startswith("2 posts: 2 stored, 0 duplicate")
    assert run("import_mentions", path, network="x").startswith("2 posts: 0 stored, 2 duplicate")
    assert Mention.objects.get(external_id="1").text == ROWS[0][3]
    assert Mention.objects.get(external_id="1").author.username == "cairdin"


def test_columns_are_named_by_map(sheet):
    path = sheet([["9", "2015-02-24T19:35:52Z", "hello", "Ann", "77"]], ["nr", "when", "said", "who", "fans"])
    run(
        "import_mentions", path, network="mastodon",
        map=["external_id=nr", "posted_at=when", "text=said", "author.username=who", "author.followers=fans"],
    )  # fmt: skip
    mention = Mention.objects.get()
    assert (mention.external_id, mention.text, mention.author.username, mention.author.followers) == ("9", "hello", "Ann", 77)


def test_refused_rows_are_reported_with_their_reason(sheet):
    out = run("import_mentions", sheet([*ROWS, ["3", "long ago", "x", "hm"], ["", "2015-02-24T19:13:57Z", "x", "hm"]]), network="x")
    assert "2 stored" in out
    assert "2 rejected" in out
    assert "post 3: posted_at 'long ago' is not a time" in out
    assert "post 4: external_id is empty" in out
    assert IntakeBatch.objects.get().seen == 4


def test_jsonl_is_imported_with_broken_lines_refused(tmp_path):
    path = tmp_path / "posts.jsonl"
    good = {"external_id": "1", "text": "hi", "author": {"username": "a"}, "posted_at": "2026-01-01T00:00:00Z"}
    path.write_text(json.dumps(good) + "\n{broken\n\n")
    out = run("import_mentions", path, network="web")
    assert "1 stored" in out
    assert "1 rejected" in out


def test_whose_posts_are_ours_can_be_said(sheet):
    run("import_mentions", sheet(ROWS), network="x", own=["cmc"])
    assert Mention.objects.get(external_id="2").is_own
    assert Mention.objects.get(external_id="2").conversation is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "myspace"}, "unknown network"),
        ({"network": "x", "map": ["text=nope"]}, "no such column"),
        ({"network": "x", "map": ["x"]}, "FIELD=COLUMN"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_read(sheet, options, message):
    with pytest.raises(CommandError, match=message):
        run("import_mentions", sheet(ROWS), **options)


def test_a_missing_file_and_missing_columns_are_said(tmp_path, sheet):
    with pytest.raises(CommandError, match="cannot read"):
        run("import_mentions", tmp_path / "none.csv", network="x")
    with pytest.raises(CommandError, match="no column for external_id"):
        run("import_mentions", sheet([["a"]], ["column"]), network="x")


def test_a_token_is_printed_alone_and_works():
    agent = make_agent()
    out = run("create_token", agent.username)
    assert out.count("\n") == 1
    assert TokenAuthentication().authenticate_credentials(out.strip().encode())[0] == agent
    with pytest.raises(CommandError, match="no active agent"):
        run("create_token", "nobody")


def test_staff_is_added_with_a_password_worth_the_name(monkeypatch):
    from profiles.models import Agent

    monkeypatch.setattr("sys.stdin", StringIO("12345\n"))
    with pytest.raises(CommandError, match="too short"):
        run("create_agent", "nina", role="lead")
    monkeypatch.setattr("sys.stdin", StringIO("a long and quiet evening\n"))
    assert "may sign in as Lead" in run("create_agent", "nina", role="lead", name="Nina")
    assert Agent.objects.get(username="nina").check_password("a long and quiet evening")
    with pytest.raises(CommandError, match="already"):
        run("create_agent", "nina")
