"""What both publishers share: private messages within their windows, receipts, and looking for what we wrote."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from socialdesk.lib import text as texts
from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, Film, MessageData, NetworkError, Picture, Sent
from socialdesk.networks.facebook.client import Client, at
from socialdesk.networks.facebook.errors import NOT_PERMITTED
from socialdesk.networks.facebook.messages import Inbox
from socialdesk.networks.facebook.values import id_of, is_stand_in, link_of, moment_of, text_of

WINDOW = timedelta(hours=24)  # after their last message to us
LOOKING = 35.0  # seconds of looking around before something is written, which with it must end before the outbox takes it for lost


class Correspondence:
    """Private messages as one of our accounts."""

    def __init__(self, client: Client, config: AccountConfig) -> None:
        self._client = client
        self._inbox = Inbox(client, config)

    def send(self, *, to: str, about: str, about_kind: str, text: str) -> Sent:
        """To whoever wrote to us within a day; else as the one private answer to their public post `about`, where it is given."""
        if not about:
            self._check_id(to)
        begun = time.monotonic()
        recipient = {about_kind: about} if about and not self._is_open(to) else {"id": to}
        check_time(begun)
        answer = self._client.post(
            at(self._inbox.page_id, "messages"),
            {"recipient": json.dumps(recipient), "message": json.dumps({"text": text}), "messaging_type": "RESPONSE"},
        )
        return receipt(self._client, answer, id_name="message_id")

    def find(self, *, to: str, text: str, since: datetime) -> Sent | None:
        self._check_id(to)
        since = self._client.by_their_clock(since, asking=at(self._inbox.config.external_id))
        # Times there are whole seconds.
        written = self._inbox.exchange(to, since.replace(microsecond=0))
        ours = [message for message in written if message.outgoing and same_text(message.text, text)]
        first = min(ours, key=lambda message: message.sent_at, default=None)
        return None if first is None else Sent(first.external_id, "", first.sent_at)

    def _is_open(self, to: str) -> bool:
        """Whether they wrote to us within the window. An account that may not look is answered by the network itself."""
        if is_stand_in(to):
            return False
        since = now() - WINDOW
        try:
            theirs: list[MessageData] = [m for m in self._inbox.exchange(to, since) if not m.outgoing]
        except NetworkError as error:
            if error.code not in (NOT_PERMITTED, "not_found"):
                raise
            return False
        return bool(theirs)

    @staticmethod
    def _check_id(to: str) -> None:
        """Raises NetworkError for somebody of whom the network did not say who they are."""
        if is_stand_in(to):
            raise NetworkError(
                "The network gave no id by which they could be written to, or found among our messages. Answer publicly and ask them to"
                " write to us.",
                permanent=True,
                code="not_found",
            )


def receipt(client: Client, answer: dict[str, Any], *, id_name: str = "id", url_field: str = "", written: str = "created_time") -> Sent:
    """The receipt for what was just written. Its time and address take a second question; that it fails changes nothing.

    Raises NetworkError where the network gave no id: then nobody knows what it did.
    """
    external_id = id_of(answer.get(id_name))
    if not external_id:
        raise NetworkError("The network gave no receipt.", code="unreadable_answer")
    try:
        raw = client.get(at(external_id), fields=",".join(name for name in ("id", written, url_field) if name))
    except NetworkError:
        raw = {}
    return Sent(external_id, link_of(raw.get(url_field)), moment_of(raw.get(written)) or now())


def first_of_ours(
    raws: Iterable[Any], *, is_ours: Any, text: str, since: datetime, url_field: str, text_field: str, written: str
) -> Sent | None:
    """The earliest of our own with that text. Times there are whole seconds."""
    floor = since.replace(microsecond=0)
    found: list[Sent] = []
    for raw in raws:
        if not isinstance(raw, dict) or not is_ours(raw) or not same_text(text_of(raw.get(text_field)), text):
            continue
        moment, external_id = moment_of(raw.get(written)), id_of(raw.get("id"))
        if external_id and (moment is None or moment >= floor):
            found.append(Sent(external_id, link_of(raw.get(url_field)), moment or now()))
    return min(found, key=lambda sent: sent.sent_at, default=None)


def same_text(one: str, other: str) -> bool:
    """Whether the network may have made one of the other: it trims, and folds space and composed letters."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@contextmanager
def unless_gone(client: Client, external_id: str) -> Iterator[None]:
    """What is not there any more is neither liked nor hidden. The network gives one error for that and for what we may not touch, so a
    look tells which."""
    try:
        yield
    except NetworkError as error:
        if error.code != "not_found" or _is_there(client, external_id):
            raise


def _is_there(client: Client, external_id: str) -> bool:
    try:
        client.get(at(external_id), fields="id")
    except NetworkError as error:
        if error.code != "not_found":
            raise
        return False
    return True


def check_time(begun: float) -> None:
    """Raises NetworkError where looking around took so long that what is written now may be taken for lost, and be written again."""
    if time.monotonic() - begun > LOOKING:
        raise NetworkError("The network answers too slowly now; nothing was sent.", retryable=True, code="slow")


def check_length(text: str, limit: int) -> None:
    """Raises NetworkError."""
    length = texts.length(text, "codepoints")
    if length > limit:
        raise NetworkError(f"The text has {length} characters; {limit} are taken.", permanent=True, code="too_long")


def check_pictures(pictures: Iterable[Picture], most: int) -> list[Picture]:
    """Raises NetworkError."""
    given = list(pictures)
    if len(given) > most:
        what = f"at most {most} picture" if most else "no pictures"
        raise NetworkError(f"An answer there takes {what}.", permanent=True, code="too_many_pictures")
    return given


def check_film(film: Film | None) -> None:
    """Raises NetworkError: neither network has a place for one in a comment."""
    if film is not None:
        raise NetworkError("An answer there takes no film.", permanent=True, code="no_film")


def not_there(what: str, network: str) -> NetworkError:
    return NetworkError(f"{network} offers no way to {what} from here.", permanent=True, code="cannot")


def not_ours(what: str) -> NetworkError:
    return NetworkError(f"This {what} is not ours, so it is not deleted from here. Hide it instead.", permanent=True, code="forbidden")
