"""What a query form shows beside the query: the posts that it matches with their words marked, or its mistake and where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from listening.models import Mention
from listening.query import find_spans, parse
from listening.services.topics import Preview
from listening.templatetags.desk import mark_spans
from socialdesk.lib.errors import DeskError

AROUND = 40  # characters of a query that are shown on each side of its mistake


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a query and where: the text before the column, the word at it, the text after."""

    message: str
    column: int
    before: str
    at: str
    after: str


def mark_matches(preview: Preview, query: str) -> list[tuple[Mention, SafeString]]:
    """The posts of a preview, their words marked where there is a query."""
    parsed = parse(query) if query.strip() else None
    return [(mention, mark_spans(mention.text, find_spans(parsed, mention.text) if parsed else [])) for mention in preview.mentions]


def place_error(error: DeskError, query: str) -> dict[str, Any]:
    """A refusal beside the field that it is about: the query if it names a column, else the form."""
    column = error.extra.get("column")
    if not isinstance(column, int):
        return {"error": error}
    at = column - 1
    word = re.match(r"\w+|\S|", query[at:])
    end = at + max(1, len(word.group()) if word else 0)
    before, after = query[max(0, at - AROUND) : at], query[end : end + AROUND]
    return {
        "mistake": Mistake(
            message=error.message,
            column=column,
            before=f"{'…' if at > AROUND else ''}{before}",
            at=query[at:end].strip() or "␣",
            after=f"{after}{'…' if len(query) > end + AROUND else ''}",
        )
    }
