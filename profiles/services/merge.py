"""Two profiles become one person, and come apart again exactly (invariant 9).

No row moves. The absorbed profile points at the survivor (`merged_into`), everybody below it at the top of the tree (`root`), and whoever
asks what belongs to a person asks for all who have that top. Taking a merge back cuts the one pointer: what each side had, and what came
to it since, is where it always was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from profiles.models import Agent, MatchSuggestion, Merge, Profile, ProfileEvent, Stage, StageChange
from profiles.services.changes import note_change
from profiles.services.edit import save_version
from profiles.services.matching import match_later
from profiles.services.terms import renew_terms
from profiles.services.versions import keep_first_version
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

# What the survivor gets of the other where it has nothing itself, and what nothing is there.
FILLED = ("name", "company", "language", "time_zone", "preferred_channel", "owner_id", "stage", "do_not_contact_at")
NOTHING: dict[str, Any] = {"owner_id": None, "do_not_contact_at": None, "stage": Stage.PROSPECT}
_MOVED = "Somebody changed or merged one of them meanwhile. Look again before you merge."


def merge_profiles(
    *,
    survivor_id: int,
    other_id: int,
    agent: Agent | None,
    seen_versions: Mapping[int, int] | None = None,
    at: datetime | None = None,
) -> Merge:
    """The person of `other_id` becomes part of the person of `survivor_id`.

    `seen_versions` ({profile id: version}) is what whoever decided looked at. Raises Conflict if that is no longer so or if one of the two
    is being merged elsewhere, DeskError for one and the same person, NotFound for who is not there.
    """
    moment = at or current_time()
    with transaction.atomic():
        survivor, absorbed = _lock_both(survivor_id, other_id)
        for person in (survivor, absorbed):
            if seen_versions is not None and seen_versions.get(person.pk, person.version) != person.version:
                raise Conflict(_MOVED)
        merge = Merge.objects.create(survivor=survivor, absorbed=absorbed, agent=agent, at=moment)
        Profile.objects.filter(pk=absorbed.pk).update(merged_into=survivor, root=survivor, version=F("version") + 1, changed_at=moment)
        Profile.objects.filter(person=absorbed.pk).update(root=survivor)
        _fill(merge, survivor, absorbed, agent, moment)
        first, second = sorted((survivor.pk, absorbed.pk))
        MatchSuggestion.objects.filter(first=first, second=second, state=MatchSuggestion.State.OPEN).update(
            state=MatchSuggestion.State.MERGED, decided_at=moment, decided_by=agent
        )
        note_change(
            profile=survivor, other=absorbed, kind=ProfileEvent.Kind.MERGED, fields=map(called, merge.filled), source="agent", at=moment
        )
        renew_terms(survivor.pk)
        match_later(survivor.pk)
    return merge


def undo_merge(*, merge_id: int, agent: Agent | None, at: datetime | None = None) -> Merge:
    """The two are two again, whatever happened since and whatever they were merged with afterwards.

    What the merge filled in at the survivor goes, unless somebody changed it since. Raises NotFound, and Conflict if it was taken back
    before or one of them was erased.
    """
    moment = at or current_time()
    with transaction.atomic():
        found = Merge.objects.filter(pk=merge_id).first()
        if found is None:
            raise NotFound("There is no such merge.")
        _lock_top(Profile.objects.values_list("person", flat=True).get(pk=found.survivor_id))
        merge = Merge.objects.select_for_update(of=("self",)).select_related("survivor", "absorbed").get(pk=merge_id)
        if merge.undone_at is not None:
            raise Conflict("This merge was taken back already.")
        survivor, absorbed = merge.survivor, merge.absorbed
        if survivor.erased_at or absorbed.erased_at:
            raise Conflict("One of the two was erased. There is nothing to take apart.")
        merge.undone_at, merge.undone_by = moment, agent
        merge.save(update_fields=["undone_at", "undone_by"])
        below = _below(absorbed.pk)
        Profile.objects.filter(pk=absorbed.pk).update(merged_into=None, root=None, version=F("version") + 1, changed_at=moment)
        Profile.objects.filter(pk__in=below).update(root=absorbed)
        _take_back(merge, survivor, agent, moment)
        first, second = sorted((survivor.pk, absorbed.pk))
        # Somebody says that these two are not one: nobody proposes it, or proposes it again.
        said = {"state": MatchSuggestion.State.DISMISSED, "decided_at": moment, "decided_by_id": agent.pk if agent else None}
        MatchSuggestion.objects.update_or_create(
            first_id=first, second_id=second, defaults=said, create_defaults={**said, "score": 0, "made_at": moment}
        )
        note_change(profile=survivor, other=absorbed, kind=ProfileEvent.Kind.UNMERGED, source="agent", at=moment)
        renew_terms(survivor.pk, absorbed.pk)
        match_later(survivor.pk, absorbed.pk)
    return merge


def _lock_both(survivor_id: int, other_id: int) -> tuple[Profile, Profile]:
    """The two persons, held until the transaction ends, always in the order of their ids: two merges of the same two in opposite
    directions wait for each other, and the second finds that there is one person left."""
    roots: dict[int, int] = dict(Profile.objects.filter(pk__in=(survivor_id, other_id)).values_list("pk", "person"))
    if len(roots) < len({survivor_id, other_id}):
        raise NotFound("One of these profiles does not exist.")
    wanted = sorted({roots[survivor_id], roots[other_id]})
    if len(wanted) == 1:
        raise DeskError("These are one person already.")
    held = {pk: _lock_top(pk) for pk in wanted}
    if any(row.erased_at for row in held.values()):
        raise NotFound("One of these people was erased.")
    return held[roots[survivor_id]], held[roots[other_id]]


def _lock_top(pk: int) -> Profile:
    """Hold somebody who stands for themselves: whoever merges or takes apart holds the top of the tree.

    Who does not any more is let go at once, not held while waiting for another: a merge above would wait for it.
    """
    held = Profile.objects.select_for_update(no_key=True).get(pk=pk)
    if held.root_id is not None:
        raise Conflict(_MOVED)
    return held


def _below(pk: int) -> list[int]:
    """Everybody who was merged into `pk`, directly or not: as many queries as the tree has levels."""
    found: list[int] = []
    level = [pk]
    while level := list(Profile.objects.filter(merged_into__in=level).values_list("pk", flat=True)):
        found += level
    return found


def _fill(merge: Merge, survivor: Profile, absorbed: Profile, agent: Agent | None, moment: datetime) -> None:
    """Give the survivor what it lacks, as one version that says where it is from."""
    filled = [name for name in FILLED if is_nothing(survivor, name) and not is_nothing(absorbed, name)]
    if not filled:
        Profile.objects.filter(pk=survivor.pk).update(version=F("version") + 1, changed_at=moment)
        return
    merge.filled = {name: survivor.sources.get(called(name)) for name in filled}
    merge.save(update_fields=["filled"])
    keep_first_version(survivor, since=survivor.created_at)
    for name in filled:
        _set(survivor, name, getattr(absorbed, name), agent, _source(merge), moment)
    if "do_not_contact_at" in filled:
        survivor.do_not_contact_why = absorbed.do_not_contact_why
    save_version(survivor, fields=[called(name) for name in filled], source=_source(merge), agent=agent, at=moment)


def _take_back(merge: Merge, survivor: Profile, agent: Agent | None, moment: datetime) -> None:
    """Empty again what the merge filled and nobody has said anew since."""
    survivor.refresh_from_db()
    back = [name for name in merge.filled if survivor.sources.get(called(name), {}).get("source") == _source(merge)]
    if not back:
        Profile.objects.filter(pk=survivor.pk).update(version=F("version") + 1, changed_at=moment)
        return
    source = f"{_source(merge)} taken back"
    for name in back:
        _set(survivor, name, NOTHING.get(name, ""), agent, source, moment)
    if "do_not_contact_at" in back:
        survivor.do_not_contact_why = ""
    save_version(survivor, fields=[called(name) for name in back], source=source, agent=agent, at=moment)
    for name in back:
        del survivor.sources[called(name)]
        if merge.filled[name]:
            survivor.sources[called(name)] = merge.filled[name]
    Profile.objects.filter(pk=survivor.pk).update(sources=survivor.sources)


def _set(profile: Profile, name: str, value: Any, agent: Agent | None, source: str, moment: datetime) -> None:
    if name == "stage":
        StageChange.objects.create(profile=profile, before=profile.stage, after=value, at=moment, agent=agent, source=source)
    setattr(profile, name, value)


def is_nothing(profile: Profile, name: str) -> bool:
    value = getattr(profile, name)
    # The stage that everybody begins with says something only where somebody said it.
    return value == NOTHING.get(name, "") and not (name == "stage" and "stage" in profile.sources)


def _source(merge: Merge) -> str:
    return f"merge {merge.pk}"


def called(column: str) -> str:
    """What the field is called in records, sources and events."""
    return {"owner_id": "owner", "do_not_contact_at": "do_not_contact"}.get(column, column)
