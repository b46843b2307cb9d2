"""What the scorer says of a post, how sure it is of it, and how it accounts for it."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listening.sentiment import CareScorer, Explanation, Score, Scorer, get_scorer
from listening.sentiment.vader import compound
from listening.sentiment.vocabulary import prepare, tokens_in_place

from .strategies import any_text, care_texts

claims = st.sampled_from(["", "en", "de", "ja", "ar", "und", "pt-BR", "nonsense", "\ud800"])


def judge(text: str, language: str = "") -> Score:
    return get_scorer().score(text, language=language)


def account(text: str, language: str = "") -> Explanation:
    return get_scorer().explain(text, language=language)


def notes(text: str) -> dict[str, str]:
    return {part.text: part.note for part in account(text).parts}


def test_there_is_one_scorer_in_the_process_and_it_keeps_the_protocol() -> None:
    scorer: Scorer = get_scorer()
    assert scorer is get_scorer()
    assert scorer.name
    assert "3.3.2" in scorer.version
    assert (judge("hello").scorer, judge("hello").version) == (scorer.name, scorer.version)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I've been on hold for 45 minutes and nobody answers", "negative"),
        ("Where is my refund?? Still waiting...", "negative"),
        ("The app won't load and the charger is broken", "negative"),
        ("My bike didn't arrive and you cancelled my order", "negative"),
        ("Thanks for nothing", "negative"),
        ("You overcharged me twice, unacceptable", "negative"),
        ("Great, another delay. Love how you never answer the phone 🙄", "negative"),
        ("thank you so much, Tidewheel!", "positive"),
        ("the courier was great 😍", "positive"),
        ("thx!!", "positive"),
        ("no problem, all sorted", "positive"),
        ("I can't wait to ride it", "positive"),
        ("Not bad at all", "positive"),
        ("How do I change my delivery address?", "neutral"),
        ("Could you please help me with my order? Thanks in advance", "neutral"),
        ("Received my bike today. It is blue.", "neutral"),
        ("The shop opens at nine.", "neutral"),
        ("😡😡", "negative"),
        ("❤️❤️", "positive"),
        (":-(", "negative"),
        (":D", "positive"),
        ("#fail", "negative"),
    ],
)
def test_posts_to_a_company_are_labelled_as_they_are_meant(text: str, label: str) -> None:
    assert judge(text).label == label


@pytest.mark.parametrize(
    "text",
    [
        "これはひどい、二度と買わない",
        "Das Rad ist kaputt und niemand antwortet mir",
        "Llevo tres horas esperando y nadie contesta",
        "Je suis très déçu par votre service",
        "الخدمة سيئة جدا",
        "Обслуживание ужасное",
        "Merci beaucoup!",
        "kya baat hai yaar",
    ],
)
def test_a_language_that_cannot_be_read_is_unsure_never_neutral(text: str) -> None:
    score = judge(text)
    assert score.label == "unsure"
    assert score.confidence == 0
    assert score.language != "en"


def test_words_of_another_language_do_not_count_even_if_they_look_english() -> None:
    """“die” and “war” are among VADER's worst words."""
    assert judge("Die Lieferung war gestern da und die Rechnung auch").score == 0


def test_emoji_are_read_in_any_language_but_the_label_stays_unsure() -> None:
    explanation = account("これはひどい 😡")
    assert explanation.score.label == "unsure"
    assert explanation.score.guess == "negative"
    assert [part.text for part in explanation.parts] == ["😡"]
    assert "Japanese, which this scorer cannot read" in explanation.reasons[0]


@pytest.mark.parametrize("text", ["", "   ", "12345", "?!", "@tidewheel", "@tidewheel https://tidewheel.example/a", "🚲"])
def test_a_post_without_anything_to_judge_is_unsure(text: str) -> None:
    assert judge(text, "en").label == "unsure"
    assert "nothing in it to judge" in account(text, "en").reasons[0]


def test_good_and_bad_in_balance_is_unsure_and_says_so() -> None:
    explanation = account("The ride is nice and the lock is annoying")
    assert explanation.score.label == "unsure"
    assert "equally strong" in explanation.reasons[0]


def test_handles_links_and_own_names_carry_no_feeling() -> None:
    assert judge("@united @best @love flight at nine https://great.example/love").score == 0
    named = CareScorer(own_terms=["Best Wheels", "Joy"])
    assert judge("I rent a Joy from Best Wheels in town").score > 0
    assert named.score("I rent a Joy from Best Wheels in town").score == 0
    assert named.score("the best joyful ride").score > 0


def test_politeness_is_no_praise() -> None:
    assert judge("please help").score == 0
    assert judge("thank you").label == "positive"
    assert judge("thank you, can you send it again?").label == "neutral"
    assert judge("still waiting, nobody answers, thank you").score < judge("still waiting, nobody answers").score + 0.001


def test_typographic_apostrophes_quotes_and_dots_are_read_like_typed_ones() -> None:
    assert judge("it doesn’t work…still waiting").score == judge("it doesn't work...still waiting").score < -0.5
    assert judge("a “great” bike").score == judge('a "great" bike').score > 0


