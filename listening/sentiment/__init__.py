"""How a public post feels, and in which language it is written: what the rest of the desk may use of it."""

from listening.sentiment.base import Explanation, Guess, Label, Part, Score, Scorer
from listening.sentiment.care import CareScorer, get_scorer
from listening.sentiment.language import detect_language

__all__ = ["CareScorer", "Explanation", "Guess", "Label", "Part", "Score", "Scorer", "detect_language", "get_scorer"]
