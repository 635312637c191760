"""The codec of version 2: wants to control messages, REST in `rest`; it reads no socket message, `connection` does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from bethna.core.errors import ConfigError, WireError
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.wire import RestEvent
from bethna.venues.kraken import rest
from bethna.venues.kraken.connection import KrakenConnection
from bethna.venues.kraken.spec import DEFAULT_DEPTH, DEPTHS, SPEC
from bethna.venues.kraken.streams import batch_of, subscribe, symbol_of, unsubscribe
from bethna.venues.kraken.symbols import NotASymbol, Symbols, wire_symbol
from bethna.venues.spec import RestRequest


class KrakenCodec:
    """Kraken spot's language. The methods' contracts are those of `bethna.venues.spec.Codec`.

    Args:
        book_depth: levels a side that `streams` wants of a book: 10, 25, 100, 500 or 1000. Whatever it is, the venue
            lets us prove ten of them.

    Raises:
        ConfigError: `book_depth` is another; the venue refuses it.
    """

    def __init__(self, book_depth: int | str = DEFAULT_DEPTH) -> None:
        choices = {str(depth): depth for depth in DEPTHS}
        depth = choices.get(str(book_depth))
        if depth is None:
            raise ConfigError(
                "book_depth",
                f"book_depth of {SPEC.name}: expected one of {', '.join(choices)}, found {str(book_depth)[:40]!r}",
                hint=f"allowed for book_depth of {SPEC.name}: {', '.join(choices)}",
            )
        self._book_depth = depth
        self._symbols = Symbols()
        self._rest = rest.RestReader(self._symbols)

    def connection(self, number: int) -> KrakenConnection:
        """The memory of a new socket: its books and what was acknowledged."""
        return KrakenConnection(self._symbols, number, self._book_depth)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take instruments; afterwards their frames carry these ids."""
        self._symbols.learn(instruments)

    def instrument(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTC/USD`, `XBT/USD`, `XBTUSD` or `XXBTZUSD`; unverified when only guessed.

        Raises WireError.
        """
        try:
            return self._symbols.by_symbol(venue_symbol)
        except NotASymbol as error:
            raise WireError(SPEC.name, str(error), venue_symbol) from error

    # --- wants -----------------------------------------------------------------------------------------------------

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        """`trade:BTC/USD`, `ticker:BTC/USD` (the day's change, best bid and ask), `book100:BTC/USD`."""
        symbol = wire_symbol(instrument)
        prices = "prices" in features
        wanted = {
            f"trade:{symbol}": prices or "trades" in features or "candles" in features,
            f"ticker:{symbol}": prices,
            f"book{self._book_depth}:{symbol}": "books" in features,
        }
        return tuple(stream for stream, needed in wanted.items() if needed)

    def stream_instrument(self, stream: str) -> InstrumentId | None:
        """Whose stream this is, None for one of all (`instrument`) or of none that we can name."""
        try:
            return self._symbols.id_of(symbol_of(stream))
        except NotASymbol:
            return None

    def batch_of(self, stream: str) -> str:
        """A control message has one channel and one depth or length: `book100` of `book100:BTC/USD`."""
        return batch_of(stream)

    def socket_path(self, streams: Sequence[str]) -> str:
        """`/v2`; nothing is subscribed in the URL."""
        del streams
        return "/v2"

    def encode_subscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":false},"req_id":1}`."""
        return subscribe(streams, request_id)

    def encode_unsubscribe(self, streams: Sequence[str], request_id: int) -> str:
        """`{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},"req_id":2}`."""
        return unsubscribe(streams, request_id)

    # --- REST ------------------------------------------------------------------------------------------------------

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of a REST answer as facts, see `rest.RestReader.decode`. Raises WireError or VenueAnswer."""
        return self._rest.decode(path, raw, ts_recv)

    def snapshot_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /0/public/Depth; at most 500 levels a side. It cannot join a socket's book."""
        return rest.depth_request(self._symbols.rest_name(instrument), limit)

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        """GET /0/public/Trades; it goes by time, so without `since` it is the newest trades."""
        del first_id, until
        return rest.trades_request(self._symbols.rest_name(instrument), limit, since)

    def recent_trades_request(self, instrument: Instrument, limit: int) -> RestRequest:
        """GET /0/public/Trades, the newest."""
        return rest.trades_request(self._symbols.rest_name(instrument), limit, None)

    def candles_request(self, instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
        """GET /0/public/OHLC of candles that open at `start` (ns UTC) or later: never more than the newest 720.

        Raises:
            ConfigError: the venue has no candles of this length.
        """
        del limit
        return rest.candles_request(self._symbols.rest_name(instrument), interval, start)

    def time_request(self) -> RestRequest:
        """GET /0/public/Time."""
        return rest.TIME_REQUEST

    def catalogue_request(self) -> RestRequest:
        """GET /0/public/AssetPairs, all pairs."""
        return rest.CATALOGUE_REQUEST
