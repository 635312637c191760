"""The words of each frame: figures go in, JSON comes out; nothing is counted and nothing sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

from bethna.twins.coinbase.listings import base_increment
from bethna.twins.coinbase.text import digits_of, padded, time_text, trimmed
from bethna.twins.market.bars import DAY, HOUR
from bethna.twins.market.facts import Day, Execution, Listing
from bethna.twins.market.market import Level, Market

MONTH_NS = 30 * DAY
Touch = tuple[bytes, bytes, bytes, bytes]
"""Best bid and its size, best ask and its size."""
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd: numbers one apart are far apart as ids
_VERSION, _VARIANT = ~(0xF << 76), ~(3 << 62)


def order_id(symbol: str, kind: int, number: int) -> bytes:
    """An order's id, a UUID of version 4 by its form: one number is one id.

    Args:
        kind: tells apart orders that are numbered separately.
    """
    value = (number * 8 + kind + (_mark(symbol) << 64)) * _SPREAD & (1 << 128) - 1
    text = b"%032x" % (value & _VERSION & _VARIANT | 4 << 76 | 2 << 62)
    return b"%b-%b-%b-%b-%b" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])


@lru_cache(maxsize=4096)
def _mark(symbol: str) -> int:
    return crc32(symbol.encode())


def side_of(maker_bought: bool) -> bytes:
    """`buy` or `sell`."""
    return b"buy" if maker_bought else b"sell"


class Forms:
    """The frames of one product."""

    def __init__(self, listing: Listing) -> None:
        self._symbol = listing.symbol
        self._name = listing.symbol.encode()
        self._tick, self._lot = listing.tick, listing.lot
        self._price_digits = digits_of(listing.tick)
        self._size_digits = digits_of(base_increment(listing))

    # --- trades

    def match(self, each: Execution, sequence: int, kind: bytes = b"match") -> bytes:
        """`side` is the maker's.

        {"type":"match","trade_id":1100243487,"maker_order_id":"d5bc...","taker_order_id":"91fd...","side":"sell",
         "size":"0.00005934","price":"83420.99","product_id":"BTC-USD","sequence":136999328367,
         "time":"2026-09-30T02:03:13.822201Z"}
        """
        return (
            b'{"type":"%b","trade_id":%d,"maker_order_id":"%b","taker_order_id":"%b","side":"%b","size":"%b",'
            b'"price":"%b","product_id":"%b","sequence":%d,"time":"%b"}'
        ) % (
            kind,
            each.trade_id,
            order_id(self._symbol, 1, each.trade_id),
            order_id(self._symbol, 2, each.order),
            side_of(each.buyer_is_maker),
            trimmed(each.quantity * self._lot),
            trimmed(each.price * self._tick),
            self._name,
            sequence,
            time_text(each.ts),
        )

    def heartbeat(self, last_trade_id: int, sequence: int, now: int) -> bytes:
        """{"type":"heartbeat","last_trade_id":1100243487,"product_id":"BTC-USD","sequence":136999328604,
        "time":"2026-09-30T02:03:14.000000Z"}
        """
        return b'{"type":"heartbeat","last_trade_id":%d,"product_id":"%b","sequence":%d,"time":"%b"}' % (
            last_trade_id,
            self._name,
            sequence,
            time_text(now),
        )

    def ticker(self, each: Execution, sequence: int, day: Day, later: int, month: int, best: Touch) -> bytes:
        """`side` is the taker's.

        {"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","open_24h":"14.6647",
         "volume_24h":"94381.28000000","low_24h":"14.3691","high_24h":"16.55","volume_30d":"2295579.57000000",
         "best_bid":"14.7550","best_bid_size":"3.10","best_ask":"14.8060","best_ask_size":"9.00","side":"buy",
         "time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}

        Args:
            later: lots that were traded after this one and are in `day` and `month` already.
            best: best bid and its size, best ask and its size (`touch`).
        """
        tick, lot = self._tick, self._lot
        assert day.open is not None  # there is a trade
        assert day.low is not None
        assert day.high is not None
        return (
            b'{"type":"ticker","sequence":%d,"product_id":"%b","price":"%b","open_24h":"%b","volume_24h":"%b",'
            b'"low_24h":"%b","high_24h":"%b","volume_30d":"%b","best_bid":"%b","best_bid_size":"%b","best_ask":"%b",'
            b'"best_ask_size":"%b","side":"%b","time":"%b","trade_id":%d,"last_size":"%b"}'
        ) % (
            sequence,
            self._name,
            trimmed(each.price * tick),
            trimmed(day.open * tick),
            padded((day.volume - later) * lot),
            trimmed(day.low * tick),
            trimmed(day.high * tick),
            padded((month - later) * lot),
            best[0],
            best[1],
            best[2],
            best[3],
            side_of(not each.buyer_is_maker),
            time_text(each.ts),
            each.trade_id,
            trimmed(each.quantity * lot),
        )

    def touch(self, market: Market) -> Touch:
        """Best bid and its size, best ask and its size."""
        bid, ask = market.best()
        return (*self._level(bid or (0, 0)), *self._level(ask or (0, 0)))

    # --- books

    def snapshot(self, bids: Iterable[Level], asks: Iterable[Level]) -> bytes:
        """{"type":"snapshot","product_id":"BTC-USD","asks":[["10102.55","0.57753524"]],"bids":[["10101.10","0.45054140"]]}"""
        return b'{"type":"snapshot","product_id":"%b","asks":[%b],"bids":[%b]}' % (
            self._name,
            self._levels(asks),
            self._levels(bids),
        )

    def update(self, changes: Iterable[tuple[bool, int, int]], ts: int) -> bytes:
        """{"type":"l2update","product_id":"BTC-USD","changes":[["buy","83404.00","0.70000000"]],
        "time":"2026-09-30T02:03:13.763929Z"}
        """
        text = b",".join(
            [
                b'["%b","%b","%b"]' % (side_of(bid), *self._level((price, quantity)))
                for bid, price, quantity in changes
            ]
        )
        return b'{"type":"l2update","product_id":"%b","changes":[%b],"time":"%b"}' % (
            self._name,
            text,
            time_text(ts),
        )

    def _level(self, level: Level) -> tuple[bytes, bytes]:
        price, quantity = level
        return (
            padded(price * self._tick, self._price_digits),
            padded(quantity * self._lot, self._size_digits),
        )

    def _levels(self, levels: Iterable[Level]) -> bytes:
        return b",".join([b'["%b","%b"]' % self._level(level) for level in levels])


def month_volume(market: Market, now: int) -> int:
    """Lots that were traded in thirty days, counted in whole hours."""
    return sum(bar.volume for bar in market.candles(HOUR, now - MONTH_NS, None, MONTH_NS // HOUR + 1, now))
