"""The hub: merges, numbers without gaps, drops for who does not keep up, counts, and forgets presence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from socialdesk.lib import live
from socialdesk.lib.frames import encode, merge_events
from socialdesk.lib.hub import Counts, Hub, Viewer
from socialdesk.lib.memory_layer import MemoryLayer
from tests.socialdesk.live.conftest import GUARD, Browser, connect

MakeHub = Callable[..., Hub]


def _state(pk: int, status: str = "open") -> dict[str, Any]:
    return {"id": pk, "status": status, "version": 1}


async def test_events_of_a_tenth_of_a_second_become_one_frame_of_each_type(make_hub: MakeHub) -> None:
    browser = await connect(make_hub(pause=0.5))  # longer: a busy machine takes its time to hear forty
    for pk in range(20):
        live.send_now(live.MentionsStored(ids=[pk, pk + 1], conversations=[7]))
        live.send_now(live.ConversationsChanged([_state(7, f"state {pk}"), _state(100 + pk)], by=pk))
    live.wait_until_sent(GUARD)  # holds up the loop of the hub, which hears nothing before all are sent
    await browser.wait_for_type("conversations.changed")
    [mentions], [conversations] = browser.of_type("mentions.stored"), browser.of_type("conversations.changed")
    assert mentions["ids"] == list(range(21))
    assert mentions["conversations"] == [7]
    assert {state["id"]: (state["status"], state["by"]) for state in conversations["conversations"]} == {
        7: ("state 19", 19),
        **{100 + pk: ("open", pk) for pk in range(20)},
    }


async def test_frames_are_counted_without_gaps_and_alike_for_all(make_hub: MakeHub) -> None:
    hub = make_hub(pause=0.001)
    first = await connect(hub)
    late = None
    for pk in range(200):
        live.send_now(live.MentionsStored(ids=[pk], conversations=[pk]))
        if pk < 5:
            await first.wait_for_type("mentions.stored", pk + 1)
        if pk == 100:
            late = await connect(hub, agent=2)
        await asyncio.sleep(0.001)
    assert late is not None
    for browser in (first, late):
        await browser.wait_for(lambda me: 199 in me.frames[-1].get("ids", []))
        numbers = [frame["seq"] for frame in browser.frames]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    hello, *heard = late.frames
    assert heard == [frame for frame in first.frames if frame["seq"] > hello["seq"]]
    assert len(heard) < len(first.frames) - 1


async def test_hello_tells_where_the_counter_stands_and_who_is_where(make_hub: MakeHub) -> None:
    hub = make_hub()
    sam = await connect(hub, agent=1, name="Sam")
    assert sam.connection is not None
    hub.say(sam.connection, 7, "typing")
    await sam.wait_for_type("presence.changed")
    ana = await connect(hub, agent=2, name="Ana")
    hello = ana.frames[0]
    assert hello == {
        "seq": hub.seq,
        "type": "hello",
        "agent": 2,
        "presence": [{"agent": 1, "name": "Sam", "conversation": 7, "doing": "typing"}],
    }


async def test_browser_that_does_not_read_loses_frames_and_is_told_which(make_hub: MakeHub) -> None:
    hub = make_hub(queue_limit=5, pause=0.001)
    browser, other = await connect(hub), await connect(hub)
    browser.reading.clear()
    for pk in range(60):
        live.send_now(live.MentionsStored(ids=[pk], conversations=[]))
        await other.wait_for(lambda me, pk=pk: pk in me.frames[-1].get("ids", []))  # type: ignore[misc]
    browser.reading.set()
    resync = await browser.wait_for_type("resync")
    kept = [frame["seq"] for frame in browser.frames if frame["type"] == "mentions.stored"]
    assert len(kept) < 10
    assert (resync["from"], resync["seq"]) == (kept[-1] + 1, hub.seq)
    live.send_now(live.MentionsStored(ids=[999], conversations=[]))
    assert (await browser.wait_for(lambda me: me.frames[-1].get("ids") and me.frames[-1]))["seq"] == resync["seq"] + 1


async def test_all_others_are_told_everything_while_one_browser_stands_still(make_hub: MakeHub) -> None:
    hub = make_hub(pause=0.001)
    stuck, *others = [await connect(hub, agent=number) for number in range(20)]
    stuck.reading.clear()
    for pk in range(300):  # three times what fits into its queue
        live.send_now(live.MentionsStored(ids=[pk], conversations=[]))
        for browser in others:
            await browser.wait_for(lambda me, pk=pk: pk in me.frames[-1].get("ids", []))  # type: ignore[misc]
    for browser in others:
        assert [pk for frame in browser.of_type("mentions.stored") for pk in frame["ids"]] == list(range(300))
        assert not browser.of_type("resync")
    assert [frame["type"] for frame in stuck.frames] == ["hello"]  # it still stands where it stood


async def test_browser_that_fails_is_left_alone(make_hub: MakeHub) -> None:
    hub = make_hub()

    class Gone(Browser):
        async def send(self, message: dict[str, Any]) -> None:
            if self.frames:
                raise ConnectionError("the browser is gone")
            await super().send(message)

    gone, other = Gone(), await connect(hub)
    connection = await hub.join(Viewer(2, "Ana"), gone.send)
    live.send_now(live.SourcesChanged(troubled=1))
    await other.wait_for_type("sources.changed")
    live.send_now(live.SourcesChanged(troubled=2))
    await other.wait_for_type("sources.changed", 2)
    await hub.leave(connection)


class Counting:
    """Counts how often it was asked, and stands still in between while `may_answer` is not set."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # on which thread
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> Counts:
        self.asked.append(threading.current_thread().name)
        assert self.may_answer.wait(GUARD)
        return Counts(views={"all": len(self.asked)}, mine={1: 5})


