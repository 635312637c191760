"""The bodies of the venue as typed rows, with bounds; it knows no paths and makes no facts.

Numbers may be ints, floats, in exponents (`1.2e-07`) or null. The bounds keep NaN, infinities, prices of zero and times
that 64 bits of nanoseconds cannot hold out of the house.
"""

from __future__ import annotations

import sys
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_MS, NS_PER_S

_MAX_INT: Final = 2**63 - 1
MALFORMED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that reading bytes raises when they are not what the protocol says."""

Price = Annotated[float, Meta(gt=0, le=sys.float_info.max)]
# Whole numbers on the wire, but any of them may come with an exponent; below 2**53 a float is exact.
Millis = Annotated[float, Meta(ge=0, le=_MAX_INT // NS_PER_MS)]
Seconds = Annotated[float, Meta(ge=0, le=_MAX_INT // NS_PER_S)]


class OhlcRow(Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    """[1709395200000,61942,62211,61721,61845]: the CLOSE of the candle, open, high, low, close."""

    ts: Millis
    open: Price | None
    high: Price | None
    low: Price | None
    close: Price | None


class Point(Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    """[1711843200000,69702.3087473573]: when, and the price."""

    ts: Millis
    price: Price | None


class ChartBody(Struct, gc=False):
    """{"prices":[[1711843200000,69702.3]],"market_caps":[...],"total_volumes":[...]}; the last two are not read."""

    prices: list[Point]


class PriceBody(Struct, gc=False):
    """{"usd":67187.33,"last_updated_at":1711356300}: of one coin, in one quote currency."""

    usd: Price | None = None
    eur: Price | None = None
    last_updated_at: Seconds | None = None


class PingBody(Struct, gc=False):
    """{"gecko_says":"(V3) To the Moon!"}."""

    gecko_says: str


class CoinBody(Struct, gc=False):
    """{"id":"bitcoin","symbol":"btc","name":"Bitcoin"}."""

    id: str
    symbol: str
    name: str


class ErrorStatus(Struct, gc=False):
    """{"error_code":429,"error_message":"You've exceeded the Rate Limit..."}."""

    error_code: int | None = None
    error_message: str | None = None


class ErrorBody(Struct, gc=False):
    """All shapes of an error: what stands at the top and says that it is one."""

    error: Raw | UnsetType = UNSET
    error_code: int | None = None
    status: ErrorStatus | None = None


class NestedError(Struct, gc=False):
    """{"status":{"timestamp":"...","error_code":10005,"error_message":"..."}}: what may stand behind `error`."""

    status: ErrorStatus


read_ohlc: Final = Decoder(list[OhlcRow]).decode
read_chart: Final = Decoder(ChartBody).decode
read_prices: Final = Decoder(dict[str, Raw]).decode
read_price: Final = Decoder(PriceBody).decode
read_ping: Final = Decoder(PingBody).decode
read_rows: Final = Decoder(list[Raw]).decode
read_coin: Final = Decoder(CoinBody).decode
read_error: Final = Decoder(ErrorBody, strict=False).decode
read_nested: Final = Decoder(NestedError, strict=False).decode
read_text: Final = Decoder(str).decode


def milliseconds(ts: float) -> int:
    """A time of the wire, ns UTC."""
    return int(ts) * NS_PER_MS
