"""People: staff, and the public behind the posts."""

from profiles.models.agent import Agent, Role
from profiles.models.handle import Handle
from profiles.models.profile import Profile, Stage

__all__ = ["Agent", "Handle", "Profile", "Role", "Stage"]
