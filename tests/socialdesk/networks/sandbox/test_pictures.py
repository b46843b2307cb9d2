"""Pictures in the sandbox: sent with a reply, told to readers, shown at their addresses, gone with their post; and the thread above."""

from __future__ import annotations

import pytest

from socialdesk.networks.base import NetworkError, Picture
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.context import SandboxContext
from socialdesk.networks.sandbox.pictures import picture_at
from socialdesk.networks.sandbox.publisher import CAPABILITIES, SandboxPublisher
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.world import World

WHEEL = Picture(b"\x89PNG wheel", "image/png", "A wheel")
CHAIN = Picture(b"\x89PNG chain", "image/png", "A chain")


def test_pictures_stand_with_the_reply_that_they_were_sent_with(world: World) -> None:
    client = Client(world, "tidewheel")
    asked = world.publish("ana", "which part?")
    sent = SandboxPublisher(client).reply(in_reply_to=asked.id, text="These:", token="t", pictures=[WHEEL, CHAIN])
    (echo,) = [post for post in SandboxReader(client).fetch("").posts if post.external_id == sent.external_id]
    assert [medium.alt for medium in echo.media] == ["A wheel", "A chain"]
    assert [picture_at(world, medium.url) for medium in echo.media] == [WHEEL.content, CHAIN.content]
    world.delete(sent.external_id)
    assert [picture_at(world, medium.url) for medium in echo.media] == [None, None]


def test_a_post_of_the_play_has_a_picture_of_its_own(world: World) -> None:
    one, other = (world.publish("ana", "look", media=True) for _ in range(2))
    drawn = [picture_at(world, f"{post.url}/0.png") for post in (one, other, one)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert drawn[0] is not None
    assert drawn[0].startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    "url", ["https://sandbox.example/@ana/1/0.png", "https://other.example/@ana/1/0.png", "", "https://sandbox.example/"]
)
def test_nothing_stands_at_other_addresses(world: World, url: str) -> None:
    assert picture_at(world, url) is None


@pytest.mark.parametrize(
    "pictures",
    [[WHEEL] * 5, [Picture(b"", "image/png", "x")], [Picture(b"x", "image/svg+xml", "x")], [Picture(b"x" * 1_000_001, "image/png", "x")]],
)
def test_a_picture_that_is_not_taken_costs_the_whole_reply(world: World, pictures: list[Picture]) -> None:
    asked = world.publish("ana", "which part?")
    with pytest.raises(NetworkError) as refused:
        SandboxPublisher(Client(world, "tidewheel")).reply(in_reply_to=asked.id, text="These:", token="t", pictures=pictures)
    assert refused.value.permanent
    assert world.replies_to(asked.id) == []
    assert CAPABILITIES.max_pictures == 4


def test_the_thread_above_runs_from_its_beginning_down(world: World) -> None:
    first = world.publish("ana", "my bike broke")
    second = world.reply_as("ben", first.id, "mine too")
    third = world.reply_as("cy", second.id, "@tidewheel all of ours")
    above = SandboxContext(Client(world, "tidewheel")).above(third.id)
    assert [(post.external_id, post.author.username) for post in above] == [(first.id, "ana"), (second.id, "ben")]
    assert SandboxContext(Client(world, "tidewheel")).above(first.id) == ()
    with pytest.raises(NetworkError):
        SandboxContext(Client(world, "tidewheel")).above("1")
