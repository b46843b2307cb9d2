"""Pictures and films, handed to the server before a status names them. Nobody sees anything of them until then.

A server takes 30 of them in half an hour and may work on a film for longer than one call can wait: what was handed over is kept under
the outbox's token, and the next try goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import sleep
from typing import Any

from django.core.cache import caches

from socialdesk.networks.base import Film, NetworkError, Picture
from socialdesk.networks.mastodon.client import Client
from socialdesk.networks.mastodon.entities import identity, words

PROCESSING = (0.5, 1, 2, 3, 4)  # seconds between two questions whether the server has finished
KEPT = 3600  # seconds: for as long as the outbox tries
_FILE_NAMES = {"image/jpeg": "picture.jpg", "image/png": "picture.png", "image/webp": "picture.webp", "video/mp4": "film.mp4"}
# What it says, with a 500, of a picture that it cannot make anything of (Mastodon, app/controllers/api/v2/media_controller.rb).
_NOT_PROCESSED = "Error processing"


def hand_over(client: Client, files: Sequence[Picture | Film], token: str) -> list[str]:
    """The ids of the files in their order, once they can be attached. Raises NetworkError, of which the outcome is never unknown.

    `token` is that of the answer, and the same files come with it on each try.
    """
    if not files:
        return []
    key = f"mastodon:media:{client.host}:{token}"
    kept: dict[int, str] = caches["kept"].get(key) or {}  # place among the files -> id
    try:
        media = []
        for place, file in enumerate(files):
            known = _look(client, kept[place]) if place in kept else None
            if known is None:
                known = _upload(client, file)
                kept[place] = identity(known.get("id"))
                caches["kept"].set(key, kept, timeout=KEPT)
            media.append(known)
        return _finished(client, media)
    except NetworkError as error:
        if error.permanent:  # should a person have it tried all the same, it begins anew
            caches["kept"].delete(key)
        raise


def _upload(client: Client, file: Picture | Film) -> Mapping[str, Any]:
    """What the server made of a file. Whatever fails here may be tried again, but for what the server refuses."""
    what = "film" if isinstance(file, Film) else "picture"
    try:
        media = client.write(
            lambda api: api.media_post(
                file.content,
                mime_type=file.media_type,
                description=file.alt or None,
                file_name=_FILE_NAMES.get(file.media_type, what),
            )
        )
    except NetworkError as error:
        if not error.outcome_unknown:
            raise
        if _NOT_PROCESSED in str(error):
            raise NetworkError(str(error), permanent=True, code="not_processed") from error
        raise NetworkError(f"The {what} could not be handed over.", retryable=True, code=error.code) from error
    if not identity(media.get("id")):
        raise NetworkError(f"{client.host} did not say what it made of a {what}.", retryable=True, code="unreadable_answer")
    return media


def _finished(client: Client, media: Sequence[Mapping[str, Any]]) -> list[str]:
    """Their ids, once they can be attached. All are waited for together: a worker sleeps meanwhile."""
    waiting = [identity(each.get("id")) for each in media if not _is_finished(each)]
    for pause in PROCESSING:
        if not waiting:
            break
        sleep(pause)
        waiting = [media_id for media_id in waiting if not _is_finished(_look(client, media_id))]
    if waiting:  # the outbox asks again after a few seconds, and then less and less often
        raise NetworkError("The server still works on what goes with the answer.", retryable=True, code="processing")
    return [identity(each.get("id")) for each in media]


def _look(client: Client, media_id: str) -> Mapping[str, Any] | None:
    """What the server says of it now; None where it does not know it any more. What it could not process it refuses for good."""
    try:
        return client.read(lambda api: api.media(media_id))
    except NetworkError as error:
        if error.code != "not_found":
            raise
        return None


def _is_finished(media: Mapping[str, Any] | None) -> bool:
    """It has an address from then on."""
    return media is not None and bool(words(media.get("url")))
