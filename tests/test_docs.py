"""The README tells the truth: every setting, command and target that it names exists, and every one that exists is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from socialdesk import env
from socialdesk.access import ACCESS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMANDS = {name for name, app in get_commands().items() if app == "socialdesk"}
TABLE_ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


@pytest.fixture(scope="module")
def settings_known() -> set[str]:
    import socialdesk.management.commands.desk  # noqa: F401  reads its own settings when it is loaded

    return set(env.SETTINGS)


def test_every_setting_is_described(settings_known):
    assert sorted(settings_known - set(TABLE_ROW.findall(README))) == []


def test_every_setting_that_is_described_exists(settings_known):
    assert sorted(set(TABLE_ROW.findall(README)) - settings_known) == []


def test_every_make_target_is_named_and_exists():
    named = set(re.findall(r"make ([a-z]+)", README))
    assert named == TARGETS


def test_every_command_is_named_and_exists():
    named = set(re.findall(r"manage\.py ([a-z_]+)", README)) - {"migrate", "collectstatic"}
    assert named == COMMANDS


def test_every_file_and_folder_that_is_named_exists():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"^(?:│   |    )?[├└]── ([\w./]+)", README, re.MULTILINE):
        assert (ROOT / path).exists() or list(ROOT.glob(f"*/{path}")), path


def test_every_address_that_is_named_answers():
    from django.urls import Resolver404, resolve

    for address in re.findall(r"`(?:GET |POST )?(/(?:api|healthz|readyz|metrics)[a-z/_]*)`", README):
        try:
            assert resolve(address).url_name in ACCESS
        except Resolver404:
            pytest.fail(f"{address} is named and does not exist")


def test_the_pages_of_networks_say_what_the_connectors_say():
    from socialdesk.network_pages import write_pages
    from socialdesk.networks.registry import NETWORKS

    written = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    assert written == write_pages(NETWORKS.values()), "the connectors say something else by now: run `make networks`"
    assert "(docs/networks.md)" in README


def test_nothing_tells_of_the_place_where_it_was_made():
    folders = ("socialdesk", "profiles", "listening", "engagement", "fixtures", "tests", "docs", ".ci")
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in files:
        assert str(ROOT) not in path.read_text(encoding="utf-8", errors="ignore"), path
