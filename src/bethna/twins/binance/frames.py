"""Payloads of the market streams, byte for byte in the order of their keys; pure text, nothing is decided here.

Forms are made once for each symbol and filled with `%` for each frame, since nothing else is as fast.
"""

from __future__ import annotations

from collections.abc import Iterable

from bethna.twins.binance.stretches import Statistics
from bethna.twins.binance.text import ZERO, flag, percent_text, text, turnover_text
from bethna.twins.market.facts import Bar, Listing
from bethna.twins.market.market import Level, Market


def combined(name: str, payload: bytes) -> bytes:
    """`{"stream":"btcusdt@trade","data":{...}}`"""
    return b'{"stream":"%b","data":%b}' % (name.encode(), payload)


def name_of(symbol: str) -> bytes:
    """A symbol as a part of a form."""
    return symbol.encode().replace(b"%", b"%%")


def trade_form(symbol: str) -> bytes:
    """To be filled with E, t, price, quantity, T and `flag(buyer is maker)`."""
    return b'{"e":"trade","E":%%d,"s":"%b","t":%%d,"p":"%%b","q":"%%b","T":%%d,"m":%%b,"M":true}' % name_of(
        symbol
    )


def aggregate_form(symbol: str) -> bytes:
    """To be filled with E, a, price, quantity, f, l, T and `flag(buyer is maker)`."""
    return (
        b'{"e":"aggTrade","E":%%d,"s":"%b","a":%%d,"p":"%%b","q":"%%b","f":%%d,"l":%%d,"T":%%d,"m":%%b,"M":true}'
        % name_of(symbol)
    )


def book_ticker_form(symbol: str) -> bytes:
    """To be filled with u, bid, its quantity, ask, its quantity: there is neither `e` nor a time."""
    return b'{"u":%%d,"s":"%b","b":"%%b","B":"%%b","a":"%%b","A":"%%b"}' % name_of(symbol)


def levels_text(levels: Iterable[Level], listing: Listing) -> bytes:
    """`["0.0024","10"],["0.0022","0.00000000"]` of ticks and lots."""
    tick, lot = listing.tick, listing.lot
    return b",".join(
        [b'["%b","%b"]' % (text(price * tick), text(quantity * lot)) for price, quantity in levels]
    )


def book(market: Market, limit: int) -> bytes:
    """`{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}`: a partial book or a snapshot."""
    bids, asks = market.depth(limit)
    listing = market.listing
    return b'{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}' % (
        market.update_id,
        levels_text(bids, listing),
        levels_text(asks, listing),
    )


def touch(market: Market) -> tuple[bytes, bytes, bytes, bytes]:
    """Best bid, its quantity, best ask, its quantity; zeros of a side without orders."""
    bid, ask = market.best()
    tick, lot = market.listing.tick, market.listing.lot
    bids = (text(bid[0] * tick), text(bid[1] * lot)) if bid else (ZERO, ZERO)
    asks = (text(ask[0] * tick), text(ask[1] * lot)) if ask else (ZERO, ZERO)
    return (*bids, *asks)


def kline(
    listing: Listing, name: str, bar: Bar, event_time: int, open_time: int, close_time: int, *, closed: bool
) -> bytes:
    """A candle, its times in the venue's unit; without a trade f and L are -1 and the prices those before it."""
    tick, lot = listing.tick, listing.lot
    symbol = listing.symbol.encode()
    return (
        b'{"e":"kline","E":%d,"s":"%b","k":{"t":%d,"T":%d,"s":"%b","i":"%b","f":%d,"L":%d,"o":"%b","c":"%b",'
        b'"h":"%b","l":"%b","v":"%b","n":%d,"x":%b,"q":"%b","V":"%b","Q":"%b","B":"0"}}'
        % (
            event_time,
            symbol,
            open_time,
            close_time,
            symbol,
            name.encode(),
            -1 if bar.first_id is None else bar.first_id,
            -1 if bar.last_id is None else bar.last_id,
            text(bar.open * tick),
            text(bar.close * tick),
            text(bar.high * tick),
            text(bar.low * tick),
            text(bar.volume * lot),
            bar.trades,
            flag(closed),
            turnover_text(bar.quote_volume),
            text(bar.taker_buy_volume * lot),
            turnover_text(bar.taker_buy_quote),
        )
    )


def ticker_head(kind: str, symbol: str, event_time: int) -> bytes:
    """The beginning of every ticker; what follows it is what can change."""
    return b'{"e":"%b","E":%d,"s":"%b",' % (kind.encode(), event_time, symbol.encode())


def ticker_body(market: Market, day: Statistics) -> bytes:
    """Of `24hrTicker`, from `p` to `A` and on to `q`; the times and ids are `ticker_tail`."""
    newest = market.recent_trades(1)
    quantity = text(newest[0].quantity * market.listing.lot) if newest else ZERO
    return b'"p":"%b","P":"%b","w":"%b","x":"%b","c":"%b","Q":"%b","b":"%b","B":"%b","a":"%b","A":"%b",' % (
        text(day.change),
        percent_text(day.change, day.open),
        text(day.average),
        text(day.previous),
        text(day.last),
        quantity,
        *touch(market),
    ) + b'"o":"%b","h":"%b","l":"%b","v":"%b","q":"%b",' % (
        text(day.open),
        text(day.high),
        text(day.low),
        text(day.volume),
        turnover_text(day.turnover),
    )


def window_body(stretch: Statistics) -> bytes:
    """Of `1hTicker`, `4hTicker`, `1dTicker`, from `p` to `q`."""
    return b'"p":"%b","P":"%b","o":"%b","h":"%b","l":"%b","c":"%b","w":"%b","v":"%b","q":"%b",' % (
        text(stretch.change),
        percent_text(stretch.change, stretch.open),
        text(stretch.open),
        text(stretch.high),
        text(stretch.low),
        text(stretch.last),
        text(stretch.average),
        text(stretch.volume),
        turnover_text(stretch.turnover),
    )


def ticker_times(stretch: Statistics, unit: int) -> bytes:
    """The stretch that a ticker is about: it goes on with time and is no change."""
    return b'"O":%d,"C":%d,' % (stretch.open_time // unit, stretch.close_time // unit)


def ticker_ids(stretch: Statistics) -> bytes:
    """The end of a ticker."""
    return b'"F":%d,"L":%d,"n":%d}' % (stretch.first_id, stretch.last_id, stretch.trades)


def mini_ticker_body(day: Statistics) -> bytes:
    """Of `24hrMiniTicker`, all that follows the symbol."""
    return b'"c":"%b","o":"%b","h":"%b","l":"%b","v":"%b","q":"%b"}' % (
        text(day.last),
        text(day.open),
        text(day.high),
        text(day.low),
        text(day.volume),
        turnover_text(day.turnover),
    )
