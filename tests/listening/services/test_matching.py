"""The kept matcher is made anew after any change of a topic, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listening.models import Topic
from listening.query import Doc
from listening.services.matching import get_matcher
from socialdesk.lib.clock import now

pytestmark = pytest.mark.django_db


def matches(text: str) -> list[int]:
    return sorted(get_matcher().match(Doc(text=text, author="ana", language="en", network="sandbox", followers=0, has_media=False)))


def test_it_is_kept_while_no_topic_changes() -> None:
    Topic.objects.create(name="Bikes", query="bike")
    assert get_matcher() is get_matcher()


def test_it_follows_what_is_made_edited_paused_and_deleted() -> None:
    topic = Topic.objects.create(name="Bikes", query="bike")
    assert matches("my bike") == [topic.pk]
    topic.query = "boat"
    topic.save()
    assert (matches("my bike"), matches("my boat")) == ([], [topic.pk])
    topic.is_active = False
    topic.save()
    assert matches("my boat") == []
    topic.is_active = True
    topic.save()
    assert matches("my boat") == [topic.pk]
    topic.delete()
    assert matches("my boat") == []


def test_an_earlier_edit_that_is_stored_last_is_seen() -> None:
    first, second = (Topic.objects.create(name=name, query="bike") for name in ("One", "Two"))
    moment = now() + timedelta(minutes=1)
    Topic.objects.filter(pk=second.pk).update(query="boat", changed_at=moment)
    assert matches("my bike") == [first.pk]
    Topic.objects.filter(pk=first.pk).update(query="train", changed_at=moment - timedelta(seconds=1))
    assert (matches("my bike"), matches("my train")) == ([], [first.pk])
