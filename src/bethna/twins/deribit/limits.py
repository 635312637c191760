"""How much an address may ask: credits by kind of request and connections; it answers nothing.

Rules
  1. A request costs 500 credits of 50,000, refilled at 10,000 a second; `public/subscribe` 3,000 of 30,000 of its own;
     `public/get_instruments` one of 50 of its own, refilled at one a second.
  2. An address holds at most 32 connections.
"""

from __future__ import annotations

from bethna.twins.line import limits as line
from bethna.twins.line.limits import Gates, Pool


class Rules(line.Rules, frozen=True):
    """The venue's rules; tests scale them.

    Attributes:
        test_within_s: how long a test_request may wait for `public/test`. least_heartbeat_s: of `set_heartbeat`.
        connections: of an address. channels: of one call of `public/subscribe`.
        cost, pool, refill_per_s: credits of a request. subscribe_cost, subscribe_pool: of a subscription.
        listings_pool, listings_per_s: requests of `public/get_instruments`.
    """

    ping_every_s: float = 0.0
    life_s: float = 0.0
    idle_s: float = 600.0
    messages_per_s: int = 0
    test_within_s: float = 10.0
    least_heartbeat_s: float = 10.0
    connections: int = 32
    channels: int = 500
    cost: float = 500.0
    pool: float = 50_000.0
    refill_per_s: float = 10_000.0
    subscribe_cost: float = 3_000.0
    subscribe_pool: float = 30_000.0
    listings_pool: float = 50.0
    listings_per_s: float = 1.0


class Limits:
    """What the addresses have left (rule 1)."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._requests = Gates(lambda: Pool(rules.pool, rules.refill_per_s))
        self._subscribes = Gates(lambda: Pool(rules.subscribe_pool, rules.refill_per_s))
        self._listings = Gates(lambda: Pool(rules.listings_pool, rules.listings_per_s))

    def take(self, method: str, address: str, now: int) -> bool:
        """Pay for a request; False when it is too much."""
        match method:
            case "public/subscribe":
                return self._subscribes.of(address).take(self._rules.subscribe_cost, now)
            case "public/get_instruments":
                return self._listings.of(address).take(1.0, now)
            case _:
                return self._requests.of(address).take(self._rules.cost, now)

    def state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: credits that are left."""
        return {address: {"credits": round(pool.left(now))} for address, pool in self._requests.items()}
