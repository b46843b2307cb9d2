"""One at a time: the second ends at once, and who took too long takes nothing from whoever came after."""

from __future__ import annotations

from django.core.cache import cache

from socialdesk.lib.turns import only_one


def test_the_second_gets_no_turn_and_the_next_one_does() -> None:
    for _ in range(2):
        with only_one("work", seconds=60) as first:
            assert first is not None
            with only_one("work", seconds=60) as second, only_one("other", seconds=60) as other:
                assert second is None
                assert other is not None
            assert first.renew()


def test_who_took_too_long_does_not_end_the_turn_of_another() -> None:
    with only_one("work", seconds=60) as first:
        assert first is not None
        cache.delete(first.key)  # its time is over
        assert not first.renew()
        with only_one("work", seconds=60) as second:
            assert second is not None
            first.end()
            assert not first.renew()
            assert second.renew()


def test_a_failure_ends_the_turn() -> None:
    try:
        with only_one("work", seconds=60):
            raise RuntimeError
    except RuntimeError:
        pass
    with only_one("work", seconds=60) as turn:
        assert turn is not None
