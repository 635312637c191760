"""The codec of Coinbase Advanced Trade: socket messages to facts, wants to messages; REST is in `advanced_rest`.

Rules of decoding:

1. `market_trades.side` is the maker's, so the taker's is the other one. Arrays are newest first; facts are ascending by
   id, whatever the order of the array.
2. The trades of a snapshot are real, and the ids of the updates go on from them: they are given. So a desk that comes
   back gets what it missed without asking; what it has already are duplicates by their ids.
3. All messages of a connection are counted (`counting`). A missing one may have been of any book: every book of the
   connection is in doubt, once, and no change of it is given until its next snapshot. So the count proves that no
   change is lost (`counted`). It does not prove the snapshot, which has no number of its own and may be an old one: of
   the book nothing is proven (`proven` 0) until another snapshot agrees. What trades were lost, their ids show.
4. A message that cannot be read is an error. Where at least its channel and number can, it counts as heard, and only
   the books that it names are in doubt; where not, the next number shows that it is missing.
5. A book's time is that of the envelope. A level's own `event_time` is not read: a batch has many, and those of old
   levels are 1970. A ticker has no other time either. An envelope without a time has that of the message before it (our
   own where there is none).
6. Data of an alias carries the id under which it was asked for (`symbols`), also in the lists of answers.
7. An answer lists all that the connection has now, and names no request; unknown products are silently not in it. The
   greeting is answered like anything else, first: whoever counts answers counts that one too.
8. An error names nothing at all, and an unknown channel is called `authentication failure`.
9. Candles are of five minutes; one is closed when a later one was seen. Their trades are not counted by the venue.
10. Of a channel that we do not know, or a ticker of what never traded: UnknownMessage. Not what the protocol says:
   WireError, for any bytes at all.
11. A message with a lower number (`counting` rule 4) is too late for a book, which lives by the order: let go, as
   UnknownMessage. What else it says has ids and times of its own, and is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, assert_never

import msgspec
from msgspec import UNSET, ValidationError

from bethna.core.errors import WireError, excerpt_of
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    VenueCandle,
)
from bethna.core.wire import Ack, BookDoubt, Refusal, RestEvent, UnknownMessage, WireEvent
from bethna.venues.coinbase import advanced_rest as rest
from bethna.venues.coinbase.advanced_frames import (
    CHANNELS,
    BookEvent,
    BookFrame,
    CandleRow,
    CandlesFrame,
    Frame,
    Head,
    HeartbeatsFrame,
    SubscriptionsFrame,
    TickerFrame,
    TickerRow,
    TradeRow,
    TradesFrame,
    read_count,
    read_error,
    read_frame,
    read_head,
    read_named,
    read_text,
)
from bethna.venues.coinbase.books import SocketBooks
from bethna.venues.coinbase.counting import AFTER_LOSS, LATE, Count
from bethna.venues.coinbase.shapes import MALFORMED, TAKER, Bar, best_first, candle, positive, trade_time
from bethna.venues.coinbase.spec import ADVANCED_SPEC
from bethna.venues.coinbase.symbols import NotAProduct, Symbols
from bethna.venues.coinbase.times import instant
from bethna.venues.spec import RestRequest

HEARTBEATS: Final = "heartbeats"
CANDLE_INTERVAL: Final = "5m"
_GREETING: Final = '{"type":"subscribe","channel":"heartbeats"}'
_LONGEST_KIND = 80
_MOST_CANDLES = 4096  # products; a venue that makes up names must not fill our memory
_MISSED = "a message of the connection is missing, and nobody knows of which book"


class AdvancedConnection:
    """What one socket says; it remembers its count, its books, its candles and its newest time."""

    def __init__(self, number: int, symbols: Symbols) -> None:
        self._number = number
        self._symbols = symbols
        self._ids = symbols.ids
        self._count = Count()
        self._books = SocketBooks()
        self._candles: dict[str, int] = {}
        self._heard: int | None = None

    def greeting(self) -> Sequence[str]:
        """The subscription to heartbeats: without them quiet channels are closed after a minute or so."""
        return (_GREETING,)

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            events = self._read(raw, ts_recv)
        except MALFORMED as error:
            raise WireError(ADVANCED_SPEC.name, str(error), raw) from error  # rule 10
        if self._books.due:
            return (*self._doubts(ts_recv), *events)
        return events

    def _read(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        try:
            frame = read_frame(raw)
        except ValidationError as error:
            return self._other(raw, error)
        late = self._is_late(frame.sequence_num)
        if late and isinstance(frame, BookFrame):
            return (_unknown("out of order", raw),)  # rule 11
        try:
            return self._facts(frame, raw, ts_recv)
        except MALFORMED:
            if isinstance(frame, BookFrame):
                self._lose_named(raw)
            raise

    def _is_late(self, number: int) -> bool:
        """Count a message (rule 3)."""
        place = self._count.take(number)
        if place is AFTER_LOSS:
            self._books.lost_any(_MISSED)
        return place is LATE

    def _other(self, raw: bytes, error: ValidationError) -> Sequence[WireEvent]:
        """A message that no shape reads: an error, of an unknown channel, or broken (rules 4, 8 and 10)."""
        head = read_head(raw)
        if head.channel is UNSET:
            return (self._error(head, raw),)
        channel = read_text(head.channel)
        if head.sequence_num is not UNSET:
            late = self._is_late(read_count(head.sequence_num))
            if channel == "l2_data" and not late:
                self._lose_named(raw)
        if channel in CHANNELS:
            raise error
        return (_unknown(channel, raw),)

    def _error(self, head: Head, raw: bytes) -> WireEvent:
        kind = "" if head.type is UNSET else read_text(head.type)
        if kind != "error":
            return _unknown(kind, raw)
        return Refusal(None, None, read_error(raw).message)

    def _lose_named(self, raw: bytes) -> None:
        """Rule 4."""
        reason = "a message of the book cannot be read"
        try:
            named = read_named(raw)
        except MALFORMED:
            self._books.lost_any(reason)
            return
        for event in named.events:
            self._books.lost(event.product_id, reason)

    def _facts(self, frame: Frame, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        match frame:
            case BookFrame():
                ts = self._time(frame.timestamp, ts_recv)
                return [fact for event in frame.events for fact in self._book(event, ts, ts_recv)]
            case TradesFrame():
                return self._trades(frame, ts_recv)
            case TickerFrame():  # and TickerBatchFrame
                ts = self._time(frame.timestamp, ts_recv)
                rows = [row for event in frame.events for row in event.tickers]
                return [fact for row in rows for fact in self._ticker(row, raw, ts, ts_recv)]
            case CandlesFrame():
                ts = self._time(frame.timestamp, ts_recv)
                return self._candle_facts(
                    [row for event in frame.events for row in event.candles], ts, ts_recv
                )
            case SubscriptionsFrame():
                return (self._ack(frame),)
            case HeartbeatsFrame():
                return ()
            case _:
                assert_never(frame)

    def _book(self, event: BookEvent, ts: int, ts_recv: int) -> Sequence[BookSnapshot | BookDelta]:
        product, changes, number = event.product_id, event.updates, self._number
        names = self._ids(product)
        bids = [(each.price_level, each.new_quantity) for each in changes if each.side == "bid"]
        asks = [(each.price_level, each.new_quantity) for each in changes if each.side == "offer"]
        if event.type == "snapshot":
            bids, asks = best_first(bids, asks)
            self._books.begin(product)
            limit = max(len(bids), len(asks)) + 1
            return [
                BookSnapshot(
                    name, UNNUMBERED, bids, asks, ts_recv, limit,
                    ts_event=ts, epoch=number, proven=0, counted=True,
                )
                for name in names
            ]  # fmt: skip
        if not self._books.believed(product):
            return ()
        return [BookDelta(name, UNNUMBERED, UNNUMBERED, bids, asks, ts, ts_recv, number) for name in names]

    def _trades(self, frame: TradesFrame, ts_recv: int) -> list[Trade]:
        """Rules 1 and 2."""
        rows = [row for event in frame.events for row in event.trades]
        rows.sort(key=_trade_id)
        return [
            Trade(name, row.price, row.size, TAKER[row.side], row.trade_id, trade_time(row.time), ts_recv)
            for row in rows
            for name in self._ids(row.product_id)
        ]

    def _ticker(self, row: TickerRow, raw: bytes, ts: int, ts_recv: int) -> Sequence[WireEvent]:
        names = self._ids(row.product_id)
        if not row.price:
            return (_unknown("ticker of a product without trades", raw),)  # rule 10
        bid, ask = positive(row.best_bid), positive(row.best_ask)
        bid_size, ask_size = row.best_bid_quantity, row.best_ask_quantity
        facts: list[WireEvent] = []
        for name in names:
            facts.append(
                Ticker(
                    name, row.price, None, positive(row.high_24_h), positive(row.low_24_h), row.volume_24_h,
                    None, row.price_percent_chg_24_h, bid, ask, None, ts, ts_recv,
                )
            )  # fmt: skip
            if bid and ask and bid_size is not None and ask_size is not None:
                facts.append(Quote(name, bid, bid_size, ask, ask_size, None, ts, ts_recv))
        return facts

    def _candle_facts(self, rows: list[CandleRow], ts: int, ts_recv: int) -> list[VenueCandle]:
        """Rule 9."""
        newest = self._candles
        for row in rows:
            if row.product_id not in newest and len(newest) >= _MOST_CANDLES:
                newest.clear()
            newest[row.product_id] = max(row.start, newest.get(row.product_id, 0))
        return [
            candle(
                name, CANDLE_INTERVAL, Bar(row.start, row.open, row.high, row.low, row.close, row.volume),
                closed=row.start < newest.get(row.product_id, 0), ts_event=ts, ts_recv=ts_recv,
            )
            for row in sorted(rows, key=_start) for name in self._ids(row.product_id)
        ]  # fmt: skip

    def _ack(self, frame: SubscriptionsFrame) -> Ack:
        """Rules 6 and 7."""
        listed: list[str] = []
        for event in frame.events:
            for channel, products in event.subscriptions.items():
                if channel == HEARTBEATS:
                    listed.append(HEARTBEATS)
                    continue
                for product in products or ():
                    names = (product, *self._symbols.aliases(product))
                    listed += [f"{channel}:{name}" for name in names]
        return Ack(None, tuple(listed), "connection")

    def _time(self, text: str, ts_recv: int) -> int:
        """Rule 5."""
        ts = instant(text)
        if ts is None:
            return ts_recv if self._heard is None else self._heard
        self._heard = ts
        return ts

    def _doubts(self, ts_recv: int) -> list[BookDoubt]:
        return [
            BookDoubt(name, reason, ts_recv, self._number)
            for product, reason in self._books.take_due().items()
            for name in self._ids(product)
        ]


class AdvancedCodec:
    """Coinbase Advanced Trade's language. The methods' contracts are those of `bethna.venues.spec.Codec`."""

    def __init__(self) -> None:
        self._symbols = Symbols()
        self._rest = rest.AdvancedRest(self._symbols)

    def connection(self, number: int) -> AdvancedConnection:
        """The memory of a new socket."""
        return AdvancedConnection(number, self._symbols)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; afterwards their frames carry these ids."""
        self._symbols.learn(instruments)

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTC-USD`; unverified when only guessed. Raises WireError."""
        try:
            return self._symbols.by_product(venue_symbol)
        except NotAProduct as error:
            raise WireError(ADVANCED_SPEC.name, str(error), venue_symbol) from error

    # --- wants -----------------------------------------------------------------------------------------------------

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """Trades, book changes, and the 24 hours with the best bid and ask."""
        product = instrument.venue_symbol
        prices = "prices" in features
        wanted = {
            f"market_trades:{product}": prices or "trades" in features or "candles" in features,
            f"level2:{product}": "books" in features,
            f"ticker:{product}": prices,
        }
        return tuple(stream for stream, needed in wanted.items() if needed)

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose `level2:BTC-USD` is, None for `heartbeats` and for what we cannot name."""
        try:
            return self._symbols.by_product(stream.partition(":")[2]).id
        except NotAProduct:
            return None

    def batch_of(self, stream: str) -> str:
        """One channel a message."""
        return stream.partition(":")[0]

    def socket_path(self, streams: Sequence[str]) -> str:
        """Nothing is subscribed by the URL."""
        del streams
        return "/"

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"type":"subscribe","channel":"level2","product_ids":["BTC-USD"]}`; it carries no id (rule 6)."""
        del request_id
        for stream in streams:
            channel, _, product = stream.partition(":")
            self._symbols.asked(product, channel)
        return _control("subscribe", streams)

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"type":"unsubscribe","channel":"level2","product_ids":["BTC-USD"]}`."""
        del request_id
        for stream in streams:
            channel, _, product = stream.partition(":")
            self._symbols.let_go(product, channel)
        return _control("unsubscribe", streams)

    # --- REST ------------------------------------------------------------------------------------------------------

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET market/product_book."""
        return rest.book_request(instrument, limit)

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """GET market/products/BTC-USD/ticker: the venue has no way to ask by id.

        Without `until` the newest trades, else those of the span; without `since` it begins SPAN_NS before.
        """
        del first_id, limit
        return rest.trades_request(instrument, since, until)

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET market/products/BTC-USD/ticker."""
        return rest.recent_trades_request(instrument, limit)

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """GET market/products/BTC-USD/candles of candles that open at `start` (ns UTC) or later.

        Raises ConfigError for a length that the venue does not have.
        """
        return rest.candles_request(instrument, interval, start, limit)

    def time_request(self) -> RestRequest:
        """GET time."""
        return rest.TIME_REQUEST

    def catalogue_request(self) -> RestRequest:
        """GET market/products, all spot products."""
        return rest.CATALOGUE_REQUEST


def _trade_id(row: TradeRow) -> int:
    return row.trade_id


def _start(row: CandleRow) -> int:
    return row.start


def _unknown(kind: str, raw: bytes) -> UnknownMessage:
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(raw))


def _control(kind: str, streams: Sequence[str]) -> str:
    channel = streams[0].partition(":")[0] if streams else HEARTBEATS
    products = [product for stream in streams if (product := stream.partition(":")[2])]
    message: dict[str, object] = {"type": kind, "channel": channel}
    if products:
        message["product_ids"] = products
    return msgspec.json.encode(message).decode()
