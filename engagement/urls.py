"""Addresses of the conversation pane and of the messages in it."""

from __future__ import annotations

from django.urls import path

from engagement.views import acts, attachments, conversation, follow, guard, handovers, messages

urlpatterns = [
    path("conversations/<int:pk>/", conversation.conversation, name="conversation"),
    path("conversations/<int:pk>/above/", conversation.conversation_above, name="conversation_above"),
    path("conversations/<int:pk>/send/", messages.send, name="send"),
    path("conversations/<int:pk>/draft/", messages.draft, name="draft"),
    path("conversations/<int:pk>/pictures/", attachments.pictures_add, name="pictures_add"),
    path("pictures/<int:pk>/", attachments.picture, name="attachment"),
    path("pictures/<int:pk>/describe/", attachments.picture_describe, name="picture_describe"),
    path("pictures/<int:pk>/remove/", attachments.picture_remove, name="picture_remove"),
    path("conversations/<int:pk>/check/", guard.draft_check, name="draft_check"),
    path("conversations/<int:pk>/ask_follow/", follow.conversation_ask_follow, name="conversation_ask_follow"),
    path("conversations/<int:pk>/hand_over/", handovers.conversation_hand_over, name="conversation_hand_over"),
    path("handovers/<int:pk>/", handovers.handover_settle, name="handover_settle"),
    path("mentions/<int:pk>/like/", acts.mention_like, name="mention_like"),
    path("mentions/<int:pk>/hide/", acts.mention_hide, name="mention_hide"),
    path("acts/<int:pk>/take-back/", acts.act_take_back, name="act_take_back"),
    path("messages/<int:pk>/take_down/", acts.message_take_down, name="message_take_down"),
    path("messages/<int:pk>/undo/", messages.delivery_undo, name="delivery_undo"),
    path("messages/<int:pk>/decide/", messages.delivery_decide, name="delivery_decide"),
]
