"""Registers the listening app, and its part of a profile's history."""

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    name = "listening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from listening.timeline import MENTIONS
        from profiles.timeline import register

        register("mentions", MENTIONS)
