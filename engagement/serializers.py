"""How messages and refusals look in the API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engagement.models import Approval, Attachment, Hop, Message, ShortLink, SurveyAnswer
from engagement.services.bubbles import AUDIENCES, author_of
from engagement.services.explain import Explanation, explain
from engagement.services.links import link_url
from listening.serializers import AgentSerializer
from socialdesk.lib.clock import now

_STATES = ["stored", "queued", "inflight", "awaiting_retry", "sent", "failed", "aborted", "unconfirmed"]


class TextSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)


class OutgoingSerializer(TextSerializer):
    variant = serializers.IntegerField(
        source="variant_id",
        default=None,
        allow_null=True,
        min_value=1,
        max_value=2**62,
        help_text="Id of the template's text that it was made from, so that its use is counted.",
    )
    hold = serializers.FloatField(
        default=0, help_text="Seconds for which it is held back and can be undone. 0: it goes out at once.", min_value=0
    )


class ReplySerializer(OutgoingSerializer):
    mention = serializers.IntegerField(
        default=None, allow_null=True, help_text="Id of the mention that it answers; the customer's newest one if left out."
    )
    answer_seen = serializers.IntegerField(
        default=0,
        min_value=0,
        help_text="Number of the mention's last answer that was read and accepted, as refusals name it; 0: none.",
    )

    pictures = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        default=list,
        max_length=20,
        help_text="Ids of pictures, or of one film, that were handed in at `/api/attachments/`.",
    )


class DirectMessageSerializer(OutgoingSerializer):
    reason = serializers.ChoiceField(
        choices=Hop.Reason.choices, default=Hop.Reason.PROGRAM, help_text="Why the customer should change the channel."
    )
    waiver = serializers.CharField(
        default="", allow_blank=True, max_length=300, help_text="Why the customer was not answered in public first, where they were not."
    )


class WaiverSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, help_text="Why nobody comes back to the public thread.")
    hop = serializers.IntegerField(default=None, allow_null=True, help_text="One move to another channel; all open ones if left out.")


class HopSerializer(serializers.ModelSerializer[Hop]):
    owes_return = serializers.BooleanField(help_text="Whether the conversation cannot be closed because of it.")

    class Meta:
        model = Hop
        fields = (
            *("id", "conversation", "channel", "reason", "task", "state", "agent", "link", "acknowledge_waiver", "owes_return"),
            *("offered_at", "begun_at", "due_at", "active_at", "done_at", "returned_at", "return_message", "waiver", "waived_by"),
        )  # fmt: skip
        read_only_fields = fields


class LinkSerializer(serializers.ModelSerializer[ShortLink]):
    """A short link. `code` and `url` let whoever has them in: show them to staff only."""

    url = serializers.SerializerMethodField(help_text="The address for the customer.")
    progress = serializers.CharField(help_text="How far the customer came: unopened, opened, filling or sent.")
    is_alive = serializers.SerializerMethodField(help_text="Whether it still works.")

    class Meta:
        model = ShortLink
        fields = (
            *("id", "code", "url", "kind", "conversation", "agent", "language", "is_single_use", "is_alive", "progress"),
            *("created_at", "expires_at", "revoked_at", "opened_at", "opens", "filled_at", "sent_at"),
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, link: ShortLink) -> str:
        return link_url(link)

    def get_is_alive(self, link: ShortLink) -> bool:
        return link.is_alive(now())


class SurveyAnswerSerializer(serializers.ModelSerializer[SurveyAnswer]):
    class Meta:
        model = SurveyAnswer
        fields = ("id", "conversation", "link", "score", "comment", "agent", "at")
        read_only_fields = fields


class NewLinkSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ShortLink.Kind.choices)
    language = serializers.CharField(default="", allow_blank=True, max_length=12, help_text="Of the page; the conversation's if left out.")
    target = serializers.DictField(
        default=dict, help_text='What the kind needs: {"article": id}, {"offers": ["callback", "chat", "stay"]}.'
    )
    reason = serializers.ChoiceField(
        choices=Hop.Reason.choices, default=Hop.Reason.PROGRAM, help_text="Why the customer should change the channel."
    )
    task = serializers.CharField(default="", allow_blank=True, max_length=300, help_text="What is to be done there.")


class RetrySerializer(serializers.Serializer[Any]):
    answer_seen = serializers.IntegerField(default=0, min_value=0, help_text="As for a reply.")


class DecisionSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(
        choices=["sent", "send_again", "look_again", "abandon"],
        help_text="sent: it is there. send_again: it is not. look_again: the desk should look itself. abandon: do not send it.",
    )


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    """A picture or film of an answer; `seconds` is how long a film is. `url` shows it to staff who are signed in."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Attachment
        fields = ("id", "alt", "media_type", "width", "height", "seconds", "url", "created_at")
        read_only_fields = fields

    def get_url(self, attachment: Attachment) -> str:
        return reverse("attachment", args=[attachment.pk])


