"""A text message provider on this machine that speaks Twilio's own wire format, and fails when it is told to."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT, TOKEN, SENDER = "AC" + "a" * 32, "t" * 32, "+441174960100"


class Carrier:
    """`messages` is what was taken. `faults` holds what happens to the next calls: "refuse <status> <code>", "garbage", "drop" (before it
    is taken), "drop_after" (taken, no answer). `hidden` is how many lists still show nothing."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.hidden = 0
        carrier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
                carrier.answer(self, {name: values[0] for name, values in form.items()})

            def do_GET(self) -> None:
                carrier.answer(self, None)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str] | None) -> None:
        self.calls.append((handler.command, handler.path))
        assert urlsplit(handler.path).path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        fault = self.faults.pop(0) if self.faults else ""
        if handler.headers["Authorization"] != "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
            fault = "refuse 401 20003"
        if fault == "drop":
            handler.connection.close()
        elif fault == "garbage":
            self._say(handler, 200, b"<html>Bad gateway</html>")
        elif fault.startswith("refuse"):
            _, status, code = fault.split()
            said = {"code": int(code), "message": "No", "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": int(status)}
            self._say(handler, int(status), json.dumps(said).encode())
        elif form is not None:
            message = self._take(form)
            if fault == "drop_after":
                handler.connection.close()
            else:
                self._say(handler, 201, json.dumps(message).encode())
        else:
            self._list(handler)

    def _take(self, form: dict[str, str]) -> dict[str, Any]:
        moment = format_datetime(datetime.now(UTC))
        message: dict[str, Any] = {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": form["Body"],
            "date_created": moment,
            "date_sent": None,
            "date_updated": moment,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": form["From"],
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": f"SM{len(self.messages):032x}",
            "status": "queued",
            "subresource_uris": {},
            "to": form["To"],
            "uri": "",
        }
        self.messages.append(message)
        return message

    def _list(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = parse_qs(urlsplit(handler.path).query)["To"][0]
        shown = [message for message in reversed(self.messages) if message["to"] == wanted]
        if self.hidden:
            self.hidden -= 1
            shown = []
        page = {
            "end": 0,
            "first_page_uri": "",
            "messages": shown,
            "next_page_uri": None,
            "page": 0,
            "page_size": 50,
            "previous_page_uri": None,
            "start": 0,
            "uri": "",
        }
        self._say(handler, 200, json.dumps(page).encode())

    @staticmethod
    def _say(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
