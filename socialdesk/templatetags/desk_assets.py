"""Template tags for the browser's files: the import map that gives each JavaScript module its name."""

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
MODULES = Path(__file__).resolve().parent.parent / "static" / "socialdesk" / "js"


@lru_cache(maxsize=1)
def _imports() -> str:
    names = {f"desk/{path.stem}": static(f"socialdesk/js/{path.name}") for path in sorted(MODULES.glob("*.js"))}
    return json.dumps({"imports": names}, separators=(",", ":"))


@register.simple_tag(takes_context=True)
def import_map(context: Context) -> SafeString:
    """Names every module in static/socialdesk/js `desk/<file>`, at its hashed address, so that modules can import each other."""
    if settings.DEBUG:
        _imports.cache_clear()
    # The file names are ours: nothing in them can close the script element.
    return format_html('<script type="importmap" nonce="{}">{}</script>', context.get("CSP_NONCE", ""), mark_safe(_imports()))  # noqa: S308
