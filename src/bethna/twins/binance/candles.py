"""Candles of any interval of the venue, put together from the market's own bars; exact, it sees no trade itself."""

from __future__ import annotations

from msgspec.structs import replace

from bethna.twins.binance.intervals import Interval
from bethna.twins.market.bars import HOUR
from bethna.twins.market.facts import Bar
from bethna.twins.market.market import Market

EVERYTHING = 1_000_000


def candles(
    market: Market, interval: Interval, start: int | None, end: int | None, limit: int, now: int
) -> list[Bar]:
    """Candles that open in `start..end` (ns UTC, both inclusive), ascending, empty ones and the open one included.

    With `start` the oldest `limit` of them, else the newest.
    """
    if interval.is_plain:
        return market.candles(interval.length_ns, start, end, limit, now)
    sums: dict[int, Bar] = {}
    parts = market.candles(interval.part_ns, None, None, EVERYTHING, now)
    for part in parts:
        opens = interval.open_time(part.open_time)
        held = sums.get(opens)
        sums[opens] = replace(part, open_time=opens) if held is None else merged(held, part)
    if parts and _is_cut(market, parts[0], now):
        sums.pop(interval.open_time(parts[0].open_time - 1), None)
    found = [
        bar
        for opens, bar in sums.items()
        if (start is None or opens >= start) and (end is None or opens <= end)
    ]
    return found[:limit] if start is not None else found[-limit:]


def candle(market: Market, interval: Interval, opens: int, now: int) -> Bar | None:
    """The candle that opens then; None before the first price."""
    if interval.is_plain:
        bars = market.candles(interval.length_ns, opens, opens, 1, now)
        return bars[0] if bars else None
    whole: Bar | None = None
    end = interval.next_open(opens) - 1
    for part in market.candles(interval.part_ns, opens, end, EVERYTHING, now):
        whole = replace(part, open_time=opens) if whole is None else merged(whole, part)
    return whole


def merged(bar: Bar, later: Bar) -> Bar:
    """Both in one; the first and the last trade are those of the lowest and the highest id."""
    if later.first_id is None or later.last_id is None:
        return bar
    if bar.first_id is None or bar.last_id is None:
        return replace(later, open_time=bar.open_time)
    return Bar(
        open_time=bar.open_time,
        open=later.open if later.first_id < bar.first_id else bar.open,
        high=max(bar.high, later.high),
        low=min(bar.low, later.low),
        close=later.close if later.last_id > bar.last_id else bar.close,
        volume=bar.volume + later.volume,
        quote_volume=bar.quote_volume + later.quote_volume,
        trades=bar.trades + later.trades,
        taker_buy_volume=bar.taker_buy_volume + later.taker_buy_volume,
        taker_buy_quote=bar.taker_buy_quote + later.taker_buy_quote,
        first_id=min(bar.first_id, later.first_id),
        last_id=max(bar.last_id, later.last_id),
    )


def _is_cut(market: Market, oldest: Bar, now: int) -> bool:
    """The market has forgotten shorter bars than the oldest part, so that its candle may lack some."""
    hours = market.candles(HOUR, 0, None, 1, now)
    return bool(hours) and hours[0].open_time + HOUR <= oldest.open_time
