"""What stands behind the simulated network: people, the records in their repositories, and conversations."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

POST, REPOST, LIKE = "app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.feed.like"
MILLISECOND = timedelta(milliseconds=1)
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"

Listener = Callable[[str, str, str, str, dict[str, Any] | None, str], None]  # operation, did, collection, key, record, cid


@dataclass(slots=True)
class Person:
    did: str
    handle: str
    name: str = ""
    follows: set[str] = field(default_factory=set)  # DIDs
    takes_messages_of: str = "following"  # all, none, following
    is_active: bool = True


@dataclass(slots=True)
class Record:
    did: str
    collection: str
    key: str
    value: dict[str, Any]
    cid: str
    indexed_at: datetime

    @property
    def uri(self) -> str:
        return f"at://{self.did}/{self.collection}/{self.key}"

    @property
    def sort_at(self) -> datetime:
        written = datetime.fromisoformat(self.value["createdAt"])
        return min(written, self.indexed_at)


@dataclass(slots=True)
class Message:
    id: str
    rev: str
    convo: str
    sender: str
    text: str
    sent_at: datetime
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that was handed over. Its kind is what the server takes it for."""

    cid: str
    kind: str
    size: int

    @property
    def shown(self) -> dict[str, Any]:
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.kind, "size": self.size}


