"""A quiet market at a venue that never names its newest trade: closed, unverified, and complete with the next trade."""

from __future__ import annotations

from unit.test_feed import BTC, SECOND, START, Desk, day

from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, Candle, Trade


def newest(desk: Desk, count: int, interval: Interval = Interval.S1) -> list[Candle]:
    return desk.feed.candles(interval, count, None)


def seconds(desk: Desk) -> dict[int, tuple[bool, State]]:
    return {
        (each.open_time - START) // SECOND: (each.closed, each.coverage.state)
        for each in desk.feed.candles(Interval.S1, 100, None)
    }


def traded(desk: Desk, trade_id: int, at: float) -> Trade:
    """A trade, and a tick."""
    made = desk.trade(trade_id, at)
    desk.tick(at)
    return made


def quiet(desk: Desk, start: int, end: int) -> None:
    """Only the book moves."""
    for at in range(start, end):
        desk.delta(at + 100, at + 100, at)
        desk.tick(at + 0.1)


def test_a_quiet_time_is_unverified_until_the_next_trade_proves_it() -> None:
    desk = Desk()
    traded(desk, 1, 0.2)
    traded(desk, 2, 1.2)
    quiet(desk, 2, 12)
    shown = seconds(desk)
    assert shown[1] == (True, State.UNVERIFIED), "a trade of it may be late"
    assert {shown[each] for each in range(2, 6)} == {(True, State.UNVERIFIED)}
    assert shown[6] == (False, State.UNVERIFIED), "of the open one nothing is known yet"
    traded(desk, 3, 12.5)
    shown = seconds(desk)
    assert {shown[each] for each in range(1, 12)} == {(True, State.COMPLETE)}
    assert shown[12] == (False, State.COMPLETE)


def test_a_trade_that_was_late_was_never_denied() -> None:
    """Trades alone lag: what had closed without them did not call itself complete."""
    desk = Desk()
    traded(desk, 1, 0.2)
    quiet(desk, 1, 12)
    before = {each.open_time: each for each in newest(desk, 100)}
    traded(desk, 2, 3.5)
    after = {each.open_time: each for each in newest(desk, 100)}
    changed = [before[each] for each in before if each in after and after[each].trades != before[each].trades]
    assert [each.coverage.state for each in changed] == [State.UNVERIFIED]


def test_a_word_of_the_venue_proves_a_quiet_time_as_a_trade_does() -> None:
    desk = Desk()
    traded(desk, 1, 0.2)
    quiet(desk, 1, 12)
    day(desk, 1, 12)
    desk.tick(12.1)
    assert {seconds(desk)[each] for each in range(1, 11)} == {(True, State.COMPLETE)}


def test_a_minute_is_closed_at_its_lag_and_proven_by_the_next_trade() -> None:
    desk = Desk()
    traded(desk, 1, -3)
    traded(desk, 2, 1)
    quiet(desk, 2, 66)
    minute = newest(desk, 2, Interval.M1)[0]
    assert (minute.closed, minute.trades, minute.coverage.state) == (True, 1, State.UNVERIFIED)
    traded(desk, 3, 80)
    minute = newest(desk, 2, Interval.M1)[0]
    assert (minute.closed, minute.trades, minute.coverage.state) == (True, 1, State.COMPLETE)


def test_a_price_stays_whole_and_speaks_up_to_what_is_proven() -> None:
    desk = Desk()
    traded(desk, 1, 0.2)
    trade = traded(desk, 2, 1.2)
    quiet(desk, 2, 12)
    coverage = desk.feed.price(stale=False, last_message=None).coverage
    assert (coverage.state, coverage.as_of) == (State.COMPLETE, trade.ts_event)


def test_what_the_venue_does_not_number_stays_unverified() -> None:
    desk = Desk()
    traded(desk, 1, 0.2)
    desk.feed.apply_delta(BookDelta(BTC.id, 1, 1, [], [], START + SECOND, START + SECOND))
    traded(desk, -1, 2.2)
    traded(desk, -1, 4.2)
    assert seconds(desk)[3] == (True, State.UNVERIFIED)
