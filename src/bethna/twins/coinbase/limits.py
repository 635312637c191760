"""What one address may ask of the venue; it keeps count and answers nothing.

Rules
  1. Attempts to connect come out of a pool of `connections` that refills by `connections_per_s`.
  2. Requests come out of a pool of `requests` that refills by `requests_per_s`; beyond: 429.
  3. Messages of all connections of an address: at most `address_messages_per_s` in a second.
"""

from __future__ import annotations

from bethna.twins.line.limits import Gates, Pool, Window
from bethna.twins.line.limits import Rules as LineRules


class Rules(LineRules, frozen=True):
    """The venue's rules; tests scale them. Those of connections are in `line.limits`.

    Attributes:
        connections, connections_per_s, requests, requests_per_s, address_messages_per_s: see the module.
        user_agent: a request without that header is refused.
    """

    ping_every_s: float = 0.0
    life_s: float = 0.0
    subscribe_within_s: float = 5.0
    messages_per_s: int = 0
    connections: int = 20
    connections_per_s: float = 8.0
    requests: int = 15
    requests_per_s: float = 10.0
    address_messages_per_s: int = 100
    user_agent: bool = True


class Limits:
    """The counts of every address. `now` is the caller's clock, ns UTC."""

    def __init__(self, rules: Rules) -> None:
        self._connections = Gates(lambda: Pool(rules.connections, rules.connections_per_s))
        self._requests = Gates(lambda: Pool(rules.requests, rules.requests_per_s))
        self._messages = Gates(lambda: Window(rules.address_messages_per_s))

    def connect(self, address: str, now: int) -> bool:
        """One attempt to connect (rule 1)."""
        return self._connections.of(address).take(1, now)

    def request(self, address: str, now: int) -> bool:
        """One request (rule 2)."""
        return self._requests.of(address).take(1, now)

    def message(self, address: str, now: int) -> bool:
        """One message of a client (rule 3)."""
        return self._messages.of(address).take(now)

    def state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: what may still be asked, for a person to look at."""
        found: dict[str, dict[str, object]] = {}
        for name, gates in (("connections", self._connections), ("requests", self._requests)):
            for address, pool in gates.items():
                found.setdefault(address, {})[f"{name}_left"] = round(pool.left(now), 3)
        return found
