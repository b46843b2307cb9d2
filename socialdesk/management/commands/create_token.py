"""Prints a new API token for an agent, and nothing else."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from knox.models import AuthToken

from profiles.services.people import find_agent
from socialdesk.lib.errors import NotFound


class Command(BaseCommand):
    help = "Print an API token for USERNAME. Only its hash is stored: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            agent = find_agent(options["username"])
        except NotFound as error:
            raise CommandError(error.message) from None
        _, token = AuthToken.objects.create(agent)
        self.stdout.write(token)
