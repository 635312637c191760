"""Our contestant: the feed path as the desk builds it, from a frame's bytes to the subscriber's callback.

Contiguity, coverage, book, candles and publish are included: nothing may be left out here that the desk runs. The
desk's own objects are wired (codec of the registry, `Feeds`, `Bus`), a subscriber listens on the bus, and the feeds are
ticked once a second, as the live desk ticks them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.contest import INDICATORS, Outcome, Seen, Work
from benchmarks.contestant import CallbackContestant, OnFrame, OnSnapshot, serve
from benchmarks.ours_indicators import play_indicators, prepare_bars
from benchmarks.ours_venues import Prepared, play_venues
from bethna.core.instrument import instrument_id
from bethna.core.market import BookDelta, Trade
from bethna.logic.feed import FeedSettings, InstrumentFeed
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds
from bethna.venues.registry import codec_for, readable_names

LOOK_EVERY = 100


def build(*, read_top: bool) -> tuple[OnFrame, OnSnapshot, Callable[[], dict[str, Any]]]:
    """The path as the desk has it; see `CallbackContestant` for what the three functions take and give."""
    return wire(read_top, _as_it_is)


def _as_it_is(feeds: Feeds, feed: InstrumentFeed) -> None:
    """Nothing is taken out."""


def wire(
    read_top: bool, change: Callable[[Feeds, InstrumentFeed], None]
) -> tuple[OnFrame, OnSnapshot, Callable[[], dict[str, Any]]]:
    """Wire a feed; `change` may take parts out of it before the first frame."""
    clock = ManualClock()
    bus = Bus(clock)
    feeds = Feeds(bus, clock, FeedSettings(), follow_unknown=True)
    codec = codec_for("binance")
    btc = instrument_id("BTC-USDT", "binance")
    feeds.follow(codec.instrument("BTCUSDT"))
    feed = feeds.feed(btc)
    change(feeds, feed)
    seen = Seen()
    decode, apply = codec.decode, feeds.apply
    frames_to_look, next_tick = LOOK_EVERY, time.monotonic() + 1

    def on_trade(event: object) -> None:
        if type(event) is Trade:
            seen.trades += 1
            seen.last_price = event.price

    def on_book(event: object) -> None:
        if type(event) is BookDelta:
            seen.updates += 1
            if read_top:
                view = feed.book_view(1)
                seen.tops.append((*view.bids[0], *view.asks[0]))

    bus.channel("trades", btc).subscribe(on_trade, "benchmark")
    bus.channel("book", btc).subscribe(on_book, "benchmark")

    def on_snapshot(symbol: str, raw: str, ts_recv: int) -> None:
        path = f"/api/v3/depth?symbol={symbol}&limit=1000"
        feeds.apply_rest(codec.decode_http(path, raw.encode(), ts_recv), ts_recv)

    def on_frame(raw: bytes, ts_recv: int) -> None:
        nonlocal frames_to_look, next_tick
        frames_to_look -= 1
        if not frames_to_look:
            frames_to_look = LOOK_EVERY
            if time.monotonic() >= next_tick:
                next_tick += 1
                feeds.tick(ts_recv)
        for event in decode(raw, ts_recv):
            apply(event)  # type: ignore[arg-type]  # the recording holds market events only

    def result() -> dict[str, Any]:
        best = feed.booksync.book.best() if feed.booksync.book else (None, None)
        return {
            "trades": seen.trades,
            "last_price": seen.last_price,
            "updates": seen.updates,
            "bid": best[0],
            "ask": best[1],
            "tops": seen.tops,
        }

    return on_frame, on_snapshot, result


class Ours(CallbackContestant):
    """The path of one venue, and of several; and the indicators."""

    wires = frozenset(readable_names()) | {"bars"}

    def prepare(self, work: Work) -> Any:
        """As above."""
        if work.contest == INDICATORS:
            return prepare_bars(work)
        return Prepared(work) if work.of_venues else super().prepare(work)

    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        """As above."""
        if work.contest == INDICATORS:
            return play_indicators(prepared)
        return play_venues(work, prepared) if work.of_venues else super().play(work, prepared)


if __name__ == "__main__":
    serve(Ours(build, ("bethna", "msgspec")))
