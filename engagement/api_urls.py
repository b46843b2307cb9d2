"""Engagement's addresses below `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from engagement import api, compliments_api

urlpatterns: list[URLPattern] = [
    path("conversations/<int:pk>/reply/", api.ReplyView.as_view(), name="api_conversation_reply"),
    path("conversations/<int:pk>/direct_message/", api.DirectMessageView.as_view(), name="api_conversation_direct_message"),
    path("conversations/<int:pk>/note/", api.NoteView.as_view(), name="api_conversation_note"),
    path("conversations/<int:pk>/messages/", api.ConversationMessagesView.as_view(), name="api_conversation_messages"),
    path("messages/<int:pk>/undo/", api.MessageUndoView.as_view(), name="api_message_undo"),
    path("messages/<int:pk>/decide/", api.MessageDecideView.as_view(), name="api_message_decide"),
    path("messages/<int:pk>/retry/", api.MessageRetryView.as_view(), name="api_message_retry"),
    path("outbox/", api.OutboxView.as_view(), name="api_outbox"),
    path("conversations/<int:pk>/forward/", compliments_api.ForwardView.as_view(), name="api_conversation_forward"),
]
