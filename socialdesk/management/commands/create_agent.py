"""Adds a member of staff, with a password read from the keyboard or from standard input."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles.models import Agent, Role


class Command(BaseCommand):
    help = "Add a member of staff. The password is asked for, or read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, default=Role.AGENT)
        parser.add_argument("--name", default="", help="the name that customers and colleagues see")
        parser.add_argument("--email", default="", help="where the desk's e-mails to this person go")

    def handle(self, *args: Any, **options: Any) -> None:
        if Agent.objects.filter(username=options["username"]).exists():
            raise CommandError(f"there is a {options['username']} already")
        password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        agent = Agent(username=options["username"], role=options["role"], display_name=options["name"], email=options["email"])
        try:
            agent.username_validator(agent.username)
            validate_password(password, agent)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        agent.set_password(password)
        agent.save()
        self.stdout.write(f"{agent.username} may sign in as {agent.get_role_display()}")
