"""The listening side of the sandbox: its change log from a cursor on, with repeats and disorder when a fault says so."""

from __future__ import annotations

from dataclasses import dataclass

from socialdesk.networks.base import AuthorData, Batch, MessageData, PostData
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.faults import Draw
from socialdesk.networks.sandbox.pictures import media_of
from socialdesk.networks.sandbox.records import Account, Change, Message, Post, Refused

PAGE = 1000  # entries that one fetch brings at most, whatever is asked for
_HELD_BACK = 3  # entries of a disordered window that come only with the next fetch
_REMEMBERED = 50  # entries back to which repeats reach


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a reader stands: the last entry that it passed, and earlier ones that were held back and are still owed."""

    world: str
    seq: int = 0
    owed: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str, world: str) -> _Cursor:
        """A cursor of another world starts this one from its beginning, so that nothing of it is missed."""
        if not text:
            return cls(world)
        parts = text.split("-")
        numbers = [part for part in (parts[1:2] + parts[2].split(",") if len(parts) == 3 else parts[1:]) if part]
        if len(parts) not in (2, 3) or not numbers or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
            raise Refused("bad_cursor", f"{text[:80]!r} is no cursor of the sandbox; read again from the beginning")
        if parts[0] != world:
            return cls(world)
        return cls(world, int(numbers[0]), tuple(int(n) for n in numbers[1:]))

    def __str__(self) -> str:
        owed = ",".join(str(seq) for seq in self.owed)
        return f"{self.world}-{self.seq}" + (f"-{owed}" if owed else "")


class SandboxReader:
    """Reads all that is public on one network of the world, our own posts too, and our own private messages."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        """See Reader. A post or message comes as it is now, once for each entry: written, edited, deleted."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return self._client.read(lambda draw: self._fetch(cursor, min(limit, PAGE), draw))

    def _fetch(self, text: str, limit: int, draw: Draw) -> Batch:
        world, network, us = self._client.world, self._client.network, self._client.account
        cursor = _Cursor.parse(text, world.id)
        chance = draw.random()

        delivered = world.changes_at(cursor.owed[:limit], viewer_id=us.id) if cursor.owed else []
        owed = list(cursor.owed[limit:])
        room = limit - len(cursor.owed[:limit])
        repeats: list[Change] = []
        if "duplicate_delivery" in draw.effects and room > 1:
            seen = world.changes_before(network, viewer_id=us.id, upto=cursor.seq, limit=_REMEMBERED)
            repeats = chance.sample(seen, min(len(seen), room // 2))
        room -= len(repeats)
        fresh = world.changes(network, viewer_id=us.id, after=cursor.seq, limit=room + 1)
        waiting, fresh = len(fresh) > room, fresh[:room]
        seq = fresh[-1].seq if fresh else cursor.seq
        if "duplicate_delivery" in draw.effects and room > len(fresh):
            repeats += chance.sample(fresh, min(len(fresh), room - len(fresh)))
        if "out_of_order_delivery" in draw.effects and len(fresh) > 1:
            held = chance.sample(fresh, min(_HELD_BACK, len(fresh) - 1))
            owed += [change.seq for change in held]
            fresh = [change for change in fresh if change not in held]
        delivered += fresh + repeats
        if "out_of_order_delivery" in draw.effects:
            chance.shuffle(delivered)
        return Batch(
            posts=tuple(changed_post(c.post, c, us) for c in delivered if c.post is not None),
            messages=tuple(message_data(c.message, c, us) for c in delivered if c.message is not None),
            cursor=str(_Cursor(cursor.world, seq, tuple(owed))),
            more=waiting or bool(owed),
        )


def post_data(post: Post, *, follows_us: bool | None) -> PostData:
    """The post as the network tells of it."""
    return PostData(
        network=post.network,
        external_id=post.id,
        text=post.text,
        author=_author_data(post.author, follows_us),
        posted_at=post.posted_at,
        url=post.url,
        in_reply_to=post.in_reply_to,
        repost_of=post.repost_of,
        language=post.language,
        media=media_of(post),
        edited_at=post.edited_at,
        deleted=post.deleted,
    )


def changed_post(post: Post, change: Change, us: Account) -> PostData:
    return post_data(post, follows_us=None if post.author.id == us.id else change.follows_viewer)


def message_data(message: Message, change: Change, us: Account) -> MessageData:
    outgoing = message.sender.id == us.id
    customer = message.recipient if outgoing else message.sender
    return MessageData(
        network=customer.network,
        external_id=message.id,
        text=message.text,
        author=_author_data(customer, change.follows_viewer),
        sent_at=message.sent_at,
        outgoing=outgoing,
    )


def _author_data(account: Account, follows_us: bool | None) -> AuthorData:
    return AuthorData(account.id, account.username, account.display_name, account.followers, account.url, follows_us, account.bio[:1000])
