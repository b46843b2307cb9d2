"""The REST door to a person's history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from profiles.services.people import find_person
from profiles.timeline import find_subject, read_timeline, split_kinds
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_page_size


class EntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    key = serializers.CharField(help_text="Unique within the kind.")
    text = serializers.CharField()
    url = serializers.CharField()
    who = serializers.CharField()
    is_ours = serializers.BooleanField(help_text="We did it, not they.")


PAGE = inline_serializer("TimelinePage", {"results": EntrySerializer(many=True), "next": serializers.URLField(allow_null=True)})
PARAMETERS = [
    OpenApiParameter("kind", str, many=True, description="Only these kinds; several by repeating it or with commas."),
    OpenApiParameter("before", str, description="Only what is older than this time."),
    OpenApiParameter("after", str, description="Taken from `next`."),
    OpenApiParameter("page_size", int, description="Up to 500."),
]


class TimelineActions:
    """What the profiles' door has of it."""

    @extend_schema(parameters=PARAMETERS, responses=PAGE)
    @action(detail=True, pagination_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """Everything that happened with this person, whichever of their profiles is asked for, newest first."""
        subject = find_subject(find_person(int(pk)).pk)
        given = request.query_params
        page = read_timeline(
            subject=subject,
            kinds=split_kinds(given.getlist("kind")),
            after=given.get("after", ""),
            before=read_time(given.get("before", "")),
            limit=read_page_size(request),
        )
        address = remove_query_param(request.build_absolute_uri(), "after")
        following = replace_query_param(address, "after", page.next) if page.next else None
        return Response({"results": EntrySerializer(page.entries, many=True).data, "next": following})


def read_time(given: str) -> datetime | None:
    """Raises DeskError for what is no time."""
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given.replace(" ", "+"))
        # Far years overflow once they are turned into another time zone.
        if not 1970 < moment.year <= 2200:
            raise ValueError
    except ValueError:
        raise DeskError("before is not a time: write it as 2026-05-04T10:00:00Z.") from None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
