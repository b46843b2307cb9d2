"""What all pages for customers share: their language, and that nobody keeps, indexes or passes on what they show."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt

from engagement.models import Company, ShortLink

LANGUAGES = {"en": "English", "es": "Español", "fr": "Français", "de": "Deutsch", "ar": "العربية"}

View = Callable[..., HttpResponseBase]


def visitor_view(view: View) -> View:
    """A page without sign-in and without cookies: what lets its visitor in stands in the address.

    So there is no cookie that another site could abuse, and no CSRF token either. The address must not leak: no referrer, no index.
    """

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(choose_language(request)):
            if "\0" in request.path:
                return HttpResponse(status=400)
            request.GET = _without_nul(request.GET)  # type: ignore[assignment]  # in the stubs they cannot be changed
            request.POST = _without_nul(request.POST)  # type: ignore[assignment]
            response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Robots-Tag"] = "noindex, nofollow"
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
            return response

    return wrapped


def _without_nul(sent: QueryDict) -> QueryDict:
    """No person types this character, and PostgreSQL keeps none."""
    kept = QueryDict(mutable=True)
    for name, values in sent.lists():
        kept.setlist(name, [value.replace("\0", "") for value in values])
    return kept


def choose_language(request: HttpRequest, link: ShortLink | None = None) -> str:
    """What the visitor asked for in the address, else what the conversation is in, else what their browser prefers, else English."""
    asked = request.GET.get("lang", "")
    if asked in LANGUAGES:
        return asked
    of_link = link.language.partition("-")[0] if link is not None else ""
    if of_link in LANGUAGES:
        return of_link
    for part in request.headers.get("Accept-Language", "")[:200].split(","):
        preferred = part.partition(";")[0].strip().partition("-")[0].lower()
        if preferred in LANGUAGES:
            return preferred
    return "en"


def visitor_page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page below `visitors/`, in the language that is active."""
    language = translation.get_language() or "en"
    shared = {
        "language": language,
        "direction": "rtl" if translation.get_language_bidi() else "ltr",
        "languages": LANGUAGES.items(),
        "company": Company.current(),
    }
    response = render(request, template, {**shared, **context}, status=status)
    response.headers["Content-Language"] = language
    return response
