"""Whose value counts: by each rule, and so that two who tell each other come to the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.services.conflicts import Value, check_rules, judge, rule_of
from socialdesk.lib.errors import DeskError

EARLY = datetime(2026, 5, 4, 10, tzinfo=UTC)
LATE = EARLY + timedelta(seconds=1)
values = st.builds(Value, st.sampled_from(["a", "b", "ä", ""]), st.sampled_from([EARLY, LATE]), st.just("agent"))


@given(values, values)
def test_of_two_values_both_sides_choose_the_same(one: Value, other: Value) -> None:
    if one.value == other.value:
        return
    here = other if judge(field="name", rule="newest", ours=one, theirs=other).taken else one
    there = one if judge(field="name", rule="newest", ours=other, theirs=one).taken else other
    assert here.value == there.value


@given(st.lists(values, min_size=2, max_size=6), st.randoms())
def test_whatever_the_order_in_which_they_come_the_same_is_left(told: list[Value], chance: Any) -> None:
    def settle(order: list[Value]) -> Any:
        ours = order[0]
        for theirs in order[1:]:
            if theirs.value != ours.value:
                ours = theirs if judge(field="name", rule="newest", ours=ours, theirs=theirs).taken else ours
            elif theirs.at and ours.at and theirs.at > ours.at:
                ours = theirs  # what is the same on both sides is not judged, but its time moves
        return ours.value

    shuffled = list(told)
    chance.shuffle(shuffled)
    assert settle(told) == settle(shuffled)


@pytest.mark.parametrize(
    ("rule", "ours", "theirs", "is_taken"),
    [
        ("newest", Value("a", EARLY), Value("b", LATE), True),
        ("newest", Value("a", LATE), Value("b", EARLY), False),
        ("newest", Value("a", EARLY), Value("", LATE), True),
        ("newest", Value("a", EARLY), Value("", None), False),
        ("newest", Value("", None), Value("b", None), True),
        ("theirs", Value("a", LATE, "form: callback"), Value("b", EARLY), True),
        ("newest", Value("a", EARLY, "form: callback"), Value("b", LATE), False),
        ("newest", Value("a", EARLY, "direct message"), Value("b", LATE), False),
        ("newest", Value("", EARLY, "form: callback"), Value("b", LATE), True),
        ("ours", Value("a", EARLY), Value("b", LATE), False),
        ("ours", Value("", None), Value("b", LATE), False),
        ("fill", Value("a", EARLY), Value("b", LATE), False),
        ("fill", Value("", None), Value("b", LATE), True),
        ("fill", Value("", None), Value("", LATE), False),
    ],
)
def test_each_rule(rule: str, ours: Value, theirs: Value, is_taken: bool) -> None:
    assert judge(field="name", rule=rule, ours=ours, theirs=theirs).taken is is_taken


def test_the_stage_that_everybody_begins_with_says_nothing() -> None:
    begun, said = Value("prospect"), Value("customer", EARLY)
    assert judge(field="stage", rule="fill", ours=begun, theirs=said).taken
    assert not judge(field="stage", rule="fill", ours=Value("prospect", EARLY), theirs=said).taken
    assert not judge(field="stage", rule="newest", ours=said, theirs=begun).taken


def test_a_field_has_its_own_rule_or_that_of_all_others() -> None:
    assert rule_of({"name": "ours", "*": "fill"}, "name") == "ours"
    assert rule_of({"name": "ours", "*": "fill"}, "company") == "fill"
    assert rule_of({}, "company") == rule_of(None, "company") == "newest"


def test_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeskError, match="newest"):
        check_rules({"name": "coin"})
