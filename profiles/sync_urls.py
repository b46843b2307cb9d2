"""Addresses of other systems: the door by which they tell us, and the pages where admins connect them."""

from __future__ import annotations

from django.urls import path

from profiles import connection_views, hook_views

urlpatterns = [
    path("hooks/people/<slug:system>/", hook_views.people_hook, name="people_hook"),
    path("connections/", connection_views.connections, name="connections"),
    path("connections/new/<str:kind>/", connection_views.connection_new, name="connection_new"),
    path("connections/<int:pk>/", connection_views.connection_edit, name="connection_edit"),
    path("connections/<int:pk>/log/", connection_views.connection_log, name="connection_log"),
    path("connections/<int:pk>/test/", connection_views.connection_test, name="connection_test"),
    path("connections/<int:pk>/switch/", connection_views.connection_switch, name="connection_switch"),
    path("connections/<int:pk>/secret/", connection_views.connection_secret, name="connection_secret"),
    path("connections/<int:pk>/remove/", connection_views.connection_remove, name="connection_remove"),
    path("deliveries/<int:pk>/replay/", connection_views.delivery_replay, name="delivery_replay"),
]
