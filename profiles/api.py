"""The REST door over people: profiles with their handles, and what happened with them."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins, serializers, viewsets

from profiles.api_timeline import TimelineActions
from profiles.models import Handle, Profile
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


class ProfileViewSet(TimelineActions, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Profile]):
    """The people behind the handles, newest first."""

    serializer_class = ProfileSerializer
    pagination_class = NewestFirst
    filter_backends: list[Any] = []
    queryset = Profile.objects.prefetch_related("handles")
    lookup_value_regex = r"\d{1,18}"
