"""The demo company's script as it is written down: its people, their lines and phrases, read from a folder and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args

from socialdesk.networks.sandbox.records import MOODS, NETWORKS, SANDBOX, Mood

DEMO = Path(__file__).resolve().parents[3] / "fixtures" / "demo"
DEFAULT_GAP = 20.0

Occasion = Literal["public_reply", "message", "silence"]
Phrase = Literal["thanks", "more", "impatient", "followed", "bye", "permission_yes", "permission_no", "permission_unclear"]


class ScriptError(ValueError):
    """The script cannot be played: the message names the file, the line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the script, with an account on each of their networks."""

    username: str
    name: str
    language: str = ""
    followers: int = 0
    bio: str = ""
    mood: Mood = "silent"
    follows_when_asked: bool = False
    networks: tuple[str, ...] = (SANDBOX,)


@dataclass(frozen=True, slots=True)
class Then:
    """What the author of a line says next: after a public reply, after a private message, or after long silence."""

    on: Occasion
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One post of the script. `gap` is the seconds since the line before; `edit` is the text that it is given later."""

    id: str
    author: str
    network: str
    language: str
    kind: str
    text: str
    gap: float = DEFAULT_GAP
    reply_to: str = ""
    repost_of: str = ""
    media: bool = False
    edit: str = ""
    delete: bool = False
    then: tuple[Then, ...] = ()

    def lines_on(self, occasion: Occasion) -> list[str]:
        return [then.text for then in self.then if then.on == occasion]


@dataclass(frozen=True)
class Script:
    """All of it. `phrases` holds language -> mood -> phrase -> texts; `backlog` is how many lines a new world opens with."""

    company: Person
    people: Mapping[str, Person]
    lines: tuple[Line, ...]
    phrases: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]
    backlog: int = 60

    @property
    def mean_gap(self) -> float:
        return sum(line.gap for line in self.lines) / len(self.lines) or DEFAULT_GAP

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def phrases_for(self, language: str, mood: str, phrase: Phrase) -> tuple[str, ...]:
        """What somebody of that mood may say, in English where the language has no such phrase."""
        for spoken in (language, language.partition("-")[0], "en"):
            texts = self.phrases.get(spoken, {}).get(mood, {}).get(phrase, ())
            if texts:
                return texts
        return ()


@lru_cache(maxsize=1)
def demo_script() -> Script:
    """The script of the demo company."""
    return load_script(DEMO)


def load_script(folder: Path, *, backlog: int = 60) -> Script:
    """Reads company.json, authors.json, posts.jsonl and answers.json. Raises ScriptError."""
    company = _record(folder / "company.json", "the company", _json(folder / "company.json"))
    own = Person(username=company.text("username"), name=company.text("display_name", company.text("name")), networks=NETWORKS)
    people = {own.username: own}
    for number, entry in enumerate(_list(folder / "authors.json"), 1):
        person = _person(_record(folder / "authors.json", f"author {number}", entry))
        if person.username in people:
            raise ScriptError(f"authors.json, author {number}: the username {person.username!r} is taken")
        people[person.username] = person
    lines: dict[str, Line] = {}
    for number, entry in _json_lines(folder / "posts.jsonl"):
        record = _record(folder / "posts.jsonl", f"line {number}", entry)
        line = _line(record)
        _check_line(record, line, lines, people)
        lines[line.id] = line
    if not lines:
        raise ScriptError(f"{folder / 'posts.jsonl'} has no lines")
    return Script(own, people, tuple(lines.values()), _phrases(folder / "answers.json"), backlog)


