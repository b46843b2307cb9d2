"""What every connector speaks: the data it returns, the protocols it keeps, what it can do and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

LengthUnit = Literal["codepoints", "utf16", "graphemes", "weighted"]
Idempotency = Literal["token", "record_key", "lookup", "none"]


@dataclass(frozen=True, slots=True)
class AuthorData:
    """The account that wrote something, as the network described it."""

    external_id: str
    username: str
    display_name: str = ""
    followers: int = 0
    url: str = ""
    follows_us: bool | None = None  # None: the network did not say
    bio: str = ""  # what they say of themselves there


@dataclass(frozen=True, slots=True)
class MediaData:
    """A picture or film beside a post. `kind` is image, video or audio."""

    kind: str
    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class PostData:
    """One public post. `posted_at` is aware; `in_reply_to` and `repost_of` are external ids on the same network.

    `deleted` says that the network withdrew the post; its text may then be empty.
    """

    network: str
    external_id: str
    text: str
    author: AuthorData
    posted_at: datetime
    url: str = ""
    in_reply_to: str = ""
    repost_of: str = ""
    language: str = ""  # BCP 47, "" where the network did not say
    media: tuple[MediaData, ...] = ()
    edited_at: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class MessageData:
    """One private message. `author` is always the customer's side; `outgoing` says that we wrote it."""

    network: str
    external_id: str
    text: str
    author: AuthorData
    sent_at: datetime
    outgoing: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch brought. `cursor` is where the next one starts; `more` asks for it at once."""

    posts: tuple[PostData, ...] = ()
    messages: tuple[MessageData, ...] = ()
    cursor: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The network's receipt for something that we wrote."""

    external_id: str
    url: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do. Screens and services ask this table and never the network's name (brief D8)."""

    reply: bool = False
    direct_message: bool = False
    follow_first: bool = False  # the author must follow us before a direct message may be sent
    repost: bool = False
    post: bool = False  # a public post of our own that answers nobody
    like: bool = False
    hide: bool = False
    delete: bool = False
    max_length: int = 0  # of a public reply, in `length_unit`; 0: no limit
    max_message_length: int = 0
    length_unit: LengthUnit = "codepoints"
    idempotency: Idempotency = "none"


class NetworkError(Exception):
    """A call to a network did not succeed.

    `retryable`: nothing was written and the same call may be made again, after `retry_after` seconds if given.
    `permanent`: nothing was written and the same call will never succeed.
    Neither: nobody knows whether the network accepted it; look there before anything is sent again.
    `account_revoked`: the credentials no longer work; the account needs a person. `code` is the network's own word.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        permanent: bool = False,
        account_revoked: bool = False,
        code: str = "",
    ) -> None:
        if retryable and permanent:
            raise ValueError("a network error is retryable or permanent, not both")
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.permanent = permanent
        self.account_revoked = account_revoked
        self.code = code

    @property
    def outcome_unknown(self) -> bool:
        return not self.retryable and not self.permanent


class Reader(Protocol):
    """The listening side of one account. Raises NetworkError."""

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        """What is new since `cursor` ("" is the beginning), oldest first, at most `limit` posts and messages."""
        ...


class Publisher(Protocol):
    """The speaking side of one account. Every write takes a `token` that is the same on each try. Raises NetworkError."""

    def reply(self, *, in_reply_to: str, text: str, token: str) -> Sent: ...

    def direct_message(self, *, to: str, text: str, token: str) -> Sent:
        """`to` is the external id of the receiving account."""
        ...

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        """Our own reply (`in_reply_to`), message (`to`), repost (`repost_of`) or, with none of them, post sent since then.

        None: it is certainly not there.
        """
        ...

    def follows_us(self, external_id: str) -> bool: ...

    def repost(self, *, external_id: str, token: str) -> Sent:
        """Reposting what we have reposted already gives the receipt of the first time."""
        ...

    def post(self, *, text: str, token: str) -> Sent: ...

    def like(self, *, external_id: str, token: str) -> None: ...

    def hide(self, *, external_id: str) -> None: ...

    def delete(self, *, external_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """What a connector is told about our account: never a model, so that connectors know no database."""

    network: str
    username: str
    external_id: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """A line of the registry. Without `reader` or `publisher` the network is known by name only: files and pushes work."""

    key: str
    label: str
    capabilities: Capabilities = Capabilities()
    reader: Callable[[AccountConfig], Reader] | None = None
    publisher: Callable[[AccountConfig], Publisher] | None = None
