"""People: staff, and the public behind the posts."""

from profiles.models.agent import Agent, Role
from profiles.models.contact import Consent, ContactPoint, Medium
from profiles.models.handle import Handle
from profiles.models.profile import Profile, Stage

__all__ = ["Agent", "Consent", "ContactPoint", "Handle", "Medium", "Profile", "Role", "Stage"]
