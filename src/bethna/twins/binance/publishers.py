"""What each stream says: steps of the market go in, payloads come out; who listens and how it leaves is not its matter.

Rules
  1. Events (trade, aggTrade, bookTicker) are said with the step that they are about.
  2. What is said in steps of time is said when it differs from what was said before; else there is silence.
  3. A diff states each level that changed once, with its quantity now; `U` follows the `u` before. A partial book is
     said with the diff and has its `u`.
  4. A candle is said while it gets trades, and once more with `x` true when it is over, whether it had any or not.
  5. Times of events (`E`) are `LAG_NS` after the step: in the recordings the venue needs that long to say it.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_US
from bethna.twins.binance import frames
from bethna.twins.binance.aggregates import aggregates
from bethna.twins.binance.candles import candle
from bethna.twins.binance.intervals import Interval
from bethna.twins.binance.streams import SILENT, WINDOWS, Stream
from bethna.twins.binance.stretches import average_price, rolling_day, window
from bethna.twins.binance.text import flag, text, unit_ns
from bethna.twins.line import publisher as line
from bethna.twins.market.bars import MINUTE
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

LAG_NS = 930 * NS_PER_US
"""E - T of a trade is then 0 ms for one in fourteen and else 1 ms; recorded are 7 % of 0 ms and a median of 1 ms."""


class Publisher(line.Publisher):
    """One stream in one unit of time.

    Args:
        unit: nanoseconds in one of the venue's units of time.
    """

    def __init__(self, stream: Stream, unit: int) -> None:
        self.stream = stream
        self.unit = unit


class Trades(Publisher):
    """`<s>@trade` (rule 1)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._form = frames.trade_form(market.listing.symbol)
        self._tick, self._lot = market.listing.tick, market.listing.lot

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Each execution."""
        executions = step.executions
        if not executions:
            return []
        unit, form, tick, lot = self.unit, self._form, self._tick, self._lot
        event_time = (step.ts + LAG_NS) // unit  # rule 5
        first = executions[0]
        trade_time, sold = first.ts // unit, flag(first.buyer_is_maker)
        return [
            form
            % (
                event_time,
                each.trade_id,
                text(each.price * tick),
                text(each.quantity * lot),
                trade_time,
                sold,
            )
            for each in executions
        ]


class Aggregates(Publisher):
    """`<s>@aggTrade` (rule 1)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._form = frames.aggregate_form(market.listing.symbol)
        self._tick, self._lot = market.listing.tick, market.listing.lot

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Each price at which the order was executed."""
        if not step.executions:
            return []
        event_time = (step.ts + LAG_NS) // self.unit
        return [
            self._form
            % (
                event_time,
                each.number,
                text(each.price * self._tick),
                text(each.quantity * self._lot),
                each.first_id,
                each.last_id,
                each.ts // self.unit,
                flag(each.buyer_is_maker),
            )
            for each in aggregates(step.executions)
        ]


class BookTickers(Publisher):
    """`<s>@bookTicker` (rule 1)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._form = frames.book_ticker_form(market.listing.symbol)
        self._tick, self._lot = market.listing.tick, market.listing.lot

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """The best prices and quantities, when one of them changed."""
        if not step.best_changed:
            return []
        bid, ask = market.best()
        if bid is None or ask is None:
            return [self._form % (market.update_id, *frames.touch(market))]
        tick, lot = self._tick, self._lot
        return [
            self._form
            % (
                market.update_id,
                text(bid[0] * tick),
                text(bid[1] * lot),
                text(ask[0] * tick),
                text(ask[1] * lot),
            )
        ]


class Diffs(Publisher):
    """`<s>@depth[@100ms]` (rule 3)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._listing = market.listing
        self._head = b'"s":"%b","U":' % market.listing.symbol.encode()
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._last = self._said = market.update_id

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Gather."""
        bids, asks = self._bids, self._asks
        for change in step.changes:
            if change.bid:
                bids[change.price] = change.quantity
            else:
                asks[change.price] = change.quantity
        self._last = market.update_id
        return []

    def flush(self, now: int) -> list[bytes]:
        """Say what has gathered."""
        if self._last == self._said:
            return []
        listing = self._listing
        payload = b'{"e":"depthUpdate","E":%d,%b%d,"u":%d,"b":[%b],"a":[%b]}' % (
            now // self.unit,
            self._head,
            self._said + 1,
            self._last,
            frames.levels_text(sorted(self._bids.items(), reverse=True), listing),
            frames.levels_text(sorted(self._asks.items()), listing),
        )
        self._said = self._last
        self._bids.clear()
        self._asks.clear()
        return [payload]


