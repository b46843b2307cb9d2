"""Saved groups of people: what a condition can be, and who meets all of them.

A condition over a field of the person asks the person themselves; one over what hangs on them (tags, handles, coordinates, own fields,
conversations) is met if any of the profiles that became this person meets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from profiles.models import ContactPoint, CustomField, CustomValue, Handle, Profile, ProfileTag, Segment
from profiles.services.conditions import ACTIVE, PARKED, Condition, check_conditions
from profiles.services.words import normal
from socialdesk.lib.clock import now
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import DeskError

REACH = 10_000  # followers from which a handle is in the index of those who are heard widely
RARE = 2_000  # a condition that fewer people meet is where the search for them begins

__all__ = ["check_conditions", "few_people", "find_segment", "narrow", "people_in"]


def find_segment(name: str) -> Segment:
    """By its name or its id. Raises DeskError: what is asked for cannot be found without it."""
    found = Segment.objects.filter(name=name).first()
    if found is None and name.isascii() and name.isdecimal() and len(name) < 12:
        found = Segment.objects.filter(pk=int(name)).first()
    if found is None:
        raise DeskError(f"There is no segment {name[:80]!r}.")
    return found


def people_in(segment: Segment | Sequence[Condition]) -> QuerySet[Profile]:
    """The people of a segment, or who meet conditions in their normal form: in no order, merged and erased ones left out."""
    conditions = segment.conditions if isinstance(segment, Segment) else segment
    return narrow(Profile.objects.people(), conditions)


def narrow(people: QuerySet[Profile], conditions: Sequence[Condition]) -> QuerySet[Profile]:
    """Those of `people` who meet all conditions."""
    for condition in conditions:
        people = people.filter(_meets(condition))
    return people


def few_people(conditions: Sequence[Condition]) -> list[int] | None:
    """The ids of at most RARE people among whom all are who meet the conditions; None if every one of them is met by many."""
    for condition in conditions:
        rows = _candidates(condition)
        if rows is not None:
            found = list(rows.order_by()[: RARE + 1])
            if len(found) <= RARE:
                return sorted(set(found))
    return None


def _meets(condition: Condition) -> Any:
    field, how = condition["field"], condition["is"]
    value: Any = condition.get("value")
    if field in ("name", "company", "language", "time_zone", "preferred_channel", "stage"):
        return _of_text(field, how, value)
    if field == "owner":
        return {
            "empty": Q(owner=None),
            "filled": Q(owner__isnull=False),
            "is": Q(owner__in=value or []),
            "is_not": Q(owner=None) | ~Q(owner__in=value or []),
        }[how]
    if field == "do_not_contact":
        return Q(do_not_contact_at__isnull=value != "yes")
    if field == "last_contact" and how == "before":
        # Somebody who never wrote has no last contact that could be long ago.
        return Exists(_handles(conversations__isnull=False)) & ~Exists(_handles(conversations__activity_at__gte=_since(condition)))
    met = Exists(_rows(condition))
    return ~met if how in ("is_not", "empty") else met


def _rows(condition: Condition) -> QuerySet[Any]:
    """What must hang on the person, or must not."""
    field, how = condition["field"], condition["is"]
    value: Any = condition.get("value")
    if field == "tag":
        return _theirs(ProfileTag).filter(tag__folded__in=value)
    if field == "network":
        return _theirs(Handle).filter(network__in=value)
    if field == "followers":
        return _theirs(Handle).filter(**{"followers__gte" if how == "more" else "followers__lte": value})
    if field == "contact":
        return _theirs(ContactPoint).filter(kind__in=value).exclude(state=ContactPoint.State.REVOKED)
    if field == "verified":
        return _theirs(ContactPoint).filter(kind__in=value, state=ContactPoint.State.VERIFIED)
    if field == "last_contact":
        return _handles(conversations__activity_at__gte=_since(condition))
    if field == "sentiment":
        return _handles(conversations__sentiment__in=value, conversations__activity_at__gte=_since(condition))
    return _theirs(CustomValue).filter(_of_custom(condition))


def _theirs(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.filter(profile__person=OuterRef("pk"))


def _handles(**conditions: Any) -> QuerySet[Any]:
    return _theirs(Handle).filter(**conditions)


def _since(condition: Condition) -> Any:
    return now() - timedelta(days=condition["days"])


def _of_text(field: str, how: str, value: Any) -> Q:
    if how in ("empty", "filled"):
        return Q(**{field: ""}) if how == "empty" else ~Q(**{field: ""})
    if how in ("begins", "contains"):
        return Q(**{f"{field}__{'istartswith' if how == 'begins' else 'icontains'}": value})
    if field in ("name", "company"):
        return Q(**{f"{field}__iexact": value})
    return Q(**{f"{field}__in": value}) if how == "is" else ~Q(**{f"{field}__in": value})


def _of_custom(condition: Condition) -> Q:
    field, how, value = Q(field__key=condition["field"].removeprefix("custom:")), condition["is"], condition.get("value")
    if how in ("empty", "filled"):
        return field
    if how in ("more", "less"):
        column = "date" if condition.get("kind") == CustomField.Kind.DATE else "number"
        return field & Q(**{f"{column}__{'gte' if how == 'more' else 'lte'}": value})
    if how in ("begins", "contains"):
        return field & Q(**{f"text__{'istartswith' if how == 'begins' else 'icontains'}": value})
    return field & Q(text__in=value if isinstance(value, list) else [value])


# --- Where the search for few people begins -----------------------------------------------------------------------------------


def _candidates(condition: Condition) -> QuerySet[Any, int] | None:
    """The ids of everybody who may meet the condition, along an index; None where there is none or nearly everybody meets it."""
    field, how = condition["field"], condition["is"]
    value: Any = condition.get("value")
    people = Profile.objects.people().values_list("pk", flat=True)
    if how in ("is_not", "empty", "before", "less") and not field.startswith("custom:"):
        return None
    if field == "stage" and "prospect" not in value:
        return people.exclude(stage="prospect").filter(stage__in=value)
    if field == "language" and how == "is":
        return people.exclude(language="").filter(language__in=value)
    if field == "owner":
        return people.filter(owner__isnull=False, **({"owner__in": value} if how == "is" else {}))
    if field == "do_not_contact" and value == "yes":
        return people.filter(do_not_contact_at__isnull=False)
    if field in ("name", "company") and how == "is":
        return people.filter(terms__kind=field, terms__term=normal(value)[:120])
    if field == "tag":
        return ProfileTag.objects.filter(tag__folded__in=value).values_list("profile__person", flat=True)
    if field == "network":
        return Handle.objects.filter(network__in=value).values_list("profile__person", flat=True)
    if field == "followers" and value >= REACH:
        return Handle.objects.filter(followers__gte=REACH).filter(followers__gte=value).values_list("profile__person", flat=True)
    if field in ("contact", "verified"):
        return ContactPoint.objects.filter(kind__in=value).values_list("profile__person", flat=True)
    if field in ("last_contact", "sentiment"):
        return _of_conversations(condition)
    if field.startswith("custom:") and how != "empty":
        return CustomValue.objects.filter(_of_custom(condition)).values_list("profile__person", flat=True)
    return None


def _of_conversations(condition: Condition) -> QuerySet[Any, int]:
    """By the conversations themselves, which are listening's: along its two indexes of what is worked on and what is parked."""
    conversations = Handle._meta.get_field("conversations").related_model._default_manager
    recent = conversations.filter(any_of("status", ACTIVE) | any_of("status", PARKED), activity_at__gte=_since(condition))
    return recent.values_list("author__profile__person", flat=True)
