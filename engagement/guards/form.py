"""What is wrong with a draft's form: its length, its links, variables that nobody filled in, a wrong account."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from engagement.guards.base import Place
from engagement.guards.reading import Reading, find_all, find_links
from engagement.guards.vocabulary import source

_BROKEN_SCHEME = re.compile(r"(?<![\w/])(?:h{1,3}t{1,4}p{0,2}s{0,2}[:;]{0,2}/{1,3}|https?[:;](?=\w|/)/{0,3}|https?//)[^\s<>\"]{1,500}")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "private")
_SHORT_LINK = re.compile(r"/s/[\w-]{1,60}/?\Z")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)\Z")
_VARIABLES = (
    re.compile(r"\$?\{\{?%? ?[^\W\d][\w.|: -]{0,60}? ?%?\}?\}"),
    re.compile(r"(?<![\d%])(?<!\d )%(?:\([a-z_]{1,40}\))?[sd](?!\w)"),
    re.compile(rf"[\[<] ?(?:(?:{source('placeholder_before')}) )?[\w ]{{0,20}}?(?:{source('placeholders')})s? ?[\]>]"),
    re.compile(rf"(?<!\w)(?:{source('greetings')}) (?:null|undefined|none|nan)(?![\w-])"),
)
_HANDLE = re.compile(r"(?<![\w.@/+-])@\w[\w.-]{0,100}(?:@[\w.-]{1,100})?")
# Up to two words, as in “Hello there @name”, and the handles after them.
_ADDRESSED = re.compile(r"\W*?(?:\w{1,15}[ ,]{1,2}){0,2}(?:@[\w.@-]{2,200}[ ,:]{0,3}){1,20}")


def find_broken_links(reading: Reading, place: Place) -> list[tuple[int, int]]:
    """Links that lead nowhere for a customer. Nothing is fetched."""
    links = find_links(reading)
    broken = [span for span in links if not _leads_somewhere(reading.text[slice(*span)], place)]
    return broken + find_all(_BROKEN_SCHEME, reading.hide(links))


def _leads_somewhere(link: str, place: Place) -> bool:
    if link.startswith("www."):
        link = f"http://{link}"
    try:
        parts = urlsplit(link)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or port == 0 or "@" in parts.netloc:
        return False
    if host in place.hosts and _SHORT_LINK.match(parts.path):
        return True
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    labels = host.rstrip(".").split(".")
    if len(labels) < (3 if labels[0] == "www" else 2) or not all(_LABEL.match(label) for label in labels) or len(host) > 253:
        return False
    return labels[-1] not in _PRIVATE_NAMES and not labels[-1].isdigit() and "://" not in link[8:].split("?")[0]


def find_variables(reading: Reading) -> list[tuple[int, int]]:
    return [match.span() for pattern in _VARIABLES for match in pattern.finditer(reading.text)]


def find_wrong_accounts(reading: Reading, place: Place) -> list[tuple[int, int, bool]]:
    """Handles that should not stand here; the third says whether the draft is addressed to them instead of to who is answered.

    Only where it is known who is answered. Other people may be mentioned further on; our other accounts are told of everywhere.
    """
    if not place.answered:
        return []
    right = {place.answered.casefold(), place.speaking.casefold()}
    others = {name.casefold() for name in place.others} - right
    handles = [(match, match.group()[1:].rstrip(".-")) for match in _HANDLE.finditer(reading.text)]
    beginning = _ADDRESSED.match(reading.text)
    addressed = {name for match, name in handles if beginning and match.start() < beginning.end()}
    is_wrong = bool(addressed) and not any(_names(name) & right for name in addressed)
    found = []
    for match, name in handles:
        at_beginning = is_wrong and name in addressed and beginning is not None and match.start() < beginning.end()
        if at_beginning or _names(name) & others:
            found.append((match.start(), match.start() + 1 + len(name), at_beginning))
    return found


def _names(handle: str) -> set[str]:
    """A handle of another server goes by its name alone too."""
    return {handle, handle.partition("@")[0]}
