"""Sockets that break while the market goes on: every trade is there in the end, or its absence has a name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from conftest import Campaign
from msgspec.structs import replace
from scenario.broken_venue import BrokenVenue, MarketClock

from bethna.app import Desk
from bethna.config import load
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.status import Trust

BTC = InstrumentId("BTC-USDT@binance")
pytestmark = pytest.mark.needs("shared")


def btc_tape(shared_dir: Path) -> Path:
    return shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"


async def survive(venue: BrokenVenue, clock: MarketClock, symbols: str = "BTC-USDT") -> Desk:
    """Run a desk on the venue, by its clock, until everything has settled."""
    async with venue.open():
        settings = load(
            environment={
                "BETHNA_SOURCE": "live", "BETHNA_HOSTS": f"binance={venue.hosts}", "BETHNA_SYMBOLS": symbols,
                "BETHNA_FIRST_DELAY_S": "0.01", "BETHNA_MAX_DELAY_S": "0.05",
            }
        )  # fmt: skip
        # By such a clock a patience of seconds is over before an answer can come.
        desk = Desk(replace(settings, heal_timeout_s=3_600.0), pace=clock)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            running = group.create_task(desk.run())
            await venue.played.wait()
            await settled(desk, venue)
            running.cancel()
    return desk


async def settled(desk: Desk, venue: BrokenVenue) -> None:
    """Until the last trade has left and the book stands at the venue's own id."""
    bell = asyncio.Event()

    def hear(_event: object) -> None:
        bell.set()

    for kind in ("trades", "book"):
        desk.bus.channel(kind, BTC).subscribe(hear, "test")
    feed = desk.feeds.feed(BTC)
    while True:
        book = feed.booksync.book
        whole = feed.sequence.next_id == max(venue.trades) + 1 and not feed.sequence.held
        if (
            whole
            and book is not None
            and book.update_id == venue.update_id
            and feed.booksync.trust is Trust.TRUSTED
        ):
            return
        bell.clear()
        await bell.wait()


def same_book(desk: Desk, venue: BrokenVenue) -> bool:
    """Whatever the desk shows of its book is the venue's, level by level."""
    view = desk.book(BTC, 500)
    bids = [(float(p), float(q)) for p, q in sorted(venue.bids.items(), reverse=True)]
    asks = [(float(p), float(q)) for p, q in sorted(venue.asks.items())]
    return (
        view.bids == bids[: len(view.bids)]
        and view.asks == asks[: len(view.asks)]
        and bool(view.bids and view.asks)
    )


@pytest.mark.campaign
async def test_cuts_are_healed_by_id_without_a_trade_lost_or_doubled(
    shared_dir: Path, campaign: Campaign
) -> None:
    tape = btc_tape(shared_dir)
    played = Desk(load(options={"source": f"tape:{tape}", "speed": "max"}))
    played.play_through()
    for seed in campaign.seeds(share=2, whole=50):
        rng = Random(seed)
        cuts = {at: rng.randint(1, 2_000) for at in rng.sample(range(5_000, 90_000, 5_000), 3)}
        clock = MarketClock()
        venue = BrokenVenue(tape, cuts, clock=clock)
        desk = await survive(venue, clock)
        feed, taped = desk.feeds.feed(BTC), played.feeds.feed(BTC)
        assert feed.trades == taped.trades, f"seed {seed}"
        assert not [gap for gap in feed.sequence.log.gaps() if not gap.healed], f"seed {seed}"
        assert feed.sequence.log.duplicates == 0, f"seed {seed}"
        for interval in (Interval.S1, Interval.M1, Interval.M5):
            ours, theirs = feed.candle_builder.fingerprint(), taped.candle_builder.fingerprint()
            assert ours[interval] == theirs[interval], f"seed {seed}"
        assert same_book(desk, venue), f"seed {seed}"
        assert feed.quotes.failed == 0, f"seed {seed}"
        lost = bool(venue.lost_trades)
        told = {event.code for event in desk.events(1_000) if event.subject == BTC}
        assert {"trade_gap", "trade_gap_healed"} <= told or not lost, f"seed {seed}"
        assert "trade_gap_marked" not in told, f"seed {seed}"
        assert feed.coverage().state is (State.HEALED if lost or feed.booksync.resyncs else State.COMPLETE)


async def test_what_history_does_not_give_is_marked_by_its_ids(shared_dir: Path) -> None:
    clock = MarketClock()
    venue = BrokenVenue(btc_tape(shared_dir), {20_000: 1_500, 60_000: 700}, history=False, clock=clock)
    desk = await survive(venue, clock)
    feed = desk.feeds.feed(BTC)
    missing = {
        each
        for hole in feed.sequence.log.holes
        for low, high in hole.missing
        for each in range(low, high + 1)
    }  # fmt: skip
    assert missing == venue.lost_trades
    assert missing
    assert feed.trades == len(venue.trades) - len(missing)
    assert feed.coverage().state is State.INCOMPLETE
    marked = [
        candle for candle in feed.candles(Interval.M1, 100, None) if candle.coverage.state is State.INCOMPLETE
    ]
    assert len(marked) >= 2, "the first minute, and those that the gaps touch"
    assert same_book(desk, venue)


async def test_a_host_without_history_by_id_heals_from_its_newest_trades(shared_dir: Path) -> None:
    clock = MarketClock()
    venue = BrokenVenue(btc_tape(shared_dir), {97_000: 800}, history=False, newest=True, clock=clock)
    desk = await survive(venue, clock)
    feed = desk.feeds.feed(BTC)
    assert venue.lost_trades
    assert any(path.startswith("/api/v3/trades?") for path in venue.requests)
    assert feed.trades == len(venue.trades)
    assert [gap.healed for gap in feed.sequence.log.gaps()] == [True]


async def test_an_unknown_symbol_is_refused_by_name_and_the_others_live(shared_dir: Path) -> None:
    clock = MarketClock()
    venue = BrokenVenue(btc_tape(shared_dir), {}, clock=clock)
    desk = await survive(venue, clock, "BTC-USDT,FOO-USDT,MATICUSDT")
    refused = desk.instrument_health(InstrumentId("FOO-USDT@binance"))
    assert refused.state == "refused"
    assert refused.message == "Binance refused FOOUSDT: unknown symbol. Nearest: FOOTUSDT."
    assert desk.feeds.feed(BTC).trades == len(venue.trades)
    assert "MATIC was renamed to POL on 2024-09-13" in desk.notices()
    assert desk.resolve("MATICUSDT")[0] == "POL-USDT@binance"
    assert desk.decimals(BTC) == (2, 5)
