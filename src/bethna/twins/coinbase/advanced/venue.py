"""The venue by its second wire: what is let in and what requests are answered; it opens no socket."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec

from bethna.twins.coinbase.advanced import rest
from bethna.twins.coinbase.advanced.connection import Connection, canonical
from bethna.twins.coinbase.advanced.words import ADVANCED, MARKET_BOOK, MARKET_TICKER
from bethna.twins.coinbase.limits import Limits
from bethna.twins.coinbase.limits import Rules as ExchangeRules
from bethna.twins.coinbase.rest import Reply
from bethna.twins.coinbase.speech import frame_of, ids_of
from bethna.twins.coinbase.words import SOCKET
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.line import connection as line
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s
from bethna.twins.line.seam import Answer
from bethna.twins.line.speech import Speech
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.world import World

JSON = "application/json; charset=utf-8"
TOO_MANY = "too many requests"
_WRONG = (
    b'{"channel":"market_trades","timestamp":0,"sequence_num":"soon","events":[{"type":[],"trades":[7]}]}'
)
SPEECH = Speech(wrong=lambda _frame: _WRONG, ids_of=ids_of, wrap=frame_of)


class Rules(ExchangeRules, frozen=True):
    """The wire's rules; see `limits.Rules`. Without heartbeats a silent connection is closed after 60 to 75 s."""

    idle_s: float = 60.0
    connections: int = 8
    requests: int = 10
    address_messages_per_s: int = 8
    user_agent: bool = False


class AdvancedTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.
    """

    words = ADVANCED

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        self.rules = rules or Rules()
        self._limits = Limits(self.rules)
        super().__init__(world, faults, self.rules, SPEECH, rng)

    def knock(self, address: str, now: int) -> Answer | None:
        """Connection attempts are limited by address, those that a fault denies counted."""
        return None if self._limits.connect(address, now) else self._limited(now)

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The product, by its own name; `/` of an upgrade."""
        if on == "ws":
            return "", SOCKET
        endpoint, symbol, _ = rest.place(target)
        return canonical(symbol, self.world) or symbol, endpoint

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """At `/`."""
        if target.partition("?")[0].strip("/"):
            return self._said(rest.failure(404, "NOT_FOUND", "not found"), now)
        return Connection(self._shared, self._limits, address, SOCKET)

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request."""
        if not self._limits.request(address, now):
            return self._limited(now)
        if method not in ("GET", "HEAD"):
            return self._said(rest.failure(401, "UNAUTHENTICATED", "Unauthorized"), now)
        reply = rest.answer(target, self.world, now + self.world.clock_offset_ns)
        delay_s = 0.0
        if reply.status == 200:
            reply, delay_s = self._damaged(target, reply, now)
        return self._said(reply, now, delay_s)

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests and upgrades, in the venue's words."""
        if fault.kind == "http_429":
            found = self._limited(now)
            found.headers["Retry-After"] = str(retry_after_s(until, now))
            return found
        return super().deny(fault, until, address, now)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: what may still be asked."""
        return self._limits.state(now)

    def _limited(self, now: int) -> Answer:
        return self._said(rest.failure(429, "RESOURCE_EXHAUSTED", TOO_MANY), now)

    def _said(self, reply: Reply, now: int, delay_s: float = 0.0) -> Answer:
        found = denials.headers(now + self.world.clock_offset_ns, JSON)
        return Answer(reply.status, found | reply.headers, reply.body, delay_s)

    def _damaged(self, target: str, reply: Reply, now: int) -> tuple[Reply, float]:
        """A good answer and its delay after the faults of snapshots and histories."""
        endpoint, asked, query = rest.place(target)
        symbol = canonical(asked, self.world) or ""
        if endpoint == MARKET_BOOK:
            fault = self.faults.strikes("stale_snapshot", now, symbol=symbol)
            old = self._stale.find(fault, symbol, now) if fault else None
            if old is not None:
                limit = int(query.get("limit") or rest.ALL_LEVELS)
                _, bids, asks = old.depth(limit)
                venue_now = now + self.world.clock_offset_ns
                reply = Reply(200, rest.book_text(self.world.markets[symbol], bids, asks, venue_now))
            race = self.faults.strikes("snapshot_race", now, symbol=symbol)
            return reply, race.delay_s if race else 0.0
        if endpoint == MARKET_TICKER and (withheld := self.ledger.withheld.get(symbol)):
            reply = Reply(reply.status, _without(reply.body, withheld))
        return reply, 0.0


def build(world: World, faults: Faults, rng: Random) -> AdvancedTwin:
    """The venue by its own rules."""
    return AdvancedTwin(world, faults, rng=rng)


def _without(body: bytes, withheld: Mapping[int, None]) -> bytes:
    """A history without some trades."""
    found = msgspec.json.decode(body)
    found["trades"] = [row for row in found["trades"] if int(row["trade_id"]) not in withheld]
    return msgspec.json.encode(found)
