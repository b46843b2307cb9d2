"""People: staff, and the public behind the posts."""

from profiles.models.agent import Agent, Role
from profiles.models.contact import (
    OFFERS,
    REACHABLE,
    REMINDERS,
    SCOPES,
    STATUS_UPDATES,
    THIS_MATTER,
    UNCONFIRMED,
    Consent,
    ContactPoint,
    Medium,
)
from profiles.models.handle import Handle
from profiles.models.profile import Profile, Stage

__all__ = [
    "OFFERS",
    "REACHABLE",
    "REMINDERS",
    "SCOPES",
    "STATUS_UPDATES",
    "THIS_MATTER",
    "UNCONFIRMED",
    "Agent",
    "Consent",
    "ContactPoint",
    "Handle",
    "Medium",
    "Profile",
    "Role",
    "Stage",
]
