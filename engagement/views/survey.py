"""The survey page: one question, five answers in words, room for a comment (brief A24)."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy

from engagement.models import ShortLink
from engagement.services.surveys import LONGEST_COMMENT, record_answer, was_answered_with
from engagement.views.visitor import visitor_page

SCORES = [
    (5, gettext_lazy("Very good")),
    (4, gettext_lazy("Good")),
    (3, gettext_lazy("Neither good nor bad")),
    (2, gettext_lazy("Bad")),
    (1, gettext_lazy("Very bad")),
]


def show_survey(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    if request.method != "POST":
        return _ask(request, link)
    form = request.POST
    key = form.get("form_key", "")[:64]
    if was_answered_with(link, key):  # before what is checked below: of two presses the second is told the same
        return visitor_page(request, "visitors/survey_thanks.html", {"link": link})
    score = form.get("score", "")
    if score not in {str(value) for value, _ in SCORES}:
        return _ask(request, link, error="score", comment=form.get("comment", ""), key=key)
    if len(form.get("comment", "")) > LONGEST_COMMENT:
        return _ask(request, link, error="comment", score=score, comment=form["comment"][: LONGEST_COMMENT * 2], key=key)
    if form.get("website"):  # the field that no person sees
        return visitor_page(request, "visitors/survey_thanks.html", {"link": link})
    if not record_answer(link=link, score=int(score), comment=form.get("comment", ""), form_key=key):
        return visitor_page(request, "visitors/gone.html", {}, status=404)
    return visitor_page(request, "visitors/survey_thanks.html", {"link": link})


def _ask(request: HttpRequest, link: ShortLink, *, error: str = "", score: str = "", comment: str = "", key: str = "") -> HttpResponseBase:
    context = {
        "link": link,
        "scores": [(str(value), words) for value, words in SCORES],
        "error": error,
        "score": score,
        "comment": comment,
        "form_key": key or secrets.token_urlsafe(16),
        "longest": LONGEST_COMMENT,
    }
    return visitor_page(request, "visitors/survey.html", context, status=422 if error else 200)
