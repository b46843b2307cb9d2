"""The REST door by which programs hand in the pictures of an answer."""

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
from engagement.services.attachments import LONGEST_ALT, add_picture, remove_picture
from profiles.signed_in import agent_of
from socialdesk.lib.pictures import MOST_BYTES, BadPicture


class PictureSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="JPEG, PNG, WebP or a GIF that stands still.")
    alt = serializers.CharField(max_length=LONGEST_ALT, help_text="What it shows, for those who cannot see it.")
    conversation = serializers.IntegerField(default=None, allow_null=True, help_text="Where it will go, so that it fits at once.")


class AttachmentsView(APIView):
    """Pictures that are going to be sent with a reply."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="attachments_create",
        request={"multipart/form-data": PictureSerializer},
        responses={201: AttachmentSerializer, 400: RefusalSerializer, 403: RefusalSerializer, 404: RefusalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Hand in a picture, and give its `id` to a conversation's `reply` among `pictures`. It is encoded anew without what the file says
        of place and camera. What is not sent within a day is forgotten. 400 `bad_picture` says what is wrong with it.
        """
        given = read_body(PictureSerializer(data=request.data))
        if given["file"].size > MOST_BYTES:  # before it is read
            raise BadPicture(f"At most {MOST_BYTES / 1e6:.0f} MB are taken. Make the picture smaller.")
        agent, content = agent_of(request), given["file"].read()
        added = add_picture(agent=agent, content=content, alt=given["alt"], conversation_id=given["conversation"])
        return Response(AttachmentSerializer(added).data, status=status.HTTP_201_CREATED)


class AttachmentView(APIView):
    """One of them."""

    @extend_schema(operation_id="attachments_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Take it back while it is not sent. What is gone already is gone."""
        remove_picture(attachment_id=pk, agent=agent_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
