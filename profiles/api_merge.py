"""The REST door to who is the same person: merges, their undoing, and what is proposed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from profiles.models import Merge
from profiles.services.merge import merge_profiles, undo_merge
from profiles.signed_in import agent_of


class MergeOrder(serializers.Serializer[Any]):
    other = serializers.IntegerField(min_value=1, help_text="The profile that becomes part of this one.")
    versions = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="{profile id: version} as you saw them; refused if one has moved on."
    )


class MergeSerializer(serializers.ModelSerializer[Merge]):
    class Meta:
        model = Merge
        fields = ["id", "survivor", "absorbed", "at", "undone_at"]


class MergeActions:
    """What the profiles' door has of it."""

    @extend_schema(request=MergeOrder, responses=MergeSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Make `other` part of this profile. Nothing is deleted, and `/api/merges/<id>/undo/` takes it back."""
        order = MergeOrder(data=request.data)
        order.is_valid(raise_exception=True)
        versions = order.validated_data.get("versions")
        merge = merge_profiles(
            survivor_id=int(pk),
            other_id=order.validated_data["other"],
            agent=agent_of(request),
            seen_versions={int(key): value for key, value in versions.items() if key.isdecimal()} if versions else None,
        )
        return Response(MergeSerializer(merge).data, status=201)


class UndoMergeView(APIView):
    @extend_schema(request=None, responses=MergeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Take a merge back: the two are two again, each with what is its own."""
        return Response(MergeSerializer(undo_merge(merge_id=pk, agent=agent_of(request))).data)
