"""The REST doors over what goes out: texts in a conversation, what became of them, the outbox."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import PAGING, REFUSALS, next_address, page_size, read_body
from engagement.models import Approval, Message
from engagement.serializers import (
    AlreadyAnsweredSerializer,
    DecisionSerializer,
    DirectMessageSerializer,
    MessagePageSerializer,
    MessageSerializer,
    RefusalSerializer,
    ReplySerializer,
    RetrySerializer,
    TextSerializer,
    WaitingSerializer,
)
from engagement.services import delivery
from engagement.services.approvals import submit_reply
from engagement.services.attachments import load_pictures
from engagement.services.follow_requests import ask_to_follow
from engagement.services.outbox import read_outbox
from engagement.services.send import add_note, send_direct_message
from listening.models import Conversation
from profiles.signed_in import agent_of
from socialdesk.lib.errors import NotFound
from socialdesk.lib.paging import page_of

_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Names one press of Send, at most 64 characters: the same request again gives the same message and sends nothing twice.",
)


def _loaded() -> QuerySet[Message]:
    return Message.objects.select_related("delivery", "agent", "author")


def _answer(message: Message, code: int = status.HTTP_200_OK) -> Response:
    return Response(MessageSerializer(_with_pictures([_loaded().get(pk=message.pk)])[0]).data, status=code)


def _with_pictures(messages: list[Message]) -> list[Message]:
    load_pictures(messages)
    return messages


class ReplyView(APIView):
    """A public reply in a conversation."""

    @extend_schema(
        operation_id="conversations_reply",
        parameters=[_KEY],
        request=ReplySerializer,
        responses={
            201: MessageSerializer,
            202: WaitingSerializer,
            **REFUSALS,
            409: AlreadyAnsweredSerializer,
            503: RefusalSerializer,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Answer in public.

        202 `waiting_for_approval`: a lead has to read it first, nothing goes out until then. 409 `already_answered` carries the answers
        that the mention has; to add one more, send it again with the `answer_seen` given there. 409 `guarded` carries the `findings` (see
        drafts/check). 409 `claimed`: somebody else is working on it. 409 `never_rule`: a rule forbids it, `rule` names it. In a thread that
        stays heated 409 `closing_line_only` (send the `closing_line` given there) and then `brake_closed`. 503 `account_unusable`: our
        account has to be connected again.
        """
        given = read_body(ReplySerializer(data=request.data))
        written = submit_reply(
            conversation_id=pk,
            agent=agent_of(request),
            text=given["text"],
            mention_id=given["mention"],
            answer_seen=given["answer_seen"],
            variant_id=given["variant_id"],
            hold=given["hold"],
            request_key=request.headers.get("Idempotency-Key", ""),
            pictures=given["pictures"],
        )
        if isinstance(written, Approval):
            detail = f"A lead reads it first: {'; '.join(written.reasons)}."
            waiting = {"code": "waiting_for_approval", "detail": detail, "approval": written}
            return Response(WaitingSerializer(waiting).data, status=status.HTTP_202_ACCEPTED)
        return _answer(written, status.HTTP_201_CREATED)


