"""Ten thousand deliveries under every fault of the network and every end of a worker: none doubled, none lost."""

from __future__ import annotations

import pytest
from django.db import connection

from profiles.models import Agent
from tests.engagement.desk import Desk
from tests.engagement.storm import BOUNDARIES, MIXED_FAULTS, Storm


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_no_delivery_of_ten_thousand_is_doubled_or_lost(desk: Desk, sam: Agent) -> None:
    """The whole ten thousand on SQLite; a thousand more where the tests are repeated on PostgreSQL."""
    count = 10_000 if connection.vendor == "sqlite" else 1_000
    storm = Storm(desk, sam, kills=0.0015)
    storm.prepare(count)
    for fault, rate in MIXED_FAULTS.items():
        desk.world.faults.set(fault, rate, seconds=0.05 if fault == "slow" else None)
    storm.run()
    outcome = storm.count()
    assert (outcome.duplicates, outcome.lost, outcome.disordered) == (0, 0, 0)
    assert outcome.sent + outcome.listed == count
    assert outcome.listed <= count / 200  # most of what fails for a while gets there in the end
    # The storm was one: every fault happened, and workers were killed between any two steps.
    fired = desk.world.faults.counts()
    assert all(fired[fault] for fault in MIXED_FAULTS)
    assert len(storm.killed) > len(BOUNDARIES) / 2
    if count == 10_000:
        assert set(storm.killed) == BOUNDARIES, BOUNDARIES - set(storm.killed)
    storm.clear()
