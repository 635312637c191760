"""What the index was at every instant: noted as the world goes on, and made up for the year before it began.

It is the truth that candles and samples are taken from; it makes none itself and knows no request. Times are the
caller's, ns UTC; prices US dollars.

Rules
  1. Since the world's start there is a point every `EVERY_NS`, on that grid of UTC, of the fair values.
  2. Before it lie `past_days` of points, every `PAST_NS` for `FINE_DAYS` and every `COARSE_NS` before those, drawn when
     a coin is first asked for. Where the world has a past they are its fair values, as far back as it goes, so that
     venues and index remember the same; else a walk back from the first price, a function of the world's seed, its
     start and the coin.
  3. At most `KEPT` points since the start are kept, then the oldest half is forgotten.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import exp, sqrt
from random import Random

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.catalogue import traits_of
from bethna.twins.market.facts import UNIT
from bethna.twins.market.latent import MARKET_SIGMA, PEG
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

MINUTE = 60 * NS_PER_S
DAY = 86_400 * NS_PER_S
EVERY_NS = NS_PER_S * 30
PAST_NS = 5 * MINUTE
COARSE_NS = 30 * MINUTE
FINE_DAYS = 3
KEPT = 200_000
Point = tuple[int, float]


class Series:
    """Points ascending in time."""

    __slots__ = ("prices", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.prices = array("d")

    def add(self, ts: int, price: float) -> None:
        """One more, the newest."""
        self.times.append(ts)
        self.prices.append(price)
        if len(self.times) > KEPT:  # rule 3
            del self.times[: KEPT // 2]
            del self.prices[: KEPT // 2]

    def between(self, start: int, end: int) -> list[Point]:
        """Those in `start <= time < end`."""
        low, high = bisect_left(self.times, start), bisect_left(self.times, end)
        return list(zip(self.times[low:high], self.prices[low:high], strict=True))

    def at(self, ts: int) -> float | None:
        """The price of the last point at or before `ts`."""
        index = bisect_right(self.times, ts)
        return self.prices[index - 1] if index else None


class Index:
    """All points of a world's markets, by their symbols."""

    def __init__(self, world: World, past_days: int) -> None:
        self._world = world
        self._past_days = past_days
        self._origin = -(-world.start // NS_PER_MS) * NS_PER_MS
        self._past: dict[str, Series] = {}
        self._since = {symbol: Series() for symbol in world.markets}
        self._first = {symbol: _dollars(market, 0) for symbol, market in world.markets.items()}
        self.next_at = -(-self._origin // EVERY_NS) * EVERY_NS

    def note(self) -> None:
        """The world has come to `next_at` (rule 1)."""
        for symbol, market in self._world.markets.items():
            self._since[symbol].add(self.next_at, _dollars(market, self.next_at - self._origin))
        self.next_at += EVERY_NS

    def between(self, symbol: str, start: int, end: int) -> list[Point]:
        """Points in `start <= time < end`."""
        return [*self._before(symbol).between(start, end), *self._since[symbol].between(start, end)]

    def at(self, symbol: str, ts: int) -> float | None:
        """The price at an instant: that of the last point, None before the first."""
        since = self._since[symbol].at(ts)
        return self._before(symbol).at(ts) if since is None else since

    def last(self, symbol: str, ts: int) -> Point | None:
        """The last point at or before an instant."""
        found = self.between(symbol, ts - 2 * PAST_NS, ts + 1)
        return found[-1] if found else None

    def _before(self, symbol: str) -> Series:
        """Rule 2."""
        found = self._past.get(symbol)
        if found is None:
            found = self._past[symbol] = self._walk(symbol)
        return found

    def _walk(self, symbol: str) -> Series:
        market = self._world.markets[symbol]
        times = self._grid()
        ticks = market.fairs_before(times)
        if ticks is None:
            prices = self._made_up(market, times)
        else:
            prices = [each * market.listing.tick / UNIT for each in ticks]
        series = Series()
        for ts, price in zip(times, prices, strict=True):
            series.add(ts, price)
        return series

    def _grid(self) -> list[int]:
        """When there are points of the past, ascending."""
        ts = -(-self._origin // PAST_NS) * PAST_NS
        fine, oldest = ts - FINE_DAYS * DAY, self._origin - self._past_days * DAY
        if self._world.past_days:
            oldest = max(oldest, self._world.past_start + COARSE_NS)
        times: list[int] = []
        while ts > oldest:
            ts -= PAST_NS if ts > fine or ts % COARSE_NS else COARSE_NS
            times.append(ts)
        return times[::-1]

    def _made_up(self, market: Market, times: list[int]) -> list[float]:
        """A walk back from the first price."""
        traits, symbol = traits_of(market.listing.base), market.listing.symbol
        sigma = sqrt((traits.beta * MARKET_SIGMA) ** 2 + traits.sigma**2)  # of a second
        gauss = Random(f"{self._world.seed}/past/{symbol}").gauss
        first, away = self._first[symbol], 0.0
        later = -(-self._origin // PAST_NS) * PAST_NS
        prices: list[float] = []
        for ts in reversed(times):
            away = away * (PEG if traits.pegged else 1.0) + gauss(0.0, sigma * sqrt((later - ts) / NS_PER_S))
            prices.append(first * exp(away))
            later = ts
        return prices[::-1]


def _dollars(market: Market, at: int) -> float:
    """The fair price `at` ns after the world's start, which is now."""
    return market.fair(at) * market.listing.tick / UNIT
