"""How what is known of somebody is cut into words, and how what is searched for is read: two sides that must agree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers
import regex
from email_validator import EmailNotValidError, validate_email

from profiles.models import SearchTerm
from socialdesk.lib.text import clean, fold

LONGEST = 120  # characters of one word, as the column holds
MOST_WORDS = 8  # of one search
LONGEST_SEARCH = 200
REVERSED = "~"  # begins the digits of a number from the last to the first: its end is found like a beginning

_PART = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_EDGES = regex.compile(r"^[^\p{L}\p{M}\p{N}@]+|[^\p{L}\p{M}\p{N}]+$")
# Scripts that write words without spaces between them, or names as one word: any two signs in a row are a word of their own.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+")
_HANDLE_PART = regex.compile(r"\p{Lu}?[\p{Ll}\p{Lo}\p{M}]+|\p{Lu}+|\p{N}+")
# Digits within an e-mail address are part of it, whatever signs stand beside them.
_NUMBER = regex.compile(r"(?<![\w@.+:/-])(?<!\S@\S*)[+(]{0,2}\d[\d\s()./-]{2,}\d(?![.:/-]?[\w@])(?!\S*@\S)")
# Where a number at home begins with something else than 0, only its country's rules tell what to leave out.
_REGIONS = ("US", "RU", "HU", "LT", "GB", "DE", "FR")
_SURE = 7  # digits from which a number is taken for a whole one
_SPACED = 9  # digits from which spaces between them mean one number; before that, a house number may stand beside a postcode


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a search: a person fits whose words begin with one of `beginnings`, or are one of them where `is_whole`."""

    beginnings: tuple[str, ...]
    kind: str = ""
    is_whole: bool = False

    def fits(self, kind: str, term: str) -> bool:
        if self.kind and kind != self.kind:
            return False
        return term in self.beginnings if self.is_whole else term.startswith(self.beginnings)


def normal(text: str) -> str:
    """`text` as it is kept and searched for: folded, its spaces one, composed again so that a Korean syllable is one sign."""
    return " ".join(unicodedata.normalize("NFC", fold(text.replace("’", "'"))).split())


# --- What somebody is found by ------------------------------------------------------------------------------------------


def words_of_text(text: str, *, whole: bool = True) -> Iterator[str]:
    """The words of a name, a tag, an address: each as it stands, in its parts, and all as one where `whole`."""
    kept = normal(text)
    if whole:
        yield kept[:LONGEST]
    for token in kept.split():
        bare = _EDGES.sub("", token)
        yield (bare or token)[:LONGEST]
        parts = _PART.findall(bare)
        if len(parts) > 1:  # O'Neill is found by o'neill, oneill and neill
            yield "".join(parts)[:LONGEST]
            yield from (part[:LONGEST] for part in parts)
        runs = _UNSPACED.findall(bare)
        for run in runs:
            yield from (run[place : place + 2] for place in range(len(run)))
        if runs:
            yield from (part[:LONGEST] for part in _PART.findall(_UNSPACED.sub(" ", bare)))


def words_of_handle(username: str) -> Iterator[str]:
    """@Mara_K92 is found by itself with and without @, and by mara, k and 92."""
    kept = normal(username.lstrip("@"))
    yield kept[:LONGEST]
    yield f"@{kept}"[:LONGEST]
    for part in _HANDLE_PART.findall(username):
        yield normal(part)[:LONGEST]
    yield from (part[:LONGEST] for part in _PART.findall(kept))


def words_of_email(address: str) -> Iterator[str]:
    kept = normal(address)
    name, _, domain = kept.rpartition("@")
    yield kept[:LONGEST]
    yield name[:LONGEST]
    yield domain[:LONGEST]
    yield from (part[:LONGEST] for part in _PART.findall(name))
    if " " in kept or _UNSPACED.search(kept):  # what is no address, and a part of one in a script whose words are searched for in pairs
        yield from words_of_text(kept, whole=False)


def words_of_phone(value: str) -> Iterator[str]:
    """A number from its beginning, with and without its country, and from its end."""
    digits = _digits(value)
    yield digits[:LONGEST]
    yield (REVERSED + digits[::-1])[:LONGEST]
    try:
        yield phonenumbers.national_significant_number(phonenumbers.parse(value))
    except phonenumbers.NumberParseException:
        return


