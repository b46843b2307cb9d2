"""Private messages of both networks: a page's conversations, read as data and searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, AuthorData, MessageData, NetworkError
from socialdesk.networks.facebook.client import Client, at, next_page
from socialdesk.networks.facebook.errors import NOT_PERMITTED
from socialdesk.networks.facebook.timeline import Entry, Found
from socialdesk.networks.facebook.values import (
    Nonsense,
    collect,
    data_of,
    id_of,
    list_of,
    moment_of,
    need_id,
    need_moment,
    object_of,
    text_of,
)

PLATFORMS = {"facebook": "messenger", "instagram": "instagram"}
_MESSAGE_FIELDS = "id,created_time,from,to,message,sticker,attachments{mime_type,name}"
_FIRST = 25  # messages of a conversation that come with the list
_WORDS = {"image": "a picture", "video": "a video", "audio": "a voice message", "file": "a file", "sticker": "a sticker"}


@dataclass(frozen=True, slots=True)
class Inbox:
    """The private messages of one of our accounts."""

    client: Client
    config: AccountConfig

    @property
    def page_id(self) -> str:
        return self.config.credentials.get("page_id") or self.config.external_id

    def look(self, found: Found, since: datetime) -> None:
        """What was written since then, into `found`. An account that may not read messages has none."""
        try:
            for conversation in self._conversations(since):
                self._read(found, conversation, since)
        except NetworkError as error:
            if error.code != NOT_PERMITTED:
                raise

    def exchange(self, with_id: str, since: datetime) -> list[MessageData]:
        """What was written between us and that person since then, in no order."""
        found = Found()
        for page in self.client.pages(at(self.page_id, "conversations"), **self._params, user_id=with_id):
            for conversation in map(object_of, page):
                self._read(found, conversation, since, asked=AuthorData(with_id, ""))
        return [entry.item for entry in found.entries if isinstance(entry.item, MessageData)]

    @property
    def _params(self) -> dict[str, str | int]:
        fields = f"id,updated_time,participants,messages.limit({_FIRST}){{{_MESSAGE_FIELDS}}}"
        return {"platform": PLATFORMS[self.config.network], "fields": fields, "limit": 50}

    def _conversations(self, since: datetime) -> Iterator[dict[str, Any]]:
        """Those in which something was written since then; the list begins with the one that was touched last."""
        for page in self.client.pages(at(self.page_id, "conversations"), **self._params):
            touched = [(moment_of(object_of(raw).get("updated_time")), object_of(raw)) for raw in page]
            yield from (raw for moment, raw in touched if moment is None or moment >= since)
            if any(moment is not None and moment < since for moment, _ in touched):
                return

    def _read(self, found: Found, conversation: dict[str, Any], since: datetime, *, asked: AuthorData | None = None) -> None:
        """`asked`: whose conversation was asked for; it is theirs, though it should name nobody."""
        them = self._customer(conversation) or asked
        within = object_of(conversation.get("messages"))
        raws = data_of(within)
        if next_page(within) and _reaches(raws, since) and id_of(conversation.get("id")):
            raws = []
            for page in self.client.pages(at(id_of(conversation.get("id")), "messages"), fields=_MESSAGE_FIELDS, limit=100):
                raws.extend(page)
                if not _reaches(page, since):
                    break
        collect(found, raws, lambda raw: read_message(raw, config=self.config, them=them), since=since, written="created_time")

    def _customer(self, conversation: dict[str, Any]) -> AuthorData | None:
        for participant in data_of(conversation.get("participants")):
            person = read_person(participant, self.config.network)
            if person is not None and not is_us(object_of(participant), self.config):
                return person
        return None


def _reaches(raws: list[Any], since: datetime) -> bool:
    """Whether a list that comes newest first may go on at or after that time. An empty page of it is not its end."""
    last = moment_of(object_of(raws[-1]).get("created_time")) if raws else None
    return last is None or last >= since


def read_message(raw: dict[str, Any], *, config: AccountConfig, them: AuthorData | None) -> Entry:
    """One message of a conversation with `them`, whom it names itself where it does not know. Raises Nonsense."""
    external_id = need_id(raw.get("id"), "a message")
    sent_at = need_moment(raw.get("created_time"), "a message")
    sender = object_of(raw.get("from"))
    outgoing = is_us(sender, config)
    if not outgoing and read_person(sender, config.network) is not None:
        them = read_person(sender, config.network)
    if them is None:
        them = next(
            (
                person
                for one in data_of(raw.get("to"))
                if not is_us(object_of(one), config) and (person := read_person(one, config.network)) is not None
            ),
            None,
        )
    if them is None:
        raise Nonsense("a message does not say whom it is from or to")
    text = text_of(raw.get("message")) or said_without_words(raw)
    return Entry(sent_at, MessageData(config.network, external_id, text, them, sent_at, outgoing))


def said_without_words(raw: dict[str, Any]) -> str:
    """What stands for the text of a message that has none. Raises Nonsense where there is nothing at all."""
    kinds = [text_of(object_of(one).get("mime_type")).partition("/")[0] or "file" for one in data_of(raw.get("attachments"))]
    kinds += ["sticker"] * bool(text_of(raw.get("sticker")))
    return describe(kinds)


def describe(kinds: list[str]) -> str:
    """Raises Nonsense where there are none."""
    if not kinds:
        raise Nonsense("a message has neither a text nor anything else that can be shown")
    return "\n".join(f"({_WORDS.get(kind, 'something that can only be seen there')})" for kind in kinds[:10])


def is_us(person: dict[str, Any], config: AccountConfig) -> bool:
    known = {config.external_id, config.credentials.get("page_id", "")} - {""}
    if id_of(person.get("id")) in known:
        return True
    return config.network == "instagram" and bool(config.username) and text_of(person.get("username")) == config.username


def read_person(value: Any, network: str) -> AuthorData | None:
    person = object_of(value)
    external_id = id_of(person.get("id"))
    if not external_id:
        return None
    name, username = text_of(person.get("name")).strip(), text_of(person.get("username")).strip()
    if network == "instagram":
        return AuthorData(external_id, username or name, name, url=f"https://www.instagram.com/{username}/" if username else "")
    return AuthorData(external_id, name, name)


def attachment_kinds(message: dict[str, Any]) -> list[str]:
    """What is beside the text of a message that a webhook told of."""
    return [text_of(object_of(one).get("type")) or "file" for one in list_of(message.get("attachments"))]
