"""The REST doors over calls, notices and verifications: what the screens do, for programs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import REFUSALS, find_conversation, next_address, read_body
from engagement.models import CallAttempt, CallbackRequest, Notice, Verification
from engagement.serializers import RefusalSerializer
from engagement.services.callbacks import read_queue
from engagement.services.calls import begin_call, end_call, show_number
from engagement.services.notices import decide_notice
from engagement.services.outbound import send_notice
from engagement.services.reach import read_reach
from engagement.services.verification import enter_code, read_verifications, send_verification_code
from profiles.models import SCOPES, Medium, Profile
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.paging import NewestFirst

_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Names one order to send, at most 64 characters: the same one again gives the same notice and sends nothing twice.",
)


class CallbackSerializer(serializers.ModelSerializer[CallbackRequest]):
    """A call that a customer asked for. The number is not in it: it is shown to the agent who calls, while they do."""

    class Meta:
        model = CallbackRequest
        fields: tuple[str, ...] = (
            *("id", "conversation", "profile", "state", "reason", "language", "zone", "window_from", "window_until"),
            *("call_from", "due_at", "attempts", "agent", "calling_until", "created_at", "finished_at"),
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class CallbackPageSerializer(serializers.Serializer[Any]):
    results = CallbackSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Address of the next page; null at the end.")


class BegunCallSerializer(CallbackSerializer):
    number = serializers.SerializerMethodField(help_text="The number to call. That it was shown is kept.")

    class Meta(CallbackSerializer.Meta):
        fields: tuple[str, ...] = (*CallbackSerializer.Meta.fields, "number")
        read_only_fields: tuple[str, ...] = fields

    def get_number(self, callback: CallbackRequest) -> str:
        return str(self.context["number"])


class OutcomeSerializer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=[value for value in CallAttempt.Outcome.values if value != CallAttempt.Outcome.LOST])
    note = serializers.CharField(default="", allow_blank=True, max_length=2_000, help_text="For the team.")


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    """An e-mail or a text message that the desk began. `to` shows as much as its owner needs to know it again."""

    to = serializers.CharField(source="contact_point.masked")

    class Meta:
        model = Notice
        fields = (
            *("id", "profile", "conversation", "medium", "to", "consent", "purpose", "subject", "text", "language", "agent"),
            *("state", "error", "attempts", "not_before", "created_at", "finished_at"),
        )  # fmt: skip
        read_only_fields = fields


class NewNoticeSerializer(serializers.Serializer[Any]):
    medium = serializers.ChoiceField(choices=[Medium.SMS.value, Medium.EMAIL.value])
    purpose = serializers.ChoiceField(choices=SCOPES, help_text="What the customer's consent must have been given for.")
    text = serializers.CharField(trim_whitespace=False)
    subject = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="Of an e-mail.")
    conversation = serializers.IntegerField(default=None, allow_null=True, help_text="The conversation that it belongs to.")


class NoticeDecisionSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["sent", "send_again", "give_up"])


class VerificationSerializer(serializers.ModelSerializer[Verification]):
    """A code or a question by which a customer shows that an account (no contact_point) or a contact is theirs."""

    class Meta:
        model = Verification
        fields = (
            *("id", "conversation", "handle", "contact_point", "kind", "sent_by", "state", "tries", "agent"),
            *("created_at", "expires_at", "ended_at", "confirmed_how", "confirmed_by"),
        )  # fmt: skip
        read_only_fields = fields


class ContactSerializer(serializers.Serializer[Any]):
    """A contact of the customer, masked, and what they allow there."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    shown = serializers.CharField(source="masked")
    state = serializers.CharField()
    problem = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    verified_how = serializers.CharField()
    verified_at = serializers.DateTimeField(allow_null=True)
    allows = serializers.SerializerMethodField(help_text="phone, sms, email")

    def get_allows(self, point: Any) -> list[str]:
        return sorted({consent.medium for consent in point.alive})


class ReachSerializer(serializers.Serializer[Any]):
    contacts = ContactSerializer(many=True)
    verifications = VerificationSerializer(many=True)


class NewVerificationSerializer(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=Verification.Way.values, help_text="Private ways only.")
    contact_point = serializers.IntegerField(default=None, allow_null=True, help_text="What is verified; the account itself if left out.")
    waiver = serializers.CharField(
        default="", allow_blank=True, max_length=300, help_text="Why in private first, where nothing is public yet."
    )


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)


