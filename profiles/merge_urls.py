"""Addresses of who may be the same person: the proposals, a merge before it is made, and its undoing."""

from __future__ import annotations

from django.urls import path

from profiles import merge_views

urlpatterns = [
    path("duplicates/", merge_views.duplicates, name="duplicates"),
    path("duplicates/<int:pk>/dismiss/", merge_views.duplicate_dismiss, name="duplicate_dismiss"),
    path("profiles/<int:pk>/merge/", merge_views.merge, name="profile_merge"),
    path("merges/<int:pk>/undo/", merge_views.merge_undo, name="merge_undo"),
]
