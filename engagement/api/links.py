"""The REST doors over short links and moves to other channels."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS, find_conversation
from engagement.models import ShortLink
from engagement.serializers import (
    HopSerializer,
    LinkSerializer,
    NewLinkSerializer,
    RefusalSerializer,
    SurveyAnswerSerializer,
    WaiverSerializer,
)
from engagement.services.hops import finish_hop, read_hops, waive_return
from engagement.services.links import revoke_link
from engagement.services.offers import offer_link
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst


class ConversationLinksView(APIView):
    """The short links of a conversation."""

    @extend_schema(operation_id="conversations_links", responses={200: LinkSerializer(many=True), 404: RefusalSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """All of them, newest first."""
        return Response(LinkSerializer(find_conversation(pk).links.order_by("-created_at", "-pk")[:200], many=True).data)

    @extend_schema(operation_id="conversations_links_create", request=NewLinkSerializer, responses={201: LinkSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Make a link to be put into an answer. One that leads to another channel is an offer: the customer chooses."""
        given = NewLinkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        link = offer_link(conversation_id=pk, agent=agent_of(request), **given.validated_data)
        return Response(LinkSerializer(link).data, status=status.HTTP_201_CREATED)


class ConversationHopsView(APIView):
    """The moves of a conversation to other channels."""

    @extend_schema(operation_id="conversations_hops", responses={200: HopSerializer(many=True), 404: RefusalSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """The newest twenty that began, each with its reason and whether its return is owed."""
        return Response(HopSerializer(read_hops(find_conversation(pk)), many=True).data)


class WaiveView(APIView):
    """Lets the return to the public thread go."""

    @extend_schema(operation_id="conversations_waive", request=WaiverSerializer, responses={200: HopSerializer(many=True), **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Waive what is owed, with a reason that stays in the history; then the conversation can be closed."""
        given = WaiverSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reason, hop = given.validated_data["reason"], given.validated_data["hop"]
        return Response(HopSerializer(waive_return(conversation_id=pk, agent=agent_of(request), reason=reason, hop_id=hop), many=True).data)


class HopDoneView(APIView):
    """Ends the task of a move to another channel."""

    @extend_schema(operation_id="hops_done", request=None, responses={200: HopSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """It is done there: the named thank-you for the public thread becomes your draft."""
        return Response(HopSerializer(finish_hop(hop_id=pk, agent=agent_of(request))).data)


class LinkPages(NewestFirst):
    field = "created_at"


class LinkViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ShortLink]):
    """Short links, newest first; `conversation` and `kind` narrow the list."""

    serializer_class = LinkSerializer
    pagination_class = LinkPages
    queryset = ShortLink.objects.all()

    def get_queryset(self) -> QuerySet[ShortLink]:
        found, query = super().get_queryset(), self.request.query_params
        conversation, kind = query.get("conversation", ""), query.get("kind", "")
        if conversation:
            if not conversation.isdecimal() or len(conversation) > 18:
                raise DeskError("conversation is the id of a conversation.")
            found = found.filter(conversation_id=int(conversation))
        if kind:
            if kind not in ShortLink.Kind.values:
                raise DeskError(f"{kind[:40]!r} is no kind of link. Use one of: {', '.join(ShortLink.Kind.values)}.")
            found = found.filter(kind=kind)
        return found

    @extend_schema(request=None, responses={200: LinkSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str = "") -> Response:
        """Close the link for good."""
        return Response(LinkSerializer(revoke_link(link_id=self.get_object().pk, agent=agent_of(request))).data)


class ConversationSurveysView(APIView):
    """What the customer said after the matter was settled."""

    @extend_schema(operation_id="conversations_surveys", responses={200: SurveyAnswerSerializer(many=True), 404: RefusalSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """All answers, newest first: 1 is very bad, 5 very good."""
        return Response(SurveyAnswerSerializer(find_conversation(pk).survey_answers.order_by("-at", "-pk")[:100], many=True).data)
