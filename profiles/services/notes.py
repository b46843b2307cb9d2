"""Notes about a person: internal, versioned, pinned, and naming colleagues. No way leads from here to a network (invariant 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, QuerySet, Window

from profiles.models import Agent, NoteMention, Profile, ProfileNote
from profiles.services.terms import renew_terms
from profiles.services.versions import stamp
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean

LONGEST = 10_000
SHOWN = 20  # beside the history, which has them all
PAGE = 50
NAMED = re.compile(r"(?<![\w@./])@([\w.+-]{1,150})")


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes that stand beside a history, and how many more of them only the history has."""

    shown: Sequence[ProfileNote]
    older: int


def write_note(*, profile_id: int, text: str, agent: Agent, is_pinned: bool = False, at: datetime | None = None) -> ProfileNote:
    """Write something down about somebody. Colleagues whose user names stand in it behind an @ are told."""
    moment = at or current_time()
    words = _check(text)
    with transaction.atomic():
        if Profile.objects.select_for_update(no_key=True).filter(pk=profile_id, erased_at=None).first() is None:
            raise NotFound("There is no such profile. It may have been erased.")
        note = ProfileNote(
            profile_id=profile_id, agent=agent, text=words, pinned_at=moment if is_pinned else None, created_at=moment, changed_at=moment
        )
        stamp(note, source="agent", agent=agent, at=moment)
        note.save()
        _name_colleagues(note, moment)
        renew_terms(profile_id)
    return note


def edit_note(*, note_id: int, text: str, agent: Agent, seen: str | None = None, at: datetime | None = None) -> ProfileNote:
    """Put other words into one's own note; a lead may into anybody's. The words before stay as a version.

    `seen` is what the editor began with: Conflict if other words stand there by now.
    """
    moment = at or current_time()
    words = _check(text)
    with transaction.atomic():
        note = ProfileNote.objects.select_for_update().filter(pk=note_id).first()
        if note is None:
            raise NotFound("This note is gone.")
        if note.agent_id != agent.pk and not agent.may_configure:
            raise NotAllowed("Only who wrote a note, or a lead, changes it. Write another one.")
        if seen is not None and note.text != seen.replace("\r\n", "\n") and note.text != words:
            raise Conflict("Somebody changed this note meanwhile. Look at both and choose.", theirs=note.text, yours=words)
        if note.text != words:
            note.text, note.changed_at = words, moment
            stamp(note, source="agent", agent=agent, at=moment)
            note.save()
            _name_colleagues(note, moment)
            renew_terms(note.profile_id)
    return note


def remove_words(*, note_id: int, agent: Agent, at: datetime | None = None) -> ProfileNote:
    """Take out what should never have been written down, of all versions too. That there was a note, by whom and when, stays. For leads."""
    moment = at or current_time()
    if not agent.may_configure:
        raise NotAllowed("Only a lead removes the words of a note for good. Edit it, or ask a lead.")
    with transaction.atomic():
        note = ProfileNote.objects.select_for_update().filter(pk=note_id).first()
        if note is None:
            raise NotFound("This note is gone.")
        note.text, note.pinned_at, note.changed_at = "", None, moment
        stamp(note, source="words removed", agent=agent, at=moment)
        note.save()
        note.history.update(text="")
        note.mentions.all().delete()
        renew_terms(note.profile_id)
    return note


def pin_note(*, note_id: int, is_pinned: bool, at: datetime | None = None) -> ProfileNote:
    """Keep a note above all others, or no longer."""
    note = ProfileNote.objects.filter(pk=note_id).first()
    if note is None:
        raise NotFound("This note is gone.")
    note.pinned_at = (at or current_time()) if is_pinned else None
    ProfileNote.objects.filter(pk=note_id).update(pinned_at=note.pinned_at)
    return note


def notes_of(person: Profile) -> Notes:
    """The pinned ones, then the newest, at most SHOWN, and how many are left. One query, which counts all beside those that it gives."""
    notes = ProfileNote.objects.filter(profile__person=person.pk).select_related("agent").annotate(total=Window(Count("pk")))
    shown = list(notes.order_by(F("pinned_at").desc(nulls_last=True), "-created_at", "-pk")[:SHOWN])
    return Notes(shown, shown[0].total - len(shown) if shown else 0)


def naming(agent: Agent) -> QuerySet[NoteMention]:
    """The notes that name a colleague."""
    return NoteMention.objects.filter(agent=agent).select_related("note__agent", "note__profile__root")


def count_unseen(agent: Agent) -> int:
    return NoteMention.objects.filter(agent=agent, seen_at=None).count()


def read_naming(agent: Agent, *, after: str) -> tuple[list[NoteMention], str]:
    """A page of the notes that name a colleague, the newest first, and the key of the next."""
    return page_of(naming(agent), field="at", after=after, limit=PAGE)


def mark_seen(*, agent: Agent, note_ids: list[int] | None = None, at: datetime | None = None) -> int:
    """The colleague has read these notes, or all of them."""
    unseen = NoteMention.objects.filter(agent=agent, seen_at=None)
    if note_ids is not None:
        unseen = unseen.filter(note__in=note_ids)
    return unseen.update(seen_at=at or current_time())


def _check(text: str) -> str:
    words = clean(text).replace("\r\n", "\n").strip()
    if not words:
        raise DeskError("The note is empty. Write what your colleagues should know.")
    if len(words) > LONGEST:
        raise DeskError(f"The note has {len(words):,} characters; {LONGEST:,} are the most.")
    return words


def _name_colleagues(note: ProfileNote, moment: datetime) -> None:
    names = {name.rstrip(".-+") for name in NAMED.findall(note.text)}
    if not names:
        return
    colleagues = Agent.objects.filter(username__in=names, is_active=True)
    for colleague in colleagues.exclude(pk=note.agent_id or 0):  # who writes need not be told
        NoteMention.objects.get_or_create(note=note, agent=colleague, defaults={"at": moment})
