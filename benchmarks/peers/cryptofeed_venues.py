"""cryptofeed on Kraken's first wire, the only one it speaks, and on Deribit; its Coinbase is Advanced Trade alone.

The symbol tables are filled in by hand. On Deribit it would subscribe `raw`, with keys, which are made up; its handler
reads the `100ms` frames as well.
"""

from __future__ import annotations

import time
from typing import Any

from cryptofeed.defines import DERIBIT, KRAKEN, L2_BOOK, PERPETUAL, SPOT, TRADES
from cryptofeed.exchanges import Deribit, Kraken
from cryptofeed.symbols import Symbols

from benchmarks.contest import Outcome, SeenVenues, Work, symbols_of

DEPTH = 1000
KEYS = {"deribit": {"key_id": "none", "key_secret": "none"}}


def standard(wire: str, symbol: str) -> str:
    """The library's name of a symbol."""
    if wire == "deribit":
        return f"{symbol.split('-', maxsplit=1)[0]}-USD-PERP"
    return symbol.replace("XBT", "BTC").replace("/", "-")


async def play_venues(work: Work) -> tuple[float, Outcome]:
    """One pass over the frames of one venue."""
    (wire,) = work.wires
    names = {standard(wire, symbol): symbol for _, symbol in symbols_of(work)}
    seen, books = SeenVenues(), {}

    async def on_trade(trade: Any, receipt_timestamp: float) -> None:  # noqa: ARG001 - the library's signature
        seen.trades += 1
        seen.last[names[trade.symbol]] = trade.price

    async def on_book(book: Any, receipt_timestamp: float) -> None:  # noqa: ARG001 - the library's signature
        seen.updates += 1
        books[names[book.symbol]] = book.book

    feed = _feed(wire, names, {TRADES: on_trade, L2_BOOK: on_book})
    handle = feed.message_handler
    for frame in work.prelude:
        await handle(frame.raw, None, frame.ts_recv / 1e9)
    seen.trades = seen.updates = 0
    seen.last.clear()
    prepared = [(frame.raw, frame.ts_recv / 1e9) for frame in work.frames]
    started = time.process_time()
    for text, receipt_timestamp in prepared:
        await handle(text, None, receipt_timestamp)
    spent = time.process_time() - started
    return spent, seen.outcome((symbol, _best(book.bids), _best(book.asks)) for symbol, book in books.items())


def _feed(wire: str, names: dict[str, str], callbacks: dict[str, Any]) -> Any:
    venue, kind = (DERIBIT, PERPETUAL) if wire == "deribit" else (KRAKEN, SPOT)
    Symbols.set(venue, names, {"tick_size": {}, "instrument_type": dict.fromkeys(names, kind)})
    options: dict[str, Any] = {"symbols": list(names), "channels": [TRADES, L2_BOOK], "callbacks": callbacks}
    if wire == "deribit":
        feed = Deribit(config=KEYS, **options)
        feed._Deribit__reset()  # noqa: SLF001 - what its `subscribe` begins with
        return feed
    return Kraken(max_depth=DEPTH, checksum_validation=True, **options)


def _best(side: Any) -> Any:
    return side.index(0) if len(side) else None