def test_stretched_words_are_read_in_their_usual_spelling() -> None:
    assert judge("this is soooo slooow").score < -0.3
    assert judge("I looooove it").label == "positive"


def test_an_emoji_is_not_turned_round_by_a_negation_before_it() -> None:
    assert judge("I do not know why 😡").score < judge("I do not know why").score
    assert judge("I do not know why 👍🏽").score > judge("I do not know why").score


def test_every_step_of_confidence_is_reachable_and_says_more_for_stronger_words() -> None:
    texts = ["the shop opens at nine", "how long is the ride?", "bad", "terrible, awful, the worst ever"]
    neutral, hinted, bad, worst = [judge(text).confidence for text in texts]
    assert hinted < neutral < worst
    assert bad < worst


@pytest.mark.parametrize(
    ("text", "word", "note"),
    [
        ("it is not great", "great", "turned round by “not”"),
        ("it is very bad", "bad", "strengthened by “very”"),
        ("it is barely good", "good", "weakened by “barely”"),
        ("it is GREAT to ride", "GREAT", "stronger in capitals"),
        ("good ride but bad lock", "good", "halved, as “but” follows"),
        ("good ride but bad lock", "bad", "stronger after “but”"),
        ("bad lock!!", "!!", "exclamation or question marks"),
        ("we rode 😡", "😡", "emoji"),
        ("still waiting here for you", "Still waiting".lower(), "care lexicon: waiting"),
        ("waiting for 3 hours", "3 hours", "a length of time"),
        ("we could not ride", "not", "is not, cannot or did not"),
        ("it was never so good", "good", "strengthened by “so” or “this”"),
        ("that was the shit for us", "shit", "idiom"),
        ("no reply from you, thanks", "thanks", "not counted, as it closes a complaint"),
        ("broken again, great", "great", "counted half beside a failure"),
    ],
)
def test_each_rule_names_itself_in_the_note_of_the_word_it_changed(text: str, word: str, note: str) -> None:
    assert note in notes(text)[word]


@given(care_texts, claims)
@example("I :) - “Great!” 😡not 👍🏽️ BAD, thanks?", "")
@settings(max_examples=600, deadline=None)
def test_the_account_adds_up_to_the_score(text: str, language: str) -> None:
    explanation = account(text, language)
    assert explanation.score == judge(text, language)
    assert explanation.reasons
    assert explanation.score.score == pytest.approx(compound(sum(part.weight for part in explanation.parts), 0.0), abs=2e-4)
    for part in explanation.parts:
        assert part.text == text[part.start : part.end]
        assert part.text
        assert part.note
    words = [part for part in explanation.parts if not part.note.startswith("exclamation")]
    assert all(one.end <= other.start for one, other in itertools.pairwise(words))


@given(st.one_of(any_text, care_texts))
@example("a\ufe0f.\ufe0f..b 😀\u200d😀\x1c\x85x\u3000y")
@settings(max_examples=500, deadline=None)
def test_words_are_found_in_the_text_as_the_scorer_splits_it(text: str) -> None:
    assert [token for token, _, _ in tokens_in_place(text)] == prepare(text).split()


@given(any_text, claims)
@example("\x00", "")
@example("\ud800\udfff \ufffe 😡", "en")
@example("\u202e txet \u2066 lamron", "")
@example("" + "!" * 500 + "?" * 500, "")
@settings(max_examples=800, deadline=None)
def test_no_text_breaks_it(text: str, language: str) -> None:
    score = judge(text, language)
    assert -1 <= score.score <= 1
    assert 0 <= score.confidence <= 1
    assert score.label in {score.guess, "unsure"}
    assert account(text, language).score == score


@given(st.one_of(care_texts, any_text), claims)
@settings(max_examples=400, deadline=None)
def test_judging_again_with_the_language_it_told_gives_the_same(text: str, claimed: str) -> None:
    """The desk stores the language and explains the score later from what it stored."""
    first = judge(text, claimed)
    assert judge(text, first.language or claimed) == first


@pytest.mark.parametrize("unit", ["bad but good ", "a", "😡", "no ", "!", "@", "\x00", "\u0300", "not not love ", "still waiting "])
def test_ten_megabytes_are_judged_in_less_than_a_second(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))
    start = time.process_time()
    score = judge(text)
    assert time.process_time() - start < 1
    assert score == judge(text[:20_000])
    assert "first 20,000 characters" in account(text).reasons[-1]


def test_many_are_judged_as_each_alone() -> None:
    texts = [("bad lock", ""), ("Merci beaucoup", "fr"), ("", ""), ("love it", "en")]
    assert get_scorer().score_many(texts) == [judge(text, language) for text, language in texts]
    assert get_scorer().score_many([]) == []


def test_threads_may_share_it() -> None:
    texts = [(f"bike {i} is {'broken' if i % 2 else 'great'} unheard{i * 7919}", "") for i in range(3000)]
    alone = CareScorer().score_many(texts)
    shared = CareScorer()
    with ThreadPoolExecutor(8) as pool:
        for scores in pool.map(lambda _: shared.score_many(texts), range(8)):
            assert scores == alone
