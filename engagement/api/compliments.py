"""The REST doors over praise: forwarding it, and everything that the board does."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS, read_body
from engagement.models import Compliment, ComplimentEvent, Permission
from engagement.services import compliments, permissions, praise_replies, shares
from engagement.services.board import loaded_compliments, read_entry
from engagement.services.praise_state import State
from listening.serializers import AgentSerializer, MentionSerializer
from profiles.services.people import find_agent
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst


class _PostSerializer(MentionSerializer):
    class Meta(MentionSerializer.Meta):
        fields = ["id", "network", "external_id", "author", "text", "language", "posted_at", "url", "edited_at", "deleted_at"]
        read_only_fields = fields


class ComplimentSerializer(serializers.ModelSerializer[Compliment]):
    """Praise where it stands. Its post and people should be loaded."""

    mention = _PostSerializer(read_only=True)
    conversation = serializers.IntegerField(source="conversation_id", read_only=True)
    forwarded_by = AgentSerializer(read_only=True)
    forwarded_to = AgentSerializer(read_only=True, allow_null=True, help_text="An account owner; null is marketing.")
    accepted_by = AgentSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Compliment
        fields: tuple[str, ...] = (
            *("id", "state", "mention", "conversation", "note", "forwarded_by", "forwarded_to", "accepted_by", "purpose", "answer"),
            *("asking", "thanks", "forwarded_at", "asked_at", "answered_at", "shared_at", "thanked_at", "changed_at"),
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class _EventSerializer(serializers.ModelSerializer[ComplimentEvent]):
    agent = AgentSerializer(read_only=True, allow_null=True, help_text="Null: the desk by itself.")

    class Meta:
        model = ComplimentEvent
        fields = ("kind", "at", "agent", "post", "message", "note")
        read_only_fields = fields


class _PermissionSerializer(serializers.ModelSerializer[Permission]):
    """The author's yes that holds: what shows it, and who recorded it."""

    class Meta:
        model = Permission
        fields = ("purpose", "post", "message", "recorded_by", "recorded_at", "read_as")
        read_only_fields = fields


class _AnswerSerializer(serializers.Serializer[Any]):
    evidence = serializers.CharField(help_text="Names it when the answer is recorded.")
    text = serializers.CharField()
    at = serializers.DateTimeField()
    reading = serializers.ChoiceField(choices=["yes", "no", "unclear"], help_text="What the desk reads in it. A person decides.")
    is_private = serializers.BooleanField()


class ComplimentDetailSerializer(ComplimentSerializer):
    """A compliment with what can be done now, what the author answered since, the permission that holds, and its history."""

    acts = serializers.ListField(child=serializers.CharField())
    answers = _AnswerSerializer(many=True)
    permission = _PermissionSerializer(allow_null=True)
    history = _EventSerializer(many=True)

    class Meta(ComplimentSerializer.Meta):
        fields = (*ComplimentSerializer.Meta.fields, "acts", "answers", "permission", "history")
        read_only_fields = fields


class ForwardSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(default="", allow_blank=True)
    mention = serializers.IntegerField(default=None, allow_null=True, help_text="Id of the post; left out: its newest praise.")
    to = serializers.CharField(default=None, allow_null=True, help_text="Id or user name of an account owner; marketing if left out.")


class AskSerializer(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=Compliment.Purpose.choices, default=Compliment.Purpose.REPOST)
    answer_seen = serializers.IntegerField(default=0, min_value=0, help_text="As for a reply.")
    hold = serializers.FloatField(default=0, min_value=0, help_text="As for a reply.")


class ThankSerializer(serializers.Serializer[Any]):
    answer_seen = serializers.IntegerField(default=0, min_value=0, help_text="As for a reply.")
    hold = serializers.FloatField(default=0, min_value=0, help_text="As for a reply.")


class HoldSerializer(serializers.Serializer[Any]):
    hold = serializers.FloatField(default=0, min_value=0, help_text="As for a reply.")


class RecordSerializer(serializers.Serializer[Any]):
    granted = serializers.BooleanField()
    evidence = serializers.CharField(help_text="`post:<mention id>` or `message:<message id>`, written by the author.")
    purpose = serializers.CharField(default="", allow_blank=True, help_text="repost or quote; what was asked for if left out.")


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(default="", allow_blank=True)


class EvidenceSerializer(serializers.Serializer[Any]):
    evidence = serializers.CharField(default="", allow_blank=True)


