"""The REST doors over tickets."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS, read_body
from engagement.models import Ticket, TicketUpdate
from engagement.serializers import LinkSerializer
from engagement.services import tickets as service
from listening.models import Priority
from profiles.services.people import find_agent
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import NewestFirst


class TicketUpdateSerializer(serializers.ModelSerializer[TicketUpdate]):
    class Meta:
        model = TicketUpdate
        fields = ("id", "ticket", "audience", "text", "agent", "state", "at")
        read_only_fields = fields


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    """A ticket with its short link, which leads to the status page."""

    name = serializers.CharField(help_text="What people call it.")
    link = LinkSerializer()
    is_open = serializers.BooleanField()

    class Meta:
        model = Ticket
        fields = (
            *("id", "name", "conversation", "link", "kind", "title", "priority", "state", "is_open", "assignee", "opened_by"),
            *("case_opened_at", "created_at", "due_at", "next_update_due", "solved_at", "closed_at", "reopened", "customer_says"),
        )  # fmt: skip
        read_only_fields = fields


class _Assignee(serializers.CharField):
    """The user name or id of a care agent; null for nobody."""

    def to_internal_value(self, data: Any) -> Any:
        found = find_agent(super().to_internal_value(data))
        if not found.may_answer:
            raise serializers.ValidationError("Only care agents and their leads work on tickets.")
        return found


class NewTicketSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Ticket.Kind.choices, default=Ticket.Kind.COMPLAINT)
    title = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="For the team; it is not shown to the customer.")
    priority = serializers.ChoiceField(choices=Priority.choices, default=None, allow_null=True)
    assignee = _Assignee(default=None, allow_null=True)
    due_at = serializers.DateTimeField(default=None, allow_null=True)


class TicketChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Ticket.Kind.choices, required=False)
    title = serializers.CharField(required=False, max_length=200)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    assignee = _Assignee(required=False, allow_null=True)
    due_at = serializers.DateTimeField(required=False)
    next_update_due = serializers.DateTimeField(required=False, allow_null=True)
    state = serializers.ChoiceField(choices=["in_progress", "waiting"], required=False)


class NewUpdateSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False)
    audience = serializers.ChoiceField(choices=["public", "internal"], default="public")
    next_update_due = serializers.DateTimeField(default=None, allow_null=True, help_text="By when we write again.")


class SolvedSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(default="", allow_blank=True, trim_whitespace=False, help_text="A last update for the status page.")


class ConversationTicketView(APIView):
    """Makes a conversation a ticket."""

    @extend_schema(operation_id="conversations_ticket", request=NewTicketSerializer, responses={201: TicketSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """The ticket with its `link`; the open one, if the conversation is one already."""
        given = read_body(NewTicketSerializer(data=request.data))
        ticket = service.open_ticket(conversation_id=pk, agent=agent_of(request), **given)
        return Response(TicketSerializer(ticket).data, status=status.HTTP_201_CREATED)


class TicketPages(NewestFirst):
    field = "created_at"


class TicketViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Ticket]):
    """Tickets, newest first; `state`, `kind`, `assignee`, `conversation` and `overdue=true` narrow the list."""

    serializer_class = TicketSerializer
    pagination_class = TicketPages
    queryset = Ticket.objects.select_related("link")

    def get_queryset(self) -> QuerySet[Ticket]:
        found, query = super().get_queryset(), self.request.query_params
        for name, known in (("state", Ticket.State.values), ("kind", Ticket.Kind.values)):
            value = query.get(name, "")
            if value and value not in known:
                raise DeskError(f"{value[:40]!r} is no {name} of a ticket. Use one of: {', '.join(known)}.")
            if value:
                found = found.filter(**{name: value})
        conversation = query.get("conversation", "")
        if conversation:
            if not conversation.isdecimal() or len(conversation) > 18:
                raise DeskError("conversation is the id of a conversation.")
            found = found.filter(conversation_id=int(conversation))
        if assignee := query.get("assignee", ""):
            found = found.filter(assignee=None if assignee == "none" else find_agent(assignee))
        if query.get("overdue", "") in ("true", "1"):
            found = found.filter(pk__in=service.overdue(now()))
        return found

    @extend_schema(request=TicketChangeSerializer, responses={200: TicketSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str = "") -> Response:
        """Set what is given."""
        given = read_body(TicketChangeSerializer(data=request.data))
        return Response(TicketSerializer(service.change_ticket(ticket_id=self.get_object().pk, agent=agent_of(request), **given)).data)

    @extend_schema(methods=["GET"], responses={200: TicketUpdateSerializer(many=True)})
    @extend_schema(methods=["POST"], request=NewUpdateSerializer, responses={201: TicketUpdateSerializer, **REFUSALS})
    @action(detail=True, methods=["get", "post"])
    def updates(self, request: Request, pk: str = "") -> Response:
        """What was said in it, newest first; or say something."""
        ticket = self.get_object()
        if request.method == "GET":
            return Response(TicketUpdateSerializer(ticket.updates.order_by("-at", "-pk")[:200], many=True).data)
        given = read_body(NewUpdateSerializer(data=request.data))
        key = request.headers.get("Idempotency-Key", "")
        update = service.add_update(ticket_id=ticket.pk, agent=agent_of(request), form_key=key, **given)
        return Response(TicketUpdateSerializer(update).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SolvedSerializer, responses={200: TicketSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def solve(self, request: Request, pk: str = "") -> Response:
        """We think that it is solved: the customer is asked."""
        given = read_body(SolvedSerializer(data=request.data))
        return Response(TicketSerializer(service.solve_ticket(ticket_id=self.get_object().pk, agent=agent_of(request), **given)).data)

    @extend_schema(request=SolvedSerializer, responses={200: TicketSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str = "") -> Response:
        """It is not solved after all; its priority rises."""
        given = read_body(SolvedSerializer(data=request.data))
        return Response(TicketSerializer(service.reopen_ticket(ticket_id=self.get_object().pk, agent=agent_of(request), **given)).data)

    @extend_schema(request=None, responses={200: TicketSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str = "") -> Response:
        """Done with it."""
        return Response(TicketSerializer(service.close_ticket(ticket_id=self.get_object().pk, agent=agent_of(request))).data)
