"""Who is signed in, to a page or to the API."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from profiles.models import Agent


def agent_of(request: HttpRequest | Request) -> Agent:
    """Who asks. The access table let nobody else this far."""
    assert isinstance(request.user, Agent)
    return request.user
