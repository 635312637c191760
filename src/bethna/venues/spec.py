"""The seam between a venue and the rest of the house: what a venue is (Spec) and how it speaks (Codec)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from bethna.core.bars import CandleRules
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.wire import RestEvent, WireEvent


class StreamHost(Struct, frozen=True, gc=False):
    """A place that serves the venue: where its sockets and its REST calls go.

    Attributes:
        ws, rest: base URLs without a trailing slash (`wss://stream.example.com:9443`, `https://api.example.com`).
        data_only: it serves public market data, maybe fewer endpoints.
    """

    name: str
    ws: str
    rest: str
    data_only: bool = False


class VenueSpec(Struct, frozen=True, gc=False):
    """A venue's rules, as its protocol sheet states them.

    Attributes:
        hosts: in order of preference; the next is tried when one is unreachable or geo-blocked.
        max_streams: streams a socket may carry. url_streams: how many of them may stand in the URL.
        messages_per_s: control messages a second and socket that we allow ourselves (below the venue's limit).
        connects_per_window, connect_window_s: connection attempts per address that we allow ourselves.
        max_life_s: the venue cuts a socket after this; we rotate `rotate_before_s` earlier.
        ping_timeout_s: the venue pings at least this often (silence beyond is a dead socket); None if it never does.
        weight_per_minute: REST request weight until the venue's own figure is known.
        requests_at_once, requests_window_s: so many requests in any window of this length, whatever the minute has
            left; 0 where only the minute counts.
        blocked_statuses: HTTP statuses that mean `not from here`: try the next host.
        price_decimals, quantity_decimals: digits of the padded text on the wire.
        weight_header: lower-case name of the REST header with the weight used in this minute, None where there is none.
        chained_books: every book update names the one before it; ids may jump.
        pushed_books: a book begins with a snapshot on the socket, and only another one, subscribed anew, can mend it.
        candles: its own candles by request, of the intervals whose openings are ours.
        trades_by_span: its trades of before are asked for by a span of time, not from an id or a time on.
        ordered_answers: answers to control messages name no request; then only one is in the air at a time.
    """

    name: str
    hosts: tuple[StreamHost, ...]
    max_streams: int
    url_streams: int
    messages_per_s: float
    connects_per_window: int
    connect_window_s: float
    max_life_s: float
    rotate_before_s: float
    ping_timeout_s: float | None
    weight_per_minute: int
    blocked_statuses: tuple[int, ...]
    quantity_decimals: int
    candles: CandleRules
    requests_at_once: int = 0
    requests_window_s: float = 1.0
    aliases: tuple[str, ...] = ()
    weight_header: str | None = None
    chained_books: bool = False
    pushed_books: bool = False
    trades_by_span: bool = False
    ordered_answers: bool = False


class RestRequest(Struct, frozen=True, gc=False):
    """A GET that the quota keeper must allow first: `path` with its query (both safe to show), and its weight."""

    path: str
    weight: int


class Connection(Protocol):
    """What one socket says: bytes to facts, with what must be remembered of this socket to understand the next ones.

    `decode` raises WireError (or, for an error body, VenueAnswer) and nothing else, whatever bytes it is given. It
    remembers no more than a bounded amount, whatever the venue says.
    """

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        """One socket message as facts, in the order the venue gave them."""
        ...

    def greeting(self) -> Sequence[str]:
        """What is said first on a new socket, before anything is subscribed."""
        ...


class Codec(Protocol):
    """A venue's language; stateful only in the symbols it has learned.

    `decode_http` raises WireError (or, for an error body, VenueAnswer) and nothing else, whatever bytes it is given.
    """

    def connection(self, number: int) -> Connection:
        """The memory of a new socket; its unnumbered updates carry `number` (at least 1) as their epoch."""
        ...

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments from a catalogue or from wants; afterwards their frames carry these ids."""
        ...

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind the venue's spelling; unverified when only guessed. Raises WireError."""
        ...

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer to `path` (query included; scheme and host are ignored) as facts."""
        ...

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """The stream names that the desk's feed of one instrument needs for these features."""
        ...

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose stream this is, None for a stream of all or none."""
        ...

    def batch_of(self, stream: str) -> str:
        """Streams of one word may stand together in a control message."""
        ...

    def socket_path(self, streams: Sequence[str]) -> str:
        """Path and query of a socket that starts with `streams` (may be none)."""
        ...

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """The control message that adds streams."""
        ...

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """The control message that removes streams."""
        ...

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """The book of one instrument."""
        ...

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """Trades from `first_id` on, ascending; ids as the subscribed trade stream counts them.

        Args:
            since, until: ns UTC by the venue's clock of trades before the first and after the last that is wanted,
                where they are known; for venues whose history goes by time.
        """
        ...

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """The newest trades, ascending, ids as above; for hosts that do not serve them from an id on."""
        ...

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """The venue's own candles from `start` (ns UTC) on."""
        ...

    def time_request(self) -> RestRequest:
        """The venue's clock."""
        ...

    def catalogue_request(self) -> RestRequest:
        """The venue's instruments."""
        ...
