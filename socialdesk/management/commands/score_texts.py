"""Scores the texts of a CSV file, one JSON line each, and measures the scorer where the file has labels."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from listening.sentiment import Explanation, Guess, get_scorer

LABELS: tuple[str, ...] = get_args(Guess)
LONGEST_FIELD = 200_000_000  # characters; the csv module stops at 131,072 otherwise


class Command(BaseCommand):
    help = (
        "Score each text of a CSV file. Prints one JSON line per text: score, label, guess, confidence, language, parts. "
        "With --label-column the last line measures them: every labelled text counts, an “unsure” one with its guess."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--text-column", required=True, help="the column with the texts")
        parser.add_argument("--label-column", help=f"the column with what is right: {', '.join(LABELS)}; other values are not counted")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        column: str | None = options["label_column"]
        results: Counter[tuple[str, str, bool]] = Counter()  # (right label, guess, whether the scorer was sure)
        unlabelled = 0
        terminal: Any = self.stderr
        try:
            with tqdm(desc=path.name, unit="B", unit_scale=True, file=terminal._out, disable=not options["verbosity"]) as bar:
                for row in _read_rows(path, [options["text_column"], *([column] if column else [])], bar):
                    explanation = get_scorer().explain(row[options["text_column"]])
                    self.stdout.write(json.dumps(_as_line(explanation)))
                    if column:
                        label = row[column].strip().lower()
                        if label in LABELS:
                            results[label, explanation.score.guess, explanation.score.label != "unsure"] += 1
                        else:
                            unlabelled += 1
            if column:
                if not results:
                    raise CommandError(f"no text has a label: “{column}” has none of {', '.join(LABELS)}")
                self.stdout.write(json.dumps({**measure(results), "unlabelled": unlabelled}))
            self.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def measure(results: Counter[tuple[str, str, bool]]) -> dict[str, float]:
    """Shares from 0 to 1 over (right label, guess, sure) counts; the macro averages are over the labels that occur in either."""
    n = results.total()
    pairs: Counter[tuple[str, str]] = Counter()
    for (label, guess, _), count in results.items():
        pairs[label, guess] += count
    recalls, f1s = [], []
    for name in sorted({name for pair in pairs for name in pair}):
        right = pairs[name, name]
        labelled = sum(count for (label, _), count in pairs.items() if label == name)
        guessed = sum(count for (_, guess), count in pairs.items() if guess == name)
        recalls.append(right / labelled if labelled else 0.0)
        f1s.append(2 * right / (labelled + guessed))
    sure = sum(count for (_, _, is_sure), count in results.items() if is_sure)
    sure_right = sum(count for (label, guess, is_sure), count in results.items() if is_sure and label == guess)
    return {
        "n": n,
        "accuracy": round(sum(pairs[name, name] for name in LABELS) / n, 4),
        "macro_f1": round(sum(f1s) / len(f1s), 4),
        "macro_recall": round(sum(recalls) / len(recalls), 4),
        "coverage": round(sure / n, 4),
        "accuracy_where_sure": round(sure_right / sure, 4) if sure else 0.0,
    }


def _as_line(explanation: Explanation) -> dict[str, Any]:
    score = explanation.score
    return {
        "score": score.score,
        "label": score.label,
        "guess": score.guess,
        "confidence": score.confidence,
        "language": score.language,
        "parts": [{"text": part.text, "weight": round(part.weight, 4), "note": part.note} for part in explanation.parts],
    }


def _read_rows(path: Path, columns: list[str], bar: tqdm[Any]) -> Iterator[dict[str, str]]:
    """The file's rows with at least `columns`, each a string; `bar` follows in bytes."""
    csv.field_size_limit(LONGEST_FIELD)
    rows = None
    try:
        with path.open("rb") as raw:
            bar.total = os.fstat(raw.fileno()).st_size
            rows = csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""), restval="")
            if not rows.fieldnames:
                raise CommandError(f"{path} is empty: its first line should name the columns")
            for column in columns:
                if column not in rows.fieldnames:
                    raise CommandError(f"{path} has no column “{column}”; it has {', '.join(rows.fieldnames)}")
            for row in rows:
                yield row
                bar.update(raw.tell() - bar.n)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{path} is not UTF-8: byte {error.object[error.start]:#04x}. Convert it first, for example with iconv -f latin1 -t utf-8"
        ) from None
    except csv.Error as error:
        raise CommandError(f"{path}, line {rows.line_num if rows else 1}: {error}") from None
