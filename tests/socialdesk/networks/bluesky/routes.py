"""The simulated server's methods: who may call them, what they take, what they answer."""

from __future__ import annotations

from typing import Any

import regex
from pydantic import ValidationError

from tests.socialdesk.networks.bluesky.simulator import Call, Refused, Session, Simulator
from tests.socialdesk.networks.bluesky.talks import Talks
from tests.socialdesk.networks.bluesky.views import Views
from tests.socialdesk.networks.bluesky.world import LIKE, POST, REPOST, World

BY_REFRESH = ("com.atproto.server.refreshSession", "com.atproto.server.deleteSession")
OPEN = ("com.atproto.server.createSession", "com.atproto.identity.resolveHandle")
LISTS = ("uris", "actors", "reasons", "members", "others")  # parameters that may come more than once


class Routes:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.world: World = sim.world
        self.views = Views(sim)
        self.talks = Talks(sim, self.views)

    def answer(self, call: Call) -> Any:
        if call.path.startswith("/did:plc:"):
            return self._document(call.path[1:])
        if not call.path.startswith("/xrpc/"):
            raise Refused(404, "NotFound", "Not Found")
        session = None if call.nsid in OPEN else self._session(call)
        given = self._given(call)
        if call.nsid.startswith("chat."):
            answer = self._chat(call, session, given)
        else:
            method = getattr(self, "_" + call.nsid.replace(".", "_"), None) or getattr(self.views, call.nsid.rpartition(".")[2], None)
            if method is None or call.nsid in self.sim.refused:
                raise Refused(501, "MethodNotImplemented", "Method Not Implemented")
            answer = method(session, given)
        self._check(call.nsid, "Response", answer)
        return answer

    def _session(self, call: Call) -> Session:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refused(401, "AuthMissing", "Authentication Required")
        session = self.sim.sessions.get(token)
        kind = "refresh" if call.nsid in BY_REFRESH else "access"
        if session is None:
            raise Refused(400, "ExpiredToken", "Token has expired")
        if session.kind != kind:
            raise Refused(400, "InvalidToken", "Invalid token type")
        if not self.world.people[session.did].is_active:
            raise Refused(401, "AccountTakedown", "Account has been taken down")
        return session

    def _given(self, call: Call) -> Any:
        """What was asked, after the lexicon."""
        if call.method == "POST":
            if call.nsid == "com.atproto.repo.uploadBlob":
                return call
            if call.nsid in BY_REFRESH:
                return {}
            if call.headers.get("content-type") != "application/json":
                raise Refused(400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
            self._check(call.nsid, "Data", call.json)
            return call.json
        given: dict[str, Any] = {}
        for name, values in call.query.items():
            value: Any = values if name in LISTS else values[0]
            if name in ("limit", "depth", "parentHeight"):
                value = int(value)
            given[name] = value == "true" if value in ("true", "false") else value
        self._check(call.nsid, "Params", given)
        return given

    def _check(self, nsid: str, what: str, given: Any) -> None:
        from atproto_client import models

        module = getattr(models, "".join(part[:1].upper() + part[1:] for part in nsid.split(".")), None)
        model = getattr(module, what, None)
        if model is None:
            return
        try:
            model.model_validate(given, context={"strict_string_format": True})
        except ValidationError as error:
            if what == "Response" and not self.sim.is_strict:
                return
            if what == "Response":
                raise AssertionError(f"{nsid} answers what its lexicon has not: {error}") from error
            place = "/".join(str(part) for part in error.errors()[0]["loc"])
            raise Refused(400, "InvalidRequest", f"Input/{place}: {error.errors()[0]['msg']}") from error

    def _chat(self, call: Call, session: Session | None, given: Any) -> Any:
        if not self.sim.has_chat:
            raise Refused(501, "MethodNotImplemented", "Method Not Implemented")
        if call.headers.get("atproto-proxy") != "did:web:api.bsky.chat#bsky_chat":
            raise Refused(501, "MethodNotImplemented", "Method Not Implemented")
        assert session is not None
        if session.scope == "com.atproto.appPass":
            raise Refused(400, "InvalidToken", "Bad token method")
        method = getattr(self.talks, call.nsid.rpartition(".")[2], None)
        if method is None:
            raise Refused(501, "MethodNotImplemented", "Method Not Implemented")
        return method(session, given)

    def _document(self, did: str) -> Any:
        if did not in self.world.people:
            raise Refused(404, "NotFound", f"DID not registered: {did}")
        home = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.sim.lives_at}
        return {"id": did, "alsoKnownAs": [f"at://{self.world.people[did].handle}"], "service": [home]}

    # com.atproto.server and identity

    def _com_atproto_server_createSession(self, session: None, given: Any) -> Any:
        known = self.sim.passwords.get(given["password"])
        person = self.world.people.get(known.did) if known else None
        if known is None or person is None or given["identifier"] not in (person.handle, person.did):
            raise Refused(401, "AuthenticationRequired", "Invalid identifier or password")
        opened = self.sim.open_session(known.did, known.scope, given["password"])
        return {**opened, "did": person.did, "handle": person.handle, "didDoc": self._document(person.did), "active": True}

    def _com_atproto_server_refreshSession(self, session: Session, given: Any) -> Any:
        token = next(token for token, each in self.sim.sessions.items() if each is session)
        if session.password and session.password not in self.sim.passwords:
            raise Refused(400, "ExpiredToken", "Token has been revoked")
        del self.sim.sessions[token]
        person = self.world.people[session.did]
        opened = self.sim.open_session(session.did, session.scope, session.password)
        return {**opened, "did": person.did, "handle": person.handle, "active": True}

    def _com_atproto_server_deleteSession(self, session: Session, given: Any) -> Any:
        """The refresh token is over. The access token is good until it ends by itself."""
        del self.sim.sessions[next(token for token, each in self.sim.sessions.items() if each is session)]
        return {}

    def _com_atproto_server_getSession(self, session: Session, given: Any) -> Any:
        person = self.world.people[session.did]
        return {"did": person.did, "handle": person.handle, "active": True}

    def _com_atproto_identity_resolveHandle(self, session: None, given: Any) -> Any:
        for person in self.world.people.values():
            if person.handle == given["handle"].lower():
                return {"did": person.did}
        raise Refused(400, "InvalidRequest", "Unable to resolve handle")

    # com.atproto.repo

    def _com_atproto_repo_putRecord(self, session: Session, given: Any) -> Any:
        if given["repo"] != session.did:
            raise Refused(400, "InvalidRequest", "Could not find repo")
        self._check_record(given["collection"], given["rkey"], given["record"])
        uri = f"at://{session.did}/{given['collection']}/{given['rkey']}"
        with self.world.lock:
            earlier = self.world.records.get(uri)
            if "swapRecord" in given and given["swapRecord"] != (earlier.cid if earlier else None):
                raise Refused(400, "InvalidSwap", f"Record was at {earlier.cid if earlier else 'null'}")
            self._check_blobs(session.did, given["record"].get("embed", {}))
            record = self.world.put(session.did, given["collection"], given["rkey"], given["record"])
        return {"uri": record.uri, "cid": record.cid, "validationStatus": "valid"}

    def _check_record(self, collection: str, key: str, record: dict[str, Any]) -> None:
        from atproto_client import models

        known = {POST: models.AppBskyFeedPost.Record, REPOST: models.AppBskyFeedRepost.Record, LIKE: models.AppBskyFeedLike.Record}
        if collection not in known or record.get("$type") != collection:
            raise Refused(400, "InvalidRequest", f"Invalid $type: expected {collection}, got {record.get('$type')}")
        if regex.fullmatch("[2-7a-j][2-7a-z]{12}", key) is None:
            raise Refused(400, "InvalidRequest", "Invalid record key: must be a valid TID")
        try:
            known[collection].model_validate(record, context={"strict_string_format": True})
        except ValidationError as error:
            raise Refused(400, "InvalidRequest", f"Invalid {collection} record: {error.errors()[0]['msg']}") from error
        text = record.get("text", "")
        if len(text.encode()) > 3000 or len(regex.findall(r"\X", text)) > 300:
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/text must not be longer than 300 graphemes")
        images = record.get("embed", {}).get("images", [])
        if len(images) > 4 or any(image["image"]["size"] > 1_000_000 for image in images):
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/embed/images is too large")
        if record.get("embed", {}).get("$type") == "app.bsky.embed.video":
            self._check_film(record["embed"])

    def _check_film(self, embed: dict[str, Any]) -> None:
        """What the lexicon says of it beyond what the library checks."""
        film, alt = embed["video"], embed.get("alt", "")
        shape = embed.get("aspectRatio", {"width": 1, "height": 1})
        if film["mimeType"] != "video/mp4" or film["size"] > 100_000_000:
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/embed/video is of another kind or too large")
        if len(alt.encode()) > 10_000 or len(regex.findall(r"\X", alt)) > 1000:
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/embed/alt is too long")
        if min(shape.values()) < 1:
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/embed/aspectRatio is less than 1")

    def _check_blobs(self, did: str, embed: dict[str, Any]) -> None:
        """A record names only what was handed over, and as it is."""
        named = [image["image"] for image in embed.get("images", [])] + ([embed["video"]] if "video" in embed else [])
        for blob in named:
            kept = self.world.blobs.get((did, blob["ref"]["$link"]))
            if kept is None:
                raise Refused(400, "BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
            if blob["mimeType"] != kept.kind:
                expected = f"Expected: {kept.kind}, Got: {blob['mimeType']}"
                raise Refused(400, "InvalidMimeType", f"Referenced Mimetype does not match stored blob. {expected}")
            if blob["size"] != kept.size:
                raise Refused(400, "InvalidSize", f"Referenced Size does not match stored blob. Expected: {kept.size}, Got: {blob['size']}")

    def _com_atproto_repo_getRecord(self, session: Session, given: Any) -> Any:
        record = self.world.records.get(f"at://{given['repo']}/{given['collection']}/{given['rkey']}")
        if record is None:
            address = f"at://{given['repo']}/{given['collection']}/{given['rkey']}"
            raise Refused(400, "RecordNotFound", f"Could not locate record: {address}")
        return {"uri": record.uri, "cid": record.cid, "value": record.value}

    def _com_atproto_repo_listRecords(self, session: Session, given: Any) -> Any:
        found = [each for each in self.world.records.values() if each.did == given["repo"] and each.collection == given["collection"]]
        found = sorted(
            (each for each in found if not given.get("cursor") or each.key < given["cursor"]), key=lambda each: each.key, reverse=True
        )
        page = found[: given.get("limit", 50)]
        more = {"cursor": page[-1].key} if page else {}
        return {**more, "records": [{"uri": each.uri, "cid": each.cid, "value": each.value} for each in page]}

    def _com_atproto_repo_deleteRecord(self, session: Session, given: Any) -> Any:
        if given["repo"] != session.did:
            raise Refused(400, "InvalidRequest", "Could not find repo")
        self.world.delete(f"at://{session.did}/{given['collection']}/{given['rkey']}")
        return {}

    def _com_atproto_repo_uploadBlob(self, session: Session, call: Call) -> Any:
        kind = call.headers.get("content-type", "")
        if not call.body or not kind:
            raise Refused(400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
        if len(call.body) > self.sim.most_bytes:
            raise Refused(413, "PayloadTooLarge", "request entity too large")
        return {"blob": self.world.keep(session.did, call.body, kind).shown}
