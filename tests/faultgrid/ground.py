"""The venues that the grid tries: each one's twin, its few markets, and how its books are found in the truth.

What "equal" means
  trades     by id, on every venue: `trade_id`, or Deribit's `trade_seq`, has no holes.
  candles    figure by figure, wherever the desk calls them closed and whole.
  books      level by level wherever the desk calls them whole: Binance's and Deribit's, whose updates name each other,
             as deep as is looked; Kraken's to the ten levels of its checksum; those of Coinbase Advanced as deep as
             another snapshot has agreed. What is `unverified` (Kraken's levels below, the books of Coinbase Exchange,
             which its wire cannot prove) must be equal unless a frame of it was damaged: then that word has said so,
             and it counts as unproven.
  claims     a price or a candle that calls itself whole while the market goes on must be so at that instant, also where
             a venue never names its newest trade and trades alone are lost or late.

A book without ids is found by its time: it is what the venue's last step of that time made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.market import InstrumentId
from bethna.twins import registry
from bethna.twins.deribit.contracts import SPREAD_IDS
from bethna.twins.faults import Faults, Words
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World

FIRST, LAST, TRADES = "@first", "@last", "@trades"
"""In a cell: the liveliest symbol, the quietest one, the stream of trades, whatever the venue calls them."""
MOST_LEVELS = 400


@dataclass(frozen=True)
class Ground:
    """A venue as the grid knows it.

    Attributes:
        name: of the twin. rates: its markets, the liveliest first, and their orders a second.
        trades: the suffix of its stream of trades. streams: suffixes that random plans draw from.
        update_of: the market's update id of a book's; None where books have no ids and are found by their time.
        whole: what the desk says at best of a whole instrument. wire: of several, the one that is chosen.
        hosts: how many the desk knows. gathers_ns: how long the venue may gather trades before it tells them.
        one_count: frames are counted by connection, so that a lost one puts every book of it in doubt.
    """

    name: str
    rates: dict[str, float]
    trades: str
    streams: tuple[str, ...]
    update_of: Callable[[int], int] | None = None
    whole: State = State.UNVERIFIED
    wire: str = ""
    hosts: int = 1
    gathers_ns: int = 0
    one_count: bool = False

    @property
    def venue(self) -> str:
        """As the desk names it."""
        return self.name.partition("_")[0]

    @property
    def symbols(self) -> tuple[str, ...]:
        """As the venue spells them, the liveliest first."""
        return tuple(self.rates)

    @property
    def words(self) -> Words:
        """What a plan may say of it."""
        return registry.VENUES[self.name].words

    def listings(self) -> tuple[Listing, ...]:
        """Its markets at a steady pace; books of tens of thousands of levels would only take time."""
        found = {listing.symbol: listing for listing in registry.VENUES[self.name].listings()}
        return tuple(
            replace(found[symbol], rate=rate, levels=min(found[symbol].levels, MOST_LEVELS))
            for symbol, rate in self.rates.items()
        )

    def twin(self, world: World, faults: Faults, rng: Random) -> VenueTwin:
        """The venue on a world."""
        built = registry.VENUES[self.name].build(world, faults, rng)
        assert isinstance(built, VenueTwin)
        return built

    def instrument(self, listing: Listing) -> InstrumentId:
        """The desk's name of a market."""
        symbol = listing.symbol if self.venue == "deribit" else f"{listing.base}-{listing.quote}"
        return InstrumentId(f"{symbol}@{self.venue}")

    def word(self, text: str) -> str:
        """A cell's word in the venue's spelling."""
        return {FIRST: self.symbols[0], LAST: self.symbols[-1], TRADES: self.trades}.get(text, text)


BINANCE = Ground(
    "binance",
    {"BTCUSDT": 24.0, "ETHUSDT": 6.0, "POLUSDT": 3.0},
    "trade",
    ("", "", "trade", "depth*", "bookTicker"),
    update_of=lambda update_id: update_id,
    whole=State.COMPLETE,
    hosts=2,
)
KRAKEN = Ground(
    "kraken",
    {"BTC/USD": 24.0, "ETH/USD": 6.0, "POL/USD": 3.0},
    "trade",
    ("", "", "trade", "book*", "ticker*"),
)
COINBASE = Ground(
    "coinbase",
    {"BTC-USD": 24.0, "ETH-USD": 6.0, "POL-USD": 3.0},
    "matches",
    ("", "", "matches", "level2*", "heartbeat"),
)
ADVANCED = Ground(
    "coinbase_advanced",
    {"BTC-USD": 24.0, "ETH-USD": 6.0, "POL-USD": 3.0},
    "market_trades",
    ("", "", "market_trades", "level2", "ticker"),
    whole=State.COMPLETE,
    wire="advanced",
    gathers_ns=NS_PER_S // 2,
    one_count=True,
)
DERIBIT = Ground(
    "deribit",
    {"BTC-PERPETUAL": 24.0, "ETH-PERPETUAL": 6.0},
    "trades.100ms",
    ("", "", "trades.100ms", "book.100ms", "ticker*"),
    update_of=lambda change_id: change_id // SPREAD_IDS,
    whole=State.COMPLETE,
    gathers_ns=NS_PER_S // 5,
)
GROUNDS = {ground.name: ground for ground in (BINANCE, KRAKEN, COINBASE, ADVANCED, DERIBIT)}
