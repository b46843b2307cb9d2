"""The grammar of topic queries: text in, tree out, or an error that names the column and says how to mend it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import cast, get_args

from lark import Lark, Token, Transformer, UnexpectedToken, v_args

from listening.query.folding import fold_text
from listening.query.nodes import Either, Every, Field, FieldName, Node, Not, Text, positive_leaves
from listening.query.terms import Signs, is_open, term_from

MAX_LENGTH = 20_000  # characters
MAX_DEPTH = 40  # parentheses within each other

_GRAMMAR = r"""
?start: either
either: every (_OR every)*
every: item (_AND? item)*
?item: NOT item -> negated
     | MINUS atom -> negated
     | atom
?atom: "(" either ")"
     | PHRASE -> phrase
     | WORD -> word

_OR.2: /OR(?![^\s()"])/
_AND.2: /AND(?![^\s()"])/
NOT.2: /NOT(?![^\s()"])/
MINUS.2: /[-\u2010-\u2015\u2212](?=\S)/
PHRASE: /"[^"]*"/
WORD: /[^\s()"]+/
%ignore /\s+/
"""
# Forms that keyboards and word processors write for the signs of the language; one character each, so that columns stay.
# Marks of direction, which pasted text brings along unseen, become spaces.
_SAME = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"')
    | {"\uff08": "(", "\uff09": ")", "\uff1a": ":", "\uff03": "#", "\uff20": "@", "\uff0a": "*", "\uff0d": "-"}
    | dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff", " ")
)
_FIELD = re.compile(r"([A-Za-z_]+):(?!//)(.*)", re.DOTALL)
_FIELDS = get_args(FieldName)
_HAS = ("link", "media")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_NAME = re.compile(r"[^\s@*,]+(@[^\s@*,]+)?")
_NETWORK = re.compile(r"[a-z0-9_-]+")
_OTHER_OPERATORS = {
    **dict.fromkeys(("&", "&&"), "Words side by side must all be there; AND may be written between them."),
    **dict.fromkeys(("|", "||"), "To accept either of two words, write OR between them."),
    **dict.fromkeys(("-", "--", "!"), "To leave a word out, write the minus directly before it, as in -word."),
}
_EXPECTED: dict[FieldName, str] = {
    "from": "one user name",
    "lang": "a language code of two or three letters",
    "network": "the short name of a network",
    "has": "link or media",
    "min_followers": "a whole number",
}
_EXAMPLES: dict[FieldName, str] = {
    "from": "from:tidewheel",
    "lang": "lang:en or lang:pt-BR",
    "network": "network:mastodon",
    "has": "has:link",
    "min_followers": "min_followers:1000",
}
_OPERATORS = {"_OR": "OR", "_AND": "AND", "NOT": "NOT", "MINUS": "-"}


class QueryError(ValueError):
    """A query that cannot be used. `column` counts characters from 1; `message` says in plain words what was expected."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"Column {column}: {message}")
        self.column = column
        self.message = message


def read_query(source: str) -> Node:
    """The tree of `source`. Raises QueryError."""
    if len(source) > MAX_LENGTH:
        raise QueryError(MAX_LENGTH + 1, f"This query is longer than {MAX_LENGTH:,} characters. Split it into several topics.")
    text = source.translate(_SAME)
    if not text.strip():
        raise QueryError(1, "The query is empty. Write at least one word to listen for.")
    _check_pairs(text)
    try:
        node = cast(Node, _PARSER.parse(text))
    except UnexpectedToken as error:
        raise _explain(text, error.token) from None
    if not any(positive_leaves(node)):
        column = len(text) - len(text.lstrip()) + 1
        raise QueryError(column, "This query only says what to leave out. Add at least one word, phrase, tag or field that must be there.")
    return node


def _check_pairs(text: str) -> None:
    """Quotes and parentheses come in pairs, and not too deep. Raises QueryError."""
    quote = 0  # column of the open one
    opened: list[int] = []
    for column, char in enumerate(text, start=1):
        if char == '"':
            quote = 0 if quote else column
        elif quote:
            continue
        elif char == "(":
            opened.append(column)
            if len(opened) > MAX_DEPTH:
                raise QueryError(column, f"More than {MAX_DEPTH} parentheses stand within each other. Take out some.")
        elif char == ")":
            if not opened:
                raise QueryError(column, 'This ")" closes nothing. Take it out, or write "(" before; to find a bracket, put it in quotes.')
            opened.pop()
    if quote:
        raise QueryError(quote, 'This quotation mark is not closed. Write another " where the phrase ends.')
    if opened:
        raise QueryError(opened[-1], 'This "(" is not closed. Write ")" where the group ends; to find a bracket, put it in quotes.')


def _explain(text: str, found: Token) -> QueryError:
    """What is wrong where the grammar met `found`: an operator without its operand, or empty parentheses."""
    at = len(text) if found.type == "$END" else cast(int, found.start_pos)
    before: Token | None = None
    for token in _PARSER.lex(text):
        if cast(int, token.start_pos) >= at:
            break
        before = token
    word = _OPERATORS.get(found.type, "")
    ahead = _OPERATORS.get(before.type, "") if before else ""
    if before and not ahead and not word:
        return QueryError(cast(int, before.start_pos) + 1, "These parentheses are empty. Write a word in them or take them out.")
    if before and ahead and word:
        return QueryError(
            at + 1, f"{ahead} and {word} stand next to each other. Take out one of them, or write a word between." + _as_a_word(word)
        )
    if before and ahead:
        return QueryError(cast(int, before.start_pos) + 1, f"{ahead} needs a word after it." + _as_a_word(ahead))
    return QueryError(at + 1, f"{word} needs a word before it." + _as_a_word(word))


def _as_a_word(operator: str) -> str:
    if operator == "-":
        return ' To find the sign itself, put it in quotes: "-".'
    return f' To find the word {operator} itself, put it in quotes or write it small: "{operator}".'


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Node]):
    """Nodes from the grammar's rules; called while parsing, so that no tree is walked and no depth can exhaust the stack."""

    def either(self, *items: Node) -> Node:
        return items[0] if len(items) == 1 else Either(items)

    def every(self, *items: Node) -> Node:
        return items[0] if len(items) == 1 else Every(items)

    def negated(self, _sign: Token, item: Node) -> Node:
        return item.item if isinstance(item, Not) else Not(item)

    def phrase(self, token: Token) -> Node:
        inside = token[1:-1]
        term = term_from(inside)
        if term is None:
            raise QueryError(_column(token), "These quotes are empty. Write the phrase in them or take them out.")
        return Text(str(token), term)

    def word(self, token: Token) -> Node:
        field = _FIELD.fullmatch(token)
        if field:
            return _read_field(field[1], field[2], _column(token))
        term = term_from(token)
        if "*" in token.rstrip("*") or (token.endswith("*") and not (term and is_open(term))):
            raise QueryError(
                _column(token) + token.index("*"),
                "A star stands for the rest of a word: write its beginning first, as in tidewheel*. To find a star, put it in quotes.",
            )
        if term is None or isinstance(term, Signs):
            raise QueryError(_column(token), _about_signs(token))
        return Text(str(token), term)


def _column(token: Token) -> int:
    return cast(int, token.start_pos) + 1


def _about_signs(signs: str) -> str:
    if signs in _OTHER_OPERATORS:
        return _OTHER_OPERATORS[signs]
    return f'"{signs}" holds no letter, digit or emoji to look for. To find exactly these signs, put them in quotes.'


def _read_field(name: str, value: str, column: int) -> Field:
    """The field `name:value`, whose name stands at `column`. Raises QueryError."""
    key = name.lower()
    if key not in _FIELDS:
        near = get_close_matches(key, _FIELDS, n=1)
        mend = f"Did you mean {near[0]}:? " if near else ""
        known = ", ".join(f"{field}:" for field in _FIELDS)
        raise QueryError(
            column, f'There is no field "{name}:". {mend}Fields are {known}. To find the text itself, put it in quotes: "{name}:{value}".'
        )
    field = cast(FieldName, key)
    column += len(name) + 1
    if not value:
        raise QueryError(column, f"Write a value directly after {field}: without space, quotes or parentheses, as in {_EXAMPLES[field]}.")
    plain = _plain_value(field, value)
    if plain is None:
        raise QueryError(column, f'"{value}" is not what {field}: expects: {_EXPECTED[field]}, as in {_EXAMPLES[field]}.')
    return Field(field, plain)


def _plain_value(field: FieldName, value: str) -> str | None:
    """`value` as it is compared; None: it makes no sense for `field`."""
    if field == "from":
        name = fold_text(value).removeprefix("@")
        return name if _NAME.fullmatch(name) else None
    if field == "lang":
        tag = value.lower().replace("_", "-")
        return tag if _LANGUAGE.fullmatch(tag) else None
    if field == "network":
        network = value.lower()
        return network if _NETWORK.fullmatch(network) else None
    if field == "has":
        thing = value.lower()
        return thing if thing in _HAS else None
    return str(int(value)) if value.isdecimal() and len(value) <= 12 else None


_PARSER = Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_TreeBuilder())
