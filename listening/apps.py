"""Registers the listening app, and its part of a profile's history."""

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    name = "listening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from listening.personal import HOLDINGS, naming, stop
        from listening.timeline import MENTIONS
        from profiles.personal import register as keep
        from profiles.personal import register_naming, register_stop
        from profiles.timeline import register

        register("mentions", MENTIONS)
        for name, holding in HOLDINGS.items():
            keep(name, holding)
        register_naming("listening", naming)
        register_stop("listening", stop)
