"""Streams: a channel of a product; whether either exists is not looked at here.

Rules
  1. `level2_batch` says every 50 ms what changed, `ticker_batch` every 5 s, `heartbeat` at each whole second.
  2. `status` is of no product and is said every 5 s.
  3. Of one step of the market matches go out before tickers: of 80 in the recording two thirds did so.
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.line.speech import Role

STATUS = "status"
_EVERY_NS = {
    "level2_batch": 50 * NS_PER_MS,
    "ticker_batch": 5 * NS_PER_S,
    "heartbeat": NS_PER_S,
    STATUS: 5 * NS_PER_S,
}
_ROLES: dict[str, Role] = {"matches": "trades", "level2_batch": "diffs"}
_RANKS = {"level2_batch": 0, "matches": 1, "ticker": 2}


class Stream(Struct, frozen=True):
    """One channel of one product.

    Attributes:
        suffix: the channel. symbol: the product, "" of `status`.
    """

    suffix: str
    symbol: str = ""

    @property
    def name(self) -> str:
        """`matches:BTC-USD`, as the ledger says it."""
        return f"{self.suffix}:{self.symbol}" if self.symbol else self.suffix

    @property
    def every_ns(self) -> int:
        """Rules 1 and 2."""
        return _EVERY_NS.get(self.suffix, 0)

    @property
    def role(self) -> Role:
        """What it says, as far as faults tell."""
        return _ROLES.get(self.suffix, "")

    @property
    def rank(self) -> int:
        """Rule 3."""
        return _RANKS.get(self.suffix, 9)
