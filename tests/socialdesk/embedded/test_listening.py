"""The desk as one process listens to a network that pushes: from its start, through being killed, to a stop with an open connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.socialdesk.embedded.conftest import Desk, wait_for
from tests.socialdesk.networks.mastodon.simulator import Simulator

pytestmark = [pytest.mark.embedded, pytest.mark.slow, pytest.mark.timeout(400)]
StartDesk = Callable[..., Desk]

# Read once an hour: what comes sooner was pushed, or read at once after a connect.
CONNECT = """
from django.utils.timezone import now
from listening.models import NetworkAccount, Source
from profiles.models import Agent
Agent.objects.create_user("boss", role="admin")
account = NetworkAccount.objects.create(
    network="mastodon", username="tidewheel", external_id={id!r}, connected_at=now(), credentials={credentials!r}
)
for kind in ("poll", "stream"):
    Source.objects.create(account=account, network="mastodon", kind=kind, name="@tidewheel", interval=3600, next_poll_at=now())
"""


@pytest.fixture
def there() -> Iterator[Simulator]:
    simulator = Simulator()
    yield simulator
    simulator.stop()


def test_what_is_pushed_is_heard_nothing_is_missed_and_it_stops_with_the_connection_open(start_desk: StartDesk, there: Simulator) -> None:
    world = there.world
    token = there.routes.oauth.give_token("read write")
    credentials = {"server": there.base, "access_token": token, "list": "7", "domain": world.domain}
    environment = {"DEMO": "0", "SOCIALDESK_OUTBOUND_PRIVATE": "127.0.0.1"}
    desk = start_desk(**environment)
    desk.command("shell", "-c", CONNECT.format(id=world.us.id, credentials=credentials))
    session = desk.token_session("boss")

    def heard() -> list[str]:
        answer: dict[str, Any] = session.get(f"{desk.url}/api/mentions/?network=mastodon&page_size=500", timeout=30).json()
        return sorted(mention["text"].partition(" ")[2] for mention in answer["results"])

    def says(words: str) -> None:
        world.publish(world.person("mara"), f"@tidewheel {words}")

    wait_for(lambda: there.subscribed >= 2)
    said = []
    for number in range(5):
        said.append(f"live {number}")
        says(f"live {number}")
    wait_for(lambda: len(heard()) >= 5)

    desk.kill()
    for number in range(3):
        said.append(f"while nobody listened {number}")
        says(f"while nobody listened {number}")
    there.subscribed = 0
    desk = start_desk(**environment)
    wait_for(lambda: there.subscribed >= 2)
    said.append("again")
    says("again")
    wait_for(lambda: len(heard()) >= len(said), 60)
    assert heard() == sorted(said)

    assert desk.stop() == 0
    assert "Traceback" not in desk.output
