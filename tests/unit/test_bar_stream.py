"""The row of bars that a listener is told, rule by rule, by hand: who is told what, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State, with_gaps
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bar_stream import (
    PATIENCE_NS,
    RETRY_NS,
    SLACK,
    BarStream,
    differs,
)
from bethna.logic.bars import unknown_bar

BTC = InstrumentId("BTC-USD@kraken")
START = 1_723_161_600 * NS_PER_S  # a whole hour
M1, M5 = Interval.M1, Interval.M5
Prices = tuple[float, float, float, float]
FLAT: Prices = (10.0, 12.0, 9.0, 11.0)
NOT_WATCHED = Gap("trades", None, None, START, START + 20 * NS_PER_S, "not_watched")


def at(minute: float, second: float = 0) -> int:
    return START + int((60 * minute + second) * NS_PER_S)


def told(
    minute: int,
    prices: Prices = FLAT,
    *,
    volume: float | None = 2.0,
    trades: int | None = 3,
    closed: bool = True,
    source: str = "kraken",
    state: State = State.COMPLETE,
    interval: Interval = M1,
    revision: int = 0,
) -> Bar:
    """A bar of a series, by default a whole one of the source."""
    coverage = Coverage(Provenance.LIVE, state, (), (source,))
    return Bar(
        BTC, interval, at(minute), BarKind.TRADED, *prices, volume, trades, closed, source, coverage, revision
    )


def nobody(minute: int, interval: Interval = M1) -> Bar:
    return unknown_bar(BTC, interval, at(minute), "source_failed", Provenance.LIVE)


def seen(
    minute: int,
    prices: Prices = FLAT,
    *,
    volume: float = 2.0,
    trades: int = 3,
    closed: bool = True,
    state: State = State.COMPLETE,
    interval: Interval = M1,
) -> Candle:
    """A candle of the desk, by default one that it watched from beginning to end."""
    coverage = Coverage(Provenance.LIVE, State.COMPLETE, (), ("kraken",))
    gaps = [NOT_WATCHED] if state is State.INCOMPLETE else []
    coverage = with_gaps(replace(coverage, state=state), gaps)
    return Candle(BTC, interval, at(minute), *prices, volume, trades, closed, None, None, coverage)


def stream(interval: Interval = M1, history: int = 3) -> BarStream:
    return BarStream(BTC, interval, history, Provenance.LIVE, 10**8)


def begun(bars: Sequence[Bar], now: int, interval: Interval = M1, history: int = 3) -> BarStream:
    """A stream that was told a series."""
    machine = stream(interval, history)
    machine.fetched(bars, None, now)
    return machine


def brief(bars: Sequence[Bar]) -> list[tuple[int, str, bool]]:
    """Minute, state, closed."""
    return [
        ((bar.open_time - START) // (60 * NS_PER_S), bar.coverage.state.value, bar.closed) for bar in bars
    ]


# rule 1 -----------------------------------------------------------------------------------------------------------


def test_what_is_heard_waits_until_the_series_has_come() -> None:
    machine = stream()
    assert machine.hear([seen(3, closed=False)], (), at(3, 10)) == []
    assert (machine.released, machine.row) == (False, [])
    news = machine.fetched([told(1), told(2)], None, at(3, 11))
    assert brief(news) == [(1, "complete", True), (2, "complete", True), (3, "complete", False)]
    assert machine.released
    assert machine.row == news


def test_the_row_begins_history_bars_ago_however_long_the_series_is() -> None:
    machine = stream(history=2)
    news = machine.fetched([told(0), told(1), told(2), told(3, closed=False)], None, at(3, 1))
    assert [bar.open_time for bar in news] == [at(2), at(3)]


def test_given_up_it_begins_history_bars_ago_and_says_what_nobody_knows() -> None:
    machine = stream(history=3)
    machine.hear([seen(5, closed=False)], (), at(5, 1))
    news = machine.give_up(at(5, 10))
    assert brief(news) == [(3, "unknown", True), (4, "unknown", True), (5, "complete", False)]
    assert news[0].coverage.gaps == (Gap("candles", None, None, at(3), at(4), "unheard"),)
    assert machine.give_up(at(5, 11)) == []  # it does not begin anew
    assert brief(machine.fetched([told(2), told(3), told(4)], None, at(5, 12))) == [
        (3, "complete", True),
        (4, "complete", True),
    ]


def test_a_series_without_bars_lets_it_begin_with_what_is_heard() -> None:
    machine = stream()
    assert machine.fetched([], None, at(5)) == []
    assert brief(machine.hear([seen(5, closed=False)], (), at(5, 1))) == [(5, "complete", False)]


def test_given_up_before_anything_was_heard_it_knows_the_time() -> None:
    assert [bar.open_time for bar in stream(history=3).give_up(at(5, 10))] == [at(3), at(4)]


# rule 2 -----------------------------------------------------------------------------------------------------------


def test_one_of_which_nobody_knows_is_told_after_patience() -> None:
    machine = begun([told(0)], at(1))
    assert machine.hear((), (), at(2) + PATIENCE_NS - 1) == []
    assert brief(machine.hear((), (), at(2) + PATIENCE_NS)) == [(1, "unknown", True)]


def test_one_of_which_nobody_knows_is_told_as_soon_as_a_later_one_is_known() -> None:
    machine = begun([told(0)], at(1))
    news = machine.hear([seen(2, closed=False)], (), at(2, 1))
    assert brief(news) == [(1, "unknown", True), (2, "complete", False)]


def test_at_the_very_end_of_a_bar_it_is_over() -> None:
    machine = begun([told(0, closed=False)], at(0, 59))
    assert machine.hear([seen(0, volume=9.0, closed=False)], [], at(1)) == []  # its last word is waited for
    news = machine.hear([seen(1, closed=False)], [], at(1))
    assert brief(news) == [(0, "incomplete", True), (1, "complete", False)]


def test_what_is_known_of_the_open_one_itself_does_not_end_the_patience() -> None:
    machine = begun([told(0)], at(1))
    machine.hear([seen(1, closed=False)], (), at(1, 30))
    assert machine.hear((), (), at(2, 1)) == []
    assert brief(machine.hear([seen(1)], (), at(2, 1))) == [(1, "complete", True)]


def test_a_candle_of_the_future_is_not_heard() -> None:
    machine = begun([told(0)], at(1))
    assert machine.hear([seen(2, closed=False)], (), at(1, 59)) == []
    assert machine.hear((), (), at(2, 1)) == []


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    machine = begun([told(0)], at(1, 50))
    assert brief(machine.hear([seen(1, closed=False)], (), at(0, 10))) == [(1, "complete", False)]
    assert machine.give_up(at(0)) == []
    assert brief(machine.fetched([told(1)], None, at(0))) == [(1, "complete", True)]


# rule 3: what a later answer says -----------------------------------------------------------------------------------

LIVE_WHOLE = told(0, source="live")
LIVE_PART = told(0, (10.5, 11.0, 10.0, 10.7), volume=1.0, source="live", state=State.INCOMPLETE)
SOURCE = told(0, (10.0, 13.0, 9.0, 11.0))
WEAK = told(0, (10.0, 12.5, 9.0, 11.0), state=State.UNVERIFIED)


@pytest.mark.parametrize(
    ("before", "later", "taken"),
    [
        (LIVE_PART, SOURCE, True),
        (LIVE_WHOLE, SOURCE, False),
        (SOURCE, LIVE_WHOLE, False),
        (SOURCE, LIVE_PART, False),
        (WEAK, LIVE_WHOLE, True),
        (WEAK, LIVE_PART, False),
        (LIVE_PART, WEAK, True),
        (LIVE_PART, LIVE_WHOLE, True),
        (LIVE_PART, replace(LIVE_PART, high=11.5), False),
        (LIVE_WHOLE, replace(LIVE_WHOLE, high=12.5), False),
        (SOURCE, replace(SOURCE, high=12.0), True),  # the source's own later word
        (replace(SOURCE, revision=2), replace(SOURCE, high=12.0, revision=1), False),
        (replace(SOURCE, revision=2), replace(SOURCE, high=12.0, revision=2), True),
        (SOURCE, nobody(0), False),
        (SOURCE, replace(SOURCE, high=12.0, closed=False), False),
        (nobody(0), SOURCE, True),
        (nobody(0), LIVE_PART, True),
        (nobody(0), replace(SOURCE, closed=False), False),
    ],
)
def test_what_a_later_answer_may_change_of_a_closed_bar(before: Bar, later: Bar, taken: bool) -> None:
    machine = begun([before], at(1, 5))
    news = machine.fetched([later], None, at(1, 6))
    assert bool(news) is taken
    assert (machine.row[0].high == later.high) is taken


@pytest.mark.parametrize(
    ("later", "taken"),
    [
        (told(0, volume=2.5, closed=False), True),
        (told(0, (10.0, 12.5, 9.0, 11.0), volume=2.0, closed=False), True),
        (told(0, (10.0, 12.5, 9.0, 11.0), volume=1.9, closed=False), False),
        (told(0, (10.0, 12.5, 9.0, 11.0), volume=None, closed=False), False),
        (told(0, volume=1.0), True),  # closed: its last word
    ],
)
def test_an_open_bar_grows_and_a_late_answer_does_not_shrink_it(later: Bar, taken: bool) -> None:
    machine = begun([told(0, closed=False)], at(0, 30))
    assert bool(machine.fetched([later], None, at(0, 40))) is taken


def test_what_was_fetched_of_the_desks_own_does_not_stand_against_what_it_has_now() -> None:
    machine = begun([told(0, source="live")], at(1, 5))
    news = machine.hear([seen(0, state=State.INCOMPLETE)], (), at(1, 6))  # a gap was found in it
    assert brief(news) == [(0, "incomplete", True)]
    assert machine.fetched([told(0, source="live")], None, at(1, 7)) == []
    assert brief(machine.fetched([SOURCE], None, at(1, 8))) == [(0, "complete", True)]


def test_where_the_source_is_not_sure_what_the_desk_watched_stands() -> None:
    machine = begun([WEAK], at(1, 5))
    (bar,) = machine.hear([seen(0)], (), at(1, 6))
    assert (bar.source, bar.high, bar.coverage.state) == ("live", 12.0, State.COMPLETE)


def test_an_open_bar_whose_volume_nobody_knows_is_replaced_by_one_that_has_it() -> None:
    machine = begun([told(0, volume=None, closed=False)], at(0, 30))
    assert [bar.volume for bar in machine.fetched([told(0, volume=0.5, closed=False)], None, at(0, 31))] == [
        0.5
    ]


def test_a_word_of_the_source_stays_when_the_desk_is_heard() -> None:
    machine = begun([SOURCE], at(1, 5))
    assert machine.hear([seen(0, state=State.INCOMPLETE)], (), at(1, 6)) == []
    assert machine.hear([seen(0, closed=False, state=State.COMPLETE)], (), at(1, 6)) == []


def test_the_newest_bar_may_be_told_and_one_after_it_not() -> None:
    machine = begun([told(0)], at(1))
    assert machine.fetched([told(1, closed=False), told(2, closed=False)], None, at(1)) != []
    assert [bar.open_time for bar in machine.row] == [at(0), at(1)]
    assert machine.hear((), (), at(2)) == []  # of the one after it nothing was kept


def test_what_is_older_than_the_row_is_not_told() -> None:
    machine = begun([told(2)], at(3, 1))
    assert machine.fetched([told(1)], None, at(3, 2)) == []
    assert machine._past.keys() == {at(2)}


# rule 4 -----------------------------------------------------------------------------------------------------------


def test_a_closed_bar_is_told_again_with_a_greater_revision() -> None:
    machine = begun([told(0)], at(1, 5))
    assert [bar.revision for bar in machine.fetched([told(0, volume=3.0)], None, at(1, 6))] == [1]
    assert [bar.revision for bar in machine.fetched([told(0, volume=4.0)], None, at(1, 7))] == [2]
    assert [bar.revision for bar in machine.fetched([told(0, volume=5.0, revision=9)], None, at(1, 8))] == [9]


def test_the_same_again_is_not_told() -> None:
    machine = begun([told(0)], at(1, 5))
    again = replace(told(0), source="mirror", coverage=Coverage(sources=("mirror",), as_of=7), revision=3)
    assert machine.fetched([again], None, at(1, 6)) == []


def test_the_revision_of_the_source_is_kept() -> None:
    assert [bar.revision for bar in begun([told(0, revision=5)], at(1)).row] == [5]


def test_an_open_bar_has_no_revision() -> None:
    machine = begun([told(0, closed=False, revision=4)], at(0, 30))
    assert [bar.revision for bar in machine.row] == [0]
    news = machine.fetched([told(0, volume=3.0, closed=False, revision=5)], None, at(0, 40))
    assert [bar.revision for bar in news] == [0]
    assert [bar.revision for bar in machine.fetched([told(0, volume=3.0)], None, at(1))] == [0]


def test_a_closed_bar_does_not_open_when_the_sources_clock_was_ahead() -> None:
    machine = begun([nobody(0)], at(0, 58))  # the source closed it before the venue's time has passed its end
    assert machine.hear([seen(0, closed=False)], (), at(0, 59)) == []
    (bar,) = machine.hear((), (), at(1, 2))
    assert (bar.kind, bar.coverage.state, bar.revision) == (BarKind.TRADED, State.INCOMPLETE, 1)
    news = machine.hear([seen(0)], (), at(1, 3))
    assert [(bar.closed, bar.revision, bar.close) for bar in news] == [(True, 2, 11.0)]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": BarKind.QUIET}, {"open": 1.0}, {"high": 1.0}, {"low": 1.0}, {"close": 1.0}, {"volume": 1.0},
        {"trades": 1}, {"closed": False}, {"coverage": Coverage(state=State.HEALED)},
    ],
)  # fmt: skip
def test_what_makes_a_bar_another_one(change: dict[str, object]) -> None:
    assert differs(told(0), replace(told(0), **change))


# rule 5 -----------------------------------------------------------------------------------------------------------


def test_an_open_bar_whose_last_word_nobody_heard_is_closed_and_incomplete() -> None:
    machine = begun([told(0, closed=False)], at(0, 59))
    assert machine.hear((), (), at(1, 1)) == []
    (bar,) = machine.hear((), (), at(1, 2))
    assert (bar.closed, bar.close, bar.coverage.state) == (True, 11.0, State.INCOMPLETE)
    assert bar.coverage.gaps == (Gap("candles", None, None, at(0), at(1), "unheard"),)


def test_an_open_bar_of_which_nothing_was_known_ends_unknown() -> None:
    machine = begun([told(0)], at(1))
    machine.hear([seen(1, trades=0, closed=False, state=State.UNKNOWN)], (), at(1, 30))
    (bar,) = machine.hear((), (), at(2, 2))
    assert (bar.closed, bar.kind, bar.coverage.state) == (True, BarKind.UNKNOWN, State.UNKNOWN)
    assert bar.coverage.gaps == ()


# rule 8 -----------------------------------------------------------------------------------------------------------


def test_the_oldest_are_let_go_and_not_told_again() -> None:
    machine, count = begun([told(0)], at(0, 58), history=1), 2 * SLACK + 3
    machine.hear([seen(minute) for minute in range(1, SLACK + 1)], (), at(SLACK + 1))
    assert len(machine.row) == SLACK + 1
    machine.hear([seen(minute) for minute in range(SLACK + 1, count)], (), at(count))
    assert [bar.open_time for bar in machine.row] == [at(minute) for minute in range(count - 501, count)]
    assert len(machine._live) == SLACK + 1  # nor are they kept
    assert not machine._touched
    assert machine.hear([seen(3, volume=9.0)], (), at(count, 1)) == []
    assert machine.fetched([told(3)], None, at(count, 1)) == []


def test_what_was_let_go_is_not_asked_for() -> None:
    machine = begun([nobody(0)], at(0, 58), history=1)
    machine.asked(0)
    machine.hear([seen(minute) for minute in range(1, SLACK + 1)], (), at(SLACK + 1))
    assert machine.asks(at(SLACK + 1), 10 * RETRY_NS) == SLACK + 1
    machine.hear([seen(SLACK + 1)], (), at(SLACK + 2))
    assert machine.asks(at(SLACK + 2), 10 * RETRY_NS) is None
    assert machine._weak == set()
