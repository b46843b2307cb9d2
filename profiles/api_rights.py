"""The REST door to people's rights: all that is kept about somebody as an archive, and erasing them."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.services.archive import build_archive
from profiles.services.do_not_contact import lift_do_not_contact, set_do_not_contact
from profiles.services.erasure import WHY, erase_person
from profiles.signed_in import agent_of

_ARCHIVE = OpenApiResponse(OpenApiTypes.BINARY, description="A ZIP file: index.html to read, data.json, and a CSV for each kind.")


class EraseOrder(serializers.Serializer[Any]):
    why = serializers.ChoiceField(list(WHY.items()), default="asked_by_person")


class ErasedSerializer(serializers.Serializer[Any]):
    profile = serializers.IntegerField()
    at = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows that were removed or emptied, by kind.")


class LeaveAloneOrder(serializers.Serializer[Any]):
    why = serializers.CharField(required=False, allow_blank=True, help_text="Needed to set it.")
    on = serializers.BooleanField(default=True, help_text="False lifts it.")


class LeftAloneSerializer(serializers.Serializer[Any]):
    do_not_contact_at = serializers.DateTimeField(allow_null=True)
    do_not_contact_why = serializers.CharField()


class RightsActions:
    """What the profiles' door has of it."""

    @extend_schema(request=None, responses={(200, "application/zip"): _ARCHIVE})
    @action(detail=True, methods=["get", "post"])
    def export(self, request: Request, pk: str) -> FileResponse:
        """All that is kept about the person. That you looked at their coordinates is kept."""
        return archive_answer(int(pk), request)

    @extend_schema(request=EraseOrder, responses=ErasedSerializer)
    @action(detail=True, methods=["post"])
    def erase(self, request: Request, pk: str) -> Response:
        """Erase the person for good, with every profile that became one with this. Counts stay."""
        order = EraseOrder(data=request.data)
        order.is_valid(raise_exception=True)
        erasure = erase_person(profile_id=int(pk), agent=agent_of(request), why=order.validated_data["why"])
        return Response({"profile": erasure.profile_id, "at": erasure.at, "counts": erasure.counts})

    @extend_schema(request=LeaveAloneOrder, responses=LeftAloneSerializer)
    @action(detail=True, methods=["post"], url_path="do-not-contact")
    def do_not_contact(self, request: Request, pk: str) -> Response:
        """Leave the person alone unless they begin, or lift that."""
        order = LeaveAloneOrder(data=request.data)
        order.is_valid(raise_exception=True)
        if order.validated_data["on"]:
            person = set_do_not_contact(profile_id=int(pk), why=order.validated_data.get("why", ""), agent=agent_of(request))
        else:
            person = lift_do_not_contact(profile_id=int(pk), agent=agent_of(request))
        return Response({"do_not_contact_at": person.do_not_contact_at, "do_not_contact_why": person.do_not_contact_why})


def archive_answer(profile_id: int, request: Any) -> FileResponse:
    """The archive to a browser or a program, never kept on the way."""
    person, file = build_archive(profile_id=profile_id, agent=agent_of(request))
    answer = FileResponse(file, as_attachment=True, filename=f"person-{person.pk}.zip", content_type="application/zip")
    answer["Cache-Control"] = "no-store"
    return answer
