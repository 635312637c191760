"""Streams of the wire: a channel of a product, or of none; whether either exists is not looked at here."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.line.speech import Role

WIDE = ("heartbeats", "status")
"""Channels of no product."""
_EVERY_NS = {
    "level2": 50 * NS_PER_MS,
    "market_trades": 250 * NS_PER_MS,
    "ticker_batch": 5 * NS_PER_S,
    "candles": NS_PER_S,
    "heartbeats": NS_PER_S,
    "status": 5 * NS_PER_S,
}
_ROLES: dict[str, Role] = {"market_trades": "trades", "level2": "diffs"}
_RANKS = {"level2": 0, "market_trades": 1, "ticker": 2}


class Stream(Struct, frozen=True):
    """One channel of one product.

    Attributes:
        suffix: the channel. symbol: the product as the market lists it, "" of none.
    """

    suffix: str
    symbol: str = ""

    @property
    def name(self) -> str:
        """`level2:BTC-USD`, as the ledger says it."""
        return f"{self.suffix}:{self.symbol}" if self.symbol else self.suffix

    @property
    def every_ns(self) -> int:
        """Books every 50 ms, trades every 250 ms; a ticker is said with its trade."""
        return _EVERY_NS.get(self.suffix, 0)

    @property
    def role(self) -> Role:
        """What it says, as far as faults tell."""
        return _ROLES.get(self.suffix, "")

    @property
    def rank(self) -> int:
        """Books, then trades, then the rest."""
        return _RANKS.get(self.suffix, 9)
