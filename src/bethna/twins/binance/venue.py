"""The whole venue: what is denied, what is let in, what requests are answered; `line` does the rest.

It opens no socket. Endpoints are `/api/v3/...`, `/ws` and `/stream`.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from urllib.parse import unquote

import msgspec

from bethna.twins.binance import denials, rest
from bethna.twins.binance.connection import Connection
from bethna.twins.binance.frames import levels_text
from bethna.twins.binance.limits import Limits, Rules
from bethna.twins.binance.speech import SPEECH
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.faults.words import BINANCE
from bethna.twins.line import connection as line
from bethna.twins.line.seam import Answer
from bethna.twins.line.stale import DelayedBook
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World

DEPTH = "/api/v3/depth"
DEPTH_LEVELS = (100, 5000)
"""Default and most of a snapshot."""
HISTORIES = ("/api/v3/trades", "/api/v3/historicalTrades", "/api/v3/aggTrades")
_UNITS = {"MILLISECOND": False, "MICROSECOND": True}


class BinanceTwin(VenueTwin):
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.
    """

    words = BINANCE

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        self.rules = rules or Rules()
        self._limits = Limits(self.rules)
        super().__init__(world, faults, self.rules, SPEECH, rng)

    # --- upgrades

    def knock(self, address: str, now: int) -> Answer | None:
        """Connection attempts are limited by address, those that a fault denies counted."""
        denial = self._limits.connect(address, now)
        if denial is None:
            return None
        return denials.denied(denial, address, self.rules.weight, now, self.world.clock_offset_ns)

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The symbol of the query; the path, or `/ws` or `/stream` of an upgrade."""
        path, _, query = target.partition("?")
        if on == "ws":
            return "", _socket_endpoint(path)
        return _options(query).get("symbol", ""), path.rstrip("/")

    def accept(self, target: str, address: str, now: int) -> line.Connection | Answer:
        """`/ws`, `/ws/STREAM/STREAM`, `/stream?streams=STREAM/STREAM`, each with `timeUnit` if wanted."""
        shared = self._shared
        path, _, query = target.partition("?")
        options = _options(query)
        endpoint = _socket_endpoint(path)
        if path.rstrip("/") not in ("/ws", "/stream") and not path.startswith("/ws/"):
            return denials.refused(404, 0, "Not found", shared.venue_now)
        listed = unquote(path[len("/ws/") :]) if endpoint == "/ws" else options.get("streams", "")
        names = tuple(dict.fromkeys(filter(None, listed.split("/"))))
        unit = options.get("timeUnit", "MILLISECOND").upper()
        if len(names) > self.rules.streams or unit not in _UNITS:
            return denials.refused(400, -1100, "Illegal characters found in a parameter.", shared.venue_now)
        return Connection(
            shared, self.rules, self._limits, address, endpoint, names, microseconds=_UNITS[unit]
        )

    # --- requests

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request. `headers` by any case of their names."""
        offset = self.world.clock_offset_ns
        path, _, query = target.partition("?")
        options = _options(query)
        if method not in ("GET", "HEAD"):
            return denials.refused(405, -1000, f"Request method '{method[:20]}' not supported", now + offset)
        unit = {name.lower(): value for name, value in headers.items()}.get("x-mbx-time-unit", "")
        reply = rest.answer(
            target,
            self.world,
            now + offset,
            microseconds=unit.upper() == "MICROSECOND",
            weight=self.rules.weight,
            raw_requests=self.rules.raw_requests,
        )
        denial = self._limits.request(address, reply.weight, now, offset)
        if denial is not None:
            answer = denials.denied(denial, address, self.rules.weight, now, offset)
        else:
            body, delay_s = reply.body, 0.0
            if reply.status == 200:
                body, delay_s = self._damaged(path, options.get("symbol", ""), options, body, now)
            answer = Answer(reply.status, denials.headers(now + offset), body, delay_s)
        used = str(self._limits.used(address, now, offset))
        answer.headers.update({"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used})
        return answer

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """A fault of requests and upgrades, in the venue's words."""
        offset = self.world.clock_offset_ns
        match fault.kind:
            case "http_451":
                return denials.restricted(now + offset)
            case "http_5xx":
                return denials.failed(fault.status, now + offset)
            case "http_418" | "http_429":
                status = 418 if fault.kind == "http_418" else 429
                return denials.limited(status, until, address, self.rules.weight, now, offset)
            case _:
                return super().deny(fault, until, address, now)

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: weight used, attempts to connect, bans."""
        return self._limits.state(now, self.world.clock_offset_ns)

    def _damaged(
        self, path: str, symbol: str, options: Mapping[str, str], body: bytes, now: int
    ) -> tuple[bytes, float]:
        """A good answer's body and delay after the faults of snapshots and histories."""
        if path == DEPTH:
            fault = self.faults.strikes("stale_snapshot", now, symbol=symbol)
            book = self._stale.find(fault, symbol, now) if fault else None
            if book is not None:
                body = _snapshot(book, self.world.markets[symbol].listing, options)
            race = self.faults.strikes("snapshot_race", now, symbol=symbol)
            return body, race.delay_s if race else 0.0
        if path in HISTORIES and (withheld := self.ledger.withheld.get(symbol)):
            body = _without(body, withheld)
        return body, 0.0


def _socket_endpoint(path: str) -> str:
    return "/stream" if path.startswith("/stream") else "/ws"


def _snapshot(book: DelayedBook, listing: Listing, options: Mapping[str, str]) -> bytes:
    """`{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}` of a book as it was."""
    update_id, bids, asks = book.depth(_levels(options.get("limit", "")))
    return b'{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}' % (
        update_id,
        levels_text(bids, listing),
        levels_text(asks, listing),
    )


def _options(query: str) -> dict[str, str]:
    """A query by name; a plus is a plus, as in `kline_1d@+08:00`."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _levels(limit: str) -> int:
    """How many levels a side a request that was answered asks for."""
    usual, most = DEPTH_LEVELS
    return max(1, min(most, int(limit))) if limit.isdecimal() else usual


def _without(body: bytes, withheld: Mapping[int, None]) -> bytes:
    """A history without some trades; an aggregate goes when one of its trades does."""
    rows = msgspec.json.decode(body, type=list[dict[str, object]])
    kept = [row for row in rows if not any(each in withheld for each in _ids(row))]
    return body if len(kept) == len(rows) else msgspec.json.encode(kept)


def _ids(row: Mapping[str, object]) -> range:
    first, last = (row["id"], row["id"]) if "id" in row else (row["f"], row["l"])
    return range(first, last + 1) if isinstance(first, int) and isinstance(last, int) else range(0)
