"""A simulated venue as a machine, without its words: time, faults and connections; it opens no socket.

Upgrades, requests and time go in, answers and frames come out. A venue inherits from `VenueTwin` and brings what is
listed under "what a venue brings".

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

from bethna.core.clock import NS_PER_MS, seconds
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.faults import Faults
from bethna.twins.faults.kinds import Kind
from bethna.twins.faults.words import Words
from bethna.twins.line import denials
from bethna.twins.line.agenda import NEVER, TIMER
from bethna.twins.line.connection import Connection
from bethna.twins.line.ledger import Damage, Ledger
from bethna.twins.line.limits import Rules, retry_after_s
from bethna.twins.line.post import FRAME_KINDS
from bethna.twins.line.seam import Answer
from bethna.twins.line.shared import Shared
from bethna.twins.line.speech import Speech
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

IDLE_NS = 100 * NS_PER_MS
"""How far the world may lag behind while nobody listens to every step."""
STRIDE_NS = NS_PER_MS
"""How many steps of the world are worth one call while somebody does."""
DENIALS: tuple[Kind, ...] = ("http_418", "http_429", "http_451", "http_5xx", "maintenance", "http_html")
"""Faults that answer in the venue's place, the first that strikes."""


class VenueTwin:
    """The venue.

    Args:
        faults: what goes wrong; more may be added while it runs. rng: whence the venue's own seed; the world's if None.

    Attributes:
        words: what a plan of faults may say of this venue.
    """

    words: Words

    def __init__(
        self, world: World, faults: Faults, rules: Rules, speech: Speech, rng: Random | None = None
    ) -> None:
        seed = (rng or Random(world.seed)).getrandbits(64)
        self.world = world
        self.faults = faults
        self._shared = Shared(world, faults, rules, speech, seed, advance=self.advance)
        self._agenda = self._shared.agenda
        self._stale = self._shared.stale
        self._requests = 0
        self._edge_at = NEVER
        self._fault_offset_ns = 0
        self._version = -1
        self._is_advancing = False
        world.listen(self._hear)

    # --- what a venue brings

    def accept(self, target: str, address: str, now: int) -> Connection | Answer:
        """A client asks for a WebSocket, and no fault is in the way: a new connection, or what denies it."""
        raise NotImplementedError

    def answer(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A request, and no fault is in the way. `headers` by any case of their names."""
        raise NotImplementedError

    def about(self, target: str, on: str) -> tuple[str, str]:
        """The symbol (as the world lists it; "" of none) and the endpoint (one of `words`) of a request or upgrade.

        Args:
            on: `rest` or `ws`.
        """
        return "", target.partition("?")[0]

    def knock(self, address: str, now: int) -> Answer | None:
        """Count an attempt to connect, also one that a fault denies; the answer when there were too many."""
        return None

    def deny(self, fault: Fault, until: int, address: str, now: int) -> Answer:
        """What a fault of `DENIALS` answers; a venue has words of its own for some of them.

        Args:
            until: ns UTC of the caller's clock, how long a client is told to wait.
        """
        venue_now = now + self.world.clock_offset_ns
        match fault.kind:
            case "http_5xx":
                return denials.page(fault.status, venue_now)
            case "http_451":
                return denials.page(451, venue_now)
            case "maintenance":
                answer = denials.page(503, venue_now, "Down for maintenance")
            case "http_html":
                return denials.page(200, venue_now, "One moment, please")
            case _:
                answer = denials.page(418 if fault.kind == "http_418" else 429, venue_now)
        answer.headers["Retry-After"] = str(retry_after_s(until, now))
        return answer

    def renamed(self, old: str, new: str, now: int) -> None:
        """A symbol of the world has another name from now on; its old streams are silent."""

    def limits_state(self, now: int) -> dict[str, dict[str, object]]:
        """By address: what was used and what is closed, for a person to look at."""
        return {}

    # --- what the sockets ask

    def upgrade(self, target: str, address: str, now: int) -> Connection | Answer:
        """A client asks for a WebSocket: the connection, to be attached once 101 is written, or what denies it."""
        self.advance(now)
        denial = self.knock(address, now)
        if (struck := self._struck("ws", now, target, address)) is not None:
            return struck
        if denial is not None:
            return denial
        found = self.accept(target, address, now)
        if isinstance(found, Connection):
            self._doom(found, now)
        return found

    def http(self, method: str, target: str, headers: Mapping[str, str], address: str, now: int) -> Answer:
        """A REST request. `headers` by any case of their names."""
        self.advance(now)
        self._requests += 1
        if (struck := self._struck("rest", now, target, address)) is not None:
            return struck
        return self.answer(method, target, headers, address, now)

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
            for connection in self._shared.standing.values():
                connection.post.settle()

    def _hear(self, market: Market, step: Step) -> None:
        if self._stale:
            self._stale.hear(market.listing.symbol, step, self.world.now)
        self._shared.board.hear(market, step)

    # --- faults that act by themselves, and those of upgrades and requests

    def _act(self, fault: Fault, now: int) -> None:
        if fault.kind == "rename":
            self._rename(fault, now)
            return
        struck = [
            each
            for each in self._shared.standing.values()
            if each.hit_by(fault) and (fault.share >= 1.0 or each.post.rng.random() < fault.share)
        ]
        for connection in struck:
            match fault.kind:
                case "cut":
                    connection.cut("cut")
                case "half_open":
                    connection.die()
                case "recycle":
                    code, reason = connection.GOODBYES["life"]
                    connection.close(code, reason, "recycle")
                case "shutdown_notice" | "maintenance":
                    self._announce(connection, fault, now)
                case "silent_book":
                    connection.hush(fault)
                case _:  # the clock, which is nobody's own
                    pass

    def _announce(self, connection: Connection, fault: Fault, now: int) -> None:
        if not connection.post.mute:
            connection.announce(fault, now)

        def over(_at: int) -> None:
            if fault.kind == "maintenance":
                connection.end("maintenance")
            else:
                connection.cut("shutdown_notice")

        self._agenda.put(now + seconds(fault.delay_s), TIMER, over)

    def _rename(self, fault: Fault, now: int) -> None:
        if self.world.rename(fault.symbol, fault.to):
            self._shared.board.silence(fault.symbol)
            self.renamed(fault.symbol, fault.to, now)

    def _doom(self, connection: Connection, now: int) -> None:
        """What a new connection will suffer."""
        faults, rng = self.faults, connection.post.rng
        connection.doomed = faults.strikes("accept_and_cut", now, rng=rng) is not None
        connection.post.mute = faults.strikes("silent", now, rng=rng) is not None
        connection.post.dead = faults.strikes("half_open", now, rng=rng, about=connection.hit_by) is not None

    def _struck(self, on: str, now: int, target: str, address: str) -> Answer | None:
        """What a fault answers in the venue's place."""
        if self.faults.strikes("unreachable", now, on=on):
            return denials.UNANSWERED
        symbol, endpoint = self.about(target, on)
        for kind in DENIALS:
            fault = self.faults.strikes(kind, now, symbol=symbol, endpoint=endpoint, on=on)
            if fault is not None:
                until = self.faults.ends_at(fault, now)
                if fault.retry_after_s is not None:
                    until = now + seconds(fault.retry_after_s)
                return self.deny(fault, until, address, now)
        return None

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
        return list(self._shared.standing.values())

    def state(self, now: int) -> dict[str, object]:
        """Connections, subscriptions, counts, faults and limits, for a control call."""
        shared = self._shared
        standing = shared.standing.values()
        return {
            "now_ns": now,
            "venue_now_ns": now + self.world.clock_offset_ns,
            "world_lag_ns": now - self.world.now,
            "accepted": shared.accepted,
            "requests": self._requests,
            "frames": shared.frames + sum(each.post.sent for each in standing),
            "endings": dict(shared.endings),
            "connections": [each.state() for each in standing],
            "faults": [
                {"fault": fault, "begin_ns": begin, "active": active}
                for fault, begin, active in self.faults.standing(now)
            ],
            "struck": dict(self.faults.struck),
            "damage": {f"{what} {kind}": count for (what, kind), count in self.ledger.counts.items()},
            "limits": self.limits_state(now),
        }
