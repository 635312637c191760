"""What each stream of the wire says: steps of the market go in, payloads come out; none is sent.

Rules
  1. A book is said in batches (`gathered`), each level with the time of its last change.
  2. Trades gather for 250 ms and come newest first. The snapshot of the last hundred may have what the next update says
     again, as at the venue.
  3. A ticker is said with each order that traded, a candle of five minutes each second in which it got trades.
  4. Heartbeats count the seconds since the world began; that they go up by one is all that counts.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase.advanced.frames import Forms, envelope, heartbeat
from bethna.twins.coinbase.advanced.streams import Stream
from bethna.twins.coinbase.gathered import Changed, GatheredBook
from bethna.twins.coinbase.products import product
from bethna.twins.coinbase.speech import payload
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.bars import MINUTE
from bethna.twins.market.facts import Execution, Step
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

KNOWN = 100
"""Trades, and candles, of a snapshot."""
CANDLE_NS = 5 * MINUTE


class Books(GatheredBook):
    """`level2` (rule 1)."""

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self._forms = Forms(market.listing)

    def snapshot(self, bids: list[Level], asks: list[Level], now: int) -> bytes:
        """The frame of a whole book."""
        return self._forms.snapshot(bids, asks, now)

    def update(self, changes: list[Changed], now: int) -> bytes:
        """The frame of a batch."""
        return self._forms.update(changes, now)


class Trades(Publisher):
    """`market_trades` (rule 2)."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._forms = Forms(market.listing)
        self._gathered: list[Execution] = []

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Gather."""
        self._gathered += step.executions
        return []

    def flush(self, now: int) -> list[bytes]:
        """Say what has gathered."""
        found, self._gathered = self._gathered, []
        return self._said(b"update", found, now)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The newest hundred."""
        return self._said(b"snapshot", self._market.recent_trades(KNOWN), now)

    def _said(self, kind: bytes, found: list[Execution], now: int) -> list[bytes]:
        if not found:
            return []
        return [payload(self._forms.trades(kind, found[::-1], now), found[0].trade_id, found[-1].trade_id)]


class Tickers(Publisher):
    """`ticker` and `ticker_batch` (rule 3)."""

    def __init__(self, market: Market, *, batched: bool) -> None:
        self._market = market
        self._forms = Forms(market.listing)
        self._batched = batched
        self._traded = False

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """With the order that traded."""
        if not step.executions:
            return []
        self._traded = True
        return [] if self._batched else self.flush(step.ts)

    def flush(self, now: int) -> list[bytes]:
        """What is newer than what was said."""
        if not self._traded:
            return []
        self._traded = False
        return self._said(b"update", now)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The newest."""
        return self._said(b"snapshot", now)

    def _said(self, kind: bytes, now: int) -> list[bytes]:
        market = self._market
        if market.last_price is None:
            return []
        frame = self._forms.ticker(kind, market, market.day(now), now, batched=self._batched)
        return [payload(frame, market.last_trade_id)]


class Candles(Publisher):
    """`candles` (rule 3)."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._forms = Forms(market.listing)
        self._since = -1

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Note since when there is something to say."""
        if step.executions and self._since < 0:
            self._since = step.executions[0].ts
        return []

    def flush(self, now: int) -> list[bytes]:
        """The candles that got trades."""
        if self._since < 0:
            return []
        start, self._since = self._since - self._since % CANDLE_NS, -1
        return self._said(b"update", start, now)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The newest."""
        return self._said(b"snapshot", None, now)

    def _said(self, kind: bytes, start: int | None, now: int) -> list[bytes]:
        bars = [bar for bar in self._market.candles(CANDLE_NS, start, None, KNOWN, now) if bar.trades]
        return [payload(self._forms.candles(kind, bars[::-1], now))] if bars else []


class Heartbeats(Publisher):
    """`heartbeats` (rule 4)."""

    hears = False

    def __init__(self, world: World) -> None:
        self._start = world.start

    def flush(self, now: int) -> list[bytes]:
        """At each whole second."""
        return [payload(heartbeat(now, (now - self._start) // NS_PER_S, now - self._start))]


class Statuses(Publisher):
    """`status`: all products, at once and then in steps of time; `open_` says whether the venue is."""

    hears = False

    def __init__(self, world: World, open_: Callable[[], bool]) -> None:
        self._world = world
        self._open = open_

    def flush(self, now: int) -> list[bytes]:
        """What is listed."""
        return [payload(status(self._world, now, "update", online=self._open()))]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """What is listed."""
        return [payload(status(self._world, now, "snapshot", online=self._open()))]


_STATUS_KEYS = (
    "id", "base_currency", "quote_currency", "base_increment", "quote_increment", "display_name", "status",
    "status_message", "min_market_funds",
)  # fmt: skip


def status(world: World, now: int, kind: str, *, online: bool) -> bytes:
    """`{"channel":"status",...,"events":[{"type":"snapshot","products":[...]}]}`"""
    rows = []
    for market in world.markets.values():
        row = product(market.listing)
        row = {"product_type": "SPOT"} | {key: row[key] for key in _STATUS_KEYS}
        if not online:
            row["status"] = "offline"
        rows.append(row)
    return envelope(b"status", now, msgspec.json.encode({"type": kind, "products": rows}))


def publisher(stream: Stream, world: World, open_: Callable[[], bool]) -> Publisher:
    """Who speaks for a stream of a product that is listed."""
    match stream.suffix:
        case "heartbeats":
            return Heartbeats(world)
        case "status":
            return Statuses(world, open_)
        case "level2":
            return Books(world.markets[stream.symbol])
        case "market_trades":
            return Trades(world.markets[stream.symbol])
        case "candles":
            return Candles(world.markets[stream.symbol])
        case _:
            return Tickers(world.markets[stream.symbol], batched=stream.suffix == "ticker_batch")
