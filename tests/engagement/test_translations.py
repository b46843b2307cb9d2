"""Every sentence that a customer can meet is there in every language that the pages offer, with the same things to fill in."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from engagement.services.consent_texts import TEXTS
from engagement.views.visitor import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent.parent
TRANSLATED = [language for language in LANGUAGES if language != "en"]
PLACES = re.compile(r"%\(\w+\)s|\{\w+\}")


def sentences() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "socialdesk/templates/visitors").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\{% translate [\"'](.+?)[\"'] ", text))
        for block in re.findall(r"\{% blocktranslate(?: trimmed)?[^%]*%\}(.*?)\{% endblocktranslate %\}", text, re.DOTALL):
            found.add(re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", " ".join(block.split())))
    for path in (ROOT / "engagement").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("gettext", "gettext_lazy", "_"):
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
    return found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated(language: str) -> None:
    with (ROOT / f"engagement/locale/{language}/LC_MESSAGES/django.po").open("rb") as file:
        known = {str(message.id): str(message.string) for message in read_po(file) if message.id}
    wanted = sentences()
    assert len(wanted) > 50
    assert sorted(sentence for sentence in wanted if not known.get(sentence)) == []
    for sentence in wanted:
        assert sorted(PLACES.findall(sentence)) == sorted(PLACES.findall(known[sentence])), sentence


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_consent_is_worded_in_every_language(language: str) -> None:
    assert all(PLACES.findall(texts[language]) == ["{company}"] for texts in TEXTS.values())


def read(catalog: Catalog) -> dict[str, str]:
    """Each sentence, or its forms, and what it is in the other language."""
    # A sentence with a plural comes as a list from one reader and as a tuple from the other.
    return {_plain(message.id): _plain(message.string) for message in catalog if message.id}


def _plain(said: str | list[str] | tuple[str, ...] | None) -> str:
    return said if isinstance(said, str) else str(list(said or []))


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_says_what_is_written(language: str) -> None:
    folder = ROOT / f"engagement/locale/{language}/LC_MESSAGES"
    with (folder / "django.po").open("rb") as written, (folder / "django.mo").open("rb") as compiled:
        said = read(read_mo(compiled))
        assert said == read(read_po(written)), "run `make messages`"
