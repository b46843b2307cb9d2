"""Settings read from the environment: typed, listed, and loud on nonsense."""

from __future__ import annotations

import os
from dataclasses import dataclass


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


def words(name: str, default: str, meaning: str) -> list[str]:
    return [part.strip() for part in text(name, default, meaning).split(",") if part.strip()]
