"""What Facebook's own description of its Graph API says against one exchange: nodes with typed fields, edges with parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.socialdesk.networks.facebook.nodes import Fields, parse_fields
from tests.socialdesk.networks.openapi import Exchange

# Every call of the Graph API takes these; the description names what a call takes beside them.
GENERAL = {"access_token", "appsecret_proof", "fields", "limit", "after", "before"}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")


class GraphDescription:
    """`kinds_of` names the nodes that an id may be of."""

    def __init__(self, folder: Path, kinds_of: Callable[[str], tuple[str, ...]]) -> None:
        self._folder = folder
        self._kinds_of = kinds_of
        self._node = cache(self._read)

    def _read(self, kind: str) -> tuple[dict[str, str], dict[tuple[str, str], dict[str, Any]]] | None:
        """The node's fields by name, and its calls by method and edge ("" is the node itself); None where it is not described."""
        path = self._folder / f"{kind}.json"
        if not path.exists():
            return None
        raw = json.loads(path.read_text(encoding="utf-8"))
        calls = {(one["method"], one.get("endpoint", "")): one for one in raw["apis"]}
        return {one["name"]: one["type"] for one in raw["fields"]}, calls

    def place(self, exchange: Exchange) -> str:
        """As `POST PagePost/comments`, by the first of the nodes that it may be; "" where no node has that call."""
        return next((place for place, _, _ in self._places(exchange)), "")

    def _places(self, exchange: Exchange) -> Iterator[tuple[str, str, dict[str, Any]]]:
        _, thing_id, *edge = exchange.path.split("/", 2)
        for kind in self._kinds_of(thing_id):
            node = self._node(kind)
            call = node[1].get((exchange.method, "".join(edge))) if node else None
            if call is not None:
                yield f"{exchange.method} {'/'.join([kind, *edge])}", kind, call

    def findings(self, exchange: Exchange) -> Iterator[str]:
        places = list(self._places(exchange))
        if not places:
            kinds = "|".join(self._kinds_of(exchange.path.split("/")[1])) or "?"
            yield f"{exchange.method} {kinds}/{'/'.join(exchange.path.split('/')[2:])}: no such call"
            return
        found = [[f"{place}: {one}" for one in self._against(kind, call, exchange)] for place, kind, call in places]
        yield from min(found, key=len)

    def _against(self, kind: str, call: Mapping[str, Any], exchange: Exchange) -> Iterator[str]:
        given = {name: values[0] for name, values in {**exchange.query, **(exchange.body or {})}.items()}
        shown = kind if exchange.method == "GET" and not call.get("endpoint") else str(call["return"])
        fields: Fields = parse_fields(given["fields"]) if exchange.method == "GET" and given.get("fields") else {"id": ({}, None)}
        if exchange.status == 200:
            yield from self._parameters(call, given)
            yield from self._fields(shown, fields)
        if exchange.answer is None:
            return
        if exchange.status != 200:
            yield from _refusal(exchange.answer)
        elif exchange.method != "GET":
            yield from self._receipt(exchange.answer)
        elif call.get("endpoint"):
            yield from self._list(shown, fields, exchange.answer)
        else:
            yield from self._shown(shown, fields, exchange.answer)

    def _parameters(self, call: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[str]:
        known = {one["name"]: one for one in call["params"]}
        for name, value in given.items():
            if name in known:
                if not _is_parameter(known[name]["type"], value):
                    yield f"parameter {name} is no {known[name]['type']}"
            elif name not in GENERAL:
                yield f"unknown parameter {name}"
        for name, one in known.items():
            if one.get("required") and name not in given:
                yield f"missing parameter {name}"

    # --- Fields: those asked for must exist, those answered must have been asked for and be of their type

    def _type_of(self, kind: str, name: str) -> str | None:
        """A field's type; an edge is a list of what it returns. None: there is neither."""
        node = self._node(kind)
        if node is None:
            return "anything"
        edge = node[1].get(("GET", name))
        return node[0].get(name) or (f"edge<{edge['return']}>" if edge and edge.get("endpoint") else None)

    def _fields(self, kind: str, fields: Fields) -> Iterator[str]:
        for name, (_, inner) in fields.items():
            given = self._type_of(kind, name)
            if given is None:
                yield f"{kind} has no field {name}"
            elif inner:
                yield from self._fields(_within(given), inner)

    def _list(self, kind: str, fields: Fields, answer: Any) -> Iterator[str]:
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list) or set(answer) - {"data", "paging"}:
            yield "answer is no list of data with its paging"
            return
        for one in answer["data"]:
            yield from self._shown(kind, fields, one)

    def _shown(self, kind: str, fields: Fields, shown: Any) -> Iterator[str]:
        if not isinstance(shown, dict):
            yield f"answer: a {kind} is no object"
            return
        for name, value in shown.items():
            given = self._type_of(kind, name)
            if name != "id" and name not in fields:
                yield f"answer: {kind}.{name} was not asked for"
            elif given is None:
                yield f"answer: {kind} has no field {name}"
            elif not self._is_field(given, value):
                yield f"answer: {kind}.{name} is no {given} but {str(value)[:60]!r}"
            else:
                inner = fields.get(name, ({}, None))[1]
                if given.startswith("edge<"):
                    yield from self._list(_within(given), inner or {}, value)
                elif inner and self._node(given):
                    yield from self._shown(given, inner, value)

    def _is_field(self, kind: str, value: Any) -> bool:
        if kind == "anything":
            return True
        if kind == "string":
            return isinstance(value, str)
        if kind == "datetime":
            return isinstance(value, str) and STAMP.fullmatch(value) is not None
        if kind == "bool":
            return isinstance(value, bool)
        if kind in ("int", "unsigned int"):
            return type(value) is int
        if kind.startswith("list"):
            return isinstance(value, list)
        return isinstance(value, dict)

    @staticmethod
    def _receipt(answer: Any) -> Iterator[str]:
        """What a write answers is not described in fields: an id, or that it succeeded."""
        if not isinstance(answer, dict) or not (isinstance(answer.get("id"), str) or answer.get("success") is True):
            yield f"answer is no receipt: {sorted(answer) if isinstance(answer, dict) else answer!r}"


def _within(kind: str) -> str:
    return kind.removeprefix("edge<").removeprefix("list<").removesuffix(">")


def _refusal(answer: Any) -> Iterator[str]:
    """Not in the description, but in the guide to its errors: the same object for all of them."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or not (isinstance(error.get("message"), str) and type(error.get("code")) is int and error.get("type")):
        yield "answer is no error of the Graph API"


def _is_parameter(kind: str, value: str) -> bool:
    if kind == "bool":
        return value in ("true", "false")
    if kind in ("int", "unsigned int"):
        return re.fullmatch(r"-?\d+", value) is not None
    if kind in ("Object", "map"):
        try:
            return isinstance(json.loads(value), dict)
        except ValueError:
            return False
    return True
