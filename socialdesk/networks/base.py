"""What every connector speaks: the data it returns, the protocols it keeps, what it can do and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

LengthUnit = Literal["codepoints", "utf16", "graphemes", "weighted"]
Idempotency = Literal["token", "record_key", "lookup", "none"]
LONGEST_WAIT = 24 * 3600.0  # seconds for which a network may put the desk off


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
    """A picture or film beside a post. `kind` is image, video or audio; `preview` the address of a still picture of a film."""

    kind: str
    url: str
    alt: str = ""
    preview: str = ""


@dataclass(frozen=True, slots=True)
class QuoteData:
    """Somebody's post that another post shows within itself. `author` is a user name; what the network did not say is empty."""

    external_id: str
    author: str = ""
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class PostData:
    """One public post. `posted_at` is aware; `in_reply_to` and `repost_of` are external ids on the same network.

    `deleted` says that the network withdrew the post; its text may then be empty. `poll` is what can be voted for; `warning` is what
    its author put before it (a content warning).
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
    quote: QuoteData | None = None
    poll: tuple[str, ...] = ()
    warning: str = ""


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
class Unreadable:
    """One entry of a network's answer that was no post or message as the network describes them. `reason` is for people."""

    reason: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch brought. `cursor` is where the next one starts; `more` asks for it at once.

    `unreadable` is counted in the ledger as rejected; one bad entry never costs the good ones beside it.
    """

    posts: tuple[PostData, ...] = ()
    messages: tuple[MessageData, ...] = ()
    cursor: str = ""
    more: bool = False
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is sent with an answer. `media_type` is image/jpeg, image/png or image/webp; `alt` says what it shows."""

    content: bytes = field(repr=False)
    media_type: str
    alt: str


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is sent with an answer, in place of pictures: MP4 with H.264. Its sides are in pixels; `alt` says what it shows."""

    content: bytes = field(repr=False)
    alt: str
    width: int
    height: int
    seconds: float
    media_type: str = "video/mp4"


@dataclass(frozen=True, slots=True)
class Sent:
    """The network's receipt for something that we wrote."""

    external_id: str
    url: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do. Screens and services ask this table and never the network's name (brief D8).

    The README's page of each network is made of it. What one account may do of that is less: see `Grant`.
    """

    # Reading
    reads: tuple[str, ...] = ()  # what is read, in words for people: "mentions", "replies", "posts with a topic's words"
    by_words: bool = False  # it is searched, or its stream sifted, by the words of the desk's topics
    streams: bool = False  # posts come over an open connection, seconds after they were written
    webhooks: bool = False  # the network calls the desk
    backfill: bool = False  # what was posted before the account was connected can be fetched
    context: bool = False  # the thread above a post can be fetched
    reads_direct_messages: bool = False
    tells_deletions: bool = False
    tells_edits: bool = False
    tells_threads: bool = False  # a post says which one it answers
    read_every: int = 0  # seconds between two reads of an account, where the network wants to be read seldom; 0: as the desk does
    # Writing
    reply: bool = False
    direct_message: bool = False
    follow_first: bool = False  # the author must follow us before a direct message may be sent
    message_window_hours: int = 0  # after the author's last private message to us; 0: no window
    private_reply_days: int = 0  # after their public post, one private answer to it is taken without any message of theirs; 0: none
    repost: bool = False
    post: bool = False  # a public post of our own that answers nobody
    like: bool = False
    hide: bool = False
    delete: bool = False
    max_length: int = 0  # of a public reply, in `length_unit`; 0: no limit
    max_message_length: int = 0
    length_unit: LengthUnit = "codepoints"
    max_bytes: int = 0  # of a public reply in UTF-8, where the network counts these beside its characters; 0: no limit
    max_message_bytes: int = 0
    max_pictures: int = 0  # with a public reply; 0: none
    max_picture_bytes: int = 0
    max_film_bytes: int = 0  # of one film with a public reply, in place of pictures; 0: none
    max_film_seconds: int = 0  # 0: no limit
    max_picture_alt: int = 0  # code points of the words that describe a picture; 0: as many as the desk takes
    max_film_alt: int = 0
    idempotency: Idempotency = "none"
    finds_deleted: bool = False  # that we sent something can be found out even after we deleted it
    # What people should know before they connect it
    cost: str = ""
    limits: str = ""
    cannot: tuple[str, ...] = ()  # what they may expect and will not get, one sentence each

    def within(self, grant: Mapping[str, str], limits: Mapping[str, int] | None = None) -> Capabilities:
        """What is left where an account may not do what `grant` names, within limits of its own (see Grant)."""
        changes: dict[str, Any] = {name: False for name in grant if isinstance(getattr(self, name, None), bool)}
        changes |= {
            name: limit
            for name, limit in (limits or {}).items()
            if type(getattr(self, name, None)) is int and type(limit) is int and limit >= 0
        }
        return replace(self, **changes)


class NetworkError(Exception):
    """A call to a network did not succeed.

    `retryable`: nothing was written and the same call may be made again, after `retry_after` seconds if given.
    `permanent`: nothing was written and the same call will never succeed.
    Neither: nobody knows whether the network accepted it; look there before anything is sent again. Who asks for more than a day is not
    believed.
    `account_revoked`: the credentials no longer work; the account needs a person. `code` is the network's own word, or
    EXPIRED.
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
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_WAIT)
        self.permanent = permanent
        self.account_revoked = account_revoked
        self.code = code

    @property
    def outcome_unknown(self) -> bool:
        return not self.retryable and not self.permanent


