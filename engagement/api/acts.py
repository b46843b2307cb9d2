"""The REST doors of what is done to a post without a word: like, hide, take that back; take down."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS
from engagement.models import NetworkAct
from engagement.serializers import RefusalSerializer
from engagement.services import acts
from listening.serializers import AgentSerializer
from profiles.signed_in import agent_of


class NetworkActSerializer(serializers.ModelSerializer[NetworkAct]):
    mention = serializers.IntegerField(source="mention_id", read_only=True, allow_null=True)
    message = serializers.IntegerField(source="message_id", read_only=True, allow_null=True)
    agent = AgentSerializer(read_only=True, allow_null=True)
    undone_by = AgentSerializer(read_only=True, allow_null=True)

    class Meta:
        model = NetworkAct
        fields = ("id", "kind", "state", "mention", "message", "agent", "undone_by", "error", "created_at", "finished_at")
        read_only_fields = fields


_ANSWERS = {202: NetworkActSerializer, **REFUSALS, 503: RefusalSerializer}


def _answer(act: NetworkAct) -> Response:
    return Response(NetworkActSerializer(act).data, status=status.HTTP_202_ACCEPTED)


class MentionLikeView(APIView):
    """Likes somebody's post as our account."""

    @extend_schema(operation_id="mentions_like", request=None, responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """Ask for it; the same request again says in `state` what became of it, and likes nothing twice.

        409 `cannot_act`: the network or our account there does not do that, or the post is gone. 409 `do_not_contact`, 409 `never_rule`:
        they want to be left alone, or a rule says so. 503 `account_unusable`: our account has to be connected again.
        """
        return _answer(acts.like_mention(mention_id=pk, agent=agent_of(request)))


class MentionHideView(APIView):
    """Hides what somebody wrote below a post of ours."""

    @extend_schema(operation_id="mentions_hide", request=None, responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """For leads and admins. Ask for it; the same request again says in `state` what became of it. 409 and 503 as for like."""
        return _answer(acts.hide_mention(mention_id=pk, agent=agent_of(request)))


class ActTakeBackView(APIView):
    """Likes a post no more, or shows again what was hidden."""

    @extend_schema(operation_id="acts_take_back", request=None, responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """`pk` is the act's. What was hidden is shown again by leads and admins. The same request again says in `state` what became of it:
        `undoing`, `undone`, or `done` with an `error` where the network did not take it back. 409 `cannot_act`: it is not done yet.
        """
        return _answer(acts.take_back_act(act_id=pk, agent=agent_of(request)))


class MessageTakeDownView(APIView):
    """Deletes a public answer of ours on its network."""

    @extend_schema(operation_id="messages_take_down", request=None, responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """For whoever wrote it, leads and admins. It cannot be undone; the desk keeps what it said.

        The same request again says in `state` what became of it. 409 `cannot_act`: it was not sent, or the network deletes nothing.
        """
        return _answer(acts.take_down_answer(message_id=pk, agent=agent_of(request)))
