"""The codec: socket messages of Deribit to facts and wants to control messages; REST bodies are read in `rest`.

Rules of decoding:

1. A notification as the venue writes it, `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"...`, takes the
   short way: what stands there up to the next quotation mark names its route. A route checks everything else itself.
2. Whatever has no route yet, or does not fit it, takes the long way, which recognises a message by its keys, in any
   order and spacing, and hands it to the same routes. So both ways give the same facts, and only the long way says what
   is wrong with a message.
3. By the protocol but of no kind that we read, of a thing without a name (a combo), or without a fact in it:
   UnknownMessage. Among them are `instrument.state.*`, which is of one instrument while VenueCondition is of the venue,
   and `incremental_ticker.*`, whose later messages need the earlier ones.
4. Not what the protocol says: WireError, for any bytes at all, and nothing else.
5. Invalid channels are no error: the venue leaves them out of the list in its answer. So the list is all that is taken
   of the request, and its order means nothing.
6. Some errors are about the moment and not the request (`spec.NOT_NOW`): it is neither taken nor refused and is to be
   sent again, as if there had been no answer; UnknownMessage. After 10028 the venue ends the session: ShutdownNotice,
   and no Refusal, which would be held against the channels.
7. What we say by ourselves (the greeting and the answer to a test) has a text for an id. What the session asks has a
   number. So no answer is taken for another; those to ours are no facts, unless they are errors.
8. A heartbeat is no fact: that something came is seen anyway. A test request is a Challenge.

All sockets say the same and nothing of one has to be remembered: a book's chain is proved by the feed (routes, rule 3).
Where a key stands twice in one object JSON leaves the meaning open, and so do we.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, ValidationError
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_US
from bethna.core.errors import WireError
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.wire import Ack, Challenge, Refusal, RestEvent, ShutdownNotice, WireEvent
from bethna.venues.deribit import rest
from bethna.venues.deribit.frames import (
    MALFORMED,
    ChannelHead,
    ErrorBody,
    Head,
    HeartbeatBody,
    MicroTime,
    RequestId,
)
from bethna.venues.deribit.routes import Route, route_of, unknown
from bethna.venues.deribit.spec import HEARTBEAT_S, NOT_NOW, SPEC, TOO_MANY_REQUESTS
from bethna.venues.deribit.symbols import NotASymbol, Symbols, is_index, venue_symbol_of
from bethna.venues.spec import RestRequest

_read_head: Final = Decoder(Head).decode
_read_text: Final = Decoder(str).decode
_read_id: Final = Decoder[int | str | None](RequestId).decode
_read_channel: Final = Decoder(ChannelHead).decode
_read_heartbeat: Final = Decoder(HeartbeatBody).decode
_read_error: Final = Decoder(ErrorBody).decode
_read_streams: Final = Decoder(list[str]).decode
_read_micros: Final = Decoder[int](MicroTime).decode

_BEGINNING: Final = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"'
_AT: Final = len(_BEGINNING)
_PLAIN: Final = re.compile(r"[\w.-]{1,120}", re.ASCII)
_MOST_ROUTES: Final = 16_384
_NOT_THE_SHORT_WAY: Final = (KeyError, *MALFORMED)

_HEARTBEAT_ID: Final = "set_heartbeat"
_PLATFORM_ID: Final = "platform_state"
_TEST_ID: Final = "test"
_OWN_IDS: Final = frozenset({_HEARTBEAT_ID, _PLATFORM_ID, _TEST_ID})


class DeribitCodec:
    """Deribit's language. The methods' contracts are those of `bethna.venues.spec.Codec`."""

    def __init__(self) -> None:
        self._symbols = Symbols()
        self._rest = rest.RestReader(self._symbols)
        self._routes: dict[bytes, Route] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; routes are made anew, since some may rest on names alone."""
        self._symbols.learn(instruments)
        self._routes.clear()

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTC-PERPETUAL` or an index channel; unverified when only read. Raises WireError."""
        try:
            return self._symbols.by_symbol(venue_symbol)
        except NotASymbol as error:
            raise WireError(SPEC.name, str(error), venue_symbol) from error

    # --- socket messages -------------------------------------------------------------------------------------------

    def connection(self, number: int) -> DeribitCodec:
        """All sockets say the same, and nothing of one has to be remembered."""
        del number
        return self

    def greeting(self) -> Sequence[str]:
        """The venue is to be heard every 30 s, and to tell of maintenance (rule 7)."""
        return (
            _request("public/set_heartbeat", {"interval": HEARTBEAT_S}, _HEARTBEAT_ID),
            _request("public/subscribe", {"channels": ["platform_state"]}, _PLATFORM_ID),
        )

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            if raw.startswith(_BEGINNING):
                return self._routes[raw[_AT : raw.find(b'"', _AT)]](raw, ts_recv)  # rule 1
        except _NOT_THE_SHORT_WAY:
            pass
        try:
            return self._decode_any(raw, ts_recv)  # rule 2
        except MALFORMED as error:
            raise WireError(SPEC.name, str(error), raw) from error  # rule 4

    def _decode_any(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        head = _read_head(raw)
        if head.error is not UNSET or head.result is not UNSET:
            return _answer(raw, head, ts_recv)
        if head.method is UNSET:
            return (unknown("", raw),)
        method = _read_text(head.method)
        if method == "heartbeat" and head.params is not UNSET:
            return _heartbeat(raw, head.params)
        if method == "subscription" and head.params is not UNSET:
            return self._notified(raw, _read_channel(head.params).channel, ts_recv)
        return (unknown(method, raw),)

    def _notified(self, raw: bytes, channel: str, ts_recv: int) -> Sequence[WireEvent]:
        try:
            route = route_of(channel, self._symbols)
        except NotASymbol:
            return (unknown(f"{channel.partition('.')[0]} of an instrument without a name", raw),)
        if route is None:
            return (unknown(channel.partition(".")[0], raw),)  # rule 3
        events = route(raw, ts_recv)
        if _PLAIN.fullmatch(channel):
            if len(self._routes) >= _MOST_ROUTES:  # a venue that makes up channels must not fill our memory
                self._routes.clear()
            self._routes[channel.encode()] = route
        return events

    # --- wants -----------------------------------------------------------------------------------------------------

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """Trades, the whole book, and the ticker; an index has only its price. Raw intervals are for who logs in."""
        name = venue_symbol_of(instrument)
        prices = "prices" in features
        if is_index(instrument) or name.startswith("deribit_"):
            return (name,) if prices else ()
        wanted = {
            f"trades.{name}.100ms": prices or "trades" in features or "candles" in features,
            f"book.{name}.100ms": "books" in features,
            f"ticker.{name}.100ms": prices,
        }
        return tuple(stream for stream, needed in wanted.items() if needed)

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose stream this is, None for a stream of many or of none that we can name."""
        match stream.split("."):
            case (
                ["trades" | "ticker", name, _] | ["book", name, _] | ["book", name, _, _, _] | ["quote", name]
            ):
                pass
            case ["chart", "trades", name, _]:
                pass
            case ["deribit_price_index" | "deribit_volatility_index", _]:
                name = stream
            case _:
                return None
        try:
            return self._symbols.by_symbol(name).id
        except NotASymbol:
            return None

    def batch_of(self, stream: str) -> str:
        """Channels of any kind stand together."""
        del stream
        return ""

    def socket_path(self, streams: Sequence[str]) -> str:
        """`/ws/api/v2`: nothing is subscribed by the path."""
        del streams
        return "/ws/api/v2"

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"jsonrpc":"2.0","id":5,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}`."""
        return _request("public/subscribe", {"channels": list(streams)}, request_id)

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """The same with `public/unsubscribe`; its answer lists what has ended."""
        return _request("public/unsubscribe", {"channels": list(streams)}, request_id)

    # --- REST ------------------------------------------------------------------------------------------------------

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts, see `rest.RestReader.decode`. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET public/get_order_book: its change_id is of the stream's count, so it joins; at most 1000 levels."""
        return rest.book_request(instrument, limit)

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """GET public/get_last_trades_by_instrument from one trade_seq on; it goes by id."""
        del since, until
        return rest.trades_request(instrument, first_id, limit)

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET public/get_last_trades_by_instrument, the newest; what comes newest first is turned round."""
        return rest.recent_trades_request(instrument, limit)

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """GET public/get_tradingview_chart_data; lengths are `rest.LENGTHS`, of others there is ConfigError."""
        return rest.candles_request(instrument, interval, start, limit)

    def time_request(self) -> RestRequest:
        """GET public/get_time."""
        return rest.TIME_REQUEST

    def catalogue_request(self) -> RestRequest:
        """GET public/get_instruments of every currency and kind."""
        return rest.CATALOGUE_REQUEST


def _request(method: str, params: dict[str, object], request_id: int | str) -> str:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    return msgspec.json.encode(message).decode()


def _heartbeat(raw: bytes, params: Raw) -> Sequence[WireEvent]:
    """Rule 8."""
    kind = _read_heartbeat(params).type
    if kind == "test_request":
        return (Challenge(_request("public/test", {}, _TEST_ID)),)
    return () if kind == "heartbeat" else (unknown(f"heartbeat {kind}", raw),)


def _answer(raw: bytes, head: Head, ts_recv: int) -> Sequence[WireEvent]:
    """An answer to a request (rules 5 to 7)."""
    request_id = None if head.id is UNSET else _read_id(head.id)
    if head.error is not UNSET:
        return (_refusal(raw, head, head.error, request_id, ts_recv),)
    if request_id in _OWN_IDS:
        return ()
    assert head.result is not UNSET  # an answer has one of the two
    try:
        return (Ack(request_id, tuple(_read_streams(head.result))),)
    except ValidationError:
        done = bytes(head.result) == b'"ok"'
        return (Ack(request_id) if done else unknown("answer", raw),)


def _refusal(raw: bytes, head: Head, error: Raw, request_id: int | str | None, ts_recv: int) -> WireEvent:
    """Rule 6. The venue's reason stands behind its message, where it gives one."""
    body = _read_error(error)
    if body.code == TOO_MANY_REQUESTS:
        return ShutdownNotice(ts_recv if head.us_out is UNSET else _read_micros(head.us_out) * NS_PER_US)
    if body.code in NOT_NOW:
        return unknown(f"not now: {body.message} (code {body.code})", raw)
    return Refusal(request_id, body.code, rest.words_of(body))
