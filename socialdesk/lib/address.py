"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The visitor's network address, for throttles only: of IPv6 the /64 that one household holds.

    Behind `TRUSTED_PROXIES` proxies of our own, the address that the outermost of them saw; anybody can write the rest of the header.
    """
    return _believed(request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", ""))


def socket_address(scope: dict[str, Any]) -> str:
    """The same for a websocket's ASGI scope."""
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    return _believed((scope.get("client") or ("",))[0], forwarded)


def _believed(given: str, forwarded: str) -> str:
    if settings.TRUSTED_PROXIES:
        seen = [part.strip() for part in forwarded.split(",") if part.strip()]
        given = seen[-settings.TRUSTED_PROXIES] if len(seen) >= settings.TRUSTED_PROXIES else given
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return "unknown"
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def is_link_host(request: HttpRequest) -> bool:
    """Whether the request came to a domain that short links have for themselves."""
    own = urlsplit(settings.LINK_URL).netloc
    return own != urlsplit(settings.PUBLIC_URL).netloc and request.get_host() == own
