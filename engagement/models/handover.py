"""A conversation handed to a colleague or a team, which changes hands only when somebody there says yes (brief B37)."""

from __future__ import annotations

from django.db import models

from listening.models import Conversation
from profiles.models import Agent, Role
from socialdesk.lib.conditions import any_of

HANDED = ("offered", "accepted")  # it is with those who got it, or on its way to them


class Handover(models.Model):
    """offered -> accepted | declined | withdrawn; accepted -> done. Whoever may answer has the conversation with their yes, and it is done;
    who may not (marketing, a manager) works on it beside the agent until they give it back."""

    class State(models.TextChoices):
        OFFERED = "offered", "Offered"
        ACCEPTED = "accepted", "Accepted"
        DONE = "done", "Done"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Taken back"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="handovers")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OFFERED)
    given_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    # To one of these two.
    to = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    team = models.CharField(max_length=20, choices=Role.choices, blank=True)
    note = models.CharField(max_length=500)
    answer = models.CharField(max_length=500, blank=True)  # why not, or what came of it
    taken_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    given_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Also the list of all that are under way: few, whoever they are for.
            models.UniqueConstraint(fields=["conversation"], condition=any_of("state", HANDED), name="handover_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"handover {self.pk}: {self.state}"

    @property
    def whom(self) -> str:
        """Those it was given to, in words."""
        if self.team:
            return {"agent": "the agents", "lead": "the leads"}.get(self.team, self.get_team_display().lower())
        return self.to.name if self.to else "a colleague who left"
