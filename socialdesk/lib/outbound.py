"""Requests to addresses that somebody typed in: only to the public internet, with an end in time and size.

What the desk may reach and others may not (its own machine, the network around it, a cloud's metadata service) must not be reached on
their behalf. So the address is judged where the connection is made, after the name was resolved, and that very address is connected
to: whatever a redirect, a name server or a spelling of a number says, each hop passes here.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from socialdesk.lib.errors import DeskError

CONNECT, READ, ALTOGETHER = 5.0, 10.0, 20.0  # seconds
SLOWEST = 300_000  # bytes a second that a line carries at least; what is sent along has so much more time
ADDRESSES = 3  # of one name that are tried
MOST = 2_000_000  # bytes of an answer that are read
REDIRECTS = 3  # that are followed, where any are
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_ASSIGNED = ipaddress.ip_network("192.0.0.0/24")  # for protocols; some clouds answer for their metadata there
_CHUNK = 65_536

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(DeskError):
    """The address is none that the desk may ask."""

    code = "not_public"


class Unfindable(requests.ConnectionError):
    """No name server knows the host, so nothing was sent."""


class TooLong(requests.ConnectionError):
    """The answer has more bytes than are read, and was broken off."""


def check_url(url: str) -> str:
    """`url`, if a request may be made to it as far as can be seen without asking anybody. Raises NotPublic that says what is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotPublic("This is no web address. Write it as https://www.example.com/page.") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise NotPublic("This is no web address. Write it as https://www.example.com/page.")
    if parts.username is not None or parts.password is not None:
        raise NotPublic("Leave the user name and the password out of the address.")
    if parts.scheme == "http" and not may_be_private(host):
        raise NotPublic("The address must begin with https://, or others on the way could read and change what goes over it.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return url
    _judge(host, literal)
    return url


def may_be_private(host: str) -> bool:
    """Whether the desk's owner named this host as one of theirs (SOCIALDESK_OUTBOUND_PRIVATE)."""
    return host.lower().rstrip(".") in settings.OUTBOUND_PRIVATE


def is_public(address: IPAddress) -> bool:
    """Whether anybody on the internet could ask it. What is wrapped in an IPv6 address is judged by itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and any(address in network for network in _NAT64):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    elif address in _ASSIGNED:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """The addresses to connect to, in the order in which the machine prefers them. Raises NotPublic if any of them is not public: which
    one answers is not ours to choose."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unfindable(f"{host} cannot be found") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        _judge(host, ipaddress.ip_address(address))
    return list(dict.fromkeys(addresses))[:ADDRESSES]


def _judge(host: str, address: IPAddress) -> None:
    if not is_public(address) and not may_be_private(host):
        raise NotPublic(
            "This address leads into a private network. If it is a system of your own, "
            "the desk's owner can name its host in SOCIALDESK_OUTBOUND_PRIVATE."
        )


class _GuardedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


class _GuardedTLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


def _connect(connection: Any, make: Any) -> socket.socket:
    """Connect to the first address that was judged and answers; the name stays, for the certificate and the Host header."""
    name = connection._dns_host
    *others, last = resolve(name, connection.port)
    try:
        for address in others:
            connection._dns_host = address
            with suppress(NewConnectionError, ConnectTimeoutError):  # as where a machine has no way to the newer addresses
                return _watched(make())
        connection._dns_host = last
        return _watched(make())
    finally:
        connection._dns_host = name


def _watched(sock: socket.socket) -> socket.socket:
    if _watch.end is not None:
        _watch.end.add(sock)  # before TLS is spoken, which can be dragged out as well
    return sock


class _Pool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection

    def _put_conn(self, conn: Any) -> None:
        _end(conn)
        super()._put_conn(None)


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLSConnection

    def _put_conn(self, conn: Any) -> None:
        _end(conn)
        super()._put_conn(None)


def _end(conn: Any) -> None:
    """No connection is kept: a server that closes as it was told to, without saying so, would close in the middle of the next request."""
    if conn is not None:
        conn.close()


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


class GuardedSession(requests.Session):
    """Asks public addresses only, reads at most `most` bytes, and ends each request within ALTOGETHER seconds, beside the time that a large
    body takes on a slow line. Only `follow` goes where an answer sends it.

    Raises NotPublic, TooLong, or what requests raises. Takes nothing from the environment but a bundle of certificates
    (REQUESTS_CA_BUNDLE).
    """

    def __init__(self, *, most: int = MOST) -> None:
        super().__init__()
        self._most = most
        self.trust_env = False  # neither a proxy, which would resolve names for us, nor passwords from ~/.netrc
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self.headers["Connection"] = "close"  # each request opens its own, which can be broken off
        self.mount("https://", _GuardedAdapter())
        self.mount("http://", _GuardedAdapter())

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        with _ends_in_time() as end:
            response = self.open(method, url, *args, **(options | {"timeout": (CONNECT, READ)}))
            try:
                response._content = _read(response, self._most)
            finally:
                response.close()
            if end.has_come:  # an answer without a length looks whole, wherever it was broken off
                raise requests.ReadTimeout("the answer took too long")
        return response

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if _watch.end is not None:
            _watch.end.put_off(int(request.headers.get("Content-Length") or 0) / SLOWEST)
        return super().send(request, **options)

    def follow(self, url: str) -> requests.Response:
        """What stands at `url`, after at most REDIRECTS redirects, each judged as the first address was and told nothing by the one before.

        The redirect itself, where it leads on after those, to what may not be asked, or when ALTOGETHER seconds have passed.
        """
        began = time.monotonic()
        answer = self.get(url)
        for _ in range(REDIRECTS):
            target = answer.headers.get("Location", "")
            if not (answer.is_redirect and target) or time.monotonic() - began > ALTOGETHER:
                break
            try:
                url = check_url(urljoin(url, target))
            except (NotPublic, ValueError):
                break
            self.cookies.clear()
            answer = self.get(url)
        return answer

    def get_redirect_target(self, resp: Any) -> None:
        """None is looked for, wherever an answer would lead: even to read a broken one fails."""
        return

    def open(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """The answer with its body unread: for what may never end. The caller closes it."""
        check_url(str(url))
        return super().request(method, url, *args, **(options | {"allow_redirects": False, "stream": True}))


def _read(response: requests.Response, most: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > most:
            raise TooLong(f"the answer is longer than {most:,} bytes")
    return bytes(body)


class _End:
    """The end of one request: its connections are broken off, and those that it opens later too. A time-out of the library's counts the
    time between two bytes, and an answer has many."""

    def __init__(self) -> None:
        self.has_come = False
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._start(ALTOGETHER)

    def put_off(self, seconds: float) -> None:
        if seconds >= 1:
            self._timer.cancel()
            self._start(ALTOGETHER + seconds)

    def _start(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self.come)
        self._timer.daemon = True
        self._timer.start()

    def add(self, sock: socket.socket) -> None:
        """A second handle on the connection is kept, as TLS takes the first one over."""
        with self._lock:
            self._lines.append(sock.dup())
            if self.has_come:
                self._break_off()

    def come(self) -> None:
        with self._lock:
            self.has_come = True
            self._break_off()

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    def _break_off(self) -> None:
        for line in self._lines:
            with suppress(OSError):  # closed by itself meanwhile
                line.shutdown(socket.SHUT_RDWR)


class _Watch(threading.local):
    """The end of the request that this thread makes, where it has one."""

    end: _End | None = None


_watch = _Watch()


@contextmanager
def _ends_in_time() -> Iterator[_End]:
    _watch.end = end = _End()
    try:
        yield end
    finally:
        _watch.end = None
        end.close()
