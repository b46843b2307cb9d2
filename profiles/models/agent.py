"""A member of staff and what their role lets them do."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    AGENT = "agent", "Agent"
    LEAD = "lead", "Lead"
    MARKETING = "marketing", "Marketing"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Admin"


class Agent(AbstractUser):
    display_name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.AGENT)
    # Until when they may answer in public by themselves (brief B9). Null: nobody has certified them.
    public_send_until = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractUser.Meta):
        verbose_name = "agent"

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.display_name or self.get_full_name() or self.username

    @property
    def may_answer(self) -> bool:
        """May write to customers: care agents, their leads and admins. Marketing and managers read and note."""
        return self.role in {Role.AGENT, Role.LEAD, Role.ADMIN}

    @property
    def may_share(self) -> bool:
        """May ask authors of praise for permission, and repost or quote it: marketing, leads and admins."""
        return self.role in {Role.MARKETING, Role.LEAD, Role.ADMIN}

    @property
    def may_configure(self) -> bool:
        """May change topics, sources and other people's work."""
        return self.role in {Role.LEAD, Role.MANAGER, Role.ADMIN}

    @property
    def may_connect(self) -> bool:
        """May connect our accounts on networks, and remove them: admins, who answer for what is allowed there."""
        return self.role == Role.ADMIN

    @property
    def may_work(self) -> bool:
        """May change conversations and what is known of people: who writes to customers, and who leads them."""
        return self.may_answer or self.may_configure

    @property
    def may_approve(self) -> bool:
        """May send what others drafted: who may write to customers and answers for colleagues."""
        return self.may_answer and self.may_configure
