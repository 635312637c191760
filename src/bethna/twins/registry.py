"""Which venues have a twin, and how one is built on a market; it opens no socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from random import Random
from typing import NamedTuple

from bethna.core.errors import UnknownInstrument, cut
from bethna.twins.binance.venue import BinanceTwin
from bethna.twins.coinbase import listings as coinbase_listings
from bethna.twins.coinbase import venue as coinbase
from bethna.twins.coinbase import words as coinbase_words
from bethna.twins.coinbase.advanced import venue as coinbase_advanced
from bethna.twins.coinbase.advanced import words as advanced_words
from bethna.twins.coingecko import WORDS as COINGECKO
from bethna.twins.coingecko import build as build_coingecko
from bethna.twins.coingecko import listings as coingecko_listings
from bethna.twins.deribit.listings import listings as deribit_listings
from bethna.twins.deribit.venue import DeribitTwin
from bethna.twins.deribit.words import WORDS as DERIBIT
from bethna.twins.faults import Fault, FaultError, Faults, Words
from bethna.twins.faults.plan import fitting
from bethna.twins.faults.words import BINANCE
from bethna.twins.kraken import WORDS as KRAKEN
from bethna.twins.kraken import KrakenTwin
from bethna.twins.kraken import listings as kraken_listings
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World
from bethna.twins.serving import Venue


class Twin(NamedTuple):
    """A venue that has a twin.

    Attributes:
        build: makes it of a world, faults and the venue's own dice.
        words: what a plan of faults may say of it. listings: what it lists when nobody says otherwise.
    """

    build: Callable[[World, Faults, Random], Venue]
    words: Words
    listings: Callable[[], tuple[Listing, ...]]


def _binance(world: World, faults: Faults, rng: Random) -> Venue:
    return BinanceTwin(world, faults, rng=rng)


def _kraken(world: World, faults: Faults, rng: Random) -> Venue:
    return KrakenTwin(world, faults, rng=rng)


def _deribit(world: World, faults: Faults, rng: Random) -> Venue:
    return DeribitTwin(world, faults, rng=rng)


VENUES: dict[str, Twin] = {
    "binance": Twin(_binance, BINANCE, catalogue),
    "coinbase": Twin(coinbase.build, coinbase_words.WORDS, coinbase_listings.listings),
    "coinbase_advanced": Twin(coinbase_advanced.build, advanced_words.ADVANCED, coinbase_listings.listings),
    "kraken": Twin(_kraken, KRAKEN, kraken_listings),
    "deribit": Twin(_deribit, DERIBIT, deribit_listings),
    "coingecko": Twin(build_coingecko, COINGECKO, coingecko_listings),
}


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
    plan: Sequence[Fault] = (),
    past_days: int = 0,
) -> Simulated:
    """A twin of `venue`: all of it is a function of these arguments and of what it is asked.

    Args:
        seed: of the market, of the faults' draws and of the venue's own dice.
        start: ns UTC. listings: None lists the whole catalogue. pace: how many times as often orders arrive.
        past_days: whole days that the market remembers from before the start.

    Raises:
        FaultError: a fault of a kind that the venue cannot have.
    """
    twin = VENUES[venue]
    faults_of_others = [fault.kind for fault in plan if not twin.words.fits(fault.kind)]
    if faults_of_others:
        kind = faults_of_others[0]
        said = f"kind: expected a kind of fault that {venue} can have, found {kind!r}"
        raise FaultError(said, hint=fitting(kind, twin.words))
    world = World(
        seed, start, twin.listings() if listings is None else listings, pace=pace, past_days=past_days
    )
    faults = Faults(plan, start, Random(f"{seed}/faults"))
    return Simulated(world, faults, twin.build(world, faults, Random(f"{seed}/venue")))


def chosen(asked: str, venue: str = "binance") -> tuple[Listing, ...]:
    """The listings of `--symbols`: a number takes the liveliest ones, names (commas between) those.

    Args:
        venue: whose symbols.

    Raises:
        UnknownInstrument: a name that the catalogue does not have, or a number of none or more than there are.
    """
    everything = VENUES[venue].listings()
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
