"""Deribit's public REST methods: what to ask for and what the answers say; it sends nothing and waits for nothing.

Rules
  1. A body that holds `error` is the venue's answer whatever its HTTP status is (400 for all of them): VenueAnswer.
  2. A book's `change_id` is of the count that the stream goes by, so the book joins it.
  3. A page of trades is ascending by `trade_seq`, whatever order it was asked or answered in.
  4. The chart comes in columns of one length. Minutes in which nothing traded are there, flat and without volume.
     `no_data` is an empty page. How many trades a candle holds is not said: `trades` is 0.
  5. The catalogue holds what can be followed: perpetuals, futures, options, spot pairs, and the indices by which they
     are priced, which the venue does not list (a volatility index only of `VOLATILE`). Combos are told one by one as
     UnknownMessage, and so is what cannot be read; neither takes the others along.
  6. `tick_size` is the smallest step of a price; above the prices of `tick_size_steps` it is larger. The step of a
     quantity is the smaller one of a contract and the least amount: an option's contract is 1, and 0.1 is traded.
  7. Perpetuals and spot pairs end in the year 3000, which is never (and beyond 64 bits of nanoseconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import parse_qs, quote, urlsplit

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import ConfigError, VenueAnswer, WireError, cut, excerpt_of
from bethna.core.instrument import Instrument
from bethna.core.market import BookSnapshot, CandlePage, TradePage, VenueCandle
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.deribit import spec
from bethna.venues.deribit.frames import (
    MALFORMED,
    MAX_INT,
    Amount,
    Answer,
    AnyTime,
    ErrorBody,
    ErrorReason,
    GroupedBookFrame,
    Price,
    Time,
    TradeRow,
)
from bethna.venues.deribit.routes import RESOLUTIONS, ascending, sides, trade_of
from bethna.venues.deribit.symbols import (
    NotASymbol,
    Symbols,
    counts_in_quote,
    index_of,
    read_name,
    venue_symbol_of,
)
from bethna.venues.spec import RestRequest

# The last candle of a page may still be open, and the only clock at hand is the host's, which may be seconds off. A
# closed candle taken for open is asked for again; an open one taken for closed would be a false figure.
CLOSED_MARGIN_NS: Final = 10 * NS_PER_S
MINUTES: Final = {word: 1440 if word == "1D" else int(word) for word in RESOLUTIONS}
LENGTHS: Final = {length: word for word, length in RESOLUTIONS.items()}
"""Our words of the lengths of candles that the venue has, with its own; four hours are not among them."""
VOLATILE: Final = ("btc_usd", "eth_usd")
"""The indices of which there is a volatility index."""
COMBOS: Final = ("future_combo", "option_combo")
MINUTE_NS: Final = 60 * NS_PER_S


class TradesBody(Struct, gc=False):
    """{"trades":[...],"has_more":true}."""

    trades: list[TradeRow]


class ChartBody(Struct, gc=False):
    """{"status":"ok","ticks":[...],"open":[...],"high":[...],"low":[...],"close":[...],"volume":[...],"cost":[...]}."""

    status: Literal["ok", "no_data"]
    ticks: list[Time] = []
    open: list[Price] = []
    high: list[Price] = []
    low: list[Price] = []
    close: list[Price] = []
    volume: list[Amount] = []
    cost: list[Amount] = []


class KindBody(Struct, gc=False):
    """What an instrument is, read before the rest."""

    kind: str


class InstrumentBody(Struct, gc=False):
    """One of get_instruments.

    {"state":"open","price_index":"btc_usd","kind":"option","instrument_name":"BTC-15SEP26-77000-C",
     "instrument_type":"reversed","expiration_timestamp":1789459200000,"is_active":true,"contract_size":1.0,
     "tick_size":0.0001,"strike":77000.0,"counter_currency":"USD","option_type":"call","min_trade_amount":0.1,
     "settlement_currency":"BTC","settlement_period":"day","base_currency":"BTC","quote_currency":"BTC",
     "tick_size_steps":[{"tick_size":0.0005,"above_price":0.005}]}
    """

    kind: Literal["option", "future", "spot"]
    instrument_name: str
    is_active: bool
    tick_size: Price
    min_trade_amount: Price
    expiration_timestamp: AnyTime
    contract_size: Price | None = None
    strike: Price | None = None
    state: str | None = None
    price_index: str | None = None
    instrument_type: str | None = None
    settlement_currency: str | None = None


class MaybeError(Struct, gc=False):
    """Whether a body is an error's, which may stand in the place of any answer."""

    error: Raw | UnsetType = UNSET