async def _change(browser: Browser, pk: int) -> None:
    """A change that counts, and that the browser has heard of."""
    live.send_now(live.MentionsStored(ids=[pk], conversations=[]))
    await browser.wait_for(lambda me: any(pk in frame["ids"] for frame in me.of_type("mentions.stored")))


async def test_counts_are_not_asked_for_again_before_the_pause_is_over(make_hub: MakeHub) -> None:
    count = Counting()
    hub = make_hub(count, pause=0.001, count_pause=3600)
    sam, ana = await connect(hub, agent=1), await connect(hub, agent=2)
    for pk in range(50):
        await _change(sam, pk)
    counted = await sam.wait_for_type("counts")
    assert (counted["views"], counted["mine"]) == ({"all": 1}, 5)
    assert (await ana.wait_for_type("counts"))["mine"] == 0
    assert [frame["seq"] for frame in sam.of_type("counts")] == [frame["seq"] for frame in ana.of_type("counts")]
    assert len(count.asked) == 1
    assert count.asked[0].startswith("live-counts")


async def test_changes_during_a_count_are_counted_once_after_it(make_hub: MakeHub) -> None:
    count = Counting()
    count.may_answer.clear()
    browser = await connect(make_hub(count, pause=0.001, count_pause=0.001))
    await _change(browser, 0)
    await browser.wait_for(lambda _: count.asked)
    for pk in range(1, 20):
        await _change(browser, pk)
    assert (len(count.asked), browser.of_type("counts")) == (1, [])
    count.may_answer.set()
    assert [(await browser.wait_for_type("counts", number))["views"] for number in (1, 2)] == [{"all": 1}, {"all": 2}]
    live.send_now(live.SourcesChanged(troubled=0))  # changes no count
    await browser.wait_for_type("sources.changed")
    assert len(count.asked) == 2


