"""Keys of pages: what was written is read, and whatever else is given is refused in words."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_key, write_key

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),
    max_value=datetime(9999, 12, 30),  # the last moment of all in every zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))]),
)


@given(at=MOMENTS, pk=st.integers(min_value=1, max_value=2**63 - 1))
def test_what_was_written_is_read(at: datetime, pk: int) -> None:
    assert read_key(write_key(at, pk)) == (at, pk)


@pytest.mark.parametrize(
    "given",
    [
        '["0001-01-01T00:00:00+23:59", 1]',  # before any year in UTC
        '["9999-12-31T23:59:59-23:59", 1]',
        '["2026-01-01T00:00:00", 1]',
        '["2026-01-01T00:00:00+00:00", 1e999]',
        '["2026-01-01T00:00:00+00:00", null]',
        "[" * 100_000,
        "[1, 2, 3]",
        "{}",
        "",
    ],
    ids=lambda value: value[:40],
)
def test_what_nobody_wrote_is_refused(given: str) -> None:
    with pytest.raises(DeskError, match="not one of ours"):
        read_key(base64.urlsafe_b64encode(given.encode()).decode().rstrip("="))


@given(st.text())
def test_no_text_breaks_it(key: str) -> None:
    try:
        read_key(key)
    except DeskError:
        return
    assert key, "an empty text is no key"
