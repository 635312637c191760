"""What tickers state about a stretch of time: exact change, extremes and sums of bars; nothing is rounded here."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.facts import Bar, Day
from bethna.twins.market.market import Market

AVERAGED_NS = 5 * MINUTE
_PART = 2_000


class Statistics(Struct, frozen=True):
    """A stretch of time of one market; the prices are 0 before the first price ever.

    Attributes:
        open_time, close_time: ns UTC. open, high, low, last, average, previous: units of 1e-8 of the quote currency;
            `average` is 0 without a trade, `previous` is the price before the stretch.
        volume, turnover: units of 1e-8 of the base currency, of 1e-16 of the quote currency.
        first_id, last_id: -1 without a trade.
    """

    open_time: int
    close_time: int
    open: int = 0
    high: int = 0
    low: int = 0
    last: int = 0
    average: int = 0
    previous: int = 0
    volume: int = 0
    turnover: int = 0
    trades: int = 0
    first_id: int = -1
    last_id: int = -1

    @property
    def change(self) -> int:
        """From the first price to the last."""
        return self.last - self.open


def rolling_day(market: Market, now: int) -> Statistics:
    """The last 24 hours; what is stated as their beginning is exact, what is summed begins with a whole minute."""
    return _stated(market, now - DAY, now, market.day(now))


def window(market: Market, length_ns: int, now: int) -> Statistics:
    """A stretch that begins with a whole minute, at most a minute longer than `length_ns`."""
    start = (now - length_ns) // MINUTE * MINUTE
    return between(market, start, now, now)


def between(market: Market, start: int, end: int, now: int) -> Statistics:
    """The trades since `start`, a whole minute, to the present; `end` is what is stated as their end."""
    hour = -(-start // HOUR) * HOUR
    bars = market.candles(MINUTE, start, min(hour, now + 1) - 1, 60, now)
    if hour <= now:
        bars += market.candles(HOUR, hour, None, _PART, now)
    if not bars:
        return Statistics(start, end)
    traded = [bar for bar in bars if bar.trades]
    last = market.last_price
    if not traded:
        return _stated(market, start, end, Day(start, end, last, last, last, last, last, 0, 0, 0, None, None))
    first, newest = min(traded, key=_first), max(traded, key=_last)
    summed = Day(
        start,
        end,
        first.open,
        max(bar.high for bar in traded),
        min(bar.low for bar in traded),
        newest.close,
        None,
        sum(bar.volume for bar in traded),
        sum(bar.quote_volume for bar in traded),
        sum(bar.trades for bar in traded),
        first.first_id,
        newest.last_id,
    )
    return _stated(market, start, end, summed)


def average_price(market: Market, now: int) -> tuple[int, int]:
    """The mean price of the last five minutes (of the last trade, when there was none) and the time of the last trade.

    Units of 1e-8 of the quote currency, ns UTC; both 0 before the first trade.
    """
    newest = market.recent_trades(1)
    if not newest:
        return 0, 0
    listing = market.listing
    bars = market.candles(NS_PER_S, now - AVERAGED_NS, None, AVERAGED_NS // NS_PER_S + 1, now)
    volume = sum(bar.volume for bar in bars) * listing.lot
    turnover = sum(bar.quote_volume for bar in bars)
    return (turnover // volume if volume else newest[0].price * listing.tick), newest[0].ts


def _first(bar: Bar) -> int:
    return bar.first_id or 0


def _last(bar: Bar) -> int:
    return bar.last_id or 0


def _stated(market: Market, start: int, end: int, day: Day) -> Statistics:
    if day.open is None or day.high is None or day.low is None or day.last is None:
        return Statistics(start, end)
    tick = market.listing.tick
    volume = day.volume * market.listing.lot
    return Statistics(
        open_time=start,
        close_time=end,
        open=day.open * tick,
        high=day.high * tick,
        low=day.low * tick,
        last=day.last * tick,
        average=day.quote_volume // volume if volume else 0,
        previous=(day.previous or 0) * tick,
        volume=volume,
        turnover=day.quote_volume,
        trades=day.trades,
        first_id=-1 if day.first_id is None else day.first_id,
        last_id=-1 if day.last_id is None else day.last_id,
    )
