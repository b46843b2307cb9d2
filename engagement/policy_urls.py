"""Addresses of rules, certificates, the brake, and the drafts that wait for a lead."""

from __future__ import annotations

from django.urls import path

from engagement.views import approvals, policy, rules

urlpatterns = [
    path("rules/", rules.rules, name="rules"),
    path("rules/new/", rules.rule_new, name="rule_new"),
    path("rules/preview/", rules.rule_preview, name="rule_preview"),
    path("rules/settings/", policy.policy_save, name="policy_save"),
    path("rules/certificates/<int:pk>/", policy.certificate_save, name="certificate_save"),
    path("rules/must-answer/", rules.must_answer, name="must_answer"),
    path("rules/<int:pk>/", rules.rule_edit, name="rule_edit"),
    path("rules/<int:pk>/switch/", rules.rule_switch, name="rule_switch"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<int:pk>/approve/", approvals.approval_approve, name="approval_approve"),
    path("approvals/<int:pk>/decline/", approvals.approval_decline, name="approval_decline"),
    path("approvals/<int:pk>/withdraw/", approvals.approval_withdraw, name="approval_withdraw"),
    path("conversations/<int:pk>/lift/", policy.brake_lift, name="brake_lift"),
]
