"""Addresses of people in files, and of links into other systems."""

from __future__ import annotations

from django.urls import path

from profiles import export_views, import_views, link_views

urlpatterns = [
    path("people/import/", import_views.imports, name="imports"),
    path("people/import/<int:pk>/", import_views.import_page, name="import"),
    path("people/import/<int:pk>/choose/", import_views.import_choose, name="import_choose"),
    path("people/import/<int:pk>/cancel/", import_views.import_cancel, name="import_cancel"),
    path("people/import/<int:pk>/refused/", import_views.import_refused, name="import_refused"),
    path("people/export/", export_views.people_export, name="people_export"),
    path("deep-links/", link_views.deep_links, name="deep_links"),
    path("deep-links/preview/", link_views.deep_link_preview, name="deep_link_preview"),
    path("deep-links/<int:pk>/remove/", link_views.deep_link_remove, name="deep_link_remove"),
    path("profiles/<int:pk>/go/<int:link>/", link_views.deep_link_follow, name="deep_link_follow"),
    path("profiles/<int:pk>/numbers/", link_views.ref_add, name="ref_add"),
    path("profiles/<int:pk>/numbers/<int:ref>/remove/", link_views.ref_remove, name="ref_remove"),
]
