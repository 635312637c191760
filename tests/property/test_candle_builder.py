"""Candles: equal to a plain count over all trades, for every interval, in whatever order the trades come."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from calendars import closes, opens
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.coverage import Gap, State
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, Trade
from bethna.logic.candles import Bar, CandleBuilder

BTC = InstrumentId("BTC-USDT@binance")
SCALE = 10**8
MS = 1_000_000
START = 1_700_000_000_000 * MS  # 2023-11-14 22:13:20 UTC: amid every interval

Print = st.tuples(
    st.one_of(st.integers(0, 1_500), st.integers(0, 90_000)),  # ms to the trade before
    st.integers(1, 10**7),  # price in cents
    st.integers(1, 10**12),  # quantity in lots
)


def trades_of(prints: list[tuple[int, int, int]]) -> list[Trade]:
    ts = START
    trades = []
    for number, (wait_ms, cents, lots) in enumerate(prints):
        ts += wait_ms * MS
        trades.append(Trade(BTC, cents / 100, float(Decimal(lots) / SCALE), "buy", 500 + number, ts, ts))
    return trades


def counted(
    trades: list[Trade], interval: Interval
) -> list[tuple[int, float, float, float, float, Decimal, int]]:
    """The plain way: group by open time, order by id, sum decimal texts."""
    groups: dict[int, list[Trade]] = {}
    for trade in sorted(trades, key=lambda each: each.trade_id):
        groups.setdefault(opens(interval, trade.ts_event), []).append(trade)
    return [
        (
            open_time, group[0].price, max(t.price for t in group), min(t.price for t in group), group[-1].price,
            sum((Decimal(repr(t.quantity)) for t in group), Decimal(0)), len(group),
        )
        for open_time, group in sorted(groups.items())
    ]  # fmt: skip


def built(candles: list[Candle]) -> list[tuple[int, float, float, float, float, Decimal, int]]:
    return [
        (c.open_time, c.open, c.high, c.low, c.close, Decimal(repr(c.volume)), c.trades)
        for c in candles
        if c.trades
    ]


@given(st.lists(Print, min_size=1, max_size=30), st.sampled_from(list(Interval)))
def test_candles_equal_a_plain_count(prints: list[tuple[int, int, int]], interval: Interval) -> None:
    trades = trades_of(prints)
    builder = CandleBuilder(BTC, SCALE, ("binance",), kept=10_000)
    for trade in trades:
        builder.apply(trade)
    now = trades[-1].ts_event
    candles = builder.candles(interval, 100_000, now)
    assert [(*row[:5], float(row[5]), row[6]) for row in built(candles)] == [
        (*row[:5], float(row[5]), row[6]) for row in counted(trades, interval)
    ]
    times = [candle.open_time for candle in candles]
    ends = [closes(interval, each) for each in times]
    assert times[1:] == ends[:-1], "a hole between candles"
    assert [candle.closed for candle in candles] == [end <= now for end in ends]


@given(
    st.lists(Print, min_size=2, max_size=20),
    st.randoms(use_true_random=False),
    st.sampled_from(list(Interval)),
)
def test_the_order_of_late_trades_changes_nothing(
    prints: list[tuple[int, int, int]], rng: Random, interval: Interval
) -> None:
    trades = trades_of(prints)
    late = [trade for trade in trades[1:-1] if rng.random() < 0.3]
    in_order = [trade for trade in trades if trade not in late]
    builder = CandleBuilder(BTC, SCALE, ("binance",), kept=10_000)
    for trade in in_order:
        builder.apply(trade)
    rng.shuffle(late)
    for trade in late:
        builder.late(trade)
    whole = CandleBuilder(BTC, SCALE, ("binance",), kept=10_000)
    for trade in trades:
        whole.apply(trade)
    now = trades[-1].ts_event
    assert built(builder.candles(interval, 100_000, now)) == built(whole.candles(interval, 100_000, now))


@given(
    st.lists(st.tuples(st.integers(0, 4 * 86_400_000), st.just(100), st.just(1)), min_size=1, max_size=30),
    st.sampled_from([each for each in Interval if each.ns >= Interval.H1.ns]),
    st.integers(1, 4),
    st.integers(0, 40),
)
def test_the_newest_before_an_instant_are_the_end_of_all(
    prints: list[tuple[int, int, int]], interval: Interval, limit: int, days: int
) -> None:
    """Whatever is asked for is a part of the whole; what is not kept any more is not there, and never in part."""
    trades = trades_of(prints)
    builder, whole = (CandleBuilder(BTC, SCALE, ("binance",), kept=kept) for kept in (12, 10_000))
    for trade in trades:
        builder.apply(trade)
        whole.apply(trade)
    now = trades[-1].ts_event
    end = START + days * 86_400_000 * MS
    everything = whole.candles(interval, 3_000, now)
    assert (
        whole.candles(interval, limit, now, end=end) == [c for c in everything if c.open_time < end][-limit:]
    )
    few = builder.candles(interval, limit, now)
    assert few == everything[len(everything) - len(few) :]


@given(st.lists(Print, min_size=2, max_size=30), st.integers(1, 29))
def test_merging_parts_equals_counting_the_whole(prints: list[tuple[int, int, int]], cut: int) -> None:
    trades = trades_of(prints)
    cut = min(cut, len(trades) - 1)

    def bar(part: list[Trade]) -> Bar:
        made = Bar(0, part[0].price, 0, 0, part[0].trade_id)
        for trade in part:
            made.merge(Bar(0, trade.price, round(trade.quantity * SCALE), 1, trade.trade_id))
        return made

    left, right, whole = bar(trades[:cut]), bar(trades[cut:]), bar(trades)
    right.merge(left)
    assert right.figures() == whole.figures()


def test_a_bar_whose_beginning_was_not_seen_is_incomplete() -> None:
    builder = CandleBuilder(BTC, SCALE, ("binance",))
    for offset in (0, 70, 130):
        ts = START + offset * 1000 * MS
        builder.apply(Trade(BTC, 1.0, 1.0, "buy", 1 + offset, ts, ts))
    first, second, third = builder.candles(Interval.M1, 10, START + 130_000 * MS)
    assert first.coverage.state is State.INCOMPLETE
    assert first.coverage.gaps[0].reason == "not_watched"
    assert second.coverage.state is State.COMPLETE
    assert (third.closed, third.coverage.state) == (False, State.COMPLETE)


def test_gaps_mark_every_bar_they_touch_and_no_other() -> None:
    builder = CandleBuilder(BTC, SCALE, ("binance",))
    for offset in range(0, 600, 60):
        ts = START + offset * 1000 * MS
        builder.apply(Trade(BTC, 1.0, 1.0, "buy", 1 + offset, ts, ts))
    gap = Gap("trades", 5, 9, START + 180_000 * MS, START + 240_000 * MS)
    healed = Gap("trades", 15, 19, START + 360_000 * MS, START + 361_000 * MS, healed=True)
    states = [c.coverage.state for c in builder.candles(Interval.M1, 20, START + 540_000 * MS, [gap, healed])]
    assert states == [
        State.INCOMPLETE, State.COMPLETE, State.COMPLETE, State.INCOMPLETE, State.INCOMPLETE,
        State.COMPLETE, State.HEALED, State.COMPLETE, State.COMPLETE, State.COMPLETE,
    ]  # fmt: skip


def test_paging_backwards_and_quiet_bars() -> None:
    builder = CandleBuilder(BTC, SCALE, ("binance",))
    for offset in (0, 10):
        ts = START + offset * 1000 * MS
        builder.apply(Trade(BTC, 2.0 + offset, 1.0, "buy", 1 + offset, ts, ts))
    second = 1000 * MS
    page = builder.candles(Interval.S1, 3, START + 10 * second, end=START + 5 * second)
    assert [(c.open_time - START) // second for c in page] == [2, 3, 4]
    assert all((c.trades, c.volume, c.close, c.closed) == (0, 0.0, 2.0, True) for c in page)
    assert builder.candles(Interval.S1, 3, START + 10 * second, end=START) == []
    after = builder.candles(Interval.S1, 2, START + 12 * second)
    assert [(c.trades, c.close, c.closed) for c in after] == [(0, 12.0, True), (0, 12.0, False)]


def test_only_so_many_bars_are_kept() -> None:
    builder = CandleBuilder(BTC, SCALE, ("binance",), kept=5)
    for offset in range(20):
        ts = START + offset * 1000 * MS
        builder.apply(Trade(BTC, 1.0, 1.0, "buy", 1 + offset, ts, ts))
    assert len(builder.candles(Interval.S1, 1000, START + 19_000 * MS)) == 6
    builder.late(Trade(BTC, 9.0, 1.0, "buy", 0, START, START))
    assert len(builder.candles(Interval.S1, 1000, START + 19_000 * MS)) == 6