EXPIRED = "expired"  # NetworkError.code, always retryable: renew the account's credentials, then make the call again


class Reader(Protocol):
    """The listening side of one account. Raises NetworkError."""

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        """What is new since `cursor` ("" is the beginning), oldest first, at most `limit` posts and messages.

        The beginning is now, or the little that the network gives at once; what is older is for `backfill`.
        """
        ...


class History(Protocol):
    """The past of one account, where Capabilities.backfill. Raises NetworkError."""

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        """What was posted before, newest first; `cursor` goes backward from "" (now), and `more` is false at the end of what is given."""
        ...


class Context(Protocol):
    """The thread above a post, where Capabilities.context. Raises NetworkError."""

    def above(self, external_id: str) -> tuple[PostData, ...]:
        """What the post answers, and what that answers, and so on: from the thread's first post down to the one before it."""
        ...


class Stream(Protocol):
    """What a network pushes over an open connection, where Capabilities.streams. Raises NetworkError when the connection is lost."""

    def listen(self, cursor: str) -> Iterator[Batch]:
        """Batches as they come, for as long as the connection holds. An empty batch at least every 30 s says that it does.

        `cursor` is that of the last batch taken in, where the network can resume; "" where there was none.
        """
        ...

    def close(self) -> None:
        """End `listen` soon, from another thread."""
        ...