_read_maybe_error: Final = Decoder(MaybeError).decode
_read_error: Final = Decoder(ErrorBody).decode
_read_reason: Final = Decoder(ErrorReason).decode
_read_book: Final = Decoder(Answer[GroupedBookFrame]).decode
_read_trades: Final = Decoder(Answer[TradesBody]).decode
_read_chart: Final = Decoder(Answer[ChartBody]).decode
_read_time: Final = Decoder(Answer[Time]).decode
_read_catalogue: Final = Decoder(Answer[list[Raw]]).decode
_read_kind: Final = Decoder(KindBody).decode
_read_instrument: Final = Decoder(InstrumentBody).decode

_ROOT: Final = "/api/v2/public/"
TIME_REQUEST: Final = RestRequest(f"{_ROOT}get_time", spec.WEIGHT)
CATALOGUE_REQUEST: Final = RestRequest(
    f"{_ROOT}get_instruments?currency=any&expired=false", spec.WEIGHT_CATALOGUE
)


def book_request(instrument: Instrument, limit: int) -> RestRequest:
    """The book; of the depths that the venue knows, the least one that has `limit` levels a side, or the largest."""
    depth = next((each for each in spec.BOOK_DEPTHS if each >= limit), spec.BOOK_DEPTHS[-1])
    return _ask("get_order_book", instrument, f"depth={depth}")


def trades_request(instrument: Instrument, first_id: int, limit: int) -> RestRequest:
    """Trades from one `trade_seq` on."""
    count = _at_most(limit, spec.MAX_TRADES)
    query = f"start_seq={first_id}&end_seq={first_id + count - 1}&count={count}&sorting=asc"
    return _ask("get_last_trades_by_instrument", instrument, query)


def recent_trades_request(instrument: Instrument, limit: int) -> RestRequest:
    """The newest trades: sorted the other way round they would be the oldest."""
    query = f"count={_at_most(limit, spec.MAX_TRADES)}&sorting=desc"
    return _ask("get_last_trades_by_instrument", instrument, query)


