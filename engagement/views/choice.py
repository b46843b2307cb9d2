"""The page of a choice: call me, chat now, or stay here (brief D10). The customer decides, and the desk follows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from engagement.models import ShortLink
from engagement.services.links import choose_to_stay, offers_of
from engagement.views.visitor import visitor_page


def show_choice(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    """The offers; and, at the step `stay`, what was chosen. The other steps have pages of their own."""
    offers = offers_of(link)
    if step == "stay" and request.method == "POST":
        choose_to_stay(link)
    if step == "stay" and link.target.get("chosen") == "stay":
        return visitor_page(request, "visitors/stay.html", {"link": link})
    return visitor_page(request, "visitors/choice.html", {"link": link, "offers": offers})
