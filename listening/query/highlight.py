"""Where a text says what a query looks for, so that a screen can mark it."""

from __future__ import annotations

from collections.abc import Iterable

from listening.query.document import Doc, prepare
from listening.query.folding import fold_with_places
from listening.query.matching import Query


def find_spans(queries: Query | Iterable[Query], text: str) -> list[tuple[int, int]]:
    """The (start, end) stretches of `text` that speak for `queries`, in their order, those that touch made one.

    Whether the queries match as a whole is not asked. Fields and what is to be left out mark nothing.
    """
    wanted = [queries] if isinstance(queries, Query) else queries
    prepared = prepare(Doc(text))
    folded_spans = sorted({span for query in wanted for term in query.highlight_terms for span in term.find(prepared)})
    if not folded_spans:
        return []
    _, places = fold_with_places(text)
    merged: list[tuple[int, int]] = []
    for first, last in folded_spans:
        start, end = places[first][0], places[last - 1][1]
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
