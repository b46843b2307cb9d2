"""What a network has counted of what is paid for: asked seldom, and said without secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from profiles.models import Role
from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Network, NetworkError
from tests.factories import make_account
from tests.listening.pages import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[AccountConfig], str]], str]:
    def count(usage: Callable[[AccountConfig], str]) -> str:
        monkeypatch.setitem(registry.NETWORKS, "practice", Network("practice", "Practice", usage=usage))
        account = make_account("practice", credentials={"token": "topsecret-1"})
        return f"/accounts/{account.pk}/usage/"

    return count


def test_it_is_shown_with_the_account_and_asked_once_in_a_while(counted: Callable[[Callable[[AccountConfig], str]], str]) -> None:
    asked: list[str] = []

    def usage(config: AccountConfig) -> str:
        asked.append(config.credentials["token"])
        return "120 of 15,000 posts read"

    path = counted(usage)
    client = sign_in(Role.MANAGER)
    assert f'hx-get="{path}"' in client.get("/accounts/").text
    for _ in range(3):
        assert "120 of 15,000 posts read" in client.get(path).text
    assert asked == ["topsecret-1"]


def test_a_network_that_does_not_say_is_quoted_without_the_token(counted: Callable[[Callable[[AccountConfig], str]], str]) -> None:
    def usage(config: AccountConfig) -> str:
        raise NetworkError("topsecret-1 may not ask", permanent=True)

    page = sign_in(Role.MANAGER).get(counted(usage)).text
    assert "The network did not say" in page
    assert "topsecret" not in page


def test_agents_do_not_see_it(counted: Callable[[Callable[[AccountConfig], str]], str]) -> None:
    assert sign_in(Role.AGENT).get(counted(lambda config: "120")).status_code == 403
