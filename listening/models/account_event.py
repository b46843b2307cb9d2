"""What became of an account of ours, by whom and when."""

from __future__ import annotations

from django.db import models

from listening.models.account import NetworkAccount
from profiles.models import Agent


class AccountEvent(models.Model):
    """Never changed, never deleted. Without an agent it was the network, or the desk by itself."""

    class Kind(models.TextChoices):
        CONNECTED = "connected", "Connected"
        CONNECTED_AGAIN = "connected_again", "Connected again"
        REMOVED = "removed", "Removed"
        REVOKED = "revoked", "Refused by the network"
        RESTORED = "restored", "Taken by the network again"

    account = models.ForeignKey(NetworkAccount, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"
