"""Many deliveries to one real network's simulator, by the production connector, while calls fail at random and workers are killed.

The clock is the gale's own, as in a storm: it stands still while the workers work and jumps when they are idle.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.core.cache import cache
from django.db import transaction

from engagement.models import UNFINISHED, Delivery, Message
from engagement.services import delivery
from engagement.services.outcomes import LEASE
from listening.models import Conversation, Mention, NetworkAccount
from profiles.models import Agent
from profiles.services.handles import find_or_create_handles
from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData
from tests.engagement.storm import Crew
from tests.factories import make_account
from tests.socialdesk.networks.x.asked import CALLS
from tests.socialdesk.networks.x.simulator import Simulator as XSimulator

PEOPLE = 100
# So many calls that write end in each of these ways; those that read a third as often, for there are many more of them.
FAULTS = {"lost_before_writing": 0.03, "error_after_writing": 0.03, "no_answer_after_writing": 0.03, "rate_limit": 0.006}
UNLIMITED = 1_000_000


class Weather:
    """Draws how a call ends. "" is well."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._last = threading.local()
        self.drawn: Counter[str] = Counter()

    def draw(self, method: str) -> str:
        at = self._chance.random() * (3 if method == "GET" else 1)
        for name, rate in FAULTS.items():
            if at < rate:
                self.drawn[name] += 1
                return name
            at -= rate
        return ""

    def decide(self, method: str, path: str) -> bool:
        """As `draw`, for a simulator that asks whether a call fails and then how."""
        self._last.failure = self.draw(method)
        return bool(self._last.failure)

    @property
    def last(self) -> str:
        return self._last.failure  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class There:
    """One thing that our account wrote: where it stands, or to whom, with its words."""

    place: str
    text: str
    id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    sent: int
    failed: int
    unconfirmed: int
    doubled: int
    lost: int


@dataclass
class Gale:
    """What is to be delivered, and what became of it. `harness` is the network's own."""

    harness: Any
    seed: int = 1
    killed: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    aside: list[There] = field(default_factory=list)  # written in former rounds of this gale
    account: NetworkAccount = field(init=False)
    weather: Weather = field(init=False)

    def __post_init__(self) -> None:
        config = self.harness.config
        self.account = make_account(config.network, config.username, external_id=config.external_id, credentials=dict(config.credentials))
        self.weather = Weather(self.seed)

    def prepare(self, count: int, agent: Agent) -> None:
        """`count` messages that are due: a reply below each of the customers' posts, and after every tenth a private message.

        Some people are answered twice in the same words. What was written before is as old as if it had been written a while ago.
        """
        self.aside += _age(self.harness)
        moment, network, people = now(), self.account.network, [f"person{number}" for number in range(PEOPLE)]
        ids = {name: self.harness.customer_id(name) for name in people}
        for name in people:
            self.harness.customer_follows(name)  # or does what else lets us write to them
        with transaction.atomic():
            authors = [(network, AuthorData(ids[name], name)) for name in people]
            handles = find_or_create_handles(authors=authors, now=moment)
        kinds: list[tuple[int, str]] = []
        while len(kinds) < count:
            place = kinds[-1][0] + 1 if kinds else 0
            kinds += [(place, "reply")] + [(place, "direct_message")] * (place % 10 == 0)
        kinds = kinds[:count]
        writers = [people[place % PEOPLE] for place in range(kinds[-1][0] + 1)]
        posts = [self.harness.customer_posts(name, f"help {place}") for place, name in enumerate(writers)]
        common: dict[str, Any] = {"network": network, "account": self.account, "opened_at": moment, "activity_at": moment}
        conversations = Conversation.objects.bulk_create(
            [Conversation(author_id=handles[network, ids[name]].id, **common) for name in writers], batch_size=500
        )
        said: dict[str, Any] = {"text": "help", "folded": "help", "posted_at": moment, "received_at": moment}
        said |= {"score": 0, "label": "neutral", "confidence": 0, "scorer": "", "network": network}
        mentions = Mention.objects.bulk_create(
            [
                Mention(external_id=posts[place], author_id=conversations[place].author_id, conversation=conversations[place], **said)
                for place in range(len(posts))
            ],
            batch_size=500,
        )
        written: dict[str, Any] = {"agent": agent, "account": self.account, "network": network, "created_at": moment}
        messages = Message.objects.bulk_create(
            [
                Message(
                    conversation=conversations[place],
                    kind=kind,
                    text=_words(kind, place, next(self.numbers)),
                    mention=mentions[place] if kind == "reply" else None,
                    answer_number=1 if kind == "reply" else None,
                    **written,
                )
                for place, kind in kinds
            ],
            batch_size=500,
        )
        Delivery.objects.bulk_create(
            [Delivery(message=m, kind=m.kind, token=uuid.uuid4().hex, not_before=moment, created_at=moment) for m in messages],
            batch_size=500,
        )

    def run(self, *, kills: float, most: int = 150) -> None:
        """Until nothing is unfinished: two workers; a tenth of the tasks comes twice."""
        moment, told = now(), list[int]()
        chance = random.Random(self.seed)
        with _failing(self.harness, self.weather), patch.object(delivery, "tell_worker", told.append):
            for self.rounds in range(most):
                if not Delivery.objects.filter(state__in=UNFINISHED).exists():
                    return
                moment += timedelta(seconds=LEASE / 2)
                told.clear()
                delivery.sweep(now=moment, limit=1_000_000)
                self._let_time_pass()
                ids = told + told[::10]
                chance.shuffle(ids)
                crew = Crew(kills=kills, seed=f"{self.seed}:{self.rounds}")
                crew.work(ids, moment)
                self.killed += crew.killed
        raise AssertionError(f"the gale does not end: {Counter(Delivery.objects.values_list('state', 'error'))}")

    def _let_time_pass(self) -> None:
        """Limits are over, and what a network remembers of a write for a while is forgotten."""
        cache.clear()
        simulator = self.harness.simulator
        simulator.log.clear()  # else it would grow to gigabytes
        match self.account.network:
            case "mastodon":
                simulator.limit = simulator.remaining = UNLIMITED
                simulator.routes.keys.clear()
            case "bluesky":
                simulator.left = dict.fromkeys(simulator.left, UNLIMITED)
            case "x":
                simulator.used.clear()
                simulator.limits = {call.name: UNLIMITED for call in CALLS}

    def count(self) -> Outcome:
        """What the desk says beside what really stands on the network."""
        there: dict[tuple[str, str], list[str]] = {}
        for one in self.aside + WRITTEN[self.account.network](self.harness):
            there.setdefault((one.place, one.text), []).append(one.id)
        counts: Counter[str] = Counter()
        lost = 0
        columns = ("state", "message__external_id", "message__kind", "message__text", "message__mention__external_id")
        rows = Delivery.objects.values_list(*columns, "message__conversation__author__external_id")
        for state, external_id, kind, text, mention, author in rows:
            found = there.pop((mention if kind == "reply" else author, text), [])
            counts[state] += 1
            counts["doubled"] += max(0, len(found) - 1)
            # Sent is what stands there; failed, of which its author is told to write it again, is what does not.
            lost += found != [external_id] if state == "sent" else state == "failed" and found != []
        assert there == {}, "somebody wrote what nobody asked for"
        return Outcome(counts["sent"], counts["failed"], counts["unconfirmed"], counts["doubled"], lost)


