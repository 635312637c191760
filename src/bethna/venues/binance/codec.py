"""The codec: socket messages of Binance spot to facts and wants to control messages; REST bodies are read in `rest`.

Rules of decoding:

1. A combined frame as the venue writes it, `{"stream":"btcusdt@trade","data":{...}}`, takes the short way: the bytes up
   to the first comma name its route. A route checks kind, symbol and every value itself.
2. Whatever has no route, or does not fit it, takes the long way, which recognises a message by its keys, in any order
   and spacing, and hands the payload to the same routes. So both ways give the same facts, and only the long way says
   what is wrong with a frame.
3. Who it is about: the payload's own `s`. Only partial depth has none; there the stream's name answers.
4. By the protocol but of no kind that we know, or without a fact in it (one side of the book is empty, nothing was
   ever traded): UnknownMessage. Kinds and fields are added at any time.
5. Not what the protocol says: WireError, for any bytes at all, and nothing else.

Where a key stands twice in one object JSON leaves the meaning open, and so do we.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, get_args
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Raw, ValidationError
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.core.errors import ConfigError, WireError, excerpt_of
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.wire import Ack, Refusal, RestEvent, ShutdownNotice, UnknownMessage, WireEvent
from bethna.venues.binance import rest
from bethna.venues.binance.frames import MALFORMED, ErrorBody, Head, RequestId, ShutdownFrame
from bethna.venues.binance.routes import (
    ROUTES,
    NoFact,
    Route,
    instant,
    partial_depth_route,
    ticker_route_beside_aggregates,
)
from bethna.venues.binance.spec import SPEC
from bethna.venues.binance.symbols import NotASymbol, Symbols
from bethna.venues.spec import RestRequest

TimeUnit = Literal["ms", "us"]
TradeStream = Literal["trade", "aggTrade"]

UNIT_NS: Final[dict[TimeUnit, int]] = {"ms": NS_PER_MS, "us": NS_PER_US}

_read_head: Final = Decoder(Head).decode
_read_error: Final = Decoder(ErrorBody).decode
_read_items: Final = Decoder(list[Raw]).decode
_read_text: Final = Decoder(str).decode
_read_id: Final = Decoder[int | str | None](RequestId).decode
_read_result: Final = Decoder[list[str] | bool | None](list[str] | bool | None).decode
_read_shutdown: Final = Decoder(ShutdownFrame).decode

# A venue that makes up names must not fill our memory; a desk follows far fewer.
_MOST_ROUTES = 16_384
_LONGEST_KIND = 80
_PARTIAL_DEPTH = re.compile(r"[^@]+@depth([1-9]\d{0,3})(?:@\d+ms)?", re.ASCII)
_NOT_THE_SHORT_WAY = (KeyError, *MALFORMED)


class BinanceCodec:
    """Binance spot's language. The methods' contracts are those of `bethna.venues.spec.Codec`.

    Args:
        time_unit: unit of the times on the sockets; `us` also asks for it in the URL. Never guessed from digits.
        rest_time_unit: unit of the times in REST bodies; `ms` unless the caller sends `X-MBX-TIME-UNIT`.
        trade_stream: which trades `streams` wants and `trades_request` counts: every execution, or the aggregates.

    Raises:
        ConfigError: `trade_stream` is another: nothing would ever come of it.
    """

    def __init__(
        self,
        time_unit: TimeUnit = "ms",
        *,
        rest_time_unit: TimeUnit = "ms",
        trade_stream: TradeStream = "trade",
    ) -> None:
        if trade_stream not in get_args(TradeStream):
            choices = " or ".join(get_args(TradeStream))
            raise ConfigError(
                "trade_stream",
                f"trade_stream of {SPEC.name}: expected {choices}, found {trade_stream[:40]!r}",
                hint=f"allowed for trade_stream of {SPEC.name}: {choices}",
            )
        self._in_microseconds = time_unit == "us"
        self._unit_ns = UNIT_NS[time_unit]
        self._trade_stream = trade_stream
        self._routes = dict(ROUTES)
        if trade_stream == "aggTrade":
            self._routes["24hrTicker"] = ticker_route_beside_aggregates
        self._symbols = Symbols()
        self._rest = rest.RestReader(self._symbols, UNIT_NS[rest_time_unit])
        self._by_head: dict[bytes, Route] = {}
        self._by_kind: dict[tuple[str, str], Route] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; routes are made anew, since some may rest on guesses."""
        self._symbols.learn(instruments)
        self._forget_routes()

    def _forget_routes(self) -> None:
        self._by_head.clear()
        self._by_kind.clear()

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTCUSDT`; unverified when only guessed. Raises WireError."""
        try:
            return self._symbols.by_symbol(venue_symbol)
        except NotASymbol as error:
            raise WireError(SPEC.name, str(error), venue_symbol) from error

    # --- socket messages -------------------------------------------------------------------------------------------

    def connection(self, number: int) -> BinanceCodec:
        """All sockets say the same, and nothing of one has to be remembered."""
        del number
        return self

    def greeting(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            return self._by_head[raw.partition(b",")[0]](raw, ts_recv)  # rule 1
        except _NOT_THE_SHORT_WAY:
            pass
        try:
            return self._decode_any(raw, ts_recv)  # rule 2
        except MALFORMED as error:
            raise WireError(SPEC.name, str(error), raw) from error  # rule 5

    def _decode_any(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        if _is_array(raw):
            return self._decode_items(raw, None, ts_recv)
        head = _read_head(raw)
        if head.stream is not UNSET and head.data is not UNSET:
            return self._decode_combined(raw, _read_text(head.stream), bytes(head.data), ts_recv)
        answer = _answer(raw, head) if head.event is UNSET else None
        return self._decode_payload(raw, head, None, ts_recv) if answer is None else (answer,)

    def _decode_combined(self, raw: bytes, stream: str, payload: bytes, ts_recv: int) -> Sequence[WireEvent]:
        if _is_array(payload):
            return self._decode_items(payload, stream, ts_recv)
        head = _read_head(payload)
        events = self._decode_payload(payload, head, stream, ts_recv)
        kind, short = _kind_of(head), raw.partition(b",")[0]
        if kind in ROUTES and head.s is not UNSET and short == b'{"stream":"%b"' % stream.encode():
            self._make_room()
            self._by_head[short] = self._route(kind, _read_text(head.s))
        return events

    def _decode_items(self, raw: bytes, stream: str | None, ts_recv: int) -> list[WireEvent]:
        """An array of events, as `!miniTicker@arr` sends it; a symbol that we cannot name does not spoil the others."""
        events: list[WireEvent] = []
        for item in _read_items(raw):
            payload = bytes(item)
            try:
                events += self._decode_payload(payload, _read_head(payload), stream, ts_recv)
            except NotASymbol:
                events.append(_unknown("symbol", payload))
        return events

    def _decode_payload(
        self, payload: bytes, head: Head, stream: str | None, ts_recv: int
    ) -> Sequence[WireEvent]:
        """A bare event, recognised by its keys."""
        if head.event is UNSET and head.is_partial_depth:
            return self._decode_partial_depth(payload, stream, ts_recv)
        kind = _kind_of(head)
        if kind == "serverShutdown":
            return (ShutdownNotice(instant(_read_shutdown(payload).time, self._unit_ns)),)
        if kind not in ROUTES:
            return (_unknown(kind or stream or "", payload),)  # rule 4
        if head.s is UNSET:
            raise ValidationError(f"expected a symbol in {kind}, found none")
        route = self._route(kind, _read_text(head.s))  # rule 3
        try:
            return route(_as_combined(payload), ts_recv)
        except NoFact as nothing:
            return (_unknown(str(nothing), payload),)  # rule 4

    def _decode_partial_depth(self, payload: bytes, stream: str | None, ts_recv: int) -> Sequence[WireEvent]:
        levels = _PARTIAL_DEPTH.fullmatch(stream or "")
        if stream is None or levels is None:
            return (_unknown("partialDepth", payload),)
        instrument = self._symbols.by_stream(stream)  # rule 3
        return partial_depth_route(instrument, int(levels[1]))(_as_combined(payload), ts_recv)

    def _route(self, kind: str, symbol: str) -> Route:
        route = self._by_kind.get((kind, symbol))
        if route is None:
            self._make_room()
            route = self._routes[kind](self._symbols.by_symbol(symbol), symbol, self._unit_ns)
            self._by_kind[kind, symbol] = route
        return route

    def _make_room(self) -> None:
        if len(self._by_kind) + len(self._by_head) >= _MOST_ROUTES:
            self._forget_routes()

    # --- wants -----------------------------------------------------------------------------------------------------

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """Trades, book changes, best bid and ask, and the 24 hours (the only one that says their change).

        The 24 hours also name the newest trade, by which a lost one is found: they go with the trades. The best bid and
        ask check the book, so they go with it.
        """
        name = instrument.venue_symbol.lower()
        books = "books" in features
        prices = "prices" in features
        trades = prices or "trades" in features or "candles" in features
        wanted = {
            f"{name}@{self._trade_stream}": trades,
            f"{name}@depth@100ms": books,
            f"{name}@bookTicker": books or prices,
            f"{name}@ticker": trades,
        }
        return tuple(stream for stream, needed in wanted.items() if needed)

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose stream this is, None for a stream of all or of none that we can name."""
        try:
            return self._symbols.by_stream(stream).id
        except NotASymbol:
            return None

    def batch_of(self, stream: str) -> str:
        """Streams of any kind stand together."""
        del stream
        return ""

    def socket_path(self, streams: Sequence[str]) -> str:
        """A combined socket: `/stream?streams=btcusdt@trade/ethusdt@trade`, or `/stream` alone."""
        query = []
        if streams:
            query.append("streams=" + "/".join(quote(stream, safe="@!") for stream in streams))
        if self._in_microseconds:
            query.append("timeUnit=MICROSECOND")
        return "/stream" + ("?" + "&".join(query) if query else "")

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}`; the id is an unsigned integer."""
        return _control("SUBSCRIBE", streams, request_id)

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"method":"UNSUBSCRIBE","params":["btcusdt@depth"],"id":312}`."""
        return _control("UNSUBSCRIBE", streams, request_id)

    # --- REST ------------------------------------------------------------------------------------------------------

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts, see `rest.RestReader.decode`. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /api/v3/depth; the venue knows at most 5000 levels a side."""
        return rest.depth_request(instrument, limit)

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """GET /api/v3/historicalTrades or, where aggregates are subscribed, /api/v3/aggTrades; both go by id."""
        del since, until
        return rest.trades_request(instrument, first_id, limit, aggregated=self._trade_stream == "aggTrade")

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /api/v3/trades or, where aggregates are subscribed, /api/v3/aggTrades without an id.

        The data-only hosts serve both; they do not list historicalTrades.
        """
        return rest.recent_trades_request(instrument, limit, aggregated=self._trade_stream == "aggTrade")

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """GET /api/v3/klines of candles that open at `start` (ns UTC) or later."""
        return rest.klines_request(instrument, interval, start, limit)

    def time_request(self) -> RestRequest:
        """GET /api/v3/time."""
        return rest.TIME_REQUEST

    def catalogue_request(self) -> RestRequest:
        """GET /api/v3/exchangeInfo, all symbols."""
        return rest.CATALOGUE_REQUEST


