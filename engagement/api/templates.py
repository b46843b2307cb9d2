"""The REST doors over templates: the list, those that fit a conversation, and the acknowledgement."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import find_conversation
from engagement.models import Audience, Message, Template, TemplateVariant
from engagement.serializers import AlreadyAnsweredSerializer, MessageSerializer, RefusalSerializer, WaitingSerializer
from engagement.services.promises import LEAST, MOST, acknowledge
from engagement.services.suggest import suggest_templates
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst


class TemplateVariantSerializer(serializers.ModelSerializer[TemplateVariant]):
    class Meta:
        model = TemplateVariant
        fields = ("id", "language", "network", "audience", "text")
        read_only_fields = fields


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A saved reply with its texts. `network` "" is any."""

    variants = TemplateVariantSerializer(many=True, read_only=True)

    class Meta:
        model = Template
        fields = ("id", "name", "purpose", "topics", "is_active", "went_well", "went_badly", "changed_at", "variants")
        read_only_fields = fields


class SuggestionSerializer(serializers.Serializer[Any]):
    """A template as it would be sent here, the best first."""

    template = serializers.IntegerField(source="variant.template_id")
    variant = serializers.IntegerField(source="variant.pk", help_text="Send it along with the text, so that its use is counted.")
    name = serializers.CharField()
    purpose = serializers.CharField(source="variant.template.purpose")
    language = serializers.CharField(source="variant.language")
    text = serializers.CharField(source="filled.text")
    missing = serializers.ListField(
        child=serializers.CharField(), source="filled.missing", help_text="Variables that are not known here; they still stand in the text."
    )
    points = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField())


class AcknowledgeSerializer(serializers.Serializer[Any]):
    promise_minutes = serializers.IntegerField(
        default=None, allow_null=True, min_value=LEAST, max_value=MOST, help_text="By when you will answer; the usual time if left out."
    )
    hold = serializers.FloatField(default=0, min_value=0, help_text="As for a reply.")


class TemplatePages(NewestFirst):
    field = "changed_at"


class TemplateViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Template]):
    """Templates, the one that changed last first."""

    serializer_class = TemplateSerializer
    pagination_class = TemplatePages

    def get_queryset(self) -> QuerySet[Template]:
        return Template.objects.prefetch_related("variants", "topics")


class ConversationTemplatesView(APIView):
    """Templates for one conversation, filled in and ranked."""

    @extend_schema(
        operation_id="conversations_templates",
        parameters=[
            OpenApiParameter("audience", OpenApiTypes.STR, enum=Audience.values, description="Who will read it; public if left out.")
        ],
        responses={200: SuggestionSerializer(many=True), 400: RefusalSerializer, 404: RefusalSerializer},
    )
    def get(self, request: Request, pk: int) -> Response:
        """At most fifty, the best first, each with the reasons of its place."""
        audience = request.query_params.get("audience", Audience.PUBLIC)
        if audience not in Audience.values:
            raise DeskError(f"audience is one of: {', '.join(Audience.values)}.")
        found = find_conversation(pk, "author", "account", "last_mention")
        suggestions = suggest_templates(conversation=found, agent=agent_of(request), audience=audience)
        return Response(SuggestionSerializer(suggestions, many=True).data)


class AcknowledgeView(APIView):
    """The public word that we are on it."""

    @extend_schema(
        operation_id="conversations_acknowledge",
        request=AcknowledgeSerializer,
        responses={
            201: MessageSerializer,
            200: MessageSerializer,
            202: WaitingSerializer,
            400: RefusalSerializer,
            403: RefusalSerializer,
            404: RefusalSerializer,
            409: AlreadyAnsweredSerializer,
            503: RefusalSerializer,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send the best acknowledgement with a promise to answer in `promise_minutes`. 200 with the earlier one if you had done so already.

        202 `waiting_for_approval`: a lead has to read it first. 409 `already_answered` if the customer's newest post has a public answer.
        """
        given = AcknowledgeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        key = request.headers.get("Idempotency-Key", "")
        said = acknowledge(conversation_id=pk, agent=agent_of(request), request_key=key, **given.validated_data)
        if said.message is None:
            waiting = {"code": "waiting_for_approval", "detail": "A lead reads it first.", "approval": said.approval}
            return Response(WaitingSerializer(waiting).data, status=status.HTTP_202_ACCEPTED)
        message = Message.objects.select_related("delivery", "agent", "author").get(pk=said.message.pk)
        code = status.HTTP_201_CREATED if said.is_new else status.HTTP_200_OK
        return Response(MessageSerializer(message).data, status=code)
