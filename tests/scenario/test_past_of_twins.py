"""What a simulated venue remembers from before it began, by its own candles and the desk's history: bar for bar."""

from __future__ import annotations

from dataclasses import replace
from itertools import dropwhile
from random import Random

import pytest
from conftest import Campaign
from faultgrid.ground import ADVANCED, BINANCE, COINBASE, DERIBIT, KRAKEN, Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from faultgrid.verdict import units
from msgspec import structs
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Provenance
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.logic.candle_pages import SETTLED_NS
from bethna.logic.quota_ledger import Lane
from bethna.services.history import CandleSource, History, venue_now
from bethna.twins.kraken import rest as kraken_twin
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.market import Market

QUIET_S = 40.0
UNHEARD = 30
"""More quiet minutes in a row are not to be expected of these rates."""
GROUNDS = (
    replace(BINANCE, rates={"BTCUSDT": 1.0, "POLUSDT": 0.02}),
    replace(KRAKEN, rates={"BTC/USD": 1.0, "POL/USD": 0.02}),
    replace(COINBASE, rates={"BTC-USD": 1.0, "POL-USD": 0.02}),
    replace(ADVANCED, rates={"BTC-USD": 1.0, "POL-USD": 0.02}),
    replace(DERIBIT, rates={"BTC-PERPETUAL": 1.0, "ETH-PERPETUAL": 0.02}),
)
SPANS = ((Interval.D1, 45 * DAY), (Interval.H1, 4 * DAY), (Interval.M1, 5 * HOUR), (Interval.W1, 40 * DAY))


def a_source(found: VirtualHouse, ground: Ground, clock: VirtualClock) -> tuple[History, CandleSource]:
    line, feeds = found.desk.lines[ground.venue], found.desk.feeds
    source = CandleSource(
        ground.venue, line.spec.candles, line.codec, line.rest.in_lane(Lane.BACKFILL),
        venue_now(clock, lambda: feeds.clock_offset_ns(ground.venue)),
    )  # fmt: skip
    return History(clock, Provenance.SYNTHETIC, 10**8), source


def known(found: VirtualHouse, ground: Ground, number: int) -> tuple[Instrument, Market]:
    listing = ground.listings()[number]
    wanted = ground.instrument(listing)
    instrument = next(each for each in found.desk.instruments() if each.id == wanted)
    return instrument, found.world.markets[listing.symbol]


def check(market: Market, bars: list[Bar], interval: Interval, now: int) -> int:
    """Every closed bar is known and the market's own; how many were quiet."""
    listing, quiet = market.listing, 0
    truth = {
        each.open_time: each for each in market.candles(interval.ns, bars[0].open_time, None, 10**6, now)
    }
    for bar in bars:
        if not bar.closed or (bar.kind is BarKind.UNKNOWN and bar.close_time > now - SETTLED_NS):
            continue  # a venue that leaves out quiet ones may not tell the newest yet
        real = truth[bar.open_time]
        assert bar.kind is (BarKind.TRADED if real.trades else BarKind.QUIET), bar
        prices = [units(each, listing.tick) for each in (real.open, real.high, real.low, real.close)]
        assert [bar.open, bar.high, bar.low, bar.close] == prices, bar
        assert bar.volume == pytest.approx(units(real.volume, listing.lot), rel=1e-12), bar
        assert bar.trades in (None, real.trades), bar
        quiet += not real.trades
    return quiet


@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.name)
def test_every_venue_tells_days_hours_and_minutes_of_its_past(ground: Ground, campaign: Campaign) -> None:
    async def past(seed: int, clock: VirtualClock) -> None:
        dice, quiet = Random(seed), 0
        async with house(Trial(seed, (), QUIET_S, ground=ground, past_days=50), clock) as found:
            await pass_time(QUIET_S)
            history, source = a_source(found, ground, clock)
            for number in range(2):
                instrument, market = known(found, ground, number)
                for interval, span in SPANS:
                    end = START + MINUTE if dice.random() < 0.5 else START - dice.randrange(4 * DAY)
                    told = await history.bars(source, instrument, interval, end - span, end)
                    assert not told.refusals
                    assert len(told.bars) >= span // interval.ns - 1
                    bars = told.bars
                    if ground.venue == "kraken":  # of quiet ones before the first of its trades nobody speaks
                        bars = list(dropwhile(lambda bar: bar.kind is BarKind.UNKNOWN, bars))
                        assert len(told.bars) - len(bars) < UNHEARD
                    quiet += check(market, bars, interval, clock.now_ns())
        assert quiet > 0

    for seed in campaign.seeds(share=1, whole=20):
        clock = VirtualClock(START)
        run_virtually(past(seed, clock), clock)


def test_what_is_too_old_for_krakens_candles_is_had_by_trades_of_the_past(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thirty candles instead of 720, of which the twin forgets the older ones just the same."""
    monkeypatch.setattr(kraken_twin, "ROWS", 30)
    ground = GROUNDS[1]

    async def past(seed: int, clock: VirtualClock) -> None:
        async with house(Trial(seed, (), QUIET_S, ground=ground, past_days=2), clock) as found:
            await pass_time(QUIET_S)
            history, source = a_source(found, ground, clock)
            few = structs.replace(source, rules=structs.replace(source.rules, newest=30))
            for number in range(2):
                instrument, market = known(found, ground, number)
                start = START - 3 * HOUR - Random(seed).randrange(20 * HOUR)
                for interval, span in ((Interval.M1, 3 * HOUR), (Interval.H1, 3 * HOUR)):
                    told = await history.bars(few, instrument, interval, start, start + span)
                    unheard = [bar for bar in told.bars if bar.kind is BarKind.UNKNOWN]
                    assert len(unheard) < len(told.bars) // 3, (
                        "of quiet ones before the first trade nobody speaks"
                    )
                    rest = told.bars[len(unheard) :]
                    assert all(bar.kind is not BarKind.UNKNOWN for bar in rest)
                    check(market, rest, interval, clock.now_ns())

    for seed in campaign.seeds(share=1, whole=20):
        clock = VirtualClock(START)
        run_virtually(past(seed, clock), clock)
