"""Addresses of other systems: the door by which they tell us, and the pages where admins connect them."""

from __future__ import annotations

from django.urls import path

from profiles import hook_views

urlpatterns = [
    path("hooks/people/<slug:system>/", hook_views.people_hook, name="people_hook"),
]
