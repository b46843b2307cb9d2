"""The REST doors of hand-overs: offering a conversation, and saying yes or no to it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS, read_body
from engagement.models import Handover
from engagement.services import handovers
from listening.serializers import AgentSerializer
from profiles.services.people import find_agent
from profiles.signed_in import agent_of


class HandoverSerializer(serializers.ModelSerializer[Handover]):
    conversation = serializers.IntegerField(source="conversation_id", read_only=True)
    given_by = AgentSerializer(read_only=True, allow_null=True)
    to = AgentSerializer(read_only=True, allow_null=True)
    taken_by = AgentSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Handover
        fields = ("id", "conversation", "state", "given_by", "to", "team", "note", "answer", "taken_by", "given_at", "settled_at")
        read_only_fields = fields


class _OfferSerializer(serializers.Serializer[None]):
    to = serializers.CharField(required=False, help_text="Id or user name of a colleague.")
    team = serializers.ChoiceField(required=False, choices=[team.value for team in handovers.TEAMS])
    note = serializers.CharField(max_length=500)


class _SettleSerializer(serializers.Serializer[None]):
    act = serializers.ChoiceField(choices=["accept", "decline", "return", "withdraw"])
    words = serializers.CharField(required=False, max_length=500, help_text="Why not, or what came of it.")


class ConversationHandOverView(APIView):
    @extend_schema(request=_OfferSerializer, responses={201: HandoverSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Offer it to a colleague or a team. It stays where it is until somebody there accepts."""
        body = read_body(_OfferSerializer(data=request.data))
        to = find_agent(str(body["to"])) if body.get("to") else None
        team = str(body.get("team", ""))
        handover = handovers.hand_over(conversation_id=pk, agent=agent_of(request), note=str(body["note"]), to=to, team=team)
        return Response(HandoverSerializer(handover).data, status=201)


class HandoverView(APIView):
    @extend_schema(request=_SettleSerializer, responses={200: HandoverSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Accept, decline, give back, or take back."""
        body = read_body(_SettleSerializer(data=request.data))
        agent, words = agent_of(request), str(body.get("words", ""))
        match body["act"]:
            case "accept":
                handover = handovers.accept_handover(handover_id=pk, agent=agent)
            case "decline":
                handover = handovers.decline_handover(handover_id=pk, agent=agent, why=words)
            case "return":
                handover = handovers.return_handover(handover_id=pk, agent=agent, words=words)
            case _:
                handover = handovers.withdraw_handover(handover_id=pk, agent=agent)
        return Response(HandoverSerializer(handover).data)
