"""Template tags for the browser's files: the import map that names the JavaScript modules, and the colours, inlined."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.template import Context, Library
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = Library()
STATIC = Path(__file__).resolve().parent.parent / "static" / "socialdesk"


@lru_cache(maxsize=1)
def _imports() -> str:
    names = {f"desk/{path.stem}": static(f"socialdesk/js/{path.name}") for path in sorted((STATIC / "js").glob("*.js"))}
    return json.dumps({"imports": names}, separators=(",", ":"))


@lru_cache(maxsize=1)
def _tokens() -> str:
    return (STATIC / "css" / "tokens.css").read_text()


@register.simple_tag(takes_context=True)
def import_map(context: Context) -> SafeString:
    """Names every module in static/socialdesk/js `desk/<file>`, at its hashed address, so that modules can import each other."""
    if settings.DEBUG:
        _imports.cache_clear()
    # The file names are ours: nothing in them can close the script element.
    return format_html('<script type="importmap" nonce="{}">{}</script>', context.get("CSP_NONCE", ""), mark_safe(_imports()))  # noqa: S308


@register.simple_tag(takes_context=True)
def tokens(context: Context) -> SafeString:
    """tokens.css in the page itself: it is small, every page needs it before it can be painted, and a request costs more."""
    if settings.DEBUG:
        _tokens.cache_clear()
    return format_html('<style nonce="{}">{}</style>', context.get("CSP_NONCE", ""), mark_safe(_tokens()))  # noqa: S308


@register.simple_tag
def static_if_known(path: str) -> str:
    """The address of a static file, or a guess at it where the list of files is what is broken: for pages that say so."""
    try:
        return static(path)
    except ValueError:
        return f"{settings.STATIC_URL}{path}"
