"""What a person's page shows of who they are: own fields with the source of each, tags, fields of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.template import Library

from profiles.models import Agent, CustomValue, Profile, Tag
from profiles.services.channels import channel_words
from profiles.services.custom import Filled, list_custom
from profiles.services.tags import tags_of
from profiles.services.versions import BY_HAND, writers_of

register = Library()
WORDS = {
    BY_HAND: "written by a colleague",  # who has left, or was not noted
    "network": "from their account",
    "callback form": "from a callback form",
    "direct message": "from a private message",
    "ticket status page": "from a ticket's page",
}
FROM = ("import", "form", "merge")  # what begins so names where it is from; the rest says how somebody came to know it


@dataclass(frozen=True, slots=True)
class Line:
    """A field's label and value, where it is from, and since when, as far as known."""

    label: str
    value: str
    source: str = ""
    at: datetime | None = None
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    lines: list[Line]  # what all of them have in common is in `common` instead: (source, since when)
    common: tuple[str, datetime] | None
    tags: list[Tag]
    may_edit: bool


@register.simple_tag
def who_of(profile: Profile, agent: Agent) -> Who:
    """A fixed number of queries."""
    owner = profile.owner.name if profile.owner else ""
    shown = [
        ("company", "Company", profile.company),
        ("stage", "Stage", profile.get_stage_display()),
        ("language", "Language", profile.language),
        ("time_zone", "Time zone", profile.time_zone),
        ("preferred_channel", "Wants to be answered", channel_words(profile.preferred_channel) if profile.preferred_channel else ""),
        ("owner", "Owner", owner),
    ]
    by = {profile.sources[name].get("by") for name, _, value in shown if value and name in profile.sources}
    names = {one.pk: one.name for one in Agent.objects.filter(pk__in=by - {None})}
    lines = [_line(profile, name, label, value, names) for name, label, value in shown if value]
    if profile.implied_channel:
        lines.append(Line("Writes most", channel_words(profile.implied_channel)))
    own = [filled for filled in list_custom(profile, agent=agent) if filled.value and filled.value.text]
    writers = writers_of(CustomValue, [filled.value.pk for filled in own if filled.value])
    lines += [_custom_line(filled, writers) for filled in own]
    lines, common = _in_common(lines)
    return Who(lines, common, tags_of(profile), agent.may_work)


@register.filter
def source_words(source: str, by: str = "") -> str:
    """Where a value is from, as people say it; `by` is the colleague who wrote it by hand, where that is known."""
    if source == BY_HAND and by:
        return f"written by {by}"
    if source.startswith("system:"):
        return f"from {source.removeprefix('system:')}"
    if source in WORDS:
        return WORDS[source]
    return f"from {source}" if source.startswith(FROM) else source


def _in_common(lines: list[Line]) -> tuple[list[Line], tuple[str, datetime] | None]:
    """Where everything came at once from one place, that is said once."""
    sources = {(line.source, line.at.replace(second=0, microsecond=0)) for line in lines if line.source and line.at}
    if len(sources) != 1 or len([line for line in lines if line.source]) < 2:
        return lines, None
    return [replace(line, source="", at=None) for line in lines], sources.pop()


def _line(profile: Profile, name: str, label: str, value: str, names: Mapping[int, str]) -> Line:
    source = profile.sources.get(name)
    if not source:
        return Line(label, value)
    said = source_words(source.get("source", ""), names.get(source.get("by") or 0, ""))
    return Line(label, value, said, datetime.fromisoformat(source["at"]))


def _custom_line(filled: Filled, writers: Mapping[int, str]) -> Line:
    assert filled.value is not None
    value = filled.value
    said = source_words(value.source, writers.get(value.pk, ""))
    return Line(filled.field.label, value.text, said, value.changed_at, is_link=filled.field.kind == "link")
