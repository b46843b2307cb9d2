"""`manage.py score_texts`: lines, figures, and what it says of files that it cannot read. None of it touches the database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from socialdesk.management.commands.score_texts import measure

ROWS = """text,sentiment
"The lock is broken, again",negative
I love it!,Positive
"Wo ist
mein Rad?",negative
It is blue,neutral
ok then,
"""


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def run(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    out, err = StringIO(), StringIO()
    call_command("score_texts", *arguments, stdout=out, stderr=err)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_each_text_is_one_line_with_its_parts(posts: Path) -> None:
    lines, err = run(str(posts), "--text-column", "text")
    assert len(lines) == 5
    assert [line["label"] for line in lines] == ["negative", "positive", "unsure", "neutral", "neutral"]
    assert lines[2]["language"] == "de"
    assert lines[0]["parts"][0] == {"text": "broken", "weight": -1.5, "note": "care lexicon: a failure"}
    assert "posts.csv" in err


def test_labels_are_measured_in_the_last_line(posts: Path) -> None:
    lines, _ = run(str(posts), "--text-column", "text", "--label-column", "sentiment")
    assert len(lines) == 6
    assert lines[-1] == {
        "n": 4,
        "accuracy": 0.75,
        "macro_f1": round((2 / 3 + 1 + 2 / 3) / 3, 4),
        "macro_recall": round(2.5 / 3, 4),
        "coverage": 0.75,
        "accuracy_where_sure": 1.0,
        "unlabelled": 1,
    }


def test_figures_are_those_of_a_hand_count() -> None:
    figures = measure(
        Counter(
            {
                ("negative", "negative", True): 6,
                ("negative", "neutral", False): 2,
                ("neutral", "neutral", True): 1,
                ("positive", "negative", True): 1,
            }
        )
    )
    assert figures == {
        "n": 10,
        "accuracy": 0.7,
        "macro_f1": round((12 / 15 + 2 / 4 + 0) / 3, 4),
        "macro_recall": round((6 / 8 + 1 + 0) / 3, 4),
        "coverage": 0.8,
        "accuracy_where_sure": 0.875,
    }


def test_byte_order_mark_wide_rows_short_rows_and_huge_fields_are_read(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("\ufefftext,x\nlove it,1,2,3\nbad\n" + "bad " * 100_000 + ",1\n\x00,1\n", encoding="utf-8")
    lines, _ = run(str(path), "--text-column", "text")
    assert [line["label"] for line in lines] == ["positive", "negative", "negative", "unsure"]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, ["--text-column", "text"], "cannot read"),
        (b"", ["--text-column", "text"], "is empty"),
        (b"a,b\n1,2\n", ["--text-column", "text"], "has no column “text”; it has a, b"),
        (b"text\nbad\n", ["--text-column", "text", "--label-column", "sentiment"], "has no column “sentiment”"),
        (b"text,sentiment\nbad,meh\n", ["--text-column", "text", "--label-column", "sentiment"], "no text has a label"),
        ("text\nschön\n".encode("latin1"), ["--text-column", "text"], "is not UTF-8: byte 0xf6"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_is_wrong(tmp_path: Path, content: bytes | None, arguments: list[str], message: str) -> None:
    path = tmp_path / "posts.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=message.replace("“", ".").replace("”", ".")):
        run(str(path), *arguments)


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("text\n" + "The lock is broken, again, and nobody answers\n" * 5000, encoding="utf-8")
    manage = Path(__file__).parents[3] / "manage.py"
    with subprocess.Popen(
        [sys.executable, str(manage), "score_texts", str(path), "--text-column", "text", "--verbosity", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["label"] == "negative"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
