"""One address's quota at a venue, as a ledger that many processes keep together: who may go now, who waits how long.

It is handed the ledger and the time; it keeps no file, asks no clock and waits for nobody (`bethna.store.quota_file`,
`bethna.store.quota_keeper`). `now` is monotonic nanoseconds of the machine, which all its processes share and no
correction of a clock moves.

Rules
  1. Weight is counted by the venue's minute. Where the minute begins is measured once, by whoever knows the venue's
     clock, and then goes by monotonic time: a wall clock that is set forward or back changes nothing.
  2. A request takes its weight when it is let go, and is in flight until it is answered. What is in flight when a
     minute begins counts in the new one, too: it may arrive there.
  3. What the venue counted beyond what we did is foreign, others use the address; it counts until the minute ends. The
     venue is believed only of requests that were let go GUARD_NS after the minute began: clocks differ a little. What
     is let go before that must fit into the minute before, too.
  4. Until the venue has told its count in this minute, SLOW of the limit may go, or one request at a time.
  5. Lanes: orders, snapshots, healing, backfill. A request goes when it fits beside everything that is wanted before
     it: by a higher lane, or by its own for longer. So a lower lane waits while a higher one does.
  6. Snapshots and healing stop at EVERYDAY of the limit; what is between that and MOST is the orders' reserve.
     Backfill, the only lane that can want without end, stops at HISTORY: the rest of a minute is for those who cannot
     wait for the next. A request heavier than its ceiling goes when nothing else was spent in this minute.
  7. A want counts while its holder comes back as promised: one that is GRACE_NS late, or whose process is gone, is
     struck out; who came within LEASE_NS is not looked for. What a dead process had in flight stays counted in its
     minute. Who has not come for an hour is forgotten.
  8. 429 and 418 stop every lane until the venue's Retry-After; without that figure a 429 costs a minute and a 418 two,
     which are the venue's own shortest. A stop is never shortened by a later, shorter one.
  9. A window never holds more than `limit` takes in any stretch of its length, ends included.
 10. A ledger whose time is ahead of ours is of another boot of this machine: it is begun anew.
 11. The ledger is bounded, whatever is asked: HOLDERS, WANTS of each, WINDOWS of TAKEN. What does not fit waits unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from bethna.core.clock import NS_PER_MS, NS_PER_S, seconds

MINUTE_NS = 60 * NS_PER_S
GUARD_NS = 500 * NS_PER_MS
GRACE_NS = NS_PER_S
LEASE_NS = NS_PER_S
"""Who is held back by somebody's want looks again after this: a dead holder costs no more."""
LOOK_NS = 50 * NS_PER_MS
FLIGHT_NS = 90 * NS_PER_S
MOST = 0.99
EVERYDAY = 0.95
HISTORY = 0.80
SLOW = 0.1
HOLDERS = 128
WANTS = 8
WINDOWS = 8
TAKEN = 2000
STOP_S = 60.0
_BAN_S = 120.0
_LONGEST_STOP_S = 30 * 86_400.0
_SILENT_NS = 3600 * NS_PER_S

Count = Annotated[int, Meta(ge=0, le=1 << 40)]
Instant = Annotated[int, Meta(ge=-(1 << 62), le=(1 << 62) - 1)]


class Lane(IntEnum):
    """Who goes first (rule 5)."""

    ORDERS = 0
    SNAPSHOTS = 1
    HEALING = 2
    BACKFILL = 3


CEILINGS = {Lane.ORDERS: MOST, Lane.SNAPSHOTS: EVERYDAY, Lane.HEALING: EVERYDAY, Lane.BACKFILL: HISTORY}


class Want(Struct, array_like=True):
    """A request that waits; `number` is its holder's, `since` orders its lane, at `until` it is struck out (rule 7)."""

    number: Count
    lane: Lane
    weight: Count
    since: Instant
    until: Instant


class Holder(Struct, array_like=True):
    """A keeper in some process.

    Attributes:
        name: of this keeper alone, drawn by lot. seen: when it last came.
        flying: weight let go and not yet answered, forgotten at `flying_until`. used: weight let go in this minute.
    """

    name: Instant
    pid: Count
    seen: Instant
    flying: Count = 0
    flying_until: Instant = 0
    wants: Annotated[list[Want], Meta(max_length=WANTS)] = field(default_factory=list)
    used: Count = 0


class Shares(Struct, frozen=True, gc=False):
    """Who spent how much of a quota in the venue's minute.

    Attributes:
        used: weight of everybody. own: of this process. foreign: of it what the venue counted beyond all processes.
        processes: how many use the ledger now, this one included.
    """

    used: int
    own: int
    foreign: int
    processes: int


class Window(Struct, array_like=True):
    """Takes of one kind, oldest first, and until when the venue closed it."""

    taken: Annotated[list[Instant], Meta(max_length=TAKEN)] = field(default_factory=list)
    closed_until: Instant = 0


