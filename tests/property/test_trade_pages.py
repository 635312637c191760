"""Bars from a venue's trades, page by page: the truth's, or marked, however pages fall and whatever is missing."""

from __future__ import annotations

from itertools import groupby, pairwise
from random import Random
from typing import Literal

import numpy as np
import pytest
from conftest import Campaign
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Provenance
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.core.money import from_lots
from bethna.logic import bulk_bars
from bethna.logic.bars import unknown_bar
from bethna.logic.bulk_bars import aggregate
from bethna.logic.trade_pages import SETTLED_NS, TradePages

BTC = InstrumentId("BTC-USD@kraken")
SCALE = 10**8
BUY: Literal["buy"] = "buy"
START = 1_700_006_400 * 10**9
MINUTE = Interval.M1.ns
LIKE = unknown_bar(BTC, Interval.M1, 0, "", Provenance.HISTORY)


def market(rng: Random, minutes: int) -> list[Trade]:
    at, told = START - MINUTE * rng.randint(0, 3), []
    for number in range(rng.randint(0, 120)):
        at += rng.choice((0, 1, 10**9, rng.randint(0, 2 * MINUTE * minutes // 60)))
        quantity = from_lots(rng.randint(1, 10**11), SCALE)
        told.append(Trade(BTC, rng.randint(1, 10**6) / 8, quantity, BUY, number + 7, at, at))
    return told


def served(trades: list[Trade], since: int, page: int) -> list[Trade]:
    return [each for each in trades if each.ts_event >= since][:page]


def true_bars(trades: list[Trade]) -> dict[int, tuple[float, float, float, float, float, int]]:
    bars = {}
    for at, group in groupby(trades, key=lambda each: Interval.M1.open_time(each.ts_event)):
        inside = list(group)
        prices = [each.price for each in inside]
        lots = sum(round(each.quantity * SCALE) for each in inside)
        bars[at] = (prices[0], max(prices), min(prices), prices[-1], from_lots(lots, SCALE), len(inside))
    return bars


def through(pages: TradePages, trades: list[Trade], page: int) -> list[Bar]:
    told: list[Bar] = []
    for _ in range(10_000):
        since = pages.ask()
        if since is None:
            return told
        told += pages.answer(served(trades, since, page))
        assert pages.left() is None or (pages.left() or 0) >= 0
    raise AssertionError("it does not end")


@pytest.mark.campaign
def test_bars_are_the_truths_or_marked(campaign: Campaign) -> None:
    counts = dict.fromkeys(BarKind, 0)
    for seed in campaign.seeds(share=150, whole=20_000):
        rng = Random(seed)
        minutes, page = rng.randint(1, 60), rng.randint(5, 40)
        trades = market(rng, minutes)
        if any(
            len({each.ts_event for each in some}) == 1
            for some in zip(*(trades[n:] for n in range(page)), strict=False)
        ):
            continue  # more at one instant than a page holds: no venue of ours goes on from there
        span = (START, START + minutes * MINUTE)
        now = span[1] + rng.choice((0, SETTLED_NS, 10 * MINUTE))
        heard = [each for each in trades if each.ts_event < now]
        inside = [number for number, each in enumerate(heard) if each.ts_event >= START][1:-1]
        left_out = set(rng.sample(inside, min(len(inside), rng.choice((0, 0, 1, 3)))))
        known = [each for number, each in enumerate(heard) if number not in left_out]
        told = through(TradePages(LIKE, "kraken", span, page, SCALE, now), known, page)
        assert [bar.open_time for bar in told] == list(range(*span, MINUTE)), f"seed {seed}"
        truth, close = true_bars(heard), None
        first = next((each.ts_event for each in known if each.ts_event >= START), None)
        for bar in told:
            counts[bar.kind] += 1
            if bar.kind is BarKind.TRADED:
                figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
                assert figures == truth[bar.open_time], f"seed {seed}: {bar}"
            elif bar.kind is BarKind.QUIET:
                assert bar.open_time not in truth, f"seed {seed}: {bar}"
                assert close is None or bar.close == close, f"seed {seed}"
            elif not left_out and first is not None:
                young = bar.close_time > now - SETTLED_NS
                assert young or bar.close_time <= first, f"seed {seed}: {bar}"
            close = bar.close if bar.close is not None else None
    assert min(counts.values()) > 0, counts


def test_a_hole_in_the_ids_leaves_its_bars_unknown() -> None:
    at = [START + 10**9, START + MINUTE, START + 4 * MINUTE + 1, START + 4 * MINUTE + 2, START + 7 * MINUTE]
    ids = [1, 2, 4, 5, 6]
    trades = [
        Trade(BTC, 10.0 + n, 1.0, BUY, one, time, time)
        for n, (one, time) in enumerate(zip(ids, at, strict=True))
    ]
    told = through(
        TradePages(LIKE, "kraken", (START, START + 7 * MINUTE), 100, SCALE, START + 9 * MINUTE), trades, 100
    )
    kinds = [(bar.kind.value, [gap.reason for gap in bar.coverage.gaps]) for bar in told]
    assert kinds == [("traded", []), *[("unknown", ["missing"])] * 4, ("quiet", []), ("quiet", [])]
    assert told[5].close == 13.0
    assert all(earlier.close_time == later.open_time for earlier, later in pairwise(told))


def test_it_says_how_much_is_left_and_can_be_given_up() -> None:
    trades = [Trade(BTC, 1.0, 1.0, BUY, n, START + n * 10**9, START) for n in range(600)]
    pages = TradePages(LIKE, "kraken", (START, START + 100 * MINUTE), 100, SCALE, START + 200 * MINUTE)
    assert pages.left() is None
    pages.answer(trades[:100])
    assert pages.left() in (59, 60, 61)
    rest = pages.give_up("too_old")
    assert [bar.open_time for bar in rest] == list(range(START + MINUTE, START + 100 * MINUTE, MINUTE))
    assert {gap.reason for bar in rest for gap in bar.coverage.gaps} == {"too_old"}
    assert pages.ask() is None
    assert replace(rest[0], open_time=0).kind is BarKind.UNKNOWN


@pytest.mark.campaign
def test_columns_of_trades_become_the_bars_of_their_trades(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_bars, "CHUNK", 37)
    for seed in campaign.seeds(share=100, whole=5_000):
        rng = Random(seed)
        interval = rng.choice(tuple(Interval))
        count = rng.randint(0, 300)
        spread = rng.choice((10**6, interval.ns // 40, interval.ns, 5 * interval.ns))
        times = [START]
        for _ in range(count):
            times.append(times[-1] + rng.randint(-spread // 100 if rng.random() < 0.05 else 0, spread))
        times = times[1:]
        prices = [rng.randint(1, 10**6) / 8 for _ in times]
        lots, counts = [rng.randint(1, 10**12) for _ in times], [rng.randint(1, 9) for _ in times]
        found = aggregate(
            np.array(times, np.int64),
            np.array(prices),
            np.array(lots, np.int64),
            interval,
            np.array(counts, np.int64),
        )
        columns = (found.open_time, found.open, found.high, found.low, found.close, found.lots, found.trades)
        told = list(zip(*(column.tolist() for column in columns), strict=True))
        order = sorted(range(count), key=lambda number: times[number])
        expected = []
        for opened, group in groupby(order, key=lambda number: interval.open_time(times[number])):
            inside = list(group)
            some = [prices[number] for number in inside]
            volume, executions = (sum(each[number] for number in inside) for each in (lots, counts))
            expected.append((opened, some[0], max(some), min(some), some[-1], volume, executions))
        assert told == expected, f"seed {seed}"
