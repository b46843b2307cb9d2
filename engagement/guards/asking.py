"""Drafts that ask for personal data where everybody reads the answer.

A sentence asks if it names a datum of the reader's and requests it, unless it warns of telling it, speaks of what was or will be done
with it, or says where else to tell it: in private, or on a form, in the app, on the way to the hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from engagement.guards.pointing import find_pointed_at
from engagement.guards.reading import Reading, find_links
from engagement.guards.sentences import blank, hide, sentences
from engagement.guards.things import without_things
from engagement.guards.vocabulary import LANGUAGES, source, words

_AFTER_COLON = re.compile(r":[^\w\x00]{1,3}(?:\w+ ){0,2}(?:\w+,? )?\Z")
_BEGINNING = 25  # characters in which a question word makes a sentence a question, should its mark be missing
_AROUND = 80  # characters beside a datum that say what is done with it
_MOST_WORDS = 2  # beside the datum and courtesy in a sentence that is nothing but the datum: “Hi, order number please?”


@dataclass(frozen=True, slots=True)
class _Language:
    """The patterns of one language. `before` ends where the datum begins."""

    datum: re.Pattern[str]
    secret: re.Pattern[str]
    request: re.Pattern[str]
    statement: re.Pattern[str]
    warning: re.Pattern[str]
    contrast: re.Pattern[str]
    none_before: re.Pattern[str]
    handled_before: re.Pattern[str]
    bound_before: re.Pattern[str]
    question: re.Pattern[str]
    handed_on: re.Pattern[str]
    private: re.Pattern[str]
    not_private: re.Pattern[str]
    elsewhere: re.Pattern[str]
    public: re.Pattern[str]
    courtesy: re.Pattern[str]
    unneeded: re.Pattern[str]


@cache
def _language(name: str) -> _Language:
    def before(topic: str, words_between: int) -> re.Pattern[str]:
        inside = source(topic, name)
        return re.compile(rf"(?<!\w)(?:{inside})(?:[^\w.!?:]{{1,3}}\w[\w']*){{0,{words_between}}}[^\w.!?:]{{0,3}}\Z" if inside else r"(?!)")

    return _Language(
        datum=words("data", name),
        secret=words("secret_data", name),
        request=words("requests", name),
        statement=words("statements", name),
        warning=words("warnings", name),
        contrast=words("contrasts", name),
        none_before=before("without", 1),
        handled_before=before("handled", 3),
        bound_before=before("bound", 0),
        question=words("question_words", name),
        handed_on=words("handed_on", name),
        private=words("private", name),
        not_private=words("not_private", name),
        elsewhere=words("elsewhere", name),
        public=words("in_public", name),
        courtesy=words("courtesy", name),
        unneeded=words("unneeded", name),
    )


def find_asked(reading: Reading, *, secrets_only: bool = False) -> list[tuple[int, int]]:
    """Where personal data is asked for; with `secrets_only` passwords, PINs and full card numbers, wherever they are asked for."""
    in_order = list(sentences(reading.hide(find_links(reading)).text))
    found: list[tuple[int, int]] = []
    for number, (at, sentence) in enumerate(in_order):
        for name in LANGUAGES:
            language = _language(name)
            if secrets_only:
                data = [match.span() for match in language.secret.finditer(sentence)]
                is_excused = False
            else:
                before, behind = (in_order[beside][1] if 0 <= beside < len(in_order) else "" for beside in (number - 1, number + 1))
                data = without_things([match.span() for match in language.datum.finditer(sentence)], before, sentence, name)
                found += find_pointed_at(in_order, number, name)
                is_excused = bool(data) and (
                    _has_other_way(language, sentence, data, f"{before} \n {behind}")
                    or language.unneeded.match(behind.lstrip()) is not None
                )
            if data and not is_excused:
                found += [(at + start, at + end) for start, end in _asked_in(language, sentence, data)]
    return found


def _asked_in(language: _Language, sentence: str, data: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    plain = blank(language.statement, sentence)
    besides = blank(language.warning, hide(plain, data))  # “do not publish it” requests nothing
    is_request = (
        "?" in plain
        or language.question.search(plain[:_BEGINNING])
        or language.request.search(besides)
        or _is_mere_list(language, sentence, data)
    )
    is_nothing_else = _is_nothing_else(language, sentence, data)
    warned = language.warning.search(plain)
    for start, end in data:
        if warned and warned.start() < start and not language.contrast.search(plain, warned.end(), start):
            continue
        if language.unneeded.match(sentence, end + 1):  # “your order number is not needed”
            continue
        if is_nothing_else or language.question.match(sentence, start):
            yield start, end
            continue
        before, after = plain[max(0, start - _AROUND) : start], plain[end : end + _AROUND]
        if language.none_before.search(before) or language.bound_before.search(before):
            continue
        if language.handled_before.search(before) and not language.handed_on.search(after):
            continue
        if is_request:
            yield start, end


def _has_other_way(language: _Language, sentence: str, data: list[tuple[int, int]], around: str) -> bool:
    """Whether it is to be told in private, or elsewhere than in the answer."""
    in_public = language.public.search(sentence)
    if language.private.search(blank(language.not_private, sentence)):
        return True
    if in_public:
        return False
    # “Which number stands on the invoice?” asks, “your number stands on the invoice” does not.
    asks_which = any(language.question.search(sentence, max(0, start - _BEGINNING), start + 8) for start, _ in data)
    return bool((not asks_which and language.elsewhere.search(sentence)) or language.private.search(blank(language.not_private, around)))


def _is_nothing_else(language: _Language, sentence: str, data: list[tuple[int, int]]) -> bool:
    """“Hi, your order number?”"""
    if "?" not in sentence:
        return False
    return len(re.findall(r"\w+", language.courtesy.sub(" ", hide(sentence, data)))) <= _MOST_WORDS


def _is_mere_list(language: _Language, sentence: str, data: list[tuple[int, int]]) -> bool:
    """“To find you: name, date of birth, postcode”, or an order in words that are not known: “fling us your order number!”"""
    before = sentence[: data[0][0]]
    besides = hide(sentence, data)
    if _AFTER_COLON.search(before):
        return not words("finite").search(besides[data[-1][1] :])
    if re.search(r"\w", language.courtesy.sub(" ", besides[data[-1][1] :])):
        return False
    return not (words("finite").search(besides) or language.statement.search(besides) or language.handled_before.search(before))
