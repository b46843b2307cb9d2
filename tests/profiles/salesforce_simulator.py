"""Salesforce's REST API over contacts, as documented, over HTTPS: takes what the real one takes and refuses what it refuses."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLIENT, SECRET = "the-consumer-key", "the-consumer-secret"
# {field: longest text}, True for yes or no
FIELDS: dict[str, Any] = {
    "FirstName": 40,
    "LastName": 80,
    "Email": 80,
    "Phone": 40,
    "MailingStreet": 255,
    "Title": 128,
    "Company__c": 255,
    "SocialDeskId__c": 40,
    "DoNotCall": True,
}
EXTERNAL_IDS = ("SocialDeskId__c",)
_CONTACT = "/services/data/v59.0/sobjects/Contact/"
_CONDITION = re.compile(r"(SystemModstamp|Id) (>=|>|=) ('\w+'|[\dT:.Z-]+)")
_QUERY = re.compile(r"SELECT ([\w, ]+) FROM Contact(?: WHERE (.+?))?(?: ORDER BY SystemModstamp, Id)?(?: LIMIT (\d+))?")


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer: Any = [{"message": message, "errorCode": code, **({"fields": fields} if fields is not None else {})}]


class Salesforce:
    """One org. `asked` is every request that came, `at` its clock."""

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.requests_left = 1_000_000
        self.asked: list[tuple[str, str, Any]] = []
        self.at = datetime(2026, 5, 4, 10, tzinfo=UTC)
        self.url = ""
        self._number = 0

    # What people there do

    def write(self, pk: str = "", **fields: Any) -> str:
        """Somebody makes or edits a contact."""
        self.at = (self.at + timedelta(seconds=1)).replace(microsecond=0)  # it counts in seconds
        if not pk:
            self._number += 1
            pk = f"003Hs00000{self._number:05d}IAB"
            self.contacts[pk] = {"Id": pk, **{name: False if kind is True else None for name, kind in FIELDS.items()}}
        self.contacts[pk].update(fields, SystemModstamp=self.at)
        return pk

    def delete(self, pk: str) -> None:
        del self.contacts[pk]

    # What it answers

    def sign_in(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, Any]:
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"}
        if authorization != f"Basic {expected}":
            return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}
        token = f"00D!{secrets.token_hex(8)}"
        self.tokens.add(token)
        return 200, {"access_token": token, "instance_url": self.url, "token_type": "Bearer", "id": "x", "issued_at": "1", "signature": "x"}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, authorization: str) -> tuple[int, Any]:
        if authorization.removeprefix("Bearer ") not in self.tokens:
            raise Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.requests_left <= 0:
            raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.requests_left -= 1
        if method == "GET" and path == "/services/data/v59.0/query/":
            return 200, self._query(query["q"][0])
        if method == "PATCH" and path.startswith(_CONTACT):
            parts = [unquote(part) for part in path.removeprefix(_CONTACT).split("/")]
            return self._update(parts[0], body) if len(parts) == 1 else self._upsert(*parts, body=body)
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _upsert(self, field: str, value: str, *, body: Any) -> tuple[int, Any]:
        if field not in EXTERNAL_IDS:
            raise Refused(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: " + field)
        if field in body:
            raise Refused(400, "INVALID_FIELD", f"The {field} field should not be specified in the sobject data.")
        found = [pk for pk, contact in self.contacts.items() if contact[field] == value]
        if len(found) > 1:
            refusal = Refused(300, "", "")
            refusal.answer = [_CONTACT + pk for pk in found]
            raise refusal
        if found:
            self._check(body, is_new=False)
            self.write(found[0], **body)
            return 200, {"id": found[0], "success": True, "errors": [], "created": False}
        self._check(body, is_new=True)
        pk = self.write(**{field: value}, **body)
        return 201, {"id": pk, "success": True, "errors": [], "created": True}

    def _update(self, pk: str, body: Any) -> tuple[int, Any]:
        if pk not in self.contacts:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        self._check(body, is_new=False)
        for field in EXTERNAL_IDS:
            if body.get(field) and any(other[field] == body[field] for other in self.contacts.values() if other["Id"] != pk):
                raise Refused(400, "DUPLICATE_VALUE", f"duplicate value found: {field} duplicates value on record with id", [])
        self.write(pk, **body)
        return 204, None

    def _check(self, body: Any, *, is_new: bool) -> None:
        if not isinstance(body, dict):
            raise Refused(400, "JSON_PARSER_ERROR", "Unexpected content")
        for name, value in body.items():
            if name not in FIELDS:
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type Contact")
            if value is None:
                continue
            if (FIELDS[name] is True) != isinstance(value, bool) or not isinstance(value, bool | str):
                raise Refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {name}")
            if isinstance(value, str) and len(value) > FIELDS[name]:
                raise Refused(400, "STRING_TOO_LONG", f"{name}: data value too large", [name])
        if not body.get("LastName") if is_new else "LastName" in body and not body["LastName"]:
            raise Refused(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"])
        if body.get("Email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", body["Email"]):
            raise Refused(400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address", ["Email"])

    def _query(self, asked: str) -> Any:
        found = _QUERY.fullmatch(asked)
        if not found:
            raise Refused(400, "MALFORMED_QUERY", "unexpected token")
        columns = [name.strip() for name in found[1].split(",")]
        for name in columns:
            if name not in ("Id", "SystemModstamp", *FIELDS):
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on entity 'Contact'")
        rows = [contact for contact in self.contacts.values() if found[2] is None or self._meets(contact, found[2])]
        rows.sort(key=lambda contact: (contact["SystemModstamp"], contact["Id"]))
        page = rows[: int(found[3] or 2000)]
        records = [{"attributes": {"type": "Contact"}, **{name: _write(contact[name]) for name in columns}} for contact in page]
        return {"totalSize": len(page), "done": True, "records": records}

    def _meets(self, contact: dict[str, Any], where: str) -> bool:
        def judge(condition: re.Match[str]) -> str:
            name, sign, given = condition.groups()
            value = given.strip("'") if name == "Id" else datetime.fromisoformat(given)
            ours = contact[name]
            return str({">=": ours >= value, ">": ours > value, "=": ours == value}[sign])

        judged = _CONDITION.sub(judge, where).replace(" OR ", " or ").replace(" AND ", " and ")
        if not re.fullmatch(r"(True|False|or|and|[() ])+", judged):
            raise Refused(400, "MALFORMED_QUERY", "unexpected token")
        return bool(eval(judged))


def _write(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if isinstance(value, datetime) else value


@contextmanager
def running(folder: Path) -> Iterator[tuple[Salesforce, Path]]:
    """An org that runs on this machine, and the file with its certificate."""
    org = Salesforce()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorization = self.headers.get("Authorization", "")
            try:
                if self.command == "POST" and parts.path == "/services/oauth2/token":
                    status, content = org.sign_in(authorization, parse_qs(raw.decode()))
                else:
                    body = json.loads(raw) if raw else None
                    org.asked.append((self.command, parts.path, body))
                    status, content = org.answer(self.command, parts.path, parse_qs(parts.query), body, authorization)
            except Refused as refusal:
                status, content = refusal.status, refusal.answer
            sent = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815  so the library wants it

        def log_message(self, *args: Any) -> None:
            pass

    certificate = _make_certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    org.url = f"https://127.0.0.1:{server.server_port}"
    try:
        yield org, certificate
    finally:
        server.shutdown()
        server.server_close()


def _make_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A simulated org")])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    builder = builder.serial_number(1).not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(addresses, critical=False).sign(key, hashes.SHA256())
    path = folder / "org.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path
