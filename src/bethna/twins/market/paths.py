"""The fair values of the days before a world began: walks back from its start, by hours and minutes; no symbol's own.

They are the same walks as in `latent`, of market, sectors and assets, so that what moved together in the past is what
moves together now, and all venues of one seed and start remember the same. Hours are counted from 1970.

Rules
  1. Every walk is 0 at the end of the past. What it did in an hour is a function of the seed, the walk and the hour: a
     later start tells the same hours, seen from another price.
  2. Days are restless or calm, and so are the days after them; the market's unrest is in part everybody's.
  3. Hours of a day and days of a week have their usual liveliness.
  4. Inside an hour a walk takes one of `SHAPES` bridges, either way up, as high as the hour is restless.
  5. A peg does not wander: each hour it is somewhere near where it begins.
  6. The last hour ends with the past, some whole minutes after it began.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from math import exp, hypot, sqrt

import numpy as np
from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.twins.market.dice import Dice, Floats, face
from bethna.twins.market.latent import COMMON_SHARE, MARKET_SIGMA, PEG, SECTOR_SIGMA, Traits

MINUTE = 60 * NS_PER_S
MINUTES = 60
HOUR_S = 3600
HOURS = 24
SHAPES = 1024
HEAT = 0.4  # deviation of a day's log-volatility
KEEP = 0.85  # of it, from day to day
REMEMBERED = 24  # days
JUMPS = 1 / 30  # an hour
JUMP = 3.0  # in deviations of an hour
KEPT_HOURS = 400_000
WEEKEND = 0.7
# Rule 3: from 00:00 UTC on; the mean is 1.
_DAILY = (
    0.95, 0.9, 0.85, 0.75, 0.7, 0.7, 0.75, 0.85, 0.95, 1.0, 1.0, 1.0,
    1.1, 1.3, 1.5, 1.45, 1.35, 1.2, 1.1, 1.05, 0.95, 0.9, 0.85, 0.85,
)  # fmt: skip
_FIRST_DAY = 4  # 1970 began on a Thursday: days 2 and 3 were a weekend


class Reach(Struct, frozen=True):
    """A walk as far back as it was asked for; arrays from the oldest hour to the last.

    Attributes:
        values: at each hour's beginning, and 0 at the end. size: the usual change of an hour. heat: log-unrest.
    """

    oldest: int
    values: Floats
    size: Floats
    heat: Floats


class Paths:
    """All walks of one seed that end at an instant.

    Args:
        end: ns UTC, a whole minute.

    Attributes:
        last: the last hour's number. minutes: how long it is, 1 to 60.
    """

    def __init__(self, seed: int, end: int) -> None:
        minute = end // MINUTE - 1
        self.last = minute // MINUTES
        self.minutes = minute % MINUTES + 1  # rule 6
        self._seed = seed
        self._kept: OrderedDict[str, Reach] = OrderedDict()
        self._hours = 0

    def reach(self, name: str, sigma: float, oldest: int, *, pegged: bool = False) -> Reach:
        """A walk from the hour `oldest` on, or from further back."""
        found = self._kept.get(name)
        if found is None or found.oldest > oldest:
            if found is not None:
                self._hours -= len(found.size)
            found = self._kept[name] = self._walk(name, sigma, oldest, pegged)
            self._hours += len(found.size)
            while self._hours > KEPT_HOURS and len(self._kept) > 1:
                self._hours -= len(self._kept.popitem(last=False)[1].size)
        self._kept.move_to_end(name)
        return found

    def bridges(self, name: str, first: int, sizes: Floats) -> Floats:
        """What some hours do on their way, in rows of 61 minutes, with these usual changes of an hour (rule 4)."""
        throws = Dice(f"{self._seed}/past/{name}/shape").throws(first, len(sizes))
        upright = 1.0 - 2.0 * face(throws, 40, 1)
        found: Floats = _library()[face(throws, 0)]
        found *= (upright * sizes)[:, None]
        return found

    def _walk(self, name: str, sigma: float, oldest: int, pegged: bool) -> Reach:
        count = self.last - oldest + 1
        size = sigma * sqrt(HOUR_S) * np.sqrt(season(oldest, count))
        heat = self._heat(name, oldest, count)
        dice = Dice(f"{self._seed}/past/{name}")
        values = np.zeros(count + 1)
        if pegged:
            values[:-1] = dice.normals(oldest, count) * (sigma / sqrt(1.0 - PEG * PEG))  # rule 5
            return Reach(oldest, values, size / 2, heat)
        size *= _risen(heat)
        change = size * dice.normals(oldest, count)
        jumps = Dice(f"{self._seed}/past/{name}/jumps")
        struck = face(jumps.throws(oldest, count), 0) < JUMPS * SHAPES
        change += struck * size * JUMP * Dice(f"{self._seed}/past/{name}/leaps").normals(oldest, count)
        change[-1] *= sqrt(self.minutes / MINUTES)
        values[:-1] = -np.cumsum(change[::-1])[::-1]  # rule 1
        return Reach(oldest, values, size, heat)

    def _heat(self, name: str, oldest: int, count: int) -> Floats:
        """Rule 2, of each hour."""
        first, last = oldest // HOURS, (oldest + count - 1) // HOURS
        heat = self._daily(name, first, last - first + 1)
        if name != MARKET:
            heat = heat + COMMON_SHARE * self._daily(MARKET, first, last - first + 1)
        hours: Floats = np.repeat(heat, HOURS)[oldest - first * HOURS :][:count]
        return hours

    def _daily(self, name: str, first: int, count: int) -> Floats:
        fresh = Dice(f"{self._seed}/past/{name}/heat").normals(first - REMEMBERED, count + REMEMBERED)
        total = np.zeros(count)
        for ago in range(REMEMBERED):
            total = total + fresh[REMEMBERED - ago :][:count] * (KEEP**ago)
        return total * (HEAT * sqrt(1.0 - KEEP * KEEP))


MARKET = "market"


class Route(Struct, frozen=True):
    """One walk that a symbol's price stands on, and how often: 1.2 times, or -1 for the asset that it is quoted in."""

    name: str
    share: float
    sigma: float
    pegged: bool = False


