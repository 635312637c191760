"""REST market data as a function of a world and an instant: a target goes in, status, body and weight come out.

It counts no weights, knows no faults and opens no socket.

    /api/v3/depth?symbol=BTCUSDT&limit=5  ->  200 {"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"],...}  5
    /api/v3/depth?symbol=NOSUCH           ->  400 {"code":-1121,"msg":"Invalid symbol."}                              5

Rules
  1. Rows ascend in time. Without a start the newest are given, with one the oldest from there on.
  2. What the market has forgotten is not there: trades begin with the oldest that it keeps.
  3. A request that is refused weighs as much as the lightest of its endpoint.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from msgspec import Struct

from bethna.twins.binance import errors, frames, tickers
from bethna.twins.binance.aggregates import Aggregate, aggregates, number_of
from bethna.twins.binance.candles import candles
from bethna.twins.binance.denials import error_body
from bethna.twins.binance.exchange_info import exchange_info
from bethna.twins.binance.intervals import interval
from bethna.twins.binance.query import Query, status_of
from bethna.twins.binance.stretches import average_price
from bethna.twins.binance.text import flag, text, turnover_text, unit_ns
from bethna.twins.market.facts import Execution, Listing
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

ROOT = "/api/v3"
TRADES = (500, 1000)
LEVELS = (100, 5000)
"""Usual and greatest limit."""
MOST_OF_AGGREGATE = 4  # makers at a price, as the market has them
LATEST = 1 << 62  # ns UTC
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
Weighed = tuple[bytes, int]
Serve = Callable[[Query], Weighed]
"""Query -> body and weight."""


class Reply(Struct, frozen=True):
    """An answer in JSON, and what it weighs."""

    status: int
    body: bytes
    weight: int


def answer(
    target: str,
    world: World,
    now: int,
    *,
    microseconds: bool = False,
    weight: int = 6000,
    raw_requests: int = 300_000,
) -> Reply:
    """What a GET of `target` is answered with.

    Args:
        now: venue time, ns UTC. microseconds: times in the answer are microseconds.
        weight, raw_requests: the limits that exchangeInfo states, a minute and in five.
    """
    path, _, words = target.partition("?")
    endpoint = path.removeprefix(ROOT)
    least = LEAST_WEIGHTS.get(endpoint, 1)
    try:
        query = Query(words, world, now, unit_ns(microseconds=microseconds))
        if path == f"{ROOT}/exchangeInfo":
            body = exchange_info(query, weight=weight, raw_requests=raw_requests)
            return Reply(200, body, least)
        serve = _ENDPOINTS.get(endpoint) if path.startswith(ROOT) else None
        if serve is None:
            raise errors.no_path(path)
        return Reply(200, *serve(query))
    except errors.Refused as refused:
        return Reply(refused.status, error_body(refused.number, refused.said), least)  # rule 3


# --- the venue


def ping(query: Query) -> Weighed:
    """`{}`"""
    query.done()
    return b"{}", 1


def server_time(query: Query) -> Weighed:
    """`{"serverTime":1499827319559}`"""
    query.done()
    return b'{"serverTime":%d}' % (query.now // query.unit), 1


# --- book and trades


def depth(query: Query) -> Weighed:
    """`{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}`"""
    market, limit, status = query.market(), query.limit(*LEVELS), query.status()
    query.done()
    if status not in (None, status_of(market)):
        raise errors.other_status()
    weight = next(weight for most, weight in DEPTH_WEIGHTS if limit <= most)
    return frames.book(market, limit), weight


def trades(query: Query) -> Weighed:
    """The newest trades; see `_trade`."""
    market, limit = query.market(), query.limit(*TRADES)
    query.done()
    return _rows(market, market.recent_trades(limit), query.unit), 25


def historical_trades(query: Query) -> Weighed:
    """Trades from an id on, without one the newest; see `_trade`."""
    market, limit, first_id = query.market(), query.limit(*TRADES), query.number("fromId")
    query.done()
    found = market.recent_trades(limit) if first_id is None else market.trades_from(first_id, limit)
    return _rows(market, found, query.unit), 25


def aggregate_trades(query: Query) -> Weighed:
    """`[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]`"""
    market, limit, first = query.market(), query.limit(*TRADES), query.number("fromId")
    start, end = query.instant("startTime"), query.until("endTime")
    query.done()
    if first is not None and (start is not None or end is not None):
        raise errors.bad_combination()
    latest = LATEST if end is None else end
    most = limit * MOST_OF_AGGREGATE
    if first is not None:
        chosen = _oldest(market.trades_from(market.trade_of_aggregate(first), most), limit)  # rule 1
    elif start is not None:
        chosen = _oldest(market.trades_between(start, latest, most), limit)
    else:
        chosen = _newest(market.trades_until(latest, most), limit)
    rows = [_aggregate(market.listing, each, query.unit) for each in aggregates(chosen)]
    return b"[" + b",".join(rows) + b"]", 4


def _oldest(trades: list[Execution], limit: int) -> list[Execution]:
    """The trades of the first `limit` aggregates."""
    return trades[: bisect_left(trades, trades[0].aggregate + limit, key=number_of)] if trades else trades


def _newest(trades: list[Execution], limit: int) -> list[Execution]:
    """The trades of the last `limit` aggregates."""
    return (
        trades[bisect_left(trades, trades[-1].aggregate - limit + 1, key=number_of) :] if trades else trades
    )


def _rows(market: Market, found: list[Execution], unit: int) -> bytes:
    return b"[" + b",".join([_trade(market.listing, each, unit) for each in found]) + b"]"


def _trade(listing: Listing, each: Execution, unit: int) -> bytes:
    """One row.

    {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.00001200","time":1499865549590,
     "isBuyerMaker":true,"isBestMatch":true}
    """
    price, quantity = each.price * listing.tick, each.quantity * listing.lot
    return (
        b'{"id":%d,"price":"%b","qty":"%b","quoteQty":"%b","time":%d,"isBuyerMaker":%b,"isBestMatch":true}'
        % (
            each.trade_id,
            text(price),
            text(quantity),
            turnover_text(price * quantity),
            each.ts // unit,
            flag(each.buyer_is_maker),
        )
    )


def _aggregate(listing: Listing, each: Aggregate, unit: int) -> bytes:
    return b'{"a":%d,"p":"%b","q":"%b","f":%d,"l":%d,"T":%d,"m":%b,"M":true}' % (
        each.number,
        text(each.price * listing.tick),
        text(each.quantity * listing.lot),
        each.first_id,
        each.last_id,
        each.ts // unit,
        flag(each.buyer_is_maker),
    )


# --- candles and averages


def klines(query: Query) -> Weighed:
    """Candles, empty ones and the open one included.

    [[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,
      "2434.19055334",308,"1756.87402397","28.46694368","0"]]
    """
    market, limit, name = query.market(), query.limit(*TRADES), query.text("interval")
    start, end, offset_ns = query.instant("startTime"), query.until("endTime"), query.zone_ns()
    query.done()
    if name is None:
        raise errors.missing("interval")
    found = interval(name, offset_ns)
    if found is None:
        raise errors.bad_interval()
    tick, lot, unit = market.listing.tick, market.listing.lot, query.unit
    rows = [
        b'[%d,"%b","%b","%b","%b","%b",%d,"%b",%d,"%b","%b","0"]'
        % (
            bar.open_time // unit,
            text(bar.open * tick),
            text(bar.high * tick),
            text(bar.low * tick),
            text(bar.close * tick),
            text(bar.volume * lot),
            found.next_open(bar.open_time) // unit - 1,
            turnover_text(bar.quote_volume),
            bar.trades,
            text(bar.taker_buy_volume * lot),
            turnover_text(bar.taker_buy_quote),
        )
        for bar in candles(market, found, start, end, limit, query.now)
    ]
    return b"[" + b",".join(rows) + b"]", 2


def average(query: Query) -> Weighed:
    """`{"mins":5,"price":"9.35751834","closeTime":1694061154503}`"""
    market = query.market()
    query.done()
    found, last = average_price(market, query.now)
    return b'{"mins":5,"price":"%b","closeTime":%d}' % (text(found), last // query.unit), 2


_ENDPOINTS: dict[str, Serve] = {
    "/ping": ping,
    "/time": server_time,
    "/depth": depth,
    "/trades": trades,
    "/historicalTrades": historical_trades,
    "/aggTrades": aggregate_trades,
    "/klines": klines,
    "/uiKlines": klines,
    "/avgPrice": average,
    "/ticker": tickers.rolling_window,
    "/ticker/24hr": tickers.day,
    "/ticker/tradingDay": tickers.trading_day,
    "/ticker/price": tickers.price,
    "/ticker/bookTicker": tickers.book_ticker,
}
LEAST_WEIGHTS = {
    "/exchangeInfo": 20,
    "/depth": 5,
    "/trades": 25,
    "/historicalTrades": 25,
    "/aggTrades": 4,
    "/klines": 2,
    "/uiKlines": 2,
    "/avgPrice": 2,
    "/ticker": 4,
    "/ticker/24hr": 2,
    "/ticker/tradingDay": 4,
    "/ticker/price": 2,
    "/ticker/bookTicker": 2,
}
