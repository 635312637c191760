"""Bars: one for each interval, quiet and unknown never confused, merging equal to a plain count."""

from __future__ import annotations

from decimal import Decimal

from calendars import closes, opens
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.bars import fill, merge, unknown_bar
from bethna.logic.openings import Openings

BTC = InstrumentId("BTC-USD@coinbase")
SCALE = 10**8
START = 1_709_164_800 * 10**9  # 2024-02-29 00:00 UTC, a Thursday
HISTORY = Coverage(Provenance.HISTORY, State.COMPLETE, (), ("coinbase",))

Figures = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 10**12), st.integers(1, 50))


def traded(interval: Interval, at: int, drawn: tuple[int, int, int, int]) -> Bar:
    opened, closed, lots, trades = drawn
    return Bar(
        BTC, interval, at, BarKind.TRADED, opened, max(opened, closed) + 1, min(opened, closed) - 1, closed,
        float(Decimal(lots) / SCALE), trades, True, "coinbase", HISTORY,
    )  # fmt: skip


def nobody(interval: Interval) -> Bar:
    return unknown_bar(BTC, interval, 0, "missing", Provenance.HISTORY)


@given(
    st.dictionaries(st.integers(0, 60), Figures, max_size=30),
    st.integers(0, 30),
    st.integers(0, 40),
    st.booleans(),
    st.sampled_from([Interval.M1, Interval.H1, Interval.D1, Interval.MO1]),
)
def test_a_series_has_one_bar_for_each_interval(
    drawn: dict[int, tuple[int, int, int, int]], first: int, count: int, skips: bool, interval: Interval
) -> None:
    times = [interval.open_time(START)]
    while len(times) < 80:
        times.append(closes(interval, times[-1]))
    told = [traded(interval, times[number], drawn[number]) for number in sorted(drawn)]
    filled = fill(told, nobody(interval), times[first], times[first + count], skips_quiet=skips)
    assert [bar.open_time for bar in filled] == times[first : first + count]
    for number, bar in enumerate(filled, first):
        if number in drawn:
            assert bar == traded(interval, times[number], drawn[number])
        elif skips:
            before = [each for each in drawn if each < number]
            close = drawn[max(before)][1] if before else None
            assert (bar.kind, bar.volume, bar.trades) == (BarKind.QUIET, 0.0, 0)
            assert {bar.open, bar.high, bar.low, bar.close} == {close}
            assert bar.coverage.state is State.COMPLETE
        else:
            assert (bar.kind, bar.open, bar.volume, bar.source) == (BarKind.UNKNOWN, None, None, "")
            gap = Gap("candles", None, None, times[number], times[number + 1], "missing")
            assert (bar.coverage.state, bar.coverage.gaps) == (State.UNKNOWN, (gap,))


