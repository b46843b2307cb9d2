"""The parts of a person's history that the profile itself has: notes, stages, merges, permissions and what was verified.

None of them shows a coordinate: whoever may not see it reads the same history.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse

from profiles.models import Agent, Consent, ContactPoint, Merge, ProfileNote, StageChange
from profiles.timeline import Entry, Part, Subject


def _name(agent: Agent | None) -> str:
    return agent.name if agent else ""


def _notes(subject: Subject) -> QuerySet[ProfileNote]:
    return ProfileNote.objects.filter(profile__in=subject.profiles).select_related("agent")


def _of_note(note: ProfileNote) -> Entry:
    return Entry(
        at=note.created_at,
        kind="profile_note",
        key=str(note.pk),
        text=note.text or "A lead removed the words.",
        url=reverse("profile_note", args=[note.pk]),  # the only way to a note that is too old to stand beside the history
        who=_name(note.agent),
        is_ours=True,
    )


def _stage_changes(subject: Subject) -> QuerySet[StageChange]:
    return StageChange.objects.filter(profile__in=subject.profiles).select_related("agent")


def _of_stage_change(change: StageChange) -> Entry:
    return Entry(
        at=change.at,
        kind="stage",
        key=str(change.pk),
        text=f"From {change.get_before_display().lower()} to {change.get_after_display().lower()}.",
        who=_name(change.agent) or change.source,
        is_ours=True,
    )


def _merges(subject: Subject) -> QuerySet[Merge]:
    return Merge.objects.filter(survivor__in=subject.profiles).select_related("absorbed", "agent", "undone_by")


def _undone_merges(subject: Subject) -> QuerySet[Merge]:
    return _merges(subject).filter(undone_at__isnull=False)


def _of_merge(merge: Merge) -> Entry:
    text = f"{merge.absorbed} is the same person." + (" This was taken back later." if merge.undone_at else "")
    return Entry(at=merge.at, kind="merge", key=str(merge.pk), text=text, who=_name(merge.agent), is_ours=True)


def _of_undone_merge(merge: Merge) -> Entry:
    assert merge.undone_at is not None
    return Entry(
        at=merge.undone_at,
        kind="unmerge",
        key=str(merge.pk),
        text=f"{merge.absorbed} is somebody else after all.",
        url=reverse("profile", args=[merge.absorbed_id]),
        who=_name(merge.undone_by),
        is_ours=True,
    )


def _consents(subject: Subject) -> QuerySet[Consent]:
    return Consent.objects.filter(profile__in=subject.profiles)


def _revoked_consents(subject: Subject) -> QuerySet[Consent]:
    return _consents(subject).filter(revoked_at__isnull=False)


def _about(consent: Consent) -> str:
    return f"{consent.get_medium_display()}, for {consent.scope}"


def _of_consent(consent: Consent) -> Entry:
    return Entry(at=consent.given_at, kind="consent", key=str(consent.pk), text=f"{_about(consent)}.")


def _of_revoked_consent(consent: Consent) -> Entry:
    assert consent.revoked_at is not None
    how = f" ({consent.revoked_how})" if consent.revoked_how else ""
    return Entry(at=consent.revoked_at, kind="consent_revoked", key=str(consent.pk), text=f"{_about(consent)}{how}.")


def _verified(subject: Subject) -> QuerySet[ContactPoint]:
    return ContactPoint.objects.filter(profile__in=subject.profiles, verified_at__isnull=False).select_related("verified_by")


def _of_verified(point: ContactPoint) -> Entry:
    assert point.verified_at is not None
    how = f": {point.verified_how}" if point.verified_how else ""
    gone = " Taken back since." if point.state == ContactPoint.State.REVOKED else ""
    return Entry(
        at=point.verified_at,
        kind="verified",
        key=str(point.pk),
        text=f"{point.get_kind_display()}{how}.{gone}",
        who=_name(point.verified_by),
    )


PARTS = {
    "profile_notes": Part(_notes, "created_at", _of_note, ("profile_note",)),
    "stages": Part(_stage_changes, "at", _of_stage_change, ("stage",)),
    "merges": Part(_merges, "at", _of_merge, ("merge",)),
    "unmerges": Part(_undone_merges, "undone_at", _of_undone_merge, ("unmerge",)),
    "consents": Part(_consents, "given_at", _of_consent, ("consent",)),
    "revoked_consents": Part(_revoked_consents, "revoked_at", _of_revoked_consent, ("consent_revoked",)),
    "verified": Part(_verified, "verified_at", _of_verified, ("verified",)),
}
