"""The guards against the labelled drafts: recall and precision on all, on those held back from tuning, by language, and of the flags."""

from __future__ import annotations

import pytest

from socialdesk.networks import registry
from tests.engagement.guards.measure import NEVER_STOPS, find, measure, measure_flags, read_drafts, should_stop

DRAFTS = read_drafts()
RECALL, PRECISION = 0.98, 0.95
AT_LEAST = {NEVER_STOPS: (0.95, 0.9)}  # recall and precision of flags, which stop nothing


def test_the_set_is_large_balanced_and_in_five_languages():
    assert len(DRAFTS) >= 400
    assert len({draft["text"] for draft in DRAFTS}) == len(DRAFTS)
    for language in ("en", "de", "fr", "es", "ar"):
        stopped = [should_stop(draft) for draft in DRAFTS if draft["language"] == language]
        assert len(stopped) >= 80
        assert 0.4 < sum(stopped) / len(stopped) < 0.7
    assert {draft["network"] for draft in DRAFTS} <= set(registry.NETWORKS)
    assert len([draft for draft in DRAFTS if draft["split"] == "held"]) >= 100


@pytest.mark.parametrize(("group", "rates"), measure().items(), ids=lambda value: value if isinstance(value, str) else "")
def test_few_are_missed_and_few_stopped_for_nothing(group, rates):
    recall, precision = AT_LEAST.get(group, (RECALL, PRECISION))
    assert rates["recall"] >= recall, rates
    assert rates["precision"] >= precision, rates


def test_the_measure_notices_guards_that_stop_nothing_or_everything():
    assert measure(lambda draft: False)["all"]["recall"] == 0
    assert measure(lambda draft: True)["all"]["precision"] < PRECISION
    assert measure_flags(lambda draft: False)["recall"] == 0
    assert measure_flags(lambda draft: True)["precision"] < AT_LEAST[NEVER_STOPS][1]


@pytest.mark.parametrize("draft", [draft for draft in DRAFTS if NEVER_STOPS in draft["kinds"]], ids=lambda draft: draft["text"][:40])
def test_a_push_to_the_telephone_is_flagged_and_not_stopped(draft):
    findings = [(finding.kind, finding.blocks) for finding in find(draft)]
    assert findings == [(NEVER_STOPS, False)] or should_stop(draft)


def test_the_kind_that_is_found_is_the_kind_that_is_there():
    others = []
    for draft in DRAFTS:
        found = {finding.kind for finding in find(draft)}
        if draft["kinds"] and not found & set(draft["kinds"]):
            others.append((draft["text"], found))
    assert len(others) <= len(DRAFTS) / 100, others
