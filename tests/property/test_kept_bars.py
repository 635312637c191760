"""Bars that are kept: what is known is not asked for again, what is unknown is, later; revisions are counted."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from conftest import Campaign
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.bars import unknown_bar
from bethna.logic.kept_bars import RETRY_NS, KeptBars, holes

BTC = InstrumentId("BTC-USD@kraken")
MINUTE = 60 * 10**9


def traded(number: int, close: float = 1.0, *, closed: bool = True) -> Bar:
    return Bar(
        BTC, Interval.M1, number * MINUTE, BarKind.TRADED, 1.0, 2.0, 0.5, close, 1.0, 1, closed, "kraken",
        Coverage(Provenance.HISTORY, State.COMPLETE, (), ("kraken",)),
    )  # fmt: skip


def nobody(number: int) -> Bar:
    return unknown_bar(BTC, Interval.M1, number * MINUTE, "missing", Provenance.HISTORY)


@pytest.mark.campaign
def test_every_interval_is_known_or_asked_for(campaign: Campaign) -> None:
    for seed in campaign.seeds(share=60, whole=5_000):
        rng = Random(seed)
        kept, known, asked, now = KeptBars(Interval.M1), set(), {}, 0
        for _ in range(rng.randint(1, 12)):
            now += rng.choice((0, RETRY_NS // 2, RETRY_NS))
            low = rng.randint(0, 30)
            for number in range(low, low + rng.randint(0, 8)):
                told = rng.random() < 0.6
                kept.put([traded(number) if told else nobody(number)], now)
                if told:
                    known.add(number)
                elif number not in known:
                    asked[number] = now
            start, end = sorted((rng.randint(0, 40), rng.randint(0, 40)))
            settled = {bar.open_time for bar in kept.settled(start * MINUTE, end * MINUTE, now)}
            spans = list(holes(Interval.M1, settled, start * MINUTE, end * MINUTE))
            wanted = {number for first, last in spans for number in range(first // MINUTE, last // MINUTE)}
            fresh = {number for number, at in asked.items() if now - at < RETRY_NS}
            assert wanted == set(range(start, end)) - known - fresh, f"seed {seed}"
            assert all(a[1] < b[0] for a, b in itertools.pairwise(spans)), f"seed {seed}"
            there = [bar.open_time // MINUTE for bar in kept.within(start * MINUTE, end * MINUTE)]
            assert there == sorted((known | asked.keys()) & set(range(start, end))), f"seed {seed}"


def test_other_figures_are_a_revision_and_the_same_are_none() -> None:
    kept = KeptBars(Interval.M1)
    for close in (1.0, 1.0, 2.0, 2.0, 1.5):
        kept.put([traded(7, close)], 0)
    kept.put([nobody(7)], 0)
    (bar,) = kept.within(0, 100 * MINUTE)
    assert (bar.close, bar.revision, kept.revised) == (1.5, 2, 2)


def test_an_open_bar_is_not_kept_and_the_oldest_are_let_go() -> None:
    kept = KeptBars(Interval.M1, most=3)
    kept.put([traded(9, closed=False)], 0)
    assert kept.within(0, 100 * MINUTE) == []
    kept.put([nobody(1), *(traded(number) for number in range(2, 6))], 0)
    assert [bar.open_time // MINUTE for bar in kept.within(0, 100 * MINUTE)] == [3, 4, 5]
    settled = {bar.open_time for bar in kept.settled(MINUTE, 6 * MINUTE, 0)}
    assert list(holes(Interval.M1, settled, MINUTE, 6 * MINUTE)) == [(MINUTE, 3 * MINUTE)]


def test_the_bar_before_is_a_known_one() -> None:
    kept = KeptBars(Interval.M1)
    kept.put([traded(1), nobody(2)], 0)
    assert kept.before(2 * MINUTE) == replace(traded(1))
    assert kept.before(3 * MINUTE) is None
    assert kept.before(9 * MINUTE) is None
