"""Kraken's REST market data: what to ask for and what the answers say; it sends nothing and waits for nothing.

Rules
  1. Every body is `{"error":[...],"result":{...}}` under HTTP 200, also when the venue refuses. An error begins with E;
     what begins with W is a warning beside a result.
  2. VenueAnswer carries the status that HTTP should have said: 429 for too many requests, 503 for a service that is
     away for now, 0 for all else.
  3. The result is keyed by Kraken's own name of the pair, whatever the pair was called in the request. It is the one
     key that is not `last`; whose it is, the request says.
  4. Trades of before 2022 may come without an id. Then they have none: UNNUMBERED.
  5. The last candle of a page is unfinished, and `last` is the newest that is finished: closed is what both agree on.
     Minutes without trades are there, flat and with a count of 0, which the socket leaves out.
  6. A book from here has neither number nor checksum, so it stands apart: epoch 0, nothing of it proven.
  7. AssetPairs is the only source of the names. Pairs without a `wsname` (dark pools) are not on the sockets: left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final
from urllib.parse import parse_qs, quote, urlsplit

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder
from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, VenueAnswer, WireError, excerpt_of
from bethna.core.instrument import Instrument
from bethna.core.market import (
    UNNUMBERED,
    BookSnapshot,
    CandlePage,
    InstrumentId,
    Level,
    Trade,
    TradePage,
    VenueCandle,
)
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.kraken import spec
from bethna.venues.kraken.frames import MALFORMED, Amount, Id, Price
from bethna.venues.kraken.symbols import Symbols, instrument_of, symbol_of_names
from bethna.venues.kraken.times import MAX_INT, decimal_instant, instant
from bethna.venues.spec import RestRequest

WEIGHT = 1

Seconds = Annotated[int, Meta(ge=0, le=MAX_INT // NS_PER_S)]


class Envelope(Struct, gc=False):
    """{"error":[],"result":{...}}."""

    error: list[str]
    result: Raw | UnsetType = UNSET


class DepthRow(Struct, gc=False, array_like=True):
    """["530.75513","0.248",1391825343]; the time is of the level, not of the book."""

    price: Price
    quantity: Amount


class DepthBody(Struct, gc=False):
    """{"asks":[...],"bids":[...]}."""

    asks: list[DepthRow]
    bids: list[DepthRow]


class TradeRow(Struct, gc=False, array_like=True):
    """["1023.82219","0.00435995",1385579841.7774,"s","l","",86881079]; the time is a number with a point."""

    price: Price
    quantity: Amount
    time: Raw
    side: str
    order: str = ""
    misc: str = ""
    trade_id: Id | None = None


class CandleRow(Struct, gc=False, array_like=True):
    """[1502445660,"3531.999","3534.099","3531.999","3534.099","3534.094","0.36437516",3]."""

    time: Seconds
    open: Price
    high: Price
    low: Price
    close: Price
    vwap: Amount
    volume: Amount
    count: Id


class TimeBody(Struct, gc=False):
    """{"unixtime":1391835876,"rfc1123":"Sat,  8 Feb 14 05:04:36 +0000"}."""

    unixtime: Seconds


class StatusBody(Struct, gc=False):
    """{"status":"online","timestamp":"2023-07-06T18:52:00Z"}."""

    status: str
    timestamp: str


class PairBody(Struct, gc=False):
    """One of AssetPairs; `tick_size` and `status` were added over time."""

    altname: str
    pair_decimals: Annotated[int, Meta(ge=0, le=30)]
    lot_decimals: Annotated[int, Meta(ge=0, le=30)]
    wsname: str | None = None
    tick_size: Price | None = None
    status: str = "online"


_read_envelope: Final = Decoder(Envelope).decode
_read_keyed: Final = Decoder(dict[str, Raw]).decode
_read_depth: Final = Decoder(DepthBody, strict=False).decode
_read_trades: Final = Decoder(list[TradeRow], strict=False).decode
_read_candles: Final = Decoder(list[CandleRow], strict=False).decode
_read_last: Final = Decoder(Seconds, strict=False).decode
_read_time: Final = Decoder(TimeBody).decode
_read_status: Final = Decoder(StatusBody).decode
_read_pair: Final = Decoder(PairBody, strict=False).decode

TIME_REQUEST: Final = RestRequest("/0/public/Time", WEIGHT)
CATALOGUE_REQUEST: Final = RestRequest("/0/public/AssetPairs", WEIGHT)

_STATUSES: Final = (
    ("EGeneral:Too many requests", 429),
    ("EAPI:Rate limit exceeded", 429),
    ("EGeneral:Temporary lockout", 429),
    ("EService:Throttled", 429),
    ("EService:Unavailable", 503),
    ("EService:Busy", 503),
)


def depth_request(pair: str, limit: int) -> RestRequest:
    """The book, `limit` levels a side."""
    limit = min(max(limit, 1), spec.MAX_DEPTH)
    return RestRequest(f"/0/public/Depth?pair={_quoted(pair)}&count={limit}", WEIGHT)


def trades_request(pair: str, limit: int, since: int | None) -> RestRequest:
    """Trades from `since` (ns UTC) on, else the newest. The venue's `since` is exclusive, ours is not."""
    count = min(max(limit, 1), spec.MAX_PAGE)
    begin = "" if since is None else f"&since={max(since - 1, 0)}"
    return RestRequest(f"/0/public/Trades?pair={_quoted(pair)}{begin}&count={count}", WEIGHT)


