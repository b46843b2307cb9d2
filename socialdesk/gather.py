"""Pushes that come at the same time are taken in together: one transaction costs hardly more for twenty posts than for one.

Whoever comes while a batch of the same program is being committed waits for it, and all that wait go with the next one. That one
gives itself a moment until as many are there as last time: a program that sends one post after the other never waits, and of
many that come at once each costs a fraction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Condition, Event

from listening.models import Source
from listening.services.acceptance import Rejection
from socialdesk.intake import Result, find_source, sum_up, take_in
from socialdesk.networks.base import PostData

ALONE_FROM = 100  # posts of one push; larger ones gain nothing by company, and would keep the small ones waiting
MOMENT = 0.02  # seconds that a batch waits for as much company as the one before had
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Push:
    posts: Sequence[PostData]
    refused: Sequence[Rejection]
    leads: bool = False  # takes in the next batch, its own posts among it
    told: Event = field(default_factory=Event)  # that it leads, or what became of it
    result: Result | None = None  # none if the batch failed: it is not known whose fault that was


@dataclass(slots=True)
class _Room:
    """Where the pushes of one program meet."""

    name: str
    waiting: list[_Push] = field(default_factory=list)
    is_led: bool = False  # a batch gathers or is taken in
    expected: int = 1  # pushes that the last batch held
    door: Condition = field(default_factory=Condition)  # held while one looks at the room; told of those who come


_rooms: dict[str, _Room] = {}


def take_in_pushed(posts: Sequence[PostData], *, username: str, refused: Sequence[Rejection] = ()) -> Result:
    """Take in what the program that signs in as `username` pushed, together with what else it pushes at this moment.

    The result speaks of these posts alone; all or nothing, as for `take_in`, and what it raises is of these posts too.
    """
    name = f"pushed by {username}"
    if len(posts) >= ALONE_FROM:
        return _take_in(name, posts, refused)
    room = _rooms.setdefault(name, _Room(name))
    mine = _Push(posts, refused)
    with room.door:
        room.waiting.append(mine)
        if room.is_led:
            room.door.notify()
        else:
            room.is_led = mine.leads = True
    if not mine.leads:
        mine.told.wait()
    if mine.leads:
        _lead(room)
    return _take_in(name, posts, refused) if mine.result is None else mine.result


def _lead(room: _Room) -> None:
    """Gather a batch, take it in, and let the next one begin."""
    try:
        with room.door:
            room.door.wait_for(lambda: len(room.waiting) >= room.expected, MOMENT)
            pushes, room.waiting = room.waiting, []  # at most one for each thread that answers requests
            room.expected = len(pushes)
        if len(pushes) == 1:
            pushes[0].result = _take_in(room.name, pushes[0].posts, pushes[0].refused)
        else:
            _take_in_together(room.name, pushes)
    finally:
        _hand_on(room)


def _hand_on(room: _Room) -> None:
    with room.door:
        room.is_led = bool(room.waiting)
        if room.waiting:
            room.waiting[0].leads = True
            room.waiting[0].told.set()


def _take_in_together(name: str, pushes: Sequence[_Push]) -> None:
    """Give each of `pushes` its own part of one result; if that fails, leave each to itself."""
    posts = [post for push in pushes for post in push.posts]
    refused = [rejection for push in pushes for rejection in push.refused]
    try:
        fates = iter(_take_in(name, posts, refused).fates)
        for push in pushes:
            push.result = sum_up(push.posts, list(islice(fates, len(push.posts))), push.refused)
    except Exception:
        logger.warning("%d pushes could not be taken in together; each is tried by itself", len(pushes), exc_info=True)
    finally:
        for push in pushes:
            push.told.set()


def _take_in(name: str, posts: Sequence[PostData], refused: Sequence[Rejection]) -> Result:
    source = find_source(network="", kind=Source.Kind.PUSH, name=name)
    return take_in(posts, source=source, refused=refused)
