"""Candles of an instrument in the venue's columns, and of the running one as a channel says it; it asks no clock.

    {"tick":1767200040000,"open":87490.0,"high":87500.0,"low":87465.0,"close":87474.0,"volume":0.95978896,"cost":83970.0}

Rules
  1. `volume` is coins and `cost` USD of perpetuals; `volume` is contracts' coins and `cost` coins of options.
  2. Buckets without a trade are filled flat with the close before; before the first price there are none.
  3. Perpetuals have candles from before the world began where it has a past; options begin with it.
  4. Of the running candle each change is said, once a second, and nothing marks its end.
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.perpetual import Perpetual
from bethna.twins.deribit.text import number
from bethna.twins.market.bars import DAY, MINUTE
from bethna.twins.market.facts import UNIT

MOST_BARS = 5000


class Candle(Struct, frozen=True, gc=False):
    """One bucket; `opens` ns UTC, the rest as stated."""

    opens: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    cost: float


def length_of(resolution: str) -> int:
    """ns; of a resolution that there is."""
    return DAY if resolution == "1D" else int(resolution) * MINUTE


def candles(contract: Contract, length_ns: int, start: int, end: int, now: int) -> list[Candle]:
    """Those that open in `start..end` (ns UTC), ascending, at most the newest `MOST_BARS` (rules 1 to 3)."""
    last = min(end, now) // length_ns * length_ns
    first = max(-(-start // length_ns) * length_ns, last - (MOST_BARS - 1) * length_ns)
    if isinstance(contract, Perpetual):
        return _of_market(contract, length_ns, first, last, now)
    return _of_deals(contract, length_ns, first, last)


def _of_market(contract: Perpetual, length_ns: int, first: int, last: int, now: int) -> list[Candle]:
    listing = contract.market.listing
    usd = listing.lot // UNIT
    return [
        Candle(
            opens=bar.open_time,
            open=bar.open * listing.tick / UNIT,
            high=bar.high * listing.tick / UNIT,
            low=bar.low * listing.tick / UNIT,
            close=bar.close * listing.tick / UNIT,
            volume=contract.coins(bar.open_time, length_ns) / UNIT if bar.volume else 0.0,
            cost=float(bar.volume * usd),
        )
        for bar in contract.market.candles(length_ns, first, last, MOST_BARS, now)
    ]


def _of_deals(contract: Contract, length_ns: int, first: int, last: int) -> list[Candle]:
    found: list[Candle] = []
    inside: dict[int, list[tuple[float, float]]] = {}
    before: float | None = None
    for deal in contract.deals.newest():
        opens = deal.ts // length_ns * length_ns
        if opens < first:
            before = deal.price
        elif opens <= last:
            inside.setdefault(opens, []).append((deal.price, deal.amount))
    for opens in range(first if before is not None else min(inside, default=last + 1), last + 1, length_ns):
        rows = inside.get(opens)
        if rows is None:
            assert before is not None  # the first bucket has a trade, or there is a price before it
            found.append(Candle(opens, before, before, before, before, 0.0, 0.0))
            continue
        prices = [price for price, _ in rows]
        before = prices[-1]
        volume, cost = sum(amount for _, amount in rows), sum(price * amount for price, amount in rows)
        found.append(
            Candle(opens, prices[0], max(prices), min(prices), before, round(volume, 8), round(cost, 8))
        )
    return found


def text(candle: Candle) -> bytes:
    """As the channel says it."""
    return b'{"tick":%d,"open":%b,"high":%b,"low":%b,"close":%b,"volume":%b,"cost":%b}' % (
        candle.opens // NS_PER_MS,
        number(candle.open),
        number(candle.high),
        number(candle.low),
        number(candle.close),
        number(candle.volume),
        number(candle.cost),
    )


class Running:
    """The running candle of a resolution (rule 4)."""

    def __init__(self, contract: Contract, resolution: str) -> None:
        self._contract = contract
        self._length_ns = length_of(resolution)
        self._seq = contract.deals.seq

    def find(self, now: int) -> list[bytes]:
        """What changed since the last call: the running candle, and the one before where it got a last trade."""
        if self._contract.deals.seq == self._seq:
            return []
        fresh = self._contract.deals.after(self._seq)
        self._seq = self._contract.deals.seq
        start = fresh[0].ts // self._length_ns * self._length_ns
        found = candles(self._contract, self._length_ns, start, now, now)
        return [text(candle) for candle in found if candle.volume]
