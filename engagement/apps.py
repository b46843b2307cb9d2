"""Registers the engagement app, and its part of a profile's history."""

from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "engagement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engagement.timeline import read_chats, read_messages
        from profiles.timeline import register

        register("messages", read_messages)
        register("chats", read_chats)
