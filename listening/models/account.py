"""Our own account on a network: whom the desk listens as and speaks as."""

from __future__ import annotations

from django.db import models

from profiles.models import Agent
from socialdesk.lib.encrypted import EncryptedJSONField
from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Capabilities


class NetworkAccount(models.Model):
    class State(models.TextChoices):
        OK = "ok", "Connected"
        REVOKED = "revoked", "Needs to be connected again"

    network = models.CharField(max_length=20)
    username = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200, blank=True)
    display_name = models.CharField(max_length=200, blank=True)
    credentials = EncryptedJSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OK)
    state_reason = models.CharField(max_length=500, blank=True)
    state_changed_at = models.DateTimeField(null=True, blank=True)
    # Who gave the credentials, and when: null for accounts that were there before anybody connected them.
    connected_at = models.DateTimeField(null=True, blank=True)
    connected_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    # What the network let these credentials do when it was asked last: names of Capabilities that they may not, and why.
    cannot = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(default=dict, blank=True)  # names of Capabilities whose number is another one for this account
    probed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="The credentials end then unless they are renewed.")
    sign_in_until = models.DateTimeField(null=True, blank=True, help_text="The network wants a person to have signed in anew by then.")
    renewing_until = models.DateTimeField(null=True, blank=True, help_text="A worker renews the credentials until then at the latest.")
    created_at = models.DateTimeField(auto_now_add=True)
    # An account that is removed stays as a row, so that what it said stays readable (invariant 8).
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["network", "username"], condition=models.Q(removed_at__isnull=True), name="account_network_username"
            )
        ]

    def __str__(self) -> str:
        known = registry.NETWORKS.get(self.network)
        return f"@{self.username} on {known.label if known else self.network}"

    @property
    def config(self) -> AccountConfig:
        return AccountConfig(network=self.network, username=self.username, external_id=self.external_id, credentials=self.credentials)

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do: less than its network, where its credentials may not, within limits of its own."""
        try:
            return registry.get(self.network).capabilities.within(self.cannot, self.limits)
        except registry.UnknownNetwork:
            return Capabilities()

    @property
    def is_usable(self) -> bool:
        return self.state == self.State.OK and self.removed_at is None
