"""What an OpenAPI description says against one exchange: its path, parameters, body and answer, by their schemas and by their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `body` is parsed: an object, or a form with a list for each name. `answer` is None without one."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    body: Any
    status: int
    answer: Any
    is_form: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


@dataclass(frozen=True)
class Description:
    """`errors`: the schema of every failing answer, where the description's own is known to be wrong."""

    document: Schema
    errors: str = ""
    _operations: list[tuple[re.Pattern[str], str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, *, errors: str = "") -> Description:
        document = _as_3_1(json.loads(path.read_text(encoding="utf-8")))
        operations = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), template, method.upper())
            for template, methods in document["paths"].items()
            for method in methods
        ]
        operations.sort(key=lambda one: one[1].count("{"))  # what is written out stands before what stands for anything
        return cls(document, errors, operations)

    def place(self, exchange: Exchange) -> str:
        """The described path that was asked, with its method; "" where there is none."""
        for pattern, template, method in self._operations:
            if method == exchange.method and pattern.fullmatch(exchange.path):
                return f"{method} {template}"
        return ""

    def findings(self, exchange: Exchange) -> Iterator[str]:
        """What does not agree, each as one line that begins with the described place."""
        place = self.place(exchange)
        if not place:
            yield f"{exchange.method} {exchange.path}: no such path"
            return
        method, _, template = place.partition(" ")
        operation = self.document["paths"][template][method.lower()]
        if exchange.status not in REFUSED:
            for found in (*self._query(operation, exchange), *self._body(operation, exchange)):
                yield f"{place}: {found}"
        if exchange.answer is not None:
            for found in self._answer(operation, exchange):
                yield f"{place}: {exchange.status} {found}"

    def _query(self, operation: Schema, exchange: Exchange) -> Iterator[str]:
        known = {one["name"]: one for one in map(self._whole, operation.get("parameters", ())) if one["in"] == "query"}
        for name, values in exchange.query.items():
            parameter = known.get(name) or known.get(name.removesuffix("[]"))
            if parameter is None:
                yield f"unknown parameter {name}"
                continue
            schema = self._whole(parameter["schema"])
            for message in self._errors(schema, self._typed(schema, values)):
                yield f"parameter {name} {message}"
        for name, one in known.items():
            if one.get("required") and not {name, f"{name}[]"} & set(exchange.query):
                yield f"missing parameter {name}"

    def _body(self, operation: Schema, exchange: Exchange) -> Iterator[str]:
        described = operation.get("requestBody")
        if described is None:
            if exchange.body:
                yield f"a body where none is described: {sorted(exchange.body)}"
            return
        if not exchange.body:
            if described.get("required"):
                yield "no body"
            return
        schema = next(iter(described["content"].values()))["schema"]
        body = exchange.body
        if exchange.is_form:
            names = self._properties(schema)
            body = {
                name.removesuffix("[]"): self._typed(self._whole(names.get(name.removesuffix("[]"), {})), values)
                for name, values in body.items()
            }
        for message in (*self._errors(schema, body), *self._unknown(schema, body)):
            yield f"body {message}"

    def _answer(self, operation: Schema, exchange: Exchange) -> Iterator[str]:
        if exchange.status >= 400 and self.errors:
            schema: Schema = {"$ref": self.errors}
        else:
            described = operation["responses"].get(str(exchange.status))
            if described is None:
                yield "a status that is not described"
                return
            content = self._whole(described).get("content", {})
            if not content:
                return
            schema = next(iter(content.values()))["schema"]
        for message in (*self._errors(schema, exchange.answer), *self._unknown(schema, exchange.answer)):
            yield f"answer {message}"

    # --- Schemas

    @cached_property
    def _parts(self) -> Schema:
        return {"components": self.document["components"]}

    def _whole(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.document
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        return schema

    def _errors(self, schema: Schema, value: Any) -> Iterator[str]:
        for error in Draft202012Validator({**schema, **self._parts}).iter_errors(value):
            while error.context:  # of several shapes, the one that came nearest
                error = max(error.context, key=lambda one: len(one.absolute_path))
            yield f"{_place(error.absolute_path)}: {error.message[:160]}"

    def _typed(self, schema: Schema, values: Sequence[str]) -> Any:
        """As the words in an address or a form are meant."""
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if "array" in kinds:
            items = [part for value in values for part in (value.split(",") if schema.get("items") else [value])]
            return [self._typed(self._whole(schema.get("items", {})), [item]) for item in items]
        value = values[0]
        if "integer" in kinds and re.fullmatch(r"-?\d+", value):
            return int(value)
        if "boolean" in kinds and value in ("true", "false", "1", "0", "True", "False"):
            return value.lower() in ("true", "1")
        return value

    def _branches(self, schema: Schema) -> Iterator[Schema]:
        schema = self._whole(schema)
        yield schema
        for name in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(name, ()):
                yield from self._branches(part)

    def _properties(self, schema: Schema) -> dict[str, Schema]:
        return {name: one for branch in self._branches(schema) for name, one in branch.get("properties", {}).items()}

    def _unknown(self, schema: Schema, value: Any, at: str = "") -> Iterator[str]:
        """Names that the description does not have: schemas let them pass, a real network never says them."""
        branches = list(self._branches(schema))
        if isinstance(value, list):
            items = [branch["items"] for branch in branches if isinstance(branch.get("items"), Mapping)]
            for one in value:
                if items:
                    yield from self._unknown({"anyOf": items}, one, f"{at}/*")
        if isinstance(value, dict):
            named: dict[str, list[Schema]] = {}
            for branch in branches:
                for name, one in branch.get("properties", {}).items():
                    named.setdefault(name, []).append(one)
            is_free = not named or any(branch.get("additionalProperties") for branch in branches)
            for name, one in value.items():
                if name in named:
                    yield from self._unknown({"anyOf": named[name]}, one, f"{at}/{name}")
                elif not is_free:
                    yield f"{at or '/'}: unknown field {name}"


# What a network refuses so may have been asked wrongly on purpose: only the refusal itself is held against the description.
REFUSED = (400, 404, 422)


def _place(path: Any) -> str:
    return "/" + "/".join("*" if isinstance(one, int) else str(one) for one in path)


def _as_3_1(part: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where 3.1 says it by type."""
    if isinstance(part, list):
        return [_as_3_1(one) for one in part]
    if not isinstance(part, dict):
        return part
    whole = {name: _as_3_1(one) for name, one in part.items()}
    if whole.get("nullable") is True:
        del whole["nullable"]
        if isinstance(whole.get("type"), str):
            whole["type"] = [whole["type"], "null"]
    return whole
