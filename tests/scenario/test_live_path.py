"""The live path over real sockets under the venue's real paths: the same result as the recording itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scenario.tape_venue import TapeVenue

from bethna.app import Desk
from bethna.config import load
from bethna.core.market import InstrumentId

BTC = InstrumentId("BTC-USDT@binance")


@pytest.mark.needs("shared")
async def test_frames_over_sockets_give_what_the_tape_gives(shared_dir: Path) -> None:
    tape = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    played = Desk(load(options={"source": f"tape:{tape}", "speed": "max"}))
    played.play_through()
    async with TapeVenue(tape).open() as venue:
        hosts = {"BETHNA_HOSTS": f"binance={venue.hosts}"}
        settings = load(environment={"BETHNA_SOURCE": "live", "BETHNA_SYMBOLS": "BTC-USDT", **hosts})
        desk = Desk(settings)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            running = group.create_task(desk.run())
            await whole(desk, venue)
            running.cancel()
    live, taped = desk.feeds.feed(BTC), played.feeds.feed(BTC)
    assert live.trades == taped.trades == 19_904
    assert live.booksync.applied == taped.booksync.applied == 6_493
    assert (live.quotes.ok, live.quotes.failed) == (1_072, 0)
    assert not list(live.sequence.log.gaps())
    assert not list(live.booksync.log.gaps())
    assert live.booksync.book is not None
    assert taped.booksync.book is not None
    assert live.booksync.book.levels() == taped.booksync.book.levels()
    assert live.candle_builder.fingerprint() == taped.candle_builder.fingerprint()
    assert venue.sockets == [
        "/stream?streams=" + "/".join(desk.lines["binance"].codec.streams(live.instrument))
    ]
    assert any(path.startswith("/api/v3/depth?symbol=BTCUSDT") for path in venue.requests)


async def whole(desk: Desk, venue: TapeVenue) -> None:
    """Until the last trade of the tape has arrived."""
    await venue.played.wait()
    arrived = asyncio.Event()

    def hear(_event: object) -> None:
        arrived.set()

    desk.bus.channel("trades", BTC).subscribe(hear, "test")
    feed = desk.feeds.feed(BTC)
    while feed.trades < 19_904:
        arrived.clear()
        await arrived.wait()
