"""The codec of Coinbase Exchange: socket messages to facts and wants to control messages; REST is in `exchange_rest`.

Rules of decoding:

1. `match.side` is the maker's, so the taker's is the other one. `ticker.side` is the taker's and says nothing new: a
   ticker gives no trade.
2. `last_match` is the newest trade at the moment of subscribing, and the next `match` has the id after it: it is given
   as the trade that it is. So a desk that begins knows a price, and one that comes back sees by its id what it missed.
   When nothing was missed it is a duplicate by its id, and whoever counts ids drops it.
3. `changes` have no numbers: they follow each other by the order of the connection. Nothing proves them (`proven` 0);
   times that run back disprove them.
4. A change or a snapshot that cannot be read is an error, and lost to its book: the next frame brings a BookDoubt, and
   until there is another snapshot no change of that book is given. So with the sizes such as `0.-10000` that were seen
   in 2021: what they meant to say is not known, and a level of unknown size must not stand in a book.
   A text that does not even name a book says nothing of one.
5. A message without a time, or with the year 0001, as seen in 2021: a change of the book is true all the same and has
   the time of the message before it on this socket (our own where there is none). A trade is refused, see
   `shapes.trade_time`.
6. `heartbeat.last_trade_id` counts like `match.trade_id`; `sequence` counts the messages of another channel and says
   nothing here.
7. An answer lists all that the connection has now, and names no request. `level2_batch` is answered as `level2_50`.
   An error that names a product refuses that product alone; the answer for the others follows.
8. Of a kind that we do not know (single orders of `full`: received, open, done, change, activate; status; auctions), or
   a ticker of what never traded: UnknownMessage. Not what the protocol says: WireError, for any bytes at all.
"""

from __future__ import annotations

import re
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
    LastTrade,
    Quote,
    Ticker,
    Trade,
)
from bethna.core.wire import Ack, BookDoubt, Refusal, RestEvent, UnknownMessage, WireEvent
from bethna.venues.coinbase import exchange_rest as rest
from bethna.venues.coinbase.books import SocketBooks
from bethna.venues.coinbase.exchange_frames import (
    KINDS,
    ErrorFrame,
    Frame,
    HeartbeatFrame,
    LastMatchFrame,
    MatchFrame,
    SnapshotFrame,
    SubscriptionsFrame,
    TickerFrame,
    UpdateFrame,
    read_frame,
    read_head,
    read_text,
    sides,
)
from bethna.venues.coinbase.shapes import MALFORMED, TAKER, best_first, positive, trade_time
from bethna.venues.coinbase.spec import SPEC
from bethna.venues.coinbase.symbols import NotAProduct, Symbols, is_product
from bethna.venues.coinbase.times import instant
from bethna.venues.spec import RestRequest

CHANNELS: Final = ("matches", "level2_batch", "ticker", "heartbeat")
_ANSWERED_AS: Final = {"level2_50": "level2_batch"}  # rule 7
_LONGEST_KIND = 80
_OF_A_BOOK = re.compile(rb'"type"\s*:\s*"(?:l2update|snapshot)"')
_PRODUCT_ID = re.compile(rb'"product_id"\s*:\s*"([A-Z0-9-]{1,64})"')
_NAMES_A_PRODUCT = re.compile(r"(\S{1,64}) is (?:not a valid product|delisted)")


