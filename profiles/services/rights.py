"""Who may see which coordinates and fields: asked wherever a value leaves the desk, a page, the API, a file or a search."""

from __future__ import annotations

from profiles.models import Agent, ContactPoint, CustomField, FieldRight, Role
from socialdesk.lib.errors import DeskError

CUSTOM = "custom:"
COORDINATES = tuple(str(kind) for kind in ContactPoint.Kind.values)
# What a role may not see unless a right says that it may. Marketing writes to nobody, and needs no number for it.
HIDDEN: dict[str, frozenset[str]] = {Role.MARKETING: frozenset({"phone"})}


def hidden_fields(agent: Agent | None) -> frozenset[str]:
    """What `agent` may not see, of phone, email, address and custom:<key>; nothing of it for None, a system that may see all. One query."""
    if agent is None:
        return frozenset()
    rights = dict(FieldRight.objects.filter(role=agent.role).values_list("field", "may_see"))
    usual = HIDDEN.get(agent.role, frozenset())
    return frozenset(field for field in {*usual, *rights} if not rights.get(field, field not in usual))


def may_see(agent: Agent | None, field: str) -> bool:
    return field not in hidden_fields(agent)


def list_fields() -> list[tuple[str, str]]:
    """(field, what people call it) of all that a right can be about."""
    kinds = [(str(kind), str(kind.label)) for kind in ContactPoint.Kind]
    return kinds + [(CUSTOM + field.key, field.label) for field in CustomField.objects.filter(archived_at=None)]


def read_rights() -> dict[str, frozenset[str]]:
    """{role: what it may not see}, of all roles."""
    hidden = {str(role): set(HIDDEN.get(role, frozenset())) for role in Role}
    for right in FieldRight.objects.all():
        if right.may_see:
            hidden[right.role].discard(right.field)
        else:
            hidden[right.role].add(right.field)
    return {role: frozenset(fields) for role, fields in hidden.items()}


def save_right(*, role: str, field: str, may_see: bool) -> None:
    """Let a role see a field, or not. What is usual leaves no row. Raises DeskError for what does not exist."""
    if role not in Role.values or field not in dict(list_fields()):
        raise DeskError("There is no such role or field.")
    if may_see == (field not in HIDDEN.get(role, frozenset())):
        FieldRight.objects.filter(role=role, field=field).delete()
    else:
        FieldRight.objects.update_or_create(role=role, field=field, defaults={"may_see": may_see})
