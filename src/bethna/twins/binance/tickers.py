"""The ticker endpoints of REST: which symbols, which stretch of time, what it weighs; it sums nothing.

Rules
  1. `symbol` is answered with an object, `symbols` and all with an array in the order of the listing or of the request.
  2. A symbol with another status than `symbolStatus` is an error when it was asked for alone, else it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bethna.twins.binance import errors, frames
from bethna.twins.binance.intervals import Interval
from bethna.twins.binance.query import Query, status_of
from bethna.twins.binance.stretches import Statistics, between, rolling_day, window
from bethna.twins.binance.text import ZERO, percent_text, text, turnover_text
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.market import Market

FEW_SYMBOLS, MOST_SYMBOLS = 20, 100
Asked = Market | tuple[Market, ...] | None
"""Of `symbol`, of `symbols`, all."""
Say = Callable[[Market], bytes]
Weighed = tuple[bytes, int]
"""A body and its weight."""
_WINDOW = re.compile(r"([1-9]|[1-5]\d)m|([1-9]|1\d|2[0-3])h|([1-7])d", re.ASCII)


def price(query: Query) -> Weighed:
    """GET /api/v3/ticker/price: `{"symbol":"LTCBTC","price":"4.00000200"}`."""
    return _answered(query, _light, _price)


def book_ticker(query: Query) -> Weighed:
    """GET /api/v3/ticker/bookTicker: best prices and quantities."""
    return _answered(query, _light, _book_ticker)


def day(query: Query) -> Weighed:
    """GET /api/v3/ticker/24hr."""
    mini = _is_mini(query)

    def say(market: Market) -> bytes:
        found = rolling_day(market, query.now)
        return _mini(market, found, query.unit) if mini else _full_day(market, found, query.unit)

    return _answered(query, _day_weight, say)


def rolling_window(query: Query) -> Weighed:
    """GET /api/v3/ticker: a stretch of `windowSize`, `1d` when it is not sent."""
    said = query.text("windowSize") or "1d"
    found = _WINDOW.fullmatch(said)
    if found is None:
        raise errors.invalid("windowSize")
    minutes, hours, days = (int(each or 0) for each in found.groups())
    length_ns = minutes * MINUTE + hours * HOUR + days * DAY
    return _of_stretch(query, lambda market: window(market, length_ns, query.now))


def trading_day(query: Query) -> Weighed:
    """GET /api/v3/ticker/tradingDay: since midnight in `timeZone`."""
    today = Interval("1d", DAY, query.zone_ns())
    start = today.open_time(query.now)
    end = today.next_open(start) - 1
    return _of_stretch(query, lambda market: between(market, start, end, query.now))


def _of_stretch(query: Query, stretch: Callable[[Market], Statistics]) -> Weighed:
    mini = _is_mini(query)
    form = _mini if mini else _full
    return _answered(query, _by_symbol, lambda market: form(market, stretch(market), query.unit), every=False)


def _answered(query: Query, weigh: Callable[[Asked], int], say: Say, *, every: bool = True) -> Weighed:
    """Rules 1 and 2; not `every`: all at once cannot be had."""
    asked, status = query.markets(), query.status()
    query.done()
    weight = weigh(asked)
    if isinstance(asked, Market):
        if status not in (None, status_of(asked)):
            raise errors.other_status()
        return say(asked), weight
    if asked is None and not every:
        raise errors.missing_both("symbol", "symbols")
    if asked is not None and len(asked) > MOST_SYMBOLS and not every:
        raise errors.invalid("symbols")
    markets = query.world.markets.values() if asked is None else asked
    found = [say(market) for market in markets if status in (None, status_of(market))]
    return b"[" + b",".join(found) + b"]", weight


def _light(asked: Asked) -> int:
    return 2 if isinstance(asked, Market) else 4


def _day_weight(asked: Asked) -> int:
    if asked is None:
        return 80
    if isinstance(asked, Market) or len(asked) <= FEW_SYMBOLS:
        return 2
    return 40 if len(asked) <= MOST_SYMBOLS else 80


def _by_symbol(asked: Asked) -> int:
    return min(200, 4 * len(asked)) if isinstance(asked, tuple) else 4


def _is_mini(query: Query) -> bool:
    return query.choice("type", ("FULL", "MINI"), errors.bad_ticker_type()) == "MINI"


def _price(market: Market) -> bytes:
    last = market.last_price
    said = ZERO if last is None else text(last * market.listing.tick)
    return b'{"symbol":"%b","price":"%b"}' % (market.listing.symbol.encode(), said)


def _book_ticker(market: Market) -> bytes:
    return b'{"symbol":"%b","bidPrice":"%b","bidQty":"%b","askPrice":"%b","askQty":"%b"}' % (
        market.listing.symbol.encode(),
        *frames.touch(market),
    )


def _change(market: Market, found: Statistics) -> bytes:
    return b'{"symbol":"%b","priceChange":"%b","priceChangePercent":"%b","weightedAvgPrice":"%b",' % (
        market.listing.symbol.encode(),
        text(found.change),
        percent_text(found.change, found.open),
        text(found.average),
    )


def _sums(found: Statistics, unit: int) -> bytes:
    return (
        b'"volume":"%b","quoteVolume":"%b","openTime":%d,"closeTime":%d,"firstId":%d,"lastId":%d,"count":%d}'
        % (
            text(found.volume),
            turnover_text(found.turnover),
            found.open_time // unit,
            found.close_time // unit,
            found.first_id,
            found.last_id,
            found.trades,
        )
    )


def _extremes(found: Statistics) -> bytes:
    return b'"openPrice":"%b","highPrice":"%b","lowPrice":"%b",' % (
        text(found.open),
        text(found.high),
        text(found.low),
    )


def _full_day(market: Market, found: Statistics, unit: int) -> bytes:
    newest = market.recent_trades(1)
    now_form = (
        b'"prevClosePrice":"%b","lastPrice":"%b","lastQty":"%b","bidPrice":"%b","bidQty":"%b","askPrice":"%b",'
        b'"askQty":"%b",'
    )
    quantity = text(newest[0].quantity * market.listing.lot) if newest else ZERO
    now_texts = (text(found.previous), text(found.last), quantity, *frames.touch(market))
    return _change(market, found) + now_form % now_texts + _extremes(found) + _sums(found, unit)


def _full(market: Market, found: Statistics, unit: int) -> bytes:
    return (
        _change(market, found)
        + _extremes(found)
        + b'"lastPrice":"%b",' % text(found.last)
        + _sums(found, unit)
    )


def _mini(market: Market, found: Statistics, unit: int) -> bytes:
    head = b'{"symbol":"%b",' % market.listing.symbol.encode()
    return head + _extremes(found) + b'"lastPrice":"%b",' % text(found.last) + _sums(found, unit)
