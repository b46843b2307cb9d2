"""The REST doors over drafts that wait for a lead."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import PAGING, REFUSALS, next_address, page_size, read_body
from engagement.models import Approval
from engagement.serializers import AlreadyAnsweredSerializer, ApprovalSerializer, RefusalSerializer
from engagement.services import approvals as service
from engagement.services.approvals import read_approvals
from profiles.signed_in import agent_of


class ApprovalPageSerializer(serializers.Serializer[Any]):
    results = ApprovalSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Address of the next page; null at the end.")


class ApproveSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        default=None, allow_null=True, allow_blank=True, trim_whitespace=False, help_text="The text as you changed it; left out: as it is."
    )
    answer_seen = serializers.IntegerField(
        default=None, allow_null=True, min_value=0, help_text="Number of the mention's last answer that you read; left out: its author's."
    )
    note = serializers.CharField(default="", allow_blank=True)


class DeclineSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(default="", allow_blank=True, help_text="What the author should know.")


def _answer(approval: Approval) -> Response:
    return Response(ApprovalSerializer(approval).data)


class ApprovalsView(APIView):
    """Drafts that a lead reads before they go out."""

    @extend_schema(
        operation_id="approvals",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Approval.State.values, description="Usually pending."),
            *PAGING,
        ],
        responses={200: ApprovalPageSerializer, 400: RefusalSerializer},
    )
    def get(self, request: Request) -> Response:
        """What waits, oldest first; what was decided, newest first. Care agents get their own."""
        query = request.query_params
        state = query.get("state", Approval.State.PENDING)
        page = read_approvals(agent=agent_of(request), state=state, after=query.get("after", ""), limit=page_size(request))
        return Response({"results": ApprovalSerializer(page.entries, many=True).data, "next": next_address(request, page.next)})


class ApprovalApproveView(APIView):
    """Sends a draft as its author's answer."""

    @extend_schema(
        operation_id="approvals_approve",
        request=ApproveSerializer,
        responses={200: ApprovalSerializer, **REFUSALS, 409: AlreadyAnsweredSerializer, 503: RefusalSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Approve it, as it is or with your `text`. 409 `already_decided` if it does not wait any more.

        Every check of a reply is made again and its refusals are given here; the draft then still waits. 409 `already_answered`: the
        mention was answered meanwhile; to send it as well, name the `answer_seen` given there.
        """
        given = read_body(ApproveSerializer(data=request.data))
        return _answer(service.approve_reply(approval_id=pk, agent=agent_of(request), **given))


class ApprovalDeclineView(APIView):
    """Sends a draft back to its author."""

    @extend_schema(operation_id="approvals_decline", request=DeclineSerializer, responses={200: ApprovalSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Decline it. Its text is its author's draft again. 409 `already_decided` if it does not wait any more."""
        given = read_body(DeclineSerializer(data=request.data))
        return _answer(service.decline_reply(approval_id=pk, agent=agent_of(request), **given))


class ApprovalWithdrawView(APIView):
    """Takes one's own draft back."""

    @extend_schema(operation_id="approvals_withdraw", request=None, responses={200: ApprovalSerializer, **REFUSALS})
    def post(self, request: Request, pk: int) -> Response:
        """Take your draft back before a lead decides. 409 `already_decided` if one did."""
        return _answer(service.withdraw_reply(approval_id=pk, agent=agent_of(request)))
