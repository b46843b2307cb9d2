"""Writes docs/networks.md anew from what the connectors say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from socialdesk.network_pages import write_pages
from socialdesk.networks.registry import NETWORKS

PLACE = Path("docs") / "networks.md"


class Command(BaseCommand):
    help = "Write docs/networks.md: how to connect each network, what it costs, what it can and cannot do."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / PLACE
        path.write_text(write_pages(NETWORKS.values()), encoding="utf-8")
        self.stdout.write(f"{PLACE} is written: {len(NETWORKS)} networks.")
