"""The past from the venues' own candles: a desk's line against its twin in virtual time, bar for bar."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from conftest import Campaign
from faultgrid.ground import ADVANCED, BINANCE, COINBASE, DERIBIT, KRAKEN, Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from faultgrid.verdict import units
from msgspec import structs
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Provenance, State
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.wire import RestEvent
from bethna.logic.candle_pages import SETTLED_NS
from bethna.logic.quota_ledger import Lane
from bethna.services.history import CandleSource, History, Past, venue_now
from bethna.twins.faults import Fault
from bethna.twins.kraken import rest as kraken_twin
from bethna.venues.spec import RestRequest

MINUTE = 60 * NS_PER_S
SLOW = (
    replace(BINANCE, rates={"BTCUSDT": 1.0, "POLUSDT": 0.08}),
    replace(KRAKEN, rates={"BTC/USD": 1.0, "POL/USD": 0.08}),
    replace(COINBASE, rates={"BTC-USD": 1.0, "POL-USD": 0.08}),
    replace(ADVANCED, rates={"BTC-USD": 1.0, "POL-USD": 0.08}),
    replace(DERIBIT, rates={"BTC-PERPETUAL": 1.0, "ETH-PERPETUAL": 0.08}),
)
QUIET_S = 25 * 60.0


@asynccontextmanager
async def gone_on(
    ground: Ground, seed: int, clock: VirtualClock, faults: tuple[Fault, ...] = ()
) -> AsyncIterator[tuple[VirtualHouse, History, CandleSource]]:
    async with house(Trial(seed, faults, QUIET_S, ground=ground), clock) as found:
        await pass_time(QUIET_S)
        line = found.desk.lines[ground.venue]
        feeds = found.desk.feeds
        source = CandleSource(
            ground.venue, line.spec.candles, line.codec, line.rest.in_lane(Lane.BACKFILL),
            venue_now(clock, lambda: feeds.clock_offset_ns(ground.venue)),
        )  # fmt: skip
        yield found, History(clock, Provenance.SYNTHETIC, 10**8), source


def instrument(found: VirtualHouse, ground: Ground, number: int) -> Instrument:
    wanted = ground.instrument(ground.listings()[number])
    return next(each for each in found.desk.instruments() if each.id == wanted)


def compare(
    found: VirtualHouse, ground: Ground, number: int, interval: Interval, past: Past
) -> dict[str, int]:
    """Every closed bar equals the truth, or says that it is not known; how many of each kind there were."""
    listing = ground.listings()[number]
    truth = found.judge.truth.candles(listing.symbol, interval.ns)
    closes = {at: units(each.close, listing.tick) for at, each in truth.items()}
    kinds: dict[str, int] = {}
    for bar in past.bars:
        if not bar.closed:
            continue
        kinds[bar.kind] = kinds.get(bar.kind, 0) + 1
        real = truth.get(bar.open_time)
        if bar.coverage.state is State.INCOMPLETE:
            assert bar.coverage.gaps, bar
        elif bar.kind is BarKind.TRADED:
            assert real is not None, bar
            prices = [units(each, listing.tick) for each in (real.open, real.high, real.low, real.close)]
            assert [bar.open, bar.high, bar.low, bar.close] == prices, bar
            assert bar.volume == pytest.approx(units(real.volume, listing.lot), rel=1e-12), bar
            assert bar.trades in (None, real.trades), bar
        elif bar.kind is BarKind.QUIET:
            assert real is None, bar
            assert bar.close == closes.get(max(at for at in closes if at < bar.open_time)), bar
        else:  # before its first trade, or so young that a venue that leaves out quiet ones may not tell it yet
            failed = any(gap.reason == "source_failed" for gap in bar.coverage.gaps)
            assert failed or bar.open_time < min(truth) or bar.close_time > found.world.now - SETTLED_NS, bar
    return kinds


@pytest.mark.parametrize("ground", SLOW, ids=lambda ground: ground.name)
def test_the_past_is_the_truths(ground: Ground, campaign: Campaign) -> None:
    async def past(seed: int, clock: VirtualClock) -> None:
        async with gone_on(ground, seed, clock) as (found, history, source):
            now = clock.now_ns()
            for number in range(2):
                known = instrument(found, ground, number)
                for interval in (Interval.M1, Interval.M3, Interval.M5, Interval.M15):
                    told = await history.bars(source, known, interval, START - 3 * MINUTE, now + MINUTE)
                    kinds = compare(found, ground, number, interval, told)
                    assert not told.refusals
                    check_span(told.bars, interval, START - 3 * MINUTE, now)
                    if interval is Interval.M1:
                        assert kinds["traded"] > 0
                        assert number == 0 or kinds["quiet"] > 3, kinds

    for seed in campaign.seeds(share=1, whole=40):
        clock = VirtualClock(START)
        run_virtually(past(seed, clock), clock)


@pytest.mark.campaign
def test_what_is_too_old_for_krakens_candles_is_the_truths_by_its_trades(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With seven candles instead of 720, of which the twin forgets the older ones just the same."""
    monkeypatch.setattr(kraken_twin, "ROWS", 7)

    async def past(seed: int, clock: VirtualClock) -> None:
        ground = SLOW[1]
        async with gone_on(ground, seed, clock) as (found, history, source):
            rules = structs.replace(source.rules, newest=7)
            few = CandleSource(source.venue, rules, source.codec, source.rest, source.now)
            now = clock.now_ns()
            for number in range(2):
                told = await history.bars(
                    few, instrument(found, ground, number), Interval.M1, START + 2 * MINUTE, now
                )
                check_span(told.bars, Interval.M1, START + 2 * MINUTE, now)
                before = itertools.takewhile(lambda bar: bar.kind is BarKind.UNKNOWN, told.bars)
                unheard = {gap.reason for bar in before for gap in bar.coverage.gaps}
                assert unheard <= {"unheard"}, (
                    "of quiet minutes before the first trade nobody says that they are"
                )
                rest = itertools.dropwhile(lambda bar: bar.kind is BarKind.UNKNOWN, told.bars)
                kinds = compare(found, ground, number, Interval.M1, Past(list(rest), None, ()))
                assert not told.refusals, f"seed {seed}"
                assert number == 1 or kinds["traded"] > 9, f"seed {seed}: {kinds}"

    for seed in campaign.seeds(share=1, whole=40):
        clock = VirtualClock(START)
        run_virtually(past(seed, clock), clock)


