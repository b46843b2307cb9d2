"""The company's own accounts: authors of what they write, and nobody among the people."""

from __future__ import annotations

import pytest
from django.test import Client

from listening.models import Mention
from profiles.models import Handle, MatchSuggestion, Profile
from profiles.services.handles import keep_as_ours
from profiles.services.matching import match_people
from profiles.services.people_list import read_lines
from socialdesk.lib.clock import now
from tests.factories import make_account, make_agent, make_author, make_mention, make_post, push

pytestmark = pytest.mark.django_db
OURS = make_author("tidewheel", external_id="us")


def names() -> list[str]:
    return [line.person.name for line in read_lines(list(Profile.objects.people().order_by("pk")))]


def test_what_we_write_has_an_author_who_is_no_person(client: Client) -> None:
    make_account(external_id="us")
    keep_as_ours(network="sandbox", author=OURS, now=now())
    push(make_post("@tidewheel late"), make_post("We are sorry.", author=OURS))
    assert Mention.objects.get(is_own=True).author == Handle.objects.get(external_id="us")
    assert names() == ["Mara_K"]
    client.force_login(make_agent(), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/people/").text
    assert "Mara_K" in page
    assert "Tidewheel" not in page.split("<main", 1)[1]
    assert [entry["name"] for entry in client.get("/api/profiles/").json()["results"]] == ["Mara_K"]


def test_an_account_that_wrote_before_it_was_connected_leaves_the_people() -> None:
    push(make_post("hello", author=OURS))
    assert names() == ["Tidewheel"]
    for _ in range(2):
        keep_as_ours(network="sandbox", author=OURS, now=now())
    assert names() == []
    assert Handle.objects.count() == 1


def test_nobody_is_proposed_to_be_us() -> None:
    keep_as_ours(network="sandbox", author=OURS, now=now())
    twin = make_mention("x", author=make_author("tidewheel", external_id="fan"), network="mastodon").author.profile
    match_people([twin.pk, Handle.objects.get(external_id="us").profile_id])
    assert not MatchSuggestion.objects.exists()
