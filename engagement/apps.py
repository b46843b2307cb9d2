"""Registers the engagement app, and its parts of a profile's history."""

from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "engagement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engagement.timeline import PARTS
        from profiles.timeline import register

        for name, part in PARTS.items():
            register(name, part)
