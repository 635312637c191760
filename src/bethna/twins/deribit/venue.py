"""The whole venue: what is denied, what is let in, what requests are answered; `line` does the rest.

It opens no socket. Streams are at `/ws/api/v2`, requests `GET /api/v2/public/METHOD?NAME=VALUE`. There are no accounts:
what is private is unauthorized.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import unquote

from bethna.twins.deribit.connection import Connection
from bethna.twins.deribit.exchange import Exchange
from bethna.twins.deribit.limits import Limits, Rules
from bethna.twins.deribit.methods import Asked, answer
from bethna.twins.deribit.rpc import MAINTENANCE, TOO_MANY, Refused, done, failed
from bethna.twins.deribit.speech import SPEECH
from bethna.twins.deribit.words import API, SOCKET, WORDS
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.line import connection as line
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s
from bethna.twins.line.seam import Answer
from bethna.twins.line.stale import DelayedBook
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.world import World

JSON = "application/json"
METHOD_NOT_ALLOWED = 405
_BOOK = "public/get_order_book"


class DeribitTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.

    Attributes:
        exchange: its instruments.
    """

    words = WORDS

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        self.rules = rules or Rules()
        self.exchange = Exchange(world)  # it hears each step before the streams do
        self._limits = Limits(self.rules)
        self._asked = 0
        super().__init__(world, faults, self.rules, SPEECH, rng)

    # --- upgrades

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """`/ws/api/v2`."""
        path = target.partition("?")[0].rstrip("/")
        if path != SOCKET:
            return denials.page(404, self._shared.venue_now)
        held = sum(each.address == address for each in self._shared.standing.values())
        if held >= self.rules.connections:
            return self._failed(Refused(TOO_MANY), 429)
        return Connection(self._shared, self.rules, self._limits, self.exchange, self._ask, address, path)

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The instrument of the query; the path."""
        path, _, query = target.partition("?")
        return _options(query).get("instrument_name", ""), path.rstrip("/")

    # --- requests

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request."""
        self._asked += 1
        path, _, query = target.partition("?")
        if method not in ("GET", "HEAD"):
            return denials.page(METHOD_NOT_ALLOWED, self._shared.venue_now)
        if not path.startswith(API + "/"):
            return denials.page(404, self._shared.venue_now)
        name = path.removeprefix(API + "/").rstrip("/")
        if not self._limits.take(name, address, now):
            return self._failed(Refused(TOO_MANY), 400)
        params = _options(query)
        try:
            result = answer(name, self._ask(params, now))
        except Refused as refused:
            return self._failed(refused, 400)
        delay_s = 0.0
        if name == _BOOK:
            race = self.faults.strikes("snapshot_race", now, symbol=params["instrument_name"])
            delay_s = race.delay_s if race else 0.0
        venue_now = self._shared.venue_now
        body = done(result, None, venue_now, self._asked)
        return Answer(200, denials.headers(venue_now, JSON), body, delay_s)

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests and upgrades, in the venue's words."""
        match fault.kind:
            case "http_429":
                found = self._failed(Refused(TOO_MANY), 429)
            case "maintenance":
                found = self._failed(Refused(MAINTENANCE), 503)
            case _:
                return super().deny(fault, until, address, now)
        found.headers["Retry-After"] = str(retry_after_s(until, now))
        return found

    def renamed(self, old: str, new: str, now: int) -> None:
        """An instrument has another name from now on."""
        self.exchange.named(old, new)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: credits that are left."""
        return self._limits.state(now)

    def _ask(self, params: Mapping[str, Any], now: int) -> Asked:
        def past(symbol: str) -> DelayedBook | None:
            fault = self.faults.strikes("stale_snapshot", now, symbol=symbol)
            return self._stale.find(fault, symbol, now) if fault else None

        def withheld(symbol: str) -> Mapping[int, None]:
            return self.ledger.withheld.get(symbol, {})

        return Asked(self.exchange, params, past, withheld)

    def _failed(self, refused: Refused, status: int) -> Answer:
        venue_now = self._shared.venue_now
        body = failed(refused, None, venue_now, self._asked)
        return Answer(status, denials.headers(venue_now, JSON), body)


def _options(query: str) -> dict[str, str]:
    """A query by name."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote(name): unquote(value.replace("+", " ")) for name, _, value in pairs}
