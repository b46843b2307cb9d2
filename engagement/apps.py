"""Registers the engagement app, and its parts of a profile's history."""

from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "engagement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engagement.personal import HOLDINGS
        from engagement.services.forgetting import stop
        from engagement.timeline import PARTS
        from profiles.personal import register as keep
        from profiles.personal import register_stop
        from profiles.timeline import register

        for name, part in PARTS.items():
            register(name, part)
        for name, holding in HOLDINGS.items():
            keep(name, holding)
        register_stop("engagement", stop)
