"""What trades, tickers, candles and heartbeats say; steps of the market go in, frames come out. Books are in `book`.

Rules
  1. The executions of one order are one message, in their order.
  2. A ticker comes with trades, or (`bbo`) with each change of the best prices and quantities; both say all of it.
  3. A candle is said with the trades that it got and never when it is over; minutes without trades do not exist.
     A snapshot has those of the last `SHOWN` stretches.
  4. What was never traded has zeros for its statistics and 1970 for its time.
"""

from __future__ import annotations

import msgspec

from bethna.twins.kraken.speech import bare, numbered
from bethna.twins.kraken.text import NEVER_TRADED, Precision, decimal, fine_stamp, quotient, stamp
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.bars import MINUTE, open_time
from bethna.twins.market.facts import Bar, Execution, Step
from bethna.twins.market.market import Market

SHOWN = 12
NEWEST = 50
"""Trades of a snapshot."""
_BEAT = bare(b'{"channel":"heartbeat"}')


class Heartbeats(Publisher):
    """`heartbeat`: each second, whatever else is said."""

    hears = False

    def flush(self, now: int) -> list[bytes]:
        """One."""
        return [_BEAT]


class Trades(Publisher):
    """`trade` of one pair (rule 1).

    {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":111399.1,"qty":0.00037711,
        "ord_type":"limit","trade_id":86881079,"timestamp":"2025-09-09T21:31:50.716224Z"}]}
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._precision = Precision(market.listing)
        self._form = (
            b'{"symbol":"%b","side":"%%b","price":%%b,"qty":%%b,"ord_type":"%%b","trade_id":%%d,"timestamp":"%%b"}'
            % market.listing.symbol.encode()
        )

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """The executions, if there were any."""
        executions = step.executions
        if not executions:
            return []
        frame = b'{"channel":"trade","type":"update","data":[%b]}' % b",".join(map(self._trade, executions))
        return [numbered(executions[0].trade_id, executions[-1].trade_id, frame)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The newest, the oldest of them first."""
        newest = self._market.recent_trades(NEWEST)
        frame = b'{"channel":"trade","type":"snapshot","data":[%b]}' % b",".join(map(self._trade, newest))
        return [numbered(newest[0].trade_id, newest[-1].trade_id, frame) if newest else bare(frame)]

    def _trade(self, each: Execution) -> bytes:
        return self._form % (
            b"sell" if each.buyer_is_maker else b"buy",
            self._precision.price(each.price),
            self._precision.quantity(each.quantity),
            order_type(each),
            each.trade_id,
            stamp(each.ts).encode(),
        )


def order_type(each: Execution) -> bytes:
    """Of the taker's order, a function of its number: one in three is a market order."""
    return b"limit" if each.order % 3 else b"market"


class Tickers(Publisher):
    """`ticker` of one pair (rules 2 and 4).

    {"channel":"ticker","type":"snapshot","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10036,
        "ask_qty":1361.44813783,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,
        "change":-0.00017,"change_pct":-0.17,"timestamp":"2023-09-25T09:04:31.742648Z"}]}
    """

    def __init__(self, market: Market, *, bbo: bool) -> None:
        self._market = market
        self._bbo = bbo
        self._precision = Precision(market.listing)
        self._form = (
            b'{"channel":"ticker","type":"%%b","data":[{"symbol":"%b","bid":%%b,"bid_qty":%%b,"ask":%%b,"ask_qty":%%b,'
            b'"last":%%b,"volume":%%b,"vwap":%%b,"low":%%b,"high":%%b,"change":%%b,"change_pct":%%b,"timestamp":"%%b"}]}'
            % market.listing.symbol.encode()
        )

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Rule 2."""
        if not (step.best_changed if self._bbo else step.executions):
            return []
        return [self._said(b"update", step.ts)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The same as a snapshot."""
        return [self._said(b"snapshot", now)]

    def _said(self, kind: bytes, now: int) -> bytes:
        market, precision = self._market, self._precision
        bid, ask = (level or (0, 0) for level in market.best())
        day = market.day(now)
        opened, last = day.open or 0, day.last or 0
        newest = market.recent_trades(1)
        turnover = day.quote_volume // (market.listing.tick * market.listing.lot)
        return bare(
            self._form
            % (
                kind,
                precision.price(bid[0]),
                precision.quantity(bid[1]),
                precision.price(ask[0]),
                precision.quantity(ask[1]),
                precision.price(last),
                precision.quantity(day.volume),
                precision.price(quotient(turnover, day.volume)),
                precision.price(day.low or 0),
                precision.price(day.high or 0),
                decimal(last - opened, precision.price_decimals),
                decimal(round(10_000 * (last - opened) / opened) if opened else 0, 2),
                stamp(newest[0].ts if newest and not self._bbo else now).encode()
                if newest
                else NEVER_TRADED.encode(),
            )
        )