class PartialBooks(Publisher):
    """`<s>@depth5|10|20[@100ms]` (rule 3)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._market = market
        self._said = market.update_id

    def flush(self, now: int) -> list[bytes]:
        """The book as it is, when anything in it changed."""
        if self._market.update_id == self._said:
            return []
        self._said = self._market.update_id
        return [frames.book(self._market, self.stream.levels)]


class Klines(Publisher):
    """`<s>@kline_<interval>[@+08:00]` (rule 4)."""

    def __init__(self, stream: Stream, unit: int, market: Market, interval: Interval, now: int) -> None:
        super().__init__(stream, unit)
        self._market = market
        self._interval = interval
        self._opens = interval.open_time(now)
        self._traded = False

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Note that there is something to say."""
        if step.executions:
            self._traded = True
        return []

    def flush(self, now: int) -> list[bytes]:
        """The candle that is over, the one that got trades."""
        said = []
        opens = self._interval.open_time(now)
        if opens > self._opens:
            said += self._said(self._opens, now, closed=True)
        if self._traded:
            said += self._said(opens, now, closed=False)
        self._opens = opens
        self._traded = False
        return said

    def _said(self, opens: int, now: int, *, closed: bool) -> list[bytes]:
        bar = candle(self._market, self._interval, opens, now)
        if bar is None or not (closed or bar.trades):
            return []
        unit = self.unit
        close_time = self._interval.next_open(opens) // unit - 1
        return [
            frames.kline(
                self._market.listing,
                self._interval.name,
                bar,
                now // unit,
                opens // unit,
                close_time,
                closed=closed,
            )
        ]


class AveragePrices(Publisher):
    """`<s>@avgPrice` (rule 2)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._market = market
        self._said = (0, 0)

    def flush(self, now: int) -> list[bytes]:
        """The mean of five minutes, when it changed."""
        found = average_price(self._market, now)
        if found == self._said:
            return []
        self._said = found
        return [
            b'{"e":"avgPrice","E":%d,"s":"%b","i":"5m","w":"%b","T":%d}'
            % (
                now // self.unit,
                self._market.listing.symbol.encode(),
                text(found[0]),
                found[1] // self.unit,
            )
        ]


class Ticker:
    """One market's ticker of one kind; it can tell whether what it would say differs from what it said (rule 2)."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        self.unit = unit
        self._market = market
        self._kind = stream.kind
        self._length_ns = WINDOWS.get(stream.window, 0)
        names = {"ticker": "24hrTicker", "miniTicker": "24hrMiniTicker"}
        self._event = names.get(stream.kind, f"{stream.window}Ticker")
        self._said: tuple[bytes, bytes] = (b"", b"")

    def payload(self, now: int) -> bytes:
        """What there is to say; empty when there is nothing new, or before the first price."""
        market = self._market
        if market.last_price is None:
            return b""
        if self._kind == "window":
            stretch = window(market, self._length_ns, now)
            found = (frames.window_body(stretch), frames.ticker_ids(stretch))
        else:
            stretch = rolling_day(market, now)
            if self._kind == "miniTicker":
                found = (frames.mini_ticker_body(stretch), b"")
            else:
                found = (frames.ticker_body(market, stretch), frames.ticker_ids(stretch))
        if found == self._said:
            return b""
        self._said = found
        times = frames.ticker_times(stretch, self.unit) if found[1] else b""
        head = frames.ticker_head(self._event, market.listing.symbol, now // self.unit)
        return head + found[0] + times + found[1]


class Tickers(Publisher):
    """`<s>@ticker`, `<s>@miniTicker`, `<s>@ticker_1h|4h|1d`."""

    def __init__(self, stream: Stream, unit: int, market: Market) -> None:
        super().__init__(stream, unit)
        self._ticker = Ticker(stream, unit, market)

    def flush(self, now: int) -> list[bytes]:
        """The ticker, when it changed."""
        payload = self._ticker.payload(now)
        return [payload] if payload else []


class TickerArrays(Publisher):
    """`!miniTicker@arr`, `!ticker_1h|4h|1d@arr`: those that changed, in one array."""

    def __init__(self, stream: Stream, unit: int, world: World) -> None:
        super().__init__(stream, unit)
        self._tickers = {
            market.index: Ticker(stream, unit, market)
            for market in world.markets.values()
            if market.listing.trading
        }
        self._traded: set[int] = set()
        self._minute = -1

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Note who traded."""
        if step.executions:
            self._traded.add(market.index)
        return []

    def flush(self, now: int) -> list[bytes]:
        """Who did not trade can change only when a minute leaves the window."""
        minute = now // MINUTE
        asked = sorted(self._traded) if minute == self._minute else list(self._tickers)
        self._minute = minute
        self._traded.clear()
        found = [payload for index in asked if (payload := self._tickers[index].payload(now))]
        return [b"[" + b",".join(found) + b"]"] if found else []


def publisher(stream: Stream, world: World, *, microseconds: bool = False) -> Publisher | None:
    """Who speaks for a stream from now on; None when nothing will ever be said."""
    unit = unit_ns(microseconds=microseconds)
    if stream.kind == SILENT:
        return None
    if not stream.symbol:
        return TickerArrays(stream, unit, world)
    market = world.markets.get(stream.symbol)
    if market is None or not market.listing.trading:
        return None
    if stream.interval is not None:
        return Klines(stream, unit, market, stream.interval, world.now + world.clock_offset_ns)
    return _OF_KIND[stream.kind](stream, unit, market)


_OF_KIND = {
    "trade": Trades,
    "aggTrade": Aggregates,
    "bookTicker": BookTickers,
    "depth": Diffs,
    "partial": PartialBooks,
    "avgPrice": AveragePrices,
    "ticker": Tickers,
    "miniTicker": Tickers,
    "window": Tickers,
}
