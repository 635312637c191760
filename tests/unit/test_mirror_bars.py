"""A row of bars over a lost connection and a restart of the desk: no hole, no double, nothing known is forgotten."""

from __future__ import annotations

from property.test_kept_bars import MINUTE, nobody, traded

from bethna.client.mirror_bars import BarsMirror
from bethna.core.bars import Bar, BarKind
from bethna.core.intervals import Interval


def told(bars: list[Bar]) -> list[tuple[int, str, int]]:
    return [(bar.open_time // MINUTE, bar.kind.value, bar.revision) for bar in bars]


def test_what_another_desk_tells_otherwise_is_a_revision_and_the_same_is_nothing() -> None:
    mirror = BarsMirror(Interval.M1, 10)
    mirror.take([traded(1), traded(2), traded(3, closed=False)])
    again = mirror.take([traded(1), traded(2, 1.5), traded(3), traded(4, closed=False)])
    assert told(again) == [(2, "traded", 1), (3, "traded", 0), (4, "traded", 0)]


def test_what_was_missed_for_good_is_unknown_and_what_was_open_is_not_final() -> None:
    mirror = BarsMirror(Interval.M1, 2)
    mirror.take([traded(1), traded(2, closed=False)])
    later = mirror.take([traded(5), traded(6, closed=False)])
    assert told(later) == [
        (2, "unknown", 0), (3, "unknown", 0), (4, "unknown", 0), (5, "traded", 0), (6, "traded", 0),
    ]  # fmt: skip


def test_a_desk_that_knows_less_takes_nothing_back_and_opens_nothing() -> None:
    mirror = BarsMirror(Interval.M1, 10)
    mirror.take([traded(1), traded(2)])
    assert mirror.take([nobody(1), traded(2, closed=False)]) == []
    assert mirror.row[MINUTE].kind is BarKind.TRADED
    assert mirror.take([traded(0)]) == []
