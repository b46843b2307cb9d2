"""What other systems called people who were erased, as keyed digests: a system that goes on telling of them does not bring them back."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from django.conf import settings

from profiles.models import ErasedHandle, ExternalRef
from profiles.personal import Subject

NETWORK = "external"  # where an account has its network; no network has this name


def remember_refs(subject: Subject, at: datetime) -> None:
    """Before a person is erased: keep that these numbers are theirs no more, and not what they are."""
    for system, external_id in ExternalRef.objects.filter(profile__in=subject.profiles).values_list("system", "external_id"):
        ErasedHandle.objects.update_or_create(network=NETWORK, digest=_digest(system, external_id), defaults={"erased_at": at})


def was_erased(system: str, external_id: str) -> bool:
    """Whether a system's number stood for somebody who was erased here. One query."""
    return ErasedHandle.objects.filter(network=NETWORK, digest=_digest(system, external_id)).exists()


def _digest(system: str, external_id: str) -> str:
    """Without the desk's secret nobody can try out numbers against it."""
    key = hmac.new(settings.SECRET_KEY.encode(), b"socialdesk erased numbers", hashlib.sha256).digest()
    return hmac.new(key, f"{system}\0{external_id}".encode(), hashlib.sha256).hexdigest()
