"""Every address of the desk, composed from the apps. Who may use which is in access.py."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

_MODULES = ["listening.urls", "listening.pages_urls", "engagement.urls", "engagement.outbox_urls", "profiles.urls", "profiles.page_urls"]
urlpatterns: list[URLPattern | URLResolver] = [path("", include(name)) for name in _MODULES if find_spec(name)]
if find_spec("engagement.api_urls"):
    urlpatterns.append(path("api/", include("socialdesk.api")))
