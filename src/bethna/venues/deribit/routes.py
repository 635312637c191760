"""Routes: one closure per channel, from a notification straight to its facts.

A route is handed the whole message and trusts nothing about what it carries: whom it is about is compared with the
channel, and what does not fit raises one of `frames.MALFORMED`. It does not look at the channel; the codec does.

Rules
  1. Quantities stay in the venue's unit, which is that of `Contract`: coins, but quote currency of an inverse perpetual
     or future. Traded volume and open interest are said in the same unit, so that they are the sum of trades: of the
     two figures that the venue gives of a volume, it is `volume_usd`, or `cost`, of those, and `volume` of the others.
  2. `trade_seq` is the trade's id: it has no gaps within an instrument; `trade_id` is a text that has. Nothing is said
     of the past when trades are subscribed, so the first one that comes is where the feed begins.
  3. A book names its predecessor: a change covers the ids from `prev_change_id` + 1 to `change_id`. Ids are the
     venue's own, of all its instruments, so most of those that a change covers are of others. This chain is the proof:
     a snapshot is `proven` to its end. Snapshots may come at any time.
  4. A grouped book has no type and is a top of book, `partial`. It certifies nothing below itself.
  5. A side without orders is 0 or null: then there is no Quote. An implied volatility of 0 is none.
  6. Volatilities of a ticker are percent and become fractions; those of `markprice.options` are fractions already. A
     volatility index stays in percent, as `IndexPrice` has it.
  7. An instrument that never traded has no last price: then there is no Ticker. Where only the figures of its 24 hours
     are null (nothing traded for that long) there is one, which says None of them. The 24 hours' quote volume is in
     dollars, which it is of nothing that is quoted in anything else: USD and USDC are two.
  8. A Valuation is of a contract; the mark price of a spot pair says nothing that its index does not.
  9. A candle of `chart.trades` is never said to be closed, and not how many trades it has: `trades` is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import ge
from typing import Final

from msgspec import ValidationError
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_MS
from bethna.core.errors import excerpt_of
from bethna.core.instrument import Instrument
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    Greeks,
    IndexPrice,
    InstrumentId,
    Level,
    Quote,
    Ticker,
    Trade,
    Valuation,
    VenueCandle,
)
from bethna.core.wire import UnknownMessage, VenueCondition, WireEvent
from bethna.venues.deribit.frames import (
    AnyTradeRow,
    BookFrame,
    Changes,
    ChartFrame,
    GreeksBody,
    GroupedBookFrame,
    IndexFrame,
    Levels,
    MarkRow,
    Notification,
    PlatformFrame,
    QuoteFrame,
    TickerFrame,
    TradeRow,
    VolatilityFrame,
)
from bethna.venues.deribit.symbols import (
    PRICE_INDEX,
    VOLATILITY_INDEX,
    NotASymbol,
    Symbols,
    counts_in_quote,
)

Route = Callable[[bytes, int], Sequence[WireEvent]]
"""(whole message, ts_recv) -> its facts."""

RESOLUTIONS: Final = {
    "1": "1m", "3": "3m", "5": "5m", "10": "10m", "15": "15m", "30": "30m",
    "60": "1h", "120": "2h", "180": "3h", "360": "6h", "720": "12h", "1D": "1d",
}  # fmt: skip
"""The venue's lengths of candles, in minutes, as everybody else writes them."""

_LONGEST_KIND: Final = 80
_DEPTH: Final = re.compile(r"[1-9]\d{0,4}", re.ASCII)

_read_trades: Final = Decoder(Notification[list[TradeRow]]).decode
_read_all_trades: Final = Decoder(Notification[list[AnyTradeRow]]).decode
_read_book: Final = Decoder(Notification[BookFrame]).decode
_read_grouped: Final = Decoder(Notification[GroupedBookFrame]).decode
_read_ticker: Final = Decoder(Notification[TickerFrame]).decode
_read_quote: Final = Decoder(Notification[QuoteFrame]).decode
_read_index: Final = Decoder(Notification[IndexFrame]).decode
_read_volatility: Final = Decoder(Notification[VolatilityFrame]).decode
_read_marks: Final = Decoder(Notification[list[MarkRow]]).decode
_read_chart: Final = Decoder(Notification[ChartFrame]).decode
_read_platform: Final = Decoder(Notification[PlatformFrame]).decode


