"""The words of each frame: figures go in, JSON comes out; a frame has no number before it leaves (`stamp`).

    {"channel":"l2_data","timestamp":"2026-09-30T02:39:53.787841965Z","sequence_num":6,"events":[...]}

Rules
  1. Times have as many digits as they need, prices and sizes too.
  2. `side` of a trade is the maker's; of a book it is `bid` or `offer`.
"""

from __future__ import annotations

from collections.abc import Iterable

from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.twins.coinbase.text import second_text, trimmed
from bethna.twins.market.facts import Bar, Day, Execution, Listing
from bethna.twins.market.market import Level, Market

_EVENTS = b',"events":'


def stamp(frame: bytes, number: int) -> bytes:
    """The frame with its number."""
    return frame.replace(_EVENTS, b',"sequence_num":%d,"events":' % number, 1)


def time_text(ts: int) -> bytes:
    """`2026-09-30T02:39:53.788217036Z` of ns UTC (rule 1)."""
    second, rest = divmod(ts, NS_PER_S)
    digits = (b".%09d" % rest).rstrip(b"0") if rest else b""
    return b"%b%bZ" % (second_text(second), digits)


def envelope(channel: bytes, now: int, events: bytes) -> bytes:
    """A frame without its number."""
    return b'{"channel":"%b","timestamp":"%b","events":[%b]}' % (channel, time_text(now), events)


def heartbeat(now: int, counter: int, uptime_ns: int) -> bytes:
    """{"channel":"heartbeats",...,"events":[{"current_time":"2026-09-07 23:37:22.674409 +0000 UTC m=+139651.272674714",
    "heartbeat_counter":139651}]}
    """
    second, rest = divmod(now, NS_PER_S)
    date, _, clock = second_text(second).partition(b"T")
    up, part = divmod(uptime_ns, NS_PER_S)
    event = b'{"current_time":"%b %b.%06d +0000 UTC m=+%d.%09d","heartbeat_counter":%d}' % (
        date,
        clock,
        rest // NS_PER_US,
        up,
        part,
        counter,
    )
    return envelope(b"heartbeats", now, event)


class Forms:
    """The frames of one product."""

    def __init__(self, listing: Listing) -> None:
        self._name = listing.symbol.encode()
        self._tick, self._lot = listing.tick, listing.lot

    # --- books

    def snapshot(self, bids: Iterable[Level], asks: Iterable[Level], now: int) -> bytes:
        """The whole book, bids first."""
        rows = [(True, price, lots, now) for price, lots in bids]
        rows += [(False, price, lots, now) for price, lots in asks]
        return self._book(b"snapshot", rows, now)

    def update(self, changes: Iterable[tuple[bool, int, int, int]], now: int) -> bytes:
        """{"type":"update","product_id":"ETH-USD","updates":[{"side":"bid","event_time":"2026-09-30T02:39:53.718078Z",
        "price_level":"2332.78","new_quantity":"0.00857346"}]}

        Args:
            changes: (bid, price, lots, when); no lots remove the level.
        """
        return self._book(b"update", changes, now)

    def _book(self, kind: bytes, rows: Iterable[tuple[bool, int, int, int]], now: int) -> bytes:
        tick, lot = self._tick, self._lot
        updates = b",".join(
            [
                b'{"side":"%b","event_time":"%b","price_level":"%b","new_quantity":"%b"}'
                % (
                    b"bid" if bid else b"offer",
                    time_text(ts - ts % NS_PER_US),
                    trimmed(price * tick),
                    trimmed(lots * lot),
                )
                for bid, price, lots, ts in rows
            ]
        )
        event = b'{"type":"%b","product_id":"%b","updates":[%b]}' % (kind, self._name, updates)
        return envelope(b"l2_data", now, event)

    # --- trades

    def trades(self, kind: bytes, newest_first: Iterable[Execution], now: int) -> bytes:
        """{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1100253573","price":"83320.66",
        "size":"0.0041608","time":"2026-09-30T02:39:59.416138Z","side":"SELL"}]}
        """
        rows = b",".join([self.trade(each) for each in newest_first])
        return envelope(b"market_trades", now, b'{"type":"%b","trades":[%b]}' % (kind, rows))

    def trade(self, each: Execution) -> bytes:
        """One trade (rule 2)."""
        return b'{"product_id":"%b","trade_id":"%d","price":"%b","size":"%b","time":"%b","side":"%b"}' % (
            self._name,
            each.trade_id,
            trimmed(each.price * self._tick),
            trimmed(each.quantity * self._lot),
            time_text(each.ts),
            b"BUY" if each.buyer_is_maker else b"SELL",
        )

    # --- tickers and candles

    def ticker(self, kind: bytes, market: Market, day: Day, now: int, *, batched: bool) -> bytes:
        """See the sheet; `ticker_batch` says no best prices. What is known of 52 weeks is what is known of a day."""
        tick, lot = self._tick, self._lot
        price, low, high, opened = (each or 0 for each in (day.last, day.low, day.high, day.open))
        best = b""
        if not batched:
            bid, ask = market.best()
            best = b',"best_bid":"%b","best_bid_quantity":"%b","best_ask":"%b","best_ask_quantity":"%b"' % (
                *self._level(bid),
                *self._level(ask),
            )
        ticker = (
            b'{"type":"ticker","product_id":"%b","price":"%b","volume_24_h":"%b","low_24_h":"%b","high_24_h":"%b",'
            b'"low_52_w":"%b","high_52_w":"%b","price_percent_chg_24_h":"%b"%b}'
        ) % (
            self._name,
            trimmed(price * tick),
            trimmed(day.volume * lot),
            trimmed(low * tick),
            trimmed(high * tick),
            trimmed(low * tick),
            trimmed(high * tick),
            percent(price, opened),
            best,
        )
        channel = b"ticker_batch" if batched else b"ticker"
        return envelope(channel, now, b'{"type":"%b","tickers":[%b]}' % (kind, ticker))

    def candles(self, kind: bytes, newest_first: Iterable[Bar], now: int) -> bytes:
        """{"type":"snapshot","candles":[{"start":"1688998200","high":"1867.72","low":"1865.63","open":"1867.38",
        "close":"1866.81","volume":"0.20269406","product_id":"ETH-USD"}]}
        """
        tick = self._tick
        rows = b",".join(
            [
                (
                    b'{"start":"%d","high":"%b","low":"%b","open":"%b","close":"%b","volume":"%b",'
                    b'"product_id":"%b"}'
                )
                % (
                    bar.open_time // NS_PER_S,
                    trimmed(bar.high * tick),
                    trimmed(bar.low * tick),
                    trimmed(bar.open * tick),
                    trimmed(bar.close * tick),
                    trimmed(bar.volume * self._lot),
                    self._name,
                )
                for bar in newest_first
            ]
        )
        return envelope(b"candles", now, b'{"type":"%b","candles":[%b]}' % (kind, rows))

    def _level(self, level: Level | None) -> tuple[bytes, bytes]:
        price, lots = level or (0, 0)
        return trimmed(price * self._tick), trimmed(lots * self._lot)


def percent(price: int, opened: int) -> bytes:
    """The change in percent with up to eight digits: `-4.15775596`."""
    units = (price - opened) * 10_000_000_000 // opened if opened else 0
    return b"-" + trimmed(-units) if units < 0 else trimmed(units)
