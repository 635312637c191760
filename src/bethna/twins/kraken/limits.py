"""What one address may ask of the venue; it keeps count and words nothing.

Rules
  1. At most `connections` attempts to connect in `connection_window_s`, refused ones counted; who goes beyond is kept
     out for `ban_s`.
  2. REST has credits: `rest_burst` at most, `rest_per_s` more each second. Candles and trades are counted for each pair
     by itself. What is refused takes none.
"""

from __future__ import annotations

from bethna.core.clock import seconds
from bethna.twins.line.limits import Gates, Pool, Window
from bethna.twins.line.limits import Rules as LineRules

BY_PAIR = ("OHLC", "Trades")


class Rules(LineRules, frozen=True):
    """The venue's rules; tests scale them. Those of connections are in `line.limits`.

    The protocol names one request a second, 150 attempts in ten minutes and the end after a minute of silence. How many
    messages are too many it does not say ("dynamic"), nor how many requests may come at once.
    """

    ping_every_s: float = 0.0
    life_s: float = 0.0
    idle_s: float = 60.0
    messages_per_s: int = 50
    connections: int = 150
    connection_window_s: float = 600.0
    ban_s: float = 600.0
    rest_burst: float = 10.0
    rest_per_s: float = 1.0


class _Gate:
    """One address."""

    def __init__(self, rules: Rules) -> None:
        self.attempts = Window(rules.connections, seconds(rules.connection_window_s))
        self.banned_until = 0


class Limits:
    """The counts of every address. `now` is the caller's clock, ns UTC."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._gates = Gates(lambda: _Gate(rules))
        self._pools = Gates(lambda: Pool(rules.rest_burst, rules.rest_per_s))

    def connect(self, address: str, now: int) -> int:
        """One attempt to connect (rule 1): until when none is let in, 0 when this one is."""
        gate = self._gates.of(address)
        if gate.banned_until <= now:
            if gate.attempts.take(now):
                return 0
            gate.banned_until = now + seconds(self._rules.ban_s)
        return gate.banned_until

    def request(self, address: str, method: str, pair: str, now: int) -> bool:
        """One request (rule 2); False when it is one too many."""
        kept = f"{address} {method} {pair}" if method in BY_PAIR and pair else address
        return self._pools.of(kept).take(1.0, now)

    def state(self, now: int) -> dict[str, dict[str, object]]:
        """By address, and by address and pair: what is left, and who is kept out."""
        found: dict[str, dict[str, object]] = {
            name: {"credits": round(pool.left(now), 3)} for name, pool in self._pools.items()
        }
        for address, gate in self._gates.items():
            if gate.banned_until > now:
                found.setdefault(address, {})["banned_until_ns"] = gate.banned_until
        return found
