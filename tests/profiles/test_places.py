"""The place in the bar at the top that a page belongs to: that of the link by which people come to it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from profiles.models import Role
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("path", "place"), [("/people/", "/people/"), ("/duplicates/", "/people/"), ("/deep-links/", "/fields/")])
def test_one_place_is_marked(path: str, place: str) -> None:
    client = Client()
    client.force_login(make_agent(Role.ADMIN))
    bar = client.get(path).content.decode().partition('<header class="header">')[2].partition("</header>")[0]
    assert [re.search(r'href="([^"]*)"', link)[1] for link in re.findall(r"<a [^>]*aria-current[^>]*>", bar)] == [place]  # type: ignore[index]
