"""What must not go out in public, found in a draft: pure functions, no database."""

from engagement.guards.base import Audience, CompanyFacts, Finding, Place
from engagement.guards.check import check_draft

__all__ = ["Audience", "CompanyFacts", "Finding", "Place", "check_draft"]
