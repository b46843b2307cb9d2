"""The REST door to the guards: what they would say of a draft."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.serializers import RefusalSerializer
from engagement.services.guarding import CHECKED, check_any_draft, describe_finding


class DraftSerializer(serializers.Serializer[Any]):
    network = serializers.CharField(max_length=20)
    audience = serializers.ChoiceField(choices=list(CHECKED))
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)


class FindingSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    start = serializers.IntegerField(help_text="Where it begins, in characters (code points) of the text.")
    end = serializers.IntegerField(help_text="The character behind it.")
    advice = serializers.CharField(help_text="What to do instead, in one sentence.")
    blocks = serializers.BooleanField(help_text="Whether the draft is refused for it.")


class CheckedDraftSerializer(serializers.Serializer[Any]):
    allowed = serializers.BooleanField(help_text="Whether it would be sent.")
    findings = FindingSerializer(many=True)


class DraftCheckView(APIView):
    """What the guards say of a draft. Nothing is kept or sent."""

    @extend_schema(operation_id="drafts_check", request=DraftSerializer, responses={200: CheckedDraftSerializer, 400: RefusalSerializer})
    def post(self, request: Request) -> Response:
        """Personal data in a public draft, or a draft that asks for it, a wrong length, a broken link, an unfilled variable."""
        given = DraftSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        findings = check_any_draft(**given.validated_data)
        allowed = not any(finding.blocks for finding in findings)
        return Response({"allowed": allowed, "findings": [describe_finding(finding) for finding in findings]})
