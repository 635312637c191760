"""REST market data as a function of a world and an instant: a target goes in, status, body and headers come out.

It counts no requests, knows no faults and opens no socket.

    /products/BTC-USD/book?level=1  ->  200 {"bids":[["83404","0.7",3]],"asks":[...],"sequence":136999328367,...}
    /products/NO-SUCH/book          ->  404 {"message":"NotFound"}

Rules
  1. Trades come newest first. `after=ID` gives older ones, `before=ID` the newest of the newer ones, not the next.
  2. Candles are rows `[time, low, high, open, close, volume]`, newest first, empty ones left out. `start` and `end`
     count together or not at all; the candle that contains `start` is given, too; more than 300 are refused.
  3. What the market has forgotten is not there.
  4. What a query says besides is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct, field

from bethna.core.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from bethna.twins.coinbase.frames import month_volume, order_id, side_of
from bethna.twins.coinbase.products import currencies, product
from bethna.twins.coinbase.sequences import sequence_now
from bethna.twins.coinbase.text import padded, second_text, time_text, trimmed
from bethna.twins.market.facts import Listing
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

GRANULARITIES = (60, 300, 900, 3600, 21600, 86400)
MOST_CANDLES = 300
MOST_TRADES = 1000
ALL_LEVELS = 1_000_000
_LATEST_S = 10_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.encode


class Reply(Struct, frozen=True):
    """An answer in JSON."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.reply = failure(status, said)


def failure(status: int, said: str) -> Reply:
    """`{"message":"NotFound"}`"""
    return Reply(status, _encode({"message": said}))


def place(target: str) -> tuple[str, str, dict[str, str]]:
    """Endpoint, product ("" of none) and query: `/products/BTC-USD/book` is `/products/ID/book` and `BTC-USD`."""
    path, _, query = target.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    parts = unquote(path).strip("/").split("/")
    if parts[0] == "products" and len(parts) > 1:
        return "/".join(("/products/ID", *parts[2:])), parts[1], options
    return "/" + "/".join(parts), "", options


class Ask(Struct, frozen=True):
    """A request; `now` is venue time, ns UTC."""

    world: World
    symbol: str
    query: Mapping[str, str]
    now: int

    def market(self) -> Market:
        """The market of the product."""
        found = self.world.markets.get(self.symbol)
        if found is None:
            raise Refused(404, "NotFound")
        return found

    def whole(self, name: str) -> int | None:
        """A number of the query."""
        text = self.query.get(name)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise Refused(400, f"{name} is not a number")
        return int(text)

    def instant(self, name: str) -> int | None:
        """An instant in ISO 8601 or UNIX seconds, ns UTC."""
        text = self.query.get(name)
        if not text:
            return None
        if text.isascii() and text.isdecimal():
            if int(text[:19]) > _LATEST_S:
                raise Refused(400, f"{name} is not a valid time")
            return int(text) * NS_PER_S
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped
        except ValueError:
            raise Refused(400, f"{name} is not a valid time") from None
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
        return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * NS_PER_US


def answer(target: str, world: World, now: int) -> Reply:
    """What a GET of `target` is answered with; `now` is venue time, ns UTC."""
    endpoint, symbol, query = place(target)
    serve = _ENDPOINTS.get(endpoint)
    if serve is None:
        return failure(404, "Route not found")
    try:
        return serve(Ask(world, symbol, query, now))
    except Refused as refused:
        return refused.reply


# --- the venue


def server_time(ask: Ask) -> Reply:
    """`{"iso":"2026-09-30T02:03:13.763Z","epoch":1790733793.763}`"""
    second, rest = divmod(ask.now, NS_PER_S)
    ms = rest // NS_PER_MS
    return Reply(200, b'{"iso":"%b.%03dZ","epoch":%d.%03d}' % (second_text(second), ms, second, ms))


def every_product(ask: Ask) -> Reply:
    """All rows."""
    return Reply(200, _encode([product(market.listing) for market in ask.world.markets.values()]))


def every_currency(ask: Ask) -> Reply:
    """All rows."""
    return Reply(200, _encode(currencies(ask.world)))


# --- one product


def one_product(ask: Ask) -> Reply:
    """Its row."""
    return Reply(200, _encode(product(ask.market().listing)))


def book(ask: Ask) -> Reply:
    """Levels as `[price, size, orders]`; of level 3 orders as `[price, size, id]`."""
    market, level = ask.market(), ask.query.get("level", "1")
    if level not in ("1", "2", "3"):
        raise Refused(400, "Invalid level")
    bids, asks = market.depth(1 if level == "1" else ALL_LEVELS)
    return Reply(200, book_text(market.listing, bids, asks, level, sequence_now(market), ask.now))


