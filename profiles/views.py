"""Signing in and out, and the customer's card as a fragment."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from profiles.models import Profile
from profiles.services.card import read_card


class SignIn(LoginView):
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """POST only, as Django has it: a link that signs people out could be put into a picture."""


@require_GET
def profile_card(request: HttpRequest, pk: int) -> HttpResponseBase:
    return render(request, "profiles/_card.html", {"card": read_card(get_object_or_404(Profile, pk=pk))})
