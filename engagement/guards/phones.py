"""Telephone numbers: in digits of any grouping, digit by digit, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import phonenumbers

from engagement.guards.reading import Reading
from engagement.guards.vocabulary import digit_words, words

_GROUPS = re.compile(r"(?<![\w@#/])(?<![a-z][-./_])(\+ ?)?\(?\d+(?:[ \-./_()|~]{1,4}\(?\d+)*(?!\w)")
_ONE_BY_ONE = re.compile(r"(?<![\w#])(?<!\d[.,])\+?\d(?:[ ./|,*_-]{1,3}\d(?!\d)){6,}(?!\w)")
_WORD = re.compile(r"[^\W_]+")
_AND = ("y", "et", "und", "and")  # treinta y cuatro
_JOINT = re.compile(rf"[\s,.\-/]{{0,3}}|\s(?:{'|'.join(_AND)})\s")
_SENTENCE_END = re.compile(r"[!?\n]|\w{5,}\.\s")
_ZERO_AS_LETTER = re.compile(r"(?<!\w)(?=o*\d)[0-9o]{2,30}(?!\w)")
_DIGITS = re.compile(r"\d+")
_LONGEST_DICTATED = 60  # characters
_NEAR = 45  # characters before a number in which a word such as “call” speaks of it
_JUST_AFTER = 25
_LEAST, _MOST = 7, 15  # digits
_AMERICAN = ([3, 3, 4], [1, 3, 3, 4], [3, 7])
_SPANISH = ([3, 3, 3], [3, 2, 2, 2], [2, 3, 2, 2], [3, 6])


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Groups of digits in `text`, from `start` to `end`; `joints` are what stands between them."""

    text: str
    start: int
    end: int
    groups: Sequence[str]
    joints: frozenset[str]
    is_international: bool

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    @property
    def is_spoken_of(self) -> bool:
        return _is_spoken_of(self.text, self.start, self.end)

    @property
    def stands_alone(self) -> bool:
        """No word follows at once."""
        return re.match(r" ?[^\W\d]", self.text[self.end : self.end + 2]) is None


def find_phones(reading: Reading, region: str) -> list[tuple[int, int]]:
    """`reading` without what is harmless; `region` is the country of numbers that name none."""
    text = _ZERO_AS_LETTER.sub(lambda match: match.group().replace("o", "0"), reading.text)
    found = [match.span() for match in _ONE_BY_ONE.finditer(text) if _is_dictated(text, match)]
    for match in _GROUPS.finditer(text):
        found += _find_in_groups(text, match, region)
    return found + list(_find_in_words(text))


def _find_in_groups(text: str, match: re.Match[str], region: str) -> list[tuple[int, int]]:
    spans = [part.span() for part in _DIGITS.finditer(text, *match.span())]
    count = sum(end - start for start, end in spans)
    if count <= _MOST + 1 and _is_phone(_candidate(text, spans, match.group(1) is not None), region):
        return [match.span()]
    if count <= _MOST - 3:
        return []
    # Too long for one number: perhaps one stands among others.
    found, at = [], 0
    while at < len(spans):
        size = _numbers_from(text, spans, at, region)
        if size:
            found.append((spans[at][0], spans[at + size - 1][1]))
        at += size or 1
    return found


def _numbers_from(text: str, spans: Sequence[tuple[int, int]], at: int, region: str) -> int:
    """How many groups from `at` on make a number that begins as numbers begin; 0 if none do."""
    for size in range(min(6, len(spans) - at), 0, -1):
        part = spans[at : at + size]
        lengths = [end - start for start, end in part]
        begins = lengths in _AMERICAN or (text[part[0][0]] == "0" and 9 <= sum(lengths) <= 12)
        if begins and _is_phone(_candidate(text, part, False), region):
            return size
    return 0


def _candidate(text: str, spans: Sequence[tuple[int, int]], is_international: bool) -> _Candidate:
    groups = [text[start:end] for start, end in spans]
    joints = frozenset(text[before[1] : after[0]] for before, after in pairwise(spans))
    if len(groups) > 2 and groups[1] == "0" and "(" in text[spans[0][1] : spans[1][0]]:
        del groups[1]  # +49 (0) 40
    return _Candidate(text, spans[0][0], spans[-1][1], groups, joints, is_international)


