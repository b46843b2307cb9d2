"""Words and buttons of the praise board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.template import Library

from engagement.models import Compliment
from engagement.services.board import Entry
from listening.templatetags.desk import span_words

register = Library()
State = Compliment.State

EMPTY = {
    State.NEW: "Nothing new. What agents forward with f comes here.",
    State.ASKED: "Nobody has been asked. Authors' answers will stand here with what the desk reads in them.",
    State.GRANTED: "Nothing waits to be reposted.",
    State.REPOSTED: "Nothing has been reposted yet.",
    State.THANKED: "Nobody has been thanked yet.",
    State.DECLINED: "Nothing. What authors do not want, and what we will not use, comes here.",
}
READINGS = {"yes": "reads like a yes", "no": "reads like a no", "unclear": "unclear: read it"}
MOODS = {"yes": "good", "no": "bad", "unclear": "unsure"}
OUTGOING = {"question": "The question", "thanks": "The thank-you", "repost": "The repost", "quote": "The quote"}


@dataclass(frozen=True, slots=True)
class Button:
    """What is pressed: the address's name, the key, and a field that goes with it. `is_next` is the step that moves it on."""

    url: str
    key: str
    words: str
    name: str = ""
    value: str = ""
    is_next: bool = False


@register.filter
def buttons(entry: Entry) -> Iterator[Button]:
    """What can be done with one press, the next step first."""
    compliment = entry.compliment
    for act in entry.acts:
        if act == "removed":
            yield Button("compliment_removed", "x", "It is gone now", is_next=True)
        elif act == "take_back":
            yield Button("compliment_take_back", "z", "Take back", is_next=True)
        elif act == "ask":
            if "repost" in entry.purposes:
                yield Button("compliment_ask", "a", "Ask to repost", "purpose", "repost", is_next=True)
            if "quote" in entry.purposes:
                yield Button("compliment_ask", "q", "Ask to quote", "purpose", "quote")
        elif act == "share":
            words = "Quote with credit" if compliment.purpose == Compliment.Purpose.QUOTE else "Repost"
            yield Button("compliment_share", "r", words, is_next=True)
        elif act == "thank":
            yield Button("compliment_thank", "t", "Thank", is_next=compliment.state == State.REPOSTED)
        elif act == "hand" and compliment.forwarded_by is not None:
            yield Button("compliment_hand", "h", f"Let {compliment.forwarded_by.name} thank")
        elif act == "accept":
            yield Button("compliment_accept", "o", "Take it on")
        elif act == "decline":
            yield Button("compliment_decline", "d", "Decline")


@register.filter
def empty_words(state: Compliment.State) -> str:
    return EMPTY[state]


@register.filter
def reading_words(reading: str) -> str:
    return READINGS[reading]


@register.filter
def mood_of_reading(reading: str) -> str:
    """The badge's class."""
    return MOODS[reading]


@register.filter
def outgoing_words(what: str) -> str:
    return OUTGOING[what]


@register.filter
def span(length: timedelta | None) -> str:
    """14m, 3h, 5d, as clocks say it."""
    if length is None:
        return "none yet"
    return "under 1m" if length < timedelta(minutes=1) else span_words(length.total_seconds())


@register.filter
def percent(share: float) -> str:
    return f"{share:.0%}"
