"""A report in words: what changed against the window before, and what did not. Nothing inside a band is called a change."""

from __future__ import annotations

from datetime import date

from listening.trends.change import Band, compare, percent, volume_band
from listening.trends.filters import Narrowing
from listening.trends.series import Comparison, Part, Report
from listening.trends.windows import Window
from socialdesk.networks.registry import NETWORKS

MAIN_PART = 0.4  # a topic that makes up so much of a change is named as its main part


def describe(report: Report) -> list[str]:
    """One to four sentences, the most important first. Plain text."""
    comparison, window = report.comparison, report.filters.window
    if window.complete_until == window.since:
        return ["The first hour of this window has not ended yet, so there is nothing to compare."]
    if not comparison.now.total and not comparison.before.total:
        running = f" {_count(report.total.total)} came in the hour that runs." if report.total.total else ""
        return [f"No {_noun(report.filters.narrowing)} {_in(window)}, and none {_before(window)}.{running}"]
    sentences = [_say_volume(report)]
    if not report.filters.narrowing.sentiment:
        sentences += _say_share(report)
    return sentences


def _say_volume(report: Report) -> str:
    comparison, window = report.comparison, report.filters.window
    now, before = comparison.now.total, comparison.before.total
    noun = _noun(report.filters.narrowing)
    subject = noun[0].upper() + noun[1:]
    if not before:
        return f"{_count(now)} {_noun(report.filters.narrowing, now)} {_in(window)}; none {_before(window)}."
    figures = f"{_count(now)} {_in(window)}, {_count(before)} {_before(window)}"
    if comparison.volume_direction == "same":
        return f"No clear change in the number of {noun}: {figures}. A difference like this can be chance."
    main = _main_part(report.topics, comparison.volume_direction, "total")
    return f"{subject} {_size(now / before)}: {figures}{main}."


def _say_share(report: Report) -> list[str]:
    comparison = report.comparison
    now, before = comparison.now.negative_share, comparison.before.negative_share
    sentences = []
    if now is None:
        if comparison.now.total:
            sentences.append("None of them could be scored, so nothing can be said about their sentiment.")
    elif before is None:
        sentences.append(f"{percent(now.value)} are negative ({_range(now)}); there is nothing before to compare with.")
    elif comparison.share_direction == "same":
        sentences.append(
            f"The negative share has not clearly changed: {percent(now.value)} ({_range(now)}), "
            f"before {percent(before.value)} ({_range(before)})."
        )
    else:
        verb = "rose" if comparison.share_direction == "up" else "fell"
        main = _main_part(report.topics, comparison.share_direction, "negative")
        sentences.append(
            f"The negative share {verb} to {percent(now.value)} ({_range(now)}), from {percent(before.value)} ({_range(before)}){main}."
        )
    unsure = comparison.now.unsure
    if unsure and now is not None:
        verb = "is" if unsure == 1 else "are"
        sentences.append(
            f"{_count(unsure)} of the {_count(comparison.now.total)} {verb} unsure: they could not be read well enough, "
            "and are in none of these shares."
        )
    return sentences


def _main_part(topics: list[Part], direction: str, what: str) -> str:
    """ ", mostly “Delivery”" where one topic, itself beyond its band, makes up much of the change; else nothing."""
    moved = [(_moved_by(part.comparison, what), part) for part in topics if _moves(part.comparison, what) == direction]
    if not moved:
        return ""
    by, part = max(moved, key=lambda pair: abs(pair[0]))
    everything = sum(abs(_moved_by(part.comparison, what)) for part in topics)
    return f", mostly “{part.label}”" if abs(by) >= MAIN_PART * everything else ""


def _moved_by(comparison: Comparison, what: str) -> int:
    if what == "negative":
        return comparison.now.negative - comparison.before.negative
    return comparison.now.total - comparison.before.total


def _moves(comparison: Comparison, what: str) -> str:
    if what == "negative":
        now, before = (volume_band(counts.negative, spread=comparison.spread) for counts in (comparison.now, comparison.before))
        return compare(now, before)
    return comparison.volume_direction


def _size(ratio: float) -> str:
    if ratio >= 2.95:
        return f"came {ratio:.1f} times as often"
    if ratio > 2.05:
        return "more than doubled"
    if ratio >= 1.95:
        return "doubled"
    if ratio > 1:
        return f"rose by {percent(ratio - 1)}"
    if 0.49 <= ratio <= 0.51:
        return "halved"
    return f"fell by {percent(1 - ratio)}"


def _noun(narrowing: Narrowing, count: int = 0) -> str:
    noun = "mention" if count == 1 else "mentions"
    if narrowing.sentiment:
        noun = f"{narrowing.sentiment} {noun}"
    if narrowing.topic:
        noun = f"{noun} of “{narrowing.topic.name}”"
    return f"{noun} on {NETWORKS[narrowing.network].label}" if narrowing.network else noun


def _in(window: Window) -> str:
    until = "" if window.complete_until == window.until else f" up to {window.complete_until.astimezone(window.zone):%H:%M}"
    if window.name != "custom" or window.first_day is None or window.last_day is None:
        return f"in the last {'24 hours' if window.name == '24h' else _days(window)}{until}"
    if window.first_day == window.last_day:
        return f"on {_day(window.first_day)}{until}"
    return f"from {_day(window.first_day)} to {_day(window.last_day)}{until}"


def _before(window: Window) -> str:
    length = "24 hours" if window.name == "24h" else _days(window)
    running = window.complete_until != window.until
    return f"in the same hours of the {length} before" if running else f"in the {length} before"


def _days(window: Window) -> str:
    if window.first_day is None or window.last_day is None:
        return "24 hours"
    days = (window.last_day - window.first_day).days + 1
    return "day" if days == 1 else f"{days} days"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _count(number: int) -> str:
    return f"{number:,}"


def _range(band: Band) -> str:
    return f"between {percent(band.low)} and {percent(band.high)}"