def _is_array(raw: bytes) -> bool:
    return raw.lstrip()[:1] == b"["


def _as_combined(payload: bytes) -> bytes:
    return b'{"data":%b}' % payload


def _kind_of(head: Head) -> str:
    """The kind that a payload announces or, where it announces none, shows by its keys; empty when neither."""
    if head.event is not UNSET:
        return _read_text(head.event)
    return "bookTicker" if head.is_book_ticker else ""


def _unknown(kind: str, payload: bytes) -> UnknownMessage:
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(payload))


def _answer(raw: bytes, head: Head) -> Ack | Refusal | UnknownMessage | None:
    """An answer to a control message, None when it is none."""
    if head.error is UNSET and head.result is UNSET and (head.code is UNSET or head.msg is UNSET):
        return None
    request_id = None if head.id is UNSET else _read_id(head.id)
    if head.result is not UNSET and head.error is UNSET:
        try:
            result = _read_result(head.result)
        except ValidationError:
            return _unknown("answer", raw)
        return Ack(request_id, tuple(result) if isinstance(result, list) else None)
    body = _read_error(raw if head.error is UNSET else head.error)
    return Refusal(request_id, body.code, body.msg)


def _control(method: str, streams: Sequence[str], request_id: int) -> str:
    return msgspec.json.encode({"method": method, "params": streams, "id": request_id}).decode()
