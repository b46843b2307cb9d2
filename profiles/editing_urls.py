"""The addresses of what is written down about people by hand."""

from __future__ import annotations

from django.urls import path

from profiles import editing_views, field_views

urlpatterns = [
    path("profiles/<int:pk>/edit/", editing_views.edit, name="profile_edit"),
    path("profiles/<int:pk>/tags/", editing_views.tag, name="profile_tag"),
    path("tags/options/", editing_views.tag_options, name="tag_options"),
    path("profiles/<int:pk>/contacts/", editing_views.contact_add, name="profile_contact_add"),
    path("profiles/<int:pk>/notes/", editing_views.note_add, name="profile_note_add"),
    path("profiles/<int:pk>/history/", editing_views.history, name="profile_history"),
    path("profiles/<int:pk>/looks/", editing_views.looks, name="profile_looks"),
    path("contact-points/<int:pk>/show/", editing_views.contact_show, name="contact_show"),
    path("contact-points/<int:pk>/revoke/", editing_views.contact_revoke, name="contact_revoke"),
    path("profile-notes/<int:pk>/", editing_views.note, name="profile_note"),
    path("profile-notes/<int:pk>/pin/", editing_views.note_pin, name="profile_note_pin"),
    path("profile-notes/<int:pk>/remove/", editing_views.note_remove, name="profile_note_remove"),
    path("notes/", editing_views.notes_naming, name="notes_naming"),
    path("looks/", editing_views.looks, name="looks"),
    path("fields/", field_views.fields, name="custom_fields"),
    path("fields/<int:pk>/", field_views.fields, name="custom_field"),
    path("fields/<int:pk>/archive/", field_views.field_archive, name="custom_field_archive"),
    path("field-rights/", field_views.field_rights, name="field_rights"),
]
