"""The page behind a link for a call: the form, the echo of what was typed, and the confirmation. Works without JavaScript."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation

from engagement.models import CallbackRequest, Company, ShortLink
from engagement.services.callbacks import AlreadySent, request_callback
from engagement.services.links import note_filled
from engagement.views.callback_form import CallbackForm, describe_window
from engagement.views.visitor import visitor_page
from socialdesk.lib.address import client_address
from socialdesk.lib.clock import now
from socialdesk.lib.throttle import take

# Within ten minutes: what a person who mistypes needs, and no form bot can use.
PER_LINK = 20
PER_ADDRESS = 60
_PERIOD = 600


def show_callback(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    """GET: the form. POST with `step` check: what was typed, said back; change: the form again; send: it is stored."""
    if request.method == "POST":
        return _take_in(request, link)
    if CallbackRequest.objects.filter(link=link).exists():  # a choice may be opened again; a call is asked for once
        return visitor_page(request, "visitors/gone.html", {}, status=404)
    return _page(request, _form(link, None), is_first=True)


def _take_in(request: HttpRequest, link: ShortLink) -> HttpResponseBase:
    earlier = CallbackRequest.objects.filter(link=link).first()
    if earlier is not None and earlier.form_key == request.POST.get("form_key"):
        return _confirm(request, earlier)  # a second press, or the page loaded again
    address = client_address(request)
    if not (
        take(f"callback:{link.pk}", limit=PER_LINK, seconds=_PERIOD)
        and take(f"callback-from:{address}", limit=PER_ADDRESS, seconds=_PERIOD)
    ):
        return visitor_page(request, "visitors/busy.html", {}, status=429)
    note_filled(link)
    form = _form(link, request.POST.dict())
    what = request.POST.get("step", "check")
    if what == "change":
        return _page(request, form, shows_errors=False)
    if not form.is_valid():
        return _page(request, form, status=400)
    if what != "send":
        return _echo(request, form)
    window = form.call_window
    assert window is not None
    try:
        stored = request_callback(
            link=link,
            form_key=form.cleaned_data["form_key"] or uuid.uuid4().hex,
            typed=form.cleaned_data["number"],
            region=form.cleaned_data["region"],
            window=window,
            reason=form.cleaned_data["reason"],
            language=translation.get_language() or "en",
            consents=form.consents,
        )
    except AlreadySent:
        return visitor_page(request, "visitors/gone.html", {}, status=404)
    return _confirm(request, stored)


def _form(link: ShortLink, data: dict[str, str] | None) -> CallbackForm:
    language = translation.get_language() or "en"
    return CallbackForm(data, company=Company.current(), language=language, tongue=link.conversation.language, now=now())


def _page(
    request: HttpRequest, form: CallbackForm, *, is_first: bool = False, shows_errors: bool = True, status: int = 200
) -> HttpResponse:
    typed = form.data.get("form_key", "")
    context = {
        "form": form,
        "texts": form.texts,
        "form_key": typed if len(typed) == 32 else uuid.uuid4().hex,
        "is_first": is_first,
        "shows_errors": shows_errors and form.is_bound,
    }
    return visitor_page(request, "visitors/callback.html", context, status=status)


def _echo(request: HttpRequest, form: CallbackForm) -> HttpResponse:
    window = form.call_window
    assert window is not None
    when = describe_window(window.starts, window.ends, window.zone, now=now(), language=translation.get_language() or "en")
    context = {
        "form": form,
        "when": when,
        "consents": form.consents,
        "fields": [(name, form.data.get(name, "")) for name in form.fields if name != "website" and form.data.get(name)],
    }
    return visitor_page(request, "visitors/callback_check.html", context)


def _confirm(request: HttpRequest, sent: CallbackRequest) -> HttpResponse:
    """Says when, and nothing else of what was sent."""
    language = translation.get_language() or "en"
    when = describe_window(sent.window_from, sent.window_until, sent.zone, now=sent.created_at, language=language)
    return visitor_page(request, "visitors/callback_sent.html", {"when": when})