class Candles(Publisher):
    """`ohlc` of one pair in one length (rule 3).

    {"channel":"ohlc","type":"update","timestamp":"2026-09-10T17:35:52.114514810Z","data":[{"symbol":"BTC/USDT",
        "open":77499.9,"high":77509.2,"low":77467.5,"close":77509.2,"trades":15,"volume":0.58051276,"vwap":77482.2,
        "interval_begin":"2026-09-10T17:35:00.000000000Z","interval":1,"timestamp":"2026-09-10T17:36:00.000000Z"}]}
    """

    def __init__(self, market: Market, minutes: int) -> None:
        self._market = market
        self._minutes = minutes
        self._length_ns = minutes * MINUTE
        self._precision = Precision(market.listing)
        self._unit = market.listing.tick * market.listing.lot
        self._bar: Bar | None = None

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """The candle that got trades."""
        if not step.executions:
            return []
        ts = step.executions[0].ts
        bar = self._bar
        if bar is None or bar.open_time != open_time(ts, self._length_ns):
            bar = market.bar(self._length_ns, ts)
        else:
            for each in step.executions:
                bar = _with(bar, each, self._unit)
        self._bar = bar
        return [] if bar is None else [self._said(b"update", [bar], step.ts)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The newest that have trades."""
        found = self._market.candles(self._length_ns, None, None, SHOWN, now)
        return [self._said(b"snapshot", [bar for bar in found if bar.trades], now)]

    def _said(self, kind: bytes, bars: list[Bar], now: int) -> bytes:
        return bare(
            b'{"channel":"ohlc","type":"%b","timestamp":"%b","data":[%b]}'
            % (kind, fine_stamp(now).encode(), b",".join(map(self._candle, bars)))
        )

    def _candle(self, bar: Bar) -> bytes:
        price = self._precision.price
        return (
            b'{"symbol":"%b","open":%b,"high":%b,"low":%b,"close":%b,"trades":%d,"volume":%b,"vwap":%b,'
            b'"interval_begin":"%b","interval":%d,"timestamp":"%b"}'
            % (
                self._market.listing.symbol.encode(),
                price(bar.open),
                price(bar.high),
                price(bar.low),
                price(bar.close),
                bar.trades,
                self._precision.quantity(bar.volume),
                price(quotient(bar.quote_volume // self._unit, bar.volume)),
                fine_stamp(bar.open_time).encode(),
                self._minutes,
                stamp(bar.open_time + self._length_ns).encode(),
            )
        )


def _with(bar: Bar, each: Execution, unit: int) -> Bar:
    """The candle with one execution more; what the buyers took is not said and not counted."""
    return msgspec.structs.replace(
        bar,
        high=max(bar.high, each.price),
        low=min(bar.low, each.price),
        close=each.price,
        volume=bar.volume + each.quantity,
        quote_volume=bar.quote_volume + each.price * each.quantity * unit,
        trades=bar.trades + 1,
        last_id=each.trade_id,
    )
