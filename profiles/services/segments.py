"""Saved groups of people: what a condition can be, and who meets all of them.

A condition over a field of the person asks the person themselves; one over what hangs on them (tags, handles, coordinates, own fields,
conversations) is met if any of the profiles that became this person meets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from profiles.models import ContactPoint, CustomField, CustomValue, Handle, Profile, ProfileTag, SearchTerm, Segment, Tag
from profiles.services.conditions import ACTIVE, PARKED, Condition, check_conditions
from profiles.services.words import LONGEST, normal
from socialdesk.lib.clock import now
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.walks import read_ids

REACH = 10_000  # followers from which a handle is in the index of those who are heard widely
RARE = 2_000  # a condition that fewer people meet is where the search for them begins
_OF_PEOPLE = ("name", "company", "stage", "language", "owner", "do_not_contact")  # asked of people themselves, not of merged profiles

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
    """The ids, in their order, of at most RARE people among whom all are who meet the conditions; None if each is met by many."""
    for condition in conditions:
        profiles = _few_profiles(condition)
        if profiles is None:
            continue
        if condition["field"] in _OF_PEOPLE:
            return sorted(set(profiles))
        return sorted(set(Profile.objects.filter(pk__in=profiles).values_list("person", flat=True)))
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
    return Q(field__key=condition["field"].removeprefix("custom:")) & _of_custom_value(condition)


def _of_custom_value(condition: Condition) -> Q:
    how = condition["is"]
    value: Any = condition.get("value")
    if how in ("empty", "filled"):
        return Q()
    if how in ("more", "less"):
        return Q(**{f"{_column(condition)}__{'gte' if how == 'more' else 'lte'}": value})
    if how in ("begins", "contains"):
        return Q(**{f"text__{'istartswith' if how == 'begins' else 'icontains'}": value})
    return Q(text__in=value if isinstance(value, list) else [value])


def _column(condition: Condition) -> str:
    """Where a value of our own field stands that is compared so."""
    if condition["is"] not in ("more", "less"):
        return "text"
    return "date" if condition.get("kind") == CustomField.Kind.DATE else "number"


# --- Where the search for few people begins -----------------------------------------------------------------------------------
# Each list is read along its index and without another table, in the order of the index, so that no database has a better idea: up to
# RARE rows cost the same however many there are.


def _few_profiles(condition: Condition) -> list[int] | None:
    """The profiles that may meet the condition; None where they are many, or no index tells."""
    if condition["field"] in ("last_contact", "sentiment"):
        return _few_writers(condition) if condition["is"] == "within" else None
    rows = _candidates(condition)
    # They are counted first: for that the index is enough, and the rows of many are never read.
    if rows is None or rows[: RARE + 1].count() > RARE:
        return None
    return list(rows)


def _candidates(condition: Condition) -> QuerySet[Any, int] | None:
    field, how = condition["field"], condition["is"]
    value: Any = condition.get("value")
    newest = ("-created_at", "-pk")
    people = Profile.objects.all()  # whoever was merged or erased is left out later: the indexes do not tell
    if field.startswith("custom:"):
        return None if how == "empty" else _ordered(CustomValue, _of_custom_by_id(condition), "field_id", _column(condition))
    if how in ("is_not", "empty", "before", "less"):
        return None
    if field == "stage":
        return None if "prospect" in value else _ids(people.exclude(stage="prospect").filter(stage__in=value), "stage", *newest)
    if field == "language" and how == "is":
        return _ids(people.exclude(language="").filter(language__in=value), "language", *newest)
    if field == "owner":
        owned = people.filter(owner__isnull=False, **({"owner__in": value} if how == "is" else {}))
        return _ids(owned, "owner_id", *newest)
    if field == "do_not_contact":
        return _ids(people.filter(do_not_contact_at__isnull=False), "pk") if value == "yes" else None
    if field in ("name", "company") and how == "is":
        return _ordered(SearchTerm, Q(kind=field, term=normal(value)[:LONGEST]), "term", "profile_id")
    if field == "tag":
        tags = list(Tag.objects.filter(folded__in=value).values_list("pk", flat=True))
        return _ordered(ProfileTag, Q(tag__in=tags), "tag_id", "profile_id")
    if field == "network":
        return _ordered(Handle, Q(network__in=value), "network", "username")
    if field == "followers":
        return _ordered(Handle, Q(followers__gte=REACH) & Q(followers__gte=value), "followers") if value >= REACH else None
    if field in ("contact", "verified"):
        return _ordered(ContactPoint, Q(kind__in=value), "kind", "value")
    return None


def _ids(people: QuerySet[Profile], *order: str) -> QuerySet[Any, int]:
    return people.order_by(*order).values_list("pk", flat=True)


def _ordered(model: type[Model], condition: Q, *order: str) -> QuerySet[Any, int]:
    return model._default_manager.filter(condition).order_by(*order).values_list("profile_id", flat=True)


def _of_custom_by_id(condition: Condition) -> Q:
    """The same without the table of fields, which stands beside the index."""
    key = condition["field"].removeprefix("custom:")
    field = Q(field__in=list(CustomField.objects.filter(key=key).values_list("pk", flat=True)))
    # No index tells what a text begins with or holds, whatever its case: then it is all who have the field.
    return field if condition["is"] in ("begins", "contains") else field & _of_custom_value(condition)


def _few_writers(condition: Condition) -> list[int] | None:
    """By the conversations themselves, which are listening's: along its indexes of what is worked on and of what is parked."""
    conversations = Handle._meta.get_field("conversations").related_model._default_manager
    recent = conversations.filter(activity_at__gte=_since(condition)).order_by("-activity_at", "-pk")
    states = [any_of("status", ACTIVE), *(Q(status=status) for status in PARKED)]
    ids = read_ids([recent.filter(state)[: RARE + 1] for state in states])
    if len(ids) > RARE:
        return None
    return list(conversations.filter(pk__in=ids).values_list("author__profile", flat=True))
