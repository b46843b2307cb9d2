"""Many deliveries under every fault at once: the network fails, workers are killed between any two steps, tasks come twice.

The clock is the storm's own: it stands still while the workers work and jumps when all of them are idle. Each round is shared out
to child processes with threads of their own, which stay for the whole storm: `python -m tests.engagement.storm` is such a child.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from unittest.mock import patch

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialdesk.settings")
    django.setup()

from django.conf import settings
from django.db import connection, transaction

from engagement.models import UNFINISHED, Delivery, Message
from engagement.services import delivery, outcomes
from engagement.services.outcomes import LEASE
from listening.models import Conversation, ConversationEvent, Mention
from profiles.models import Agent
from profiles.services.handles import find_or_create_handles
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import AuthorData
from socialdesk.networks.sandbox.records import Post
from tests.engagement.desk import Desk

AUTHORS = 100
# Each of these happens to so many calls of the network.
MIXED_FAULTS = {
    "rate_limit": 0.03,
    "server_error": 0.03,
    "dropped": 0.03,
    "error_after_accept": 0.03,
    "timeout_after_accept": 0.03,
    "slow": 0.01,
    "lookup_down": 0.1,
}


PROCESSES, THREADS = 2, 2
# The steps of a delivery, as the functions that take them. A worker may be killed before and after each.
_STEPS: Sequence[tuple[Any, str]] = (
    (delivery, "_claim"),
    (delivery, "_publisher_of"),
    (delivery, "_is_absent"),
    (delivery, "_send"),
    (outcomes, "record_sent"),
    (outcomes, "record_failure"),
    (outcomes, "record_absent"),
    (outcomes, "record_look_failed"),
    (outcomes, "record_own_post"),
    (outcomes, "record_answer"),
    (outcomes, "tell_next"),
)
_CALLS = ("reply", "direct_message", "find")
_SELDOM = {"_is_absent", "record_failure", "record_absent", "record_look_failed", "direct_message", "find"}  # steps of few deliveries
BOUNDARIES = {f"{when} {name}" for name in (*(step for _, step in _STEPS), *_CALLS) for when in ("before", "after")}


class Killed(BaseException):
    """The worker ends here: nothing that stands after this in it happens."""


class Crew:
    """Worker threads of one process."""

    def __init__(self, *, kills: float, seed: str) -> None:
        self._kills = kills
        self._chance = random.Random(seed)
        self.killed: Counter[str] = Counter()

    def work(self, ids: Iterable[int], moment: datetime) -> None:
        """Deliver all of `ids`, and what the desk tells its workers of meanwhile. A thread that is killed is followed by another."""
        queue: SimpleQueue[int] = SimpleQueue()
        for pk in ids:
            queue.put(pk)
        errors: list[Exception] = []

        def run() -> None:
            try:
                while True:
                    try:
                        delivery.deliver(queue.get_nowait(), now=moment)
                    except Killed:
                        connection.close()
            except Empty:
                pass
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        def tell(pk: int) -> None:
            transaction.on_commit(lambda: queue.put(pk))

        with self._deadly(), patch.object(outcomes, "tell_worker", tell):
            threads = [threading.Thread(target=run) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]

    @contextmanager
    def _deadly(self) -> Iterator[None]:
        real = registry.publisher_for

        def publisher_for(config: Any) -> Any:
            publisher = real(config)
            for name in _CALLS:
                setattr(publisher, name, self._between(name, getattr(publisher, name)))
            return publisher

        with ExitStack() as stack:
            stack.enter_context(patch.object(live, "send_now", lambda event: None))  # nobody looks
            stack.enter_context(patch.object(registry, "publisher_for", publisher_for))
            for module, name in _STEPS:
                stack.enter_context(patch.object(module, name, self._between(name, getattr(module, name))))
            yield

    def _between(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        kills = self._kills * (20 if name in _SELDOM else 1)

        def perhaps_kill(boundary: str) -> None:
            if self._chance.random() < kills:
                self.killed[boundary] += 1
                raise Killed

        def taken(*args: Any, **kwargs: Any) -> Any:
            perhaps_kill(f"before {name}")
            result = step(*args, **kwargs)
            perhaps_kill(f"after {name}")
            return result

        return taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm left behind. `lost` are messages that are neither there nor in anybody's list."""

    sent: int
    listed: int
    duplicates: int
    lost: int
    disordered: int


