"""Pictures and films on their way to X. As long as no post has them nobody sees them, so that whatever fails may be tried again."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

from django.core.cache import caches

from socialdesk.networks.base import Film, NetworkError, Picture
from socialdesk.networks.x import CAPABILITIES
from socialdesk.networks.x.client import Client, id_in, read_json

PIECE = 2_000_000  # bytes of a film that go in one call; X takes 5 MB as base64
TIME = 30.0  # seconds after which no call is begun: the post that follows must end while the outbox's row is still ours
PATIENCE = 10.0  # seconds within one try in which X may work on a film
LEAST_PAUSE, USUAL_PAUSE = 0.25, 1.0  # seconds between two questions; the second where X does not say
COME_AGAIN = 15.0  # seconds, where X works longer than that
KEPT = 3600  # seconds for which is known what X has of a film; X itself keeps it for a day
FAILED = "film_failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """What X has of a film: so many pieces, and whether it was told that these are all."""

    media_id: str
    pieces: int = 0
    is_whole: bool = False


def upload_picture(client: Client, picture: Picture) -> str:
    """The picture's id at X. Raises NetworkError, never of an outcome that is unknown."""
    content = base64.b64encode(picture.content).decode()
    try:
        media_id = id_in(client.write("POST", "/2/media/upload", {"media": content, "media_category": "tweet_image"}), "id")
        if picture.alt:
            _write(client, "/2/media/metadata", _words(media_id, picture.alt))
    except NetworkError as error:
        if not error.outcome_unknown:
            raise
        raise NetworkError(f"X did not take the picture: {error}", retryable=True, code="picture") from error
    return media_id


def upload_film(client: Client, film: Film, token: str) -> str:
    """The film's id at X, which has finished with it. Another try with the same token goes on where this one came to.

    Raises NetworkError, never of an outcome that is unknown; permanent where X does not take this film.
    """
    return _FilmUpload(client, film, token).run()


class _FilmUpload:
    """One try to bring one film to X."""

    def __init__(self, client: Client, film: Film, token: str) -> None:
        self._client = client
        self._film = film
        self._key = f"x:film:{client.us}:{token}"
        self._ends = monotonic() + TIME

    def run(self) -> str:
        try:
            return self._go_on_or_begin()
        except NetworkError as error:
            upload = self._kept()
            if error.permanent or (error.outcome_unknown and not (upload and upload.is_whole)):
                # Whether X has a piece that it did not answer cannot be asked: the next try begins anew.
                caches["kept"].delete(self._key)
            if error.outcome_unknown or error.code == "not_found":
                raise NetworkError(f"X did not take the film: {error}", retryable=True, code="film") from error
            raise

    def _go_on_or_begin(self) -> str:
        if (kept := self._kept()) is not None:
            try:
                return self._finish(kept)
            except NetworkError as error:
                if not error.permanent or error.account_revoked or error.code == FAILED:
                    raise
            # X does not know it any more.
        return self._finish(self._begin())

    def _begin(self) -> Upload:
        film = self._film
        asked = {"media_type": film.media_type, "media_category": "tweet_video", "total_bytes": len(film.content)}
        return self._keep(Upload(id_in(_data(self._post("/2/media/upload/initialize", asked)), "id")))

    def _finish(self, upload: Upload) -> str:
        """Whatever is still to be done, until a post can name the film."""
        if upload.is_whole:
            said = self._status(upload)
        else:
            upload = self._send(upload)
            # Without a body, if only an empty one, X refuses it.
            said = self._post(f"/2/media/upload/{upload.media_id}/finalize", {})
            id_in(_data(said), "id")
            upload = self._keep(replace(upload, is_whole=True))
        self._wait(upload, said)
        self._describe(upload)
        self._check_time()  # for the post
        return upload.media_id

    def _send(self, upload: Upload) -> Upload:
        content = self._film.content
        for number in range(upload.pieces, -(-len(content) // PIECE)):
            piece = base64.b64encode(content[number * PIECE : (number + 1) * PIECE]).decode()
            self._post(f"/2/media/upload/{upload.media_id}/append", {"segment_index": number, "media": piece})
            upload = self._keep(replace(upload, pieces=number + 1))
        return upload

    def _wait(self, upload: Upload, said: Mapping[str, Any]) -> None:
        """Until X has worked on the film, as long as we have patience. `said` is what X said of it last."""
        waited = 0.0
        while (state := _processing(said).get("state")) not in (None, "succeeded"):
            if state == "failed":
                raise NetworkError(f"X cannot show this film: {_reason(said)}"[:400], permanent=True, code=FAILED)
            pause = _pause(said)
            if waited + pause > PATIENCE:
                raise NetworkError("X still works on the film.", retryable=True, retry_after=max(pause, COME_AGAIN), code="processing")
            sleep(pause)
            waited += pause
            said = self._status(upload)

    def _describe(self, upload: Upload) -> None:
        if not self._film.alt:
            return
        try:
            self._post("/2/media/metadata", _words(upload.media_id, self._film.alt))
        except NetworkError as error:
            # X promises to take such words for pictures, and not for every kind of film: that is no reason to keep the answer back.
            if error.code != "refused":
                raise

    def _status(self, upload: Upload) -> dict[str, Any]:
        self._check_time()
        try:
            said = self._client.get("/2/media/upload", {"command": "STATUS", "media_id": upload.media_id})
        except NetworkError as error:
            if error.code not in ("refused", "not_found"):  # X says either of an id that it does not know
                raise
            said = {}
        if not _data(said):
            raise NetworkError("X knows no such film any more.", permanent=True, code="not_found")
        return said

    def _post(self, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._check_time()
        return _write(self._client, route, body)

    def _check_time(self) -> None:
        if monotonic() > self._ends:
            raise NetworkError(
                "The film takes longer than one try; the desk goes on at once.", retryable=True, retry_after=0, code="uploading"
            )

    def _kept(self) -> Upload | None:
        upload: Upload | None = caches["kept"].get(self._key)
        return upload

    def _keep(self, upload: Upload) -> Upload:
        caches["kept"].set(self._key, upload, timeout=KEPT)
        return upload


def _write(client: Client, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What X answers; nothing where it took a piece without a word."""
    answer = client.library.request("POST", route, json=dict(body))
    return read_json(answer, is_write=True) if answer.content else {}


def _words(media_id: str, alt: str) -> dict[str, Any]:
    """For those who cannot see it."""
    return {"id": media_id, "metadata": {"alt_text": {"text": alt[: CAPABILITIES.max_film_alt]}}}


def _data(said: Mapping[str, Any]) -> dict[str, Any]:
    data = said.get("data")
    return data if isinstance(data, dict) else {}


def _processing(said: Mapping[str, Any]) -> dict[str, Any]:
    """Empty where the film needs no work."""
    info = _data(said).get("processing_info")
    return info if isinstance(info, dict) else {}


def _pause(said: Mapping[str, Any]) -> float:
    seconds = _processing(said).get("check_after_secs")
    return max(LEAST_PAUSE, float(min(seconds, KEPT)) if isinstance(seconds, int) else USUAL_PAUSE)


def _reason(said: Mapping[str, Any]) -> str:
    """Why X failed, in its words. Its description has them among the errors; some of its answers have them beside the state."""
    errors = said.get("errors")
    for given in (_processing(said).get("error"), *(errors if isinstance(errors, list) else ())):
        for name in ("message", "detail", "title", "name"):
            if isinstance(given, dict) and isinstance(given.get(name), str) and given[name]:
                return str(given[name])[:300]
    return "it gives no reason."
