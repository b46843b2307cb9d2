"""What the sandbox's world hands out: accounts, posts, messages, changes, and the error by which it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Mood = Literal["grateful", "patient", "impatient", "silent", "hostile"]
MOODS: tuple[Mood, ...] = get_args(Mood)

ChangeKind = Literal["post", "edit", "delete", "message"]

SANDBOX = "sandbox"
WEB = "web"  # the review site beside it: the same people, read only
NETWORKS = (SANDBOX, WEB)
_SITES = {SANDBOX: "https://sandbox.example", WEB: "https://reviews.example"}


class Refused(Exception):
    """The network will not do this, now or later, and wrote nothing. `code` is its word for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    """One account on one of the two networks. `mood` and `follows_when_asked` steer how its owner answers the desk."""

    id: str
    network: str
    username: str
    display_name: str
    language: str
    followers: int
    bio: str
    mood: Mood
    follows_when_asked: bool

    @property
    def url(self) -> str:
        return f"{_SITES[self.network]}/@{self.username}"


@dataclass(frozen=True, slots=True)
class Post:
    """One public post as it is now. `thread` is the id of the post that the chain of replies began with.

    The text of a deleted post is empty. `token` is what its author's program sent along, "" for a person's own hand. `pictures` are the
    descriptions of those that came with it, or of the one `film`; `media` without them is a picture of the play.
    """

    id: str
    network: str
    author: Account
    text: str
    posted_at: datetime
    in_reply_to: str
    repost_of: str
    thread: str
    language: str
    media: bool
    edited_at: datetime | None
    deleted: bool
    hidden: bool
    token: str
    pictures: tuple[str, ...] = ()
    film: bool = False

    @property
    def url(self) -> str:
        return f"{self.author.url}/{self.id}"


@dataclass(frozen=True, slots=True)
class Message:
    """One private message between two accounts of the sandbox."""

    id: str
    sender: Account
    recipient: Account
    text: str
    sent_at: datetime
    token: str

    @property
    def url(self) -> str:
        return f"{_SITES[SANDBOX]}/messages/{self.id}"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log: what happened to which post or message, which is given as it is now."""

    seq: int
    kind: ChangeKind
    post: Post | None = None
    message: Message | None = None
    follows_viewer: bool = False  # the writer (of a message: the other side) follows the account that reads the log