class DirectMessageView(APIView):
    """A private message to a conversation's author."""

    @extend_schema(
        operation_id="conversations_direct_message",
        parameters=[_KEY],
        request=DirectMessageSerializer,
        responses={201: MessageSerializer, **REFUSALS, 503: RefusalSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Write in private, which begins a move to another channel that owes its return to the public thread.

        409 `not_following`: the network takes private messages only for those who follow us. 409 `not_acknowledged`: answer in public
        first, or give a `waiver`. 409 `window_closed`: too long ago that they wrote to us in private. 409 `guarded` carries the `findings`.
        """
        given = read_body(DirectMessageSerializer(data=request.data))
        key = request.headers.get("Idempotency-Key", "")
        message = send_direct_message(conversation_id=pk, agent=agent_of(request), request_key=key, **given)
        return _answer(message, status.HTTP_201_CREATED)


class AskFollowSerializer(serializers.Serializer[Any]):
    answer_seen = serializers.IntegerField(default=0, min_value=0, help_text="As in a reply: the last answer that was read and accepted.")


class AskFollowView(APIView):
    """The public request to follow us, where a network lets us write in private only to followers."""

    @extend_schema(
        operation_id="conversations_ask_follow",
        parameters=[_KEY],
        request=AskFollowSerializer,
        responses={
            201: MessageSerializer,
            200: MessageSerializer,
            202: WaitingSerializer,
            **REFUSALS,
            409: AlreadyAnsweredSerializer,
            503: RefusalSerializer,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask the author in public to follow us, in the desk's own words, and wait: `follow.came` says on `/ws/desk/` that they do.

        200 with the earlier request if they were asked already, in whichever conversation. 202 `waiting_for_approval`: a lead has to read
        it first. 409 `no_follow_needed`: they can be written to in private. 409 `already_answered` as for a reply.
        """
        given = read_body(AskFollowSerializer(data=request.data))
        key = request.headers.get("Idempotency-Key", "")
        asked = ask_to_follow(conversation_id=pk, agent=agent_of(request), request_key=key, **given)
        if asked.message is None:
            waiting = {"code": "waiting_for_approval", "detail": "A lead reads it first.", "approval": asked.approval}
            return Response(WaitingSerializer(waiting).data, status=status.HTTP_202_ACCEPTED)
        return _answer(asked.message, status.HTTP_201_CREATED if asked.is_new else status.HTTP_200_OK)


class NoteView(APIView):
    """An internal note in a conversation."""

    @extend_schema(
        operation_id="conversations_note",
        parameters=[_KEY],
        request=TextSerializer,
        responses={201: MessageSerializer, 400: RefusalSerializer, 404: RefusalSerializer, 409: RefusalSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Leave a note for the team. It never leaves the desk."""
        given = read_body(TextSerializer(data=request.data))
        key = request.headers.get("Idempotency-Key", "")
        message = add_note(conversation_id=pk, agent=agent_of(request), text=given["text"], request_key=key)
        return _answer(message, status.HTTP_201_CREATED)


class ConversationMessagesView(APIView):
    """What was written in a conversation beside its public posts, and our replies."""

    @extend_schema(operation_id="conversations_messages", parameters=PAGING, responses={200: MessagePageSerializer, 404: RefusalSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """Replies, private messages and notes, oldest first."""
        size, after = page_size(request), request.query_params.get("after", "")
        if not Conversation.objects.filter(pk=pk).exists():
            raise NotFound("There is no such conversation.")
        page, key = page_of(_loaded().filter(conversation_id=pk), field="created_at", after=after, limit=size, oldest_first=True)
        results = MessageSerializer(_with_pictures(page), many=True).data
        return Response({"results": results, "next": next_address(request, key) if key else None})


class MessageUndoView(APIView):
    """Takes a message back while it is held."""

    @extend_schema(operation_id="messages_undo", request=None, responses={200: MessageSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Take it back; its text becomes your draft. 409 `too_late` once it is on its way."""
        return _answer(delivery.undo_delivery(message_id=pk, agent=agent_of(request)).message)


class MessageDecideView(APIView):
    """Settles a message of which the desk does not know whether it was sent."""

    @extend_schema(operation_id="messages_decide", request=DecisionSerializer, responses={200: MessageSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Say whether it is there, or what to do. 409 `too_late` if somebody else decided first."""
        given = read_body(DecisionSerializer(data=request.data))
        return _answer(delivery.decide_unconfirmed(message_id=pk, agent=agent_of(request), decision=given["decision"]).message)


class MessageRetryView(APIView):
    """Tries a failed message once more."""

    @extend_schema(
        operation_id="messages_retry",
        request=RetrySerializer,
        responses={200: MessageSerializer, **REFUSALS, 409: AlreadyAnsweredSerializer, 503: RefusalSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send it once more. 409 `already_answered` if its mention was answered meanwhile."""
        given = read_body(RetrySerializer(data=request.data))
        retried = delivery.retry_failed(message_id=pk, agent=agent_of(request), answer_seen=given["answer_seen"])
        return _answer(retried.message)


class OutboxView(APIView):
    """Messages that did not simply go out."""

    @extend_schema(operation_id="outbox", parameters=PAGING, responses={200: MessagePageSerializer, 400: RefusalSerializer})
    def get(self, request: Request) -> Response:
        """Failed, unconfirmed and retried messages, newest first, each with what happened and what to do."""
        page = read_outbox(after=request.query_params.get("after", ""), limit=page_size(request))
        results = MessageSerializer(_with_pictures([entry.message for entry in page.entries]), many=True).data
        return Response({"results": results, "next": next_address(request, page.next)})