def book_text(
    listing: Listing, bids: list[Level], asks: list[Level], level: str, sequence: int, now: int
) -> bytes:
    """The body of a book."""
    sides = [
        b",".join(
            [
                b'["%b","%b",%b]'
                % (
                    trimmed(price * listing.tick),
                    trimmed(quantity * listing.lot),
                    b'"%b"' % order_id(listing.symbol, 3, price)
                    if level == "3"
                    else b"%d" % (1 + quantity % 5),
                )
                for price, quantity in side
            ]
        )
        for side in (bids, asks)
    ]
    return b'{"bids":[%b],"asks":[%b],"sequence":%d,"auction_mode":false,"auction":null,"time":"%b"}' % (
        sides[0],
        sides[1],
        sequence,
        time_text(now),
    )


def trades(ask: Ask) -> Reply:
    """`[{"trade_id":74,"side":"buy","size":"0.01000000","price":"10.00000000","time":"2014-11-07T22:19:28.578544Z"}]`"""
    market, limit = ask.market(), ask.whole("limit") or MOST_TRADES
    before, after = ask.whole("before"), ask.whole("after")
    if not 0 < limit <= MOST_TRADES:
        raise Refused(400, f"limit must be between 1 and {MOST_TRADES}")
    last = market.last_trade_id if after is None else min(after - 1, market.last_trade_id)
    first = max(last - limit + 1, 0 if before is None else before + 1)
    found = market.trades_from(first, last - first + 1)
    listing = market.listing
    newest = [each for each in reversed(found) if first <= each.trade_id <= last]  # rule 1
    rows = [
        b'{"trade_id":%d,"side":"%b","size":"%b","price":"%b","time":"%b"}'
        % (
            each.trade_id,
            side_of(each.buyer_is_maker),
            padded(each.quantity * listing.lot),
            padded(each.price * listing.tick),
            time_text(each.ts),
        )
        for each in newest
    ]
    cursors = {"CB-BEFORE": str(newest[0].trade_id), "CB-AFTER": str(newest[-1].trade_id)} if newest else {}
    return Reply(200, b"[" + b",".join(rows) + b"]", cursors)


def candles(ask: Ask) -> Reply:
    """`[[1790733780,83400.1,83421.99,83404,83420.99,12.5]]` (rule 2)."""
    market, now, granularity = ask.market(), ask.now, ask.query.get("granularity", "60")
    if granularity not in map(str, GRANULARITIES):
        raise Refused(400, "Unsupported granularity")
    length = int(granularity) * NS_PER_S
    start, end = ask.instant("start"), ask.instant("end")
    if start is None or end is None:
        start, end = now - (MOST_CANDLES - 1) * length, now
    if (end - start) // length > MOST_CANDLES:
        said = (
            "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
        )
        raise Refused(400, said)
    bars = market.candles(length, start - start % length, end, MOST_CANDLES + 1, now) if start <= end else []
    tick = market.listing.tick
    rows = [
        b"[%d,%b,%b,%b,%b,%b]"
        % (
            bar.open_time // NS_PER_S,
            trimmed(bar.low * tick),
            trimmed(bar.high * tick),
            trimmed(bar.open * tick),
            trimmed(bar.close * tick),
            trimmed(bar.volume * market.listing.lot),
        )
        for bar in reversed(bars)
        if bar.trades
    ]
    return Reply(200, b"[" + b",".join(rows) + b"]")


def ticker(ask: Ask) -> Reply:
    """The last trade, the best prices and the day's volume."""
    market = ask.market()
    last, listing = market.recent_trades(1), market.listing
    if not last:
        raise Refused(404, "NotFound")
    (each,) = last
    bid, offer = market.best()
    day = market.day(ask.now)
    found: dict[str, Any] = {
        "ask": _price(listing, offer),
        "bid": _price(listing, bid),
        "volume": padded(day.volume * listing.lot).decode(),
        "trade_id": each.trade_id,
        "price": trimmed(each.price * listing.tick).decode(),
        "size": trimmed(each.quantity * listing.lot).decode(),
        "time": time_text(each.ts).decode(),
    }
    return Reply(200, _encode(found))


def stats(ask: Ask) -> Reply:
    """The rolling day and the volume of thirty days."""
    market = ask.market()
    day, listing = market.day(ask.now), market.listing
    found = {
        name: trimmed((ticks or 0) * listing.tick).decode()
        for name, ticks in (("open", day.open), ("high", day.high), ("low", day.low), ("last", day.last))
    }
    found["volume"] = trimmed(day.volume * listing.lot).decode()
    found["volume_30day"] = trimmed(month_volume(market, ask.now) * listing.lot).decode()
    return Reply(200, _encode(found))


def _price(listing: Listing, level: Level | None) -> str:
    return trimmed((level[0] if level else 0) * listing.tick).decode()


_ENDPOINTS: dict[str, Callable[[Ask], Reply]] = {
    "/time": server_time,
    "/products": every_product,
    "/currencies": every_currency,
    "/products/ID": one_product,
    "/products/ID/book": book,
    "/products/ID/trades": trades,
    "/products/ID/candles": candles,
    "/products/ID/ticker": ticker,
    "/products/ID/stats": stats,
}