def routes(base: str, of_base: Traits, quote: str, of_quote: Traits) -> tuple[Route, ...]:
    """The walks that a symbol's price stands on; the base's own is the first of them."""
    found: dict[str, Route] = {}
    for asset, traits, sign in ((base, of_base, 1.0), (quote, of_quote, -1.0)):
        if traits.pegged:
            sigma = hypot(traits.sigma, traits.gamma * SECTOR_SIGMA)
            found[f"asset/{asset}"] = Route(f"asset/{asset}", sign, sigma, pegged=True)
            continue
        for name, share, sigma in (
            (f"asset/{asset}", sign, traits.sigma),
            (MARKET, sign * traits.beta, MARKET_SIGMA),
            (f"sector/{traits.sector}", sign * traits.gamma, SECTOR_SIGMA),
        ):
            before = found[name].share if name in found else 0.0
            found[name] = Route(name, before + share, sigma)
    return tuple(each for each in found.values() if each.sigma * each.share)


def season(first: int, count: int) -> Floats:
    """How lively hours usually are, about 1 (rule 3)."""
    hours = np.arange(first, first + count)
    day = (hours // HOURS + _FIRST_DAY) % 7
    return np.array(_DAILY)[hours % HOURS] * np.where((day == 6) | (day == 0), WEEKEND, 1.0)


def _risen(heat: Floats) -> Floats:
    """exp, by the library that gives the same for one number as for many; a day's hours share one."""
    known = {value: exp(value) for value in set(heat.tolist())}
    return np.array([known[value] for value in heat.tolist()])


@cache
def _library() -> Floats:
    """`SHAPES` bridges of 61 minutes that begin and end at 0, of a walk whose hour has a deviation of 1."""
    steps = Dice("past/shapes").normals(0, SHAPES * MINUTES).reshape(SHAPES, MINUTES) / sqrt(MINUTES)
    walks = np.zeros((SHAPES, MINUTES + 1))
    np.cumsum(steps, axis=1, out=walks[:, 1:])
    return walks - walks[:, -1:] * (np.arange(MINUTES + 1) / MINUTES)
