"""What an answer costs on its way out, and what a storm of faults and killed workers leaves behind."""

from __future__ import annotations

import time
from typing import Any

from engagement.models import Delivery
from engagement.services.delivery import deliver
from tests.engagement.desk import Desk
from tests.engagement.storm import MIXED_FAULTS, PROCESSES, THREADS, Storm
from tests.factories import make_agent


def bench(*, calm: int = 500, stormy: int = 3000) -> dict[str, Any]:
    """Messages a second of one worker while nothing fails, and of several under every fault; who was doubled or lost in it.

    On a database that is empty but for its tables.
    """
    desk, agent = Desk(), make_agent()
    storm = Storm(desk, agent, kills=0.0015)
    storm.prepare(calm)
    started = time.perf_counter()
    for pk in Delivery.objects.order_by("message_id").values_list("pk", flat=True):
        deliver(pk)
    seconds = time.perf_counter() - started
    assert Delivery.objects.filter(state="sent").count() == calm

    for fault, rate in MIXED_FAULTS.items():
        desk.world.faults.set(fault, rate, seconds=0.05 if fault == "slow" else None)
    storm.prepare(stormy)
    started = time.perf_counter()
    storm.run()
    stormy_seconds = time.perf_counter() - started
    outcome = storm.count()
    return {
        "calm": {"messages": calm, "per_second": round(calm / seconds, 1), "ms_each": round(seconds / calm * 1000, 2)},
        "storm": {
            "messages": stormy,
            "workers": f"{PROCESSES} processes x {THREADS} threads",
            "faults": sum(desk.world.faults.counts()[fault] for fault in MIXED_FAULTS),
            "killed": sum(storm.killed.values()),
            "per_second": round(stormy / stormy_seconds, 1),
            "sent": outcome.sent - calm,
            "listed": outcome.listed,
            "duplicates": outcome.duplicates,
            "lost": outcome.lost,
            "out_of_order": outcome.disordered,
        },
    }
