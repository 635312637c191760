"""The perpetuals that the venue lists; it lists no options: those are made by `options` as the calendar says.

They are inverse: amounts are USD in multiples of the contract size, prices USD for one coin. A lot of the market model
is one contract. Fair prices are those of the base asset against a dollar that stands still, so they agree with every
venue of the same seed and start.
"""

from __future__ import annotations

from functools import cache

from msgspec.structs import replace

from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import UNIT, Listing

# Base: tick in USD times 1e8, contract in USD, a usual order in contracts, orders a second.
_PERPETUALS = {
    "BTC": (UNIT // 2, 10, 250, 40.0),
    "ETH": (UNIT // 20, 1, 1_800, 28.0),
}
_LEVELS = 400
_WIDTH = 0.00005


@cache
def listings() -> tuple[Listing, ...]:
    """Every perpetual, the liveliest first."""
    return tuple(
        replace(
            listing(base, "USDT"),
            symbol=f"{base}-PERPETUAL",
            quote="USD",
            tick=tick,
            lot=contract * UNIT,
            rate=rate,
            size=size,
            levels=_LEVELS,
            width=_WIDTH,
        )
        for base, (tick, contract, size, rate) in _PERPETUALS.items()
    )
