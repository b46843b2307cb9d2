"""Engagement's addresses below `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from engagement.api import acts, attachments, callbacks, compliments, handovers, links, messages, policy, templates, tickets

urlpatterns: list[URLPattern] = [
    path("conversations/<int:pk>/reply/", messages.ReplyView.as_view(), name="api_conversation_reply"),
    path("conversations/<int:pk>/direct_message/", messages.DirectMessageView.as_view(), name="api_conversation_direct_message"),
    path("conversations/<int:pk>/ask_follow/", messages.AskFollowView.as_view(), name="api_conversation_ask_follow"),
    path("conversations/<int:pk>/hand_over/", handovers.ConversationHandOverView.as_view(), name="api_conversation_hand_over"),
    path("handovers/<int:pk>/", handovers.HandoverView.as_view(), name="api_handover"),
    path("conversations/<int:pk>/note/", messages.NoteView.as_view(), name="api_conversation_note"),
    path("conversations/<int:pk>/messages/", messages.ConversationMessagesView.as_view(), name="api_conversation_messages"),
    path("conversations/<int:pk>/ticket/", tickets.ConversationTicketView.as_view(), name="api_conversation_ticket"),
    path("conversations/<int:pk>/acknowledge/", templates.AcknowledgeView.as_view(), name="api_conversation_acknowledge"),
    path("conversations/<int:pk>/templates/", templates.ConversationTemplatesView.as_view(), name="api_conversation_templates"),
    path("conversations/<int:pk>/links/", links.ConversationLinksView.as_view(), name="api_conversation_links"),
    path("conversations/<int:pk>/hops/", links.ConversationHopsView.as_view(), name="api_conversation_hops"),
    path("conversations/<int:pk>/surveys/", links.ConversationSurveysView.as_view(), name="api_conversation_surveys"),
    path("conversations/<int:pk>/waive/", links.WaiveView.as_view(), name="api_conversation_waive"),
    path("hops/<int:pk>/done/", links.HopDoneView.as_view(), name="api_hop_done"),
    path("mentions/<int:pk>/like/", acts.MentionLikeView.as_view(), name="api_mention_like"),
    path("mentions/<int:pk>/hide/", acts.MentionHideView.as_view(), name="api_mention_hide"),
    path("acts/<int:pk>/take-back/", acts.ActTakeBackView.as_view(), name="api_act_take_back"),
    path("messages/<int:pk>/take_down/", acts.MessageTakeDownView.as_view(), name="api_message_take_down"),
    path("messages/<int:pk>/undo/", messages.MessageUndoView.as_view(), name="api_message_undo"),
    path("messages/<int:pk>/decide/", messages.MessageDecideView.as_view(), name="api_message_decide"),
    path("messages/<int:pk>/retry/", messages.MessageRetryView.as_view(), name="api_message_retry"),
    path("callbacks/", callbacks.CallbacksView.as_view(), name="api_callbacks"),
    path("callbacks/<int:pk>/begin/", callbacks.CallbackBeginView.as_view(), name="api_callback_begin"),
    path("callbacks/<int:pk>/end/", callbacks.CallbackEndView.as_view(), name="api_callback_end"),
    path("notices/", callbacks.NoticesView.as_view(), name="api_notices"),
    path("notices/<int:pk>/decide/", callbacks.NoticeDecideView.as_view(), name="api_notice_decide"),
    path("profiles/<int:pk>/notices/", callbacks.ProfileNoticesView.as_view(), name="api_profile_notices"),
    path(
        "conversations/<int:pk>/verifications/",
        callbacks.ConversationVerificationsView.as_view(),
        name="api_conversation_verifications",
    ),
    path("verifications/<int:pk>/enter/", callbacks.VerificationEnterView.as_view(), name="api_verification_enter"),
    path("attachments/", attachments.AttachmentsView.as_view(), name="api_attachments"),
    path("attachments/<int:pk>/", attachments.AttachmentView.as_view(), name="api_attachment"),
    path("outbox/", messages.OutboxView.as_view(), name="api_outbox"),
    path("approvals/", policy.ApprovalsView.as_view(), name="api_approvals"),
    path("approvals/<int:pk>/approve/", policy.ApprovalApproveView.as_view(), name="api_approval_approve"),
    path("approvals/<int:pk>/decline/", policy.ApprovalDeclineView.as_view(), name="api_approval_decline"),
    path("approvals/<int:pk>/withdraw/", policy.ApprovalWithdrawView.as_view(), name="api_approval_withdraw"),
    path("conversations/<int:pk>/forward/", compliments.ForwardView.as_view(), name="api_conversation_forward"),
]
