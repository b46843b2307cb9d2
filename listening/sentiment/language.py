"""Which language a post is written in: a look at its function words first, Compact Language Detector 2 where they do not settle it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pycld2

from .vader import bare, lexicon

UNKNOWN = ""
ENGLISH = "en"

# Words that hold an English sentence together and that no neighbour language writes too.
_ENGLISH_ONLY = """
    the and you your yours yourself are were been being have has had having would could should might must does did doing
    don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't shouldn't haven't hasn't hadn't ain't cannot
    dont doesnt didnt isnt arent wasnt werent couldnt wouldnt shouldnt havent hasnt hadnt
    i'm i've i'll i'd it's that's there's what's where's who's how's he's she's let's you're you've you'll you'd we're we've we'll
    they're they've they'll my our ours their theirs hers them they she this that these those there here where when which while who
    whose why how what with without from into onto through for about above below between because than then though although until
    unless not nor never ever every everyone everything any anyone anything some someone something nobody nothing only just very
    much many more most less least too again always often still already yet soon now later before after since
    get gets getting got give gives gave goes going gone went comes came make makes made take takes took taking
    say says said tell tells told ask asked know knows knew think thought see seen saw want wants wanted need needs needed
    try trying tried use used using work works working look looking keep keeps call called calling
    please thanks thank sorry hello yes yeah people day days week weeks month months year years hour hours minute minutes
    today tomorrow yesterday tonight morning two three first last next other another same each both few off over down up back away
    around good better best bad worse worst great nice love hate right wrong new old little