class MessageSerializer(serializers.ModelSerializer[Message]):
    """A message with where it stands. Agent, author, delivery and pictures should be loaded."""

    audience = serializers.SerializerMethodField(help_text="Who can see it: public, private or internal.")
    author = serializers.SerializerMethodField(help_text="Name of who wrote it.")
    state = serializers.SerializerMethodField(help_text=f"One of: {', '.join(_STATES)}. Notes and incoming messages are stored.")
    what_happened = serializers.SerializerMethodField()
    what_to_do = serializers.SerializerMethodField()
    pictures = serializers.SerializerMethodField(help_text="What goes out with a reply.")
    actions = serializers.SerializerMethodField(help_text="What can be done now: undo, retry, sent, send_again, look_again, abandon.")

    class Meta:
        model = Message
        fields = (
            *("id", "conversation", "kind", "audience", "is_incoming", "text", "author", "agent", "mention", "answer_number"),
            *("pictures", "state", "what_happened", "what_to_do", "actions", "network", "external_id", "url", "created_at", "sent_at"),
        )  # fmt: skip
        read_only_fields = fields

    def get_audience(self, message: Message) -> str:
        return AUDIENCES[message.kind]

    def get_author(self, message: Message) -> str:
        return author_of(message)

    def get_state(self, message: Message) -> str:
        return message.delivery.state if hasattr(message, "delivery") else "stored"

    def get_what_happened(self, message: Message) -> str:
        return _explanation(message).happened

    def get_what_to_do(self, message: Message) -> str:
        return _explanation(message).advice

    @extend_schema_field(AttachmentSerializer(many=True))
    def get_pictures(self, message: Message) -> Any:
        return AttachmentSerializer(getattr(message, "pictures", []), many=True).data

    def get_actions(self, message: Message) -> list[str]:
        return list(_explanation(message).actions)


def _explanation(message: Message) -> Explanation:
    return explain(message.delivery) if hasattr(message, "delivery") else Explanation("Stored")


class MessagePageSerializer(serializers.Serializer[Any]):
    results = MessageSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Address of the next page; null at the end.")


class RefusalSerializer(serializers.Serializer[Any]):
    """Why something was not done. Some refusals carry more, named in the endpoint's description."""

    code = serializers.CharField()
    detail = serializers.CharField()


class AnswerSerializer(serializers.Serializer[Any]):
    """A public answer that the mention has already."""

    id = serializers.IntegerField(allow_null=True, help_text="Its message; null for one that was written outside the desk.")
    number = serializers.IntegerField()
    agent = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField()
    state = serializers.CharField()
    url = serializers.CharField()


class AlreadyAnsweredSerializer(RefusalSerializer):
    """`already_answered` carries the answers, and the `answer_seen` that accepts them."""

    answers = AnswerSerializer(many=True, required=False)
    answer_seen = serializers.IntegerField(required=False)


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """A draft with what became of it. Its author and who decided should be loaded."""

    agent = AgentSerializer(read_only=True, help_text="Its author.")
    decided_by = AgentSerializer(read_only=True)
    reasons = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Why a lead has to read it.")

    class Meta:
        model = Approval
        fields = (
            *("id", "conversation", "mention", "answer_seen", "text", "agent", "reasons", "state", "created_at"),
            *("decided_by", "decided_at", "final_text", "note", "message"),
        )  # fmt: skip
        read_only_fields = fields


class WaitingSerializer(serializers.Serializer[Any]):
    """What a reply answers that a lead has to read first: `code` is `waiting_for_approval`."""

    code = serializers.CharField()
    detail = serializers.CharField()
    approval = ApprovalSerializer()
