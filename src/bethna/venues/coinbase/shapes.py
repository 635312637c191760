"""What both wires of Coinbase have in common: bounds of numbers, books, pages of REST; no wire's own frames.

Numbers are text on the wire; the decoders are lax, so a float is read straight from it. The bounds keep NaN,
infinities, prices of zero, negative quantities and integers beyond 64 bits out of the house.
"""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from msgspec import Meta, Struct, ValidationError

from bethna.core.clock import NS_PER_S
from bethna.core.market import InstrumentId, Level, Side, VenueCandle
from bethna.venues.coinbase.times import MAX_INT, instant

_MAX_FLOAT = sys.float_info.max
# The last candle of a page may still be open, and the only clock at hand is the host's, which may be seconds off. A
# closed candle taken for open is asked for again; an open one taken for closed would be a false figure.
CLOSED_MARGIN_NS = 10 * NS_PER_S

Price = Annotated[float, Meta(gt=0, le=_MAX_FLOAT)]
Amount = Annotated[float, Meta(ge=0, le=_MAX_FLOAT)]
Signed = Annotated[float, Meta(ge=-_MAX_FLOAT, le=_MAX_FLOAT)]
Id = Annotated[int, Meta(ge=0, le=MAX_INT)]
Seconds = Annotated[int, Meta(ge=0, le=MAX_INT // NS_PER_S)]
"""A UNIX time whose nanoseconds 64 bits can hold."""

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that reading bytes raises when they are not what the protocol says."""

TAKER: dict[str, Side] = {"buy": "sell", "sell": "buy", "BUY": "sell", "SELL": "buy"}
"""The taker's side of a trade by the maker's, which is what both wires write."""


def trade_time(text: str) -> int:
    """When a trade was. Raises ValidationError also where the venue says that it has no time.

    A trade without a time would stand in a candle that it does not belong to. Refused, its id is missing, and history
    is asked for it.
    """
    ts = instant(text)
    if ts is None:
        raise ValidationError(f"expected the time of a trade, found {text[:40]!r}")
    return ts


def best_first(bids: list[Level], asks: list[Level]) -> tuple[list[Level], list[Level]]:
    """Both sides of a whole book in order, without levels of no quantity: the venue promises neither.

    Raises ValidationError when a price stands twice: nobody knows which one is right.
    """
    bids = sorted((level for level in bids if level[1]), reverse=True)
    asks = sorted(level for level in asks if level[1])
    for side, levels in (("bids", bids), ("asks", asks)):
        if len(dict(levels)) < len(levels):
            raise ValidationError(f"expected each price of the {side} once, found one twice")
    return bids, asks


def positive(value: float | None) -> float | None:
    """A figure of which 0 says that there is none."""
    return value or None


class Bar(Struct, gc=False):
    """A candle as either wire gives it, seconds and prices."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def candle(
    instrument: InstrumentId, interval: str, bar: Bar, *, closed: bool, ts_event: int | None, ts_recv: int
) -> VenueCandle:
    """One candle as a fact; the venue counts no trades."""
    return VenueCandle(
        instrument=instrument, interval=interval, open_time=bar.start * NS_PER_S, open=bar.open, high=bar.high,
        low=bar.low, close=bar.close, volume=bar.volume, trades=None, closed=closed, first_id=None,
        last_id=None, ts_event=ts_event, ts_recv=ts_recv,
    )  # fmt: skip


def candles_of(
    instrument: InstrumentId, interval: str, length_s: int, bars: list[Bar], start: int | None, ts_recv: int
) -> list[VenueCandle]:
    """A page of candles, ascending; those before `start` (seconds), which the venue may add, are left out.

    A candle is closed when a later one has opened, or when it ended a good while before `ts_recv`.
    Raises ValidationError when a candle stands twice.
    """
    bars = sorted(bars, key=lambda bar: bar.start)
    if len({bar.start for bar in bars}) < len(bars):
        raise ValidationError("expected each candle once, found one twice")
    newest = bars[-1].start if bars else 0
    return [
        candle(
            instrument, interval, bar, ts_event=None, ts_recv=ts_recv,
            closed=bar.start < newest or (bar.start + length_s) * NS_PER_S + CLOSED_MARGIN_NS < ts_recv,
        )
        for bar in bars if start is None or bar.start >= start
    ]  # fmt: skip


class Asked(Struct, gc=False):
    """What was asked: the parts of the path, and its query."""

    parts: list[str]
    query: dict[str, list[str]]

    def value(self, name: str) -> str:
        """One value of the query. Raises ValidationError when it is not there."""
        values = self.query.get(name)
        if not values:
            raise ValidationError(f"expected {name}= in the query, found none")
        return values[0]

    def number(self, name: str) -> int | None:
        """One number of the query, None when it is not there. Raises ValidationError when it is none."""
        if name not in self.query:
            return None
        text = self.value(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= 12):
            raise ValidationError(f"expected a number in {name}=, found {text[:80]!r}")
        return int(text)


def asked(path: str) -> Asked:
    """The parts of a path or URL; scheme and host do not matter. Raises ValidationError."""
    try:
        found = urlsplit(path)
    except ValueError as error:
        raise ValidationError(f"expected a path such as /products/BTC-USD/book, found {error}") from error
    return Asked([unquote(part) for part in found.path.split("/") if part], parse_qs(found.query))
