"""The address of the outbox."""

from __future__ import annotations

from django.urls import path

from engagement import outbox_views

urlpatterns = [path("outbox/", outbox_views.outbox, name="outbox")]
