"""How heated and how tangled a public thread is, with the reasons in words, and whether it is better in private (brief A10, A12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engagement.services.facts import Facts, Turn, read_facts
from listening.models import Conversation

MOST = 10  # points
HOT, COMPLEX = 5, 4  # from these on a thread is better in private
VERY_NEGATIVE = -0.75
_RECENT = 3  # of the customer's posts, by which the tone is judged
_LONG = 400  # characters of a post that explains something long
_MATTERS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """0 to MOST points; `reasons` go on after "they": "are getting angrier"."""

    points: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Whether the conversation is better led in private, and why: a sentence, "" where it is not."""

    is_better: bool
    why: str
    heat: Reading
    complexity: Reading


def suggest_private(conversation: Conversation, facts: Facts | None = None) -> Suggestion:
    """Three queries, or none where the caller has the facts already. Nothing is switched by it: going private is the agent's act."""
    known = read_facts(conversation) if facts is None else facts
    heat, complexity = read_heat(known.turns), read_complexity(known)
    reasons: list[str] = []
    if heat.points >= HOT:
        reasons += heat.reasons[:2]
    if complexity.points >= COMPLEX:
        reasons += complexity.reasons[:2]
    return Suggestion(bool(reasons), f"They {_list(reasons)}." if reasons else "", heat, complexity)


def is_calm(posts: Sequence[Turn]) -> bool:
    """Whether the customer, by their posts so far, is not angry, or not any more: something surely kind, or two posts in a row that
    are neither negative nor doubtful. One doubtful word is not enough: sarcasm sounds kind too."""
    if not any(post.sentiment == "negative" for post in posts):
        return True
    if posts[-1].sentiment == "positive" and posts[-1].is_sure:
        return True
    return all(post.sentiment in ("positive", "neutral") for post in posts[-2:])


def read_heat(turns: Sequence[Turn]) -> Reading:
    """How angry the customer is in public. A customer who is calm again has none."""
    posts = [turn for turn in turns if not turn.is_ours]
    if is_calm(posts):
        return Reading(0)
    recent = posts[-_RECENT:]
    negative = [post for post in posts if post.sentiment == "negative"]
    exchanges = sum(1 for before, after in pairwise(turns) if before.is_ours and not after.is_ours)
    unanswered = next((back for back, turn in enumerate(reversed(turns)) if turn.is_ours), len(turns))
    found: list[tuple[int, str]] = []
    if exchanges:
        times = "once" if exchanges == 1 else f"{exchanges} times"
        found.append((min(exchanges, 4), f"went back and forth {times} in public"))
    if len(negative) > 1 and negative[-1].score <= negative[0].score - 0.15:
        found.append((2, "are getting angrier"))
    if any(post.score <= VERY_NEGATIVE for post in recent):
        found.append((2, "use very negative words"))
    if unanswered >= 3:
        found.append((2, f"wrote {unanswered} times without an answer"))
    if any(_shouts(post.text) for post in recent):
        found.append((1, "shout"))
    if len(negative) > 1 and 2 * len(negative) >= len(posts):
        found.append((1, f"sounded negative in {len(negative)} of {len(posts)} posts"))
    if posts[-1].sentiment == "negative":
        found.append((1, "are negative now"))
    if not found:  # it is a few posts ago, and what came since does not say that it is over
        found.append((1, "were negative before"))
    return _reading(found)


def read_complexity(facts: Facts) -> Reading:
    """How much there is to sort out."""
    turns = facts.turns
    posts = [turn for turn in turns if not turn.is_ours]
    found: list[tuple[int, str]] = []
    if len(facts.matters) >= _MATTERS:
        found.append((2, f"bring up {len(facts.matters)} matters ({', '.join(facts.matters[:4])})"))
    if len(turns) >= 6:
        found.append((2, f"have been at it for {len(turns)} posts and answers"))
    if facts.has_private:
        found.append((2, "have written in private already"))
    days = (turns[-1].at - turns[0].at).days if turns else 0
    if days >= 2:
        found.append((1, f"have been waiting for {days} days"))
    if any(len(post.text) > _LONG for post in posts):
        found.append((1, "explain at length"))
    if any(post.text.count("?") + post.text.count("؟") >= 3 for post in posts[-_RECENT:]):
        found.append((1, "ask several things at once"))
    return _reading(found)


def _reading(found: list[tuple[int, str]]) -> Reading:
    """The points together, the reasons by their weight."""
    found.sort(key=lambda pair: -pair[0])
    return Reading(min(MOST, sum(points for points, _ in found)), tuple(words for _, words in found))


def _shouts(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    capitals = sum(character.isupper() for character in letters)
    return "!!" in text or "?!" in text or (len(letters) >= 12 and capitals > 0.6 * len(letters))


def _list(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