class World:
    """`us` is the desk's account."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.people: dict[str, Person] = {}
        self.records: dict[str, Record] = {}  # by address, in the order of writing
        self.blobs: dict[tuple[str, str], Blob] = {}  # by whose it is, and its identifier
        self.convos: dict[str, tuple[str, ...]] = {}  # id -> DIDs; two, but in a group
        self.messages: list[Message] = []
        self.log: list[dict[str, Any]] = []
        self.commits = 0
        self.ours: dict[tuple[str, str], str] = {}  # our reposts and likes, by what they are of: of several the first
        self.closed: set[str] = set()  # posts that nobody may answer
        self.hidden: set[str] = set()  # posts whose authors block us
        self.lag: set[str] = set()  # addresses that the app view has not come to yet
        self.listener: Listener = lambda *event: None
        self._clock = itertools.count(1)
        self._last = datetime.now(UTC) - timedelta(seconds=1)
        self.us = self.person("tidewheel")

    def person(self, name: str) -> Person:
        handle = name if "." in name else f"{name}.test"
        with self.lock:
            for known in self.people.values():
                if known.handle == handle:
                    return known
            drawn = base64.b32encode(hashlib.sha256(handle.encode()).digest()).decode().lower()[:24]
            person = Person(f"did:plc:{drawn}", handle, name.title())
            self.people[person.did] = person
            return person

    def new_tid(self, at: datetime | None = None) -> str:
        micros = int((at or datetime.now(UTC)).timestamp() * 1_000_000)
        number = micros << 10 | next(self._clock) % 1024
        return "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(13)))

    def new_time(self) -> datetime:
        """Now, though each millisecond once."""
        with self.lock:
            now = datetime.now(UTC)
            self._last = max(now.replace(microsecond=now.microsecond // 1000 * 1000), self._last + MILLISECOND)
            return self._last

    def put(self, did: str, collection: str, key: str, value: dict[str, Any]) -> Record:
        with self.lock:
            uri = f"at://{did}/{collection}/{key}"
            earlier = self.records.get(uri)
            cid = cid_of(value)
            if earlier is not None and earlier.cid == cid:
                return earlier
            self.commits += 1
            written = datetime.fromisoformat(value["createdAt"])
            seen = datetime.now(UTC)
            # What is written in one millisecond is seen in order all the same.
            record = Record(did, collection, key, value, cid, max(seen, written) if written - seen < timedelta(seconds=1) else seen)
            self.records[uri] = record
            if did == self.us.did and "subject" in value:
                self.ours.setdefault((collection, value["subject"]["uri"]), uri)
            self.listener("update" if earlier else "create", did, collection, key, value, cid)
            return record

    def delete(self, uri: str) -> None:
        with self.lock:
            if (record := self.records.pop(uri, None)) is not None:
                self.commits += 1
                self._forget(record)
                self.listener("delete", record.did, record.collection, record.key, None, "")

    def _forget(self, record: Record) -> None:
        """Where it was our repost or like of something, the next one takes its place."""
        of = record.collection, record.value.get("subject", {}).get("uri", "")
        if self.ours.get(of) == record.uri:
            del self.ours[of]
            for each in self.records.values():
                if (each.did, each.collection, each.value.get("subject", {}).get("uri")) == (record.did, *of):
                    self.ours.setdefault(of, each.uri)

    def keep(self, did: str, content: bytes, said: str) -> Blob:
        """`said` is the kind that its sender says; what can be seen in the file goes before that."""
        blob = Blob(cid_of(content.hex()).replace("bafy", "bafk", 1), kind_of(content) or said, len(content))
        return self.blobs.setdefault((did, blob.cid), blob)

    def publish(self, author: Person, text: str, *, in_reply_to: str = "", names: Person | None = None, **more: Any) -> Record:
        """As the network's own app does. `names`: the text's first character is marked as a mention of that person."""
        value: dict[str, Any] = {"$type": POST, "text": text, "createdAt": stamp(self.new_time()), "langs": ["en"], **more}
        if in_reply_to:
            parent = self.records[in_reply_to]
            refers = {"uri": parent.uri, "cid": parent.cid}
            value["reply"] = {"root": parent.value.get("reply", {}).get("root", refers), "parent": refers}
        if names is not None:
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": names.did}
            value["facets"] = [{"index": {"byteStart": 0, "byteEnd": len(text.encode())}, "features": [feature]}]
        return self.put(author.did, POST, self.new_tid(), value)

    def repost(self, author: Person, uri: str) -> Record:
        subject = {"uri": uri, "cid": self.records[uri].cid}
        return self.put(author.did, REPOST, self.new_tid(), {"$type": REPOST, "subject": subject, "createdAt": stamp(self.new_time())})

    def like(self, author: Person, uri: str) -> Record:
        subject = {"uri": uri, "cid": self.records[uri].cid}
        return self.put(author.did, LIKE, self.new_tid(), {"$type": LIKE, "subject": subject, "createdAt": stamp(self.new_time())})

    # Private messages

    def convo_of(self, one: str, other: str, *, make: bool = True) -> str:
        with self.lock:
            for convo, members in self.convos.items():
                if set(members) == {one, other}:
                    return convo
            if not make:
                return ""
            convo = f"c{len(self.convos) + 1}"
            self.convos[convo] = (one, other)
            return convo

    def may_message(self, sender: str, receiver: str) -> bool:
        allows = self.people[receiver].takes_messages_of
        convo = self.convo_of(sender, receiver, make=False)
        if allows != "none" and any(each.convo == convo and each.sender == receiver for each in self.messages):
            return True  # they spoke to us
        return allows == "all" or (allows == "following" and sender in self.people[receiver].follows)

    def message(self, sender: str, convo: str, text: str) -> Message:
        with self.lock:
            at = datetime.now(UTC)
            message = Message(f"m{len(self.messages) + 1}", self.new_tid(at), convo, sender, text, at)
            self.messages.append(message)
            self.log.append({"$type": "chat.bsky.convo.defs#logCreateMessage", "rev": message.rev, "convoId": convo, "message": message})
            return message

    def log_event(self, kind: str, convo: str) -> None:
        self.log.append({"$type": f"chat.bsky.convo.defs#{kind}", "rev": self.new_tid(), "convoId": convo})

    # What is there

    def posts(self, *, by_app_view: bool = True) -> list[Record]:
        """Newest first."""
        with self.lock:
            found = [each for each in self.records.values() if each.collection == POST and not (by_app_view and each.uri in self.lag)]
        return sorted(found, key=lambda each: each.sort_at, reverse=True)

    def post_at(self, uri: str) -> Record | None:
        """As the app view sees it."""
        return self.records.get(uri) if f"/{POST}/" in uri and uri not in self.lag else None

    def notices(self) -> list[tuple[str, Record]]:
        """Why we are told of which post, newest first. Each once: that we are named goes before that we are quoted or answered."""
        return [(why, post) for post in self.posts() if (why := self._why(post))]

    def likes(self) -> list[tuple[str, Record]]:
        """What others like, as a notice has it."""
        return [("like", each) for each in self.records.values() if each.collection == LIKE and each.did != self.us.did]

    def likes_of(self, uri: str) -> list[Record]:
        return [each for each in self.records.values() if each.collection == LIKE and each.value["subject"]["uri"] == uri]

    def _why(self, post: Record) -> str:
        us = self.us.did
        if post.did == us:
            return ""
        features = [feature for facet in post.value.get("facets", []) for feature in facet["features"]]
        if any(feature.get("did") == us for feature in features):
            return "mention"
        embed = post.value.get("embed", {}).get("record", {})
        if str(embed.get("uri") or embed.get("record", {}).get("uri") or "").startswith(f"at://{us}/"):
            return "quote"
        thread = post.value.get("reply", {})
        if any(thread.get(name, {}).get("uri", "").startswith(f"at://{us}/") for name in ("parent", "root")):
            return "reply"
        return ""

    def of_ours(self, collection: str, subject: str) -> str:
        """The address of our own repost or like of a post."""
        return self.ours.get((collection, subject), "")


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fine_stamp(at: datetime) -> str:
    """So that many posts of one millisecond keep their order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def cid_of(value: Any) -> str:
    """A content identifier as the network has them, though not of the same bytes."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")


def kind_of(content: bytes) -> str:
    """What a film's first box says that it is (ISO/IEC 14496-12, "File Type Box"), as servers read it; "" for all else."""
    brand = content[8:12].decode("latin-1").strip()
    if content[4:8] != b"ftyp":
        return ""
    if brand.startswith("3g"):
        return "video/3gpp"
    return {"qt": "video/quicktime", "M4V": "video/x-m4v"}.get(brand, "video/mp4")
