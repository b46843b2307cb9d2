"""What the simulated server answers to each path, and what it refuses: scopes, fields, lengths, ids, pages."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import regex

from tests.socialdesk.networks.mastodon.oauth import OAuth
from tests.socialdesk.networks.mastodon.simulator import Refused
from tests.socialdesk.networks.mastodon.world import LINK, MENTION, Person, Status
from tests.socialdesk.networks.served import Answer, Call

if TYPE_CHECKING:
    from tests.socialdesk.networks.mastodon.simulator import Simulator

MISSING = "Record not found"
FILM = "video/mp4"
PICTURES = ("image/jpeg", "image/png", "image/webp")
Handler = Callable[[Call, Person, str], Answer]


class Routes:
    def __init__(self, sim: Simulator) -> None:
        self.sim, self.world = sim, sim.world
        self.oauth = OAuth(sim.base, sim.world)
        self.keys: dict[tuple[str, str], str] = {}  # (account, Idempotency-Key) -> id of the status
        self.slow_media = 1  # questions that are answered with "still working"
        self.film_bytes = 103_809_024  # of the largest that is taken
        self.kinds = [*PICTURES, FILM]  # of files that are taken
        self._routes: list[tuple[str, re.Pattern[str], tuple[str, ...], Handler]] = [
            (method, re.compile(path.replace("{id}", r"([^/]+)")), tuple(scopes.split()), handler)
            for method, path, scopes, handler in (
                ("GET", "/api/v1/accounts/verify_credentials", "read:accounts", self._us),
                ("GET", "/api/v1/accounts/relationships", "read:follows", self._relationships),
                ("GET", "/api/v1/accounts/{id}", "read:accounts", self._account),
                ("GET", "/api/v1/accounts/{id}/statuses", "read:statuses", self._account_statuses),
                ("GET", "/api/v1/notifications", "read:notifications", self._notifications),
                ("GET", "/api/v1/lists", "read:lists", self._lists),
                ("GET", "/api/v1/timelines/list/{id}", "read:lists", self._list),
                ("GET", "/api/v1/timelines/tag/{id}", "read:statuses", self._tag),
                ("GET", "/api/v1/statuses", "read:statuses", self._statuses),
                ("POST", "/api/v1/statuses", "write:statuses", self._publish),
                ("GET", "/api/v1/statuses/{id}", "read:statuses", self._status),
                ("DELETE", "/api/v1/statuses/{id}", "write:statuses", self._delete),
                ("GET", "/api/v1/statuses/{id}/context", "read:statuses", self._context),
                ("POST", "/api/v1/statuses/{id}/reblog", "write:statuses", self._reblog),
                ("POST", "/api/v1/statuses/{id}/favourite", "write:favourites", self._favourite),
                ("POST", "/api/v1/statuses/{id}/unfavourite", "write:favourites", self._unfavourite),
                ("POST", "/api/v2/media", "write:media", self._upload),
                ("GET", "/api/v1/media/{id}", "write:media", self._media),
                ("GET", "/api/v1/streaming/user", "read:statuses read:notifications", self._user_stream),
                ("GET", "/api/v1/streaming/list", "read:statuses", self._list_stream),
                ("GET", "/api/v1/streaming/hashtag", "read:statuses", self._hashtag_stream),
            )
        ]

    def answer(self, call: Call) -> Answer:
        if call.method == "GET" and call.path == "/api/v2/instance" and not self.sim.has_old_api:
            return Answer(200, self._instance())
        if (call.method, call.path) in self.oauth.routes:
            return self.oauth.routes[call.method, call.path](call)
        for method, path, scopes, handler in self._routes:
            if "/streaming/" in path.pattern and not self.sim.has_streaming:
                continue
            if method == call.method and (found := path.fullmatch(call.path)):
                person, granted = self.oauth.bearer(call)
                if any(scope not in granted and scope.partition(":")[0] not in granted for scope in scopes):
                    raise Refused(403, "This action is outside the authorized scopes")
                with self.world.lock:
                    return handler(call, person, found[1] if found.groups() else "")
        raise Refused(404, "Not Found")

    # Reading

    def _us(self, call: Call, us: Person, _: str) -> Answer:
        role = {"id": "-99", "name": "", "permissions": "0", "color": "", "highlighted": False}
        source: dict[str, Any] = {
            "privacy": "public",
            "sensitive": False,
            "language": "en",
            "note": "",
            "fields": [],
            "follow_requests_count": 0,
        }
        source |= {"indexable": False, "discoverable": True, "hide_collections": None, "attribution_domains": []}
        return Answer(200, self.world.account_entity(us) | {"source": source, "role": role})

    def _account(self, call: Call, us: Person, account_id: str) -> Answer:
        return Answer(200, self.world.account_entity(self._person(account_id)))

    def _relationships(self, call: Call, us: Person, _: str) -> Answer:
        no = dict.fromkeys(
            ("following", "showing_reblogs", "notifying", "blocking", "blocked_by", "muting", "muting_notifications", "requested",
             "requested_by", "domain_blocking", "endorsed"), False
        )  # fmt: skip
        ids = [given for given in call.query.get("id[]", []) if given in self.world.people]
        return Answer(200, [no | {"id": given, "followed_by": given in us.followers, "languages": None, "note": ""} for given in ids])

    def _account_statuses(self, call: Call, us: Person, account_id: str) -> Answer:
        person = self._person(account_id)
        return self._page(call, [each for each in self.world.statuses.values() if each.author is person and self.world.may_see(each, us)])

    def _notifications(self, call: Call, us: Person, _: str) -> Answer:
        types = call.query.get("types[]", []) if self.sim.knows_types else []
        notes = [note for note in self.world.notifications if not types or note["type"] in types]
        if self.sim.has_old_api or call.query.get("include_filtered") != ["true"]:
            # What strangers write privately is kept back, unless it is asked for.
            notes = [note for note in notes if not note["status"] or self.world.statuses[note["status"]].visibility != "direct"]
        return Answer(200, [self.world.notification_entity(note) for note in _cut(call, notes, lambda note: note["id"], most=80, usual=40)])

    def _lists(self, call: Call, us: Person, _: str) -> Answer:
        return Answer(
            200,
            [{"id": key, "title": title, "replies_policy": "list", "exclusive": False} for key, (title, _) in self.world.lists.items()],
        )

    def _list(self, call: Call, us: Person, list_id: str) -> Answer:
        if list_id not in self.world.lists:
            raise Refused(404, MISSING)
        members = self.world.lists[list_id][1]
        return self._page(call, [each for each in self.world.statuses.values() if self.world.is_listed(each, members)])

    def _tag(self, call: Call, us: Person, tag: str) -> Answer:
        name = unquote(tag).lower()
        tagged = [each for each in self.world.statuses.values() if f"#{name}" in each.text.lower().split() and each.visibility == "public"]
        return self._page(call, tagged)

    def _statuses(self, call: Call, us: Person, _: str) -> Answer:
        ids = call.query.get("id[]", [])
        if self.sim.has_old_api:
            raise Refused(404, "Not Found")
        if len(ids) > 20:
            raise Refused(422, "Validation failed: Too many statuses")
        found = [self.world.statuses[given] for given in ids if given in self.world.statuses]
        return Answer(200, [self.world.status_entity(each) for each in found if self.world.may_see(each, us)])

    def _status(self, call: Call, us: Person, status_id: str) -> Answer:
        return Answer(200, self.world.status_entity(self._find(status_id, us)))

    def _context(self, call: Call, us: Person, status_id: str) -> Answer:
        above: list[Status] = []
        at = self._find(status_id, us)
        while at.in_reply_to in self.world.statuses:
            at = self.world.statuses[at.in_reply_to]
            above.insert(0, at)
        below = [each for each in self.world.statuses.values() if each.in_reply_to == status_id]
        return Answer(200, {"ancestors": [*map(self.world.status_entity, above)], "descendants": [*map(self.world.status_entity, below)]})

    # Writing

    def _publish(self, call: Call, us: Person, _: str) -> Answer:
        key = (us.id, call.headers.get("idempotency-key", ""))
        if key[1] and self.keys.get(key) in self.world.statuses:
            return Answer(200, self.world.status_entity(self.world.statuses[self.keys[key]]))
        form = call.form
        text, media_ids = _one(form, "status"), form.get("media_ids[]", [])
        visibility, parent = _one(form, "visibility") or "public", _one(form, "in_reply_to_id")
        if not text.strip() and not media_ids:
            raise Refused(422, "Validation failed: Text can't be blank")
        if visibility not in ("public", "unlisted", "private", "direct"):
            raise Refused(422, "Validation failed: Visibility is not included in the list")
        if parent and (parent not in self.world.statuses or not self.world.may_see(self.world.statuses[parent], us)):
            raise Refused(404, "The post you are trying to reply to does not appear to exist.")
        if len(regex.findall(r"\X", MENTION.sub(lambda m: f"@{m[1]}", LINK.sub("x" * 23, text)))) > self.sim.max_characters:
            raise Refused(422, f"Validation failed: Text character limit of {self.sim.max_characters} exceeded")
        if len(media_ids) > 4:
            raise Refused(422, "Validation failed: Cannot attach more than 4 files")
        media = [self._loose(given) for given in media_ids]
        if missing := [given for given, each in zip(media_ids, media, strict=True) if each is None]:
            raise Refused(422, f"Media {', '.join(missing)} not found or already attached to another post")
        found = [each for each in media if each]
        if len(found) > 1 and any(each["type"] == "video" for each in found):
            raise Refused(422, "Cannot attach a video to a post that already contains images")
        if any(each["url"] is None for each in found):
            raise Refused(422, "Cannot attach files that have not finished processing. Try again in a moment!")
        status = self.world.publish(us, text, visibility=visibility, in_reply_to=parent, media=[_shown(each) for each in found])
        for each in found:
            each["status"] = status.id
        if key[1]:
            self.keys[key] = status.id
        return Answer(200, self.world.status_entity(status))

    def _delete(self, call: Call, us: Person, status_id: str) -> Answer:
        status = self._find(status_id, us)
        if status.author is not us:
            raise Refused(404, MISSING)
        entity = self.world.status_entity(status) | {"text": status.text}
        self.world.delete(status_id)
        return Answer(200, entity)

    def _reblog(self, call: Call, us: Person, status_id: str) -> Answer:
        status = self._find(status_id, us)
        if status.visibility not in ("public", "unlisted"):
            raise Refused(403, "This action is not allowed")
        return Answer(200, self.world.status_entity(self.world.boost(us, status_id)))

    def _favourite(self, call: Call, us: Person, status_id: str) -> Answer:
        self.world.liked.add((us.id, self._find(status_id, us).id))
        return self._status(call, us, status_id)

    def _unfavourite(self, call: Call, us: Person, status_id: str) -> Answer:
        """What was liked need not be seen any more. What was not liked is no error where it is seen."""
        status = self.world.statuses[status_id] if (us.id, status_id) in self.world.liked else self._find(status_id, us)
        self.world.liked.discard((us.id, status.id))
        return Answer(200, self.world.status_entity(status))

    def _upload(self, call: Call, us: Person, _: str) -> Answer:
        parts = BytesParser().parsebytes(b"Content-Type: " + call.headers["content-type"].encode() + b"\r\n\r\n" + call.body)
        given = {part.get_param("name", header="content-disposition"): part for part in parts.walk() if not part.is_multipart()}
        file = given.get("file")
        kind = file.get_content_type() if file is not None else ""
        if file is None or kind not in self.kinds:
            raise Refused(422, "Validation failed: File content type is invalid, File is invalid")
        uploaded = file.get_payload(decode=True)
        if kind == FILM and len(uploaded) > self.film_bytes:
            raise Refused(422, f"Validation failed: File must be less than {self.film_bytes // 1_048_576} MB")
        note = given.get("description")
        content = note.get_payload(decode=True) if note is not None else b""
        media_id = self.world.new_id()
        self.world.media[media_id] = {
            "id": media_id,
            "type": "video" if kind == FILM else "image",
            "url": None,
            "preview_url": None,
            "remote_url": None,
            "meta": {},
            "description": content.decode() if isinstance(content, bytes) else None,
            "blurhash": None,
            "left": self.slow_media,
            "file": uploaded,
            "status": "",  # that it is attached to
        }
        return Answer(202, _shown(self.world.media[media_id]))

    def _media(self, call: Call, us: Person, media_id: str) -> Answer:
        media = self._loose(media_id)
        if media is None:
            raise Refused(404, MISSING)
        if media["left"] > 0:
            media["left"] -= 1
            return Answer(206, _shown(media))
        place = f"{self.sim.base}/media/{media_id}"
        if media["type"] == "image":
            media["url"] = f"{place}.png"
        elif b"moov" not in media["file"]:
            raise Refused(422, "Error processing thumbnail for uploaded media")
        else:
            # A film without sound plays by itself, as a moving picture does.
            kind = "video" if b"soun" in media["file"] else "gifv"
            media |= {"type": kind, "url": f"{place}.mp4", "preview_url": f"{place}.png", "meta": _film_meta(media["file"])}
        return Answer(200, _shown(media))

    def _loose(self, media_id: str) -> dict[str, Any] | None:
        """Those that belong to a status are not shown by themselves any more."""
        media = self.world.media.get(media_id)
        return media if media and not media["status"] else None

    # Parts

    def _user_stream(self, call: Call, us: Person, _: str) -> Answer:
        return Answer(200, lambda: "user")

    def _list_stream(self, call: Call, us: Person, _: str) -> Answer:
        name = f"list:{_needed(call, 'list')}"
        return Answer(200, lambda: name)

    def _hashtag_stream(self, call: Call, us: Person, _: str) -> Answer:
        name = f"hashtag:{_needed(call, 'tag').lower()}"
        return Answer(200, lambda: name)

    def _find(self, status_id: str, viewer: Person) -> Status:
        status = self.world.statuses.get(status_id)
        if status is None or not self.world.may_see(status, viewer):
            raise Refused(404, MISSING)
        return status

    def _person(self, account_id: str) -> Person:
        if account_id not in self.world.people:
            raise Refused(404, MISSING)
        return self.world.people[account_id]

    def _page(self, call: Call, statuses: Sequence[Status]) -> Answer:
        return Answer(200, [self.world.status_entity(each) for each in _cut(call, statuses, lambda each: each.id, most=40, usual=20)])

    def _instance(self) -> dict[str, Any]:
        return {
            "domain": self.world.domain,
            "title": "Harbour",
            "version": "4.5.0",
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "",
            "usage": {"users": {"active_month": 3}},
            "thumbnail": {"url": f"{self.sim.base}/thumbnail.png"},
            "icon": [],
            "languages": ["en"],
            "configuration": {
                "urls": {"streaming": self.sim.base.replace("http", "ws", 1)},
                "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
                "statuses": {"max_characters": self.sim.max_characters, "max_media_attachments": 4, "characters_reserved_per_url": 23},
                "media_attachments": {
                    "supported_mime_types": self.kinds,
                    "description_limit": 1500,
                    "image_size_limit": 16_777_216,
                    "image_matrix_limit": 33_177_600,
                    "video_size_limit": self.film_bytes,
                    "video_frame_rate_limit": 120,
                    "video_matrix_limit": 8_294_400,
                },
                "polls": {"max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2_629_746},
                "translation": {"enabled": False},
            },
            "registrations": {"enabled": False, "approval_required": False, "message": None, "url": None},
            "api_versions": {"mastodon": 7},
            "contact": {"email": "", "account": None},
            "rules": [],
        }


def _shown(media: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in media.items() if key not in ("left", "file", "status")}


def _film_meta(content: bytes) -> dict[str, Any]:
    """What the boxes of an MP4 say of it (ISO/IEC 14496-12): mvhd of its time, tkhd of its sides."""
    scale, length = struct.unpack_from(">II", content, content.index(b"mvhd") + 16)
    width, height = (side >> 16 for side in struct.unpack_from(">II", content, content.index(b"tkhd") + 80))
    size = {"width": width, "height": height}
    return {
        "original": size | {"frame_rate": "30/1", "duration": length / scale, "bitrate": 8000},
        "small": size | {"aspect": width / height},
    }


def _one(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0]


def _needed(call: Call, name: str) -> str:
    given = call.query.get(name, [""])[0]
    if not given:
        raise Refused(400, f"Missing {name} name parameter")
    return given


def _cut(call: Call, entries: Sequence[Any], id_of: Callable[[Any], str], *, most: int, usual: int) -> list[Any]:
    """A page of what is ordered by ids that grow, newest first: behind min_id, or the newest of those within the bounds."""
    limit = min(most, int(call.query.get("limit", [str(usual)])[0]))
    low = call.query.get("min_id", call.query.get("since_id", ["0"]))[0]
    high = call.query.get("max_id", ["z" * 30])[0]
    within = sorted((each for each in entries if _rank(low) < _rank(id_of(each)) < _rank(high)), key=lambda each: _rank(id_of(each)))
    return (within[:limit] if "min_id" in call.query else within[-limit:] if limit else [])[::-1]


def _rank(entry_id: str) -> tuple[int, str]:
    return len(entry_id), entry_id
