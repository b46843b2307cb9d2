"""The hand-written word lists: each word once, all of it reachable."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import listening.sentiment
from listening.sentiment.language import detect_language
from listening.sentiment.vader import bare, lexicon
from listening.sentiment.vocabulary import CareVocabulary, join_phrases, prepare
from listening.sentiment.words import care, languages


def test_each_word_and_phrase_is_listed_once() -> None:
    text = (Path(listening.sentiment.__file__).parent / "care.toml").read_text(encoding="utf-8")
    listed = [
        entry.strip()
        for weights in tomllib.loads(text)["words"].values()
        for entries in weights.values()
        for entry in entries.replace("\n", " ").split(",")
    ]
    assert [entry for entry, times in Counter(listed).items() if times > 1] == []
    assert all(listed)
    assert not care().without_feeling & set(listed)


def test_each_entry_weighs_what_the_list_says() -> None:
    vocabulary = CareVocabulary()
    wrong = []
    for entry, (weight, note) in care().entries.items():
        tokens = prepare(entry).split()
        words = [vocabulary[token] for token in tokens]
        join_phrases(tokens, words)
        if len(words) != 1 or words[0] is None or (words[0].weight, words[0].note) != (weight, note):
            wrong.append(entry)
    assert wrong == []


def test_words_without_feeling_are_words_that_vader_feels_something_about() -> None:
    assert [word for word in care().without_feeling if word not in lexicon()] == []
    vocabulary = CareVocabulary()
    assert [word for word in care().without_feeling if word in vocabulary.weights] == []


def test_entries_are_written_as_the_scorer_reads_words() -> None:
    for entry in care().entries:
        assert entry == entry.lower()
        assert all(bare(word) == word for word in entry.split()), entry
        assert not re.search(r"[’“”]", entry)


def test_languages_are_told_by_their_own_function_words() -> None:
    for language, words in languages().others.items():
        assert detect_language(" ".join(sorted(words)[:25])) in (language, "")
