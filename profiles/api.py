"""The REST door over people: profiles with their handles, and what happened with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.models import Handle, Profile
from profiles.timeline import read_timeline
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst


class HandleSerializer(serializers.ModelSerializer[Handle]):
    class Meta:
        model = Handle
        fields = ["id", "network", "external_id", "username", "display_name", "followers", "url", "first_seen_at"]


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    handles = HandleSerializer(many=True, read_only=True)

    class Meta:
        model = Profile
        fields = ["id", "name", "language", "stage", "created_at", "handles"]
        read_only_fields = fields


class EntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    key = serializers.CharField()
    text = serializers.CharField()
    url = serializers.CharField()
    who = serializers.CharField()


class ProfileViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Profile]):
    """The people behind the handles, newest first."""

    serializer_class = ProfileSerializer
    pagination_class = NewestFirst
    filter_backends: list[Any] = []
    queryset = Profile.objects.prefetch_related("handles")
    lookup_value_regex = r"\d{1,18}"

    @extend_schema(parameters=[OpenApiParameter("before", str, description="Older than this time.")], responses=EntrySerializer(many=True))
    @action(detail=True, pagination_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """Everything that happened with this person, newest first, 50 at a time."""
        given = request.query_params.get("before", "")
        try:
            before = datetime.fromisoformat(given.replace(" ", "+")) if given else None
        except ValueError:
            raise DeskError("before is not a time: write it as 2026-05-04T10:00:00Z.") from None
        profile = self.get_object()
        entries = read_timeline(handle_ids=[handle.pk for handle in profile.handles.all()], before=before)
        return Response(EntrySerializer(entries, many=True).data)
