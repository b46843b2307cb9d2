"""Imports run down: no module knows what is built on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["socialdesk.lib", "socialdesk.networks", "profiles", "listening", "engagement", "socialdesk"]  # from the ground up
TOP = LAYERS.index("socialdesk")
# Inside an app: who stands on whom. Modules of one floor do not know each other.
FLOORS = {
    **dict.fromkeys(("models", "apps", "query", "sentiment", "guards"), 0),
    **dict.fromkeys(("timeline", "search", "feed", "trends"), 1),
    "services": 2,
    **dict.fromkeys(("tasks", "views", "api", "consumers", "page_views", "outbox_views"), 4),
}
DOORS = {name for name, floor in FLOORS.items() if floor == 4}
# Settings are read from there, and an environment is not an app.
EVERYBODYS = ("socialdesk.lib",)


def modules() -> list[Path]:
    return [path for app in ("socialdesk", "profiles", "listening", "engagement") for path in sorted((ROOT / app).rglob("*.py"))]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            assert node.module is not None
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def layer_of(module: str) -> int | None:
    """The most precise layer that a module belongs to; None for other people's packages."""
    best: tuple[int, int] | None = None
    for height, layer in enumerate(LAYERS):
        if (module == layer or module.startswith(layer + ".")) and (best is None or len(layer) > best[1]):
            best = (height, len(layer))
    return best[0] if best else None


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_down(path):
    here = layer_of(name_of(path))
    assert here is not None
    for imported in imports_of(path):
        there = layer_of(imported)
        assert there is None or there <= here, f"{name_of(path)} imports {imported}, which is above it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_doors_do_not_import_each_other_and_services_import_no_door(path):
    parts = name_of(path).split(".")
    if parts[0] == "socialdesk" or len(parts) < 2:
        return
    for imported in imports_of(path):
        other = imported.split(".")
        if other[0] != parts[0] or len(other) < 2 or other[1] == parts[1] or other[1] not in FLOORS or parts[1] not in FLOORS:
            continue
        if parts[1] in DOORS and other[1] == "tasks":
            continue  # a door may hand work over; the task is the service's other end
        assert FLOORS[other[1]] != 4 or parts[1] not in FLOORS, f"{name_of(path)} imports the door {imported}"


def test_connectors_and_library_know_no_models():
    for folder in ("networks", "lib"):
        for path in sorted((ROOT / "socialdesk" / folder).rglob("*.py")):
            for imported in imports_of(path):
                assert imported.split(".")[0] not in ("profiles", "listening", "engagement"), f"{path} imports {imported}"


def test_every_file_opens_with_what_lives_there():
    for path in modules():
        if "migrations" in path.parts or not path.read_text().strip():
            continue
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} does not say what lives there"


def test_the_walk_would_notice_an_arrow_that_runs_up():
    heights = [
        layer_of(name)
        for name in ("socialdesk.networks.base", "profiles.models", "listening.models", "engagement.models", "socialdesk.intake")
    ]
    assert heights == [1, 2, 3, 4, TOP]
    assert layer_of("django.db") is None


@pytest.mark.parametrize("path", sorted((ROOT / "socialdesk/static").rglob("*.css")), ids=lambda path: path.name)
def test_every_rule_of_a_style_sheet_stands_where_it_seems_to(path):
    """A block that is left open swallows all that follows: it then holds for phones only, say, and no browser complains."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    depth = 0
    for line in text.splitlines():
        if line and not line[0].isspace() and line[0] != "}":
            assert depth == 0, f"{path.name}: a block before {line[:60]!r} is not closed"
        depth += line.count("{") - line.count("}")
    assert depth == 0
