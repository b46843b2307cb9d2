"""Addresses of articles: the staff's pages, and the help pages that everybody can read."""

from __future__ import annotations

from django.urls import path

from engagement.views import articles, help_pages

urlpatterns = [
    path("articles/", articles.articles, name="articles"),
    path("articles/new/", articles.article_new, name="article_new"),
    path("articles/preview/", articles.article_preview, name="article_preview"),
    path("articles/<int:pk>/", articles.article_edit, name="article_edit"),
    path("articles/<int:pk>/reviewed/", articles.article_reviewed, name="article_reviewed"),
    path("help/", help_pages.help_home, name="help"),
    path("help/<slug:slug>/", help_pages.help_article, name="help_article"),
    path("help/<slug:slug>/helped/", help_pages.help_vote, name="help_vote"),
]