def route_of(channel: str, symbols: Symbols) -> Route | None:
    """The route of a channel, None for one that we do not read. Raises NotASymbol for one of a thing without a name."""
    match channel.split("."):
        case ["trades", name, _]:
            return _trades_route(symbols.by_symbol(name), name)
        case ["trades", _, _, _]:
            return _all_trades_route(symbols)
        case ["book", name, _]:
            return _book_route(symbols.by_symbol(name), name)
        case ["book", name, _, depth, _] if _DEPTH.fullmatch(depth):
            return _grouped_book_route(symbols.by_symbol(name), name, int(depth))
        case ["ticker", name, _]:
            return _ticker_route(symbols.by_symbol(name), name)
        case ["quote", name]:
            return _quote_route(symbols.by_symbol(name), name)
        case ["deribit_price_index", index]:
            return _index_route(symbols.by_symbol(f"{PRICE_INDEX}.{index}"), index)
        case ["deribit_volatility_index", index]:
            return _volatility_route(symbols.by_symbol(f"{VOLATILITY_INDEX}.{index}"), index)
        case ["markprice", "options", _]:
            return _marks_route(symbols)
        case ["chart", "trades", name, resolution] if resolution in RESOLUTIONS:
            return _chart_route(symbols.by_symbol(name), RESOLUTIONS[resolution])
        case ["platform_state"]:
            return _platform_route
        case _:
            return None


def unknown(kind: str, raw: bytes) -> UnknownMessage:
    """A message that states no fact."""
    return UnknownMessage(kind[:_LONGEST_KIND], excerpt_of(raw))


def _unfit(expected: str, found: str) -> ValidationError:
    return ValidationError(f"expected {expected!r}, found {found[:80]!r}")


def _trades_route(instrument: Instrument, symbol: str) -> Route:
    """Trades of one instrument (rules 1 and 2)."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> list[Trade]:
        rows = _read_trades(raw).params.data
        for row in rows:
            if row.instrument_name != symbol:
                raise _unfit(symbol, row.instrument_name)
        trades = [
            Trade(name, r.price, r.amount, r.direction, r.trade_seq, r.timestamp * NS_PER_MS, ts_recv)
            for r in rows
        ]
        return trades if len(trades) < 2 else ascending(trades)

    return route


def _all_trades_route(symbols: Symbols) -> Route:
    """Trades of a kind and a currency; one without a name does not spoil the others."""

    def route(raw: bytes, ts_recv: int) -> list[WireEvent]:
        trades: list[Trade] = []
        unread: list[WireEvent] = []
        for row in _read_all_trades(raw).params.data:
            try:
                name = symbols.by_symbol(row.instrument_name).id
            except NotASymbol:
                unread.append(unknown("trade of an instrument without a name", row.instrument_name.encode()))
                continue
            if row.price <= 0:
                raise ValidationError(
                    f"expected a price above 0 of {row.instrument_name[:80]!r}, found {row.price}"
                )
            trades.append(trade_of(row, name=name, ts_recv=ts_recv))
        return [*ascending(trades), *unread]

    return route


def trade_of(row: AnyTradeRow, *, name: InstrumentId, ts_recv: int) -> Trade:
    """One row of a stream or of history as a fact."""
    return Trade(
        name, row.price, row.amount, row.direction, row.trade_seq, row.timestamp * NS_PER_MS, ts_recv
    )


def ascending(trades: list[Trade]) -> list[Trade]:
    """By their ids, whatever order the venue chose; those of one id stay in its order."""
    trades.sort(key=_by_id)
    return trades


def _by_id(trade: Trade) -> int:
    return trade.trade_id


def _book_route(instrument: Instrument, symbol: str) -> Route:
    """A whole book and its changes (rule 3)."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[BookDelta | BookSnapshot]:
        m = _read_book(raw).params.data
        if m.instrument_name != symbol:
            raise _unfit(symbol, m.instrument_name)
        last, ts_event = m.change_id, m.timestamp * NS_PER_MS
        if m.type == "snapshot":
            bids, asks = sides([(p, q) for _, p, q in _new(m.bids)], [(p, q) for _, p, q in _new(m.asks)])
            limit = max(len(bids), len(asks)) + 1
            return (BookSnapshot(name, last, bids, asks, ts_recv, limit, ts_event=ts_event),)
        before = m.prev_change_id
        if not before or before >= last:
            raise ValidationError(f"expected a prev_change_id below change_id {last}, found {before}")
        bids = [(p, 0.0 if a == "delete" else q) for a, p, q in m.bids]
        asks = [(p, 0.0 if a == "delete" else q) for a, p, q in m.asks]
        return (BookDelta(name, before + 1, last, bids, asks, ts_event, ts_recv),)

    return route