async def test_a_hub_that_has_stopped_asks_the_database_nothing(make_hub: MakeHub) -> None:
    count = Counting()
    count.may_answer.clear()
    hub = make_hub(count, pause=0.001, count_pause=0.001)
    browser = await connect(hub)
    await _change(browser, 0)
    await browser.wait_for(lambda _: count.asked)
    stopping = asyncio.create_task(hub.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done(), "a count is under way"
    count.may_answer.set()
    await stopping


async def test_counting_goes_on_after_the_database_was_away(make_hub: MakeHub) -> None:
    answers: list[Exception | Counts] = [OSError("away"), Counts(views={"all": 3}, mine={})]

    def count() -> Counts:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    browser = await connect(make_hub(count, pause=0.001, count_pause=0.01))
    live.send_now(live.MentionsStored(ids=[1], conversations=[]))
    await browser.wait_for(lambda _: len(answers) == 1)
    live.send_now(live.MentionsStored(ids=[2], conversations=[]))
    assert (await browser.wait_for_type("counts"))["views"] == {"all": 3}


async def test_event_that_was_lost_on_the_way_makes_everybody_resync(make_hub: MakeHub, fresh_layer: MemoryLayer) -> None:
    browser = await connect(make_hub())
    event = {"type": "sources.changed", "troubled": 0}
    for number in (1, 2, 4):
        await fresh_layer.group_send(live.GROUP, {"type": "desk.event", "event": event, "sender": "worker", "number": number})
    resync = await browser.wait_for_type("resync")
    assert resync["from"] == resync["seq"]
    await browser.wait_for_type("sources.changed")
    assert len(browser.of_type("resync")) == 1


async def test_who_was_greeted_before_the_hub_could_hear_resyncs_once_it_can(
    make_hub: MakeHub, fresh_layer: MemoryLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socialdesk.lib.hub.SUBSCRIBED_WITHIN", 0.01)
    answers, add = asyncio.Event(), fresh_layer.group_add

    async def add_late(group: str, channel: str) -> None:
        await answers.wait()
        await add(group, channel)

    monkeypatch.setattr(fresh_layer, "group_add", add_late)
    browser = await connect(make_hub())
    live.send_now(live.SourcesChanged(troubled=1))
    live.wait_until_sent(GUARD)
    answers.set()
    await browser.wait_for_type("resync")
    assert not browser.of_type("sources.changed")


async def test_message_that_cannot_be_understood_does_not_end_the_feed(make_hub: MakeHub, fresh_layer: MemoryLayer) -> None:
    browser = await connect(make_hub())
    await fresh_layer.group_send(live.GROUP, {"type": "desk.event", "event": {"type": "unheard.of"}, "sender": "newer", "number": 1})
    await browser.wait_for_type("resync")
    live.send_now(live.SourcesChanged(troubled=3))
    assert (await browser.wait_for_type("sources.changed"))["troubled"] == 3


class Clock:
    """The running loop, whose time goes on only when it is told to."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._time

    def goes_on(self, seconds: float) -> None:
        self._time += seconds


async def test_presence_is_passed_on_once_and_expires_unless_refreshed(make_hub: MakeHub) -> None:
    hub, clock = make_hub(presence_life=0.4), Clock()
    hub._loop = clock  # type: ignore[assignment]
    sam, ana = await connect(hub, agent=1, name="Sam"), await connect(hub, agent=2, name="Ana")
    assert sam.connection is not None
    hub.say(sam.connection, 7, "looking")
    hub.say(sam.connection, 7, "looking")
    hub.say(sam.connection, 7, "typing")
    assert live.wait_until_sent(GUARD)  # which holds up the hub: it hears both at once
    await ana.wait_for_type("presence.changed")
    for number in range(1, 9):  # refreshed by another process, for longer than its life
        live.send_now(live.PresenceChanged(agent=1, name="Sam", conversation=7, doing="typing"))
        live.send_now(live.SourcesChanged(troubled=number))
        await ana.wait_for_type("sources.changed", number)  # so that was heard too
        clock.goes_on(0.1)
        await asyncio.sleep(0.12)  # it is looked for what is over
    assert [frame["presence"] for frame in ana.of_type("presence.changed")] == [
        [{"agent": 1, "name": "Sam", "conversation": 7, "doing": "typing"}]
    ]
    clock.goes_on(0.4)
    left = await ana.wait_for_type("presence.changed", 2)
    assert left["presence"] == [{"agent": 1, "name": "Sam", "conversation": 7, "doing": "left"}]


async def test_closing_says_left_unless_a_second_window_still_looks(make_hub: MakeHub) -> None:
    hub = make_hub()
    one, two, ana = await connect(hub, agent=1), await connect(hub, agent=1), await connect(hub, agent=2)
    assert one.connection is not None
    assert two.connection is not None
    hub.say(one.connection, 7, "looking")
    hub.say(two.connection, 7, "looking")
    await ana.wait_for_type("presence.changed")
    await hub.leave(one.connection)
    live.send_now(live.SourcesChanged(troubled=0))
    await ana.wait_for_type("sources.changed")
    assert len(ana.of_type("presence.changed")) == 1
    await hub.leave(two.connection)
    assert (await ana.wait_for_type("presence.changed", 2))["presence"][0]["doing"] == "left"


async def test_going_to_another_conversation_leaves_the_first(make_hub: MakeHub) -> None:
    hub = make_hub()
    sam = await connect(hub, agent=1)
    assert sam.connection is not None
    hub.say(sam.connection, 7, "looking")
    await sam.wait_for_type("presence.changed")
    hub.say(sam.connection, 8, "looking")
    assert live.wait_until_sent(GUARD)  # which holds up the hub: it hears both at once
    told = await sam.wait_for_type("presence.changed", 2)
    assert {entry["conversation"]: entry["doing"] for entry in told["presence"]} == {7: "left", 8: "looking"}


async def test_browser_that_says_too_much_is_not_passed_on(make_hub: MakeHub) -> None:
    hub = make_hub(pause=0.001)
    hub._loop = Clock()  # type: ignore[assignment]
    sam = await connect(hub, agent=1)
    assert sam.connection is not None
    for conversation in range(1, 500):
        hub.say(sam.connection, conversation, "looking")
    live.send_now(live.SourcesChanged(troubled=0))
    await sam.wait_for_type("sources.changed")
    seen = {entry["conversation"] for frame in sam.of_type("presence.changed") for entry in frame["presence"]}
    assert len(seen) == 10


def test_half_a_character_in_a_name_cannot_break_a_frame() -> None:
    [body] = merge_events([{"type": "presence.changed", "agent": 1, "name": "S\ud83d", "conversation": 1, "doing": "looking"}])
    assert encode(1, body).encode("utf-8")


def test_drafts_of_one_moment_are_told_in_one_frame_with_the_last_count() -> None:
    first = live.ApprovalsChanged(approval=1, conversation=7, state="pending", agent=2, by="Sam", pending=3)
    decided = live.ApprovalsChanged(approval=1, conversation=7, state="declined", agent=2, by="Lena", pending=2)
    other = live.ApprovalsChanged(approval=4, conversation=8, state="approved", agent=2, by="Lena", pending=1)
    [body] = merge_events([asdict(event) for event in (first, decided, other)])
    assert body == {
        "type": "approvals.changed",
        "pending": 1,
        "approvals": [
            {"approval": 1, "conversation": 7, "state": "declined", "agent": 2, "by": "Lena"},
            {"approval": 4, "conversation": 8, "state": "approved", "agent": 2, "by": "Lena"},
        ],
    }
