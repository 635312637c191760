from __future__ import annotations

import math
import pickle  # noqa: TID251 - never a file: it is how a machine's whole inside is compared
from collections.abc import Callable
from itertools import pairwise
from math import fsum, log, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indicator_bars import bar, unknown

from bethna.core.bars import Bar
from bethna.core.coverage import State, weakest
from bethna.logic.indicators.base import batch
from bethna.logic.indicators.registry import INDICATORS, parse
from bethna.logic.indicators.windows import SpreadWindow

EXAMPLES = 4
TEXTS = (
    "sma(2)", "sma(5)", "ema(2)", "ema(4)", "rsi(2)", "rsi(5)", "macd(2,3,1)", "macd(3,6,4)", "bollinger(2,1)",
    "bollinger(6,2)", "atr(1)", "atr(4)", "adx(2)", "adx(4)", "stochastic(1,1,1)", "stochastic(5,3,2)", "obv",
    "vwap(0)", "vwap(7)", "volatility(2)", "volatility(5)", "parkinson(1)", "parkinson(4)", "yang_zhang(2)",
    "yang_zhang(5)", "volume_profile(1)", "volume_profile(6,3)",
)  # fmt: skip
WINDOWED = tuple(each for each in TEXTS if parse(each).machine().span < 40 and not each.startswith("adx"))
assert {parse(each).spec.name for each in TEXTS} == set(INDICATORS)

Row = tuple[int, int, int, int, int, State]


def known(hour: int, row: Row) -> Bar:
    opened, close, above, below, volume, state = row
    high, low = max(opened, close) + above, max(min(opened, close) - below, 1)
    return bar(
        close / 100, high / 100, low / 100, opened=opened / 100, volume=volume / 1000, state=state, hour=hour
    )


PRICE = st.one_of(st.integers(5_990, 6_010), st.integers(1, 9_000_000))
ROW = st.tuples(
    PRICE, PRICE, st.integers(0, 50), st.integers(0, 50), st.integers(0, 5_000),
    st.sampled_from([State.COMPLETE] * 12 + list(State)),
)  # fmt: skip
SEEN = st.lists(st.one_of(ROW, ROW, ROW, ROW, ROW, ROW, st.none()), min_size=12, max_size=30).map(
    lambda rows: [unknown(hour) if row is None else known(hour, row) for hour, row in enumerate(rows)]
)
WHOLE = st.lists(ROW, min_size=12, max_size=30).map(
    lambda rows: [known(hour, row) for hour, row in enumerate(rows)]
)


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=EXAMPLES)
@given(bars=SEEN, again=st.integers(1, 3))
def test_a_look_says_what_taking_would_and_changes_nothing(text: str, bars: list[Bar], again: int) -> None:
    """Bit for bit, with its state; and the batch form is the same, and says nothing before its time."""
    machine, undisturbed = parse(text).machine(), parse(text).machine()
    values, states = [], []
    for number, each in enumerate(bars):
        inside = pickle.dumps(machine)
        for other in bars[number : number + again]:
            looked, state = machine.peek(other), machine.peek_state(other)
            if other is each:
                values.append(looked)
                states.append(state)
        assert pickle.dumps(machine) == inside
        assert same(machine.update(each), values[-1])
        assert machine.state is states[-1]
        assert same(undisturbed.update(each), values[-1])
    told = batch(parse(text).machine(), bars)
    assert told.states == tuple(states)
    assert all(same(a, b) for a, b in zip(told.values, values, strict=True))
    not_yet(text, machine.first, bars, values)


def not_yet(text: str, first: int, bars: list[Bar], values: list[Any]) -> None:
    """No value is a number before it is one, none is of an unknown bar, and all others are finite."""
    count = 0
    for each, value in zip(bars, values, strict=True):
        count += each.close is not None
        if each.close is None or count < first:
            assert value is None
        elif not text.startswith(("vwap", "volume")):  # these wait for volume, too
            assert value is not None
        assert "nan" not in repr(value)
        assert "inf" not in repr(value)


