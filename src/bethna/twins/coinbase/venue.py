"""The whole venue: what is denied, what is let in, what requests are answered; `line` does the rest.

It opens no socket. Streams are at `/`, requests at `/products` and the other endpoints of `rest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec

from bethna.twins.coinbase import rest
from bethna.twins.coinbase.connection import Connection
from bethna.twins.coinbase.limits import Limits, Rules
from bethna.twins.coinbase.sequences import LastMatches, sequence_now
from bethna.twins.coinbase.speech import SPEECH
from bethna.twins.coinbase.words import SOCKET, WORDS
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.line import connection as line
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s
from bethna.twins.line.seam import Answer
from bethna.twins.line.stale import DelayedBook
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.world import World

JSON = "application/json; charset=utf-8"
TOO_MANY = "Public rate limit exceeded"
BOOK, TRADES = "/products/ID/book", "/products/ID/trades"


class CoinbaseTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.
    """

    words = WORDS

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        self.rules = rules or Rules()
        self._limits = Limits(self.rules)
        self._last = LastMatches(world)
        super().__init__(world, faults, self.rules, SPEECH, rng)

    # --- upgrades

    def knock(self, address: str, now: int) -> Answer | None:
        """Connection attempts are limited by address, those that a fault denies counted."""
        return None if self._limits.connect(address, now) else self._said(rest.failure(429, TOO_MANY), now)

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The product of the path; `/` of an upgrade."""
        if on == "ws":
            return "", SOCKET
        endpoint, symbol, _ = rest.place(target)
        return symbol, endpoint

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """At `/`."""
        if target.partition("?")[0].strip("/"):
            return self._said(rest.failure(404, "Route not found"), now)
        return Connection(self._shared, self._limits, self._last, address, SOCKET)

    # --- requests

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request. `headers` by any case of their names."""
        if not self._limits.request(address, now):
            return self._said(rest.failure(429, TOO_MANY), now)
        if self.rules.user_agent and "user-agent" not in {name.lower() for name in headers}:
            return self._said(rest.failure(400, "User-Agent header is required."), now)
        if method not in ("GET", "HEAD"):
            return self._said(rest.failure(405, "Method not allowed"), now)
        reply = rest.answer(target, self.world, now + self.world.clock_offset_ns)
        delay_s = 0.0
        if reply.status == 200:
            reply, delay_s = self._damaged(target, reply, now)
        return self._said(reply, now, delay_s)

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests and upgrades, in the venue's words."""
        if fault.kind == "http_429":
            found = self._said(rest.failure(429, TOO_MANY), now)
            found.headers["Retry-After"] = str(retry_after_s(until, now))
            return found
        if fault.kind == "http_5xx" and fault.status == 500:
            return self._said(rest.failure(500, "Internal server error"), now)
        return super().deny(fault, until, address, now)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: what may still be asked."""
        return self._limits.state(now)

    def _said(self, reply: rest.Reply, now: int, delay_s: float = 0.0) -> Answer:
        found = denials.headers(now + self.world.clock_offset_ns, JSON)
        return Answer(reply.status, found | reply.headers, reply.body, delay_s)

    def _damaged(self, target: str, reply: rest.Reply, now: int) -> tuple[rest.Reply, float]:
        """A good answer and its delay after the faults of snapshots and histories."""
        endpoint, symbol, query = rest.place(target)
        if endpoint == BOOK:
            fault = self.faults.strikes("stale_snapshot", now, symbol=symbol)
            old = self._stale.find(fault, symbol, now) if fault else None
            if old is not None:
                reply = self._old_book(old, symbol, query, now)
            race = self.faults.strikes("snapshot_race", now, symbol=symbol)
            return reply, race.delay_s if race else 0.0
        if endpoint == TRADES and (withheld := self.ledger.withheld.get(symbol)):
            reply = rest.Reply(reply.status, _without(reply.body, withheld), reply.headers)
        return reply, 0.0

    def _old_book(self, old: DelayedBook, symbol: str, query: Mapping[str, str], now: int) -> rest.Reply:
        """A book as it was; its number is behind, too."""
        market, level = self.world.markets[symbol], query.get("level", "1")
        update_id, bids, asks = old.depth(1 if level == "1" else rest.ALL_LEVELS)
        sequence = sequence_now(market) - (market.update_id - update_id)
        venue_now = now + self.world.clock_offset_ns
        return rest.Reply(200, rest.book_text(market.listing, bids, asks, level, sequence, venue_now))


def build(world: World, faults: Faults, rng: Random) -> CoinbaseTwin:
    """The venue by its own rules."""
    return CoinbaseTwin(world, faults, rng=rng)


def _without(body: bytes, withheld: Mapping[int, None]) -> bytes:
    """A history without some trades."""
    rows = msgspec.json.decode(body, type=list[dict[str, object]])
    kept = [row for row in rows if row["trade_id"] not in withheld]
    return body if len(kept) == len(rows) else msgspec.json.encode(kept)
