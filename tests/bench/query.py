"""What matching a post against topics costs: one topic, fifty and two hundred, on posts made up here."""

from __future__ import annotations

import random
import time

from listening.query import Doc, TopicMatcher

_COMMON = (
    "the and to of my is it for you on with this that have not be at are was but so just me all out up get your from now time can what "
    "when they will how been still waiting again hours day week bike ride phone app help please thanks never really again anyone why "
    "customer service broken battery charge brake light wheel lock order delivery late refund money price support call back today"
)
_AT_ONCE = 100  # posts
_SYLLABLES = ["ba", "ko", "ri", "len", "tor", "mi", "sa", "vel", "du", "nex", "fo", "gra", "hu", "pim", "qua", "zel", "wo", "yan"]


def bench(*, posts: int = 2_000, rounds: int = 7) -> dict[str, float]:
    """Microseconds per post of about 100 characters, folding and tokenising included, and how 200 topics compare with one.

    Topics are those of brands: two to six words with OR, a phrase, something left out; some of fifty match, the other
    brands are hardly ever named.
    """
    rng = random.Random(20250901)
    brands = ["".join(rng.choices(_SYLLABLES, k=3)) for _ in range(200)]
    docs = [Doc(_post(rng, brands[:3]), author="rider", language="en", network="sandbox") for _ in range(posts)]
    queries = [_topic(rng, brand) for brand in brands]
    matchers = {n: TopicMatcher(dict(enumerate(queries[:n]))) for n in (1, 50, 200)}
    best = dict.fromkeys(matchers, 0.0)
    for start in range(0, posts, _AT_ONCE):
        few = docs[start : start + _AT_ONCE]
        timings: dict[int, list[float]] = {n: [] for n in matchers}
        # Short turns, and the best of each: what else the machine does falls on none of them.
        for _ in range(rounds):
            for n, matcher in matchers.items():
                begun = time.perf_counter()
                for doc in few:
                    matcher.match(doc)
                timings[n].append(time.perf_counter() - begun)
        for n, taken in timings.items():
            best[n] += min(taken) / posts * 1e6
    return {f"topics_{n}_us": round(us, 2) for n, us in best.items()} | {"ratio_200_to_1": round(best[200] / best[1], 3)}


def _post(rng: random.Random, brands: list[str]) -> str:
    words = rng.choices(_COMMON.split(), k=rng.randint(12, 22))
    if rng.random() < 0.6:
        words[0] = rng.choice("@# ").strip() + rng.choice(brands)
    if rng.random() < 0.3:
        words[5] = "can't"
    if rng.random() < 0.2:
        words[-1] = "https://short.example/" + "".join(rng.choices("abcdefghijklmnop0123456789", k=8))
    if rng.random() < 0.1:
        words.append("\U0001f621")
    return " ".join(words).capitalize() + rng.choice([".", "!", "?", " ..."])


def _topic(rng: random.Random, brand: str) -> str:
    other = brand[:4] + rng.choice(_SYLLABLES) + "ix"
    return rng.choice(
        [
            f"{brand} OR @{brand} OR #{brand}",
            f'{brand} (broken OR late OR refund*) -"{other} jobs"',
            f'"{brand} {other}" OR {other}* OR ({brand} app)',
            f"({brand} OR {other}) battery -hiring",
            f'@{brand} OR "{brand} customer service" -from:{brand}',
        ]
    )
