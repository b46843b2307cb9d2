"""How the desk's pages answer what was pressed: to a page that is open, and to a browser without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from socialdesk.lib.errors import DeskError

View = Callable[..., HttpResponseBase]


def is_fragment(request: HttpRequest) -> bool:
    """The open page asks, by htmx or by our own modules, and wants a part of itself."""
    return request.headers.get("HX-Request") == "true"


def desk_view(view: View) -> View:
    """A refusal becomes words; the same address answers whole or in part, so caches must know.

    Who may come here: socialdesk/access.py. What else breaks, a database that is away too, is answered by socialdesk/faults.py.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except DeskError as error:
            response = refuse(request, error)
        patch_vary_headers(response, ["HX-Request"])
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return wrapped


def refuse(request: HttpRequest, error: DeskError) -> HttpResponseBase:
    """The refusal as JSON for an open page; else on the page that the person came from, or on one of its own."""
    if is_fragment(request):
        return JsonResponse({"code": error.code, "detail": error.message, **error.extra}, status=error.status)
    if request.method == "POST":
        messages.error(request, error.message)
        return redirect(_way_back(request))
    return render(request, "refused.html", {"error": error}, status=error.status)


def done(request: HttpRequest, words: str, **facts: Any) -> HttpResponseBase:
    """Something was done: the open page hears a `desk:done` event with `facts`, a browser without JavaScript sees `words`."""
    if is_fragment(request):
        response = HttpResponse(status=204)
        response["HX-Trigger"] = json.dumps({"desk:done": {"words": words, **facts}})
        return response
    messages.success(request, words)
    return redirect(_way_back(request))


def _way_back(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("stream")
