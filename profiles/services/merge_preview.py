"""What a merge decides without asking, as whoever decides reads it before: values that disagree, tags, and why the two may be one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from profiles.models import Agent, CustomValue, Profile, ProfileTag
from profiles.services.channels import channel_words
from profiles.services.history import WORDS
from profiles.services.merge import FILLED, is_nothing
from profiles.services.proposals import Reason, open_suggestions, tell
from profiles.services.rights import CUSTOM, hidden_fields

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Clash:
    """A field in which both have another value: one `stays`, the other is `hidden` until the merge is taken back."""

    label: str
    stays: str
    hidden: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one person's values where they stay. `given` are fields of our own that only the other has, as (label, value)."""

    clashes: list[Clash] = field(default_factory=list)
    given: list[tuple[str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    more_tags: list[str] = field(default_factory=list)  # what the other has besides


def outcomes_of(one: Profile, other: Profile, *, agent: Agent) -> tuple[Outcome, Outcome]:
    """The outcome for either as the survivor, as far as `agent` may see it. Three queries, and one for each owner."""
    hidden, both = hidden_fields(agent), (one.pk, other.pk)
    values: dict[int, list[CustomValue]] = defaultdict(list)
    rows = CustomValue.objects.filter(profile__person__in=both, field__archived_at=None).select_related("profile", "field")
    for value in rows.order_by("field__position", "field"):
        if CUSTOM + value.field.key not in hidden:
            values[value.field_id].append(value)
    tags: dict[int, list[str]] = {pk: [] for pk in both}
    held = ProfileTag.objects.filter(profile__person__in=both).order_by("tag__folded")
    for person, name in held.values_list("profile__person", "tag__name"):
        if name not in tags[person]:
            tags[person].append(name)
    return _outcome(one, other, values, tags), _outcome(other, one, values, tags)


def reasons_for(one: Profile, other: Profile, *, agent: Agent) -> list[Reason]:
    """Why these two are proposed as one, as far as `agent` may see it; [] where nobody proposes it."""
    first, second = sorted((one.pk, other.pk))
    proposed = open_suggestions().filter(first=first, second=second)
    return [reason for proposal in tell(proposed, agent) for reason in proposal.reasons]


def _outcome(survivor: Profile, other: Profile, values: Mapping[int, list[CustomValue]], tags: Mapping[int, list[str]]) -> Outcome:
    outcome = Outcome(tags=tags[survivor.pk], more_tags=[name for name in tags[other.pk] if name not in tags[survivor.pk]])
    for column in FILLED:
        # Two who are both to be left alone agree, whatever their reasons; and what one of them lacks is filled.
        if column == "do_not_contact_at" or is_nothing(survivor, column) or is_nothing(other, column):
            continue
        if (stays := _say(survivor, column)) != (lost := _say(other, column)):
            outcome.clashes.append(Clash(WORDS[column], stays, lost))
    for rows in values.values():
        # As services/record_writing.py reads them: the survivor's own value, then the oldest profile's, whoever's that was.
        after = _first(rows, survivor).text
        mine, theirs = (_text_of(person, rows) for person in (survivor, other))
        label = rows[0].field.label
        if lost_values := dict.fromkeys(text for text in (mine, theirs) if text and text != after):
            outcome.clashes.append(Clash(label, after or NOTHING, ", ".join(lost_values)))
        elif after and not mine:
            outcome.given.append((label, after))
    return outcome


def _first(rows: Iterable[CustomValue], person: Profile) -> CustomValue:
    return min(rows, key=lambda row: (row.profile_id != person.pk, row.profile_id))


def _text_of(person: Profile, rows: Iterable[CustomValue]) -> str:
    theirs = [row for row in rows if row.profile.person == person.pk]
    return _first(theirs, person).text if theirs else ""


def _say(profile: Profile, column: str) -> str:
    if column == "owner_id":
        return profile.owner.name if profile.owner else ""
    if column == "stage":
        return str(profile.get_stage_display())
    value = str(getattr(profile, column))
    return channel_words(value) if column == "preferred_channel" else value
