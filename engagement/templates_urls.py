"""Addresses of saved replies: their pages, what the composer offers, and the acknowledgement by one key."""

from __future__ import annotations

from django.urls import path

from engagement.views import suggestions, templates

urlpatterns = [
    path("templates/", templates.templates, name="templates"),
    path("templates/new/", templates.template_new, name="template_new"),
    path("templates/rights/", templates.template_rights, name="template_rights"),
    path("templates/preview/", templates.template_preview, name="template_preview"),
    path("templates/<int:pk>/", templates.template_edit, name="template_edit"),
    path("templates/<int:pk>/switch/", templates.template_switch, name="template_switch"),
    path("conversations/<int:pk>/suggestions/", suggestions.suggestions, name="suggestions"),
    path("conversations/<int:pk>/acknowledge/", suggestions.conversation_acknowledge, name="conversation_acknowledge"),
    path("conversations/<int:pk>/articles/<int:article>/", suggestions.conversation_article, name="conversation_article"),
]