def words_of_external(system: str, number: str) -> Iterator[str]:
    yield normal(number)[:LONGEST]
    yield normal(f"{system}:{number}")[:LONGEST]


# --- What is searched for -----------------------------------------------------------------------------------------------


def read_search(text: str) -> list[Word]:
    """The words of a search, each of which must fit, at most MOST_WORDS. A telephone number in any spelling is one word."""
    rest = normal(clean(text, limit=LONGEST_SEARCH))
    found: list[Word] = []

    def take(match: regex.Match[str]) -> str:
        if not _is_phone(match[0]):
            return match[0]
        found.append(read_number(match[0]))
        return " "

    for token in _NUMBER.sub(take, rest).split():
        found += _read_token(token)
    return list(dict.fromkeys(found))[:MOST_WORDS]


def read_phrase(text: str) -> str:
    """All of a search as one word, for who is called just so."""
    return normal(clean(text, limit=LONGEST_SEARCH))[:LONGEST]


def read_number(typed: str, kind: str = "") -> Word:
    """A telephone number in any spelling, whole or a piece from its beginning or end; or any other number, as that of a customer."""
    typed = typed.replace("(0)", "")
    digits = _digits(typed)
    if typed.startswith(("+", "(+")) or (digits.startswith("00") and len(digits) > _SURE):
        country = digits.removeprefix("00")
        beginnings = [country, REVERSED + country[::-1]]
    else:
        bare = digits.lstrip("0") or digits
        ends = {bare if len(digits) >= _SURE else digits, *_national(digits)}
        beginnings = [bare, *(REVERSED + end[::-1] for end in sorted(ends))]
    # 0017, 12.50 or 2026-05 stand as they are somewhere.
    as_written = [digits, typed] if " " not in typed and typed[0].isdigit() else []
    return Word(tuple(dict.fromkeys([*as_written, *beginnings])), kind)


def _national(digits: str) -> Iterator[str]:
    """What is left of a number that is dialled at home in one of the countries whose rules it keeps."""
    if len(digits) < _SURE:
        return
    for region in _REGIONS:
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            yield phonenumbers.national_significant_number(number)


def _is_phone(number: str) -> bool:
    return number[0] in "+(0" or " " not in number or len(_digits(number)) >= _SPACED


def _read_token(token: str) -> list[Word]:
    if "://" in token:  # the address of somebody's page ends with their name there
        last = token.rstrip("/").rsplit("/", 1)[-1].lstrip("@")
        return [Word((f"@{last}"[:LONGEST], token[:LONGEST]))] if last else []
    bare = _EDGES.sub("", token)
    if "@" in token.strip("@"):  # an address is one word, whatever script it is in
        return [Word(_spellings(token, bare))]
    if not bare.strip("@"):
        return [Word((token[:LONGEST],))] if token.strip("@") else []
    if not _UNSPACED.search(bare) or bare.startswith("@"):
        return [Word((bare[:LONGEST],))]
    words: list[Word] = []
    for run in _UNSPACED.findall(bare):
        pairs = [run[place : place + 2] for place in range(len(run) - 1)] or [run]
        words += [Word((pair,)) for pair in pairs]
    return words + [Word((part,)) for part in _PART.findall(_UNSPACED.sub(" ", bare))]


def _spellings(address: str, *more: str) -> tuple[str, ...]:
    """An e-mail address as it is typed, and as it is kept: xn--exmple-cua.de is exämple.de, as whoever keeps it writes it too."""
    try:
        kept = validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError:
        kept = ""
    return tuple(dict.fromkeys(one[:LONGEST] for one in (address, normal(kept), *more) if one))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())


HANDLE, EMAIL, EXTERNAL, TAG = SearchTerm.Kind.HANDLE, SearchTerm.Kind.EMAIL, SearchTerm.Kind.EXTERNAL, SearchTerm.Kind.TAG


def whole_handle(username: str) -> Word:
    return Word((f"@{normal(username.lstrip('@'))}"[:LONGEST],), HANDLE, is_whole=True)


def whole_email(address: str) -> Word:
    return Word(_spellings(normal(address)), EMAIL, is_whole=True)


def whole_external(number: str) -> Word:
    return Word((normal(number)[:LONGEST],), EXTERNAL, is_whole=True)
