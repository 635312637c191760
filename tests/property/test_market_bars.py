"""Candles of the market model: whatever the order of times, and whatever was given up, what is shown is exact."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.bars import DAY, HOUR, MINUTE, SECOND, WEEK, Bars, open_time
from bethna.twins.market.facts import Bar, Day

UNIT = 1_000
BASE = 1_700_000_000 * NS_PER_S

# How far each execution's time is from the one before: mostly on, now and then far on, or back.
Move = st.one_of(
    st.integers(0, 3_000),
    st.integers(0, 3_000),
    st.integers(0, 200_000),
    st.integers(-100_000, 0),
    st.integers(0, 40_000_000),
)
Executions = st.lists(
    st.tuples(Move, st.integers(1, 9), st.integers(1, 1_000), st.booleans()), min_size=1, max_size=120
)
Heard = list[tuple[int, int, int, int, bool]]


def heard(moves: list[tuple[int, int, int, bool]]) -> Heard:
    """(ts, price, quantity, id, buyer is maker)"""
    ts, told = BASE, []
    for number, (move, price, quantity, maker) in enumerate(moves):
        ts += move * NS_PER_MS
        told.append((ts, price, quantity, 500 + number, maker))
    return told


def filled(told: Heard, **kept: int) -> Bars:
    bars = (
        Bars(UNIT, {SECOND: kept["seconds"], MINUTE: kept["minutes"], HOUR: 10_000}) if kept else Bars(UNIT)
    )
    for each in told:
        bars.add(*each)
    return bars


def summed(told: Heard, opens: int) -> Bar:
    """By the definition: `told` in the order of ids."""
    prices = [price for _, price, _, _, _ in told]
    bought = [(price, quantity) for _, price, quantity, _, maker in told if not maker]
    return Bar(
        opens,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(quantity for _, _, quantity, _, _ in told),
        UNIT * sum(price * quantity for _, price, quantity, _, _ in told),
        len(told),
        sum(quantity for _, quantity in bought),
        UNIT * sum(price * quantity for price, quantity in bought),
        told[0][3],
        told[-1][3],
    )


def expected(told: Heard, length: int) -> dict[int, Bar]:
    opens = sorted({open_time(ts, length) for ts, *_ in told})
    return {at: summed([x for x in told if at <= x[0] < at + length], at) for at in opens}


@given(
    Executions,
    st.sampled_from([SECOND, 2 * SECOND, 15 * SECOND, MINUTE, 3 * MINUTE, HOUR, 4 * HOUR, DAY, WEEK]),
)
def test_candles_are_exact_sums_in_whatever_order_times_come(
    moves: list[tuple[int, int, int, bool]], length: int
) -> None:
    told = heard(moves)
    bars = filled(told)
    whole = expected(told, length)
    for opens, bar in whole.items():
        assert bars.candles(length, opens, opens, 1, opens) == [bar]
        assert bars.bar(length, opens + length - 1) == bar
    first = min(whole)
    shown = bars.candles(length, first, first + 30 * length, 500, max(whole))
    assert [bar for bar in shown if bar.trades] == [
        bar for at, bar in whole.items() if at <= first + 30 * length
    ]
    assert bars.candles(length, None, first - 1, 5, max(whole)) == []
    assert bars.bar(length, first - 1) is None


@given(
    Executions,
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([SECOND, 5 * SECOND, MINUTE, 5 * MINUTE]),
)
def test_what_was_given_up_is_left_out_and_never_told_in_part(
    moves: list[tuple[int, int, int, bool]], seconds: int, minutes: int, length: int
) -> None:
    told = heard(moves)
    bars = filled(told, seconds=seconds, minutes=minutes)
    whole = expected(told, length)
    shown = bars.candles(length, None, None, 2_000, max(whole))
    assert [bar for bar in shown if bar.trades] == [
        whole[bar.open_time] for bar in shown if bar.open_time in whole
    ]


@given(
    Executions, st.integers(-40, 40), st.integers(-40, 40), st.integers(0, 9), st.booleans(), st.booleans()
)
def test_a_window_of_candles_is_cut_from_all_of_them(
    moves: list[tuple[int, int, int, bool]], low: int, high: int, limit: int, starts: bool, ends: bool
) -> None:
    told = [each for each in heard(moves) if each[0] < BASE + 3 * HOUR]
    if not told:
        return
    bars = filled(told)
    now = max(ts for ts, *_ in told) + 20 * MINUTE
    whole = bars.candles(MINUTE, None, None, 10_000, now)
    start, end = BASE + low * 30 * SECOND, BASE + high * 30 * SECOND
    inside = [x for x in whole if (not starts or x.open_time >= start) and (not ends or x.open_time <= end)]
    cut = inside[:limit] if starts else inside[-limit:] if limit else []
    found = bars.candles(MINUTE, start if starts else None, end if ends else None, limit, now)
    assert found == cut


@given(Executions, st.integers(0, 2 * 86_400))
def test_the_day_is_an_exact_sum_and_rolls(moves: list[tuple[int, int, int, bool]], later: int) -> None:
    told = sorted(heard(moves))  # by time
    told = [
        (ts, price, quantity, 500 + index, maker)
        for index, (ts, price, quantity, _, maker) in enumerate(told)
    ]
    bars = Bars(UNIT)
    for each in told:
        bars.add(*each)
        check_day(bars, [x for x in told if x[3] <= each[3]], each[0])
    check_day(bars, told, told[-1][0] + later * NS_PER_S)


@given(Executions)
def test_the_day_is_exact_when_the_clock_was_set_back(moves: list[tuple[int, int, int, bool]]) -> None:
    bars, told, now = Bars(UNIT), heard(moves), 0
    for count, each in enumerate(told, 1):
        bars.add(*each)
        now = max(now, each[0])
        day = bars.day(now, each[1])
        inside = [x for x in told[:count] if x[0] >= day.start]
        sums = summed(inside, 0)
        assert (day.open, day.high, day.low, day.last) == (sums.open, sums.high, sums.low, sums.close)
        assert (day.volume, day.quote_volume, day.trades) == (sums.volume, sums.quote_volume, sums.trades)
        assert (day.first_id, day.last_id) == (sums.first_id, sums.last_id)


def test_weeks_open_on_a_monday_and_days_at_midnight() -> None:
    friday = datetime(2023, 11, 17, 15, 30, tzinfo=UTC)
    monday, midnight = datetime(2023, 11, 13, tzinfo=UTC), datetime(2023, 11, 17, tzinfo=UTC)
    ts = int(friday.timestamp()) * NS_PER_S
    assert open_time(ts, WEEK) == int(monday.timestamp()) * NS_PER_S
    assert open_time(ts, DAY) == int(midnight.timestamp()) * NS_PER_S


def check_day(bars: Bars, told: Heard, now: int) -> None:
    last = told[-1][1]
    day = bars.day(now, last)
    assert now - DAY < day.start <= now - DAY + MINUTE
    assert day.start % MINUTE == 0
    inside = [x for x in told if x[0] >= day.start]
    before = [x for x in told if x[0] < day.start]
    previous = before[-1][1] if before else None
    if inside:
        sums = summed(inside, 0)
        assert day == Day(
            day.start,
            now,
            sums.open,
            sums.high,
            sums.low,
            sums.close,
            previous,
            sums.volume,
            sums.quote_volume,
            sums.trades,
            sums.first_id,
            sums.last_id,
        )
    else:
        assert day == Day(day.start, now, last, last, last, last, previous, 0, 0, 0, None, None)
