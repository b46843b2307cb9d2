"""Texts made of what the rules look for: lexicon words, boosters, negations, idioms, capitals, punctuation, emoji."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

ANALYZER = SentimentIntensityAnalyzer()

_RULE_WORDS = "but BUT But no No never so this without doubt least at very or nor kind of sort just enough n't don't"
_PLAIN_WORDS = "the a bike phone order i we x 3 45 hours on hold is it's and then"
_CARE_WORDS = (
    "still waiting,thanks,thank you,please,refund,nobody answers,not working,on hold,love,great,customer service,2 hours,no refund,"
    "can't wait,@tidewheel,https://tidewheel.example/x?y=1,#fail,sooooo,don’t,“great”,okay…,late—again"
)

_words = st.one_of(
    st.sampled_from(sorted(ANALYZER.lexicon)),
    st.sampled_from(["good", "good", "bad", "great", "awful", "shit", "bad", "death", "right", "stop", "heart"]),
    st.sampled_from(sorted(BOOSTER_DICT)),
    st.sampled_from(NEGATE),
    st.sampled_from(_RULE_WORDS.split()),
    st.sampled_from([word for idiom in SPECIAL_CASES for word in (idiom, *idiom.split())]),
    st.sampled_from(_PLAIN_WORDS.split()),
    st.sampled_from(sorted(ANALYZER.emojis)),
)
_SHAPES: list[Callable[[str], str]] = [str, str, str, str.upper, str.title, str.capitalize]
_shapes = st.sampled_from(_SHAPES)
_ends = st.sampled_from(["", "", "", "", "!", "?", "!!", "???", "!!!!!!", ".", ",", "...", '"', "'s", ")", ":)", "\u00a0"])
_gaps = st.sampled_from([" ", " ", " ", " ", "  ", "\n", "", "\t"])


def _texts(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pieces = st.tuples(words, _shapes, _ends, _gaps).map(lambda piece: piece[1](piece[0]) + piece[2] + piece[3])
    return st.lists(pieces, max_size=20).map("".join)


rule_texts = _texts(_words)
care_texts = _texts(st.one_of(_words, st.sampled_from(_CARE_WORDS.split(","))))
# Everything that Python can hold in a string: lone surrogates, NULs, unassigned code points.
any_text = st.text(st.characters(exclude_categories=()), max_size=300)