def candles_request(pair: str, interval: str, start: int) -> RestRequest:
    """Candles that open at `start` (ns UTC) or later; the venue's `since` is exclusive. Raises ConfigError."""
    minutes = spec.MINUTES.get(interval)
    if minutes is None:
        choices = ", ".join(spec.MINUTES)
        raise ConfigError(
            "interval",
            f"expected a candle length of {spec.SPEC.name}, found {interval[:40]!r}",
            hint=f"choose from: {choices}",
        )
    since = max(-(-start // NS_PER_S) - 1, 0)
    return RestRequest(f"/0/public/OHLC?pair={_quoted(pair)}&interval={minutes}&since={since}", WEIGHT)


def _quoted(pair: str) -> str:
    return quote(pair, safe="")


class Asked(Struct, gc=False):
    """What was asked: the last part of the path, and its query."""

    endpoint: str
    query: dict[str, list[str]]

    def number(self, name: str, default: int) -> int:
        """A number of the query. Raises ValidationError when it is none."""
        text = self.query.get(name, [str(default)])[0]
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise ValidationError(f"expected a number in {name}=, found {text[:80]!r}")
        return int(text)


class RestReader:
    """Reads answers; `symbols` says whose they are, and is taught the names by AssetPairs."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._readers: Mapping[str, Callable[[Asked, bytes, int], Sequence[RestEvent]]] = {
            "Depth": self._depth,
            "Trades": self._trades,
            "OHLC": self._candles,
            "Time": self._time,
            "SystemStatus": self._status,
            "AssetPairs": self._catalogue,
        }

    def decode(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of the answer to `path` as facts; scheme and host of `path` do not matter.

        Raises:
            VenueAnswer: the body is an error of the venue; `message` is its own words, `status` as rule 2 says.
            WireError: anything else that is not the protocol.
        """
        try:
            asked = _asked(path)
            result = _result(raw)
            reader = self._readers.get(asked.endpoint)
            if reader is None:
                return (UnknownMessage(asked.endpoint[:80], excerpt_of(raw)),)
            return reader(asked, result, ts_recv)
        except MALFORMED as error:
            raise WireError(spec.SPEC.name, str(error), raw) from error

    def _instrument(self, asked: Asked) -> InstrumentId:
        """Rule 3."""
        pairs = asked.query.get("pair")
        if not pairs:
            raise ValidationError(f"expected pair= in the query of {asked.endpoint}, found none")
        return self._symbols.by_symbol(pairs[0]).id

    def _depth(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        rows, _ = _of_pair(raw)
        body = _read_depth(rows)
        bids, asks = _levels(body.bids), _levels(body.asks)
        for side, rising in (("bids", bids[::-1]), ("asks", asks)):
            _ascending(f"{side} best first", [price for price, _ in rising])
        limit = min(asked.number("count", spec.DEFAULT_REST_DEPTH), spec.MAX_DEPTH)
        name = self._instrument(asked)
        return (BookSnapshot(name, UNNUMBERED, bids, asks, ts_recv, limit, proven=0),)  # rule 6

    def _trades(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        name = self._instrument(asked)
        rows, _ = _of_pair(raw)
        trades = [_trade(name, row, ts_recv) for row in _read_trades(rows)]
        _ascending("rows ascending by id", [t.trade_id for t in trades if t.trade_id != UNNUMBERED])
        return (TradePage(name, trades),)

    def _candles(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        minutes = asked.number("interval", spec.DEFAULT_MINUTES)
        interval = spec.INTERVALS.get(minutes)
        if interval is None:
            raise ValidationError(f"expected interval= of {list(spec.INTERVALS)}, found {minutes}")
        name = self._instrument(asked)
        rows, last = _of_pair(raw)
        if last is UNSET:
            raise ValidationError("expected `last` beside the candles, found none")
        finished = _read_last(last)
        candles = _read_candles(rows)
        _ascending("rows ascending by time", [row.time for row in candles])
        at_end = candles[-1].time if candles else 0
        closed = (row.time <= finished and row.time < at_end for row in candles)  # rule 5
        page = [
            _candle(name, interval, row, ts_recv, closed=each)
            for row, each in zip(candles, closed, strict=True)
        ]
        return (CandlePage(name, page),)

    def _time(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        return (ServerTime(_read_time(raw).unixtime * NS_PER_S, coarse_ns=NS_PER_S),)

    def _status(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The venue's condition is told on the sockets, and as a fact only there; here it is read for its time."""
        return (ServerTime(instant(_read_status(raw).timestamp)),)

    def _catalogue(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        instruments: list[Instrument] = []
        unread: list[RestEvent] = []
        for own_name, body in _read_keyed(raw).items():
            try:
                pair = _read_pair(body)
                if pair.wsname is None:  # rule 7
                    continue
                found = _instrument_of(pair, pair.wsname)
            except MALFORMED:
                unread.append(UnknownMessage("AssetPairs pair", excerpt_of(bytes(body))))
                continue
            self._symbols.teach(own_name, pair.altname, found)
            instruments.append(found)
        return (Catalogue(tuple(instruments)), *unread)


def _asked(path: str) -> Asked:
    try:
        parts = urlsplit(path)
    except ValueError as error:
        raise ValidationError(f"expected a path such as /0/public/Depth, found {error}") from error
    return Asked(parts.path.rpartition("/")[2], parse_qs(parts.query))


def _result(raw: bytes) -> bytes:
    """Rule 1. Raises VenueAnswer."""
    body = _read_envelope(raw)
    errors = [each for each in body.error if not each.startswith("W")]
    if errors:
        text = "; ".join(errors)[:500]
        status = next((status for words, status in _STATUSES if any(e.startswith(words) for e in errors)), 0)
        raise VenueAnswer(spec.SPEC.name, status, text)
    if body.result is UNSET:
        raise ValidationError("expected a result, found neither that nor an error")
    return bytes(body.result)


def _of_pair(raw: bytes) -> tuple[bytes, bytes | UnsetType]:
    """Rule 3: what stands under the pair, and `last`."""
    keyed = _read_keyed(raw)
    last = keyed.pop("last", UNSET)
    if len(keyed) != 1:
        raise ValidationError(f"expected one pair in the result, found {len(keyed)}")
    (rows,) = keyed.values()
    return bytes(rows), last if last is UNSET else bytes(last)


def _levels(rows: Sequence[DepthRow]) -> list[Level]:
    return [(row.price, row.quantity) for row in rows]


def _trade(name: InstrumentId, row: TradeRow, ts_recv: int) -> Trade:
    if row.side not in ("b", "s"):
        raise ValidationError(f"expected b or s for a side, found {row.side[:40]!r}")
    return Trade(
        instrument=name,
        price=row.price,
        quantity=row.quantity,
        side="buy" if row.side == "b" else "sell",
        trade_id=UNNUMBERED if row.trade_id is None else row.trade_id,  # rule 4
        ts_event=decimal_instant(bytes(row.time).decode()),
        ts_recv=ts_recv,
    )


def _candle(name: InstrumentId, interval: str, row: CandleRow, ts_recv: int, *, closed: bool) -> VenueCandle:
    return VenueCandle(
        instrument=name,
        interval=interval,
        open_time=row.time * NS_PER_S,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        trades=row.count,
        closed=closed,
        first_id=None,
        last_id=None,
        ts_event=None,
        ts_recv=ts_recv,
    )


def _ascending(what: str, values: Sequence[float]) -> None:
    for here, there in pairwise(values):
        if here >= there:
            raise ValidationError(f"expected {what}, found {there} after {here}")


def _instrument_of(pair: PairBody, wsname: str) -> Instrument:
    return replace(
        instrument_of(symbol_of_names(wsname)),
        tick_size=float(f"1e-{pair.pair_decimals}") if pair.tick_size is None else pair.tick_size,
        lot_size=float(f"1e-{pair.lot_decimals}"),
        tradable=pair.status == "online",
        verified=True,
    )
