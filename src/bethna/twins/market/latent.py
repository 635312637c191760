"""Fair values that nobody sees: correlated log prices with volatility that clusters and jumps, on a grid of seconds.

It knows assets, not symbols, and holds no more than the running second.

    log price of an asset = beta * market + gamma * its sector + its own walk

Rules
  1. Every walk (market, sector, own) has a log-volatility that reverts over `MEMORY_S` and is kicked up by a jump.
  2. An asset's own volatility moves with the market's too, so that restless times are common.
  3. Every walk draws from a generator of its own, named by the seed and the walk: an asset's path does not depend on
     which others are listed, and is a function of the seed and the seconds since the start.
  4. Between two grid points a fair value goes straight.
  5. A peg reverts to where it began: stablecoins and currencies do not wander off.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, sqrt
from random import Random

from msgspec import Struct

MEMORY_S = 300.0
VOLATILITY_SD = 0.5
MARKET_SIGMA = 0.00006  # per square root of a second: 34 % a year
SECTOR_SIGMA = 0.00003
COMMON_JUMPS = 1 / 1800  # a second
OWN_JUMPS = 1 / 5400
JUMP = 25.0  # in sigmas of a second
KICK = 0.7
COMMON_SHARE = 0.5
PEG = 0.999
CALM = 0.12  # the mean of exp(activity) is about one with this taken off

_KEEP = exp(-1 / MEMORY_S)
_NOISE = VOLATILITY_SD * sqrt(1 - _KEEP * _KEEP)


class Traits(Struct, frozen=True, gc=False):
    """How an asset moves: its share of the market, its sector and share of that, own volatility per root second."""

    beta: float = 1.3
    sector: str = ""
    gamma: float = 1.0
    sigma: float = 0.00008
    pegged: bool = False


class Walk:
    """One random walk on the grid of seconds.

    Attributes:
        change: of the log price in the last second. heat: log-volatility over its mean.
    """

    __slots__ = ("_gauss", "_jumps", "_random", "_sigma", "change", "heat")

    def __init__(self, rng: Random, sigma: float, jumps: float) -> None:
        self._gauss = rng.gauss
        self._random = rng.random
        self._sigma = sigma
        self._jumps = jumps
        self.change = 0.0
        self.heat = rng.gauss(0.0, VOLATILITY_SD)

    def step(self, common: float = 0.0) -> float:
        """One second on, with `common` added to the log-volatility (rules 1 and 2); the change of the log price."""
        gauss = self._gauss
        heat = self.heat * _KEEP + _NOISE * gauss(0.0, 1.0)
        change = self._sigma * exp(heat + common) * gauss(0.0, 1.0)
        if self._random() < self._jumps:
            change += self._sigma * JUMP * gauss(0.0, 1.0)
            heat += KICK
        self.heat = heat
        self.change = change
        return change


class Path:
    """One asset's log price, relative to where it began.

    Attributes:
        here, ahead: at the running second's beginning and end. heat: how restless the asset is, log, 0 on average.
    """

    __slots__ = ("_walk", "ahead", "heat", "here", "traits")

    def __init__(self, rng: Random, traits: Traits) -> None:
        self._walk = Walk(rng, traits.sigma, 0.0 if traits.pegged else OWN_JUMPS)
        self.traits = traits
        self.here = self.ahead = 0.0
        self.heat = 0.0

    def step(self, shared: float, heat: float) -> None:
        """One second on: `shared` is what market and sector did."""
        own = self._walk.step(COMMON_SHARE * heat)
        self.here = self.ahead
        self.ahead += shared + own
        if self.traits.pegged:  # rule 5
            self.ahead *= PEG
        self.heat = self._walk.heat


class Latent:
    """All fair values of a world.

    Attributes:
        second: the running second since the start. heat: the market's log-volatility over its mean.
    """

    def __init__(self, seed: int, assets: Iterable[tuple[str, Traits]]) -> None:
        self.second = -1
        self.heat = 0.0
        self.paths: dict[str, Path] = {}
        for name, traits in assets:
            self.paths[name] = Path(Random(f"{seed}/asset/{name}"), traits)
        sectors = sorted({path.traits.sector for path in self.paths.values()})
        self._market = Walk(Random(f"{seed}/market"), MARKET_SIGMA, COMMON_JUMPS)
        self._sectors = {
            name: Walk(Random(f"{seed}/sector/{name}"), SECTOR_SIGMA, COMMON_JUMPS) for name in sectors
        }
        self.advance(0)

    def advance(self, second: int) -> None:
        """Let the fair values go on to the second that begins `second` seconds after the start."""
        while self.second < second:
            self.second += 1
            market = self._market.step()
            self.heat = heat = self._market.heat
            moves = {name: walk.step(COMMON_SHARE * heat) for name, walk in self._sectors.items()}
            for path in self.paths.values():
                traits = path.traits
                path.step(traits.beta * market + traits.gamma * moves[traits.sector], heat)

    def activity(self, path: Path) -> float:
        """How much livelier than on average trading in an asset is now (bounded, about 1 on average)."""
        return min(6.0, max(0.15, exp(0.7 * self.heat + 0.7 * path.heat - CALM)))
