"""Candles at their edges: time that steps back, bars that are amended, what is kept and what is shown."""

from __future__ import annotations

import pytest

from bethna.core.coverage import Gap, State
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, Trade
from bethna.logic.candles import MAX_AHEAD_NS, CandleBuilder

BTC = InstrumentId("BTC-USDT@binance")
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_700_000_040 * SECOND  # a whole minute


def at(offset_s: float, trade_id: int, price: float = 1.0, quantity: float = 1.0) -> Trade:
    ts = START + round(offset_s * SECOND)
    return Trade(BTC, price, quantity, "buy", trade_id, ts, ts)


def builder(*trades: Trade, kept: int = 100) -> CandleBuilder:
    made = CandleBuilder(BTC, 10**8, ("binance",), kept=kept)
    for trade in trades:
        made.apply(trade)
    return made


def shape(candle: Candle) -> tuple[float, float, float, float, float, float, int]:
    offset_s = (candle.open_time - START) / SECOND
    return offset_s, candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades


def bars(made: CandleBuilder, interval: Interval, now_s: float) -> list[tuple[float, ...]]:
    return [
        shape(candle)
        for candle in made.candles(interval, 1000, START + round(now_s * SECOND))
        if candle.trades
    ]


def test_open_and_close_are_by_id_and_high_and_low_by_price() -> None:
    made = builder(at(0, 1, 5), at(0.1, 2, 9), at(0.2, 3, 2), at(0.3, 4, 4))
    assert bars(made, Interval.S1, 0.5) == [(0, 5, 9, 2, 4, 4, 4)]


def test_a_second_begins_with_its_first_instant() -> None:
    made = builder(at(0, 1), at(0.999_999_999, 2), at(1, 3))
    assert [(bar[0], bar[-1]) for bar in bars(made, Interval.S1, 1.5)] == [(0, 2), (1, 1)]


def test_a_trade_whose_time_steps_back_over_the_second_amends_the_bar_of_its_time() -> None:
    made = builder(at(0.5, 1, 5), at(1.1, 2, 7), at(0.9, 3, 6), at(1.2, 4, 8))
    assert bars(made, Interval.S1, 1.5) == [(0, 5, 6, 5, 6, 2, 2), (1, 7, 8, 7, 8, 2, 2)]
    assert bars(made, Interval.M1, 1.5) == [(0, 5, 8, 5, 8, 4, 4)]
    assert made.amended == 1


def test_a_step_back_over_the_minute_amends_every_interval() -> None:
    made = builder(at(59.5, 1, 5), at(60.5, 2, 7), at(59.9, 3, 1), at(120, 4, 7))
    assert bars(made, Interval.M1, 121) == [
        (0, 5, 5, 1, 1, 2, 2),
        (60, 7, 7, 7, 7, 1, 1),
        (120, 7, 7, 7, 7, 1, 1),
    ]
    assert sum(bar[-1] for bar in bars(made, Interval.D1, 121)) == 4


def test_a_step_back_into_the_minute_before_while_only_one_second_was_seen() -> None:
    made = builder(at(60.5, 1, 5), at(59.9, 2, 6), at(61.5, 3, 7))
    assert bars(made, Interval.S1, 62) == [
        (59, 6, 6, 6, 6, 1, 1),
        (60, 5, 5, 5, 5, 1, 1),
        (61, 7, 7, 7, 7, 1, 1),
    ]
    assert bars(made, Interval.M1, 62) == [(0, 6, 6, 6, 6, 1, 1), (60, 5, 7, 5, 7, 2, 2)]


def test_a_step_back_into_a_quiet_time_fills_it() -> None:
    made = builder(at(0, 1, 5), at(180, 2, 7), at(90, 3, 6))
    assert bars(made, Interval.M1, 181) == [
        (0, 5, 5, 5, 5, 1, 1),
        (60, 6, 6, 6, 6, 1, 1),
        (180, 7, 7, 7, 7, 1, 1),
    ]
    made.apply(at(240, 4, 8))
    made.late(at(30, 0, 9))
    made.late(at(150, 0, 3))
    assert [(bar[0], bar[-1]) for bar in bars(made, Interval.M1, 241)] == [
        (0, 2),
        (60, 1),
        (120, 1),
        (180, 1),
        (240, 1),
    ]


def test_a_late_trade_of_the_open_second_and_one_beyond_it() -> None:
    made = builder(at(0, 5, 5))
    made.late(at(0.5, 4, 9))
    assert bars(made, Interval.S1, 1) == [(0, 9, 9, 5, 5, 2, 2)], "the lower id opens"
    made.late(at(3, 3, 7))
    assert [bar[0] for bar in bars(made, Interval.S1, 3)] == [0, 3]


