"""How an account stands on its page."""

from __future__ import annotations

import re

import pytest

from profiles.models import Role
from tests.engagement.desk import Desk
from tests.listening.pages import sign_in

pytestmark = pytest.mark.django_db


def test_what_a_fact_is_called_stays_with_what_it_says_however_narrow_the_window() -> None:
    Desk()
    page = sign_in(Role.ADMIN).get("/accounts/").content.decode()
    (facts,) = re.findall(r'<dl class="facts">(.*?)</dl>', page, re.DOTALL)
    tags = re.findall(r"</?(?:div|dt|dd)", facts)
    assert "Checked" in facts
    assert "Read by the desk" in facts
    assert tags == ["<div", "<dt", "</dt", "<dd", "</dd", "</div"] * (len(tags) // 6)
