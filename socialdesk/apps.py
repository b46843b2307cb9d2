"""Registers the root, so that its commands, templates and static files are found and Celery has its application."""

from django.apps import AppConfig


class SocialDeskConfig(AppConfig):
    name = "socialdesk"

    def ready(self) -> None:
        from socialdesk import celery  # noqa: F401  shared tasks find the application only once it exists
