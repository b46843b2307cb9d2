"""Addresses of calls, contacts and verifications, and of what comes back from e-mails and text messages."""

from __future__ import annotations

from django.urls import path

from engagement.views import calls, contacts, notices

urlpatterns = [
    path("callbacks/", calls.callbacks, name="callbacks"),
    path("callbacks/<int:pk>/begin/", calls.callback_begin, name="callback_begin"),
    path("callbacks/<int:pk>/", calls.callback_call, name="callback_call"),
    path("callbacks/<int:pk>/end/", calls.callback_end, name="callback_end"),
    path("conversations/<int:pk>/contacts/", contacts.conversation_contacts, name="conversation_contacts"),
    path("conversations/<int:pk>/verify/", contacts.verification_send, name="verification_send"),
    path("conversations/<int:pk>/ask/", contacts.verification_ask, name="verification_ask"),
    path("verifications/<int:pk>/enter/", contacts.verification_enter, name="verification_enter"),
    path("verifications/<int:pk>/judge/", contacts.verification_judge, name="verification_judge"),
    path("notices/", notices.notices, name="notices"),
    path("notices/<int:pk>/decide/", notices.notice_decide, name="notice_decide"),
    path("unsubscribe/<str:token>", notices.unsubscribe, name="unsubscribe"),
    path("hooks/sms/", notices.sms_hook, name="sms_hook"),
]
