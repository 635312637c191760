"""The whole venue as a machine: upgrades, requests and time go in, answers and frames come out; it opens no socket.

Rules
  1. Everything happens in order of time, whatever the steps in which `advance` is called: at one instant first faults
     begin and end, then the markets move, then held frames leave, then streams in steps of time, then pings and ends.
  2. What is asked at an instant is asked after everything of that instant.
  3. `now` is the caller's clock. The venue's is `world.clock_offset_ns` ahead of it and stands in everything it says.
  4. A connection's luck is its own: its dice are seeded by the venue's seed and its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from urllib.parse import unquote

import msgspec

from bethna.core.clock import NS_PER_MS, NS_PER_US, seconds
from bethna.twins.binance import denials, rest
from bethna.twins.binance.agenda import NEVER, TIMER
from bethna.twins.binance.connection import GOING_AWAY, Connection
from bethna.twins.binance.ledger import Damage, Ledger
from bethna.twins.binance.limits import Rules
from bethna.twins.binance.post import FRAME_KINDS
from bethna.twins.binance.seam import Answer
from bethna.twins.binance.shared import Shared
from bethna.twins.binance.stale import DelayedBooks
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.faults.kinds import Kind
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

IDLE_NS = 100 * NS_PER_MS
"""How far the world may lag behind while nobody listens to every step."""
STRIDE_NS = NS_PER_MS
"""How many steps of the world are worth one call while somebody does."""
DEPTH = "/api/v3/depth"
DEPTH_LEVELS = (100, 5000)
"""Default and most of a snapshot."""
HISTORIES = ("/api/v3/trades", "/api/v3/historicalTrades", "/api/v3/aggTrades")
_UNITS = {"MILLISECOND": False, "MICROSECOND": True}
_DENIALS: tuple[Kind, ...] = ("http_418", "http_429", "http_451", "http_5xx")


class BinanceTwin:
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.
    """

    def __init__(
        self, world: World, faults: Faults, rules: Rules | None = None, rng: Random | None = None
    ) -> None:
        seed = (rng or Random(world.seed)).getrandbits(64)
        self.world = world
        self.faults = faults
        self.rules = rules or Rules()
        self._connections: dict[int, Connection] = {}
        self._shared = Shared(world, faults, self.rules, seed, advance=self.advance)
        self._agenda = self._shared.agenda
        self._stale = DelayedBooks(world)
        self._accepted = 0
        self._requests = 0
        self._edge_at = NEVER
        self._fault_offset_ns = 0
        self._version = -1
        self._is_advancing = False
        world.listen(self._hear)

    # --- what the sockets ask

    def upgrade(self, target: str, address: str, now: int) -> Connection | Answer:
        """A client asks for a WebSocket: the connection, to be attached once 101 is written, or what denies it."""
        self.advance(now)
        shared, world = self._shared, self.world
        denial = shared.limits.connect(address, now)
        path, _, query = target.partition("?")
        options = _options(query)
        endpoint = "/stream" if path.startswith("/stream") else "/ws"
        if (struck := self._struck("ws", now, "", endpoint, address)) is not None:
            return struck
        if denial is not None:
            return denials.denied(denial, address, self.rules.weight, now, world.clock_offset_ns)
        if path.rstrip("/") not in ("/ws", "/stream") and not path.startswith("/ws/"):
            return denials.refused(404, 0, "Not found", shared.venue_now)
        listed = unquote(path[len("/ws/") :]) if endpoint == "/ws" else options.get("streams", "")
        names = tuple(dict.fromkeys(filter(None, listed.split("/"))))
        unit = options.get("timeUnit", "MILLISECOND").upper()
        if len(names) > self.rules.streams or unit not in _UNITS:
            return denials.refused(400, -1100, "Illegal characters found in a parameter.", shared.venue_now)
        self._accepted += 1
        connection = Connection(
            shared, self._accepted, address, endpoint, names, self._connections, microseconds=_UNITS[unit]
        )
        self._doom(connection, now)
        return connection

    def http(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request. `headers` by any case of their names."""
        self.advance(now)
        self._requests += 1
        shared, offset = self._shared, self.world.clock_offset_ns
        path, _, query = target.partition("?")
        options = _options(query)
        symbol = options.get("symbol", "")
        if (struck := self._struck("rest", now, symbol, path.rstrip("/"), address)) is not None:
            return struck
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
        denial = shared.limits.request(address, reply.weight, now, offset)
        if denial is not None:
            answer = denials.denied(denial, address, self.rules.weight, now, offset)
        else:
            body, delay_s = reply.body, 0.0
            if reply.status == 200:
                body, delay_s = self._damaged(path, symbol, options, body, now)
            answer = Answer(reply.status, denials.headers(now + offset), body, delay_s)
        used = str(shared.limits.used(address, now, offset))
        answer.headers.update({"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used})
        return answer

    # --- time

    def advance(self, now: int) -> None:
        """Let everything happen until `now`, in order (rule 1); what is before the last call is left as it is."""
        if self._is_advancing:  # a wire that calls back from within a frame
            return
        self._is_advancing = True
        try:
            self._advance(now)
        finally:
            self._is_advancing = False

    def deadline(self) -> int:
        """When `advance` should be called next, ns UTC; what happens in less than a millisecond goes in one call."""
        world = self.world
        if self.faults.version != self._version:
            return world.now
        idle = world.now + IDLE_NS
        eager = max(world.next_at(), world.now + STRIDE_NS) if self._shared.board.eager else idle
        return min(self._edge_at, self._agenda.at, idle, eager)

    def _advance(self, now: int) -> None:
        world, agenda = self.world, self._agenda
        if self.faults.version != self._version:
            self._turn(world.now)
        elif self._shared.troubled:  # a fault that strikes once may be spent
            self._see_trouble(world.now)
        while True:
            end = min(now, self._edge_at - 1)
            at = min(end, agenda.at)
            if self._shared.troubled:  # a step may put something down that is due before the next step
                at = min(at, max(world.now, world.next_at()))
            world.advance(at)
            if agenda.at <= at:
                agenda.do_next()
            elif at >= end:
                if end == now:
                    return
                self._turn(self._edge_at)

    def _turn(self, now: int) -> None:
        """Faults begin and end."""
        faults = self.faults
        self._version = faults.version
        for fault in faults.due(now):
            self._act(fault, now)
        offset = faults.offset_ns(now)
        if offset != self._fault_offset_ns:
            self.world.clock_offset_ns += offset - self._fault_offset_ns
            self._fault_offset_ns = offset
            self._shared.board.retime(now)
        self._see_trouble(now)
        self._stale.keep(faults.wanted("stale_snapshot", now))
        self._edge_at = faults.next_edge(now) or NEVER

    def _see_trouble(self, now: int) -> None:
        troubled = self.faults.any_active(FRAME_KINDS, now)
        if troubled != self._shared.troubled:
            self._shared.troubled = troubled
            for connection in self._connections.values():
                connection.post.settle()

    def _hear(self, market: Market, step: Step) -> None:
        if self._stale:
            self._stale.hear(market.listing.symbol, step, self.world.now)
        self._shared.board.hear(market, step)

    # --- faults that act by themselves, and those of upgrades and requests

    def _act(self, fault: Fault, now: int) -> None:
        struck = [
            each
            for each in self._connections.values()
            if each.hit_by(fault) and (fault.share >= 1.0 or each.post.rng.random() < fault.share)
        ]
        for connection in struck:
            match fault.kind:
                case "cut":
                    connection.cut("cut")
                case "half_open":
                    connection.die()
                case "recycle":
                    connection.close(GOING_AWAY, "24 hours are over", "recycle")
                case "shutdown_notice":
                    self._announce(connection, fault, now)
                case _:  # the clock, which is nobody's own
                    pass

    def _announce(self, connection: Connection, fault: Fault, now: int) -> None:
        unit = NS_PER_US if connection.microseconds else NS_PER_MS
        venue_now = now + self.world.clock_offset_ns
        connection.announce(b'{"e":"serverShutdown","E":%d}' % (venue_now // unit))
        self._agenda.put(now + seconds(fault.delay_s), TIMER, lambda _at: connection.cut("shutdown_notice"))

    def _doom(self, connection: Connection, now: int) -> None:
        """What a new connection will suffer."""
        faults, rng = self.faults, connection.post.rng
        connection.doomed = faults.strikes("accept_and_cut", now, rng=rng) is not None
        connection.post.mute = faults.strikes("silent", now, rng=rng) is not None
        connection.post.dead = faults.strikes("half_open", now, rng=rng, about=connection.hit_by) is not None

    def _struck(self, on: str, now: int, symbol: str, endpoint: str, address: str) -> Answer | None:
        """What a fault answers in the venue's place."""
        offset = self.world.clock_offset_ns
        if self.faults.strikes("unreachable", now, on=on):
            return denials.UNANSWERED
        for kind in _DENIALS:
            fault = self.faults.strikes(kind, now, symbol=symbol, endpoint=endpoint, on=on)
            if fault is None:
                continue
            if kind == "http_451":
                return denials.restricted(now + offset)
            if kind == "http_5xx":
                return denials.failed(fault.status, now + offset)
            until = self.faults.ends_at(fault, now)
            if fault.retry_after_s is not None:
                until = now + seconds(fault.retry_after_s)
            status = 418 if kind == "http_418" else 429
            return denials.limited(status, until, address, self.rules.weight, now, offset)
        return None

    def _damaged(
        self, path: str, symbol: str, options: Mapping[str, str], body: bytes, now: int
    ) -> tuple[bytes, float]:
        """A good answer's body and delay after the faults of snapshots and histories."""
        if path == DEPTH:
            fault = self.faults.strikes("stale_snapshot", now, symbol=symbol)
            book = self._stale.find(fault, symbol) if fault else None
            if book is not None:
                body = book.body(_levels(options.get("limit", "")), now)
            race = self.faults.strikes("snapshot_race", now, symbol=symbol)
            return body, race.delay_s if race else 0.0
        if path in HISTORIES and (withheld := self.ledger.withheld.get(symbol)):
            body = _without(body, withheld)
        return body, 0.0

    # --- what may be asked

    @property
    def ledger(self) -> Ledger:
        """What faults did to frames."""
        return self._shared.ledger

    @property
    def losses(self) -> list[Damage]:
        """Frames of which a fault deprived a connection."""
        return list(self.ledger.lost)

    @property
    def connections(self) -> list[Connection]:
        """Those that stand."""
        return list(self._connections.values())

    def state(self, now: int) -> dict[str, object]:
        """Connections, subscriptions, counts, faults and limits, for a control call."""
        shared, offset = self._shared, self.world.clock_offset_ns
        return {
            "now_ns": now,
            "venue_now_ns": now + offset,
            "world_lag_ns": now - self.world.now,
            "accepted": self._accepted,
            "requests": self._requests,
            "frames": shared.frames + sum(each.post.sent for each in self._connections.values()),
            "endings": dict(shared.endings),
            "connections": [
                {
                    "number": each.number,
                    "address": each.address,
                    "path": each.path,
                    "opened_at_ns": each.opened_at,
                    "combined": each.post.combined,
                    "streams": list(each.topics),
                    "frames": each.post.sent,
                    "waiting": each.post.waiting,
                    "half_open": each.post.dead,
                    "silent": each.post.mute,
                }
                for each in self._connections.values()
            ],
            "faults": [
                {"fault": fault, "begin_ns": begin, "active": active}
                for fault, begin, active in self.faults.standing(now)
            ],
            "struck": dict(self.faults.struck),
            "damage": {f"{what} {kind}": count for (what, kind), count in self.ledger.counts.items()},
            "limits": shared.limits.state(now, offset),
        }


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
