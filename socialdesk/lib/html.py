"""HTML that others wrote as its texts and tags, found in a time as long as it is itself, whatever is never closed in it.

Python's own parser takes minutes over some tags that are never closed, and raises over others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

# No search goes beyond the next <, so that whatever is written takes a time as long as it is itself.
_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>|<[!?][^<>]*>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s=/"']+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']*))""")
_RAW = ("script", "style")  # until its end everything is text


@dataclass(frozen=True, slots=True)
class Tag:
    """`name` is in lower case."""

    name: str
    is_end: bool
    body: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        return {name.lower(): unescape(one or other or bare) for name, one, other, bare in _ATTRIBUTE.findall(self.body)}


def pieces(html: str) -> Iterator[str | Tag]:
    """Texts and tags in their order. Comments are left out, and what is said in scripts and styles is text."""
    html = _without_comments(html)
    at, raw = 0, ""
    for found in _TAG.finditer(html):
        yield unescape(html[at : found.start()])
        at = found.end()
        is_end, name = bool(found[1]), (found[2] or "").lower()
        if raw and not (is_end and name == raw):
            continue
        raw = name if name in _RAW and not is_end else ""
        if name:
            yield Tag(name, is_end, found[3])
    yield unescape(html[at:])


def _without_comments(html: str) -> str:
    before, *comments = html.split("<!--")
    return before + "".join(comment.partition("-->")[2] for comment in comments)
