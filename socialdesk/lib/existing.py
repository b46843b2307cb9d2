"""One query that saves many: which of several kinds of rows are there at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, QuerySet


def which_exist(one_row: QuerySet[Any], querysets: Sequence[QuerySet[Any]]) -> list[bool]:
    """For each of `querysets`, whether it has a row. One query; `one_row` finds any single row, beside which the question is asked."""
    found = one_row.values_list(*(Exists(queryset) for queryset in querysets))[:1]
    return list(next(iter(found), (False,) * len(querysets)))
