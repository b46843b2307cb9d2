"""Addresses of the list of people, and of segments."""

from __future__ import annotations

from django.urls import path

from profiles import people_views, segment_views

urlpatterns = [
    path("people/", people_views.people, name="people"),
    path("segments/", segment_views.segments, name="segments"),
    path("segments/new/", segment_views.segment_new, name="segment_new"),
    path("segments/preview/", segment_views.segment_preview, name="segment_preview"),
    path("segments/<int:pk>/", segment_views.segment_edit, name="segment_edit"),
    path("segments/<int:pk>/move/", segment_views.segment_move, name="segment_move"),
    path("segments/<int:pk>/remove/", segment_views.segment_remove, name="segment_remove"),
]
