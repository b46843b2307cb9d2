"""What is answered when a request broke: a database that is away is said as such, kindly and without asking it anything."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views.defaults import server_error

from engagement.views.visitor import choose_language
from socialdesk.access import FOR_CUSTOMERS
from socialdesk.lib.pages import is_fragment

WAIT = 15  # seconds after which it is worth to try again


def answer_fault(request: HttpRequest) -> HttpResponseBase:
    """Django's `handler500`, called while the exception is handled, wherever it came from: a view, a page's template, a middleware.

    503 with Retry-After for a database that is away: JSON as in the API for an open page and for programs, a page for everybody else.
    """
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return server_error(request)
    response = _say_away(request)
    response.status_code = 503
    response.headers["Retry-After"] = str(WAIT)
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _say_away(request: HttpRequest) -> HttpResponse:
    if is_fragment(request) or request.path.startswith("/api/"):
        words = "The database cannot be reached or cannot write. Nothing was changed; try again soon."
        return JsonResponse({"code": "unavailable", "detail": words})
    if not _is_for_customers(request):
        return HttpResponse(render_to_string("503.html"))
    with translation.override(choose_language(request)):
        language = translation.get_language() or "en"
        direction = "rtl" if translation.get_language_bidi() else "ltr"
        page = render_to_string("visitors/away.html", {"language": language, "direction": direction})
    return HttpResponse(page, headers={"Content-Language": language, "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"})


def _is_for_customers(request: HttpRequest) -> bool:
    try:
        return resolve(request.path_info).url_name in FOR_CUSTOMERS
    except Resolver404:
        return False
