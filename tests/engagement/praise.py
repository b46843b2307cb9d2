"""Praise on a sandbox desk: what the tests of compliments begin with."""

from __future__ import annotations

from collections.abc import Sequence

from engagement.models import Compliment, Message
from engagement.services.compliments import forward_compliment
from engagement.services.permissions import read_answers, record_answer
from engagement.services.praise_replies import ask_permission
from engagement.services.shares import share_compliment
from listening.models import Mention
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.networks.sandbox.records import Post
from tests.engagement.desk import Desk, work

PRAISE = "@tidewheel the mechanic was wonderful, thank you so much!"


class Praise(Desk):
    """A desk with one agent, one marketing person, and an author who has praised."""

    def __init__(self, agent: Agent, marketing: Agent) -> None:
        super().__init__()
        self.agent, self.marketing = agent, marketing

    def forward(self, text: str = PRAISE, *, author: str = "", note: str = "", to: Agent | None = None) -> Compliment:
        mention = self.mention(text, author=author)
        return forward_compliment(mention_id=mention.pk, agent=self.agent, note=note, to=to)

    def asked(self, *, purpose: str = "repost", author: str = "", text: str = PRAISE) -> Compliment:
        """Forwarded, and the question is on the network."""
        compliment = self.forward(text, author=author)
        ask_permission(compliment_id=compliment.pk, agent=self.marketing, purpose=purpose, hold=0)
        work(now())
        return fresh(compliment)

    def says(self, compliment: Compliment, text: str) -> str:
        """The author answers the question; gives the evidence that the desk then offers."""
        assert compliment.asking is not None
        compliment.asking.refresh_from_db()
        author = compliment.mention.author.username
        self.world.reply_as(author, compliment.asking.external_id, text)
        self.read()
        return read_answers([fresh(compliment)])[compliment.pk][-1].evidence

    def granted(self, *, purpose: str = "repost", author: str = "", text: str = PRAISE) -> Compliment:
        compliment = self.asked(purpose=purpose, author=author, text=text)
        evidence = self.says(compliment, "Yes, of course!")
        return record_answer(compliment_id=compliment.pk, agent=self.marketing, granted=True, evidence=evidence)

    def shared(self, *, purpose: str = "repost") -> tuple[Compliment, Message]:
        compliment = self.granted(purpose=purpose)
        message = share_compliment(compliment_id=compliment.pk, agent=self.marketing, hold=0)
        work(now())
        message.refresh_from_db()
        return fresh(compliment), message

    def ours(self) -> list[Post]:
        """What stands on the network of our own making: reposts and posts that answer nobody."""
        return [post for post in self.world.posts_by("tidewheel") if not post.in_reply_to and not post.deleted]

    def author_deletes(self, mention: Mention) -> None:
        self.world.delete(mention.external_id)
        self.read()


def fresh(compliment: Compliment) -> Compliment:
    return Compliment.objects.select_related("mention__author", "asking__delivery", "thanks__delivery").get(pk=compliment.pk)


def history(compliment: Compliment) -> Sequence[str]:
    return list(compliment.events.order_by("pk").values_list("kind", flat=True))
