"""How a public post feels, and in which language it is written: what the rest of the desk may use of it."""

from .base import Explanation, Guess, Label, Part, Score, Scorer
from .care import CareScorer, get_scorer
from .language import detect_language

__all__ = ["CareScorer", "Explanation", "Guess", "Label", "Part", "Score", "Scorer", "detect_language", "get_scorer"]
