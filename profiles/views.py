"""Signing in and out, and the customer's card as a fragment."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from profiles.services.card import read_card
from profiles.services.people import find_person
from profiles.signed_in import agent_of
from socialdesk.lib.errors import NotFound


class SignIn(LoginView):
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """POST only, as Django has it: a link that signs people out could be put into a picture."""


@require_GET
def profile_card(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        person = find_person(pk)
    except NotFound as error:
        raise Http404(error.message) from None
    return render(request, "profiles/_card.html", {"card": read_card(person, agent=agent_of(request))})