def check_span(bars: list[Bar], interval: Interval, start: int, now: int) -> None:
    """One for each, without a hole; the open one may be missing where nobody tells it."""
    for earlier, later in itertools.pairwise(bars):
        assert earlier.close_time == later.open_time
    assert bars[0].open_time < start + interval.ns
    assert bars[-1].close_time > now - interval.ns


def test_asked_again_only_what_is_new_is_asked_for() -> None:
    async def again(clock: VirtualClock) -> None:
        ground = SLOW[0]
        async with gone_on(ground, 5, clock) as (found, history, source):
            known = instrument(found, ground, 0)
            asked: list[str] = []
            rest = source.rest

            class Counting:
                async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
                    asked.append(request.path)
                    return await rest.fetch(request)

            counted = CandleSource(source.venue, source.rules, source.codec, Counting(), source.now)
            end = Interval.M1.open_time(clock.now_ns()) - 10 * MINUTE
            first = await history.bars(counted, known, Interval.M1, START + 5 * MINUTE, end)
            assert len(asked) == 1
            assert (await history.bars(counted, known, Interval.M1, START + 5 * MINUTE, end)) == first
            assert len(asked) == 1
            longer = await history.bars(counted, known, Interval.M1, START + 5 * MINUTE, clock.now_ns())
            assert len(asked) == 2
            assert longer.bars[: len(first.bars)] == first.bars

    clock = VirtualClock(START)
    run_virtually(again(clock), clock)