def _new(side: Changes) -> Changes:
    for action, price, quantity in side:
        if action != "new" or not quantity:
            raise ValidationError(f"expected new levels in a snapshot, found {action} {quantity} at {price}")
    return side


def sides(bids: Levels, asks: Levels) -> tuple[list[Level], list[Level]]:
    """Both sides best first. Raises ValidationError where a price stands twice: books rely on it."""
    bids.sort(reverse=True)
    asks.sort()
    for side, rising in (("bids", bids[::-1]), ("asks", asks)):
        prices = [price for price, _ in rising]
        if any(map(ge, prices, prices[1:])):
            raise ValidationError(f"expected each price once in {side}, found one twice")
    return bids, asks


def _grouped_book_route(instrument: Instrument, symbol: str, depth: int) -> Route:
    """The top of a book, its prices maybe rounded into groups (rule 4)."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[BookSnapshot]:
        m = _read_grouped(raw).params.data
        if m.instrument_name != symbol:
            raise _unfit(symbol, m.instrument_name)
        bids, asks = sides(m.bids, m.asks)
        ts_event = m.timestamp * NS_PER_MS
        return (BookSnapshot(name, m.change_id, bids, asks, ts_recv, depth, partial=True, ts_event=ts_event),)

    return route


def _ticker_route(instrument: Instrument, symbol: str) -> Route:
    """The last 24 hours, the best prices and what a contract is worth, in this order (rules 5 to 8)."""
    is_contract, by_quote, in_usd = (
        instrument.contract is not None,
        counts_in_quote(instrument),
        instrument.quote == "USD",
    )
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        m = _read_ticker(raw).params.data
        if m.instrument_name != symbol:
            raise _unfit(symbol, m.instrument_name)
        ts_event = m.timestamp * NS_PER_MS
        events: list[WireEvent] = []
        bid, ask = m.best_bid_price or None, m.best_ask_price or None
        if m.last_price:
            stats = m.stats
            if stats is None:
                high = low = volume = turnover = change = None
            else:
                high, low, change = stats.high or None, stats.low or None, stats.price_change
                volume = stats.volume_usd if by_quote else stats.volume
                turnover = stats.volume_usd if in_usd else None
            events.append(
                Ticker(
                    name, m.last_price, None, high, low, volume, turnover, change, bid, ask, None,
                    ts_event, ts_recv,
                )
            )  # fmt: skip
        if bid and ask and m.best_bid_amount and m.best_ask_amount:
            events.append(
                Quote(name, bid, m.best_bid_amount, ask, m.best_ask_amount, None, ts_event, ts_recv)
            )
        if is_contract and m.mark_price is not None:
            events.append(_valuation(name, m, m.mark_price, ts_event, ts_recv))
        return events or (unknown("ticker without a price", raw),)

    return route


def _valuation(
    name: InstrumentId, m: TickerFrame, mark_price: float, ts_event: int, ts_recv: int
) -> Valuation:
    return Valuation(
        name,
        mark_price,
        m.index_price or None,
        ts_event,
        ts_recv,
        m.underlying_price or None,
        m.underlying_index,
        _fraction(m.mark_iv),
        _fraction(m.bid_iv),
        _fraction(m.ask_iv),
        None if m.greeks is None else _greeks(m.greeks),
        m.open_interest,
        m.current_funding,
        m.funding_8h,
    )


def _fraction(percent: float | None) -> float | None:
    """Rule 6; rounded to where the division's own noise begins, so that 35.6 is 0.356; what becomes zero is none."""
    return None if percent is None else round(percent / 100.0, 12) or None