@given(
    st.lists(st.one_of(Figures, st.just("quiet"), st.just("unknown")), min_size=1, max_size=120),
    st.integers(0, 100),
    st.sampled_from([(a, b) for b in Interval for a in b.parts() if b.ns // a.ns <= 31]),
)
def test_merging_equals_a_plain_count(
    drawn: list[tuple[int, int, int, int] | str], offset: int, pair: tuple[Interval, Interval]
) -> None:
    small, large = pair
    at = START + offset * small.ns
    at = opens(small, at)
    parts = []
    for each in drawn:
        if isinstance(each, tuple):
            parts.append(traded(small, at, each))
        else:
            skips = each == "quiet"
            parts += fill(parts[-1:], nobody(small), at, at + 1, skips_quiet=skips)
        at = closes(small, at)
    merged = merge(parts, large, SCALE)
    groups: dict[int, list[Bar]] = {}
    for bar in parts:
        groups.setdefault(opens(large, bar.open_time), []).append(bar)
    whole = {
        start: group
        for start, group in groups.items()
        if group[0].open_time == start and closes(small, group[-1].open_time) == closes(large, start)
    }
    assert [bar.open_time for bar in merged] == list(whole)
    for bar, group in zip(merged, whole.values(), strict=True):
        check(bar, group)


def check(bar: Bar, group: list[Bar]) -> None:
    some = [each for each in group if each.kind is BarKind.TRADED]
    lacking = any(each.kind is BarKind.UNKNOWN for each in group)
    if some:
        highs, lows = [e.high for e in some if e.high], [e.low for e in some if e.low is not None]
        volumes = [Decimal(repr(e.volume)) for e in some]
        assert bar.kind is BarKind.TRADED
        assert (bar.open, bar.high, bar.low, bar.close) == (
            some[0].open,
            max(highs),
            min(lows),
            some[-1].close,
        )
        assert bar.volume == float(sum(volumes, Decimal(0)))
        assert bar.trades == sum(each.trades or 0 for each in some)
    else:
        assert bar.kind is (BarKind.UNKNOWN if lacking else BarKind.QUIET)
    if lacking:
        assert bar.coverage.state is (State.INCOMPLETE if some else State.UNKNOWN)
        missing = [(gap.start, gap.end) for gap in bar.coverage.gaps]
        unknown = [each for each in group if each.kind is BarKind.UNKNOWN]
        assert all(
            any(start <= each.open_time and each.close_time <= end for start, end in missing if start and end)
            for each in unknown
        )
        assert sum(end - start for start, end in missing if start and end) == sum(
            each.close_time - each.open_time for each in unknown
        )
    else:
        assert bar.coverage.state is State.COMPLETE


@settings(max_examples=20)
@given(st.lists(Figures, min_size=48, max_size=48))
def test_merging_by_steps_equals_merging_at_once(drawn: list[tuple[int, int, int, int]]) -> None:
    parts = [traded(Interval.M30, START + number * 1800 * 10**9, each) for number, each in enumerate(drawn)]
    hours = merge(parts, Interval.H1, SCALE)
    assert merge(merge(hours, Interval.H4, SCALE), Interval.D1, SCALE) == merge(parts, Interval.D1, SCALE)


@given(
    st.lists(st.one_of(Figures, st.just("unknown")), min_size=1, max_size=200),
    st.integers(0, 200),
    st.sampled_from(range(0, 24 * 60, 15)),
    st.sampled_from([Interval.D1, Interval.W1]),
)
def test_days_that_begin_later_are_days_of_a_clock_that_is_late(
    drawn: list[tuple[int, int, int, int] | str], first: int, minutes: int, interval: Interval
) -> None:
    starts = minutes * 60 * 10**9
    part = Openings(interval, starts).part()
    begin = START + first * part.ns
    parts = [
        traded(part, at, each)
        if isinstance(each, tuple)
        else unknown_bar(BTC, part, at, "missing", Provenance.HISTORY)
        for at, each in ((begin + number * part.ns, each) for number, each in enumerate(drawn))
    ]
    late = [moved(bar, -starts) for bar in parts]
    assert merge(parts, interval, SCALE, starts) == [
        moved(bar, starts) for bar in merge(late, interval, SCALE)
    ]


def moved(bar: Bar, by: int) -> Bar:
    """The same at another time, with its gaps."""
    gaps = tuple(
        replace(
            gap,
            start=None if gap.start is None else gap.start + by,
            end=None if gap.end is None else gap.end + by,
        )
        for gap in bar.coverage.gaps
    )
    return replace(bar, open_time=bar.open_time + by, coverage=replace(bar.coverage, gaps=gaps))


def test_the_open_part_keeps_its_bar_open() -> None:
    closed, still = (traded(Interval.M1, START + number * 60 * 10**9, (1, 2, 3, 4)) for number in range(2))
    still = replace(still, closed=False)
    (bar,) = merge([closed, still], Interval.M5, SCALE)
    assert (bar.closed, bar.trades) == (False, 8)
    assert merge([closed], Interval.M5, SCALE) == []


def test_what_a_part_lacks_the_whole_lacks() -> None:
    parts = [traded(Interval.M1, START + number * 60 * 10**9, (1, 2, 3, 4)) for number in range(5)]
    parts[2] = replace(parts[2], trades=None, volume=None)
    (bar,) = merge(parts, Interval.M5, SCALE)
    assert (bar.kind, bar.trades, bar.volume, bar.close) == (BarKind.TRADED, None, None, 2)
