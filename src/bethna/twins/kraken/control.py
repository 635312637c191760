"""Requests of a client, read and answered as text; it does not know what is subscribed.

    {"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},"req_id":1}
        -> {"method":"subscribe","req_id":1,"result":{"channel":"book","depth":25,"snapshot":true,"symbol":"BTC/USD"},
            "success":true,"time_in":"...","time_out":"..."}
    {"method":"subscribe","params":{"channel":"book","symbol":["XBT/USDT"]}}
        -> {"error":"Currency pair not supported XBT/USDT","method":"subscribe","success":false,"symbol":"XBT/USDT",
            "time_in":"...","time_out":"..."}
    {"method":"ping","req_id":101} -> {"method":"pong","req_id":101,"time_in":"...","time_out":"..."}

Rules
  1. Each symbol has an answer of its own; what is wrong with the request as a whole has one, without a symbol.
  2. Only a whole number is a `req_id`; it comes back as it was.
  3. A depth or an interval that does not exist is refused, never rounded.
  4. What cannot be read, or has a field that does not belong, is refused; the connection goes on.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_US
from bethna.twins.kraken.streams import INSTRUMENT, Stream
from bethna.twins.kraken.text import stamp
from bethna.twins.kraken.words import DEPTHS, INTERVALS

MAX_SYMBOLS = 2_000
TAKEN_NS = 35 * NS_PER_US
"""What the venue needs for an answer, as in the recordings."""
BAD_DEPTH = "Subscription depth not supported"
BAD_INTERVAL = "Subscription ohlc interval not supported"
BAD_FIELD = "Unsupported field"
_METHODS = ("subscribe", "unsubscribe", "ping")
_DEPRECATED = ("timestamp is deprecated, use interval_begin",)
_USUAL_SNAPSHOT = {"trade": False, "book": True, "ticker": True, "ohlc": True, "instrument": True}
_OWN_FIELDS = {
    "book": "depth",
    "ohlc": "interval",
    "ticker": "event_trigger",
    "instrument": "include_tokenized_assets",
}
_encode = msgspec.json.encode


class Wanted(Struct, frozen=True):
    """A request that can be understood.

    Attributes:
        method: subscribe or unsubscribe. streams: one for each symbol, in the order of the request.
        snapshot: whether what comes first is wanted.
    """

    method: str
    req_id: int | None
    streams: tuple[Stream, ...]
    snapshot: bool


class _Refused(Exception):
    """Why a request as a whole is refused."""


class Clerk:
    """Reads one request at an instant and words its answers (rule 2).

    Args:
        now: the venue's clock, ns UTC.
    """

    def __init__(self, data: bytes | str, now: int) -> None:
        self._data = data
        self._now = now
        self._method = ""
        self.req_id: int | None = None

    def read(self) -> Wanted | bytes:
        """The request; or the answer, where that is all (rule 4)."""
        try:
            return self._request(msgspec.json.decode(self._data, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self.refused("Malformed request")
        except _Refused as refused:
            return self.refused(str(refused))

    def done(self, wanted: Wanted, stream: Stream) -> bytes:
        """One symbol is subscribed, or is not any more."""
        result: dict[str, object] = {"channel": stream.channel}
        if stream.depth:
            result["depth"] = stream.depth
        if stream.channel == "ticker":
            result["event_trigger"] = "bbo" if stream.bbo else "trades"
        if stream.minutes:
            result["interval"] = stream.minutes
        if wanted.method == "subscribe":
            result["snapshot"] = wanted.snapshot
        if stream.symbol:
            result["symbol"] = stream.symbol
        if stream.minutes and wanted.method == "subscribe":
            result["warnings"] = _DEPRECATED
        return self._answer(method=wanted.method, result=result, success=True)

    def refused(self, why: str, symbol: str = "") -> bytes:
        """A request, or one symbol of it, is refused (rule 1)."""
        said: dict[str, object] = {"error": why, "success": False}
        if self._method:
            said["method"] = self._method
        if symbol:
            said["symbol"] = symbol
        return self._answer(**said)

    # --- reading

    def _request(self, found: dict[str, Any]) -> Wanted | bytes:
        method = found.get("method")
        if isinstance(method, str):
            self._method = method[:40]
        if "req_id" in found:
            self.req_id = _whole(found["req_id"])
            if self.req_id is None:  # rule 2
                raise _Refused(BAD_FIELD)
        if method == "ping":
            return self._answer(method="pong")
        if method not in _METHODS:
            raise _Refused("Unsupported method")
        if found.keys() - {"method", "params", "req_id"}:
            raise _Refused(BAD_FIELD)
        params = found.get("params")
        if not isinstance(params, dict):
            raise _Refused("Missing field: params")
        return self._wanted(str(method), params)

    def _wanted(self, method: str, params: dict[str, Any]) -> Wanted:
        channel = params.get("channel")
        if not isinstance(channel, str) or channel not in _USUAL_SNAPSHOT:
            raise _Refused("Subscription channel not supported")
        snapshot = params.get("snapshot", _USUAL_SNAPSHOT[channel])
        known = {"channel", "snapshot", "token", _OWN_FIELDS.get(channel, "channel")}
        known |= set() if channel == "instrument" else {"symbol"}
        if not isinstance(snapshot, bool) or params.keys() - known:
            raise _Refused(BAD_FIELD)
        if channel == "instrument":
            return Wanted(method, self.req_id, (INSTRUMENT,), snapshot)
        symbols = params.get("symbol")
        if not isinstance(symbols, list) or not all(isinstance(each, str) for each in symbols):
            raise _Refused("Missing field: symbol, expected an array of texts")
        if not 0 < len(symbols) <= MAX_SYMBOLS:
            raise _Refused("Subscription symbols: none or too many")
        one = self._of_channel(channel, params)
        streams = tuple(msgspec.structs.replace(one, symbol=symbol) for symbol in symbols)
        return Wanted(method, self.req_id, streams, snapshot)

    def _of_channel(self, channel: str, params: dict[str, Any]) -> Stream:
        """Rule 3."""
        if channel == "book":
            depth = _whole(params.get("depth", DEPTHS[0]))
            if depth not in DEPTHS:
                raise _Refused(BAD_DEPTH)
            return Stream(channel, depth=depth)
        if channel == "ohlc":
            minutes = _whole(params.get("interval", INTERVALS[0]))
            if minutes not in INTERVALS:
                raise _Refused(BAD_INTERVAL)
            return Stream(channel, minutes=minutes)
        if channel == "ticker":
            trigger = params.get("event_trigger", "trades")
            if trigger not in ("trades", "bbo"):
                raise _Refused("Subscription event_trigger not supported")
            return Stream(channel, bbo=trigger == "bbo")
        return Stream(channel)

    def _answer(self, **said: object) -> bytes:
        """Keys come in the order of the alphabet."""
        if self.req_id is not None:
            said["req_id"] = self.req_id
        said |= {"time_in": stamp(self._now), "time_out": stamp(self._now + TAKEN_NS)}
        return _encode({key: said[key] for key in sorted(said)})


def _whole(value: object) -> int | None:
    """A whole number of 64 bits, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**64 else None
