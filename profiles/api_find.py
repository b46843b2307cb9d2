"""The list of people over the API: which of them are asked for, and pages by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from profiles.api_shapes import put_members
from profiles.models import Stage
from profiles.services.conditions import Condition, check_conditions
from profiles.services.people import find_agent
from profiles.services.search import search_people
from profiles.services.segments import find_segment
from profiles.services.words import Word, read_number, whole_email, whole_external, whole_handle
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst, read_page_size

LONGEST = 200


def _parameter(name: str, words: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=words, **more)


FILTERS = [
    _parameter("q", "Words, each of which must begin a word of theirs: name, handle, e-mail, phone in any spelling, tag, note, ..."),
    _parameter("segment", "Id or name of a segment."),
    _parameter("stage", "Their stage.", enum=Stage.values),
    _parameter("owner", "Id or user name of an agent, or `none`."),
    _parameter("tag", "A tag, whole."),
    _parameter("handle", "A user name on any network, whole, with or without @."),
    _parameter("email", "An e-mail address, whole."),
    _parameter("phone", "A telephone number in any spelling, or its end."),
    _parameter("external", "Their number in another system, alone or as `system:number`."),
]


class FindPeople(NewestFirst):
    """People who fit; the newest first, or with words who is called just so first."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        given = {parameter.name: request.query_params.get(parameter.name, "").replace("\x00", "").strip() for parameter in FILTERS}
        found = search_people(
            agent=agent_of(request),
            text=given["q"],
            words=_read_words(given),
            conditions=_read_conditions(given),
            after=request.query_params.get("after", ""),
            limit=read_page_size(request),
        )
        address = remove_query_param(request.build_absolute_uri(), "after")
        self._next = replace_query_param(address, "after", found.next) if found.next else None
        return put_members(found.people)


class FindActions:
    """What the viewset of people lists."""

    @extend_schema(parameters=FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """People, the newest first; with `q`, `handle`, `email`, `phone` or `external` those who are called just so first."""
        return super().list(request, *args, **kwargs)  # type: ignore[misc, no-any-return]


def _read_words(given: Mapping[str, str]) -> list[Word]:
    makers = {"handle": whole_handle, "email": whole_email, "external": whole_external}
    words = [make(given[name][:LONGEST]) for name, make in makers.items() if given[name]]
    if given["phone"]:
        if not any(sign.isdigit() for sign in given["phone"]):
            raise DeskError("phone is a telephone number or the end of one.")
        words.append(read_number(given["phone"][:LONGEST], kind="phone"))
    return words


def _read_conditions(given: Mapping[str, str]) -> Sequence[Condition]:
    raw: list[Condition] = []
    if given["stage"]:
        raw.append({"field": "stage", "is": "is", "value": [given["stage"]]})
    if given["owner"]:
        none = given["owner"] == "none"
        raw.append({"field": "owner", "is": "empty"} if none else {"field": "owner", "is": "is", "value": [find_agent(given["owner"]).pk]})
    if given["tag"]:
        raw.append({"field": "tag", "is": "is", "value": [given["tag"]]})
    own = check_conditions(raw)
    return [*find_segment(given["segment"]).conditions, *own] if given["segment"] else own
