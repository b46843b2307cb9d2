"""Conditions that a query and a partial index must share word by word, on either database."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Q


def any_of(field: str, values: Iterable[str]) -> Q:
    """`field` has one of `values`, said as alternatives.

    SQLite does not see that a partial index on `IN (...)` holds what a query with `IN (?, ...)` asks for, and reads the whole table; of
    alternatives it does (its manual, "Partial Indexes", 3.1). PostgreSQL sees both.
    """
    return reduce(or_, (Q(**{field: value}) for value in values))
