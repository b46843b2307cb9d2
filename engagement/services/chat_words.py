"""What a visitor is told of their chat, in the language that is active: its state, its lines, and why something was not taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext, ngettext

from engagement.models import ChatLine, ChatSession
from engagement.services.chat_duty import expected_minutes, place_in_line
from engagement.services.chat_state import LONGEST_LINE
from socialdesk.lib.errors import DeskError

State = ChatSession.State


def describe_chat(session: ChatSession, at: datetime) -> str:
    """One or two sentences. At most two queries, while it waits."""
    if session.state == State.WAITING:
        return f"{_describe_place(place_in_line(session))} {_describe_wait(expected_minutes(at))}".strip()
    if session.state == State.OFFLINE:
        return gettext("Nobody of us could come. We have your message and answer it where you wrote to us first.")
    if session.state == State.ENDED:
        return gettext("This chat has ended. Thank you for writing to us.")
    return gettext("An agent is with you: %(name)s.") % {"name": session.agent.name if session.agent else gettext("Our team")}


def _describe_place(place: int) -> str:
    if place == 1:
        return gettext("You are next. Somebody will be with you soon.")
    before = place - 1
    words = ngettext("%(count)d person is before you.", "%(count)d people are before you.", before)
    return words % {"count": before}


def _describe_wait(minutes: int | None) -> str:
    if minutes is None:
        return ""
    words = ngettext("Lately it took about %(count)d minute.", "Lately it took about %(count)d minutes.", minutes)
    return words % {"count": minutes}


def line_facts(line: ChatLine) -> dict[str, Any]:
    """A line as the visitor's page gets it. `at` is in UTC."""
    return {"number": line.number, "is_ours": line.is_ours, "who": name_of(line), "at": line.at.isoformat(), "text": line.text}


def name_of(line: ChatLine) -> str:
    if not line.is_ours:
        return gettext("You")
    return line.agent.name if line.agent else gettext("Our team")


def refusal_words(error: DeskError) -> str:
    """Why a line was not taken. What was typed is kept."""
    if error.code == "empty":
        return gettext("Write something first.")
    if error.code == "too_long":
        return gettext("This is too long: at most %(most)s characters. Send it in two parts.") % {"most": LONGEST_LINE}
    if error.code == "too_fast":
        return gettext("That was a lot at once. Wait a moment, then go on. What you typed is kept.")
    if error.code == "chat_over":
        return gettext("This chat has ended. Send what you typed once more to begin another one.")
    return gettext("This did not work. Open the link again and try once more.")