class Ledger(Struct, array_like=True):
    """What all processes know of one address.

    Attributes:
        limit: weight a minute; learned: by the venue's own word. latest: the last time anybody came.
        start: when the venue's minute began; sure: by the venue's clock, not the host's.
        used: our weight in this minute. foreign: what the venue counted beyond. before: both, of the minute before.
        told: the venue has told its count in this minute (rule 4).
        stopped_until: nothing goes before; banned: the stop was a 418.
    """

    limit: Annotated[int, Meta(ge=1, le=1 << 40)]
    learned: bool = False
    latest: Instant | None = None
    start: Instant = 0
    sure: bool = False
    used: Count = 0
    foreign: Count = 0
    before: Count = 0
    told: bool = False
    stopped_until: Instant = 0
    banned: bool = False
    holders: Annotated[list[Holder], Meta(max_length=HOLDERS)] = field(default_factory=list)
    windows: Annotated[dict[str, Window], Meta(max_length=WINDOWS)] = field(default_factory=dict)


class Terms(Struct, frozen=True):
    """What one keeper brings along.

    Attributes:
        limit: weight a minute until the venue's own word is known.
        counted: the venue tells what it counted (rule 4).
        portion: of the limit that may be spent here; 1 where everybody keeps the same ledger.
    """

    limit: int
    counted: bool = True
    portion: float = 1.0


