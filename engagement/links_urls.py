"""Addresses of short links and of moves to other channels."""

from __future__ import annotations

from django.urls import path

from engagement.views import hops, link_pages, links

urlpatterns = [
    path("s/<str:code>", links.short_link, name="short_link"),
    path("s/<str:code>/<slug:step>", links.short_link, name="short_link_step"),
    path("links/", link_pages.links, name="links"),
    path("returns/", hops.returns, name="returns"),
    path("conversations/<int:pk>/link/", hops.conversation_link, name="conversation_link"),
    path("conversations/<int:pk>/waive/", hops.conversation_waive, name="conversation_waive"),
    path("hops/<int:pk>/done/", hops.hop_done, name="hop_done"),
    path("links/<int:pk>/revoke/", hops.link_revoke, name="link_revoke"),
]
