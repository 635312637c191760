"""What can be subscribed: a channel of a pair with its depth, trigger or minutes; whether it exists is not asked."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.twins.line.speech import Role

_ROLES: dict[str, Role] = {"trade": "trades", "book": "diffs"}
_RANKS = {"trade": 0, "book": 1, "ticker": 2, "ohlc": 3, "instrument": 4}


class Stream(Struct, frozen=True):
    """One subscription.

    Attributes:
        channel: trade, book, ticker, ohlc, instrument or heartbeat. symbol: `BTC/USD`, "" of all.
        depth: of a book. minutes: of candles. bbo: a ticker that follows the best prices, not the trades.
    """

    channel: str
    symbol: str = ""
    depth: int = 0
    minutes: int = 0
    bbo: bool = False

    @property
    def suffix(self) -> str:
        """`book-10`, `ohlc-5`, `ticker-bbo`: as faults spell it."""
        if self.depth or self.minutes:
            return f"{self.channel}-{self.depth or self.minutes}"
        return "ticker-bbo" if self.bbo else self.channel

    @property
    def name(self) -> str:
        """`book-10 BTC/USD`: as the ledger has it."""
        return f"{self.suffix} {self.symbol}".rstrip()

    @property
    def place(self) -> tuple[str, str, int]:
        """Of those that share it a connection carries one: one depth and one trigger of a pair, but all its minutes."""
        return self.channel, self.symbol, self.minutes

    @property
    def every_ns(self) -> int:
        """Heartbeats and reference data come each second, all else with what happens."""
        return NS_PER_S if self.channel in ("heartbeat", "instrument") else 0

    @property
    def role(self) -> Role:
        """What it says, as far as faults tell."""
        return _ROLES.get(self.channel, "")

    @property
    def rank(self) -> int:
        """Trades come before the book that they changed."""
        return _RANKS.get(self.channel, 9)


HEARTBEAT = Stream("heartbeat")
INSTRUMENT = Stream("instrument")
