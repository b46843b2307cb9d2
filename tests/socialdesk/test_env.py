"""Settings: where customers reach the desk, which short links and mails begin with."""

from __future__ import annotations

import pytest

from socialdesk.env import BadSetting, address, reached_at


@pytest.mark.parametrize(
    ("host", "names", "https", "expected"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1", "[::1]"], False, "http://127.0.0.1:8000"),
        ("0.0.0.0", ["localhost"], False, "http://127.0.0.1:8000"),
        ("::1", [], False, "http://[::1]:8000"),
        ("0.0.0.0", ["desk.example.com"], True, "https://desk.example.com"),
        ("0.0.0.0", [".example.com", "*", "desk.example.com"], False, "http://desk.example.com:8000"),
    ],
)
def test_an_address_that_nobody_gave_is_one_that_can_be_opened(host: str, names: list[str], https: bool, expected: str) -> None:
    assert reached_at(host, "8000", names, https=https) == expected


@pytest.mark.parametrize("given", ["http://0.0.0.0:8000", "desk.example.com", "ftp://desk.example.com", "https://", "http://[::]:8000"])
def test_an_address_that_no_customer_could_open_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SOCIALDESK_URL", given)
    with pytest.raises(BadSetting, match="SOCIALDESK_URL"):
        address("SOCIALDESK_URL", "http://127.0.0.1:8000", "")


def test_an_address_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCIALDESK_URL", "https://desk.example.com/")
    assert address("SOCIALDESK_URL", "http://127.0.0.1:8000", "") == "https://desk.example.com"
