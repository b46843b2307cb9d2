"""A small Markdown for articles: headings, paragraphs, lists, quotes, code, emphasis and links; no pictures, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import unescape
from itertools import pairwise

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

_RULES = [
    "heading",
    "list",
    "blockquote",
    "code",
    "fence",
    "hr",
    "emphasis",
    "link",
    "backticks",
    "escape",
    "newline",
    "autolink",
    "entity",
]
_TAGS = {"h2", "h3", "h4", "p", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "em", "strong", "a", "br"}
_SCHEMES = {"https", "http", "mailto", "tel"}
_parser = MarkdownIt("zero", {"html": False, "linkify": False}).enable(_RULES)


def render_markdown(text: str) -> SafeString:
    """The text as HTML that is safe to show. Its headings begin with h2, below the title, and leave no level out."""
    tokens = _parser.parse(text)
    _set_levels([token for token in tokens if token.type in ("heading_open", "heading_close")])
    html = _parser.renderer.render(tokens, _parser.options, {})
    # The parser makes no HTML of the text's own; cleaning it again makes that a rule and not a hope.
    safe = nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES, link_rel="noopener noreferrer nofollow")
    return mark_safe(safe)  # noqa: S308  cleaned in the line above


def _set_levels(headings: Sequence[Token]) -> None:
    used = sorted({heading.tag for heading in headings})
    level = 1
    for heading in headings:
        level = min(used.index(heading.tag) + 2, level + 1, 4) if heading.nesting == 1 else level
        heading.tag = f"h{level}"


def plain_start(text: str, most: int = 160) -> str:
    """The first words of the text without its marks and headings, for a list."""
    tokens = _parser.parse(text)
    spoken = [token.children or [] for before, token in pairwise(tokens) if before.type == "paragraph_open"]
    html = " ".join(_parser.renderer.render(children, _parser.options, {}) for children in spoken)
    words = " ".join(unescape(nh3.clean(html, tags=set())).split())
    if len(words) <= most:
        return words
    return words[:most].rsplit(" ", 1)[0].rstrip(",.;: ") + "…"
