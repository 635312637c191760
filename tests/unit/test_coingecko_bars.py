"""Bars that are made of samples, worked out by hand."""

from __future__ import annotations

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.market import InstrumentId
from bethna.venues.coingecko.bars import bars, bars_of, usual_gap
from bethna.venues.coingecko.facts import IndexCandle, Sample, SamplePage

BTC = InstrumentId("BTC-USD@coingecko")
MINUTE = 60 * NS_PER_S
START = 1_790_000_100 * NS_PER_S  # a whole five minutes


def at(*points: tuple[float, float]) -> tuple[Sample, ...]:
    """Samples by minutes from `START` and price."""
    return tuple(Sample(START + round(minute * MINUTE), price) for minute, price in points)


def bar(opens: int, figures: tuple[float, float, float, float], *, closed: bool, whole: bool) -> IndexCandle:
    begin = START + opens * MINUTE
    return IndexCandle(BTC, "300s", begin, begin + 5 * MINUTE, *figures, closed, whole, True, 7)


def test_bars_by_hand() -> None:
    samples = at((0, 10), (4.99, 12), (5, 9), (7, 8), (21, 8.5), (24, 7))
    assert START % (5 * MINUTE) == 0
    assert bars(BTC, samples, 5 * MINUTE, 7) == (
        bar(0, (10, 12, 10, 12), closed=True, whole=False),
        bar(5, (12, 12, 8, 8), closed=True, whole=True),
        bar(20, (8, 8.5, 7, 7), closed=False, whole=True),  # nothing of 10 and 15
    )


def test_a_sample_at_the_very_end_closes_a_bar_and_belongs_to_the_next() -> None:
    found = bars(BTC, at((1, 1), (5, 2)), 5 * MINUTE, 7)
    assert [(each.open, each.close, each.closed) for each in found] == [(1, 1, True), (1, 2, False)]
    assert bars(BTC, (), MINUTE, 7) == ()


@pytest.mark.parametrize("width", [0, -MINUTE, NS_PER_S + 1])
def test_a_width_is_whole_seconds(width: int) -> None:
    with pytest.raises(ConfigError, match="whole seconds above 0"):
        bars(BTC, at((0, 1)), width, 7)


def test_a_sample_a_little_late_closes_the_bar_that_has_just_ended() -> None:
    """Every 5 minutes, 30 s behind the step: each bar opens and closes with the price of its own ends."""
    samples = at(*[(5 * i + 0.5, 10 + i) for i in range(4)])
    found = bars_of(SamplePage(BTC, samples, 0, 7), 5 * MINUTE)
    assert [((each.open_time - START) // MINUTE, each.open, each.close, each.closed) for each in found] == [
        (-5, 10, 10, True), (0, 10, 11, True), (5, 11, 12, True), (10, 12, 13, False),
    ]  # fmt: skip
    early = at(*[(5 * i - 0.02, 10 + i) for i in range(4)])
    assert [each.close for each in bars_of(SamplePage(BTC, early, 0, 7), 5 * MINUTE)] == [10, 11, 12, 13]
    begun = (Sample(MINUTE // 2, 1.0), Sample(11 * MINUTE // 2, 2.0))
    assert [each.open_time for each in bars(BTC, begun, 5 * MINUTE, 7, MINUTE)] == [0], "none before 1970"


def test_samples_too_far_apart_make_no_bars() -> None:
    """Every 5 minutes with jitter: bars of 5 minutes and of an hour, but none of one minute."""
    samples = at(*[(5 * i + (i % 3) * 0.4, 1 + i) for i in range(30)])
    page = SamplePage(BTC, samples, 0, 7)
    gap = usual_gap(samples)
    assert gap is not None
    assert abs(gap - 5 * MINUTE) <= 0.4 * MINUTE
    assert bars_of(page, 5 * MINUTE) == bars(BTC, samples, 5 * MINUTE, 7, gap // 4)
    assert len(bars_of(page, 60 * MINUTE)) == 3  # from 14:15 to 16:40
    with pytest.raises(ConfigError, match="samples are that far apart, found 60 s") as found:
        bars_of(page, MINUTE)
    assert "shorter stretch" in found.value.hint
    assert usual_gap(samples[:1]) is None
    assert len(bars_of(SamplePage(BTC, samples[:1], 0, 7), MINUTE)) == 1