"""
# Words that English shares with its neighbours. They count only beside the others.
_ENGLISH_SHARED = "can will it is was we he me us do so no be by at as or of to in on a an i come one all her him his but out if time well"

# The same for the languages that are easily taken for English in a short post with names in it.
_OTHER_WORDS = {
    "de": "der die das und ist nicht ein eine einen einem ich du wir ihr sie mit auf für von zu zum zur den dem des im auch noch nur aber "
    "oder wie wann warum mein meine kein keine bei nach seit viel mehr sehr schon immer habe hat haben sind wird werden kann bitte danke",
    "es": "el la los las una que de en y por para con del se no es lo su mi tu me te le muy pero más como cuando donde porque este esta "
    "esto hay está son ser estar tengo tiene hace sin sobre también ya si gracias hola nos",
    "fr": "le la les des une un de du et est pas que qui dans pour sur avec ce cette ces mon ma mes ton votre vos notre nous vous je il elle "
    "ils au aux en ne se par plus mais ou où très bien merci bonjour c'est j'ai n'est qu'il d'un d'une sont être fait tout comme",
    "it": "il lo la gli le un una di che è per con non si del della dei delle nel nella da sono ho hai ha anche ma come più perché questo "
    "questa quando dove mio mia mi ti ci vi se tutto tutti molto grazie ciao essere stato fare",
    "nl": "de het een en van ik je niet dat die op te met voor zijn maar ook aan er naar om bij uit nog wel geen waar wat mijn jullie heb "
    "heeft hebben wordt kan dank bedankt",
    "pt": "o a os as um uma que de do da dos das em no na nos nas para por com não se é eu você ele ela meu minha mas mais muito como "
    "quando onde porque este esta isso foi são ser está tem já também pra obrigado obrigada",
}
# What the detector may answer for a text too short for it to be sure of. Rarer languages are then mostly mistakes.
_WIDELY_WRITTEN = frozenset(
    "ar bg bn ca cs da de el es fa fi fr gu he hi hr hu id it ja kn ko ml mr ms nl no pa pl pt ro ru sk sr sv sw ta te th tl tr uk ur vi zh".split()
)
_CHAT = frozenset("ok okay thankyou thanx thnx thnks ty tysm pls plz omg np dm".split())
# English sentiment words that are everyday words elsewhere.
_NOT_ONLY_ENGLISH = frozenset(
    "die war hell super idiot perfect fan bravo amor gratis fiesta honor terror horror error pain champion catastrophe excellent important "
    "intelligent patient brilliant elegant arrogant grand rage douche no fun rich fort final art gift original natural total ideal".split()
)
_OLD_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "nb": "no", "nn": "no"}
# Networks send these for "could not say" and for posts of tags, links or media alone.
_NO_LANGUAGE = frozenset("und zxx mul mis qam qct qht qme qst art".split())
# Written in their own script, nearly always: a post in Latin letters is not in them, whatever the account's setting says.
_OWN_SCRIPT = frozenset("ar bg el fa he hy ja ka ko ru th uk zh".split())
_LATIN = frozenset("af ca cs cy da de en es et eu fi fr ga gl hr ht hu id is it lt lv ms mt nl no pl pt ro sk sl sq sv sw tl tr vi".split())
_SCRIPTS = (("ja", re.compile("[\u3040-\u30ff]")), ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]")), ("zh", re.compile("[\u4e00-\u9fff]")))

_SUBTAG = re.compile(r"[A-Za-z]{2,3}(?=$|[-_])")
_NOT_PROSE = re.compile(r"(?:https?://|www\.)\S*|(?<!\w)[@#]\w+")
# The detector refuses control characters, halves of surrogate pairs and code points that Unicode keeps unassigned for good.
_NEVER_ASSIGNED = "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_REFUSED = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NEVER_ASSIGNED}]")
_OTHER_SCRIPT = re.compile("[^\\W\\d_\u0000-\u024f\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uff21-\uff5a\U0001d400-\U0001d7ff]")
_LETTER = re.compile(r"[^\W\d_]")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_LONG = 100  # characters from which even a rare language is believed
_ENOUGH = 1500  # characters that are looked at; a post that long says its language well before


def _as_written(words: str) -> frozenset[str]:
    return frozenset(form for word in words.split() for form in (word, word.capitalize(), word.upper()))


_STRONG = _as_written(_ENGLISH_ONLY)
_ALL = _STRONG | _as_written(_ENGLISH_SHARED)
_OTHERS = {language: frozenset(words.split()) - _ALL for language, words in _OTHER_WORDS.items()}


@cache
def _english_vocabulary() -> frozenset[str]:
    sentiment = {word for word in lexicon() if len(word) > 2 and word.isascii() and word.isalpha()} - _NOT_ONLY_ENGLISH
    return frozenset(sentiment | {word.lower() for word in _STRONG} | _CHAT)


def detect_language(text: str) -> str:
    """The BCP 47 primary subtag of the language that `text` is written in, "" when that cannot be told. Never raises."""
    return resolve_language(text, text.split())


def resolve_language(text: str, tokens: Sequence[str], claimed: str = "") -> str:
    """As `detect_language`; `tokens` is `text.split()`, `claimed` the language that the network gave.

    The network is believed, unless the script contradicts it, or the words leave no doubt that it is English after all, or is not.
    """
    if _reads_as_english(tokens) and (text.isascii() or not _is_in_other_script(text[:_ENOUGH])):
        return ENGLISH
    claimed = primary_subtag(claimed)
    prose = _REFUSED.sub(" ", _NOT_PROSE.sub(" ", text[:_ENOUGH]))
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
    return UNKNOWN if code in _NO_LANGUAGE else _OLD_CODES.get(code, code)


@cache
def language_name(code: str) -> str:
    """The English name of a language, as it stands in a sentence."""
    names = {subtag: name.replace("_", " ").title() for name, subtag in reversed(pycld2.LANGUAGES)}
    name = names.get(code) or names.get({"he": "iw", "jv": "jw"}.get(code, ""), "")
    return name or f"a language with the code “{code}”"


def _reads_as_english(tokens: Sequence[str]) -> bool:
    strong = len(_STRONG.intersection(tokens))
    return strong > 1 and strong * 8 >= len(tokens) and len(_ALL.intersection(tokens)) * 4 >= len(tokens)


def _is_in_other_script(text: str) -> bool:
    """Whether more than half of the letters are not Latin ones."""
    return bool(_OTHER_SCRIPT.search(text)) and 2 * len(_OTHER_SCRIPT.findall(text)) > len(_LETTER.findall(text))


def _contradicts(claimed: str, prose: str) -> bool:
    """Whether `claimed` is not written in the letters that stand in `prose`."""
    if claimed in _OWN_SCRIPT:
        return not _OTHER_SCRIPT.search(prose)
    return claimed in _LATIN and _is_in_other_script(prose)


def _detect(prose: str) -> tuple[str, bool]:
    """The language of `prose`, without links and tags, and whether the detector is sure of it."""
    if not _LETTER.search(prose):
        return UNKNOWN, False
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
    if sure and sure != ENGLISH and (sure in _WIDELY_WRITTEN or len(prose) > _LONG):
        return sure, True
    if guess != ENGLISH and others < 2 and english + len(_english_vocabulary() & words) > others:
        return ENGLISH, False
    if others and counts.get(guess, 0) < others:
        return max(counts, key=counts.__getitem__), False
    return guess if guess in _WIDELY_WRITTEN else UNKNOWN, False


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
