"""`manage.py sandbox`: look at the sandbox network, set its speed, let it fail, and post as anybody."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from socialdesk.networks import registry
from socialdesk.networks.sandbox.faults import FAULTS
from socialdesk.networks.sandbox.records import NETWORKS, SANDBOX, Refused
from socialdesk.networks.sandbox.script import progress_of, set_speed, speed_of
from socialdesk.networks.sandbox.world import World


class Command(BaseCommand):
    help = "Looks at the sandbox network and steers it. What it sets holds for every process of the desk at once."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("status", help="what is in the world, how fast it goes and what fails")
        actions.add_parser("reset", help="empties the world; the play opens anew")
        speed = actions.add_parser("speed", help="1 is a post about every six seconds, 0 a standstill")
        speed.add_argument("speed", type=float)
        fault = actions.add_parser("fault", help="lets something fail: " + ", ".join(FAULTS))
        fault.add_argument("name")
        fault.add_argument("rate", type=float, help="in how many of the calls, from 0 to 1")
        fault.add_argument("--seconds", type=float, help="how slow, or how long a rate limit asks to wait")
        actions.add_parser("heal", help="nothing fails any more")
        post = actions.add_parser("post", help="writes a public post as that account; prints its id")
        post.add_argument("username")
        post.add_argument("text")
        post.add_argument("--reply-to", default="", metavar="ID")
        post.add_argument("--network", default=SANDBOX, choices=NETWORKS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            world = registry.sandbox_world()
            match options["action"]:
                case "status":
                    self._show(world)
                case "reset":
                    world.reset()
                    self.stdout.write("The world is empty. The play opens anew within a second of the desk's running.")
                case "speed":
                    set_speed(world, options["speed"])
                    self.stdout.write(f"The speed is {options['speed']:g}.")
                case "fault":
                    world.faults.set(options["name"], options["rate"], seconds=options["seconds"])
                    self.stdout.write(f"{options['name']} happens in {options['rate']:.0%} of the calls: {FAULTS[options['name']]}.")
                case "heal":
                    world.faults.heal()
                    self.stdout.write("Nothing fails any more.")
                case "post":
                    post = world.publish(options["username"], options["text"], network=options["network"], in_reply_to=options["reply_to"])
                    self.stdout.write(post.id)
        except (registry.NoConnector, Refused, ValueError) as error:
            raise CommandError(str(error)) from error

    def _show(self, world: World) -> None:
        progress = progress_of(world)
        self.stdout.write(f"file      {world.store.path}")
        for name, count in world.counts().items():
            self.stdout.write(f"{name:<9} {count}")
        self.stdout.write(f"speed     {speed_of(world):g}")
        self.stdout.write(f"play      round {progress.round}, {progress.released} lines out" if progress.round else "play      not begun")
        rates, counts = world.faults.rates(), world.faults.counts()
        for name, meaning in FAULTS.items():
            if name in rates or counts[name]:
                self.stdout.write(f"{name:<22} {rates.get(name, 0):>6.1%}  {counts[name]:>7} times  {meaning}")
        if not rates:
            self.stdout.write("no fault is switched on")
