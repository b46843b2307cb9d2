"""The address of a person's page."""

from __future__ import annotations

from django.urls import path

from profiles import page_views

urlpatterns = [path("profiles/<int:pk>/", page_views.profile, name="profile")]
