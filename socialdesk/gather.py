"""Pushes that come at the same time are taken in together: one transaction costs hardly more for twenty posts than for one.

Whoever comes while a batch of the same program is being committed waits for it, and all that wait go with the next one. Nobody
waits for anybody who is not there yet.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from listening.models import Source
from listening.services.acceptance import Rejection
from socialdesk.intake import Result, find_source, sum_up, take_in
from socialdesk.networks.base import PostData

ALONE_FROM = 100  # posts of one push; larger ones gain nothing by company, and would keep the small ones waiting
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Push:
    posts: Sequence[PostData]
    refused: Sequence[Rejection]
    result: Result | None = None
    failed: bool = False  # together with others, so that it is not known whose fault it was


@dataclass(slots=True)
class _Room:
    """Where the pushes of one program meet."""

    name: str
    waiting: list[_Push] = field(default_factory=list)
    door: Lock = field(default_factory=Lock)  # held while one looks who waits
    turn: Lock = field(default_factory=Lock)  # held while a batch is taken in


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
    with room.turn:
        if mine.result is None and not mine.failed:
            with room.door:
                pushes, room.waiting = room.waiting, []  # at most one for each thread that answers requests
            if len(pushes) == 1:
                return _take_in(name, posts, refused)
            _take_in_together(name, pushes)
    return _take_in(name, posts, refused) if mine.result is None else mine.result


def _take_in_together(name: str, pushes: Sequence[_Push]) -> None:
    """Give each of `pushes` its own part of one result; if that fails, leave each to itself."""
    posts = [post for push in pushes for post in push.posts]
    refused = [rejection for push in pushes for rejection in push.refused]
    try:
        fates = _take_in(name, posts, refused).fates
    except Exception:
        logger.warning("%d pushes could not be taken in together; each is tried by itself", len(pushes), exc_info=True)
        for push in pushes:
            push.failed = True
        return
    start = 0
    for push in pushes:
        end = start + len(push.posts)
        push.result = sum_up(push.posts, fates[start:end], push.refused)
        start = end


def _take_in(name: str, posts: Sequence[PostData], refused: Sequence[Rejection]) -> Result:
    source = find_source(network="", kind=Source.Kind.PUSH, name=name)
    return take_in(posts, source=source, refused=refused)
