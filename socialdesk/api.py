"""The API's addresses, composed from the apps, and the door by which programs push mentions."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_update
from django.urls import include, path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from engagement.api.compliments import ComplimentViewSet
from engagement.api.links import LinkViewSet
from engagement.api.templates import TemplateViewSet
from engagement.api.tickets import TicketViewSet
from listening.api import (
    AccountViewSet,
    ConversationViewSet,
    MentionViewSet,
    SourceViewSet,
    TopicCheckView,
    TopicViewSet,
)
from listening.services.acceptance import Refused, Rejection
from profiles.api import ProfileViewSet
from profiles.api_merge import UndoMergeView
from profiles.api_suggestions import DismissSuggestionView, SuggestionsView
from profiles.api_sync import ByExternalView, ChangesView
from profiles.signed_in import agent_of
from socialdesk.gather import take_in_pushed
from socialdesk.lib.errors import DeskError
from socialdesk.networks.base import PostData
from socialdesk.posts import read_post

MOST_POSTS = 1000


class _PushedAuthorSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    username = serializers.CharField()
    display_name = serializers.CharField(required=False)
    followers = serializers.IntegerField(required=False)
    bio = serializers.CharField(required=False, help_text="What they say of themselves there.")


class _PushedMediumSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["image", "video", "audio"], required=False)
    url = serializers.CharField(help_text="Where it can be fetched, over https.")
    alt = serializers.CharField(required=False, help_text="What it shows, in words.")


class _PushedQuoteSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField(required=False)
    author = serializers.CharField(required=False, help_text="User name.")
    text = serializers.CharField(required=False)
    url = serializers.CharField(required=False)


class PushedPostSerializer(serializers.Serializer[Any]):
    network = serializers.CharField()
    external_id = serializers.CharField()
    text = serializers.CharField()
    author = _PushedAuthorSerializer()
    posted_at = serializers.DateTimeField()
    url = serializers.CharField(required=False)
    in_reply_to = serializers.CharField(required=False)
    language = serializers.CharField(required=False)
    repost_of = serializers.CharField(required=False)
    edited_at = serializers.DateTimeField(required=False)
    deleted = serializers.BooleanField(required=False)
    media = _PushedMediumSerializer(many=True, required=False)
    quote = _PushedQuoteSerializer(required=False)
    poll = serializers.ListField(child=serializers.CharField(), required=False, help_text="What can be voted for.")
    warning = serializers.CharField(required=False, help_text="What its author put before it, as a content warning.")


class _RejectionSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    reason = serializers.CharField()


class PushAnswerSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    folded = serializers.IntegerField()
    filtered = serializers.IntegerField()
    rejected = _RejectionSerializer(many=True)
    ids = serializers.DictField(child=serializers.IntegerField())


class PushedMentionViewSet(MentionViewSet):
    """Mentions, newest first; and the way in for programs."""

    @extend_schema(request=PushedPostSerializer(many=True), responses=PushAnswerSerializer)
    def create(self, request: Request) -> Response:
        """Push one post or a list of up to 1,000. What is wrong with one is said by its index; the rest is stored."""
        entries = request.data if isinstance(request.data, list) else [request.data]
        if len(entries) > MOST_POSTS:
            raise DeskError(f"{len(entries):,} posts at once; send at most {MOST_POSTS:,}.")
        places: list[int] = []
        posts: list[PostData] = []
        unreadable: list[Rejection] = []
        for index, entry in enumerate(entries):
            try:
                posts.append(read_post(entry))
                places.append(index)
            except Refused as refusal:
                unreadable.append(Rejection(index, str(refusal)))
        result = take_in_pushed(posts, username=agent_of(request).username, refused=unreadable)
        refused = unreadable + [Rejection(places[r.index], r.reason) for r in result.rejected[len(unreadable) :]]
        return Response(
            {
                "stored": result.stored,
                "duplicate": result.duplicate,
                "folded": result.folded,
                "filtered": result.filtered,
                "rejected": [{"index": r.index, "reason": r.reason} for r in sorted(refused, key=lambda r: r.index)],
                "ids": result.ids,
            },
            status=201 if result.stored else 200,
        )


# The page of the API styles itself as it goes; it shows nothing of the desk's data.
docs = csp_update({"style-src": ["'unsafe-inline'"], "img-src": ["data:"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))

router = SimpleRouter()
router.register("mentions", PushedMentionViewSet, basename="api_mention")
router.register("conversations", ConversationViewSet, basename="api_conversation")
router.register("topics", TopicViewSet, basename="api_topic")
router.register("sources", SourceViewSet, basename="api_source")
router.register("accounts", AccountViewSet, basename="api_account")
router.register("tickets", TicketViewSet, basename="api_ticket")
router.register("links", LinkViewSet, basename="api_link")
router.register("templates", TemplateViewSet, basename="api_template")
router.register("profiles", ProfileViewSet, basename="api_profile")
router.register("compliments", ComplimentViewSet, basename="api_compliment")

urlpatterns = [
    path("topics/check/", TopicCheckView.as_view(), name="api_topic_check"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
    path("", include("engagement.api_urls")),
    path("", include("engagement.drafts_urls")),
    path("merges/<int:pk>/undo/", UndoMergeView.as_view(), name="api_merge_undo"),
    path("profiles/suggestions/", SuggestionsView.as_view(), name="api_suggestions"),
    path("profiles/suggestions/<int:pk>/dismiss/", DismissSuggestionView.as_view(), name="api_suggestion_dismiss"),
    path("profiles/changes/", ChangesView.as_view(), name="api_profile_changes"),
    path("profiles/by-external/<str:system>/<str:external_id>/", ByExternalView.as_view(), name="api_profile_by_external"),
    path("", include(router.urls)),
]
