"""Addresses of the pages beside the desk: trends, topics and sources."""

from __future__ import annotations

from django.urls import path

from listening.views import backfills, sources, topics, trends

urlpatterns = [
    path("trends/", trends.trends, name="trends"),
    path("trends/posts/", trends.trends_posts, name="trends_posts"),
    path("trends/mentions.csv", trends.trends_csv, name="trends_csv"),
    path("trends/counts.csv", trends.trends_counts_csv, name="trends_counts_csv"),
    path("topics/", topics.topics, name="topics"),
    path("topics/new/", topics.topic_new, name="topic_new"),
    path("topics/preview/", topics.topic_preview, name="topic_preview"),
    path("topics/<int:pk>/", topics.topic_edit, name="topic_edit"),
    path("topics/<int:pk>/switch/", topics.topic_switch, name="topic_switch"),
    path("sources/", sources.sources, name="sources"),
    path("sources/<int:pk>/pause/", sources.source_pause, name="source_pause"),
    path("sources/<int:pk>/resume/", sources.source_resume, name="source_resume"),
    path("sources/<int:pk>/backfill/", backfills.source_backfill, name="source_backfill"),
    path("sources/backfills/<int:pk>/", backfills.backfill, name="backfill"),
    path("sources/backfills/<int:pk>/move/", backfills.backfill_move, name="backfill_move"),
    path("sources/batches/<int:pk>/", sources.batch_rejections, name="batch_rejections"),
]
