"""Registers the engagement app, and its part of a profile's history."""

from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "engagement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engagement.timeline import (
            read_callbacks,
            read_chats,
            read_messages,
            read_notices,
            read_survey_answers,
            read_ticket_updates,
        )
        from profiles.timeline import register

        register("messages", read_messages)
        register("callbacks", read_callbacks)
        register("chats", read_chats)
        register("notices", read_notices)
        register("tickets", read_ticket_updates)
        register("surveys", read_survey_answers)
