"""The speaking side of X, which knows no idempotency but refuses a text that it has from us already: what may be there is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from socialdesk.lib.clock import now
from socialdesk.networks.base import Film, NetworkError, Picture, Sent
from socialdesk.networks.x import fields, payloads
from socialdesk.networks.x.client import Client, id_in, written
from socialdesk.networks.x.lists import PAGE, pages
from socialdesk.networks.x.payloads import Found
from socialdesk.networks.x.reader import SEARCHED
from socialdesk.networks.x.uploads import upload_film, upload_picture

REMEMBERED = timedelta(days=2)  # how long X is taken to remember a text, when it says that it has it


class XPublisher:
    """Writes as one account. See Publisher."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        if pictures and film:
            raise NetworkError("An answer carries pictures or a film, not both.", permanent=True, code="film_and_pictures")
        media = [upload_picture(self._client, picture) for picture in pictures]
        if film:
            media.append(upload_film(self._client, film, token))
        return self._create(text, in_reply_to=in_reply_to, media=media)

    def post(self, *, text: str, token: str) -> Sent:
        return self._create(text)

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        library = self._client.library
        data = written(library.create_direct_message(participant_id=_checked(to), text=text, user_auth=False))
        return self._message_receipt(id_in(data, "dm_event_id"))

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        """By text and place, or by what was reposted, in what X says that we wrote."""
        if len([place for place in (in_reply_to, to, repost_of) if place]) > 1:
            raise ValueError("find needs at most one of in_reply_to, to and repost_of")
        if to:
            return self._find_message(to, text, since)
        if repost_of:
            return self._first(lambda found: found.post.repost_of == repost_of, since)
        return self._first(lambda found: _is_there(found, in_reply_to) and payloads.is_text(found, text), since, searched=True)

    def follows_us(self, external_id: str) -> bool:
        """Whether they take private messages from us, which on X they do if they follow us or take them from everybody."""
        user = self._client.get(f"/2/users/{_checked(external_id)}", fields.USER).get("data")
        if not isinstance(user, dict):
            raise NetworkError("X knows no such account any more.", permanent=True, code="not_found")
        return bool(payloads.takes_messages(user))

    def repost(self, *, external_id: str, token: str) -> Sent:
        """Reposting what we have reposted gives the receipt of the first time: X answers with the same id, or with none."""
        try:
            data = self._client.write("POST", f"/2/users/{self._client.us}/retweets", {"tweet_id": _checked(external_id)})
        except NetworkError as error:
            if not (error.permanent and "already" in str(error).lower()):
                raise
            data = {}
        if done := payloads.id_of(data.get("rest_id")):
            return self._receipt(done)
        try:
            first = self._first(lambda found: found.post.repost_of == external_id, payloads.moment_of(external_id))
        except NetworkError:
            first = None
        if first is None:
            raise NetworkError("X does not say which repost this is.", code="unreadable_answer")
        return first

    def like(self, *, external_id: str, token: str) -> None:
        self._client.write("POST", f"/2/users/{self._client.us}/likes", {"tweet_id": _checked(external_id)})

    def unlike(self, *, external_id: str) -> None:
        route = f"/2/users/{self._client.us}/likes/{_checked(external_id)}"
        with _unless_gone():
            self._client.write("DELETE", route)

    def hide(self, *, external_id: str) -> None:
        written(self._client.library.hide_reply(_checked(external_id), user_auth=False))

    def unhide(self, *, external_id: str) -> None:
        _checked(external_id)
        with _unless_gone():
            written(self._client.library.unhide_reply(external_id, user_auth=False))

    def delete(self, *, external_id: str) -> None:
        """Only what is ours; refused as `forbidden` otherwise. Deleting again is no error. A repost is taken back."""
        body = self._client.get_posts(f"/2/tweets/{_checked(external_id)}", {})
        found, _ = payloads.read_found(body, us=self._client.us)
        if not found:
            return
        post = found[0].post
        if post.author.external_id != self._client.us:
            raise NetworkError("That post is not ours.", permanent=True, code="forbidden")
        if post.repost_of:
            self._client.write("DELETE", f"/2/users/{self._client.us}/retweets/{post.repost_of}")
        else:
            written(self._client.library.delete_tweet(external_id, user_auth=False))

    # Writing

    def _create(self, text: str, *, in_reply_to: str = "", media: Sequence[str] = ()) -> Sent:
        answers = {"in_reply_to_tweet_id": _checked(in_reply_to)} if in_reply_to else {}
        try:
            data = written(self._client.library.create_tweet(text=text, media_ids=list(media) or None, user_auth=False, **answers))
        except NetworkError as error:
            if error.code == "duplicate":
                self._explain_duplicate(text, in_reply_to)
            raise
        return self._receipt(id_in(data, "id"))

    def _explain_duplicate(self, text: str, in_reply_to: str) -> None:
        """Raise for good where X has the text from another place. Else it may be that of an earlier try, which the outbox looks for: our
        timeline may not show it yet, so that X's search is asked too."""
        since = now() - REMEMBERED
        try:
            same = [found for found in chain(self._ours(since), self._searched(since)) if payloads.is_text(found, text)]
        except NetworkError:
            return
        if same and not any(_is_there(found, in_reply_to) for found in same):
            message = "We have posted the same words elsewhere on X a short time ago, and X takes them only once. Change them a little."
            raise NetworkError(message, permanent=True, code="duplicate")

    # Looking

    def _first(self, is_it: Callable[[Found], bool], since: datetime, *, searched: bool = False) -> Sent | None:
        """Our first post since then that is it: in our timeline, and where that does not show it, in X's search, which is another index."""
        for ours in (self._ours, self._searched) if searched else (self._ours,):
            there = [found.post for found in ours(since) if is_it(found) and found.post.posted_at >= since.replace(microsecond=0)]
            if there:
                first = min(there, key=lambda post: (post.posted_at, int(post.external_id)))
                return self._receipt(first.external_id, first.posted_at)
        return None

    def _ours(self, since: datetime) -> Iterator[Found]:
        yield from self._list(f"/2/users/{self._client.us}/tweets", {"since_id": payloads.first_id_at(since - timedelta(seconds=1))})

    def _searched(self, since: datetime) -> Iterator[Found]:
        start = max(since, now() - SEARCHED) - timedelta(seconds=1)
        asked = {"query": f"from:{self._client.username}", "since_id": payloads.first_id_at(start)}
        yield from self._list("/2/tweets/search/recent", asked)

    def _list(self, route: str, params: dict[str, Any]) -> Iterator[Found]:
        for body in pages(lambda more: self._client.get_posts(route, {**params, **more, "max_results": PAGE})):
            found, odd = payloads.read_found(body, us=self._client.us)
            if odd:
                # One of them might be what is looked for.
                raise NetworkError("X's answer cannot be read in full.", retryable=True, code="unreadable_answer")
            yield from found

    def _find_message(self, to: str, text: str, since: datetime) -> Sent | None:
        asked = {**fields.MESSAGES, "event_types": payloads.MESSAGE, "max_results": PAGE}
        route = f"/2/dm_conversations/with/{_checked(to)}/dm_events"
        first = None
        for body in pages(lambda more: self._client.get(route, {**asked, **more})):
            messages, odd = payloads.read_messages(body, us=self._client.us)
            if odd:
                raise NetworkError("X's answer cannot be read in full.", retryable=True, code="unreadable_answer")
            fresh = [message for message in messages if message.sent_at >= since.replace(microsecond=0)]
            for message in fresh:
                if message.outgoing and payloads.is_message(message, text):
                    first = message
            if len(fresh) < len(messages):
                break
        return self._message_receipt(first.external_id, first.sent_at) if first else None

    def _receipt(self, external_id: str, at: datetime | None = None) -> Sent:
        return Sent(external_id, payloads.address_of(self._client.username, external_id), at or payloads.moment_of(external_id))

    def _message_receipt(self, external_id: str, at: datetime | None = None) -> Sent:
        return Sent(external_id, "", at or payloads.moment_of(external_id))


def _is_there(found: Found, in_reply_to: str) -> bool:
    return found.post.in_reply_to == in_reply_to and not found.post.repost_of


@contextmanager
def _unless_gone() -> Iterator[None]:
    """A post that is not there any more is neither liked nor hidden."""
    try:
        yield
    except NetworkError as error:
        if error.code != "not_found":
            raise


def _checked(external_id: str) -> str:
    """It becomes part of an address."""
    if not external_id or payloads.id_of(external_id) != external_id:
        raise NetworkError("X knows no such id.", permanent=True, code="not_found")
    return external_id
