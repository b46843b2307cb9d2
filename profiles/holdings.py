"""What profiles keeps about a person: who they are, how they are reached, what was noted, and all versions of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from profiles.models import (
    Consent,
    ContactLook,
    ContactPoint,
    CustomValue,
    EventDelivery,
    ExternalRef,
    Handle,
    ImportJob,
    ImportRefusal,
    MatchSuggestion,
    Merge,
    Profile,
    ProfileEvent,
    ProfileNote,
    ProfileTag,
    SearchTerm,
    Segment,
    StageChange,
    Tag,
)
from profiles.personal import DELETE, Holding, Subject, gone_id
from socialdesk.lib.text import fold

SHORTEST = 4  # characters of a name that is looked for in other people's lists: a shorter one stands in too many words
GONE = "erased"


def names_somebody(text: str, identifiers: list[str]) -> bool:
    """Whether one of `identifiers`, folded, stands in `text`; numbers of phones in any spelling."""
    folded = fold(text)
    digits = "".join(filter(str.isdigit, folded))
    for word in identifiers:
        if word in folded:
            return True
        number = word.removeprefix("+")
        if word.startswith("+") and number.isdigit() and (number in digits or number[2:] in digits):
            return True
    return False


def folded_identifiers(subject: Subject) -> list[str]:
    return [word for word in dict.fromkeys(fold(text).strip() for text in subject.identifiers) if len(word) >= SHORTEST]


def _of_profile(model: Any, path: str = "profile") -> Any:
    def rows(subject: Subject) -> QuerySet[Any]:
        found: QuerySet[Any] = model.objects.filter(**{f"{path}__in": subject.profiles})
        return found

    return rows


def _versions(model: Any, path: str) -> Any:
    def rows(subject: Subject) -> QuerySet[Any]:
        found: QuerySet[Any] = model.history.model.objects.filter(**{f"{path}__in": subject.profiles})
        return found

    return rows


def _naming(model: Any, *fields: str) -> Any:
    """Rows without a person of their own in whose text one of the identifiers stands. They are read one by one: nothing indexes them."""

    def rows(subject: Subject) -> QuerySet[Any]:
        words = folded_identifiers(subject)
        ids = [
            pk
            for pk, *texts in model.objects.values_list("pk", *fields).iterator(chunk_size=2000)
            if words and names_somebody(" ".join(str(text) for text in texts), words)
        ]
        found: QuerySet[Any] = model.objects.filter(pk__in=ids)
        return found

    return rows


def _tags_of_theirs_alone(subject: Subject) -> QuerySet[Tag]:
    """A word that groups nobody else may well be about this one person."""
    theirs = Tag.objects.filter(profiles__profile__in=subject.profiles)
    others = ProfileTag.objects.exclude(profile__in=subject.profiles).values("tag")
    return Tag.objects.filter(pk__in=theirs.exclude(pk__in=others).values("pk"))


def _old(model: Any, age: str) -> Any:
    def rows(before: datetime) -> QuerySet[Any]:
        found: QuerySet[Any] = model.objects.filter(**{f"{age}__lt": before})
        return found

    return rows


def _old_versions(model: Any) -> Any:
    def rows(before: datetime) -> QuerySet[Any]:
        found: QuerySet[Any] = model.history.model.objects.filter(history_date__lt=before)
        return found

    return rows


def _told(before: datetime) -> QuerySet[EventDelivery]:
    return EventDelivery.objects.filter(made_at__lt=before).exclude(state__in=["queued", "inflight"])


_VERSION = {"history_date": "When", "history_change_reason": "From"}

# Handles and profiles come first, so that they are cleared last: the others are found by them.
HOLDINGS: dict[str, Holding] = {
    "profiles": Holding(
        Profile,
        "Profiles",
        lambda subject: Profile.objects.filter(pk__in=subject.profiles),
        {
            **dict.fromkeys(("name", "language", "time_zone", "company", "preferred_channel", "implied_channel", "do_not_contact_why"), ""),
            "owner": None,
            "do_not_contact_at": None,
            "sources": {},
        },
        export={
            "name": "Name",
            "language": "Language",
            "time_zone": "Time zone",
            "company": "Company",
            "stage": "Stage",
            "preferred_channel": "Preferred channel",
            "implied_channel": "Channel by use",
            "created_at": "First seen",
            "do_not_contact_at": "Do not contact since",
            "do_not_contact_why": "Why not",
            "sources": "Where each value is from",
        },
    ),
    "handles": Holding(
        Handle,
        "Accounts on networks",
        _of_profile(Handle),
        {
            "external_id": gone_id,
            "username": GONE,
            "display_name": "",
            "url": "",
            "bio": "",
            "followers": 0,
            "follows_us": None,
            "muted_at": None,
        },
        export={
            "network": "Network",
            "external_id": "Number there",
            "username": "User name",
            "display_name": "Shown as",
            "followers": "Followers",
            "url": "Address",
            "bio": "What it says of itself",
            "first_seen_at": "First seen",
        },
    ),
    "contact_points": Holding(
        ContactPoint,
        "E-mail addresses, phone numbers and addresses",
        _of_profile(ContactPoint),
        # The row stays for the proof of consent and for the calls that were made: without a value.
        {
            "value": gone_id,
            "typed": "",
            "source": GONE,
            "problem": GONE,
            "verified_how": "",
            "verified_by": None,
            "state": ContactPoint.State.REVOKED,
        },
        export={
            "kind": "Kind",
            "value": "Value",
            "typed": "As it was written",
            "state": "State",
            "source": "From",
            "created_at": "Since",
            "verified_how": "Verified how",
            "verified_at": "Verified",
        },
    ),
    "consents": Holding(
        Consent,
        "Permissions to call or write",
        _of_profile(Consent),
        # That something was agreed to, by which way and when, is kept: it is the proof that we were allowed to.
        {"text": "", "evidence": {}, "revoked_how": GONE},
        export={
            "medium": "For",
            "scope": "About",
            "text": "As it was shown",
            "language": "Language",
            "given_at": "Given",
            "revoked_at": "Taken back",
            "revoked_how": "How",
        },
    ),
    "tags_alone": Holding(Tag, "Tags that nobody else has", _tags_of_theirs_alone, DELETE),
    "tags": Holding(ProfileTag, "Tags", _of_profile(ProfileTag), DELETE, export={"tag__name": "Tag", "at": "Since", "source": "From"}),
    "custom_values": Holding(
        CustomValue,
        "Fields of our own",
        _of_profile(CustomValue),
        DELETE,
        export={"field__label": "Field", "text": "Value", "source": "From", "changed_at": "Since"},
    ),
    "notes": Holding(
        ProfileNote,
        "Internal notes",
        _of_profile(ProfileNote),
        DELETE,
        export={"text": "Note", "created_at": "Written", "changed_at": "Changed"},
        age="created_at",
        expired=_old(ProfileNote, "created_at"),
    ),
    "stage_changes": Holding(
        StageChange,
        "Changes of stage",
        _of_profile(StageChange),
        {"source": GONE},
        export={"before": "Before", "after": "After", "at": "When", "source": "From"},
    ),
    "external_refs": Holding(
        ExternalRef,
        "Numbers in other systems",
        _of_profile(ExternalRef),
        DELETE,
        export={"system": "System", "external_id": "Number", "made_at": "Since"},
    ),
    "events": Holding(
        ProfileEvent,
        "Entries of the log of changes",
        _of_profile(ProfileEvent),
        {"source": GONE},
        export={"kind": "What", "fields": "Fields", "source": "From", "at": "When"},
    ),
    "deliveries": Holding(
        EventDelivery,
        "Tries to tell other systems",
        _of_profile(EventDelivery, "event__profile"),
        {"error": ""},
        age="made_at",
        expired=_told,
        aged=DELETE,
    ),
    "merges": Holding(
        Merge,
        "Merges",
        lambda subject: Merge.objects.filter(Q(survivor__in=subject.profiles) | Q(absorbed__in=subject.profiles)),
        {"filled": {}},
        export={"at": "When", "undone_at": "Taken back"},
    ),
    "suggestions": Holding(
        MatchSuggestion,
        "Suggestions of the same person",
        lambda subject: MatchSuggestion.objects.filter(Q(first__in=subject.profiles) | Q(second__in=subject.profiles)),
        DELETE,
    ),
    "looks": Holding(
        ContactLook,
        "Looks at coordinates",
        _of_profile(ContactLook),
        DELETE,
        export={"kind": "What", "where": "Where", "at": "When"},
        age="at",
        expired=_old(ContactLook, "at"),
    ),
    "terms": Holding(SearchTerm, "Words of the search", _of_profile(SearchTerm), DELETE),
    "import_refusals": Holding(
        ImportRefusal,
        "Refused rows of files",
        _naming(ImportRefusal, "raw", "reason"),
        {"raw": "", "reason": "The person in this row was erased."},
        export={"line": "Line", "raw": "What stood there", "reason": "Why it was refused"},
        age="job__made_at",
        expired=lambda before: ImportRefusal.objects.filter(job__made_at__lt=before).exclude(raw=""),
    ),
    "imports": Holding(
        ImportJob,
        "Files that name them",
        _naming(ImportJob, "filename", "mapping"),
        {"filename": GONE, "mapping": {}, "error": ""},
    ),
    "segments": Holding(Segment, "Saved groups that name them", _naming(Segment, "conditions", "name"), DELETE),
    "profile_versions": Holding(
        Profile.history.model,
        "Versions of the profile",
        _versions(Profile, "id"),
        DELETE,
        export={"name": "Name", "company": "Company", "language": "Language", "stage": "Stage", **_VERSION},
        age="history_date",
        expired=_old_versions(Profile),
    ),
    "contact_versions": Holding(
        ContactPoint.history.model,
        "Versions of coordinates",
        _versions(ContactPoint, "profile_id"),
        DELETE,
        export={"kind": "Kind", "value": "Value", "typed": "As it was written", "state": "State", **_VERSION},
        age="history_date",
        expired=_old_versions(ContactPoint),
    ),
    "custom_versions": Holding(
        CustomValue.history.model,
        "Versions of fields of our own",
        _versions(CustomValue, "profile_id"),
        DELETE,
        export={"text": "Value", **_VERSION},
        age="history_date",
        expired=_old_versions(CustomValue),
    ),
    "note_versions": Holding(
        ProfileNote.history.model,
        "Versions of internal notes",
        _versions(ProfileNote, "profile_id"),
        DELETE,
        export={"text": "Note", **_VERSION},
        age="history_date",
        expired=_old_versions(ProfileNote),
    ),
}
