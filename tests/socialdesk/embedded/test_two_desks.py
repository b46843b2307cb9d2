"""Desks that are wired to each other by signed webhooks, as processes of their own: what changes on one arrives on the other, and ends."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.servers import closed_port
from tests.socialdesk.embedded.conftest import Desk, wait_for
from tests.socialdesk.embedded.hands import Hands

pytestmark = [pytest.mark.embedded, pytest.mark.slow, pytest.mark.timeout(400)]

WAITING = ("queued", "inflight")


class Ring:
    """Desks that each tell others: a, b, ... `tells` says who tells whom. They listen on `ports`, in their order, or on any."""

    def __init__(self, folder: Path, prepared: Path, tells: list[tuple[str, str]], ports: Iterable[int] = ()) -> None:
        names = sorted({name for pair in tells for name in pair})
        self.desks: dict[str, Desk] = {}
        self._made: dict[tuple[str, str], str] = {}
        for name, port in zip(names, chain(ports, repeat(0)), strict=False):
            shutil.copytree(prepared, folder / name)
            # Desks of their own: the copied folder has one key for all.
            key = f"the key of desk {name}, long enough for what it signs and encrypts"
            settings = {"DEMO": "0", "PORT": str(port), "SOCIALDESK_SECRET_KEY": key, "SOCIALDESK_OUTBOUND_PRIVATE": "127.0.0.1"}
            self.desks[name] = Desk(folder / name, **settings)
        for desk in self.desks.values():
            desk.wait_until_it_runs()
        self.hands = {name: Hands(desk) for name, desk in self.desks.items()}
        for teller, told in tells:
            secret = self._connect(teller, told)
            self._connect(told, teller)
            self.hands[told].do("enter_secret", system=teller, secret=secret)

    def _connect(self, teller: str, told: str) -> str:
        if (teller, told) not in self._made:
            url = f"{self.desks[told].url}/hooks/people/{teller}/"
            self._made[teller, told] = self.hands[teller].do("connect", system=told, url=url)
        return self._made[teller, told]

    def settle(self) -> dict[str, dict[str, int]]:
        """Wait until nothing is on its way anywhere; how many deliveries each has made."""

        looks: list[dict[str, dict[str, int]]] = [{}]

        def are_still() -> bool:
            looks.append({name: hands.do("deliveries") for name, hands in self.hands.items()})
            is_waiting = any(states.get(state) for states in looks[-1].values() for state in WAITING)
            return not is_waiting and looks[-1] == looks[-2]  # what arrived after one was asked may have made news there

        wait_for(are_still, 300)
        return looks[-1]

    def people(self) -> dict[str, list[dict[str, Any]]]:
        return {name: list(hands.do("people").values()) for name, hands in self.hands.items()}

    def only_person(self, name: str) -> int:
        found = self.hands[name].do("people")
        assert len(found) == 1, found
        return int(next(iter(found)))

    def close(self) -> None:
        for hands in self.hands.values():
            hands.close()
        for desk in self.desks.values():
            desk.kill()


@pytest.fixture
def two(tmp_path: Path, prepared_empty: Path) -> Iterator[Ring]:
    with closed_port() as first, closed_port() as second:  # kept for them also while one is away
        ring = Ring(tmp_path, prepared_empty, [("a", "b"), ("b", "a")], (first, second))
        yield ring
        ring.close()


def agree(people: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether all desks say the same of everybody; lists may stand in another order."""

    def plain(person: dict[str, Any]) -> str:
        return repr(sorted((name, sorted(value) if isinstance(value, list) else value) for name, value in person.items()))

    return len({tuple(sorted(map(plain, everybody))) for everybody in people.values()}) == 1


def test_two_desks_stay_in_step_and_no_edit_echoes(two: Ring) -> None:
    a, b = two.hands["a"], two.hands["b"]

    # Somebody new on one is there on the other.
    on_a = a.do("make", values={"name": "Mara", "emails": ["mara@example.com"], "tags": ["VIP"], "stage": "customer"})
    two.settle()
    on_b = two.only_person("b")
    assert agree(two.people())

    # An edit on either side arrives on the other, on the same person.
    a.do("edit", person=on_a, field="company", value="Tidewheel")
    b.do("edit", person=on_b, field="language", value="de")
    counted = two.settle()
    assert agree(two.people())
    assert two.people()["a"][0]["company"] == "Tidewheel"
    assert two.people()["a"][0]["language"] == "de"
    # And ends there: each edit was told once, by the desk on which it was made.
    assert counted == {"a": {"queued": 0, "delivered": 2}, "b": {"queued": 0, "delivered": 1}}

    # The same field on both at once: both come to the same value, the later one.
    for number in range(3):
        a.do("edit", person=on_a, field="name", value=f"From A {number}")
        b.do("edit", person=on_b, field="name", value=f"From B {number}")
        counted = two.settle()
        people = two.people()
        assert agree(people)
        assert people["a"][0]["name"] == f"From B {number}"
    assert counted == {"a": {"queued": 0, "delivered": 5}, "b": {"queued": 0, "delivered": 4}}

    # Whatever is done on either, in any order.
    chance = random.Random(20261128)
    told = {"a": 5, "b": 4}
    for number in range(40):
        name = chance.choice("ab")
        person = on_a if name == "a" else on_b
        field = chance.choice(["name", "company", "stage", "language", "emails", "tags"])
        if field in ("emails", "tags"):
            value = f"m{chance.randrange(6)}@example.com" if field == "emails" else f"tag {chance.randrange(6)}"
            told[name] += two.hands[name].do("add", person=person, field=field, value=value)
        else:
            values = {"stage": ["prospect", "customer", "former"], "language": ["de", "fr", ""]}.get(field, [f"X{number}", "Same", ""])
            told[name] += two.hands[name].do("edit", person=person, field=field, value=chance.choice(values))
    counted = two.settle()
    assert agree(two.people()), two.people()
    assert {name: states["delivered"] for name, states in counted.items()} == told


def test_a_desk_that_was_away_gets_what_it_missed(two: Ring) -> None:
    a = two.hands["a"]
    person = a.do("make", values={"name": "Mara"})
    two.settle()
    two.desks["b"].stop()
    a.do("edit", person=person, field="company", value="Tidewheel")
    wait_for(lambda: not a.do("deliveries").get("inflight") and a.do("deliveries")["queued"] == 1)

    environment = two.desks["b"].environment
    two.desks["b"] = Desk(Path(environment["SOCIALDESK_DATA"]), **environment)
    two.desks["b"].wait_until_it_runs()
    two.settle()
    assert two.people()["b"][0]["company"] == "Tidewheel"


def test_three_desks_that_all_tell_each_other_end_too(tmp_path: Path, prepared_empty: Path) -> None:
    ring = Ring(tmp_path, prepared_empty, [(teller, told) for teller in "abc" for told in "abc" if teller != told])
    try:
        person = ring.hands["a"].do("make", values={"name": "Mara", "tags": ["VIP"]})
        ring.settle()
        assert agree(ring.people())
        ring.hands["c"].do("edit", person=ring.only_person("c"), field="company", value="Tidewheel")
        ring.hands["a"].do("edit", person=person, field="name", value="Mara K.")
        counted = ring.settle()
        people = ring.people()
        assert agree(people)
        assert {name: len(everybody) for name, everybody in people.items()} == {"a": 1, "b": 1, "c": 1}
        # Of each of the three changes: who made it told two, and each of those told the one that it is not from.
        assert sum(states["delivered"] for states in counted.values()) == 3 * 4
    finally:
        ring.close()
