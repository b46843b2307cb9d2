"""Pages by key: each page is one walk along an index, however far it is from the first; for lists on screens and for the API."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from socialdesk.lib.errors import DeskError

USUAL = 50
MOST = 500

Row = TypeVar("Row", bound=Model)


def page_of(rows: QuerySet[Row], *, field: str, after: str, limit: int, oldest_first: bool = False) -> tuple[list[Row], str]:
    """The rows of one page by the time in `field`, and the key of the page after it ("" at the end); one query.

    `after` is the key that the page before gave, "" for the first. Rows without that time are on no page. Raises DeskError for a key
    that is none.
    """
    sign, beyond = ("", "gt") if oldest_first else ("-", "lt")
    rows = rows.filter(**{f"{field}__isnull": False})
    if after:
        at, pk = read_key(after)
        rows = rows.filter(Q(**{f"{field}__{beyond}": at}) | Q(**{f"pk__{beyond}": pk}), **{f"{field}__{beyond}e": at})
    found = list(rows.order_by(f"{sign}{field}", f"{sign}pk")[: limit + 1])
    page = found[:limit]
    return page, write_key(getattr(page[-1], field), page[-1].pk) if len(found) > limit else ""


def read_page_size(request: Request, *, usual: int = USUAL) -> int:
    """How many rows were asked for with `page_size`. Raises DeskError for what is no number from 1 to MOST."""
    given = request.query_params.get("page_size", str(usual))
    if not (given.isascii() and given.isdecimal() and len(given) <= len(str(MOST)) and 1 <= int(given) <= MOST):
        raise DeskError(f"page_size is a number from 1 to {MOST}.")
    return int(given)


class NewestFirst(BasePagination):
    """`{results, next}`: `next` is the address of the following page, null at the end. `page_size` up to 500."""

    field = "created_at"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size = read_page_size(request)
        upto = Q()
        after = request.query_params.get("after", "")
        if after:
            at, pk = read_key(after)
            upto = Q(**{f"{self.field}__lte": at}) & (Q(**{f"{self.field}__lt": at}) | Q(pk__lt=pk))
        rows = self.read(queryset, request, upto, size + 1)
        self._next: str | None = None
        if len(rows) > size:
            rows.pop()
            key = write_key(getattr(rows[-1], self.field), rows[-1].pk)
            self._next = replace_query_param(remove_query_param(request.build_absolute_uri(), "after"), "after", key)
        return rows

    def read(self, queryset: QuerySet[Any], request: Request, upto: Q, limit: int) -> list[Any]:
        """The first `limit` rows at `upto`, the place where the page begins."""
        return list(queryset.filter(upto).order_by(f"-{self.field}", "-pk")[:limit])

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": {"type": "string", "format": "uri", "nullable": True}},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": "page_size", "in": "query", "required": False, "schema": {"type": "integer", "minimum": 1, "maximum": MOST}},
            {"name": "after", "in": "query", "required": False, "schema": {"type": "string"}, "description": "Taken from `next`."},
        ]


def write_key(at: datetime, pk: int) -> str:
    """The place of a row in an order by (time, id), as text for an address."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), pk]).encode()).decode().rstrip("=")


def read_key(key: str) -> tuple[datetime, int]:
    """The place that write_key wrote. Raises DeskError on anything else."""
    try:
        at, pk = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC), int(pk)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DeskError("This page key is not one of ours. Start again from the first page.") from None
