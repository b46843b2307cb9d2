"""What the API shows of what came in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from rest_framework import serializers

from listening.models import Conversation, Mention, NetworkAccount, Source, Topic
from profiles.models import Agent, Handle


class AuthorSerializer(serializers.ModelSerializer[Handle]):
    profile = serializers.IntegerField(source="profile.person", read_only=True)

    class Meta:
        model = Handle
        fields = ["id", "network", "external_id", "username", "display_name", "followers", "url", "profile"]


class AgentSerializer(serializers.ModelSerializer[Agent]):
    name = serializers.CharField(read_only=True)

    class Meta:
        model = Agent
        fields = ["id", "username", "name"]


class MentionTopicsSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="topic_id")
    name = serializers.CharField(source="topic.name")


class MentionSerializer(serializers.ModelSerializer[Mention]):
    author = AuthorSerializer(read_only=True)
    conversation = serializers.IntegerField(source="conversation_id", read_only=True, allow_null=True)
    status = serializers.CharField(source="conversation.status", read_only=True, default=None)
    assignee = AgentSerializer(source="conversation.assignee", read_only=True, default=None)
    topics = MentionTopicsSerializer(source="topic_links", many=True, read_only=True)
    corrected_label = serializers.CharField(read_only=True, help_text="What an agent said instead of `label`; empty: nothing.")

    class Meta:
        model = Mention
        fields = [
            *("id", "network", "external_id", "author", "conversation", "status", "assignee", "text", "language", "posted_at"),
            *("received_at", "url", "in_reply_to", "media", "reposts", "is_addressed", "asks_for_help", "edited_at", "deleted_at"),
            *("sentiment", "score", "label", "confidence", "scorer", "corrected_label", "topics"),
        ]
        read_only_fields = fields


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    author = AuthorSerializer(read_only=True)
    assignee = AgentSerializer(read_only=True)
    claimed_by = AgentSerializer(read_only=True)
    priority = serializers.CharField(source="get_priority_display", read_only=True)
    last_mention = serializers.IntegerField(source="last_mention_id", read_only=True, allow_null=True)

    class Meta:
        model = Conversation
        fields = [
            *("id", "network", "author", "status", "assignee", "claimed_by", "claimed_until", "priority", "priority_reasons"),
            *("snoozed_until", "version", "last_mention", "excerpt", "language", "sentiment", "is_proactive", "private_waiting"),
            *("activity_at", "opened_at", "acknowledged_at", "first_answered_at", "last_answered_at", "waiting_since", "unanswered"),
            *("parked_seconds", "resolved_at", "due_at", "due_kind", "promise_due_at"),
        ]
        read_only_fields = fields


class TopicSerializer(serializers.ModelSerializer[Topic]):
    class Meta:
        model = Topic
        fields = ["id", "name", "query", "is_active", "created_at", "changed_at"]
        # The service says more helpfully that a name is taken.
        extra_kwargs: ClassVar[dict[str, Any]] = {"name": {"validators": []}}


class TopicCheckSerializer(serializers.Serializer[Any]):
    query = serializers.CharField()
    texts = serializers.ListField(child=serializers.CharField(allow_blank=True))


class _QueryErrorSerializer(serializers.Serializer[Any]):
    column = serializers.IntegerField()
    message = serializers.CharField()


class TopicCheckAnswerSerializer(serializers.Serializer[Any]):
    error = _QueryErrorSerializer(allow_null=True)
    matches = serializers.ListField(child=serializers.BooleanField())


class SourceSerializer(serializers.ModelSerializer[Source]):
    class Meta:
        model = Source
        fields = [
            *("id", "network", "kind", "name", "account", "is_active", "interval"),
            *("last_read_at", "last_item_at", "failures", "last_error"),
        ]
        read_only_fields = fields


class AccountSerializer(serializers.ModelSerializer[NetworkAccount]):
    capabilities = serializers.SerializerMethodField()

    class Meta:
        model = NetworkAccount
        fields = [
            *("id", "network", "username", "display_name", "state", "state_reason", "state_changed_at"),
            *("capabilities", "cannot", "probed_at"),
        ]
        read_only_fields = fields

    def get_capabilities(self, account: NetworkAccount) -> dict[str, Any]:
        """What this account can do; `cannot` says why it may not what its network lets others do."""
        return asdict(account.capabilities)