class QuotaMachine:
    """One visit of one keeper to the ledger, at `now`.

    Args:
        into_minute: nanoseconds into the minute by the host's clock, for a ledger that knows no better (rule 1).
        lives: whether a process is there.
    """

    def __init__(
        self,
        ledger: Ledger,
        terms: Terms,
        name: int,
        pid: int,
        now: int,
        into_minute: int,
        lives: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.ledger = ledger
        self._terms = terms
        self._name = name
        self._now = now
        if ledger.latest is None or now < ledger.latest or ledger.start > now:  # rule 10
            _begin(ledger, terms.limit, now - into_minute)
        ledger.latest = now
        self._strike_out(lives)
        self._roll()
        self._me = self._find(pid)

    # --- weight

    def ask(self, number: int, lane: Lane, weight: int, since: int) -> int:
        """Nanoseconds to wait before asking again; 0 and the request may go, its weight is taken."""
        ledger, now = self.ledger, self._now
        wait = max(0, ledger.stopped_until - now)  # rule 8
        if not wait:
            wait = self._room(number, lane, weight, since) or self._slow(lane, weight)
        wants = [want for want in self._me.wants if want.number != number]
        if wait:
            wants.append(Want(number, lane, weight, since, now + wait + GRACE_NS))
            wants.sort(key=lambda want: (want.lane, want.since, want.number))
            self._me.wants = wants[:WANTS]  # rule 11
            return wait
        self._me.wants = wants
        ledger.used += weight
        self._me.used += weight
        self._me.flying += weight  # rule 2
        self._me.flying_until = now + FLIGHT_NS
        return 0

    def withdraw(self, number: int) -> None:
        """It is not wanted any more."""
        self._me.wants = [want for want in self._me.wants if want.number != number]

    def settle(self, weight: int, taken: int, counted: int | None) -> None:
        """A request was answered, or never will be.

        Args:
            taken: when it was let go.
            counted: what the venue says was used in the minute, None where it did not say.
        """
        ledger = self.ledger
        self._me.flying = max(0, self._me.flying - weight)
        if counted is not None and taken >= ledger.start + GUARD_NS:  # rule 3
            ledger.foreign = min(max(ledger.foreign, counted - ledger.used), 1 << 40)
            ledger.told = True

    def stop(self, retry_after_s: float | None, *, banned: bool) -> float:
        """The venue said 429, or 418 (`banned`); seconds until anything may go again (rule 8)."""
        ledger = self.ledger
        if retry_after_s is None:
            retry_after_s = _BAN_S if banned else STOP_S
        until = self._now + seconds(min(retry_after_s, _LONGEST_STOP_S))
        if until >= ledger.stopped_until:
            ledger.stopped_until = until
            ledger.banned = banned
        return (ledger.stopped_until - self._now) / NS_PER_S

    def learn_limit(self, weight_per_minute: int) -> None:
        """The venue's own limit."""
        if weight_per_minute > 0:
            self.ledger.limit, self.ledger.learned = weight_per_minute, True

    def learn_clock(self, into_minute: int) -> None:
        """So far into a minute is the venue now (rule 1)."""
        ledger, now = self.ledger, self._now
        half = MINUTE_NS // 2
        ledger.start += (now - into_minute - ledger.start + half) % MINUTE_NS - half
        ledger.sure = True
        if ledger.start > now:  # the minute that we thought had begun has not: both are one
            ledger.start -= MINUTE_NS
            ledger.used += ledger.before
            ledger.before = 0
        self._roll()

    def used(self) -> int:
        """Weight spent at this address in the venue's minute, as far as anybody here knows."""
        return self.ledger.used + self.ledger.foreign

    def shares(self) -> Shares:
        """Who spent it. What a process spent that has ended meanwhile is in `used` alone."""
        holders, pid = self.ledger.holders, self._me.pid
        own = sum(each.used for each in holders if each.pid == pid)
        return Shares(self.used(), own, self.ledger.foreign, len({each.pid for each in holders}))

    def sharers(self) -> int:
        """How many keepers use this ledger."""
        return len(self.ledger.holders)

    def leave(self) -> bool:
        """This keeper ends; True when nobody else is left."""
        self.ledger.holders = [each for each in self.ledger.holders if each is not self._me]
        return not self.ledger.holders

    # --- windows

    def take(self, window: str, limit: int, length_ns: int) -> int:
        """Nanoseconds until a place is free in a window; 0 and it is taken (rule 9)."""
        limit = min(TAKEN, max(1, int(limit * self._terms.portion)))
        found = self._window(window)
        if found is None:
            return LEASE_NS
        closed = max(0, found.closed_until - self._now)
        found.taken = [at for at in found.taken if at + length_ns >= self._now][-TAKEN:]
        if len(found.taken) >= limit:
            return max(closed, found.taken[-limit] + length_ns + 1 - self._now)
        if not closed:
            found.taken.append(self._now)
        return closed

    def close_until(self, window: str, when: int) -> None:
        """The venue lets nothing through a window before `when`."""
        found = self._window(window)
        if found is not None:
            found.closed_until = max(found.closed_until, when)

    def _window(self, name: str) -> Window | None:
        windows = self.ledger.windows
        if name not in windows and len(windows) >= WINDOWS:
            return None
        return windows.setdefault(name, Window())

    # --- what may go

    def _room(self, number: int, lane: Lane, weight: int, since: int) -> int:
        """Rules 3, 5 and 6: nanoseconds until a look is worth it, 0 when it fits."""
        ledger, now = self.ledger, self._now
        ceiling = max(1, int(ledger.limit * self._terms.portion * CEILINGS[lane]))
        early = now < ledger.start + GUARD_NS and ledger.before > 0
        spent = self.used()
        place = (lane, since, self._name, number)
        ahead = list(self._wants_before(place))
        if not spent and not ahead and not early:
            return 0
        if spent + weight > ceiling:
            return ledger.start + MINUTE_NS + GUARD_NS - now
        if early and ledger.before + spent + weight > ceiling:
            return ledger.start + GUARD_NS - now
        base = spent + ledger.before if early else spent
        if base + weight + sum(want.weight for want in ahead) <= ceiling:
            return 0
        back = (
            min(want.until for want in ahead) - GRACE_NS - now
        )  # when one of them comes back, something changes
        return min(LEASE_NS, max(LOOK_NS, back))

    def _slow(self, lane: Lane, weight: int) -> int:
        """Rule 4."""
        ledger = self.ledger
        if lane is Lane.ORDERS or ledger.told or not self._terms.counted:
            return 0
        flying = sum(each.flying for each in ledger.holders)
        allowed = ledger.limit * SLOW * self._terms.portion
        return LOOK_NS if flying and ledger.used + weight > allowed else 0

    def _wants_before(self, place: tuple[Lane, int, int, int]) -> Iterator[Want]:
        for holder in self.ledger.holders:
            for want in holder.wants:
                if holder is self._me and want.number == place[3]:
                    continue
                if (want.lane, want.since, holder.name, want.number) < place:
                    yield want

    # --- time and the dead

    def _roll(self) -> None:
        """A new minute, when it has begun (rules 1 and 2)."""
        ledger = self.ledger
        minutes = (self._now - ledger.start) // MINUTE_NS
        if minutes <= 0:
            return
        ledger.before = self.used() if minutes == 1 else 0
        ledger.start += minutes * MINUTE_NS
        for each in ledger.holders:
            each.used = each.flying
        ledger.used = sum(each.used for each in ledger.holders)
        ledger.foreign = 0
        ledger.told = False

    def _strike_out(self, lives: Callable[[int], bool]) -> None:
        """Rule 7."""
        now, ledger = self._now, self.ledger
        ledger.holders = [
            each
            for each in ledger.holders
            if now - each.seen < LEASE_NS or (now - each.seen < _SILENT_NS and lives(each.pid))
        ]
        for each in ledger.holders:
            if now >= each.flying_until:
                each.flying = 0
            if each.wants:
                each.wants = [want for want in each.wants if now < want.until]

    def _find(self, pid: int) -> Holder:
        holders = self.ledger.holders
        found = next((each for each in holders if each.name == self._name), None)
        if found is None:
            if len(holders) >= HOLDERS:  # rule 11: who has not come for longest is least missed
                holders.remove(min(holders, key=lambda each: each.seen))
            found = Holder(self._name, pid, self._now)
            holders.append(found)
        found.seen = self._now
        return found


def _begin(ledger: Ledger, limit: int, start: int) -> None:
    """Nothing is known but the time."""
    fresh = Ledger(limit if not ledger.learned else ledger.limit, ledger.learned, start=start)
    for name in fresh.__struct_fields__:
        setattr(ledger, name, getattr(fresh, name))
