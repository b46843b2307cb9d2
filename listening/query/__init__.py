"""The language that topics are written in: `parse` reads a query, `TopicMatcher` asks many of them, `find_spans` marks a text."""

from listening.query.document import Doc, Prepared, prepare
from listening.query.folding import fold_text
from listening.query.grammar import QueryError
from listening.query.help import HELP
from listening.query.highlight import find_spans
from listening.query.literals import literal_words
from listening.query.matching import Query, parse
from listening.query.topics import TopicMatcher

__all__ = ["HELP", "Doc", "Prepared", "Query", "QueryError", "TopicMatcher", "find_spans", "fold_text", "literal_words", "parse", "prepare"]