class ExchangeConnection:
    """What one socket says; it remembers its books and its newest time."""

    def __init__(self, number: int, symbols: Symbols) -> None:
        self._number = number
        self._by_product = symbols.by_product
        self._books = SocketBooks()
        self._heard: int | None = None

    def greeting(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them. Raises WireError."""
        try:
            events = self._read(raw, ts_recv)
        except MALFORMED as error:
            self._note_loss(raw, str(error))
            raise WireError(SPEC.name, str(error), raw) from error  # rule 8
        if self._books.due:
            return (*self._doubts(ts_recv), *events)
        return events

    def _read(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        try:
            frame: Frame = read_frame(raw)
        except ValidationError:
            return (_unknown(_kind_of(raw), raw),)
        match frame:
            case UpdateFrame():
                return self._update(frame, ts_recv)
            case MatchFrame():  # and LastMatchFrame, rule 2
                return (self._trade(frame, ts_recv),)
            case TickerFrame():
                return self._ticker(frame, raw, ts_recv)
            case HeartbeatFrame():
                name = self._by_product(frame.product_id).id
                ts = self._time(frame.time, ts_recv)
                return (LastTrade(name, frame.last_trade_id, ts, ts_recv),)  # rule 6
            case SnapshotFrame():
                return (self._snapshot(frame, ts_recv),)
            case SubscriptionsFrame():
                return (_ack(frame),)
            case ErrorFrame():
                return (_refusal(frame),)
            case _:
                assert_never(frame)

    def _update(self, frame: UpdateFrame, ts_recv: int) -> Sequence[WireEvent]:
        name = self._by_product(frame.product_id).id
        ts = self._time(frame.time, ts_recv)
        if not self._books.believed(frame.product_id):
            return ()
        told = None if frame.time is None else instant(frame.time)
        if told is not None and not self._books.in_order(frame.product_id, told):
            return ()  # rule 3: the doubt of it is told by `decode`
        bids, asks = sides(frame.changes)
        return (BookDelta(name, UNNUMBERED, UNNUMBERED, bids, asks, ts, ts_recv, self._number),)  # rule 3

    def _snapshot(self, frame: SnapshotFrame, ts_recv: int) -> BookSnapshot:
        name = self._by_product(frame.product_id).id
        bids, asks = best_first(frame.bids, frame.asks)
        ts = instant(frame.time) if frame.time else None
        self._books.begin(frame.product_id)
        return BookSnapshot(
            name, UNNUMBERED, bids, asks, ts_recv, max(len(bids), len(asks)) + 1,
            ts_event=ts, epoch=self._number, proven=0,
        )  # fmt: skip

    def _trade(self, frame: MatchFrame | LastMatchFrame, ts_recv: int) -> Trade:
        self._heard = ts = trade_time(frame.time)  # rule 5
        name = self._by_product(frame.product_id).id
        return Trade(name, frame.price, frame.size, TAKER[frame.side], frame.trade_id, ts, ts_recv)  # rule 1

    def _ticker(self, frame: TickerFrame, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        name = self._by_product(frame.product_id).id
        ts = self._time(frame.time, ts_recv)
        if not frame.price:
            return (_unknown("ticker of a product without trades", raw),)  # rule 8
        bid, ask = positive(frame.best_bid), positive(frame.best_ask)
        ticker = Ticker(
            name, frame.price, positive(frame.open_24h), positive(frame.high_24h), positive(frame.low_24h),
            frame.volume_24h, None, None, bid, ask, None, ts, ts_recv, frame.trade_id,
        )  # fmt: skip
        if bid and ask and frame.best_bid_size is not None and frame.best_ask_size is not None:
            quote = Quote(name, bid, frame.best_bid_size, ask, frame.best_ask_size, None, ts, ts_recv)
            return (ticker, quote)
        return (ticker,)

    def _time(self, text: str | None, ts_recv: int) -> int:
        """Rule 5."""
        ts = None if text is None else instant(text)
        if ts is None:
            return ts_recv if self._heard is None else self._heard
        self._heard = ts
        return ts

    def _note_loss(self, raw: bytes, reason: str) -> None:
        """Rule 4."""
        product = _PRODUCT_ID.search(raw)
        if product is not None and _OF_A_BOOK.search(raw) is not None:
            self._books.lost(
                product[1].decode("ascii"), f"a message of the book cannot be read: {reason}"[:200]
            )

    def _doubts(self, ts_recv: int) -> list[BookDoubt]:
        return [
            BookDoubt(self._by_product(product).id, reason, ts_recv, self._number)
            for product, reason in self._books.take_due().items()
        ]


class ExchangeCodec:
    """Coinbase Exchange's language. The methods' contracts are those of `bethna.venues.spec.Codec`."""

    def __init__(self) -> None:
        self._symbols = Symbols()
        self._rest = rest.ExchangeRest(self._symbols)

    def connection(self, number: int) -> ExchangeConnection:
        """The memory of a new socket."""
        return ExchangeConnection(number, self._symbols)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; afterwards their frames carry these ids."""
        self._symbols.learn(instruments)

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTC-USD`; unverified when only guessed. Raises WireError."""
        try:
            return self._symbols.by_product(venue_symbol)
        except NotAProduct as error:
            raise WireError(SPEC.name, str(error), venue_symbol) from error

    # --- wants -----------------------------------------------------------------------------------------------------

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """Trades with the heartbeat that names the newest, book changes, and the 24 hours with the best bid and ask."""
        product = instrument.venue_symbol
        prices = "prices" in features
        trades = prices or "trades" in features or "candles" in features
        wanted = {
            f"matches:{product}": trades,
            f"level2_batch:{product}": "books" in features,
            f"ticker:{product}": prices,
            f"heartbeat:{product}": trades or "books" in features,  # a quiet book is heard to be alive
        }
        return tuple(stream for stream, needed in wanted.items() if needed)

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose `matches:BTC-USD` is, None for a stream of all or of none that we can name."""
        try:
            return self._symbols.by_product(stream.partition(":")[2]).id
        except NotAProduct:
            return None

    def batch_of(self, stream: str) -> str:
        """Streams of any channel stand together."""
        del stream
        return ""

    def socket_path(self, streams: Sequence[str]) -> str:
        """Nothing is subscribed by the URL."""
        del streams
        return "/"

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"type":"subscribe","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}`; it carries no id."""
        del request_id
        return _control("subscribe", streams)

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"type":"unsubscribe","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}`."""
        del request_id
        return _control("unsubscribe", streams)

    # --- REST ------------------------------------------------------------------------------------------------------

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /products/BTC-USD/book?level=2, always the whole book."""
        del limit
        return rest.book_request(instrument)

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """GET /products/BTC-USD/trades?after=, which goes by id."""
        del since, until
        return rest.trades_request(instrument, first_id, limit)

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /products/BTC-USD/trades."""
        return rest.recent_trades_request(instrument, limit)

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """GET /products/BTC-USD/candles of candles that open at `start` (ns UTC) or later.

        Raises ConfigError for a length that the venue does not have.
        """
        return rest.candles_request(instrument, interval, start, limit)

    def time_request(self) -> RestRequest:
        """GET /time."""
        return rest.TIME_REQUEST

    def catalogue_request(self) -> RestRequest:
        """GET /products."""
        return rest.CATALOGUE_REQUEST


def _kind_of(raw: bytes) -> str:
    """The kind of a message that no shape reads, empty where it says none; raises what is wrong with a known one."""
    head = read_head(raw)
    kind = "" if head.type is UNSET else read_text(head.type)
    if kind in KINDS:
        read_frame(raw)
    return kind


def _unknown(kind: str, raw: bytes) -> UnknownMessage:
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(raw))


def _ack(frame: SubscriptionsFrame) -> Ack:
    """Rule 7."""
    listed = tuple(
        f"{_ANSWERED_AS.get(channel.name, channel.name)}:{product}"
        for channel in frame.channels
        for product in channel.product_ids or ()
    )
    return Ack(None, listed, "connection")


def _refusal(frame: ErrorFrame) -> Refusal:
    """Rule 7."""
    message = f"{frame.message}: {frame.reason}" if frame.reason else frame.message
    named = _NAMES_A_PRODUCT.match(frame.reason or "")
    streams = tuple(f"{channel}:{named[1]}" for channel in CHANNELS) if named and is_product(named[1]) else ()
    return Refusal(None, None, message, streams)


def _control(kind: str, streams: Sequence[str]) -> str:
    channels: dict[str, list[str]] = {}
    for stream in streams:
        channel, _, product = stream.partition(":")
        channels.setdefault(channel, []).append(product)
    listed = [{"name": name, "product_ids": products} for name, products in channels.items()]
    return msgspec.json.encode({"type": kind, "channels": listed}).decode()
