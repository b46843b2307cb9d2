"""Registers the profiles app, and its own parts of a person's history."""

from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from profiles.happenings import PARTS
        from profiles.holdings import HOLDINGS
        from profiles.personal import register as keep
        from profiles.personal import register_stop
        from profiles.services.erased_refs import remember_refs
        from profiles.services.forgetting import stop
        from profiles.timeline import register

        for name, part in PARTS.items():
            register(name, part)
        for name, holding in HOLDINGS.items():
            keep(name, holding)
        register_stop("profiles", stop)
        register_stop("external_refs", remember_refs)
