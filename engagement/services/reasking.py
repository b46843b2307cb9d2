"""Asking for what is known already: a hint beside the draft that nobody has to answer twice (brief B26). It warns, and blocks nothing."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from engagement.guards import Finding
from engagement.guards.asking import find_asked
from engagement.guards.reading import read
from engagement.guards.same import name_datum, names_number
from listening.models import Conversation
from profiles.services.known import Fact, points_of, say_source, values_of
from profiles.services.people import members_of

NAMES = {"email": "e-mail address", "phone": "telephone number", "address": "address"}


def find_known(*, conversation: Conversation, text: str) -> list[Finding]:
    """Where the text asks for a coordinate or a number that is known of the person. Three queries, none where it asks for nothing.

    The conversation's author and their profile should be loaded.
    """
    reading = read(text)
    asked = [(*reading.span(start, end), name_datum(reading.text[start:end], reading.text[end:])) for start, end in find_asked(reading)]
    if not any(datum for *_, datum in asked):
        return []
    person = conversation.author.profile.person
    profiles = sorted(members_of(person), key=lambda pk: pk != person)
    known = [fact for fact in (*points_of(profiles), *values_of(profiles)) if fact.is_sure]
    return list(_findings(asked, known))


def _findings(asked: list[tuple[int, int, str]], known: list[Fact]) -> Iterator[Finding]:
    told: set[str] = set()
    for start, end, datum in sorted(asked):
        fact = next((fact for fact in known if fact.field == datum or names_number(fact.label, datum)), None)
        if fact is not None and fact.field not in told:
            told.add(fact.field)
            yield Finding("known", start, end, _advice(fact), blocks=False)


def _advice(fact: Fact) -> str:
    """“You already have their e-mail address (given in a form, 3 May).”"""
    local, this_year = timezone.localtime(fact.at), timezone.localtime().year
    day = f"{local.day} {local:%b}" + ("" if local.year == this_year else f" {local.year}")
    name = NAMES.get(fact.field, fact.label)
    where = say_source(fact.source)
    how = {"verified": "verified", "given": "given"}.get(fact.state, "")
    if how == "verified":
        said = f"verified, {day}"
    else:
        said = f"{f'{how} {where}'.strip()}, {day}".removeprefix(", ")
    return f"You already have their {name} ({said}): use it instead of asking again."