class Publisher(Protocol):
    """The speaking side of one account. Every write takes a `token` that is the same on each try. Raises NetworkError.

    No write is tried twice within one call, by whichever layer: whether it may be is decided by the outbox alone.
    """

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        """Pictures or a film, never both."""
        ...

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        """`to` is the external id of the receiving account; `about` that of the public post of theirs that it answers, if any."""
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

    def unlike(self, *, external_id: str) -> None:
        """Where Capabilities.like. What is not liked (any more) is no error."""
        ...

    def hide(self, *, external_id: str) -> None: ...

    def unhide(self, *, external_id: str) -> None:
        """Where Capabilities.hide. What is not hidden (any more) is no error."""
        ...

    def delete(self, *, external_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """What a connector is told about our account: never a model, so that connectors know no database.

    `terms` are the words of the desk's topics as plain strings, for networks that are searched or streamed by words. `others` are our other
    accounts of every network, told where one is given back, so that what they share stays theirs; None: not known.
    """

    network: str
    username: str
    external_id: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    terms: tuple[str, ...] = ()
    others: tuple[AccountConfig, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What asking the network said about credentials: whose they are, what they may not do, and which limits are theirs alone.

    `cannot` maps names of fields of Capabilities that are bools to the reason, in words for people; `limits` names of those that are
    ints to the number that holds for this account, as the length of a post on its own server. `sign_in_until` is when the network wants a
    person to have signed in anew, where it says so.
    """

    external_id: str
    username: str
    display_name: str = ""
    cannot: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    sign_in_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """One account that a person allowed the desk to use. `credentials` are kept encrypted."""

    credentials: Mapping[str, str] = field(repr=False)
    grant: Grant


@dataclass(frozen=True, slots=True)
class Field:
    """What a person types in to connect an account."""

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    initial: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the person's browser goes to allow the desk, and what `finish` must be given again (kept encrypted meanwhile)."""

    url: str
    keep: Mapping[str, str] = field(default_factory=dict, repr=False)


class Connecting(Protocol):
    """How an account of one network is connected. Raises NetworkError, whose text is shown to the person who connects."""

    steps: tuple[str, ...]  # what to do first on the network's side, one sentence each, for the page and the README
    fields: tuple[Field, ...]
    by_redirect: bool  # OAuth: the person is sent to the network and comes back

    def missing(self) -> str:
        """Which settings the desk's owner must give before this can work, or ""."""
        ...

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        """`by_redirect` only. `challenge` is PKCE's, method S256; a network without it ignores it."""
        ...

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        """The accounts that were allowed: one, or several of whom the person chooses. `answer` is what the network's redirect brought
        (empty without one); `values` what was typed, and what `begin` asked to keep."""
        ...

    def probe(self, config: AccountConfig) -> Grant:
        """Ask the network what these credentials are good for now. Nothing is written there."""
        ...

    def renew(self, config: AccountConfig) -> Mapping[str, str] | None:
        """Fresh credentials in place of those that end soon or have ended; None where they do not end. `expires_at` in credentials, an
        ISO time, says when."""
        ...

    def give_back(self, config: AccountConfig) -> str:
        """End at the network what these credentials are good for: the account is being removed. What ended before is no error. Returns
        what a person has to do there besides, one sentence, "" for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Hook:
    """What a network's call to the desk brought for one of our accounts, by its external id there."""

    account_id: str
    batch: Batch


class HookRefused(Exception):
    """The call did not come from the network, or not as it must. Nothing of it is used."""


class Webhook(Protocol):
    """How calls of one network to /hooks/<network>/ are checked and read."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """The answer to the network's question whether this address is ours. Raises HookRefused."""
        ...

    def read(self, *, headers: Mapping[str, str], body: bytes) -> Sequence[Hook]:
        """Check the signature over the very bytes, then read them. Names of headers are lower case. Raises HookRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Network:
    """A line of the registry. Without `reader` or `publisher` the network is known by name only: files and pushes work."""

    key: str
    label: str
    capabilities: Capabilities = Capabilities()
    reader: Callable[[AccountConfig], Reader] | None = None
    publisher: Callable[[AccountConfig], Publisher] | None = None
    stream: Callable[[AccountConfig], Stream] | None = None
    history: Callable[[AccountConfig], History] | None = None
    context: Callable[[AccountConfig], Context] | None = None
    connecting: Connecting | None = None
    chosen: Callable[[Connected], Connected] | None = None  # what is to be done at the network for an account that a person chose
    webhook: Webhook | None = None
    picture: Callable[[str], bytes | None] | None = None  # what stands at an address of its pictures, where they are not on the web
    usage: Callable[[AccountConfig], str] | None = None  # what the network has counted of what is paid for, in words
    stream_needs: Callable[[AccountConfig], AccountConfig] | None = None  # the part of a config that its stream is opened with; None: all
