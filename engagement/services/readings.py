"""What an author's answer to "may we?" reads as: a proposal by word lists, which a person confirms or overrules."""

from __future__ import annotations

import re
from typing import Literal

from listening.query import fold_text

Reading = Literal["yes", "no", "unclear"]

# Several words stand before the single ones that they hold: "no problem" is a yes.
_YES = {
    "en": "no problem|no worries|why not|of course|go ahead|feel free|be my guest|go for it|fine by me|happy to|honoured|honored"
    "|please do|by all means|yes|yeah|yep|yup|sure|absolutely|definitely|certainly|ok|okay|fine|you may|you can",
    "de": "kein problem|warum nicht|nichts dagegen|von mir aus|auf jeden fall|in ordnung|sehr gerne|ja|jo|jep|klar|gern|gerne|sicher"
    "|natürlich|selbstverständlich|meinetwegen|ok|okay|einverstanden|dürft ihr|dürfen sie",
    "fr": "mais oui|pas de souci|pas de soucis|pas de problème|aucun problème|pourquoi pas|bien sûr|avec plaisir|allez-y|vas-y"
    "|je vous en prie|d'accord|oui|ouais|volontiers|ok|évidemment|absolument|vous pouvez",
    "es": "sin problema|ningún problema|no hay problema|por qué no|por supuesto|claro que sí|cómo no|de acuerdo|sí|claro|vale|venga"
    "|adelante|ok|encantada|encantado|podéis|pueden",
    "ar": "لا مانع|لا مشكلة|ما في مشكلة|مافي مشكلة|ما عندي مانع|ليش لا|بكل سرور|على الرحب والسعة|نعم|أكيد|طبعًا|طبعا|تفضلوا|تفضل"
    "|موافق|موافقة|تمام|أوكي|اوكي|إي|ايوه|أيوه|يسعدني",
}
_NO = {
    "en": "rather not|rather you didn't|please don't|not ok|not okay|not fine|no way|no|nope|nah|don't|do not|not|never",
    "de": "lieber nicht|auf keinen fall|bitte nicht|nein|nee|nö|nicht|niemals|keinesfalls",
    "fr": "préfère pas|surtout pas|pas question|non|pas|jamais|préfère que ça reste",
    "es": "prefiero que no|mejor no|ni hablar|no|nunca|jamás",
    "ar": "أفضل لا|الأفضل لا|ما أبي|لا أريد|ما أريد|أرفض|لا|مو",
}
# Nobody knows yet: somebody has to read it.
_DOUBT = {
    "en": "depends|maybe|perhaps|i guess|not sure|hm|hmm",
    "de": "kommt drauf an|kommt darauf an|vielleicht|mal sehen|hm|hmm",
    "fr": "ça dépend|peut-être|à voir|mouais|hm|hmm",
    "es": "depende|quizás|quizá|tal vez|puede|hm|mmm",
    "ar": "على حسب|حسب|يمكن|ربما|همم",
}
# A yes with one of these is a yes to something else.
_CONDITION = {
    "en": "but|if|only|unless|as long as|without|except",
    "de": "aber|wenn|falls|nur|solange|außer|ohne",
    "fr": "mais|à condition|seulement|uniquement|sauf|sans",
    "es": "pero|siempre que|solo|salvo|sin",
    "ar": "بس|لكن|بشرط|إذا|بدون|من دون",
}


def _one_of(*lists: str) -> re.Pattern[str]:
    """Any of the words, whole, on folded text. The same folding for both, whatever a letter folds to."""
    words = sorted({fold_text(word) for part in lists for word in part.split("|")}, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(word) for word in words) + r")(?!\w)")


def _patterns(language: str) -> tuple[re.Pattern[str], ...]:
    # Whatever their language, many answer in English.
    return tuple(_one_of(words[language], words["en"]) for words in (_YES, _NO, _DOUBT, _CONDITION))


_PATTERNS = {language: _patterns(language) for language in _YES}


def read_answer(text: str, *, language: str) -> Reading:
    """yes, no, or unclear: both, neither, a doubt, a question, or a yes with a condition.

    Reading too little costs a glance, reading too much costs a customer.
    """
    yes, no, doubt, condition = _PATTERNS.get(language.split("-")[0].lower(), _PATTERNS["en"])
    folded = fold_text(text)
    rest = yes.sub(" ", folded)
    agrees, refuses = rest != folded, no.search(rest) is not None
    if agrees == refuses or doubt.search(rest) or any(mark in text for mark in "?؟¿"):
        return "unclear"
    if refuses:
        return "no"
    return "unclear" if condition.search(rest) else "yes"
