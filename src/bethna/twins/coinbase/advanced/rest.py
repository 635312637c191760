"""Public REST of Advanced Trade as a function of a world and an instant; it counts no requests and opens no socket.

Rules
  1. Candles are objects of text, newest first, empty ones left out; at most 350 are given, more are refused.
  2. An alias (`BTC-USDC`) is a product of its own in the list, which names what it stands for.
  3. A book bears no number: it cannot be joined with the stream's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.coinbase.advanced.connection import canonical
from bethna.twins.coinbase.advanced.frames import Forms, percent, time_text
from bethna.twins.coinbase.advanced.words import ROOT
from bethna.twins.coinbase.products import product
from bethna.twins.coinbase.rest import Ask, Refused, Reply
from bethna.twins.coinbase.rest import place as exchange_place
from bethna.twins.coinbase.text import trimmed
from bethna.twins.market.bars import HOUR, MINUTE
from bethna.twins.market.facts import Listing
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

GRANULARITIES = {
    "ONE_MINUTE": MINUTE,
    "FIVE_MINUTE": 5 * MINUTE,
    "FIFTEEN_MINUTE": 15 * MINUTE,
    "THIRTY_MINUTE": 30 * MINUTE,
    "ONE_HOUR": HOUR,
    "TWO_HOUR": 2 * HOUR,
    "FOUR_HOUR": 4 * HOUR,
    "SIX_HOUR": 6 * HOUR,
    "ONE_DAY": 24 * HOUR,
}
MOST_CANDLES = 350
MOST_TRADES = 1000
ALL_LEVELS = 1_000_000
MARKET = f"{ROOT}/market"
_encode = msgspec.json.encode


def failure(status: int, code: str, said: str) -> Reply:
    """`{"error":"INVALID_ARGUMENT","error_details":"...","message":"..."}`"""
    return Reply(status, _encode({"error": code, "error_details": said, "message": said}))


def place(target: str) -> tuple[str, str, dict[str, str]]:
    """Endpoint, product ("" of none) and query."""
    path, mark, query = target.partition("?")
    if path.startswith(f"{MARKET}/products"):
        endpoint, symbol, options = exchange_place(path.removeprefix(MARKET) + mark + query)
        return MARKET + endpoint, symbol, options
    _, _, options = exchange_place("/" + mark + query)
    return path.rstrip("/") or "/", options.get("product_id", ""), options


def answer(target: str, world: World, now: int) -> Reply:
    """What a GET of `target` is answered with; `now` is venue time, ns UTC."""
    endpoint, symbol, query = place(target)
    serve = _ENDPOINTS.get(endpoint)
    if serve is None:
        return failure(404, "NOT_FOUND", "not found")
    if symbol and canonical(symbol, world) is None:
        return failure(404, "NOT_FOUND", "valid product_id is required")
    try:
        return serve(Ask(world, symbol, query, now))
    except Refused as refused:
        return failure(refused.reply.status, "INVALID_ARGUMENT", str(refused))


def server_time(ask: Ask) -> Reply:
    """`{"iso":"2026-09-30T02:39:53Z","epochSeconds":"1790735993","epochMillis":"1790735993788"}`"""
    second = ask.now // NS_PER_S
    iso = time_text(second * NS_PER_S).decode()
    return Reply(
        200,
        _encode({"iso": iso, "epochSeconds": str(second), "epochMillis": str(ask.now // NS_PER_MS)}),
    )


def products(ask: Ask) -> Reply:
    """`{"products":[...],"num_products":N}`, aliases included."""
    rows = [row(market, market.listing.symbol, ask.now) for market in ask.world.markets.values()]
    rows += [
        row(market, alias, ask.now)
        for symbol, market in ask.world.markets.items()
        if (alias := f"{symbol}C") not in ask.world.markets and symbol.endswith("-USD")
    ]
    offset, limit = ask.whole("offset") or 0, ask.whole("limit") or len(rows)
    if ask.query.get("product_type", "SPOT") not in ("SPOT", "UNKNOWN_PRODUCT_TYPE"):
        rows = []
    return Reply(200, _encode({"products": rows[offset : offset + limit], "num_products": len(rows)}))


def one_product(ask: Ask) -> Reply:
    """Its row."""
    return Reply(200, _encode(row(_market(ask), ask.symbol, ask.now)))


def row(market: Market, name: str, now: int) -> dict[str, Any]:
    """A product, by its own name or by an alias (rule 2)."""
    listing, own = market.listing, product(market.listing)
    day = market.day(now)
    is_alias = name != listing.symbol
    price = day.last or 0
    return {
        "product_id": name,
        "price": trimmed(price * listing.tick).decode(),
        "price_percentage_change_24h": percent(price, day.open or 0).decode(),
        "volume_24h": trimmed(day.volume * listing.lot).decode(),
        "base_increment": own["base_increment"],
        "quote_increment": own["quote_increment"],
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": own["base_increment"],
        "base_max_size": "3400",
        "base_name": own["base_currency"],
        "quote_name": own["quote_currency"],
        "watched": False,
        "is_disabled": own["trading_disabled"],
        "new": False,
        "status": own["status"],
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": own["trading_disabled"],
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": name.partition("-")[2],
        "base_currency_id": own["base_currency"],
        "alias": listing.symbol if is_alias else "",
        "alias_to": [f"{listing.symbol}C"] if not is_alias and listing.quote == "USD" else [],
        "base_display_symbol": own["base_currency"],
        "quote_display_symbol": own["quote_currency"],
        "view_only": False,
        "price_increment": own["quote_increment"],
        "display_name": name,
    }


def product_book(ask: Ask) -> Reply:
    """`{"pricebook":{"product_id":"BTC-USD","bids":[{"price","size"}],"asks":[...],"time":"..."},...}` (rule 3)."""
    market, limit = _market(ask), ask.whole("limit") or ALL_LEVELS
    bids, asks = market.depth(limit)
    return Reply(200, book_text(market, bids, asks, ask.now))


def book_text(market: Market, bids: list[Level], asks: list[Level], now: int) -> bytes:
    """The body of a book."""
    listing = market.listing
    found: dict[str, Any] = {
        "pricebook": {
            "product_id": listing.symbol,
            "bids": [_level(each, listing) for each in bids],
            "asks": [_level(each, listing) for each in asks],
            "time": time_text(now).decode(),
        },
        "last": trimmed((market.last_price or 0) * listing.tick).decode(),
    }
    return _encode(found)


def ticker(ask: Ask) -> Reply:
    """`{"trades":[...],"best_bid":"...","best_ask":"..."}`, newest first; of a span up to `end` the newest."""
    market, limit = _market(ask), min(ask.whole("limit") or 100, MOST_TRADES)
    start, end = ask.instant("start"), ask.instant("end")
    if start is not None and end is None:
        raise Refused(400, "end is required with start")
    found = market.recent_trades(limit) if end is None else market.trades_until(end, limit)
    forms, tick = Forms(market.listing), market.listing.tick
    rows = b",".join([forms.trade(each) for each in reversed(found) if start is None or each.ts >= start])
    bid, offer = market.best()
    return Reply(
        200,
        b'{"trades":[%b],"best_bid":"%b","best_ask":"%b"}'
        % (rows, trimmed((bid or (0, 0))[0] * tick), trimmed((offer or (0, 0))[0] * tick)),
    )


def candles(ask: Ask) -> Reply:
    """Rule 1."""
    market, length = _market(ask), GRANULARITIES.get(ask.query.get("granularity", ""))
    start, end = ask.instant("start"), ask.instant("end")
    limit = ask.whole("limit") or MOST_CANDLES
    if length is None:
        raise Refused(400, "granularity is invalid")
    if start is None or end is None or start > end:
        raise Refused(400, "start and end are required")
    if (end - start) // length >= MOST_CANDLES or limit > MOST_CANDLES:
        raise Refused(400, "number of candles requested should be less than 350")
    bars = market.candles(length, start - start % length, end, MOST_CANDLES, ask.now)
    found = [bar for bar in reversed(bars) if bar.trades][:limit]
    tick = market.listing.tick
    rows = [
        {
            "start": str(bar.open_time // NS_PER_S),
            "low": trimmed(bar.low * tick).decode(),
            "high": trimmed(bar.high * tick).decode(),
            "open": trimmed(bar.open * tick).decode(),
            "close": trimmed(bar.close * tick).decode(),
            "volume": trimmed(bar.volume * market.listing.lot).decode(),
        }
        for bar in found
    ]
    return Reply(200, _encode({"candles": rows}))


def _market(ask: Ask) -> Market:
    symbol = canonical(ask.symbol, ask.world)
    if symbol is None:
        raise Refused(400, "product_id is required")
    return ask.world.markets[symbol]


def _level(level: Level, listing: Listing) -> dict[str, str]:
    price, lots = level
    return {"price": trimmed(price * listing.tick).decode(), "size": trimmed(lots * listing.lot).decode()}


_ENDPOINTS: dict[str, Callable[[Ask], Reply]] = {
    f"{ROOT}/time": server_time,
    f"{MARKET}/products": products,
    f"{MARKET}/products/ID": one_product,
    f"{MARKET}/product_book": product_book,
    f"{MARKET}/products/ID/ticker": ticker,
    f"{MARKET}/products/ID/candles": candles,
}