@dataclass
class Storm:
    """What is to be delivered, and what became of it."""

    desk: Desk
    agent: Agent
    seed: int = 1
    kills: float = 0.0  # chance of being killed at each boundary between two steps; 20 times that where few deliveries come by
    killed: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def prepare(self, count: int) -> None:
        """`count` messages that are due: a reply in each conversation, and in every tenth two private messages after it."""
        moment = now()
        world, account = self.desk.world, self.desk.account
        people = [world.add_account(f"person{number}") for number in range(AUTHORS)]
        authors = [("sandbox", AuthorData(person.id, person.username)) for person in people]
        with transaction.atomic():
            known = find_or_create_handles(authors=authors, now=moment)
        handles = [known["sandbox", person.id].id for person in people]
        posts: list[Post] = []
        kinds: list[tuple[int, str]] = []  # (place of the conversation, kind)
        with world.store.transaction():
            for person in people:
                world.follow(person.username)
            while len(kinds) < count:
                place = len(posts)
                posts.append(world.publish(people[place % AUTHORS].username, f"@tidewheel help {place}"))
                kinds += [(place, "reply")] + [(place, "direct_message")] * (2 if place % 10 == 0 else 0)
        kinds = kinds[:count]
        common: dict[str, Any] = {"network": "sandbox", "account": account, "opened_at": moment}
        conversations = Conversation.objects.bulk_create(
            [Conversation(author_id=handles[i % AUTHORS], activity_at=post.posted_at, **common) for i, post in enumerate(posts)],
            batch_size=500,
        )
        mentions = Mention.objects.bulk_create(
            [
                Mention(
                    network="sandbox",
                    external_id=post.id,
                    author_id=handles[i % AUTHORS],
                    conversation=conversations[i],
                    text=post.text,
                    folded=post.text,
                    posted_at=post.posted_at,
                    received_at=moment,
                    score=0,
                    label="neutral",
                    confidence=0,
                    scorer="",
                )
                for i, post in enumerate(posts)
            ],
            batch_size=500,
        )
        messages = Message.objects.bulk_create(
            [
                Message(
                    conversation=conversations[place],
                    kind=kind,
                    text=f"Answer {number}",
                    agent=self.agent,
                    account=account,
                    network="sandbox",
                    mention=mentions[place] if kind == "reply" else None,
                    answer_number=1 if kind == "reply" else None,
                    created_at=moment,
                )
                for number, (place, kind) in enumerate(kinds)
            ],
            batch_size=500,
        )
        Delivery.objects.bulk_create(
            [Delivery(message=m, kind=m.kind, token=uuid.uuid4().hex, not_before=moment, created_at=moment) for m in messages],
            batch_size=500,
        )

    def run(self, *, most: int = 300) -> None:
        """Until nothing is unfinished. A tenth of the tasks comes twice, to two processes."""
        moment = now()
        told: list[int] = []
        with ExitStack() as stack:
            stack.enter_context(patch.object(delivery, "tell_worker", told.append))
            children = [stack.enter_context(_start_child()) for _ in range(PROCESSES)]
            for self.rounds in range(most):
                if not Delivery.objects.filter(state__in=UNFINISHED).exists():
                    return
                moment += timedelta(seconds=LEASE / 2)
                told.clear()
                delivery.sweep(now=moment, limit=1_000_000)
                self._share_out(children, moment, told)
        raise AssertionError("the storm does not end")

    def _share_out(self, children: Sequence[subprocess.Popen[str]], moment: datetime, ids: list[int]) -> None:
        chance = random.Random(f"{self.seed}:{self.rounds}")
        chance.shuffle(ids)
        for number, child in enumerate(children):
            share = ids[number::PROCESSES] + ids[:: 10 * PROCESSES]
            chance.shuffle(share)
            order = {"ids": share, "moment": moment.isoformat(), "kills": self.kills, "seed": f"{self.seed}:{self.rounds}:{number}"}
            assert child.stdin is not None
            print(json.dumps(order), file=child.stdin, flush=True)
        for child in children:
            assert child.stdout is not None
            report = child.stdout.readline()
            assert report, "a worker process failed"
            self.killed += Counter(json.loads(report))

    def count(self) -> Outcome:
        """What the database says beside what really stands on the network."""
        store = self.desk.world.store
        there: Counter[str] = Counter()
        places: dict[str, int] = {}
        for table in ("post", "message"):
            for row in store.rows(f"SELECT token, id FROM {table} WHERE token != ''"):
                there[row["token"]] += 1
                places[row["token"]] = row["id"]
        columns = ("state", "token", "message__external_id", "message__conversation_id")
        sent = listed = lost = disordered = 0
        last: dict[int, int] = {}
        for state, token, external_id, conversation in Delivery.objects.order_by("message_id").values_list(*columns):
            if state in ("failed", "unconfirmed"):
                listed += 1
                lost += state == "failed" and token in places  # it stands there, and its author was told to write it again
                continue
            sent += state == "sent"
            lost += state != "sent" or external_id != str(places.get(token))
            disordered += places.get(token, 0) < last.get(conversation, 0)
            last[conversation] = places.get(token, 0)
        return Outcome(sent, listed, sum(number - 1 for number in there.values()), lost, disordered)

    def clear(self) -> None:
        """Empty the large tables. The flush at a test's end would look through all mentions for each one that goes: on SQLite, and with
        constraints, because what a mention answers has no index."""
        with connection.constraint_checks_disabled(), connection.cursor() as cursor:
            for model in (Delivery, Message, Mention, ConversationEvent, Conversation):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")


def _start_child() -> subprocess.Popen[str]:
    """A process that answers each line with an order by a line with the kills in it, until its input ends."""
    command = [sys.executable, "-m", "tests.engagement.storm", str(connection.settings_dict["NAME"]), str(settings.SANDBOX_PATH)]
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)


def _work_as_child(database: str, sandbox: str) -> None:
    connection.settings_dict["NAME"] = database
    settings.SANDBOX_PATH = Path(sandbox)
    gc.freeze()  # the modules stay: looking through them again and again took a tenth of the time
    for line in sys.stdin:
        order = json.loads(line)
        crew = Crew(kills=order["kills"], seed=order["seed"])
        crew.work(order["ids"], datetime.fromisoformat(order["moment"]))
        print(json.dumps(crew.killed), flush=True)


if __name__ == "__main__":
    _work_as_child(*sys.argv[1:])
