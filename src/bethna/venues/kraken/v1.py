"""Version 1 of the language, as recordings of it have it: it is read and not spoken.

Rules
  1. Data is an array `[channel id, body..., channel name, pair]`. Name and pair are counted from the end, since an
     update of a book has one body or two. Everything else is an object with `event`.
  2. Trades have no id in this version, nor anything else by which a lost one would show. A count of our own would
     promise a completeness that nobody checked, and a time is no id: two trades share one. So they say UNNUMBERED.
  3. A book's snapshot is `as` and `bs`, without a checksum. Its update is `a` and `b`, in one body or in two, and the
     last body has the checksum `c`; it is checked after all of them. Where there is none, nothing is proven or doubted.
  4. A book's time is the newest that any of its levels has had: a level that is only said again ("r") has its old one.
  5. Of the ticker's pairs [today, last 24 hours] the second is read. It has no time: it is of when it came.
  6. A candle's second time is its end, exclusive: it opens one interval earlier. It has no closed flag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NoReturn

from msgspec import UNSET, Raw, ValidationError
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_S
from bethna.core.errors import CannotFollow, WireError, excerpt_of
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import UNNUMBERED, InstrumentId, Quote, Side, Ticker, Trade, VenueCandle
from bethna.core.wire import Ack, Refusal, RestEvent, UnknownMessage, VenueCondition, WireEvent
from bethna.venues.kraken.books import Books, Entry, Levels, best_first, entry
from bethna.venues.kraken.frames import MALFORMED
from bethna.venues.kraken.rest import RestReader
from bethna.venues.kraken.spec import INTERVALS, SPEC
from bethna.venues.kraken.symbols import NotASymbol, Symbols
from bethna.venues.kraken.times import decimal_instant
from bethna.venues.kraken.v1frames import (
    BookBody,
    CandleRow,
    EventFrame,
    SpreadRow,
    TickerBody,
    TradeRow,
)
from bethna.venues.spec import RestRequest

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_CHANNEL = re.compile(r"(book|ohlc)-(\d{1,5})", re.ASCII)
_LONGEST_KIND = 80

_read_items: Final = Decoder(list[Raw]).decode
_read_text: Final = Decoder(str).decode
_read_event: Final = Decoder(EventFrame).decode
_read_book: Final = Decoder(BookBody).decode
_read_trades: Final = Decoder(list[TradeRow], strict=False).decode
_read_spread: Final = Decoder(SpreadRow, strict=False).decode
_read_candle: Final = Decoder(CandleRow, strict=False).decode
_read_ticker: Final = Decoder(TickerBody, strict=False).decode


class KrakenV1Connection:
    """What one socket said. The methods' contracts are those of `bethna.venues.spec.Connection`."""

    def __init__(self, symbols: Symbols, number: int) -> None:
        self._symbols = symbols
        self._books = Books(number)

    def greeting(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            if raw.lstrip()[:1] == b"[":
                return self._data(raw, ts_recv)
            return self._event(raw)
        except MALFORMED as error:
            raise WireError(SPEC.name, str(error), raw) from error

    # --- data

    def _data(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """Rule 1."""
        items = _read_items(raw)
        if len(items) < 4:
            raise ValidationError(f"expected an array of four or more, found {len(items)}")
        bodies, channel, pair = items[1:-2], _read_text(items[-2]), _read_text(items[-1])
        numbered = _CHANNEL.fullmatch(channel)
        if numbered is not None and numbered[1] == "book":
            return self._book(bodies, int(numbered[2]), pair, ts_recv)
        instrument, body = self._symbols.id_of(pair), bodies[0]
        if channel == "trade":
            return [_trade(instrument, row, ts_recv) for row in _read_trades(body)]
        if channel == "ticker":
            return (_ticker(instrument, _read_ticker(body), raw, ts_recv),)
        if channel == "spread":
            return (_quote(instrument, _read_spread(body), raw, ts_recv),)
        if numbered is not None:
            return (_candle(instrument, int(numbered[2]), _read_candle(body), ts_recv),)
        return (_unknown(channel, raw),)

    def _book(self, raw: Sequence[Raw], depth: int, pair: str, ts_recv: int) -> Sequence[WireEvent]:
        """Rule 3."""
        bids: list[list[str]] = []
        asks: list[list[str]] = []
        checksum = None
        begins = changes = False
        for body in map(_read_book, raw):
            begins |= body.new_bids is not UNSET or body.new_asks is not UNSET
            changes |= body.bids is not UNSET or body.asks is not UNSET
            for side, rows in (
                (bids, body.new_bids), (bids, body.bids), (asks, body.new_asks), (asks, body.asks)
            ):  # fmt: skip
                if rows is not UNSET:
                    side += rows
            checksum = checksum if body.checksum is UNSET else _checksum(body.checksum)
        if begins == changes:
            raise ValidationError("expected a book's snapshot or its update, found neither or both")
        levels = self._levels(pair, bids, asks, checksum)
        if changes:
            levels.ts_event = self._books.newest(pair, levels.ts_event)  # rule 4
            return self._books.change(levels, ts_recv)
        best_first(levels)
        self._books.subscribed(pair, depth)
        return self._books.begin(levels, ts_recv)

    def _levels(
        self, pair: str, bids: Sequence[list[str]], asks: Sequence[list[str]], checksum: int | None
    ) -> Levels:
        instrument = self._symbols.id_of(pair)
        times = [decimal_instant(row[2]) for row in (*bids, *asks) if len(row) > 2]
        if len(times) < len(bids) + len(asks):
            raise ValidationError("expected price, quantity and time of a level, found less")
        newest = max(times, default=None)
        return Levels(pair, instrument, _entries(bids), _entries(asks), checksum, newest)

    # --- events

    def _event(self, raw: bytes) -> Sequence[WireEvent]:
        m = _read_event(raw)
        match m.event:
            case "heartbeat" | "pong":
                return ()
            case "systemStatus":
                return (VenueCondition(m.status == "online", m.status),)
            case "subscriptionStatus":
                return (self._answer(m, raw),)
            case "error":
                return (Refusal(m.reqid, None, m.error_message or "refused without a reason"),)
            case _:
                return (_unknown("" if m.event is UNSET else m.event, raw),)

    def _answer(self, m: EventFrame, raw: bytes) -> WireEvent:
        stream = _stream(m)
        if m.status == "error":
            streams = () if stream is None else (stream,)
            return Refusal(m.reqid, None, m.error_message or "refused without a reason", streams)
        if stream is None or m.status not in ("subscribed", "unsubscribed"):
            return _unknown(f"subscriptionStatus {m.status}", raw)
        if m.status == "unsubscribed" and stream.startswith("book"):
            self._books.unsubscribed(m.pair or "")
        return Ack(m.reqid, (stream,), "stream")


class KrakenV1Codec:
    """Kraken's older language, for recordings. The methods' contracts are those of `bethna.venues.spec.Codec`.

    What would have to be said to the venue raises CannotFollow; REST is the same for both versions and is read.
    """

    def __init__(self) -> None:
        self._symbols = Symbols()
        self._rest = RestReader(self._symbols)

    def connection(self, number: int) -> KrakenV1Connection:
        """The memory of a socket: its books."""
        return KrakenV1Connection(self._symbols, number)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; afterwards their frames carry these ids."""
        self._symbols.learn(instruments)

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind any of a pair's names; unverified when only guessed. Raises WireError."""
        try:
            return self._symbols.by_symbol(venue_symbol)
        except NotASymbol as error:
            raise WireError(SPEC.name, str(error), venue_symbol) from error

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """None: nothing can be subscribed in this language."""
        return ()

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose stream this is: `book-10:XBT/USD` as acknowledgements are named here."""
        try:
            return self._symbols.id_of(stream.partition(":")[2])
        except NotASymbol:
            return None

    def batch_of(self, stream: str) -> str:
        """The channel: `book-10` of `book-10:XBT/USD`."""
        return stream.partition(":")[0]

    def socket_path(self, streams: Sequence[str]) -> str:
        """`/`, as recorded URLs have it."""
        return "/"

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """Raises CannotFollow."""
        _not_spoken()

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """Raises CannotFollow."""
        _not_spoken()

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()

    def time_request(self) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()

    def catalogue_request(self) -> RestRequest:
        """Raises CannotFollow."""
        _not_spoken()


def _not_spoken() -> NoReturn:
    raise CannotFollow(
        f"expected a language in which {SPEC.name} is asked, found version 1, which is only read from recordings",
        hint=f"ask in the language of `{SPEC.name}`, which is version 2",
    )


def _stream(m: EventFrame) -> str | None:
    """`book-10:XBT/USD`, None for an answer that does not say of what."""
    sub = m.subscription
    if m.pair is None or (m.channel_name is None and sub is None):
        return None
    if m.channel_name is not None or sub is None:
        return f"{m.channel_name}:{m.pair}"
    number = sub.depth if sub.depth is not None else sub.interval
    return f"{sub.name}:{m.pair}" if number is None else f"{sub.name}-{number}:{m.pair}"


def _trade(instrument: InstrumentId, row: TradeRow, ts_recv: int) -> Trade:
    if row.side not in ("b", "s"):
        raise ValidationError(f"expected b or s for a side, found {row.side[:40]!r}")
    side: Side = "buy" if row.side == "b" else "sell"
    ts_event = decimal_instant(row.time)
    return Trade(instrument, row.price, row.quantity, side, UNNUMBERED, ts_event, ts_recv)  # rule 2


def _ticker(instrument: InstrumentId, m: TickerBody, raw: bytes, ts_recv: int) -> Ticker | UnknownMessage:
    last, opened, high, low = m.last[0], m.open[1], m.high[1], m.low[1]  # rule 5
    if not (last and opened and high and low):
        return _unknown("ticker of a pair without trades", raw)
    return Ticker(
        instrument=instrument,
        last=last,
        open=opened,
        high=high,
        low=low,
        volume=m.volume[1],
        quote_volume=None,
        change_pct=None,
        bid=m.bid[0] or None,
        ask=m.ask[0] or None,
        trades=m.trades[1],
        ts_event=ts_recv,
        ts_recv=ts_recv,
    )


def _quote(instrument: InstrumentId, m: SpreadRow, raw: bytes, ts_recv: int) -> Quote | UnknownMessage:
    if not (m.bid and m.ask):
        return _unknown("spread with an empty side", raw)
    ts_event = decimal_instant(m.time)
    return Quote(instrument, m.bid, m.bid_quantity, m.ask, m.ask_quantity, None, ts_event, ts_recv)


def _candle(instrument: InstrumentId, minutes: int, m: CandleRow, ts_recv: int) -> VenueCandle:
    interval = INTERVALS.get(minutes)
    if interval is None:
        raise ValidationError(f"expected one of the minutes {list(INTERVALS)}, found {minutes}")
    return VenueCandle(
        instrument=instrument,
        interval=interval,
        open_time=decimal_instant(m.end) - minutes * 60 * NS_PER_S,  # rule 6
        open=m.open,
        high=m.high,
        low=m.low,
        close=m.close,
        volume=m.volume,
        trades=m.count,
        closed=False,
        first_id=None,
        last_id=None,
        ts_event=decimal_instant(m.time),
        ts_recv=ts_recv,
    )


def _entries(rows: Sequence[list[str]]) -> list[Entry]:
    return [entry(_number(row[0]), _number(row[1])) for row in rows]


def _number(text: str) -> bytes:
    """A number as the venue writes it; what Python's float takes besides (`nan`, `1_0`, ` 1`) is none."""
    if _NUMBER.fullmatch(text) is None:
        raise ValidationError(f"expected a number such as 5541.30000, found {text[:40]!r}")
    return text.encode()


def _checksum(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise ValidationError(f"expected a checksum such as 974947235, found {text[:40]!r}")
    return int(text)


def _unknown(kind: str, raw: bytes) -> UnknownMessage:
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(raw))
