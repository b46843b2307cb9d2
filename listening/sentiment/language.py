"""Which language a post is written in: a look at its function words first, Compact Language Detector 2 where they do not settle it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

import pycld2

from listening.sentiment.vader import bare, lexicon
from listening.sentiment.words import languages

UNKNOWN = ""
ENGLISH = "en"

_LISTS = languages()
_OLD_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "nb": "no", "nn": "no"}
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
)

_SUBTAG = re.compile(r"[A-Za-z]{2,3}(?=$|[-_])")
_NOT_PROSE = re.compile(r"(?:https?://|www\.)\S*|(?<!\w)[@#]\w+")
_NOT_WORDS = re.compile(r"(?:https?://|www\.)\S*|(?<!\w)@\w+")
# The detector refuses control characters, halves of surrogate pairs and code points that Unicode keeps unassigned for good.
_NEVER_ASSIGNED = "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_REFUSED = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NEVER_ASSIGNED}]")
_OTHER_SCRIPT = re.compile("[^\\W\\d_\u0000-\u024f\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uff21-\uff5a\U0001d400-\U0001d7ff]")
_LETTER = re.compile(r"[^\W\d_]")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_LONG = 100  # characters from which even a rare language is believed
_ENOUGH = 1500  # characters that are looked at; a post that long says its language well before


def _as_written(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word, word.capitalize(), word.upper()))


# Words that only English sentences are held together by; and with them those that it shares with its neighbours.
_STRONG = _as_written(_LISTS.english_only)
_ALL = _STRONG | _as_written(_LISTS.english_shared)
_OTHERS = {language: words - _ALL for language, words in _LISTS.others.items()}


@cache
def _english_vocabulary() -> frozenset[str]:
    sentiment = frozenset(word for word in lexicon() if len(word) > 2 and word.isascii() and word.isalpha()) - _LISTS.english_elsewhere
    return sentiment | _LISTS.english_only | _LISTS.english_chat


def detect_language(text: str) -> str:
    """The BCP 47 primary subtag of the language that `text` is written in, "" when that cannot be told. Never raises."""
    text = text[:_ENOUGH]
    return resolve_language(text, text.split())


def resolve_language(text: str, tokens: Sequence[str], claimed: str = "") -> str:
    """As `detect_language`; `tokens` is `text.split()`, `claimed` the language that the network gave.

    The network is believed, unless the script contradicts it, or the words leave no doubt that it is English after all, or is not.
    """
    if _reads_as_english(tokens) and (text.isascii() or not _is_in_other_script(text[:_ENOUGH])):
        return ENGLISH
    claimed = primary_subtag(claimed)
    prose = without_links(text[:_ENOUGH])
    if not _LETTER.search(prose):
        prose = _without_handles(text[:_ENOUGH])  # nothing but hashtags, perhaps: then these have to do
        if not _LETTER.search(prose):
            return UNKNOWN
    prose = _REFUSED.sub(" ", prose)
    detected, sure = _detect(prose)
    if not claimed or _contradicts(claimed, prose):
        return detected
    if sure and (detected == ENGLISH) != (claimed == ENGLISH):
        return detected
    return claimed


def primary_subtag(tag: str) -> str:
    """`tag` (“pt-BR”, “EN_us”, “iw”) as a lower-case primary subtag in today's spelling; "" for “und” and the like, and for nonsense."""
    found = _SUBTAG.match(tag)
    if not found:
        return UNKNOWN
    code = found.group().lower()
    return UNKNOWN if code in _LISTS.no_language else _OLD_CODES.get(code, code)


@cache
def language_name(code: str) -> str:
    """The English name of a language, as it stands in a sentence."""
    names = {primary_subtag(known): name.title() for name, known in reversed(pycld2.LANGUAGES) if "-" not in known}
    name: str = names.get(code, f"a language with the code “{code}”")
    return name


def without_links(text: str) -> str:
    """`text` without links, handles and hashtags."""
    return _NOT_PROSE.sub(" ", text)


def _without_handles(text: str) -> str:
    return _NOT_WORDS.sub(" ", text)


def _reads_as_english(tokens: Sequence[str]) -> bool:
    strong = len(_STRONG.intersection(tokens))
    return strong > 1 and strong * 8 >= len(tokens) and len(_ALL.intersection(tokens)) * 4 >= len(tokens)


def _is_in_other_script(text: str) -> bool:
    """Whether more than half of the letters are not Latin ones."""
    return bool(_OTHER_SCRIPT.search(text)) and 2 * len(_OTHER_SCRIPT.findall(text)) > len(_LETTER.findall(text))


def _contradicts(claimed: str, prose: str) -> bool:
    """Whether `claimed` is not written in the letters that stand in `prose`."""
    if claimed in _LISTS.own_script:
        return not _OTHER_SCRIPT.search(prose)
    return claimed in _LISTS.latin_script and _is_in_other_script(prose)


def _detect(prose: str) -> tuple[str, bool]:
    """The language of `prose`, without links and tags, and whether the detector is sure of it."""
    guess = _ask(prose, guess=True)
    if _is_in_other_script(prose):
        return guess or _language_of_script(prose), True
    words = {bare(token).lower() for token in prose.split() if token[0] != "'"}
    english = len(_ALL & words)
    counts = {language: len(known & words) for language, known in _OTHERS.items()}
    others = max(counts.values())
    if guess == ENGLISH and english >= others and (english or not _ACCENTED.search(prose)):
        return ENGLISH, False
    sure = _ask(prose, guess=False)
    if sure and sure != ENGLISH and (sure in _LISTS.widely_written or len(prose) > _LONG):
        return sure, True
    if guess != ENGLISH and others < 2 and english + len(_english_vocabulary() & words) > others:
        return ENGLISH, False
    if others:
        agreed = counts.get(guess, 0) == others
        return guess if agreed else max(counts, key=counts.__getitem__), agreed and not english
    return guess if guess in _LISTS.widely_written else UNKNOWN, False


def _ask(prose: str, *, guess: bool) -> str:
    """What Compact Language Detector 2 says; with `guess` it answers for short texts too."""
    try:
        details = pycld2.detect(prose, isPlainText=True, bestEffort=guess)[2]
    except (pycld2.error, ValueError):  # _REFUSED should leave it no reason
        return UNKNOWN
    code: str = details[0][1]
    if code == "sco":  # what it calls Scots is colloquial English, nearly always
        return ENGLISH
    return UNKNOWN if code == "un" or code.startswith("xx") else primary_subtag(code)


def _language_of_script(prose: str) -> str:
    """The language whose script it is, for a few words too short for the detector."""
    return next((language for language, script in _SCRIPTS if script.search(prose)), UNKNOWN)
