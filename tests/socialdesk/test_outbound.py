"""Requests to addresses that somebody typed in reach public hosts only, and end."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib import outbound
from socialdesk.lib.outbound import GuardedSession, NotPublic, TooLong, check_url, is_public
from tests.servers import closed_port
from tests.socialdesk.pretend import eventually

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def say(text: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)

    return answer


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "198.18.0.1", "240.0.0.1", "192.0.0.192"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    ],
)
def test_an_address_of_our_own_network_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_another_family_does_not_make_it_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrapped = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
    ]
    assert all(is_public(one) <= is_public(address) for one in wrapped)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://example.com/",
            "example.com",
            "https://",
            "https://user:word@example.com/",
            "https://example.com:99999/",
            "file:///etc/passwd",
        ),
        *("http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:169.254.169.254]/", "https://10.0.0.7:8443/"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NotPublic):
        check_url(url)


@pytest.mark.parametrize("url", ["example.com", "https://example.com:99999/"])
def test_what_is_no_address_is_answered_with_one_that_fits_every_form(url: str) -> None:
    with pytest.raises(NotPublic, match=r"^This is no web address\. Write it as https://www\.example\.com/page\.$"):
        check_url(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_another_spelling_of_this_machine_is_refused_where_it_is_connected_to(host: str) -> None:
    with pytest.raises(NotPublic):
        GuardedSession().get(f"https://{host}:9/")


@pytest.mark.parametrize("answers", [["10.0.0.5"], ["93.184.216.34", "127.0.0.1"], ["fe80::1"]])
def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, 443)) for answer in answers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(NotPublic):
        GuardedSession().get("https://crm.example.com/")


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A name server that answers otherwise the second time is never asked a second time."""
    asked: list[str] = []
    reached: list[Any] = []

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        address = "93.184.216.34" if host == "rebind.example.com" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    def connect(self: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(requests.ConnectionError):
        GuardedSession().get("https://rebind.example.com/")
    assert asked.count("rebind.example.com") == 1
    assert reached == [("93.184.216.34", 443)]


def test_where_one_address_of_a_name_does_not_answer_the_next_is_tried(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["both.example.com"]
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host != "both.example.com":
            return real(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    with serving(say(b"hello")) as url, closed_port() as port:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert GuardedSession().get(url.replace("localhost", "both.example.com")).content == b"hello"
        with pytest.raises(requests.ConnectionError):
            GuardedSession().get(f"http://both.example.com:{port}/")


def test_a_host_that_the_owner_named_is_asked(settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    with serving(say(b"hello")) as url:
        assert GuardedSession().get(url).content == b"hello"


def test_no_connection_is_kept_for_a_second_request(settings: Any) -> None:
    """The server may say nothing of closing it: then it would close in the middle of that one, and a write were lost or done for nobody."""
    settings.OUTBOUND_PRIVATE = ["localhost"]
    ports = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        handler.protocol_version, handler.close_connection = "HTTP/1.1", False
        say(b"hello")(handler)

    with serving(answer) as url:
        session = GuardedSession()
        assert [session.get(url).content for _ in range(2)] == [b"hello"] * 2
    assert len(set(ports)) == 2


def test_a_redirect_is_not_followed(settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    with serving(say(b"", 302, Location="http://127.0.0.1:1/secret")) as url:
        response = GuardedSession().get(url, allow_redirects=True)
    assert (response.status_code, response.history) == (302, [])


@pytest.mark.parametrize("target", ["http://[broken", "//", "http://a:b:c/", ""])
def test_an_answer_that_leads_to_no_address_is_an_answer_all_the_same(settings: Any, target: str) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    with serving(say(b"", 302, Location=target)) as url:
        assert GuardedSession().get(url).status_code == 302


def test_a_long_answer_is_cut_off(settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    with serving(say(b"x" * 5000)) as url, pytest.raises(requests.ConnectionError, match="longer than") as raised:
        GuardedSession(most=1000).get(url)
    assert isinstance(raised.value, TooLong)


@pytest.mark.parametrize("where", ["head", "body"])
def test_an_answer_that_drips_is_broken_off(settings: Any, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    monkeypatch.setattr(outbound, "ALTOGETHER", 0.4)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            if where == "body":
                handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            for _ in range(1200):  # a minute, unless they hang up
                handler.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    began = time.monotonic()
    with serving(drip) as url, pytest.raises((requests.RequestException, ConnectionError)):
        GuardedSession().get(url)
    assert time.monotonic() - began < 30


def test_a_large_body_has_the_time_that_a_slow_line_needs(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    monkeypatch.setattr(outbound, "ALTOGETHER", 1.0)
    monkeypatch.setattr(outbound, "SLOWEST", 100)  # bytes a second

    def take_slowly(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        time.sleep(2.5)
        say(b"taken")(handler)

    with serving(take_slowly) as url:
        assert GuardedSession().post(url, data=b"x" * 6000).content == b"taken"
        with pytest.raises(requests.RequestException):
            GuardedSession().post(url, data=b"x" * 10)


def test_a_handshake_that_is_dragged_out_is_broken_off(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte of it comes in time, and it never ends."""
    settings.OUTBOUND_PRIVATE = ["localhost"]
    monkeypatch.setattr(outbound, "ALTOGETHER", 0.3)

    def drag(server: socket.socket) -> None:
        line, _ = server.accept()
        with line, suppress(OSError):
            line.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16 kB begins
            for _ in range(1200):  # a minute, unless they hang up
                line.sendall(b"\x02")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drag, args=(server,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(requests.RequestException):
            GuardedSession().get(f"https://localhost:{server.getsockname()[1]}/")
        assert time.monotonic() - began < 30


def test_what_is_opened_after_the_end_is_broken_off_too(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    monkeypatch.setattr(outbound, "ALTOGETHER", 0.05)
    real, ends = socket.getaddrinfo, []

    class End(outbound._End):
        def __init__(self) -> None:
            super().__init__()
            ends.append(self)

    def look_up_slowly(*args: Any, **options: Any) -> Any:
        eventually(lambda: ends[-1].has_come)
        return real(*args, **options)

    monkeypatch.setattr(outbound, "_End", End)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
    with serving(say(b"hello")) as url, pytest.raises(requests.RequestException):
        GuardedSession().get(url)


def test_no_connection_is_left_open(settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]

    def count_open() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    with serving(say(b"hello")) as url:
        GuardedSession().get(url)
        before = count_open()
        for _ in range(5):
            GuardedSession().get(url)
        eventually(lambda: count_open() <= before + 2)  # the server closes its own ends when it comes to it


def test_no_proxy_of_the_environment_is_used(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_PRIVATE = ["localhost"]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(say(b"direct")) as url:
        assert GuardedSession().get(url).content == b"direct"