def test_large_quantities_are_counted_exactly() -> None:
    made = builder(at(0, 1, quantity=90071992.5474099), at(0.1, 2, quantity=90071992.5474099))
    lots = made.fingerprint()["1s"][0][5]
    assert lots == 2 * 9007199254740990


def test_beyond_what_is_kept_a_late_trade_is_let_go() -> None:
    made = builder(*(at(n, 10 + n) for n in range(5)), kept=3)
    held = made.fingerprint()
    assert len(held["1s"]) == 4
    made.late(at(-60, 0))
    assert made.fingerprint()["1s"] == held["1s"]


def test_a_late_trade_between_full_bars_pushes_the_oldest_out() -> None:
    made = builder(at(0, 1), at(1, 2), at(4, 3), at(5, 4), kept=3)
    made.late(at(2, 0, 9))
    assert [bar[0] for bar in bars(made, Interval.S1, 6)] == [1, 2, 4, 5]
    made = builder(at(0, 1), at(5, 2), kept=1)
    made.late(at(2, 0, 9))
    assert [bar[0] for bar in bars(made, Interval.S1, 6)] == [2, 5]


def test_nothing_was_traded() -> None:
    made = builder()
    assert made.candles(Interval.M1, 10, START) == []
    assert made.fingerprint()["1m"] == []


@pytest.mark.parametrize("limit", [0, -1])
def test_no_candles_are_no_candles(limit: int) -> None:
    assert builder(at(0, 1)).candles(Interval.S1, limit, START + 10**6 * SECOND) == []


@pytest.mark.parametrize(("limit", "quiet"), [(1, 1), (9, 9), (10, 9), (11, 9)])
def test_quiet_bars_reach_to_now_and_count(limit: int, quiet: int) -> None:
    made = builder(at(0, 1, 5))
    candles = made.candles(Interval.M1, limit, START + 9 * MINUTE + SECOND)
    assert len(candles) == min(limit, 10)
    assert sum(candle.trades == 0 for candle in candles) == quiet
    assert [candle.closed for candle in candles] == [True] * (len(candles) - 1) + [False]
    assert all(candle.close == 5 for candle in candles)
    assert [candle.first_id is None for candle in candles] == [candle.trades == 0 for candle in candles]


def test_one_trade_from_the_future_does_not_take_the_chart_along() -> None:
    made = builder(at(0, 1, 5), at(10**9, 2, 6), at(1, 3, 7), at(61, 4, 8), at(122, 5, 9))
    candles = made.candles(Interval.M1, 5, START + 123 * SECOND)
    assert [shape(candle)[0] for candle in candles] == [0, 60, 120]
    assert [candle.trades for candle in candles] == [2, 1, 1]
    assert [shape(candle)[0] for candle in made.candles(Interval.S1, 3, START + 123 * SECOND)] == [
        121,
        122,
        123,
    ]


def test_a_bar_a_little_ahead_of_the_venues_time_is_shown() -> None:
    made = builder(at(0, 1), at(MAX_AHEAD_NS / SECOND, 2))
    assert len(bars(made, Interval.S1, 0)) == 2
    made = builder(at(0, 1), at(MAX_AHEAD_NS / SECOND + 1, 2))
    assert len(bars(made, Interval.S1, 0)) == 1


def test_an_end_cuts_what_opens_at_it_or_later() -> None:
    made = builder(*(at(60 * n, 1 + n) for n in range(5)))
    now = START + 4 * MINUTE
    assert [shape(c)[0] for c in made.candles(Interval.M1, 2, now, end=START + 3 * MINUTE)] == [60, 120]
    assert [shape(c)[0] for c in made.candles(Interval.M1, 2, now, end=START + 3 * MINUTE + 1)] == [120, 180]
    assert [shape(c)[0] for c in made.candles(Interval.M1, 2, now, end=now + 10**18)] == [180, 240]


def test_a_gap_of_time_marks_its_bars_and_one_without_an_end_none() -> None:
    made = builder(*(at(60 * n, 1 + n) for n in range(5)))
    away = Gap("trades", None, None, START + 90 * SECOND, START + 130 * SECOND, "disconnected")
    endless = Gap("trades", 5, 6, START, None)
    candles = made.candles(Interval.M1, 10, START + 4 * MINUTE, [away, endless])
    assert [candle.coverage.state for candle in candles] == [
        State.COMPLETE, State.INCOMPLETE, State.INCOMPLETE, State.COMPLETE, State.COMPLETE,
    ]  # fmt: skip
    beginning = Gap("trades", 1, 2, None, START + 60 * SECOND)
    states = [c.coverage.state for c in made.candles(Interval.M1, 10, START + 4 * MINUTE, [beginning])]
    assert states == [State.INCOMPLETE, State.INCOMPLETE, State.COMPLETE, State.COMPLETE, State.COMPLETE]


