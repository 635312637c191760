"""One socket of version 2: its messages as facts, with the books and the subscriptions that it has.

Rules
  1. Data has `channel`, an answer has `method`. By the protocol but of no kind that we know, or without a fact in it
     (nothing was ever traded): UnknownMessage. Heartbeats, pongs and the instrument channel are known and state no
     fact of ours.
  2. Not what the protocol says: WireError, for any bytes at all, and nothing else. A message is read whole before any
     book is touched, so a bad one changes nothing.
  3. Trades have consecutive ids per pair. A snapshot of trades (we ask for none) joins what follows by these ids, so
     its trades are trades like the others, given in the order of their ids.
  4. A ticker's best bid and ask are a quote only where the acknowledgement said that it comes with each change of them
     (`event_trigger` bbo); else they are as old as the last trade.
  5. A ticker without a time of its own (before it was added; 1970 for what never traded) is of when it came.
  6. Candles have no closed flag and no message at their end. In one message all but the newest of a pair are closed.
  7. An answer speaks of one symbol and names the request. A refusal that names a symbol does not name the channel:
     it means whatever the request wanted of this symbol, so all of the symbol's streams are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import UNSET, ValidationError
from msgspec.json import Decoder

from bethna.core.errors import WireError, excerpt_of
from bethna.core.market import Quote, Ticker, Trade, VenueCandle
from bethna.core.wire import Ack, Refusal, UnknownMessage, VenueCondition, WireEvent
from bethna.venues.kraken.books import Books, Entry, Levels, best_first, entry
from bethna.venues.kraken.frames import (
    MALFORMED,
    Answer,
    BookData,
    BookEntry,
    BookFrame,
    CandleData,
    CandleFrame,
    Head,
    InstrumentFrame,
    Result,
    StatusFrame,
    TickerData,
    TickerFrame,
    TradeFrame,
)
from bethna.venues.kraken.spec import DEFAULT_DEPTH, DEPTHS, INTERVALS, MOST_BOOKS, SPEC
from bethna.venues.kraken.streams import stream_name, streams_of
from bethna.venues.kraken.symbols import Symbols
from bethna.venues.kraken.times import instant, instant_if_any

_read_head: Final = Decoder(Head).decode
_read_trades: Final = Decoder(TradeFrame).decode
_read_books: Final = Decoder(BookFrame).decode
_read_tickers: Final = Decoder(TickerFrame).decode
_read_candles: Final = Decoder(CandleFrame).decode
_read_status: Final = Decoder(StatusFrame).decode
_read_instruments: Final = Decoder(InstrumentFrame).decode
_read_answer: Final = Decoder(Answer).decode
_read_result: Final = Decoder(Result).decode

_LONGEST_KIND = 80
_LONGEST_SYMBOL = 80
_ANSWER = "answer"
_SHORT: Final = {b'{"channel":"%b"' % channel.encode(): channel for channel in ("trade", "book", "ticker")}
"""How the venue begins its commonest messages; any other spelling of them is recognised by its keys."""

ALREADY = "Already subscribed"


class KrakenConnection:
    """What one socket says. The methods' contracts are those of `bethna.venues.spec.Connection`.

    Args:
        symbols: shared with the codec. number: of the connection, the epoch of its books.
    """

    def __init__(self, symbols: Symbols, number: int, book_depth: int = DEFAULT_DEPTH) -> None:
        self._symbols = symbols
        self._books = Books(number)
        self._book_depth = book_depth
        self._quoting: set[str] = set()  # rule 4
        self._readers: dict[str, Callable[[bytes, int], Sequence[WireEvent]]] = {
            "trade": self._trades,
            "book": self._book,
            "ticker": self._tickers,
            "ohlc": self._candles,
            "status": self._status,
            "heartbeat": self._nothing,
            "instrument": self._instruments,
            _ANSWER: self._answer,
        }

    def greeting(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            kind = _SHORT.get(raw.partition(b",")[0]) or _kind_of(raw)
            reader = self._readers.get(kind)
            if reader is None:
                return (_unknown(kind, raw),)
            return reader(raw, ts_recv)
        except MALFORMED as error:
            raise WireError(SPEC.name, str(error), raw) from error  # rule 2

    # --- data

    def _trades(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        id_of = self._symbols.id_of
        trades = [
            Trade(id_of(m.symbol), m.price, m.qty, m.side, m.trade_id, instant(m.timestamp), ts_recv)
            for m in _read_trades(raw).data
        ]
        if len(trades) > 1:
            trades.sort(key=lambda trade: trade.trade_id)  # rule 3
        return trades

    def _book(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        frame = _read_books(raw)
        if frame.type == "update":
            changes = [self._levels(data, instant(data.timestamp or "")) for data in frame.data]
            if len(changes) == 1:
                return self._books.change(changes[0], ts_recv)
            return [event for levels in changes for event in self._books.change(levels, ts_recv)]
        begun = [best_first(self._levels(data, instant_if_any(data.timestamp))) for data in frame.data]
        return [event for levels in begun for event in self._books.begin(levels, ts_recv)]

    def _levels(self, data: BookData, ts_event: int | None) -> Levels:
        return Levels(
            data.symbol,
            self._symbols.id_of(data.symbol),
            _entries(data.bids),
            _entries(data.asks),
            data.checksum,
            ts_event,
        )

    def _tickers(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        events: list[WireEvent] = []
        for m in _read_tickers(raw).data:
            instrument = self._symbols.id_of(m.symbol)
            ts_event = instant_if_any(m.timestamp)
            if m.symbol in self._quoting and m.bid and m.ask:
                events.append(Quote(instrument, m.bid, m.bid_qty, m.ask, m.ask_qty, None, ts_event, ts_recv))
            if m.last and m.high and m.low:
                events.append(self._ticker(m, ts_event, ts_recv))
            else:
                events.append(_unknown("ticker of a symbol without trades", raw))  # rule 1
        return events

    def _ticker(self, m: TickerData, ts_event: int | None, ts_recv: int) -> Ticker:
        return Ticker(
            instrument=self._symbols.id_of(m.symbol),
            last=m.last,
            open=None,
            high=m.high,
            low=m.low,
            volume=m.volume,
            quote_volume=None,
            change_pct=m.change_pct,
            bid=m.bid or None,
            ask=m.ask or None,
            trades=None,
            ts_event=ts_recv if ts_event is None else ts_event,  # rule 5
            ts_recv=ts_recv,
        )

    def _candles(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        frame = _read_candles(raw)
        ts_event = instant_if_any(frame.timestamp)
        rows = [(m, instant(m.interval_begin)) for m in frame.data]
        newest: dict[tuple[str, int], int] = {}
        for m, opened in rows:
            newest[m.symbol, m.interval] = max(opened, newest.get((m.symbol, m.interval), 0))
        return [
            self._candle(m, opened, ts_event, ts_recv, closed=opened < newest[m.symbol, m.interval])
            for m, opened in rows
        ]

    def _candle(
        self, m: CandleData, opened: int, ts_event: int | None, ts_recv: int, *, closed: bool
    ) -> VenueCandle:
        interval = INTERVALS.get(m.interval)
        if interval is None:
            raise ValidationError(f"expected one of the minutes {list(INTERVALS)}, found {m.interval}")
        return VenueCandle(
            instrument=self._symbols.id_of(m.symbol),
            interval=interval,
            open_time=opened,
            open=m.open,
            high=m.high,
            low=m.low,
            close=m.close,
            volume=m.volume,
            trades=m.trades,
            closed=closed,  # rule 6
            first_id=None,
            last_id=None,
            ts_event=ts_event,
            ts_recv=ts_recv,
        )

    def _status(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        return [VenueCondition(m.system == "online", m.system) for m in _read_status(raw).data]

    def _instruments(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        _read_instruments(raw)
        return ()

    def _nothing(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        return ()

    # --- answers

    def _answer(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        answer = _read_answer(raw)
        if answer.method == "pong":
            return ()
        if answer.error is not None or answer.success is False:
            return (self._refused(answer),)
        if answer.method not in ("subscribe", "unsubscribe") or answer.success is UNSET:
            return (_unknown(f"method {answer.method}", raw),)
        if answer.result is UNSET:
            raise ValidationError(f"expected a result of {answer.method}, found none")
        result = _read_result(answer.result)
        stream = self._note(result, subscribed=answer.method == "subscribe")
        return (Ack(answer.req_id, (stream,), "stream"),)

    def _refused(self, answer: Answer) -> Ack | Refusal:
        """Rule 7; what is subscribed already is there, whoever asked twice."""
        depths = sorted({*DEPTHS, self._book_depth})
        streams = () if answer.symbol is None else streams_of(answer.symbol, depths)
        why = answer.error or "refused without a reason"
        if streams and why.startswith(ALREADY):
            return Ack(answer.req_id, streams, "stream")
        return Refusal(answer.req_id, None, why, streams)

    def _note(self, result: Result, *, subscribed: bool) -> str:
        """Remember what the venue took; the name of its stream."""
        symbol, depth = result.symbol, result.depth
        if symbol is not None and len(symbol) > _LONGEST_SYMBOL:
            raise ValidationError(f"expected a symbol such as BTC/USD, found {symbol[:80]!r}")
        if symbol is not None and result.channel == "book":
            depth = depth or self._books.depth_of(symbol) or self._book_depth
            if subscribed:
                self._books.subscribed(symbol, depth)
            else:
                self._books.unsubscribed(symbol)
        elif symbol is not None and result.channel == "ticker":
            self._quoting.discard(symbol)
            if subscribed and result.event_trigger == "bbo" and len(self._quoting) < MOST_BOOKS:
                self._quoting.add(symbol)
        return stream_name(result.channel, symbol, depth=depth, interval=result.interval)


def _kind_of(raw: bytes) -> str:
    """The channel of a message, or that it is an answer; empty when it is neither."""
    head = _read_head(raw)
    if head.channel is not UNSET:
        return head.channel
    return "" if head.method is UNSET and head.error is UNSET else _ANSWER


def _entries(rows: list[BookEntry]) -> list[Entry]:
    return [entry(bytes(row.price), bytes(row.qty)) for row in rows]


def _unknown(kind: str, raw: bytes) -> UnknownMessage:
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(raw))
