"""What a file would do, before it does it: the first rows are really taken over, and all of it is taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from profiles.models import ImportJob, Profile
from profiles.services.import_fields import fields_for_columns, read_cells
from profiles.services.importing import Outcome, layout_of, open_rows, read_choices, take_row, what_is_missing
from socialdesk.lib.errors import NotFound

ROWS = 20


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One row: what would become of it, with whom, and its fields as they would be read."""

    line: int
    what: str
    reason: str
    person: Profile | None  # who is there already
    changed: list[str]
    cells: list[str]
    fields: list[tuple[str, str]]
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """`missing` is what has to be chosen first, "" if it can begin; `has_header` is None for cards."""

    columns: tuple[str, ...]
    has_header: bool | None
    delimiter: str
    missing: str
    lines: list[PreviewLine] = field(default_factory=list)


def preview(job: ImportJob, *, count: int = ROWS) -> Preview:
    """Raises NotFound if the file is gone."""
    layout = layout_of(job)
    missing = what_is_missing(job)
    choices = read_choices(job)
    lines: list[PreviewLine] = []
    try:
        with open_rows(job) as (columns, rows):
            first = list(islice(rows, count))
    except OSError:
        raise NotFound("The file is not there any more. Choose it again.") from None
    labels = fields_for_columns()
    with transaction.atomic():
        for row in first:
            outcome = Outcome("", missing) if missing and not row.problem else take_row(job, columns, row, choices=choices)
            values, external_id = read_cells(columns, row.cells, choices.columns)
            shown = {**values, **({"external_id": external_id} if external_id else {})}
            lines.append(
                PreviewLine(
                    row.line,
                    outcome.what,
                    "" if missing and not row.problem else outcome.reason,
                    outcome.profile if outcome.what in ("updated", "unchanged") else None,
                    outcome.changed,
                    list(row.cells) or [row.raw],
                    [
                        (labels.get(name, name), ", ".join(value) if isinstance(value, list) else str(value))
                        for name, value in shown.items()
                    ],
                    bool(row.problem),
                )
            )
        transaction.set_rollback(True)
    return Preview(columns, layout.has_header if layout else None, layout.delimiter if layout else "", missing, lines)
