"""The whole venue: what is denied, what is let in, what requests are answered; `line` does the rest.

It opens no socket. Endpoints are `/v2` and `/0/public/...`.

Rules
  1. REST answers with 200 also when it refuses: too many requests, maintenance, unknown pairs. Only a front door that
     is not the venue's own (5xx, 451, a page in HTML) has another status.
  2. While there is maintenance SystemStatus and Time answer, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from urllib.parse import parse_qsl

import msgspec

from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.kraken import rest
from bethna.twins.kraken.connection import Connection
from bethna.twins.kraken.limits import Limits, Rules
from bethna.twins.kraken.speech import SPEECH
from bethna.twins.kraken.words import ROOT, SOCKET, WORDS
from bethna.twins.line import connection as line
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s
from bethna.twins.line.seam import Answer
from bethna.twins.line.stale import DelayedBook
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.world import World

JSON = "application/json; charset=utf-8"
TOO_MANY = "EGeneral:Too many requests"
UNAVAILABLE = "EService:Unavailable"
_encode = msgspec.json.encode


class KrakenTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.
    """

    words = WORDS

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        rules = rules or Rules()
        self._limits = Limits(rules)
        self._method = ""
        super().__init__(world, faults, rules, SPEECH, rng)

    # --- upgrades

    def upgrade(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """A client asks for a WebSocket."""
        self._method = ""
        return super().upgrade(target, address, now)

    def knock(self, address: str, now: int) -> Answer | None:
        """Attempts to connect are limited by address."""
        until = self._limits.connect(address, now)
        return self._page(429, until, now) if until else None

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The symbol of the query's pair, and the path."""
        path, _, query = target.partition("?")
        if on == "ws":
            return "", path
        market = rest.find(self.world, dict(parse_qsl(query)).get("pair", ""))
        return market.listing.symbol if market else "", path

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """`/v2` and nothing else."""
        path = target.partition("?")[0]
        if path.rstrip("/") != SOCKET:
            return denials.page(404, self._shared.venue_now)
        return Connection(self._shared, address, path)

    # --- requests

    def http(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A request."""
        self._method = target.partition("?")[0].removeprefix(f"{ROOT}/")
        return super().http(method, target, headers, address, now)

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A request, and no fault is in the way (rule 1)."""
        venue_now = self._shared.venue_now
        path, _, words = target.partition("?")
        if method not in ("GET", "HEAD", "POST"):
            return denials.page(405, venue_now)
        if not path.startswith(f"{ROOT}/"):
            return self._refused("EGeneral:Unknown method")
        symbol, _ = self.about(target, "rest")
        if not self._limits.request(address, self._method, symbol, now):
            return self._refused(TOO_MANY)
        past, late_s = self._damage(symbol, now) if self._method == "Depth" else (None, 0.0)
        query = rest.Query(words, self.world, venue_now, self.ledger.withheld, past)
        try:
            return self._said({"error": [], "result": rest.result(self._method, query)}, late_s)
        except rest.Refused as refused:
            return self._refused(str(refused))

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests and upgrades in the venue's words (rules 1 and 2)."""
        if fault.kind == "http_429":
            return self._refused(TOO_MANY) if self._method else self._page(429, until, now)
        if fault.kind != "maintenance" or not self._method:
            return super().deny(fault, until, address, now)
        venue_now = self._shared.venue_now
        if self._method == "SystemStatus":
            return self._said({"error": [], "result": rest.status_of("maintenance", venue_now)})
        if self._method == "Time":
            query = rest.Query("", self.world, venue_now, {})
            return self._said({"error": [], "result": rest.server_time(query)})
        return self._refused(UNAVAILABLE)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: credits that are left, and who is kept out."""
        return self._limits.state(now)

    def _damage(self, symbol: str, now: int) -> tuple[DelayedBook | None, float]:
        """What the faults of snapshots do to a book of REST: an old one, a late one."""
        stale = self.faults.strikes("stale_snapshot", now, symbol=symbol)
        race = self.faults.strikes("snapshot_race", now, symbol=symbol)
        return self._stale.find(stale, symbol, now) if stale else None, race.delay_s if race else 0.0

    def _page(self, status: int, until: int, now: int) -> Answer:
        answer = denials.page(status, self._shared.venue_now)
        answer.headers["Retry-After"] = str(retry_after_s(until, now))
        return answer

    def _refused(self, why: str) -> Answer:
        return self._said({"error": [why]})

    def _said(self, body: dict[str, object], late_s: float = 0.0) -> Answer:
        return Answer(200, denials.headers(self._shared.venue_now, JSON), _encode(body), late_s)