class ForwardView(APIView):
    """Hands praise to marketing."""

    @extend_schema(operation_id="conversations_forward", request=ForwardSerializer, responses={200: ComplimentSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Forward praise of this conversation. Forwarded again, it is still one: the answer is what is there."""
        given = read_body(ForwardSerializer(data=request.data))
        to = find_agent(given["to"]) if given["to"] else None
        made = compliments.forward_compliment(
            conversation_id=pk, mention_id=given["mention"], agent=agent_of(request), note=given["note"], to=to
        )
        return Response(ComplimentSerializer(loaded_compliments().get(pk=made.pk)).data)


class ComplimentPages(NewestFirst):
    field = "forwarded_at"


class ComplimentViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Compliment]):
    """Praise that was forwarded, newest first, and what marketing does with it."""

    serializer_class = ComplimentSerializer
    pagination_class = ComplimentPages
    filter_backends: list[Any] = []
    queryset = Compliment.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Compliment]:
        return loaded_compliments()

    def filter_queryset(self, queryset: Any) -> Any:
        state, by = self.request.query_params.get("state", ""), self.request.query_params.get("forwarded_by", "")
        if state:
            if state not in State.values:
                raise DeskError(f"{state[:40]!r} is no state. Use one of: {', '.join(State.values)}.")
            queryset = queryset.filter(state=state)
        if by:
            queryset = queryset.filter(forwarded_by=find_agent(by))
        return queryset

    @extend_schema(
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=State.values),
            OpenApiParameter("forwarded_by", OpenApiTypes.STR, description="Id or user name of an agent."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=ComplimentDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        entry, history = read_entry(agent_of(request), int(pk))
        shown = {
            "acts": list(entry.acts),
            "answers": _AnswerSerializer(entry.answers, many=True).data,
            "permission": _PermissionSerializer(entry.permission).data if entry.permission else None,
            "history": _EventSerializer(history, many=True).data,
        }
        return Response({**ComplimentSerializer(entry.compliment).data, **shown})

    @extend_schema(request=None, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Take it on."""
        compliments.accept_compliment(compliment_id=int(pk), agent=agent_of(request))
        return self.retrieve(request, pk)

    @extend_schema(request=AskSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, pk: str) -> Response:
        """Ask the author in public whether we may. 409 `already_answered` as for a reply, 409 `claimed` while an agent is at it."""
        given = read_body(AskSerializer(data=request.data))
        praise_replies.ask_permission(compliment_id=int(pk), agent=agent_of(request), **given)
        return self.retrieve(request, pk)

    @extend_schema(request=RecordSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def record(self, request: Request, pk: str) -> Response:
        """Record the author's answer, with what shows it."""
        given = read_body(RecordSerializer(data=request.data))
        permissions.record_answer(compliment_id=int(pk), agent=agent_of(request), **given)
        return self.retrieve(request, pk)

    @extend_schema(request=HoldSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def share(self, request: Request, pk: str) -> Response:
        """Repost or quote it, as the author agreed to. 409 `no_permission` without a recorded yes that holds."""
        given = read_body(HoldSerializer(data=request.data))
        shares.share_compliment(compliment_id=int(pk), agent=agent_of(request), **given)
        return self.retrieve(request, pk)

    @extend_schema(request=ThankSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def thank(self, request: Request, pk: str) -> Response:
        """Thank the author in public."""
        given = read_body(ThankSerializer(data=request.data))
        praise_replies.thank_author(compliment_id=int(pk), agent=agent_of(request), **given)
        return self.retrieve(request, pk)

    @extend_schema(request=None, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def hand(self, request: Request, pk: str) -> Response:
        """Ask the agent who forwarded it to thank the author."""
        praise_replies.hand_thanks(compliment_id=int(pk), agent=agent_of(request))
        return self.retrieve(request, pk)

    @extend_schema(request=NoteSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: str) -> Response:
        """We will not use it."""
        permissions.decline_compliment(compliment_id=int(pk), agent=agent_of(request), **read_body(NoteSerializer(data=request.data)))
        return self.retrieve(request, pk)

    @extend_schema(request=EvidenceSerializer, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """The author no longer wants it: what is public of it is taken down."""
        permissions.withdraw_permission(compliment_id=int(pk), agent=agent_of(request), **read_body(EvidenceSerializer(data=request.data)))
        return self.retrieve(request, pk)

    @extend_schema(request=None, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Take back what is still held."""
        shares.take_back(compliment_id=int(pk), agent=agent_of(request))
        return self.retrieve(request, pk)

    @extend_schema(request=None, responses={200: ComplimentDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def removed(self, request: Request, pk: str) -> Response:
        """Somebody removed on the network what the desk could not."""
        shares.confirm_removed(compliment_id=int(pk), agent=agent_of(request))
        return self.retrieve(request, pk)
