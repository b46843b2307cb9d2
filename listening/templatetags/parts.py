"""Template filters for what posts are made of: their parts, and links in texts that strangers wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from listening.models import Mention
from listening.services.parts import NOTHING, Parts, read_parts, warned

register = Library()
_LINK = re.compile(r"https?://[^\s<>\"'“”«»\x00-\x20]+", re.IGNORECASE)
_AFTER = ".,;:!?…)]}*_"  # what stands behind a link belongs to the sentence
LONGEST = 2000


@register.filter
def parts(mention: Mention | None) -> Parts:
    """What the post carries beside its text."""
    return read_parts(mention.media, mention_id=mention.pk) if mention is not None and mention.media else NOTHING


@register.filter
def veiled(mention: Mention) -> str:
    """The text where there is no room to open it: of a post that its author warns of, the warning."""
    warning = read_parts(mention.media).warning if mention.media else ""
    return warned(warning) if warning else mention.text


@register.filter
def linked(text: Any) -> SafeString:
    """The text, escaped, with its web addresses as links that tell the other side nothing of us."""
    return format_html_join("", "{}", ((piece,) for piece in _pieces(str(text))))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for found in _LINK.finditer(text):
        url = _without_tail(found.group())
        if len(url) > LONGEST or len(url) <= len("https://"):
            continue
        yield text[at : found.start()]
        yield format_html('<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>', url, url)
        at = found.start() + len(url)
    yield text[at:]


def _without_tail(url: str) -> str:
    while url and url[-1] in _AFTER:
        if url[-1] == ")" and url.count("(") >= url.count(")"):
            break  # as in /wiki/Gear_(bicycle)
        url = url[:-1]
    return url
