"""What is done to a post on its network without a word: it is liked or hidden, or an answer of ours is taken down."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from listening.models import Mention, NetworkAccount
from profiles.models import Agent
from socialdesk.lib.conditions import any_of

OPEN = ("queued", "undoing")  # a worker has to do something
STANDING = ("queued", "done", "undoing")  # not to be asked for again


class NetworkAct(models.Model):
    """queued -> done | failed; a like or a hiding that is done -> undoing -> undone, or done again where that failed, with the error.

    Only `services/acts.py` changes it; doing it twice is no error at a network, so what is not known is tried again. One that failed or
    was taken back stays as it is, and the next press makes another.
    """

    class Kind(models.TextChoices):
        LIKE = "like", "Like"
        HIDE = "hide", "Hide"
        DELETE = "delete", "Take down"

    class State(models.TextChoices):
        QUEUED = "queued", "Under way"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        UNDOING = "undoing", "Being taken back"
        UNDONE = "undone", "Taken back"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    # One of these two: a post of somebody else, or an answer of ours.
    mention = models.ForeignKey(Mention, on_delete=models.PROTECT, null=True, related_name="network_acts")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, null=True, related_name="network_acts")
    account = models.ForeignKey(NetworkAccount, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    undone_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    token = models.CharField(max_length=40, unique=True)  # the same on every try
    not_before = models.DateTimeField()  # the next try; while one runs, when its worker is taken for dead
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=40, blank=True)  # which worker's run holds it
    error = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mention", "kind"], condition=any_of("state", STANDING), name="network_act_mention_once"),
            models.UniqueConstraint(fields=["message", "kind"], condition=any_of("state", STANDING), name="network_act_message_once"),
            models.CheckConstraint(
                condition=Q(kind="delete", mention=None, message__isnull=False)
                | Q(kind__in=["like", "hide"], mention__isnull=False, message=None),
                name="network_act_of_one_thing",
            ),
        ]
        indexes = [models.Index(fields=["not_before"], condition=any_of("state", OPEN), name="network_act_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def conversation_id(self) -> int | None:
        """Of what it is done to, which should be loaded."""
        target = self.message or self.mention
        return None if target is None else target.conversation_id
