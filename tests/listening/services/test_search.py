"""Words in mentions: each mention is asked for its own words, also where the question stands inside another one."""

from __future__ import annotations

import pytest
from django.db import connection

from listening.models import Mention
from listening.search import conversations_with, matching_mentions
from tests.factories import make_post, push

pytestmark = pytest.mark.django_db


def test_mentions_are_found_by_their_own_words() -> None:
    push(make_post("the lantern is dim", author="a"), make_post("the brake is gone", author="b"), make_post("lantern, brake", author="c"))
    assert sorted(matching_mentions("lantern").values_list("text", flat=True)) == ["lantern, brake", "the lantern is dim"]
    assert len(conversations_with("lantern")) == 2
    assert len(conversations_with("lantern brake")) == 1


@pytest.mark.skipif("sqlite" in connection.vendor, reason="the full-text column is PostgreSQL's alone")
def test_inside_another_question_the_words_are_asked_of_its_own_rows() -> None:
    """Asked of the outer question's row, the inner one would be run anew for each: minutes over a million mentions."""
    inner = matching_mentions("lantern").values("pk")[:10]
    sql = str(Mention.objects.filter(pk__in=inner).query)
    assert "U0.search @@" in sql
    assert '"listening_mention".search' not in sql
