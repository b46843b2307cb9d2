"""Tags of people: one tag, however it is written."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from profiles.models import Agent, Profile, ProfileTag, Tag
from profiles.services.changes import note_change
from profiles.services.terms import renew_terms
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.text import clean, fold

LONGEST = 60
SUGGESTED = 10


def add_tag(*, person: Profile, name: str, agent: Agent | None, source: str = "agent", at: datetime | None = None) -> bool:
    """False if they have it already, by whichever of their profiles. Raises DeskError for what is no tag."""
    written = " ".join(clean(name).strip().removeprefix("#").split())
    folded = fold(written)
    if not folded or len(written) > LONGEST or len(folded) > LONGEST:
        raise DeskError(f"A tag has 1 to {LONGEST} characters.")
    moment = at or current_time()
    with transaction.atomic():
        _hold(person)
        tag, _ = Tag.objects.get_or_create(folded=folded, defaults={"name": written})
        if ProfileTag.objects.filter(profile__person=person.pk, tag=tag).exists():
            return False
        ProfileTag.objects.create(profile=person, tag=tag, agent=agent, source=source[:200], at=moment)
        _changed(person, source, moment)
    return True


def remove_tag(*, person: Profile, tag_id: int, source: str = "agent", at: datetime | None = None) -> bool:
    """False if they do not have it."""
    with transaction.atomic():
        _hold(person)
        gone, _ = ProfileTag.objects.filter(profile__person=person.pk, tag=tag_id).delete()
        if gone:
            _changed(person, source, at or current_time())
    return bool(gone)


def set_tags(*, person: Profile, names: list[str], agent: Agent | None, source: str = "agent") -> None:
    """They have these and no others."""
    with transaction.atomic():
        _hold(person)
        wanted = {fold(" ".join(name.split())) for name in names}
        for tag in tags_of(person):
            if tag.folded not in wanted:
                remove_tag(person=person, tag_id=tag.pk, source=source)
        for name in names:
            add_tag(person=person, name=name, agent=agent, source=source)


def tags_of(person: Profile) -> list[Tag]:
    """Of all their profiles, each once, by name. One query."""
    return list(Tag.objects.filter(profiles__profile__person=person.pk).distinct().order_by("folded"))


def suggest_tags(beginning: str) -> list[str]:
    """Tags that begin like that. One query along the index of the folded names."""
    folded = fold(" ".join(beginning.split()))[:LONGEST]
    if not folded:
        return []
    found = Tag.objects.filter(folded__gte=folded, folded__lt=folded + "\U0010ffff").order_by("folded")
    return list(found.values_list("name", flat=True)[:SUGGESTED])


def _hold(person: Profile) -> None:
    """Until the transaction ends, so that of two who add the same tag the second finds it. Raises NotFound if they were erased."""
    if Profile.objects.select_for_update(no_key=True).filter(pk=person.pk, erased_at=None).first() is None:
        raise NotFound("There is no such profile. It may have been erased.")


def _changed(person: Profile, source: str, at: datetime) -> None:
    note_change(profile=person, fields=["tags"], source=source, at=at)
    renew_terms(person.pk)
