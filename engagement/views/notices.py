"""What comes back from e-mails and text messages, and the list of those that the desk began."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagement.models import Notice
from engagement.services.notices import decide_notice, read_notices
from engagement.services.stop import find_mail, receive_sms, stop_mail
from engagement.sms.base import BadSignature
from engagement.sms.choose import sms_sender
from engagement.views.visitor import LANGUAGES, visitor_page, visitor_view
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, done

_DECIDED = {"sent": "Noted: it arrived.", "send_again": "It is sent again.", "give_up": "Given up."}


@require_http_methods(["GET", "HEAD", "POST"])
@visitor_view
def unsubscribe(request: HttpRequest, token: str) -> HttpResponseBase:
    """The link at the end of an e-mail. Opening it changes nothing: programs open every link. Mail programs press it by themselves."""
    notice = find_mail(token)
    if notice is None:
        return visitor_page(request, "visitors/gone.html", {}, status=404)
    if request.method == "POST":
        stop_mail(notice)
    asked = request.GET.get("lang", "")
    with translation.override(asked if asked in LANGUAGES else notice.language.partition("-")[0]):
        return visitor_page(request, "visitors/unsubscribe.html", {"is_done": request.method == "POST"})


@csrf_exempt  # its signature is what lets it in
@require_POST
def sms_hook(request: HttpRequest) -> HttpResponseBase:
    """The carrier tells of a text message that came in. The answer sends nothing back."""
    url = settings.PUBLIC_URL + request.get_full_path()
    try:
        incoming = sms_sender().read_incoming(url=url, form=request.POST, signature=request.headers.get("X-Twilio-Signature", ""))
    except BadSignature:
        return HttpResponseForbidden("This is not signed by the carrier.")
    if incoming is not None:
        receive_sms(incoming)
    return HttpResponse("<Response></Response>", content_type="text/xml")


@require_safe
@desk_view
def notices(request: HttpRequest) -> HttpResponseBase:
    """E-mails and text messages, newest first, a page at a time by key; `?show=trouble` those that did not simply go out."""
    troubled = request.GET.get("show") == "trouble"
    page, following = read_notices(after=request.GET.get("after", ""), troubled=troubled)
    context = {
        "notices": page,
        "next": following,
        "troubled": troubled,
        "is_first": "after" not in request.GET,
        "unconfirmed": Notice.State.UNCONFIRMED,
        "may_answer": agent_of(request).may_answer,
    }
    return render(request, "engagement/notices.html", context)


@require_POST
@desk_view
def notice_decide(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What became of a notice of which nobody knows, said by somebody who found out."""
    decision = request.POST.get("decision", "")
    decide_notice(notice_id=pk, agent=agent_of(request), decision=decision)
    return done(request, _DECIDED[decision], did="decided")