class CallbacksView(APIView):
    """Calls that customers asked for."""

    @extend_schema(
        operation_id="callbacks", parameters=[OpenApiParameter("after", OpenApiTypes.STR)], responses={200: CallbackPageSerializer}
    )
    def get(self, request: Request) -> Response:
        """Those that are open, the first due first, fifty at a time."""
        page = read_queue(after=request.query_params.get("after", ""))
        return Response({"results": CallbackSerializer(page.callbacks, many=True).data, "next": next_address(request, page.next)})


class CallbackBeginView(APIView):
    """Takes a call."""

    @extend_schema(operation_id="callbacks_begin", request=None, responses={200: BegunCallSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """You call now: the number, for you alone. 409 `not_now` outside the customer's hours, `no_permission` without a living consent."""
        callback = begin_call(callback_id=pk, agent=agent_of(request))
        number = show_number(callback_id=pk, agent=agent_of(request))
        return Response(BegunCallSerializer(callback, context={"number": number}).data)


class CallbackEndView(APIView):
    """Notes what came of a call."""

    @extend_schema(operation_id="callbacks_end", request=OutcomeSerializer, responses={200: CallbackSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Reached ends it, with the thank-you for the public thread in your draft; nobody there means another try within their hours."""
        return Response(
            CallbackSerializer(end_call(callback_id=pk, agent=agent_of(request), **read_body(OutcomeSerializer(data=request.data)))).data
        )


class NoticesView(generics.ListAPIView[Notice]):
    """E-mails and text messages that the desk began, newest first."""

    serializer_class = NoticeSerializer
    pagination_class = NewestFirst
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Notice]:
        return Notice.objects.select_related("contact_point")


class ProfileNoticesView(APIView):
    """Writes to a person by e-mail or text message."""

    @extend_schema(
        operation_id="profiles_notices_create",
        parameters=[_KEY],
        request=NewNoticeSerializer,
        responses={201: NoticeSerializer, **REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send it, with their consent only. In their quiet hours it waits for the morning.

        409 `no_consent`: they have not agreed to that medium and purpose. 409 `too_many`: they have had enough this week.
        """
        profile = Profile.objects.filter(pk=pk).first()
        if profile is None:
            raise NotFound("There is no such profile.")
        given = read_body(NewNoticeSerializer(data=request.data))
        about = given.pop("conversation")
        conversation = find_conversation(about, "author__profile") if about is not None else None
        if conversation is not None and conversation.author.profile.person != profile.person:
            raise DeskError("This conversation is with somebody else.")
        notice = send_notice(
            profile=profile,
            conversation=conversation,
            agent=agent_of(request),
            request_key=request.headers.get("Idempotency-Key", ""),
            **given,
        )
        return Response(NoticeSerializer(notice).data, status=status.HTTP_201_CREATED)


class NoticeDecideView(APIView):
    """Says what became of a notice of which nobody knows."""

    @extend_schema(operation_id="notices_decide", request=NoticeDecisionSerializer, responses={200: NoticeSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """sent: it arrived. send_again: it did not. give_up: leave it."""
        decision = read_body(NoticeDecisionSerializer(data=request.data))["decision"]
        return Response(NoticeSerializer(decide_notice(notice_id=pk, agent=agent_of(request), decision=decision)).data)


class ConversationVerificationsView(APIView):
    """Where the customer of a conversation can be reached, and how that was verified."""

    @extend_schema(operation_id="conversations_verifications", responses={200: ReachSerializer, 404: RefusalSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """Contacts, masked, and the newest verifications."""
        conversation = find_conversation(pk, "author")
        found = {"contacts": read_reach(conversation).points, "verifications": read_verifications(conversation)}
        return Response(ReachSerializer(found).data)

    @extend_schema(
        operation_id="conversations_verifications_create",
        request=NewVerificationSerializer,
        responses={201: VerificationSerializer, **REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send a code in private. 409 `too_many_codes`, `no_consent`, and what refuses a private message."""
        given = read_body(NewVerificationSerializer(data=request.data))
        point = given.pop("contact_point")
        sent = send_verification_code(conversation_id=pk, agent=agent_of(request), contact_point_id=point, **given)
        return Response(VerificationSerializer(sent).data, status=status.HTTP_201_CREATED)


class VerificationEnterView(APIView):
    """Enters the code that a customer told an agent."""

    @extend_schema(operation_id="verifications_enter", request=CodeSerializer, responses={200: VerificationSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """400 `wrong_code` says how many tries are left."""
        code = read_body(CodeSerializer(data=request.data))["code"]
        return Response(VerificationSerializer(enter_code(verification_id=pk, typed=code, agent=agent_of(request))).data)
