"""cryptofeed 2 and 3: `Binance.message_handler`, the coroutine that its connection awaits for every text.

- The symbol table is filled in by hand and the REST reader answers with the recorded snapshot; all else is
  the library's: JSON parsing, decimals, its own book in C, asynchronous callbacks given by the user.
- It subscribes to `aggTrade` only. Each trade is renamed and its id moved to `a`, before the clock
  starts; the two fields that a real aggTrade has more are left out, which spares it their parsing.
- The snapshot is read when the first depth frame comes. That frame is outdated and fed before the clock starts.
"""

from __future__ import annotations

import asyncio
import time
from importlib import metadata
from typing import Any

from cryptofeed.defines import BINANCE, L2_BOOK, SPOT, TRADES
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols

from benchmarks.contest import SYMBOL, Frame, Outcome, Seen, Work
from benchmarks.contestant import Contestant, serve
from benchmarks.peers.cryptofeed_venues import play_venues

STANDARD = "BTC-USDT"


class SnapshotReader:
    """Stands in for the library's HTTP connection."""

    def __init__(self, snapshot: str) -> None:
        self._snapshot = snapshot

    async def read(self, address: str, **_: Any) -> str:
        return self._snapshot


class Cryptofeed(Contestant):
    packages = ("cryptofeed", "order_book")
    wires = frozenset({"binance", "kraken_v1", "deribit"})

    def versions(self) -> dict[str, str]:
        parser = "yapic.json" if metadata.version("cryptofeed").startswith("2.") else "msgspec"
        return super().versions() | {parser: metadata.version(parser)}

    def prepare(self, work: Work) -> list[tuple[str, float]]:
        if work.of_venues:
            return []
        return [(_as_subscribed(frame), frame.ts_recv / 1e9) for frame in work.frames]

    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        if work.of_venues:
            return asyncio.run(play_venues(work))
        return asyncio.run(_play(work, prepared))


async def _play(work: Work, prepared: list[tuple[str, float]]) -> tuple[float, Outcome]:
    seen = Seen()
    read_top, tops, book_now = work.reads_top, seen.tops, None

    async def on_trade(trade: Any, receipt_timestamp: float) -> None:  # noqa: ARG001 - the library's signature
        seen.trades += 1
        seen.last_price = trade.price

    async def on_book(book: Any, receipt_timestamp: float) -> None:  # noqa: ARG001 - the library's signature
        nonlocal book_now
        seen.updates += 1
        book_now = book
        if read_top:
            tops.append((*book.book.bids.index(0), *book.book.asks.index(0)))

    feed = _feed(work, {TRADES: on_trade, L2_BOOK: on_book})
    for frame in work.prelude:
        await feed.message_handler(frame.raw, None, frame.ts_recv / 1e9)
    seen.updates = 0
    tops.clear()
    handle = feed.message_handler
    started = time.process_time()
    for text, receipt_timestamp in prepared:
        await handle(text, None, receipt_timestamp)
    spent = time.process_time() - started
    if book_now is None:
        return spent, seen.outcome(work, None, None)
    return spent, seen.outcome(work, book_now.book.bids.index(0), book_now.book.asks.index(0))


def _feed(work: Work, callbacks: dict[str, Any]) -> Any:
    Symbols.set(BINANCE, {STANDARD: SYMBOL}, {"tick_size": {}, "instrument_type": {STANDARD: SPOT}})
    channels = [TRADES] * work.has_trades + [L2_BOOK] * work.has_depth
    feed = Binance(symbols=[STANDARD], channels=channels, callbacks=callbacks)
    feed.http_conn = SnapshotReader(work.snapshot)
    return feed


def _as_subscribed(frame: Frame) -> str:
    if frame.kind == "depth":
        return frame.raw
    renamed = frame.raw.replace('"e":"trade"', '"e":"aggTrade"', 1).replace('"t":', '"a":', 1)
    return renamed.replace("@trade", "@aggTrade", 1)


if __name__ == "__main__":
    serve(Cryptofeed())
