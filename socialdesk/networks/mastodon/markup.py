"""The text of a post out of its HTML: paragraphs apart by an empty line, links in full, people with the name of their server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from socialdesk.lib.html import Tag, pieces

MOST = 400_000  # characters of HTML that are read; no server lets a post be as long
_BLOCKS = {"p", "div", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "hr"}
_LINES = {"br", "li", "tr"}
_SILENT = {"script", "style", "template", "head", "title"}
_EMPTY = {"br", "hr", "img", "input", "meta", "link", "wbr"}  # have no end


def plain(html: str, people: Mapping[str, str] | None = None, *, host: str = "") -> str:
    """`people` maps the addresses of accounts to their names (user@server); `host` is that of links which name no server."""
    reader = _Reader(people or {}, host)
    reader.read(html[:MOST])
    return reader.text()


class _Reader:
    def __init__(self, people: Mapping[str, str], host: str) -> None:
        self._people = people
        self._host = host
        self._out: list[str] = []
        self._silent = 0
        self._link: _Link | None = None

    def read(self, html: str) -> None:
        for piece in pieces(html):
            if isinstance(piece, str):
                self._say(piece)
            elif piece.is_end:
                self._end(piece.name)
            else:
                self._begin(piece)

    def _begin(self, piece: Tag) -> None:
        tag, given = piece.name, piece.attributes
        classes = given.get("class", "").split()
        if self._silent or tag in _SILENT or "quote-inline" in classes:  # the last is for readers that know no quotes
            # Only what has an end is counted, or nothing would be heard after it.
            self._silent += tag not in _EMPTY
        elif tag == "a":
            self._close_link()
            self._link = _Link(given.get("href", ""), classes)
        elif tag in _BLOCKS:
            self._break("\n\n")
        elif tag in _LINES:
            self._break("\n")
        elif tag == "img":  # a server's own emoji, as other software writes them
            self._say(given.get("alt", ""))

    def _end(self, tag: str) -> None:
        if self._silent:
            self._silent -= tag not in _EMPTY
        elif tag == "a":
            self._close_link()
        elif tag in _BLOCKS:
            self._break("\n\n")

    def text(self) -> str:
        self._close_link()
        lines = [line.strip() for line in "".join(self._out).split("\n")]
        kept: list[str] = []
        for line in lines:
            if line or (kept and kept[-1]):
                kept.append(line)
        return "\n".join(kept).strip()

    def _say(self, text: str) -> None:
        if self._silent:
            return
        (self._out if self._link is None else self._link.words).append(text)

    def _break(self, mark: str) -> None:
        if self._link is not None:
            self._link.words.append(" ")
        elif mark == "\n" or not "".join(self._out[-2:]).endswith("\n\n"):
            self._out.append(mark)

    def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._out.append(link.text(self._people, self._host))


class _Link:
    def __init__(self, href: str, classes: list[str]) -> None:
        self.href = href
        self.classes = classes
        self.words: list[str] = []

    def text(self, people: Mapping[str, str], host: str) -> str:
        words = "".join(self.words).strip()
        if words.startswith("#"):
            return words
        if self.href in people:
            return f"@{people[self.href]}"
        if words.startswith("@") and "mention" in self.classes:
            return words if "@" in words[1:] else f"{words}@{_host_of(self.href) or host}"
        if not self.href.startswith(("https://", "http://")):
            return words
        bare = "".join(words.split()).rstrip("…")
        if not bare or bare in self.href:
            return self.href
        return f"{words} ({self.href})"


def _host_of(href: str) -> str:
    try:
        return urlsplit(href).hostname or ""
    except ValueError:
        return ""