def same(one: Any, other: Any) -> bool:
    """Bit for bit: -0.0 is not 0.0."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("text", WINDOWED)
@settings(max_examples=EXAMPLES)
@given(bars=SEEN)
def test_a_windows_state_is_the_weakest_of_its_bars_and_holes(text: str, bars: list[Bar]) -> None:
    machine = parse(text).machine()
    told = batch(machine, bars)
    for number, (each, value, state) in enumerate(zip(bars, told.values, told.states, strict=True)):
        if value is None:
            assert state is State.UNKNOWN
            continue
        left, seen = machine.span, []
        for before in reversed(bars[: number + 1]):
            if not left:
                break
            if before.close is None:
                seen.append(State.INCOMPLETE)
            else:
                seen.append(before.coverage.state)
                left -= 1
        assert each.close is not None
        assert state is weakest(seen)


@pytest.mark.parametrize("text", [each for each in TEXTS if each not in WINDOWED])
@settings(max_examples=EXAMPLES)
@given(bars=WHOLE)
def test_what_is_smoothed_is_not_complete_before_its_span_is(text: str, bars: list[Bar]) -> None:
    machine = parse(text).machine()
    told = batch(machine, bars)
    weak = [number for number, each in enumerate(bars) if each.coverage.state is not State.COMPLETE]
    for number, (value, state) in enumerate(zip(told.values, told.states, strict=True)):
        if value is not None and not text.startswith("vwap(7)"):
            counting = [bars[each].coverage.state for each in weak if number - machine.span < each <= number]
            assert state is weakest([State.COMPLETE, *counting])


# --- exact sums over the window


def spread(figures: list[float]) -> tuple[float, float]:
    mean = fsum(figures) / len(figures)
    return mean, fsum((each - mean) ** 2 for each in figures)


def prices(bars: list[Bar]) -> list[tuple[float, float, float, float, float]]:
    return [(b.open, b.high, b.low, b.close, b.volume) for b in bars]  # type: ignore[misc]  # known bars


def sma(bars: list[Bar]) -> list[float]:
    return [spread([each[3] for each in prices(bars)])[0]]


def bollinger(bars: list[Bar]) -> list[float]:
    mean, squares = spread([each[3] for each in prices(bars)])
    return [mean, sqrt(squares / len(bars))]


def stochastic(bars: list[Bar]) -> list[float]:
    """stochastic(5,3,2)"""
    raw = []
    rows = prices(bars)
    for end in range(5, len(rows) + 1):
        window = rows[end - 5 : end]
        low, high = min(each[2] for each in window), max(each[1] for each in window)
        raw.append(100 * (window[-1][3] - low) / (high - low) if high > low else 0.0)
    k = [fsum(raw[end - 3 : end]) / 3 for end in (3, 4)]
    return [k[1], fsum(k) / 2]


def volatility(bars: list[Bar]) -> list[float]:
    rows = prices(bars)
    returns = [log(b[3] / a[3]) for a, b in pairwise(rows)]
    return [sqrt(spread(returns)[1] / (len(returns) - 1) * 8766)]


def parkinson(bars: list[Bar]) -> list[float]:
    squared = fsum(log(each[1] / each[2]) ** 2 for each in prices(bars))
    return [sqrt(squared / (4 * len(bars) * log(2)) * 8766)]


def yang_zhang(bars: list[Bar]) -> list[float]:
    rows = prices(bars)
    n = len(rows) - 1
    overnight = spread([log(b[0] / a[3]) for a, b in pairwise(rows)])[1] / (n - 1)
    across = spread([log(each[3] / each[0]) for each in rows[1:]])[1] / (n - 1)
    inside = (
        fsum(
            log(h / o) * (log(h / o) - log(c / o)) + log(w / o) * (log(w / o) - log(c / o))
            for o, h, w, c, _ in rows[1:]
        )
        / n
    )
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    return [sqrt((overnight + k * across + (1 - k) * inside) * 8766)]


def profile(bars: list[Bar]) -> list[float]:
    """volume_profile(6,3): the volume of each bucket."""
    lots: dict[int, list[float]] = {}
    for _, high, low, close, volume in prices(bars):
        lots.setdefault(math.floor((high + low + close) / 3.0 / 3.0), []).append(volume)
    return [fsum(lots[each]) for each in sorted(lots) if fsum(lots[each])]


def parts(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    if hasattr(value, "buckets"):
        return [volume for _, volume in value.buckets]
    if hasattr(value, "middle"):
        return [value.middle, (value.upper - value.lower) / 4]
    return [value.k, value.d]


@pytest.mark.parametrize(
    ("text", "brute"),
    [
        ("sma(5)", sma), ("bollinger(6,2)", bollinger), ("stochastic(5,3,2)", stochastic),
        ("volatility(5)", volatility), ("parkinson(4)", parkinson), ("yang_zhang(5)", yang_zhang),
        ("volume_profile(6,3)", profile),
    ],
)  # fmt: skip
@settings(max_examples=10)
@given(bars=WHOLE)
def test_a_window_is_its_exact_sum(
    text: str, brute: Callable[[list[Bar]], list[float]], bars: list[Bar]
) -> None:
    machine = parse(text).machine()
    for number, value in enumerate(batch(machine, bars).values):
        if value is not None:
            window = bars[number + 1 - int(machine.span) : number + 1]
            largest = max(each.close or 0.0 for each in window)
            # What a band is away from the middle was rounded with the price beside it.
            slack = 4e-16 * largest if text.startswith("bollinger") else 1e-13 if "stoch" in text else 0.0
            assert parts(value) == pytest.approx(brute(window), rel=1e-12, abs=slack)


@settings(max_examples=10)
@given(bars=WHOLE)
def test_sums_since_the_start_are_exact(bars: list[Bar]) -> None:
    signed, last = [], None
    for close, volume in ((each[3], each[4]) for each in prices(bars)):
        signed.append(volume if last is None or close > last else -volume if close < last else 0.0)
        last = close
    said = batch(parse("obv").machine(), bars).values
    assert said == tuple(fsum(signed[: end + 1]) for end in range(len(bars)))
    for hours, value in ((hours, batch(parse(f"vwap({hours})").machine(), bars).values) for hours in (7, 0)):
        for number, each in enumerate(value):
            start = number // 7 * 7 if hours else 0
            rows = prices(bars[start : number + 1])
            volume = fsum(row[4] for row in rows)
            wanted = (
                fsum((row[1] + row[2] + row[3]) / 3 * row[4] for row in rows) / volume if volume else None
            )
            assert each == (None if wanted is None else pytest.approx(wanted, rel=1e-13))


@settings(max_examples=20)
@given(
    price=st.floats(1e-9, 1e9), before=st.lists(st.floats(1e-9, 1e9), max_size=30), period=st.integers(2, 12)
)
def test_equal_figures_have_no_deviation(price: float, before: list[float], period: int) -> None:
    window = SpreadWindow(period)
    for each in before:
        window.push(each)
    for _ in range(period - 1):
        window.push(price)
    for _ in range(3 * period):
        assert window.look(price) == window.push(price) == (price, 0.0)


def test_a_hundred_thousand_bars_leave_no_trace(rng: Any) -> None:
    """Of a price that is quiet at the end, after all that passed; and of a spike just before."""
    window, price, seen = SpreadWindow(20), 60_000.0, []
    for number in range(100_000):
        price = max(price * (1 + rng.gauss(0, 0.01 if number < 99_900 else 1e-8)), 1e-3)
        if number == 99_950:
            price *= 1e6
        if number == 99_960:
            price /= 1e6
        found = window.push(price)
        seen.append(price)
        if number % 1_000 == 999 or number > 99_900:
            assert found == pytest.approx(spread(seen[-20:]), rel=1e-12)
