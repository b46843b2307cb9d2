"""Drafts that ask for personal data where everybody reads the answer, and drafts that push people to the telephone.

A sentence asks if it names a datum of the reader's and requests it, unless it warns of telling it, speaks of what was or will be done
with it, or says where else to tell it: in private, or on a form, in the app, on the way to the hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from engagement.guards.reading import HIDDEN, Reading, find_links
from engagement.guards.vocabulary import LANGUAGES, source, words

# A full stop behind “no.” or “tel.” ends no sentence.
_END = re.compile(
    r"(?<!\bno)(?<!\bnr)(?<!\btel)(?<!\bnum)(?<!\bref)(?<!\bkd)(?<!\bpls)(?<![.!?;])[.!?;]+(?=[\s\"')]|\Z)|\n+|(?<![!?])[!?]+"
)
_AFTER_COLON = re.compile(r":[^\w\x00]{1,3}(?:\w+ ){0,2}(?:\w+,? )?\Z")
_BEGINNING = 25  # characters in which a question word makes a sentence a question, should its mark be missing
_AROUND = 80  # characters beside a datum that say what is done with it
_LONGEST = 800  # characters of a sentence
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
    )


def find_asked(reading: Reading, *, secrets_only: bool = False) -> list[tuple[int, int]]:
    """Where personal data is asked for; with `secrets_only` passwords, PINs and full card numbers, wherever they are asked for."""
    sentences = list(_sentences(reading.hide(find_links(reading)).text))
    found: list[tuple[int, int]] = []
    for number, (at, sentence) in enumerate(sentences):
        for language in map(_language, LANGUAGES):
            data = (language.secret if secrets_only else language.datum).finditer(sentence)
            asked = [match.span() for match in data]
            if not asked:
                continue
            if not secrets_only:
                beside = sentences[max(0, number - 1) : number] + sentences[number + 1 : number + 2]
                if _has_other_way(language, sentence, asked, " \n ".join(text for _, text in beside)):
                    continue
            found += [(at + start, at + end) for start, end in _asked_in(language, sentence, asked)]
    return found


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Where each begins, and its text. What goes on for ever is cut."""
    at = 0
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        for start in range(at, end, _LONGEST):
            yield start, text[start : min(start + _LONGEST, end)]
        at = end


def _asked_in(language: _Language, sentence: str, data: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    plain = _blank(language.statement, sentence)
    besides = _hide(plain, data)
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
    if language.private.search(_blank(language.not_private, sentence)):
        return True
    if in_public:
        return False
    # “Which number stands on the invoice?” asks, “your number stands on the invoice” does not.
    asks_which = any(language.question.search(sentence, max(0, start - _BEGINNING), start + 8) for start, _ in data)
    return bool((not asks_which and language.elsewhere.search(sentence)) or language.private.search(_blank(language.not_private, around)))


def _is_nothing_else(language: _Language, sentence: str, data: list[tuple[int, int]]) -> bool:
    """“Hi, your order number?”"""
    if "?" not in sentence:
        return False
    return len(re.findall(r"\w+", language.courtesy.sub(" ", _hide(sentence, data)))) <= _MOST_WORDS


def _is_mere_list(language: _Language, sentence: str, data: list[tuple[int, int]]) -> bool:
    """“To find you: name, date of birth, postcode”, or an order in words that are not known: “fling us your order number!”"""
    before = sentence[: data[0][0]]
    if _AFTER_COLON.search(before):
        return True
    besides = _hide(sentence, data)
    if re.search(r"\w", language.courtesy.sub(" ", besides[data[-1][1] :])):
        return False
    return not (words("finite").search(besides) or language.statement.search(besides) or language.handled_before.search(before))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: HIDDEN * len(match.group()), text)


def _hide(text: str, spans: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], HIDDEN * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def find_push_to_call(reading: Reading) -> list[tuple[int, int]]:
    """“Just call us”, where no other way is offered beside it."""
    found = []
    for at, sentence in _sentences(reading.text):
        if not words("another_way").search(sentence):
            found += [(at + match.start(), at + match.end()) for match in words("call_us").finditer(sentence)]
    return found
