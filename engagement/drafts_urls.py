"""The guards' address below `/api/`."""

from __future__ import annotations

from django.urls import path

from engagement import drafts_api

urlpatterns = [path("drafts/check/", drafts_api.DraftCheckView.as_view(), name="api_draft_check")]
