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
from profiles.models.custom import CustomField, CustomValue
from profiles.models.handle import Handle
from profiles.models.importing import ImportJob, ImportRefusal
from profiles.models.merge import MatchSuggestion, Merge
from profiles.models.note import NoteMention, ProfileNote
from profiles.models.profile import Profile, Stage
from profiles.models.rights import ContactLook, ErasedHandle, Erasure, FieldRight, RetentionRule
from profiles.models.segment import Segment
from profiles.models.stage_change import StageChange
from profiles.models.sync import Connection, Counter, DeepLink, EventDelivery, ExternalRef, ProfileEvent, SeenHook
from profiles.models.tag import ProfileTag, Tag
from profiles.models.term import SearchTerm

__all__ = [
    "OFFERS",
    "REACHABLE",
    "REMINDERS",
    "SCOPES",
    "STATUS_UPDATES",
    "THIS_MATTER",
    "UNCONFIRMED",
    "Agent",
    "Connection",
    "Consent",
    "ContactLook",
    "ContactPoint",
    "Counter",
    "CustomField",
    "CustomValue",
    "DeepLink",
    "ErasedHandle",
    "Erasure",
    "EventDelivery",
    "ExternalRef",
    "FieldRight",
    "Handle",
    "ImportJob",
    "ImportRefusal",
    "MatchSuggestion",
    "Medium",
    "Merge",
    "NoteMention",
    "Profile",
    "ProfileEvent",
    "ProfileNote",
    "ProfileTag",
    "RetentionRule",
    "Role",
    "SearchTerm",
    "SeenHook",
    "Segment",
    "Stage",
    "StageChange",
    "Tag",
]
