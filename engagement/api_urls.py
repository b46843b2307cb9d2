"""Engagement's addresses below `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from engagement import api, callbacks_api, compliments_api, links_api, policy_api, templates_api, tickets_api

urlpatterns: list[URLPattern] = [
    path("conversations/<int:pk>/reply/", api.ReplyView.as_view(), name="api_conversation_reply"),
    path("conversations/<int:pk>/direct_message/", api.DirectMessageView.as_view(), name="api_conversation_direct_message"),
    path("conversations/<int:pk>/note/", api.NoteView.as_view(), name="api_conversation_note"),
    path("conversations/<int:pk>/messages/", api.ConversationMessagesView.as_view(), name="api_conversation_messages"),
    path("conversations/<int:pk>/ticket/", tickets_api.ConversationTicketView.as_view(), name="api_conversation_ticket"),
    path("conversations/<int:pk>/acknowledge/", templates_api.AcknowledgeView.as_view(), name="api_conversation_acknowledge"),
    path("conversations/<int:pk>/templates/", templates_api.ConversationTemplatesView.as_view(), name="api_conversation_templates"),
    path("conversations/<int:pk>/links/", links_api.ConversationLinksView.as_view(), name="api_conversation_links"),
    path("conversations/<int:pk>/hops/", links_api.ConversationHopsView.as_view(), name="api_conversation_hops"),
    path("conversations/<int:pk>/surveys/", links_api.ConversationSurveysView.as_view(), name="api_conversation_surveys"),
    path("conversations/<int:pk>/waive/", links_api.WaiveView.as_view(), name="api_conversation_waive"),
    path("hops/<int:pk>/done/", links_api.HopDoneView.as_view(), name="api_hop_done"),
    path("messages/<int:pk>/undo/", api.MessageUndoView.as_view(), name="api_message_undo"),
    path("messages/<int:pk>/decide/", api.MessageDecideView.as_view(), name="api_message_decide"),
    path("messages/<int:pk>/retry/", api.MessageRetryView.as_view(), name="api_message_retry"),
    path("callbacks/", callbacks_api.CallbacksView.as_view(), name="api_callbacks"),
    path("callbacks/<int:pk>/begin/", callbacks_api.CallbackBeginView.as_view(), name="api_callback_begin"),
    path("callbacks/<int:pk>/end/", callbacks_api.CallbackEndView.as_view(), name="api_callback_end"),
    path("notices/", callbacks_api.NoticesView.as_view(), name="api_notices"),
    path("notices/<int:pk>/decide/", callbacks_api.NoticeDecideView.as_view(), name="api_notice_decide"),
    path("profiles/<int:pk>/notices/", callbacks_api.ProfileNoticesView.as_view(), name="api_profile_notices"),
    path(
        "conversations/<int:pk>/verifications/",
        callbacks_api.ConversationVerificationsView.as_view(),
        name="api_conversation_verifications",
    ),
    path("verifications/<int:pk>/enter/", callbacks_api.VerificationEnterView.as_view(), name="api_verification_enter"),
    path("outbox/", api.OutboxView.as_view(), name="api_outbox"),
    path("approvals/", policy_api.ApprovalsView.as_view(), name="api_approvals"),
    path("approvals/<int:pk>/approve/", policy_api.ApprovalApproveView.as_view(), name="api_approval_approve"),
    path("approvals/<int:pk>/decline/", policy_api.ApprovalDeclineView.as_view(), name="api_approval_decline"),
    path("approvals/<int:pk>/withdraw/", policy_api.ApprovalWithdrawView.as_view(), name="api_approval_withdraw"),
    path("conversations/<int:pk>/forward/", compliments_api.ForwardView.as_view(), name="api_conversation_forward"),
]
