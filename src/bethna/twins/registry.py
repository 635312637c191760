"""Which venues have a twin, and how one is built on a market; it opens no socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from random import Random
from typing import NamedTuple

from bethna.core.errors import UnknownInstrument, cut
from bethna.twins.binance.venue import BinanceTwin
from bethna.twins.faults import Fault, Faults
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World
from bethna.twins.serving import Venue

Build = Callable[[World, Faults, Random], Venue]


def _binance(world: World, faults: Faults, rng: Random) -> Venue:
    return BinanceTwin(world, faults, rng=rng)


VENUES: dict[str, Build] = {"binance": _binance}


class Simulated(NamedTuple):
    """A venue and what it is made of."""

    world: World
    faults: Faults
    venue: Venue


def build(
    venue: str,
    *,
    seed: int,
    start: int,
    listings: Sequence[Listing] | None = None,
    pace: float = 1.0,
    plan: Iterable[Fault] = (),
) -> Simulated:
    """A twin of `venue`: all of it is a function of these arguments and of what it is asked.

    Args:
        seed: of the market, of the faults' draws and of the venue's own dice.
        start: ns UTC. listings: None lists the whole catalogue. pace: how many times as often orders arrive.
    """
    world = World(seed, start, listings, pace=pace)
    faults = Faults(plan, start, Random(f"{seed}/faults"))
    return Simulated(world, faults, VENUES[venue](world, faults, Random(f"{seed}/venue")))


def chosen(asked: str) -> tuple[Listing, ...]:
    """The listings of `--symbols`: a number takes the liveliest ones, names (commas between) those.

    Raises:
        UnknownInstrument: a name that the catalogue does not have, or a number of none or more than there are.
    """
    everything = catalogue()
    if asked.strip().isdecimal() and asked.strip().isascii():
        count = int(asked.strip()[:9])
        if not 0 < count <= len(everything):
            said = f"at least one symbol and at most {len(everything)}"
            raise UnknownInstrument(asked, message=f"expected {said}, found {cut(asked.strip())}", hint=_HINT)
        return everything[:count]
    by_name = {listing.symbol: listing for listing in everything}
    found: dict[str, Listing] = {}
    for word in filter(None, (word.strip().upper() for word in asked.split(","))):
        if word not in by_name:
            nearest = tuple(get_close_matches(cut(word), by_name, n=3, cutoff=0.5))
            said = f"expected a symbol of the simulated market, found {cut(word)!r}"
            hint = f"nearest: {', '.join(nearest)}" if nearest else _HINT
            raise UnknownInstrument(word, nearest, message=said, hint=hint)
        found[word] = by_name[word]
    if not found:
        raise UnknownInstrument(asked, message="expected at least one symbol, found none", hint=_HINT)
    return tuple(found.values())


_HINT = "write --symbols 50 for the 50 liveliest, or --symbols BTCUSDT,ETHUSDT"
