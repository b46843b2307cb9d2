"""How a page is looked at: at every width it fits, and axe finds nothing wrong with it in light and in dark.

All of it is one load, since only style knows the width and the colours. A page is best loaded at the smallest width: there the place
that is open is scrolled into sight, once, as the page comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page

WIDTHS = (320, 1280)
# All that axe does by itself, and the size of targets.
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# All of these that judge colours: the dark changes nothing else.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
SCHEMES: tuple[tuple[Literal["light", "dark"], dict[str, Any]], ...] = (("light", TAGS), ("dark", COLOURS))

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# A list that a phone shows as lines fits as well; a table of figures may scroll within itself.
LISTS_TOO_WIDE = (
    """Math.max(0, ...[...document.querySelectorAll(".table-wrap:has(> .on-lines)")].map((one) => one.scrollWidth - one.clientWidth))"""
)
# Only what is wrong leaves the browser: to hand over all that is right takes longer than to find it.
RUN_AXE = """async ([within, rules]) => {
  const found = await axe.run(within ?? document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`));
}"""


def look(page: Page, name: str, *, widths: Sequence[int] = WIDTHS, within: str | None = None) -> None:
    """Says what is wrong. `within` is the part of the page that axe reads. Afterwards the page is as wide as before, and light."""
    before = page.viewport_size
    assert before is not None
    # What was pressed before may have led to a page of which nothing is there yet.
    page.wait_for_load_state()
    for width in widths:
        resize(page, width)
        assert_fits(page, name)
        for scheme, rules in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            problems = run_axe(page, rules, within)
            assert not problems, f"{name}, {scheme}, {width}: " + "\n".join(problems)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(before)


def press(page: Page, what: Locator) -> None:
    """A link or the button of a form, until the page is there that it leads to, with its scripts."""
    with page.expect_navigation():
        what.click()


def resize(page: Page, width: int) -> None:
    """The height stays."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": width, "height": before["height"]})


def assert_fits(page: Page, name: str) -> None:
    """Nothing makes the page scroll sideways, nor a list in it."""
    wide = page.evaluate(TOO_WIDE) or page.evaluate(LISTS_TOO_WIDE)
    assert wide <= 0, f"{name} is {wide} pixels too wide at {page.evaluate('innerWidth')}"


def run_axe(page: Page, rules: dict[str, Any], within: str | None) -> list[str]:
    # Half a megabyte, sent once for each document.
    if page.evaluate("window.axe === undefined"):
        page.evaluate(AXE_SCRIPT)
    problems: list[str] = page.evaluate(RUN_AXE, [within, rules])
    return problems
