"""Settings read from the environment: typed, listed, and loud on nonsense."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared, not bound


class BadSetting(Exception):
    """A setting has a value that cannot be used. The message says which, and what was expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    meaning: str


SETTINGS: dict[str, Setting] = {}  # every setting that was asked for; the README is tested against it


def text(name: str, default: str, meaning: str) -> str:
    SETTINGS[name] = Setting(name, default, meaning)
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool, meaning: str) -> bool:
    value = text(name, "1" if default else "0", meaning).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name}={value!r} is neither yes nor no: use 1 or 0")


def number(name: str, default: float, meaning: str, *, least: float = 0) -> float:
    value = text(name, f"{default:g}", meaning)
    try:
        result = float(value)
    except ValueError:
        raise BadSetting(f"{name}={value!r} is not a number") from None
    if not least <= result < float("inf"):
        raise BadSetting(f"{name}={value!r} must be at least {least:g}")
    return result


def address(name: str, default: str, meaning: str) -> str:
    """A web address without a slash at its end. Raises BadSetting for one that others cannot open."""
    value = text(name, default, meaning).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.hostname in EVERYWHERE:
        raise BadSetting(f"{name}={value!r} is no address that a customer could open: write it as https://desk.example.com")
    return value


def reached_at(host: str, port: str, names: list[str], *, https: bool) -> str:
    """Where the desk is reached if nobody says so: under the first name of its own, else where it listens."""
    own = [name for name in names if name not in LOCAL and not name.startswith((".", "*"))]
    if own:
        return f"https://{own[0]}" if https else f"http://{own[0]}:{port}"
    shown = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def words(name: str, default: str, meaning: str) -> list[str]:
    return [part.strip() for part in text(name, default, meaning).split(",") if part.strip()]