def _is_phone(candidate: _Candidate, region: str) -> bool:
    digits, groups = candidate.digits, candidate.groups
    count, lengths = len(digits), [len(group) for group in groups]
    if candidate.is_international:
        return _is_possible("+" + digits) or (8 <= count <= _MOST and candidate.is_spoken_of)
    if digits.startswith("00") and not digits.startswith("000") and count >= 10:
        return _is_possible("+" + digits[2:])
    is_list = len(groups) > 3 and 1 in lengths  # 3 14 15 22 38 41
    if _LEAST <= count <= _MOST and not is_list and not _is_even_count(groups) and candidate.is_spoken_of:
        return True
    if digits[0] == "0":
        return 9 <= count <= 12 and not _is_row(groups)
    if lengths in _AMERICAN or (lengths == [3, 4] and digits.startswith("555")):
        return True
    if _is_grouped_in_thousands(groups, candidate.joints):
        return lengths == [3, 3, 3] and digits[0] in "6789" and candidate.stands_alone and not _is_even_count(groups)
    if lengths in _SPANISH and digits[0] in "6789":
        return True
    if lengths == [9] and digits[0] in "67" and candidate.stands_alone and _is_valid(digits, "ES"):
        return True
    if len(groups) > 1 and 11 <= count <= 13 and _is_valid("+" + digits, None):
        return True
    countries = {region, "US"} if count == 10 else {region}
    return 8 <= count <= _MOST and any(_is_valid(digits, country) for country in countries)


def _is_possible(number: str) -> bool:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE


def _is_valid(number: str, region: str | None) -> bool:
    """Whether a number of that country is written like this; without one it begins with + and its code."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed) if region is None else phonenumbers.is_valid_number_for_region(parsed, region)


def _is_grouped_in_thousands(groups: Sequence[str], joints: frozenset[str]) -> bool:
    return len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3 and joints <= {" ", "."}


def _is_even_count(groups: Sequence[str]) -> bool:
    """600 000 000 and 7500000."""
    return (len(groups) > 1 and all(group == "000" for group in groups[1:])) or (len(groups) == 1 and groups[0].endswith("0000"))


def _is_row(groups: Sequence[str]) -> bool:
    """01 02 03 04 05."""
    return len(groups) >= 4 and _steps_evenly([int(group) for group in groups])


def _steps_evenly(numbers: Sequence[int | None]) -> bool:
    steps = {None if before is None or after is None else abs(after - before) for before, after in pairwise(numbers)}
    return steps == {1} or steps == {0}


def _is_spoken_of(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - _NEAR) : start]
    before = _SENTENCE_END.split(before)[-1]
    return bool(words("phone_cue").search(before) or words("phone_noun").search(text[end : end + _JUST_AFTER].partition("\n")[0]))


def _is_dictated(text: str, match: re.Match[str]) -> bool:
    """0 7 7 0 0: not a score, a countdown or a list."""
    run = match.group()
    if len(run) > _LONGEST_DICTATED:
        return False
    digits = [int(character) for character in run if character.isdigit()]
    if len(digits) > _MOST or _steps_evenly(digits):
        return False
    joints = set(re.split(r"\d", run.lstrip("+"))[1:-1])
    return digits[0] == 0 or run[0] == "+" or (len(joints) == 1 and "," not in run) or _is_spoken_of(text, *match.span())


def _find_in_words(text: str) -> Iterator[tuple[int, int]]:
    """Runs of words for digits, with figures among them: “oh seven seven, double zero 900”."""
    known = digit_words()
    run: list[re.Match[str]] = []
    for word in [*_WORD.finditer(text), None]:
        joins = word is not None and (not run or _JOINT.fullmatch(text, run[-1].end(), word.start()))
        is_digit = word is not None and (word.group() in known or (word.group().isdigit() and len(word.group()) <= 6))
        if word is not None and joins and is_digit:
            run.append(word)
            continue
        if run and word is not None and word.group() in _AND:
            continue
        if run and _is_spelled(run):
            yield run[0].start(), run[-1].end()
        run = [word] if word is not None and is_digit else []


def _is_spelled(run: Sequence[re.Match[str]]) -> bool:
    known = digit_words()
    spoken = [match.group() for match in run if not match.group().isdigit()]
    count = len(spoken) + sum(len(match.group()) for match in run if match.group().isdigit())
    return len(spoken) >= 4 and count >= _LEAST and not _steps_evenly([known[word] for word in spoken])
