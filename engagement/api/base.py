"""What the doors share: who asks, what was given, pages, and the refusals that they describe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from engagement.serializers import RefusalSerializer
from listening.models import Conversation
from socialdesk.lib.errors import NotFound
from socialdesk.lib.paging import MOST, read_page_size

USUAL = 100
PAGING = [
    OpenApiParameter("after", OpenApiTypes.STR, description="Where the page begins, as `next` says."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description=f"At most {MOST}; usually {USUAL}."),
]
REFUSALS: dict[int, Any] = {400: RefusalSerializer, 403: RefusalSerializer, 404: RefusalSerializer, 409: RefusalSerializer}


def read_body(serializer: Serializer[Any]) -> dict[str, Any]:
    """What was given, checked. Raises DRF's ValidationError."""
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def page_size(request: Request) -> int:
    """Raises DeskError for what is no number of rows."""
    return read_page_size(request, usual=USUAL)


def next_address(request: Request, after: str) -> str | None:
    """The address of the page that the key `after` begins; None where it is ""."""
    if not after:
        return None
    query = request.query_params.copy()
    query["after"] = after
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def find_conversation(pk: int, *related: str) -> Conversation:
    """With what it is `related` to. Raises NotFound."""
    found = Conversation.objects.select_related(*related).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such conversation.")
    return found
