"""Addresses of people's rights: their archive, their erasure, do-not-contact, and how long things are kept."""

from __future__ import annotations

from django.urls import path

from profiles import rights_views

urlpatterns = [
    path("privacy/", rights_views.privacy, name="privacy"),
    path("privacy/run/", rights_views.privacy_run, name="privacy_run"),
    path("profiles/<int:pk>/erase/", rights_views.erase, name="profile_erase"),
    path("profiles/<int:pk>/archive/", rights_views.archive, name="profile_archive"),
    path("profiles/<int:pk>/do-not-contact/", rights_views.do_not_contact, name="profile_do_not_contact"),
]
