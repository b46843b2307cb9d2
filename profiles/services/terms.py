"""The words that people are found by, kept in step with what they are made from.

They stand with the person: of those who were merged, all are the survivor's, so that a search finds people without asking who is whose.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db import transaction

from profiles.models import ContactPoint, CustomField, CustomValue, ExternalRef, Handle, Profile, ProfileNote, ProfileTag, SearchTerm
from profiles.services import words
from profiles.services.later import is_put_off
from socialdesk.lib import bulk
from socialdesk.lib.clock import now

MOST_TERMS = 240  # of one person; who has more is found by these
MOST_OF_NOTES = 120  # of them from notes, the newest first
AT_ONCE = 500  # people of one transaction
LONGEST_TURN = 10.0  # seconds; what is left then has its turn soon
_FOLDED_KINDS = (CustomField.Kind.TEXT, CustomField.Kind.NUMBER, CustomField.Kind.CHOICE, CustomField.Kind.LINK)

Kind = SearchTerm.Kind
Found = dict[int, dict[tuple[str, str], None]]  # the terms of each person, (kind, term), in their order


def renew_terms(*profile_ids: int) -> None:
    """What these profiles are found by changed: write the words of who they are by now, in the transaction of the change."""
    if is_put_off(*profile_ids):
        return
    with transaction.atomic():
        people = _people_of(profile_ids)
        held = Profile.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk")
        # Who was merged between the two questions is left to the next turn.
        settled = {person.pk for person in held if person.root_id is None}
        _write(settled)
        Profile.objects.filter(pk__in=people - settled).update(terms_at=None)


def let_terms_wait(*profile_ids: int) -> None:
    """The same, a moment later and for next to nothing: for what happens often, or is followed by more."""
    if is_put_off(*profile_ids):
        return
    Profile.objects.filter(pk__in=profile_ids).update(terms_at=None)


def write_waiting() -> int:
    """Write the words of who is new, as intake leaves them, and of whose words wait for another reason; how many profiles that were."""
    began = time.monotonic()
    written = 0
    while time.monotonic() - began < LONGEST_TURN:
        waiting = list(Profile.objects.filter(terms_at=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not waiting:
            break
        with transaction.atomic():
            done = _write_some(waiting)
        written += done
        if not done or len(waiting) < AT_ONCE:
            break
    return written


def _write_some(waiting: list[int]) -> int:
    """Those of `waiting` whom nobody else holds at this moment; the others have their turn later."""
    wanted = _people_of(waiting) | set(waiting)
    held = Profile.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=wanted).order_by("pk")
    person_of = {row.pk: row.person for row in held}
    people = {person for person in person_of.values() if person_of.get(person) == person}
    _write(people)
    done = [pk for pk in waiting if person_of.get(pk) in people]
    return Profile.objects.filter(pk__in=done).update(terms_at=now())


def _people_of(profile_ids: Iterable[int]) -> set[int]:
    return set(Profile.objects.filter(pk__in=set(profile_ids)).values_list("person", flat=True))


def _write(people: Collection[int]) -> None:
    """Bring the rows of these people, who are held, in step. What stays the same is not touched."""
    if not people:
        return
    person_of: dict[int, int] = dict(Profile.objects.filter(person__in=people).values_list("pk", "person"))
    wanted = _collect(person_of)
    stale: list[int] = []
    for pk, profile, kind, term in SearchTerm.objects.filter(profile__in=person_of).values_list("pk", "profile", "kind", "term"):
        if (kind, term) in wanted[profile]:
            del wanted[profile][kind, term]
        else:
            stale.append(pk)
    if stale:
        SearchTerm.objects.filter(pk__in=stale).delete()
    bulk.insert_missing(SearchTerm, ["profile_id", "kind", "term"], [(pk, *key) for pk, keys in wanted.items() for key in keys])
    Profile.objects.filter(pk__in=people).update(terms_at=now())


def _collect(person_of: dict[int, int]) -> Found:
    """The terms of all these profiles, by person. A fixed number of queries; nothing of who was erased."""
    found: Found = defaultdict(dict)

    def add(profile: int, kind: str, terms: Iterator[str], most: int = MOST_TERMS) -> None:
        known = found[person_of[profile]]
        for term in terms:
            if len(known) >= most:
                return
            if term:
                known[kind, term] = None

    def rows(model: Any, *columns: str, **among: Any) -> Iterator[tuple[Any, ...]]:
        kept = model.objects.filter(profile__in=person_of, profile__erased_at=None, **among).order_by("profile", "pk")
        yield from kept.values_list("profile", *columns).iterator()

    for pk, name, company in Profile.objects.filter(pk__in=person_of, erased_at=None).values_list("pk", "name", "company").iterator():
        add(pk, Kind.NAME, words.words_of_text(name))
        add(pk, Kind.COMPANY, words.words_of_text(company))
    for profile, username, display_name in rows(Handle, "username", "display_name"):
        add(profile, Kind.HANDLE, words.words_of_handle(username))
        add(profile, Kind.NAME, words.words_of_text(display_name))
    for profile, system, external_id in rows(ExternalRef, "system", "external_id"):
        add(profile, Kind.EXTERNAL, words.words_of_external(system, external_id))
    for profile, kind, value in rows(ContactPoint, "kind", "value"):
        add(profile, kind, _words_of_point(kind, value))
    for profile, name in rows(ProfileTag, "tag__name"):
        add(profile, Kind.TAG, words.words_of_text(name))
    for profile, text in rows(CustomValue, "text", field__kind__in=_FOLDED_KINDS):
        add(profile, Kind.CUSTOM, words.words_of_text(text))
    notes = ProfileNote.objects.filter(profile__in=person_of, profile__erased_at=None).order_by("-created_at", "-pk")
    most = {person: min(MOST_TERMS, len(terms) + MOST_OF_NOTES) for person, terms in found.items()}
    for profile, text in notes.values_list("profile", "text").iterator():
        add(profile, Kind.NOTE, words.words_of_text(text, whole=False), most.get(person_of[profile], MOST_OF_NOTES))
    return found


def _words_of_point(kind: str, value: str) -> Iterator[str]:
    if kind == ContactPoint.Kind.PHONE:
        return words.words_of_phone(value)
    if kind == ContactPoint.Kind.EMAIL:
        return words.words_of_email(value)
    return words.words_of_text(value)
