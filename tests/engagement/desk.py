"""A desk beside a sandbox world: what the tests of answers begin with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count

from engagement.models import UNFINISHED, Delivery, Message
from engagement.services.delivery import deliver, sweep
from listening.models import Conversation, Mention, NetworkAccount, Source
from socialdesk.intake import Result, take_in
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.sandbox.records import Post
from socialdesk.networks.sandbox.world import World
from tests.factories import make_account

_numbers = count(1)


class Desk:
    """The company's account on a sandbox of its own, and hands that do what its processes do."""

    def __init__(self) -> None:
        self.world: World = registry.sandbox_world()
        us = self.world.add_account("tidewheel", display_name="Tidewheel")
        self.account: NetworkAccount = make_account(external_id=us.id, display_name="Tidewheel")
        self.source = Source.objects.create(account=self.account, network="sandbox", kind=Source.Kind.POLL, name="tidewheel")

    def read(self) -> Result:
        """Read all that is new on the network, as the polling task does."""
        batch = registry.reader_for(self.account.config).fetch(self.source.cursor, limit=1000)
        result = take_in(batch.posts, batch.messages, source=self.source, cursor=batch.cursor)
        self.source.refresh_from_db()
        return result

    def mention(self, text: str = "@tidewheel my bike is late", *, author: str = "") -> Mention:
        """A customer's post: on the network, read by the desk."""
        post = self.world.publish(author or f"customer{next(_numbers)}", text)
        self.read()
        return Mention.objects.select_related("conversation__author").get(external_id=post.id)

    def conversation(self, text: str = "@tidewheel my bike is late", *, author: str = "") -> Conversation:
        conversation = self.mention(text, author=author).conversation
        assert conversation is not None
        return conversation

    def answers(self, mention: Mention | Conversation) -> list[Post]:
        """What really stands below the post on the network, by us."""
        post = mention if isinstance(mention, Mention) else mention.mentions.get(is_own=False)
        return [reply for reply in self.world.replies_to(post.external_id) if reply.author.username == "tidewheel"]

    def answers_of_thread(self, conversation: Conversation) -> list[Post]:
        """What really stands on the network below any of the customer's posts, by us."""
        return [reply for mention in conversation.mentions.filter(is_own=False) for reply in self.answers(mention)]

    def state(self, message: Message) -> str:
        return Delivery.objects.get(message=message).state


def by_hand(desk: Desk, mention: Mention, text: str = "By hand") -> Mention:
    """A colleague answers in another app, and the desk reads it."""
    post = desk.world.reply_as("tidewheel", mention.external_id, text)
    desk.read()
    return Mention.objects.get(external_id=post.id)


def work(moment: datetime, deliveries: Iterable[int] | None = None) -> int:
    """What the workers do with all that is due at `moment`, in its order. Returns how many were tried."""
    due = Delivery.objects.filter(state__in=["queued", "awaiting_retry"], not_before__lte=moment)
    ids = list((due if deliveries is None else due.filter(pk__in=list(deliveries))).order_by("message_id").values_list("pk", flat=True))
    for pk in ids:
        deliver(pk, now=moment)
    return len(ids)


def work_off(start: datetime | None = None, *, step: float = 30, most: int = 2000) -> datetime:
    """Sweep and deliver, moving the clock on, until nothing is unfinished. Returns the moment of the end."""
    moment = start or now()
    for _ in range(most):
        if not Delivery.objects.filter(state__in=UNFINISHED).exists():
            return moment
        moment += timedelta(seconds=step)
        sweep(now=moment)
        work(moment)
    raise AssertionError(f"still unfinished: {list(Delivery.objects.filter(state__in=UNFINISHED).values_list('pk', 'state', 'error'))[:5]}")
