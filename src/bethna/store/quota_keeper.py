"""One keeper of a venue's quota: asks the ledger that all processes share, or its own where that cannot be.

It waits for nobody: who may not go is told for how long.

Rules
  1. Every request asks for itself. A visit to the file costs some sixty microseconds and a venue lets a few thousand
     requests a minute through, so nothing is taken in advance, and nothing is lost with a process that dies but what
     it had asked for.
  2. Where the file is held by somebody else, who asks is told to come back in a few milliseconds; what need not be
     answered is done on the next visit. Held for longer than HELD_NS, it counts as unusable.
  3. Where the file is unusable, that is told once, and the keeper goes on by itself with OWN_PORTION of the limit: what
     the venue counts of others still counts, and so does what was known of this minute. It looks again every AGAIN_NS;
     a broken file is mended then, for nobody has used it for a minute.
  4. Only processes that live by the host's clock share: under a clock that is moved by hand the ledger is the keeper's
     own, with the whole limit.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S, Clock
from bethna.core.errors import StoreError
from bethna.core.status import EventLevel
from bethna.logic.backoff import Rng
from bethna.logic.quota_ledger import MINUTE_NS, STOP_S, Lane, Ledger, QuotaMachine, Shares, Terms
from bethna.store.quota_file import QuotaBroken, QuotaBusy, QuotaFile, process_lives

OWN_PORTION = 0.25
HELD_NS = 2 * NS_PER_S
AGAIN_NS = MINUTE_NS + NS_PER_S
_OWED = 1000

T = TypeVar("T")
Tell = Callable[[EventLevel, str, str], None]
Act = Callable[[QuotaMachine], T]


class Asked(Struct):
    """A request on its way through the quota.

    Attributes:
        since: when it was first asked for. taken: when it was let go, None before. Both monotonic ns.
    """

    number: int
    lane: Lane
    weight: int
    since: int
    taken: int | None = None


class QuotaKeeper:
    """The quota of one venue at one address, as one part of this process uses it.

    Args:
        terms: the weight a minute until the venue says its own, and whether the venue tells what it counted.
        file: shared with every process of the user; None for a ledger of one's own.
        tell: hears when the file becomes unusable, and usable again: level, code, message.
        fleeting: the address is of this machine, and the last one out takes the file along.
    """

    def __init__(
        self,
        terms: Terms,
        clock: Clock,
        rng: Rng,
        file: QuotaFile | None = None,
        tell: Tell | None = None,
        *,
        fleeting: bool = False,
    ) -> None:
        self._terms = terms
        self._clock = clock
        self._rng = rng
        self._file = file
        self._tell = tell
        self._fleeting = fleeting
        self._own = self._seen = Ledger(terms.limit)
        self._own_terms = terms
        self._name, self._pid = self._draw_name(), os.getpid()
        self._numbers = 0
        self._owed: deque[Act[Any]] = deque(maxlen=_OWED)
        self._held_since: int | None = None
        self._again_at: int | None = None  # while the file is unusable
        self._trouble: StoreError | None = None
        self._limit = terms.limit
        self._shares = Shares(0, 0, 0, 1)
        self._sharers = 1
        self._banned = False
        self._stopped_until = 0
        self._closed = False

    # --- what a request asks

    def want(self, lane: Lane, weight: int) -> Asked:
        """A request that will be asked for."""
        self._numbers += 1
        return Asked(self._numbers, lane, weight, self._clock.monotonic_ns())

    def ask(self, asked: Asked) -> int:
        """Nanoseconds to wait before asking again; 0 and it may go now."""

        def act(machine: QuotaMachine) -> int:
            return machine.ask(asked.number, asked.lane, asked.weight, asked.since)

        wait = self._visit(act)
        if wait is None:
            return self._moment()
        if wait == 0:
            asked.taken = self._clock.monotonic_ns()
        return wait

    def withdraw(self, asked: Asked) -> None:
        """It will not be asked for again."""
        self._do(lambda machine: machine.withdraw(asked.number))

    def settle(self, asked: Asked, counted: int | None) -> None:
        """It was answered, or never will be. `counted`: the venue's word on what was used in this minute."""
        taken = asked.taken
        if taken is not None:
            self._do(lambda machine: machine.settle(asked.weight, taken, counted))

    def stop(self, retry_after_s: float | None, *, banned: bool) -> float:
        """The venue said 429, or 418 (`banned`), to us and so to everybody here; seconds until anything may go."""
        at = self._clock.monotonic_ns()

        def act(machine: QuotaMachine) -> float:
            late_s = (self._clock.monotonic_ns() - at) / NS_PER_S
            return machine.stop(
                None if retry_after_s is None else max(0.0, retry_after_s - late_s), banned=banned
            )

        stopped_s = self._do(act)
        return stopped_s if stopped_s is not None else retry_after_s or STOP_S

    # --- what is learnt and told

    def learn_limit(self, weight_per_minute: int) -> None:
        """The venue's own limit."""
        self._do(lambda machine: machine.learn_limit(weight_per_minute))

    def learn_clock(self, into_minute: int) -> None:
        """The venue is so many nanoseconds into its minute now."""
        began = self._clock.monotonic_ns() - into_minute
        self._do(lambda machine: machine.learn_clock(self._clock.monotonic_ns() - began))

    @property
    def limit(self) -> int:
        """Weight a minute that the venue allows, as was known at the last visit."""
        return self._limit

    @property
    def banned(self) -> bool:
        """The last stop was a 418."""
        return self._banned

    def stopped(self) -> int:
        """Nanoseconds until the venue lets anything go again; 0 when it has not said wait."""
        if not self._closed:
            self._visit(lambda machine: machine.used())
        return max(0, self._stopped_until - self._clock.monotonic_ns())

    def used(self) -> int:
        """Weight that all processes of the user, and others the venue told of, used in the venue's minute."""
        if not self._closed:
            self._visit(lambda machine: machine.used())
        return self._shares.used

    def shares(self) -> Shares:
        """Who used it: this process, the others, and whom the venue counted beyond them."""
        if not self._closed:
            self._visit(lambda machine: machine.used())
        return self._shares

    def sharers(self) -> int:
        """How many keepers share the ledger, this one included."""
        if not self._closed:
            self._visit(lambda machine: machine.sharers())
        return self._sharers

    @property
    def trouble(self) -> StoreError | None:
        """Why the quota is not shared, None while it is."""
        return self._trouble

    def window(self, name: str, limit: int, length_ns: int) -> QuotaWindow:
        """At most `limit` of something in any `length_ns`, counted over all processes."""
        return QuotaWindow(self, name, limit, length_ns)

    def close(self) -> None:
        """Leave the ledger, until it is asked again."""
        if self._closed:
            return
        last = self._visit(lambda machine: machine.leave())
        self._closed = True
        if self._file is not None:
            self._file.close(remove=bool(last) and self._fleeting and self._again_at is None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- for windows

    def take(self, name: str, limit: int, length_ns: int) -> int:
        """Nanoseconds until a place in a window is free; 0 and it is taken."""
        wait = self._visit(lambda machine: machine.take(name, limit, length_ns))
        return self._moment() if wait is None else wait

    def close_window(self, name: str, until: int) -> None:
        """Nobody takes a place in a window before `until`."""
        self._do(lambda machine: machine.close_until(name, until))

    # --- the ledger

    def _do(self, act: Act[T]) -> T | None:
        """Now, or on the next visit (rule 2)."""
        answer = self._visit(act)
        if self._held_since is not None:
            self._owed.append(act)
        return answer

    def _visit(self, act: Act[T]) -> T | None:
        """What `act` says; None when the file is held by somebody else just now."""
        now = self._clock.monotonic_ns()
        file, self._closed = self._file, False
        if file is None or (self._again_at is not None and now < self._again_at):
            return self._by_itself(act)
        if self._pid != os.getpid():
            self._name, self._pid = self._draw_name(), os.getpid()
        mend = isinstance(self._trouble, QuotaBroken)
        try:
            answer = file.visit(
                Ledger(self._terms.limit), lambda ledger: self._at_ledger(ledger, act), mend=mend
            )
        except QuotaBusy:
            if self._held_since is None:
                self._held_since = now
            if now - self._held_since < HELD_NS:
                return None
            self._fall_back(
                StoreError(
                    f"expected a moment with {file.path}, found it held by another process",
                    hint="is a process of yours stopped? The quota is not shared meanwhile",
                )
            )
            return self._by_itself(act)
        except StoreError as error:
            self._fall_back(error)
            return self._by_itself(act)
        self._held_since = None
        if self._trouble is not None:
            self._trouble = self._again_at = None
            self._own_terms = self._terms
            self._say("info", "quota_shared", "the request quota is shared with your other processes again")
        return answer

    def _at_ledger(self, ledger: Ledger, act: Act[T]) -> T:
        machine = self._machine(ledger, self._terms)
        while self._owed:
            self._owed.popleft()(machine)
        return self._note(machine, act(machine))

    def _by_itself(self, act: Act[T]) -> T:
        machine = self._machine(self._own, self._own_terms)
        return self._note(machine, act(machine))

    def _machine(self, ledger: Ledger, terms: Terms) -> QuotaMachine:
        into_minute = self._clock.now_ns() % MINUTE_NS
        now = self._clock.monotonic_ns()  # under the lock: nobody who came before was later
        return QuotaMachine(ledger, terms, self._name, self._pid, now, into_minute, process_lives)

    def _note(self, machine: QuotaMachine, answer: T) -> T:
        self._seen = machine.ledger
        self._limit = machine.ledger.limit
        self._banned = machine.ledger.banned
        self._stopped_until = machine.ledger.stopped_until
        self._shares = machine.shares()
        self._sharers = machine.sharers()
        return answer

    def _fall_back(self, error: StoreError) -> None:
        """Rule 3."""
        known = self._trouble
        self._trouble = error
        self._again_at = self._clock.monotonic_ns() + AGAIN_NS
        self._held_since = None
        if known is None:
            self._own, self._own_terms = self._seen, replace(self._terms, portion=OWN_PORTION)
            self._own.foreign, self._own.used = self._own.foreign + self._own.used, 0
            self._own.holders = []
        while self._owed:
            self._owed.popleft()(self._machine(self._own, self._own_terms))
        if known is None or known.message != error.message:
            text = f"{error.message}; this process goes on with {OWN_PORTION:.0%} of the limit. {error.hint}"
            self._say("warning", "quota_not_shared", text)

    def _say(self, level: EventLevel, code: str, message: str) -> None:
        if self._tell is not None:
            self._tell(level, code, message)

    def _moment(self) -> int:
        return round(NS_PER_MS * (1.0 + 2.0 * self._rng.random()))

    def _draw_name(self) -> int:
        return int.from_bytes(os.urandom(7))


class QuotaWindow:
    """A window of the quota as logic.quota.SlidingWindow has it: `wait` says when, `take` counts.

    A place that is free when somebody asks is taken at once, so that no other process takes it in between; it is held
    until `take` uses it.
    """

    def __init__(self, keeper: QuotaKeeper, name: str, limit: int, length_ns: int) -> None:
        self._keeper = keeper
        self._name = name
        self._limit = limit
        self._length_ns = length_ns
        self._held_at: int | None = None

    def wait(self, now: int) -> int:
        """Nanoseconds until the next take is allowed; 0 means now."""
        if self._held_at is not None and now - self._held_at <= NS_PER_S:
            return 0
        wait = self._keeper.take(self._name, self._limit, self._length_ns)
        self._held_at = None if wait else now
        return wait

    def take(self, now: int) -> None:
        """Count one; the caller has asked `wait` before."""
        self._held_at = None

    def close_until(self, when: int) -> None:
        """Allow nothing before `when`: the venue said so."""
        self._held_at = None
        self._keeper.close_window(self._name, when)
