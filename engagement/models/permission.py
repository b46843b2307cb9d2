"""An author's yes to our using their post, with what shows it. A no has no row here, so that nothing can rest on one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.compliment import Compliment
from listening.models import Mention
from profiles.models import Agent, Handle


class Permission(models.Model):
    """A repost or quote is a Message that names one of these (`Message.permission`), each of which serves one message only."""

    compliment = models.ForeignKey(Compliment, on_delete=models.PROTECT, related_name="permissions")
    purpose = models.CharField(max_length=10, choices=Compliment.Purpose.choices)
    granted_by = models.ForeignKey(Handle, on_delete=models.PROTECT, related_name="+", db_index=False)
    post = models.ForeignKey(Mention, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    message = models.ForeignKey("engagement.Message", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    recorded_by = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)  # always a person, never the desk
    recorded_at = models.DateTimeField()
    read_as = models.CharField(max_length=10)  # what the desk had read in it: yes, no, unclear
    ended_at = models.DateTimeField(null=True)  # the author said so, the post is gone, or we will not use it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["compliment"], condition=Q(ended_at=None), name="permission_one_that_holds"),
            models.CheckConstraint(
                condition=Q(post__isnull=False, message=None) | Q(post=None, message__isnull=False), name="permission_has_evidence"
            ),
        ]

    def __str__(self) -> str:
        return f"permission {self.pk} to {self.purpose}"
