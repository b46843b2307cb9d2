"""Addresses of the desk: the feed and what is done with conversations and posts in it."""

from __future__ import annotations

from django.urls import path

from listening.views import actions, stream

urlpatterns = [
    path("", stream.stream, name="stream"),
    path("feed/", stream.feed, name="feed"),
    path("feed/cards/", stream.feed_cards, name="feed_cards"),
    path("counts/", stream.counts, name="counts"),
    path("conversations/bulk/", actions.bulk, name="bulk"),
    path("conversations/<int:pk>/claim/", actions.conversation_claim, name="conversation_claim"),
    path("conversations/<int:pk>/release/", actions.conversation_release, name="conversation_release"),
    path("conversations/<int:pk>/assign/", actions.conversation_assign, name="conversation_assign"),
    path("conversations/<int:pk>/snooze/", actions.conversation_snooze, name="conversation_snooze"),
    path("conversations/<int:pk>/resolve/", actions.conversation_resolve, name="conversation_resolve"),
    path("conversations/<int:pk>/reopen/", actions.conversation_reopen, name="conversation_reopen"),
    path("mentions/<int:pk>/why/", actions.mention_why, name="mention_why"),
    path("mentions/<int:pk>/correct/", actions.mention_correct, name="mention_correct"),
    path("searches/", actions.search_save, name="search_save"),
    path("searches/<int:pk>/delete/", actions.search_delete, name="search_delete"),
]