@dataclass(frozen=True, slots=True)
class _Record:
    """One JSON object with the place that it came from, for errors that can be found."""

    place: str
    values: dict[str, Any]

    def text(self, key: str, default: str | None = None) -> str:
        return cast(str, self._typed(key, str, default))

    def flag(self, key: str) -> bool:
        return cast(bool, self._typed(key, bool, False))

    def number(self, key: str, default: float) -> float:
        value = float(self._typed(key, (int, float), default))
        if value < 0:
            self.fail(f"{key!r} must not be negative")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self.fail(f"{key!r} is {value!r}, but must be one of {', '.join(choices)}")
        return value

    def records(self, key: str) -> list[_Record]:
        return [_record(self.place, f"{key} {i}", value) for i, value in enumerate(self._typed(key, list, []), 1)]

    def fail(self, problem: str) -> NoReturn:
        raise ScriptError(f"{self.place}: {problem}")

    def _typed(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        value = self.values.get(key)
        if value is None:
            value = default
        if value is None:
            self.fail(f"{key!r} is missing")
        if not isinstance(value, kind):
            self.fail(f"{key!r} has the wrong type: {value!r}")
        return value


def _record(place: Path | str, part: str, value: object) -> _Record:
    where = f"{place.name if isinstance(place, Path) else place}, {part}"
    if not isinstance(value, dict):
        raise ScriptError(f"{where}: a JSON object is expected, not {value!r}")
    return _Record(where, value)


def _person(record: _Record) -> Person:
    networks = tuple(record.values.get("networks") or (SANDBOX,))
    if not set(networks) <= set(NETWORKS):
        record.fail(f"'networks' is {list(networks)}, but may hold {' and '.join(NETWORKS)} only")
    return Person(
        username=record.text("username"),
        name=record.text("name"),
        language=record.text("lang"),
        followers=int(record.number("followers", 0)),
        bio=record.text("bio", ""),
        mood=cast(Mood, record.choice("mood", MOODS)),
        follows_when_asked=record.flag("follows_when_asked"),
        networks=networks,
    )


def _line(record: _Record) -> Line:
    return Line(
        id=record.text("id"),
        author=record.text("author"),
        network=record.choice("network", NETWORKS),
        language=record.text("lang", ""),
        kind=record.text("kind", ""),
        text=record.text("text", ""),
        gap=record.number("gap", DEFAULT_GAP),
        reply_to=record.text("reply_to", ""),
        repost_of=record.text("repost_of", ""),
        media=record.flag("media"),
        edit=record.text("edit", ""),
        delete=record.flag("delete"),
        then=tuple(Then(cast(Occasion, then.choice("on", get_args(Occasion))), then.text("text")) for then in record.records("then")),
    )


def _check_line(record: _Record, line: Line, earlier: Mapping[str, Line], people: Mapping[str, Person]) -> None:
    person = people.get(line.author)
    if line.id in earlier:
        record.fail(f"the id {line.id!r} is taken")
    if person is None:
        record.fail(f"authors.json has no author {line.author!r}")
    if line.network not in person.networks:
        record.fail(f"{line.author!r} has no account on {line.network}")
    if not line.text.strip() and not line.repost_of:
        record.fail("a post that reposts nothing needs a text")
    for key, target in (("reply_to", line.reply_to), ("repost_of", line.repost_of)):
        if target and target not in earlier:
            record.fail(f"{key!r} names {target!r}, which is not an earlier line")
        if target and earlier[target].network != line.network:
            record.fail(f"{key!r} names {target!r}, which is on another network")


def _phrases(path: Path) -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    tree = _record(path, "the whole", _json(path)).values
    try:
        return {
            language: {mood: {phrase: tuple(texts) for phrase, texts in kinds.items()} for mood, kinds in moods.items()}
            for language, moods in tree.items()
        }
    except (AttributeError, TypeError):
        raise ScriptError(f"{path.name}: expected are language -> mood -> phrase -> a list of texts") from None


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScriptError(f"{path} is missing") from None
    except ValueError as error:
        raise ScriptError(f"{path.name} is not JSON: {error}") from None


def _list(path: Path) -> list[object]:
    value = _json(path)
    if not isinstance(value, list):
        raise ScriptError(f"{path.name}: a list is expected")
    return value


def _json_lines(path: Path) -> Iterator[tuple[int, object]]:
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScriptError(f"{path} is missing") from None
    for number, text in enumerate(content.split("\n"), 1):
        if text.strip():
            try:
                yield number, json.loads(text)
            except ValueError as error:
                raise ScriptError(f"{path.name}, line {number} is not JSON: {error}") from None
