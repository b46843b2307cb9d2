"""Outgoing or incoming text in a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from listening.models import Conversation, Mention, NetworkAccount
from profiles.models import Agent, Handle

if TYPE_CHECKING:
    from engagement.models.attachment import Attachment


class Message(models.Model):
    class Kind(models.TextChoices):
        REPLY = "reply", "Public reply"
        DIRECT_MESSAGE = "direct_message", "Private message"
        NOTE = "note", "Internal note"
        REPOST = "repost", "Repost"
        QUOTE = "quote", "Quote with credit"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="messages", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    is_incoming = models.BooleanField(default=False)  # only private messages come in as messages; public posts are mentions
    text = models.TextField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="messages", db_index=False)
    author = models.ForeignKey(Handle, on_delete=models.PROTECT, null=True, related_name="messages", db_index=False)  # incoming only
    account = models.ForeignKey(NetworkAccount, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    network = models.CharField(max_length=20, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    mention = models.ForeignKey(Mention, on_delete=models.PROTECT, null=True, related_name="answers")  # what is answered
    # First, second, ... public answer to `mention`. An agent names the last one seen and gets the next number; two who saw the same
    # get the same number, and the database lets only one of them in (invariant 2).
    answer_number = models.PositiveSmallIntegerField(null=True)
    # What a repost or quote rests on. One to one: a permission is used once.
    permission = models.OneToOneField("engagement.Permission", on_delete=models.PROTECT, null=True, related_name="share")
    request_key = models.CharField(max_length=64, blank=True)  # one press of Send, however often it arrives
    is_closing_line = models.BooleanField(default=False, db_default=False)  # our last public word in a heated thread
    picture_count = models.PositiveSmallIntegerField(default=0, db_default=0)  # so that nobody looks for pictures where there are none
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mention", "answer_number"], condition=Q(kind="reply"), name="message_answer_number"),
            models.UniqueConstraint(fields=["agent", "request_key"], condition=~Q(request_key=""), name="message_request_key"),
            models.UniqueConstraint(
                fields=["network", "external_id"], condition=Q(kind="direct_message") & ~Q(external_id=""), name="message_external_id"
            ),
            models.CheckConstraint(
                condition=~Q(kind="reply") | Q(mention__isnull=False, answer_number__isnull=False), name="message_reply_answers_something"
            ),
            # Nothing is reposted or quoted without the author's recorded yes.
            models.CheckConstraint(
                condition=Q(kind__in=["repost", "quote"], permission__isnull=False, mention__isnull=False)
                | (~Q(kind__in=["repost", "quote"]) & Q(permission=None)),
                name="message_share_has_permission",
            ),
            # Invariant 4, as far as a column can hold it: a note belongs to no network.
            models.CheckConstraint(condition=~Q(kind="note") | Q(network="", external_id="", account=None), name="message_note_stays"),
        ]
        indexes = [models.Index(fields=["conversation", "created_at", "id"], name="message_order")]

    pictures: list[Attachment]  # as attachments.load_pictures found them

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


SHARES = (Message.Kind.REPOST, Message.Kind.QUOTE)  # public, of our own making, and only with the author's permission
