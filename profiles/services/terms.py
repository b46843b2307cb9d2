"""The words that people are found by, kept in step with what they are made from."""

from __future__ import annotations

from profiles.models import Profile


def renew_terms(*profile_ids: int) -> None:
    """What these profiles are found by changed: write their words anew, in the transaction of the change."""
    Profile.objects.filter(pk__in=profile_ids).update(terms_at=None)
