"""The play: the script's posts come out as time goes, at a settable speed, and its people act on what the desk does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from socialdesk.networks.sandbox.authors import act, await_answer, notice_answers
from socialdesk.networks.sandbox.lines import Line, Person, Script, demo_script
from socialdesk.networks.sandbox.records import Refused
from socialdesk.networks.sandbox.stage import Stage
from socialdesk.networks.sandbox.world import World

MAX_SPEED = 1000.0

# Seconds at speed 1.
SECONDS_PER_POST = 6.0
_OPENING = timedelta(hours=2)  # the backlog of a new world is spread over this time
_EDITED_AFTER = 90.0
_DELETED_AFTER = 150.0

_LONGEST_PAUSE = 30.0  # real seconds: a longer pause counts as this much, so that nobody comes back to a flood
_MOST_AT_ONCE = 500  # lines that one call releases


def play(world: World, now: datetime, script: Script | None = None) -> int:
    """Brings the world up to `now`, an aware time; returns how many posts and messages were written.

    Meant to be called about once a second, by as many processes as like: calling it twice for the same time does
    nothing more. A new world opens with a backlog. After the last line a new round begins, with new ids. Raises
    ScriptError where the demo's script cannot be read.
    """
    script = script or demo_script()
    with world.store.transaction():
        if world.store.setting("clock") is None:
            return _open(world, script, now)
        stage = _advance(world, script, now)
        notice_answers(stage)
        released = _release_due(stage)
        _change_due(stage)
        return released + act(stage)


def set_speed(world: World, speed: float) -> None:
    """How fast the play goes: 1 is a post about every six seconds, 0 is a standstill. At most MAX_SPEED."""
    if not 0 <= speed <= MAX_SPEED:
        raise ValueError(f"the speed must be from 0 to {MAX_SPEED:g}, not {speed:g}")
    world.store.keep("speed", speed)


def speed_of(world: World) -> float:
    kept = world.store.setting("speed")
    return 1.0 if kept is None else float(kept)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the play is: the round (from 1, 0 before the play) and how many of its lines are out."""

    round: int
    released: int


def progress_of(world: World) -> Progress:
    number = int(world.store.setting("round") or 0)
    return Progress(number, int(world.store.setting("next_line") or 0))


def _open(world: World, script: Script, now: datetime) -> int:
    """A new world: everybody has an account, and the first lines are out already."""
    for person in script.people.values():
        for network in person.networks:
            _enter(world, person, network)
    backlog = script.lines[: script.backlog]
    stage = Stage(world, script, round=1, clock=0.0, now=now, speed=speed_of(world))
    whole = sum(line.gap for line in backlog) or 1.0
    elapsed = 0.0
    released = 0
    for line in backlog:
        released += _release(stage, line, now - _OPENING + _OPENING * (elapsed / whole))
        elapsed += line.gap
    _keep_time(world, 0.0, now)
    world.store.keep("round", 1)
    _expect(stage, len(backlog) - 1, due=0.0)
    return released


def _enter(world: World, person: Person, network: str) -> None:
    world.add_account(
        person.username,
        network=network,
        display_name=person.name,
        language=person.language,
        followers=person.followers,
        bio=person.bio,
        mood=person.mood,
        follows_when_asked=person.follows_when_asked,
    )


def _advance(world: World, script: Script, now: datetime) -> Stage:
    """Moves the play's clock by the time that has passed since the last call, times the speed."""
    speed = speed_of(world)
    kept = world.store.setting
    passed = now.timestamp() - float(kept("clock_at"))
    clock = float(kept("clock")) + min(max(passed, 0.0), _LONGEST_PAUSE) * speed
    # A time a little earlier is another process's call that came second; one much earlier is a clock that was put back.
    _keep_time(world, clock, now if passed > 0 or passed < -_LONGEST_PAUSE else None)
    return Stage(world, script, int(kept("round")), clock, now, speed)


def _keep_time(world: World, clock: float, now: datetime | None) -> None:
    world.store.keep("clock", clock)
    if now is not None:
        world.store.keep("clock_at", now.timestamp())


def _release_due(stage: Stage) -> int:
    kept = stage.world.store.setting
    index, due, number = int(kept("next_line")), float(kept("next_due")), stage.round
    released = turned = 0
    while due <= stage.clock and turned < _MOST_AT_ONCE:
        if index >= len(stage.script.lines):
            index, number = 0, number + 1
            stage.world.store.keep("round", number)
            stage = Stage(stage.world, stage.script, number, stage.clock, stage.now, stage.speed)
        released += _release(stage, stage.script.lines[index], stage.at(due))
        due = _expect(stage, index, due=due)
        index += 1
        turned += 1
    if due <= stage.clock:
        # More than one call can bring is not owed: the next line comes at its distance from now.
        _expect(stage, index - 1, due=stage.clock)
    return released


def _expect(stage: Stage, index: int, *, due: float) -> float:
    """Keeps that the line after `index` comes at its gap from `due`; returns when."""
    lines = stage.script.lines
    next_due = due + lines[(index + 1) % len(lines)].gap * SECONDS_PER_POST / stage.script.mean_gap
    stage.world.store.keep("next_line", index + 1)
    stage.world.store.keep("next_due", next_due)
    return next_due


def _release(stage: Stage, line: Line, at: datetime) -> int:
    """Publishes a line and plans what follows from it. A line that answers a deleted post is left out."""
    reply_to, repost_of = (_released_post(stage, target) for target in (line.reply_to, line.repost_of))
    if (line.reply_to and not reply_to) or (line.repost_of and not repost_of):
        return 0
    if stage.world.account(line.author, network=line.network) is None:  # the script was changed since the world was opened
        _enter(stage.world, stage.script.people[line.author], line.network)
    try:
        post = stage.world.publish(
            line.author,
            line.text,
            network=line.network,
            in_reply_to=reply_to,
            repost_of=repost_of,
            posted_at=at,
            language=line.language,
            media=line.media,
        )
    except Refused:
        return 0
    with stage.world.store.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO released VALUES (?, ?, ?)", (stage.round, line.id, int(post.id)))
    if line.edit:
        stage.plan("edit", due=stage.clock + _EDITED_AFTER, account=post.author.id, post=post.id, text=line.edit)
    if line.delete:
        stage.plan("delete", due=stage.clock + _DELETED_AFTER, account=post.author.id, post=post.id)
    if line.author != stage.script.company.username:
        await_answer(stage, post, line)
    return 1


def _released_post(stage: Stage, line_id: str) -> str:
    row = stage.world.store.row("SELECT post FROM released WHERE round = ? AND line = ?", (stage.round, line_id))
    return str(row["post"]) if row else ""


def _change_due(stage: Stage) -> None:
    """Edits and deletes what the script says, by now."""
    store = stage.world.store
    due = store.rows("SELECT * FROM plan WHERE NOT done AND due <= ? AND kind IN ('edit', 'delete') ORDER BY due, id", (stage.clock,))
    for plan in due:
        with suppress(Refused):  # somebody deleted it by hand
            if plan["kind"] == "edit":
                stage.world.edit(str(plan["post"]), plan["text"], at=stage.at(plan["due"]))
            else:
                stage.world.delete(str(plan["post"]))
        with store.transaction() as connection:
            connection.execute("UPDATE plan SET done = 1 WHERE id = ?", (plan["id"],))
