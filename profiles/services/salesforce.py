"""Salesforce contacts, by simple-salesforce.

Why this system and this library: Salesforce is the CRM that is met most, upserts by an external id of ours are part of its API, and
developer editions are free to try it with; simple-salesforce is maintained, under the Apache licence, small, and takes a session of
ours, so that its requests go the guarded way like all others.

What a Salesforce admin prepares: a connected app with the client credentials flow, and a text field on Contact that is marked as an
external id and unique (SocialDeskId__c unless another is named). Wire format: REST API Developer Guide, "Insert or Update (Upsert) a
Record Using an External ID", "Execute a SOQL Query", "Status Codes and Error Responses".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
from simple_salesforce.api import Salesforce, SFType
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError
from simple_salesforce.login import token_login

from profiles.models import Connection, ExternalRef, Profile
from profiles.services.conflicts import source_of
from profiles.services.record_writing import CONTACTS, live_points, write_record
from profiles.services.records import PersonRecord
from profiles.services.remotes import News, Pulled, Received, RemoteError
from profiles.services.salesforce_fields import EXTERNAL_FIELD, MAPPING, NAME, from_salesforce, is_ours, to_salesforce
from socialdesk.lib.outbound import GuardedSession, NotPublic

PAGE = 200
# A change becomes visible when its transaction ends, with the time at which it was made: what is just behind us is read once more.
LATE = timedelta(minutes=2)
_WAIT_FOR_LIMIT = 900.0  # seconds; the limit is counted over 24 hours

T = TypeVar("T")


class SalesforceRemote:
    """One org. Its access token is kept, encrypted, with the connection's credentials, and renewed when it is refused."""

    pulls = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._url = connection.url.rstrip("/")
        self._field = connection.credentials.get("external_field") or EXTERNAL_FIELD
        given = connection.credentials.get("mapping", "")
        self._mapping: dict[str, str] = json.loads(given) if given else dict(MAPPING)
        self._session = GuardedSession()

    def push(self, news: News, *, now: datetime) -> Received:
        """Write the contact. One that came from there is found by its own id, any other by ours."""
        if news.record is None:
            # Somebody was erased here. Theirs is for them to weigh; that our number stays there is how we know not to take them in again.
            return Received(204)
        contact = to_salesforce(self._prefer_theirs(news.profile_id, news.record), self._mapping)
        number = str(news.profile_id)

        def write(contacts: SFType) -> Received:
            if news.external_id:
                return Received(contacts.update(news.external_id, {**contact, self._field: number}))
            answer = contacts.upsert(f"{self._field}/{quote(number)}", contact, raw_response=True)
            return Received(answer.status_code, _read_id(answer))

        return self._call(write)

    def pull(self, cursor: str, *, now: datetime) -> Pulled:
        place: dict[str, Any] = json.loads(cursor) if cursor else {"at": _write_time(now), "id": "", "seen": {}}
        at, after_id, seen = datetime.fromisoformat(place["at"]), place["id"], place["seen"]
        rows = self._query(self._where(at, after_id, now))
        fresh = [row for row in rows if seen.get(row["Id"]) != row["SystemModstamp"]]
        records = [record for row in fresh if (record := self._read(row)).values]
        own_ids = {row["Id"]: int(row[self._field]) for row in fresh if _is_number(row.get(self._field))}
        has_more = len(rows) == PAGE
        # While there is more the place is that of the last row, and the next page begins right behind it.
        last = _read_time(rows[-1]["SystemModstamp"]) if rows else at
        last = last if has_more else max(last, at)
        seen |= {row["Id"]: row["SystemModstamp"] for row in rows}
        following = {
            "at": _write_time(last),
            "id": rows[-1]["Id"] if has_more else "",
            "seen": {pk: stamp for pk, stamp in seen.items() if _read_time(stamp) >= last - LATE},
        }
        return Pulled(records, json.dumps(following), has_more, own_ids)

    def _where(self, at: datetime, after_id: str, now: datetime) -> str:
        """The rows from a place on; after the last page those of the moments before it once more, unless that is long ago."""
        if after_id:
            return f"SystemModstamp > {_write_time(at)} OR (SystemModstamp = {_write_time(at)} AND Id > '{_check_id(after_id)}')"
        if now - at < 2 * LATE:
            return f"SystemModstamp >= {_write_time(at - LATE)}"
        return f"SystemModstamp > {_write_time(at)}"

    def check(self, *, now: datetime) -> str:
        self._call(lambda contacts: self._run(contacts, self._select("LIMIT 1")))
        return "Salesforce let us in, and the contacts have all fields of the mapping."

    @property
    def _columns(self) -> list[str]:
        return ["Id", "SystemModstamp", self._field, *NAME, *self._mapping.values()]

    def _query(self, where: str) -> list[dict[str, Any]]:
        asked = self._select(f"WHERE {where} ORDER BY SystemModstamp, Id LIMIT {PAGE}")
        return self._call(lambda contacts: self._run(contacts, asked))

    def _select(self, rest: str) -> str:
        """A query in their language. The names are checked when they are entered, times and ids are written by us."""
        return f"SELECT {', '.join(self._columns)} FROM Contact {rest}"  # noqa: S608  not SQL

    def _run(self, contacts: SFType, asked: str) -> list[dict[str, Any]]:
        assert contacts.salesforce is not None
        found = contacts.salesforce.query(asked)
        return [dict(row) for row in found["records"]]

    def _read(self, row: dict[str, Any]) -> PersonRecord:
        """A contact as a record, without the fields in which it says what we would write there ourselves."""
        values = from_salesforce(row, self._mapping)
        person = self._find(row)
        if person is not None and person.erased_at is None:
            as_ours = to_salesforce(self._prefer_theirs(person.pk, write_record(person)), self._mapping)
            values = {name: value for name, value in values.items() if not is_ours(name, row, as_ours, self._mapping)}
        at = _read_time(row["SystemModstamp"])
        return PersonRecord(values, self._connection.system, row["Id"], dict.fromkeys(values, at))

    def _prefer_theirs(self, person_id: int, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record with those coordinates first that are from there, the newest before the others: a contact has room for one, and
        ours must not take the place of theirs."""
        theirs = live_points([person_id]).filter(source=source_of(self._connection)).order_by("-created_at", "-pk")
        values = list(theirs.values_list("value", flat=True))
        first = {name: [value for value in values if value in record[name]] for name in CONTACTS if name in record}
        return {**record, **{name: [*found, *(value for value in record[name] if value not in found)] for name, found in first.items()}}

    def _find(self, row: dict[str, Any]) -> Profile | None:
        ref = ExternalRef.objects.select_related("profile__root").filter(system=self._connection.system, external_id=row["Id"]).first()
        if ref is not None:
            return ref.profile.root or ref.profile
        number = row.get(self._field)
        profile = Profile.objects.select_related("root").filter(pk=int(number or 0)).first() if _is_number(number) else None
        return (profile.root or profile) if profile else None

    # --- Speaking to it -------------------------------------------------------------------------------------------------

    def _call(self, work: Callable[[SFType], T]) -> T:
        """Do one call with the token that we have, and once more with a new one if it is refused."""
        token = self._connection.credentials.get("token", "")
        try:
            return _say(lambda: work(self._contacts(token or self._sign_in())))
        except RemoteError as error:
            if error.status != 401 or not token:
                raise
        return _say(lambda: work(self._contacts(self._sign_in())))

    def _contacts(self, token: str) -> SFType:
        org = Salesforce(session_id=token, instance_url=self._url, session=self._session)
        return SFType("Contact", token, org.sf_instance, org.sf_version, session=self._session, salesforce=org)

    def _sign_in(self) -> str:
        """The client credentials flow, at the org's own address."""
        given = self._connection.credentials
        pair = base64.b64encode(f"{given.get('client_id', '')}:{given.get('client_secret', '')}".encode()).decode()
        token, _ = token_login(
            f"https://{urlsplit(self._url).netloc}/services/oauth2/token",
            {"grant_type": "client_credentials"},
            "",
            "",
            {"Authorization": f"Basic {pair}"},
            None,
            self._session,
        )
        self._connection.credentials = {**given, "token": token}
        self._connection.save(update_fields=["credentials"])
        return str(token)


def _say(work: Callable[[], T]) -> T:
    """What fails is said without the request: its address and its answer may name a person."""
    try:
        return work()
    except SalesforceAuthenticationFailed:
        raise RemoteError("Salesforce does not know the consumer key and secret. Enter them again.", status=400) from None
    except SalesforceError as error:
        raise _refusal(error) from None
    except NotPublic as error:
        raise RemoteError(error.message) from None
    except requests.exceptions.SSLError:
        raise RemoteError("Salesforce's certificate cannot be trusted.") from None
    except requests.Timeout:
        raise RemoteError("Salesforce did not answer in time.") from None
    except (requests.RequestException, OSError, ValueError, KeyError, AttributeError) as error:
        raise RemoteError(f"Salesforce cannot be reached, or its answer cannot be read ({type(error).__name__}).") from None


def _refusal(error: SalesforceError) -> RemoteError:
    content: Any = error.content  # the answer as JSON, where it is any
    status, code, fields = error.status, "", ""
    if isinstance(content, list) and content and isinstance(content[0], dict):
        code = str(content[0].get("errorCode", ""))
        fields = ", ".join(str(name) for name in content[0].get("fields") or [])
    if code == "REQUEST_LIMIT_EXCEEDED":
        return RemoteError("Salesforce's daily limit of requests is used up.", status=status, retry_after=_WAIT_FOR_LIMIT)
    if status == 401:
        return RemoteError("Salesforce does not let us in any more.", status=status)
    if status == 300:
        return RemoteError("Two contacts have our number of this person. Merge them there.", status=status, permanent=True)
    if status == 404:
        return RemoteError("The contact or the field of our numbers is not there any more.", status=status, permanent=True)
    reason = f"{code or f'HTTP {status}'}{f' ({fields})' if fields else ''}"
    if status == 403 or status >= 500:
        return RemoteError(f"Salesforce failed: {reason}.", status=status)
    return RemoteError(f"Salesforce refused the contact: {reason}.", status=status, permanent=True)


def _read_id(answer: Any) -> str:
    """The contact's id, which a created one is answered with, and an updated one by newer versions of the API."""
    try:
        return str(answer.json()["id"]) if answer.content else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _is_number(given: Any) -> bool:
    """Whether it can be our number of a person; people write all kinds of things into a field."""
    return isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 18


def _check_id(given: str) -> str:
    if not (given.isascii() and given.isalnum() and len(given) in (15, 18)):
        raise RemoteError("The place where reading goes on is damaged. Remove the connection and make it anew.")
    return given


def _write_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _read_time(given: str) -> datetime:
    return datetime.strptime(given, "%Y-%m-%dT%H:%M:%S.%f%z")
