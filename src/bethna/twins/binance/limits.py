"""What one address may ask of the venue and what happens when it asks for more; it keeps count and answers nothing.

Rules
  1. At most `connections` attempts to connect in any `connection_window_s`, refused ones counted; beyond: 429 until the
     oldest is that old.
  2. Request weight is counted per calendar minute of the venue's clock, raw requests per five; beyond: 429 until the
     next begins. What was refused is counted, too.
  3. Who goes on for `patience` requests while 429 holds is banned: 418.
  4. An address whose connections were cut `offences` times in `offence_window_s` for too many messages is banned.
  5. A ban lasts `first_ban_s`, each further one twice as long as the one before, at most `longest_ban_s`.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from bethna.core.clock import NS_PER_S, seconds
from bethna.twins.line.limits import Gates
from bethna.twins.line.limits import Rules as LineRules

MINUTE_NS = 60 * NS_PER_S
FIVE_MINUTES_NS = 5 * MINUTE_NS


class Rules(LineRules, frozen=True):
    """The venue's rules; tests scale them. Those of connections are in `line.limits`.

    Attributes:
        streams: at most on a connection.
        connections, connection_window_s: attempts of an address.
        weight, raw_requests: per minute, per five minutes.
        patience, offences, offence_window_s, first_ban_s, longest_ban_s: rules 3 to 5.
        unsigned_ids: ids of control frames must be unsigned integers, as some of the venue's servers ask.
    """

    streams: int = 1024
    connections: int = 300
    connection_window_s: float = 300.0
    weight: int = 6000
    raw_requests: int = 300_000
    patience: int = 10
    offences: int = 5
    offence_window_s: float = 300.0
    first_ban_s: float = 120.0
    longest_ban_s: float = 259_200.0
    unsigned_ids: bool = False


class Denial(Struct, frozen=True):
    """Why nothing is given: HTTP 429 or 418, and the instant (ns UTC of the caller's clock) until which."""

    status: int
    until: int


class _Gate:
    """One address."""

    def __init__(self) -> None:
        self.attempts: deque[int] = deque()
        self.offences: deque[int] = deque()
        self.minute = self.weight = 0
        self.five_minutes = self.requests = 0
        self.limited_until = 0
        self.ignored = 0
        self.banned_until = 0
        self.bans = 0


class Limits:
    """The counts of every address. `now` is the caller's clock, `offset_ns` what the venue's is ahead of it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._gates = Gates(_Gate)

    def connect(self, address: str, now: int) -> Denial | None:
        """One attempt to connect: None lets it in."""
        gate = self._gates.of(address)
        window = seconds(self.rules.connection_window_s)
        while gate.attempts and now - gate.attempts[0] >= window:
            gate.attempts.popleft()
        gate.attempts.append(now)
        if len(gate.attempts) > 2 * self.rules.connections:  # nobody waits for the ones before those
            gate.attempts.popleft()
        if gate.banned_until > now:
            return Denial(418, gate.banned_until)
        if len(gate.attempts) > self.rules.connections:  # rule 1
            return Denial(429, gate.attempts[-self.rules.connections - 1] + window)
        return None

    def request(self, address: str, weight: int, now: int, offset_ns: int) -> Denial | None:
        """One request of some weight: None lets it pass."""
        gate, rules = self._gates.of(address), self.rules
        if gate.banned_until > now:
            return Denial(418, gate.banned_until)
        venue_now = now + offset_ns
        minute, five = venue_now // MINUTE_NS, venue_now // FIVE_MINUTES_NS
        if minute != gate.minute:
            gate.minute, gate.weight = minute, 0
        if five != gate.five_minutes:
            gate.five_minutes, gate.requests = five, 0
        gate.weight += weight
        gate.requests += 1
        if gate.limited_until > now:
            gate.ignored += 1
            if gate.ignored >= rules.patience:  # rule 3
                return Denial(418, self._ban(gate, now))
            return Denial(429, gate.limited_until)
        gate.ignored = 0
        if gate.requests > rules.raw_requests:  # rule 2
            gate.limited_until = (five + 1) * FIVE_MINUTES_NS - offset_ns
        elif gate.weight > rules.weight:
            gate.limited_until = (minute + 1) * MINUTE_NS - offset_ns
        else:
            return None
        return Denial(429, gate.limited_until)

    def offend(self, address: str, now: int) -> None:
        """A connection was cut for too many messages (rule 4)."""
        gate = self._gates.of(address)
        gate.offences.append(now)
        while now - gate.offences[0] >= seconds(self.rules.offence_window_s):
            gate.offences.popleft()
        if len(gate.offences) >= self.rules.offences:
            gate.offences.clear()
            self._ban(gate, now)

    def used(self, address: str, now: int, offset_ns: int) -> int:
        """The weight that was used in the venue's running minute."""
        gate = self._gates.of(address)
        return gate.weight if (now + offset_ns) // MINUTE_NS == gate.minute else 0

    def state(self, now: int, offset_ns: int) -> dict[str, dict[str, object]]:
        """By address: what was used and what is closed, for a person to look at."""
        return {
            address: {
                "weight": self.used(address, now, offset_ns),
                "connection_attempts": len(gate.attempts),
                "limited_for_s": round(max(0, gate.limited_until - now) / NS_PER_S, 3),
                "banned_for_s": round(max(0, gate.banned_until - now) / NS_PER_S, 3),
                "bans": gate.bans,
            }
            for address, gate in self._gates.items()
        }

    def _ban(self, gate: _Gate, now: int) -> int:
        """Rule 5."""
        length_s = min(self.rules.first_ban_s * 2.0 ** min(gate.bans, 40), self.rules.longest_ban_s)
        gate.bans += 1
        gate.ignored = 0
        gate.banned_until = now + seconds(length_s)
        return gate.banned_until
