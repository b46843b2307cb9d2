"""The guards' address below `/api/`."""

from __future__ import annotations

from django.urls import path

from engagement.api import drafts

urlpatterns = [path("drafts/check/", drafts.DraftCheckView.as_view(), name="api_draft_check")]