def candles_request(instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
    """Candles that open at `start` (ns UTC) or later. Raises ConfigError for a length that the venue does not have."""
    resolution = LENGTHS.get(interval, interval)
    if resolution not in RESOLUTIONS:
        choices = ", ".join(LENGTHS)
        raise ConfigError(
            "interval",
            f"candles of {spec.SPEC.name}: expected one of {choices}, found {cut(interval)!r}",
            hint=f"allowed: {choices}",
        )
    first = -(-start // NS_PER_MS)
    last = first + _at_most(limit, spec.MAX_CANDLES) * MINUTES[resolution] * 60_000 - 1
    query = f"start_timestamp={first}&end_timestamp={last}&resolution={resolution}"
    return _ask("get_tradingview_chart_data", instrument, query)


def words_of(error: ErrorBody) -> str:
    """An error's message with the reason that stands beside it: `Invalid params: value must be >= 10 (interval)`."""
    try:
        found = ErrorReason() if error.data is UNSET else _read_reason(error.data)
    except MALFORMED:  # it may be anything, and is only told
        found = ErrorReason()
    reason = f": {found.reason}" if found.reason else ""
    param = f" ({found.param})" if found.param else ""
    return f"{error.message}{reason}{param}"


def _ask(method: str, instrument: Instrument, query: str) -> RestRequest:
    name = quote(venue_symbol_of(instrument), safe="")
    return RestRequest(f"{_ROOT}{method}?instrument_name={name}&{query}", spec.WEIGHT)


def _at_most(limit: int, most: int) -> int:
    return min(max(limit, 1), most)


class Asked(Struct, gc=False):
    """What was asked: the last part of the path, and its query."""

    method: str
    query: dict[str, list[str]]

    def value(self, name: str) -> str:
        """One value of the query. Raises ValidationError when it is not there."""
        values = self.query.get(name)
        if not values:
            raise ValidationError(f"expected {name}= in the query of {self.method[:80]}, found none")
        return values[0]


class RestReader:
    """Reads answers; `symbols` says whose they are."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._readers: Mapping[str, Callable[[Asked, bytes, int], Sequence[RestEvent]]] = {
            "get_order_book": self._book,
            "get_last_trades_by_instrument": self._trades,
            "get_last_trades_by_instrument_and_time": self._trades,
            "get_tradingview_chart_data": self._chart,
            "get_time": _time,
            "get_instruments": _catalogue,
        }

    def decode(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of the answer to `path` as facts; scheme and host of `path` do not matter.

        Whether the last candle of a page is closed is judged by `ts_recv`, so hand in the venue's time where the
        offset of the host's clock is known.

        Raises:
            VenueAnswer: the body is an error of the venue (`venue_code` theirs; `status` 429 or 503 where that says
                nothing of the request, else 0: the body does not say).
            WireError: anything else that is not the protocol.
        """
        try:
            asked = _asked(path)
            found = _read_maybe_error(raw)
            if found.error is not UNSET:  # rule 1
                error = _read_error(found.error)
                raise VenueAnswer(
                    spec.SPEC.name, _status_of(error.code), words_of(error), venue_code=error.code
                )
            reader = self._readers.get(asked.method)
            if reader is None:
                return (UnknownMessage(asked.method[:80], excerpt_of(raw)),)
            return reader(asked, raw, ts_recv)
        except MALFORMED as error:
            raise WireError(spec.SPEC.name, str(error), raw) from error

    def _instrument(self, asked: Asked) -> Instrument:
        return self._symbols.by_symbol(asked.value("instrument_name"))

    def _book(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """Rule 2."""
        instrument, body = self._instrument(asked), _read_book(raw).result
        _same(asked, body.instrument_name)
        bids, asks = sides(body.bids, body.asks)
        depth = _depth_asked(asked)
        ts_event = body.timestamp * NS_PER_MS
        return (BookSnapshot(instrument.id, body.change_id, bids, asks, ts_recv, depth, ts_event=ts_event),)

    def _trades(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """Rule 3."""
        name, rows = self._instrument(asked).id, _read_trades(raw).result.trades
        for row in rows:
            _same(asked, row.instrument_name)
        trades = ascending([trade_of(row, name=name, ts_recv=ts_recv) for row in rows])
        _strictly("trade_seq", [trade.trade_id for trade in trades])
        return (TradePage(name, trades),)

    def _chart(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """Rule 4."""
        instrument, resolution = self._instrument(asked), asked.value("resolution")
        if resolution not in RESOLUTIONS:
            raise ValidationError(f"expected a resolution of the venue, found {resolution[:80]!r}")
        body = _read_chart(raw).result
        by_quote = counts_in_quote(instrument)
        columns = (body.ticks, body.open, body.high, body.low, body.close, body.volume, body.cost)
        lengths = {len(column) for column in columns}
        if len(lengths) > 1:
            raise ValidationError(f"expected columns of one length, found {sorted(lengths)}")
        _strictly("tick", body.ticks)
        length_ns, last = MINUTES[resolution] * MINUTE_NS, len(body.ticks) - 1
        candles = [
            VenueCandle(
                instrument=instrument.id,
                interval=RESOLUTIONS[resolution],
                open_time=tick * NS_PER_MS,
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=cost if by_quote else volume,
                trades=None,
                closed=at < last or tick * NS_PER_MS + length_ns + CLOSED_MARGIN_NS < ts_recv,
                first_id=None,
                last_id=None,
                ts_event=None,
                ts_recv=ts_recv,
            )
            for at, (tick, opened, high, low, close, volume, cost) in enumerate(zip(*columns, strict=True))
        ]
        return (CandlePage(instrument.id, candles),)


def _time(asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
    del asked, ts_recv
    return (ServerTime(_read_time(raw).result * NS_PER_MS),)


def _catalogue(asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
    """Rule 5."""
    del asked, ts_recv
    instruments: list[Instrument] = []
    indices: dict[str, None] = {}
    unread: list[RestEvent] = []
    for item in _read_catalogue(raw).result:
        try:
            kind = _read_kind(item).kind
            if kind in COMBOS:
                unread.append(UnknownMessage(f"instrument of kind {kind}", excerpt_of(bytes(item))))
                continue
            body = _read_instrument(item)
            instruments.append(_instrument_of(body))
            if body.price_index is not None:
                indices[body.price_index] = None
        except MALFORMED:
            unread.append(UnknownMessage("instrument", excerpt_of(bytes(item))))
    return (Catalogue((*instruments, *_indices_of(indices))), *unread)


def _indices_of(names: Mapping[str, None]) -> list[Instrument]:
    """Rule 5; an index whose name is no pair cannot be followed."""
    found = []
    for name in names:
        try:
            found.append(index_of(name, volatility=False))
        except NotASymbol:
            continue
        if name in VOLATILE:
            found.append(index_of(name, volatility=True))
    return found


def _instrument_of(body: InstrumentBody) -> Instrument:
    """The name says what it is, the body its sizes. Raises ValidationError where the two disagree."""
    named = read_name(body.instrument_name)
    contract = named.contract
    kind = "spot" if contract is None else "option" if contract.kind == "option" else "future"
    if kind != body.kind:
        raise ValidationError(f"expected {body.instrument_name} to be of kind {kind}, found {body.kind}")
    size, least = body.contract_size or body.min_trade_amount, body.min_trade_amount
    if contract is not None:
        expiry = None
        if contract.kind != "perpetual":  # rule 7
            expiry = body.expiration_timestamp * NS_PER_MS
            if expiry > MAX_INT:
                raise ValidationError(f"expected an expiry before the year 2262, found {expiry}")
        contract = replace(
            contract,
            settlement=body.settlement_currency or contract.settlement,
            inverse=contract.inverse if body.instrument_type is None else body.instrument_type == "reversed",
            size=size,
            expiry=expiry,
            strike=body.strike if contract.kind == "option" and body.strike else contract.strike,
        )
    return replace(
        named,
        tick_size=body.tick_size,
        lot_size=min(size, least),  # rule 6
        tradable=body.is_active and body.state in (None, "open", "started"),
        verified=True,
        contract=contract,
    )


def _asked(path: str) -> Asked:
    try:
        parts = urlsplit(path)
    except ValueError as error:
        raise ValidationError(f"expected a path such as {_ROOT}get_time, found {error}") from error
    return Asked(parts.path.rpartition("/")[2], parse_qs(parts.query))


def _same(asked: Asked, found: str) -> None:
    """Raises ValidationError for an answer about another instrument."""
    expected = asked.value("instrument_name")
    if found != expected:
        raise ValidationError(f"expected {expected[:80]!r}, found {found[:80]!r}")


def _depth_asked(asked: Asked) -> int:
    """The `depth` of a book as the venue understood it."""
    text = asked.query.get("depth", [str(spec.DEFAULT_DEPTH)])[0]
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValidationError(f"expected a number in depth=, found {text[:80]!r}")
    return int(text)


def _strictly(what: str, values: Sequence[int]) -> None:
    for here, there in pairwise(values):
        if here >= there:
            raise ValidationError(f"expected rows ascending by {what}, found {there} after {here}")


def _status_of(code: int) -> int:
    """HTTP says 400 of every error; some are about the moment, and the same request may be sent again."""
    if code == spec.TOO_MANY_REQUESTS:
        return 429
    return 503 if code in spec.NOT_NOW else 0