def _greeks(g: GreeksBody) -> Greeks | None:
    """All of them or none."""
    if g.delta is None or g.gamma is None or g.vega is None or g.theta is None or g.rho is None:
        return None
    return Greeks(g.delta, g.gamma, g.vega, g.theta, g.rho)


def _quote_route(instrument: Instrument, symbol: str) -> Route:
    """Best bid and ask alone (rule 5)."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[Quote | UnknownMessage]:
        m = _read_quote(raw).params.data
        if m.instrument_name != symbol:
            raise _unfit(symbol, m.instrument_name)
        bid, bid_quantity = m.best_bid_price, m.best_bid_amount
        ask, ask_quantity = m.best_ask_price, m.best_ask_amount
        if bid and bid_quantity and ask and ask_quantity:
            ts_event = m.timestamp * NS_PER_MS
            return (Quote(name, bid, bid_quantity, ask, ask_quantity, None, ts_event, ts_recv),)
        return (unknown("quote with an empty side", raw),)

    return route


def _index_route(instrument: Instrument, index: str) -> Route:
    """A price index."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[IndexPrice]:
        m = _read_index(raw).params.data
        if m.index_name != index:
            raise _unfit(index, m.index_name)
        return (IndexPrice(name, m.price, m.timestamp * NS_PER_MS, ts_recv),)

    return route


def _volatility_route(instrument: Instrument, index: str) -> Route:
    """A volatility index, in percent a year (rule 6)."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[IndexPrice]:
        m = _read_volatility(raw).params.data
        if m.index_name != index:
            raise _unfit(index, m.index_name)
        return (IndexPrice(name, m.volatility, m.timestamp * NS_PER_MS, ts_recv),)

    return route


def _marks_route(symbols: Symbols) -> Route:
    """What every option of an index is worth (rule 6); one without a name does not spoil the others."""

    def route(raw: bytes, ts_recv: int) -> list[WireEvent]:
        events: list[WireEvent] = []
        for row in _read_marks(raw).params.data:
            try:
                name = symbols.by_symbol(row.instrument_name).id
            except NotASymbol:
                events.append(unknown("mark of an instrument without a name", row.instrument_name.encode()))
                continue
            ts_event = row.timestamp * NS_PER_MS
            events.append(Valuation(name, row.mark_price, None, ts_event, ts_recv, mark_iv=row.iv or None))
        return events

    return route


def _chart_route(instrument: Instrument, interval: str) -> Route:
    """The venue's own candle; the frame names nobody, so the channel answers for whose it is (rules 1 and 9)."""
    name, by_quote = instrument.id, counts_in_quote(instrument)

    def route(raw: bytes, ts_recv: int) -> tuple[VenueCandle]:
        m = _read_chart(raw).params.data
        return (
            VenueCandle(
                instrument=name,
                interval=interval,
                open_time=m.tick * NS_PER_MS,
                open=m.open,
                high=m.high,
                low=m.low,
                close=m.close,
                volume=m.cost if by_quote else m.volume,
                trades=None,
                closed=False,
                first_id=None,
                last_id=None,
                ts_event=None,
                ts_recv=ts_recv,
            ),
        )

    return route


def _platform_route(raw: bytes, ts_recv: int) -> tuple[VenueCondition | UnknownMessage]:
    """Maintenance is the whole venue's condition. One index that is locked is not: that is no fact of ours."""
    del ts_recv
    maintenance = _read_platform(raw).params.data.maintenance
    if maintenance is None:
        return (unknown("platform_state of a part", raw),)
    return (VenueCondition(not maintenance, "maintenance" if maintenance else "maintenance is over"),)