def test_the_certificate_speaks_to_the_bars_end_and_no_further_than_now() -> None:
    made = builder(at(0, 1), at(70, 2))
    closed, opened = made.candles(Interval.M1, 10, START + 75 * SECOND)
    assert (closed.coverage.as_of, opened.coverage.as_of) == (START + MINUTE, START + 75 * SECOND)
    assert closed.coverage.sources == ("binance",)


def test_a_bar_in_which_the_venue_counts_anew_opens_before_and_closes_after() -> None:
    made = builder(at(0.5, 500, 5), at(2, 501, 9))
    made.begin_anew()
    made.apply(at(3, 7, 4))
    made.apply(at(4, 8, 6))
    assert bars(made, Interval.M1, 5) == [(0, 5, 9, 4, 6, 4, 4)]
    for trade in (at(61, 9, 3), at(62, 10, 2)):
        made.apply(trade)
    assert bars(made, Interval.M1, 63) == [(0, 5, 9, 4, 6, 4, 4), (60, 3, 3, 2, 2, 2, 2)]
    assert bars(made, Interval.D1, 63)[0][1:5] == (5, 9, 2, 2)


def test_so_does_a_second_in_which_it_counts_anew() -> None:
    made = builder(at(0.1, 500, 5), at(0.2, 501, 9))
    made.begin_anew()
    made.apply(at(0.3, 7, 4))
    made.apply(at(0.4, 8, 6))
    for interval in (Interval.S1, Interval.M1):
        assert bars(made, interval, 0.5) == [(0, 5, 9, 4, 6, 4, 4)]
    made.apply(at(1.4, 9, 7))
    assert bars(made, Interval.M1, 1.5) == [(0, 5, 9, 4, 7, 5, 5)]


def test_no_quiet_bars_reach_into_the_future_to_a_bar_a_little_ahead() -> None:
    made = builder(at(0, 1), at(4, 2))
    assert [shape(candle)[0] for candle in made.candles(Interval.S1, 10, START + 1 * SECOND)] == [0, 1, 4]


def test_what_is_closed_and_not_proven_is_unverified_until_it_is() -> None:
    made = builder(at(0, 1), at(1.5, 2))
    now = START + 4 * SECOND + 1

    def states(proven_s: float) -> list[tuple[bool, State, float]]:
        shown = made.candles(Interval.S1, 10, now, proven=START + round(proven_s * SECOND))
        as_of = [(candle.coverage.as_of or 0) - START for candle in shown]
        return [
            (candle.closed, candle.coverage.state, at / SECOND)
            for candle, at in zip(shown, as_of, strict=True)
        ]  # fmt: skip

    whole, unproven = State.COMPLETE, State.UNVERIFIED
    assert states(1.5)[:4] == [
        (True, whole, 1),
        (True, unproven, 2),
        (True, unproven, 3),
        (True, unproven, 4),
    ]
    assert states(1.5)[4][:2] == (False, unproven), "of the open one nothing is known yet"
    assert states(3)[1:4] == [(True, whole, 2), (True, whole, 3), (True, unproven, 4)]
    assert states(4)[4] == (False, whole, 4), "an open one is whole as far as it is proven"


def test_every_trade_that_is_not_of_the_open_second_is_judged_once_before_it_counts() -> None:
    judged: list[tuple[int, int]] = []
    made = CandleBuilder(
        BTC, 10**8, ("binance",), judge=lambda trade: judged.append((trade.trade_id, made.reached))
    )
    for trade in (at(0.1, 1), at(0.2, 2), at(1.1, 3), at(0.9, 4), at(1.2, 5)):
        made.apply(trade)
    made.late(at(0.3, 0))
    assert judged == [(1, 0), (3, START + SECOND), (4, START + 2 * SECOND)]


@pytest.mark.parametrize(
    ("prices", "jump"),
    [
        (((0, 100.0), (1, 150.0)), (100.0, 150.0)),
        (((0, 100.0), (1, 66.6)), (66.6, 100.0)),
        (((0, 100.0), (0.2, 150.0), (0.4, 100.0), (1, 100.0)), (100.0, 150.0)),
        (((0, 100.0), (7_200, 1e300)), (100.0, 1e300)),
        (((0, 100.0), (1, 149.0), (2, 100.0)), None),
        (((0, 100.0),), None),
    ],
)
def test_a_price_that_jumps_is_noted_once_and_counted(
    prices: tuple[tuple[float, float], ...], jump: tuple[float, float] | None
) -> None:
    made = builder(*(at(offset, number, price) for number, (offset, price) in enumerate(prices)))
    assert made.take_jump() == jump
    assert made.take_jump() is None
    assert sum(bar[-1] for bar in bars(made, Interval.D1, 7_201)) == len(prices)
