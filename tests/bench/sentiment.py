"""What judging a post costs beside plain vaderSentiment, on posts made up here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from listening.sentiment import CareScorer, detect_language

# Beginnings, middles and ends of posts to a company: about 100 characters together, as public posts to companies are.
_OPENINGS = (
    *(
        "@tidewheel ",
        "@tidewheel hey, ",
        "Hi @tidewheel, ",
        "So @tidewheel... ",
        "@tidewheel @tidewheelcare ",
        ".@tidewheel really? ",
        "",
        "",
    ),
    *("Dear Tidewheel, ", "WOW @tidewheel ", "@tidewheel thanks but ", "Never again @tidewheel. "),
)
_MIDDLES = (
    "my {thing} has been {fault} since {day} and nobody answers the phone",
    "I have been on hold for {n} minutes, is there anyone who can look at my {thing}?",
    "the {thing} is {fault} again, that is the {n}th time and I'm not happy",
    "can you tell me when the {thing} will arrive? It was promised for {day}",
    "your courier brought the new {thing} on {day}, {n} minutes early, and was so friendly",
    "how do I change the address of order {n}7{n}3 before {day}",
    "you charged me {n} euros for a {thing} that I sent back on {day}",
    "I love the {thing} but the app is VERY slow and keeps crashing on {day}s",
    "the ride on {day} was great, {n} km without a stop, best {thing} ever",
    "still waiting for an answer about the {fault} {thing}, {n} days now",
    "we rode to the harbour on {day} with the {thing} and saw {n} seals",
)
_ENDINGS = (
    *(
        "",
        ".",
        "!",
        "!!!",
        "?",
        "...",
        " 😡",
        " 😍😍",
        " thanks",
        " please help",
        " #fail",
        " https://tidewheel.example/a/{n}",
        " thank you so much!",
    ),
    *(" Can you fix this please?", " I can’t believe it", " Not good enough.", " smh", " See you there"),
)
_THINGS = ("bike", "charger", "battery", "lock", "brake lever", "helmet", "front light", "child seat", "back wheel", "display")
_FAULTS = ("broken", "missing", "loose", "late", "dead", "scratched", "not working", "stuck")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OTHER_LANGUAGES = (
    "@tidewheel mein Rad ist seit {day} kaputt und niemand geht ans Telefon",
    "@tidewheel llevo {n} minutos esperando y nadie contesta",
    "@tidewheel le vélo est arrivé {day}, merci beaucoup !",
)


def bench(*, posts: int = 3_000, rounds: int = 7) -> dict[str, float]:
    """Microseconds a post, one thread, words already met: `vader_us` vaderSentiment alone, `desk_us` language, masking, rules and label.

    `ratio` is the median over the rounds of desk to vader; `language_us` is telling the language alone.
    """
    rng = random.Random(20251103)
    texts = [_post(rng) for _ in range(posts)]
    pairs = [(text, "") for text in texts]
    analyzer, scorer = SentimentIntensityAnalyzer(), CareScorer()
    runs: dict[str, Callable[[], object]] = {
        "vader_us": lambda: [analyzer.polarity_scores(text) for text in texts],
        "desk_us": lambda: scorer.score_many(pairs),
        "language_us": lambda: [detect_language(text) for text in texts],
    }
    timings: dict[str, list[float]] = {name: [] for name in runs}
    scorer.score_many(pairs)
    for _ in range(rounds):  # in turns, so that a slow moment of the machine falls on all of them
        for name, run in runs.items():
            start = time.process_time()
            run()
            timings[name].append((time.process_time() - start) / posts * 1e6)
    ratio = median(desk / vader for desk, vader in zip(timings["desk_us"], timings["vader_us"], strict=True))
    return {name: round(min(values), 2) for name, values in timings.items()} | {"ratio": round(ratio, 3)}


def _post(rng: random.Random) -> str:
    middle = rng.choice(_OTHER_LANGUAGES) if rng.random() < 0.03 else rng.choice(_OPENINGS) + rng.choice(_MIDDLES)
    template = middle + rng.choice(_ENDINGS)
    return template.format(thing=rng.choice(_THINGS), fault=rng.choice(_FAULTS), day=rng.choice(_DAYS), n=rng.randrange(2, 95))
