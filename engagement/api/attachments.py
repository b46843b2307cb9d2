"""The REST door by which programs hand in the pictures of an answer, or its film."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engagement.api.base import read_body
from engagement.serializers import AttachmentSerializer, RefusalSerializer
from engagement.services.attachments import LONGEST_ALT, add_attachment, remove_attachment
from profiles.signed_in import agent_of
from socialdesk.lib.mp4 import MOST_BYTES
from socialdesk.lib.pictures import BadPicture


class FileSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="JPEG, PNG, WebP or a GIF that stands still; or a film: MP4 with H.264.")
    alt = serializers.CharField(max_length=LONGEST_ALT, help_text="What it shows, for those who cannot see it.")
    conversation = serializers.IntegerField(default=None, allow_null=True, help_text="Where it will go, so that it fits at once.")


class AttachmentsView(APIView):
    """Pictures, or a film, that are going to be sent with a reply."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="attachments_create",
        request={"multipart/form-data": FileSerializer},
        responses={201: AttachmentSerializer, 400: RefusalSerializer, 403: RefusalSerializer, 404: RefusalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Hand in a picture, and give its `id` to a conversation's `reply` among `pictures`; or a film, which goes alone. Nothing is left
        of what the file says of place and camera. What is not sent within a day is forgotten. 400 `bad_picture` or `bad_film` says what
        is wrong with it.
        """
        given = read_body(FileSerializer(data=request.data))
        if given["file"].size > MOST_BYTES:  # before it is read; pictures have a lower bound of their own
            raise BadPicture(f"At most {MOST_BYTES / 1e6:.0f} MB are taken. Make it smaller.")
        agent, content = agent_of(request), given["file"].read()
        added = add_attachment(agent=agent, content=content, alt=given["alt"], conversation_id=given["conversation"])
        return Response(AttachmentSerializer(added).data, status=status.HTTP_201_CREATED)


class AttachmentView(APIView):
    """One of them."""

    @extend_schema(operation_id="attachments_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Take it back while it is not sent. What is gone already is gone."""
        remove_attachment(attachment_id=pk, agent=agent_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
