"""What a new post asks of us: does it look for help, how urgent is it, and why (in words that an agent reads)."""

from __future__ import annotations

from listening.models import Priority

# Stems on folded text (no case, no accents), in the desk's first languages. Short on purpose: each must earn its place.
# A stem that begins with a space begins a word.
_HELP = (
    *("?", "؟", "？", " help ", " help!", " help.", " help,", " how do ", " how can ", " how to ", "anyone know", "anyone else"),
    *("n't work", "not working", " broken", " can't ", " cannot ", " stuck"),
    *(" hilfe", " kaputt", "weiss jemand", "geht nicht", "funktioniert nicht", "jemand eine idee"),
    *(" aide", " quelqu'un", " marche pas", " marche plus", " en panne", " comment faire"),
    *(" ayuda", "alguien sabe", " no funciona", " como puedo", " averiad"),
    *("مساعد", "كيف", "لا يعمل"),
)  # fmt: skip
_SAFETY = (
    *(" on fire", " caught fire", " smoke", " smoking", " burnt", " burned", " injur", " accident", " hospital"),
    *(" unsafe", " dangerous", "brakes fail", "brake fail", "brakes gone"),
    *(" brennt", " rauch", " unfall", " verletzt", " krankenhaus", " gefahrlich", "bremse versag", "bremsen versag"),
    *(" prend feu", " pris feu", " fumee", " blesse", " hopital", " dangereu"),
    *(" fuego", " humo", " herido", " herida", " accidente", " peligros", " peligro "),
    *("حريق", "دخان", "حادث", "مستشفي", "خطير"),
)  # fmt: skip
REACH = 10_000  # followers from which a post is heard widely


def asks_for_help(folded: str) -> bool:
    """Does a text, folded, look for help?"""
    return _has(folded, _HELP)


def _has(folded: str, stems: tuple[str, ...]) -> bool:
    padded = f" {folded} "
    for stem in stems:  # noqa: SIM110 - `any` takes half as long again, and each new post pays for it twice
        if stem in padded:
            return True
    return False


def find_priority(
    *, folded: str, sentiment: str, score: float, followers: int, unanswered: int, is_addressed: bool
) -> tuple[int, list[str]]:
    """The priority of a conversation after this post, with its reasons, strongest first.

    `unanswered` counts the customer's posts since our last answer, this one included.
    """
    reasons: list[str] = []
    if _has(folded, _SAFETY):
        reasons.append("somebody may get hurt")
    if sentiment == "negative" and followers >= REACH:
        reasons.append(f"negative, seen by {_short(followers)} followers")
    if unanswered >= 3:
        reasons.append(f"wrote {unanswered} times without an answer")
    if sentiment == "negative" and score <= -0.75:
        reasons.append("very negative")
    if reasons and (reasons[0] == "somebody may get hurt" or len(reasons) > 1):
        return Priority.URGENT, reasons
    if reasons:
        return Priority.HIGH, reasons
    if sentiment == "negative":
        return Priority.NORMAL, ["negative"]
    if sentiment == "positive" and "?" not in folded:
        return Priority.LOW, ["praise or thanks"]
    if not is_addressed:
        return Priority.LOW, ["does not address us"]
    return Priority.NORMAL, []


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f}M"
    return f"{count // 1000}k"
