"""The REST door to who may be the same person. A proposal only ever becomes a merge through the merge door."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from profiles.models import MatchSuggestion
from profiles.services.matching import dismiss_suggestion
from profiles.services.people import find_person
from profiles.services.proposals import open_suggestions, page_of_suggestions
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_page_size


class _EvidenceSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="What speaks for it, as in verified_email, same_handle, link.")
    weight = serializers.FloatField()
    rows = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the contact points or handles that it was read from.")


class MatchSuggestionSerializer(serializers.ModelSerializer[MatchSuggestion]):
    first = serializers.IntegerField(source="first_id", read_only=True)
    second = serializers.IntegerField(source="second_id", read_only=True)
    evidence = _EvidenceSerializer(many=True, read_only=True)

    class Meta:
        model = MatchSuggestion
        fields = ["id", "first", "second", "score", "evidence", "state", "made_at", "decided_at"]


class MatchSuggestionPageSerializer(serializers.Serializer[Any]):
    results = MatchSuggestionSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SuggestionsView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("profile", OpenApiTypes.INT, description="Only those about this person."),
            OpenApiParameter("page_size", OpenApiTypes.INT),
            OpenApiParameter("after", OpenApiTypes.STR, description="Taken from `next`."),
        ],
        responses=MatchSuggestionPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """People who may be one, the surest first: what waits for somebody's decision."""
        rows = open_suggestions()
        wanted = request.query_params.get("profile", "")
        if wanted:
            if not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 19):
                raise DeskError("profile is the id of a profile.")
            person = find_person(int(wanted)).pk
            rows = rows.filter(first=person) | rows.filter(second=person)
        page, following = page_of_suggestions(rows, after=request.query_params.get("after", ""), limit=read_page_size(request))
        address = replace_query_param(request.build_absolute_uri(), "after", following) if following else None
        return Response({"results": MatchSuggestionSerializer(page, many=True).data, "next": address})


class DismissSuggestionView(APIView):
    @extend_schema(request=None, responses=MatchSuggestionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """These two are not the same: it is not proposed again."""
        return Response(MatchSuggestionSerializer(dismiss_suggestion(suggestion_id=pk, agent=agent_of(request))).data)