def _words(kind: str, place: int, number: int) -> str:
    if kind == Message.Kind.DIRECT_MESSAGE:
        return f"Privately {number}"
    return "We are sorry." if place % PEOPLE in (7, 47) else f"Answer {number}"


def _age(harness: Any) -> list[There]:
    """Where our own posts are looked through by their time, make what is there older than is looked for: nobody writes a thousand in a
    moment. On X, whose ids say when they were made, it is taken away, and returned."""
    match harness.config.network:
        case "mastodon":
            for status in harness.world.statuses.values():
                status.created_at -= timedelta(minutes=10)
        case "x":
            old, world = _on_x(harness), harness.simulator.world
            for one in old:
                world.posts.pop(one.id, None)
            world.messages = []
            return old
    return []


# --- How each network is made to fail, and what our account wrote on it


@contextmanager
def _failing(harness: Any, weather: Weather) -> Iterator[None]:
    """Every call may fail, each in a way of its own."""
    network, simulator = harness.config.network, harness.simulator
    if network == "x":
        drawn = property(lambda simulator: weather.last, lambda simulator, failure: None)
        with patch.object(XSimulator, "failure", drawn, create=True), patch.object(simulator, "fails_on", weather.decide):
            yield
    elif network in ("facebook", "instagram"):
        simulator.trouble = _RandomTrouble(weather)
        yield
        simulator.trouble = None
    else:
        with patch.object(simulator, "failure_of", lambda call: weather.draw(call.method)):
            yield


class _RandomTrouble:
    """See Trouble of the simulator."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.only = weather.decide

    @property
    def failure(self) -> str:
        return self._weather.last


def _on_mastodon(harness: Any) -> list[There]:
    ours = [each for each in harness.world.statuses.values() if each.author is harness.world.us]
    return [
        There(each.mentions[0].id if each.visibility == "direct" else each.in_reply_to, re.sub(r"^(@\S+ )+", "", each.text), each.id)
        for each in ours
    ]


def _on_x(harness: Any) -> list[There]:
    world = harness.simulator.world
    posts = [There(each.in_reply_to, each.typed, each.id) for each in world.posts.values() if each.author is harness._us]
    return posts + [There(each.to.id, each.typed, each.id) for each in world.messages if each.sender is harness._us]


def _on_meta(harness: Any) -> list[There]:
    us = harness.world.us(harness.NETWORK)
    kinds = ("Comment", "IGComment")
    written = [each for each in harness.world.things.values() if each.author is us and each.kind in kinds]
    letters = [There(each.recipient.id, each.text, each.id) for each in harness.world.letters if each.sender is us]
    return [There(each.parent or each.place, each.text, each.id) for each in written] + letters


def _on_bluesky(harness: Any) -> list[There]:
    world = harness.world
    ours = [each for each in world.posts(by_app_view=False) if each.did == world.us.did]
    posts = [There(each.value["reply"]["parent"]["uri"], each.value["text"], each.uri) for each in ours]
    sent = [each for each in world.messages if each.sender == world.us.did]
    return posts + [There(next(did for did in world.convos[each.convo] if did != each.sender), each.text, each.id) for each in sent]


WRITTEN: dict[str, Callable[[Any], list[There]]] = {
    "bluesky": _on_bluesky,
    "facebook": _on_meta,
    "instagram": _on_meta,
    "mastodon": _on_mastodon,
    "x": _on_x,
}
