"""Keeps one shard of streams supplied by one socket, and replaces sockets without a break; it opens none itself.

Rules
  1. While anything is wanted there is a live socket, one being opened, or a time at which the next one is opened.
  2. Every opening takes a place in the venue's window of connection attempts, which all slots share.
  3. A socket that ends with no successor at hand: the shard is down, the next opening waits for the backoff.
  4. A rotation opens a successor while the old socket goes on. Both deliver; downstream drops what comes twice.
  5. The successor takes over when it is ready (it has shown what the old one shows); only then does the old one leave.
  6. The old one ends while its successor is on its way: the successor is the socket, ready or not, without a backoff.
  7. A successor that ends first, or is not ready within `prove_ns`, is given up; another follows after a backoff.
  8. A successor that is told to rotate takes over first and is then itself replaced.
  9. After stop() nothing is opened any more.
 10. Successors that fail are counted apart: a healthy socket says nothing about how they fare, and the pauses between
     them grow until one takes over.
 11. Held, because the venue serves nothing of what the shard carries: nothing is opened until somebody resumes it.
"""

from __future__ import annotations

from msgspec import Struct

from bethna.logic.backoff import Backoff
from bethna.logic.quota import Window


class Open(Struct, frozen=True, gc=False):
    """Open a socket; `successor` when another one lives. `number` names it from now on."""

    number: int
    successor: bool


class Retire(Struct, frozen=True, gc=False):
    """Close a socket."""

    number: int
    code: str
    reason: str


class Promoted(Struct, frozen=True, gc=False):
    """`number` is the shard's socket now; True when it took over from a living one."""

    number: int
    rotated: bool


class Down(Struct, frozen=True, gc=False):
    """The shard has no socket; the next attempt comes in `delay_ns`."""

    reason: str
    delay_ns: int


SlotEffect = Open | Retire | Promoted | Down


class Slot:
    """One shard's sockets. `now` is monotonic nanoseconds; socket numbers are unique over all slots of `numbers`.

    Args:
        backoff: counts this slot's failures; another like it counts those of successors (rule 10).
        attempts: the venue's window of connection attempts, shared by its slots, and by other processes.
        prove_ns: how long a successor may take to be ready.

    Attributes:
        main, successor: socket numbers, None where there is none. held: rule 11.
    """

    def __init__(self, numbers: Numbers, backoff: Backoff, attempts: Window, prove_ns: int, now: int) -> None:
        self.main: int | None = None
        self.successor: int | None = None
        self.held = False
        self.backoff = backoff
        self._spare = backoff.another()
        self._numbers = numbers
        self._attempts = attempts
        self._prove_ns = prove_ns
        self._open_at: int | None = now
        self._rotation: str | None = None
        self._rotate_again: str | None = None
        self._successor_since = 0
        self._stopped = False

    def tick(self, now: int) -> list[SlotEffect]:
        """Time passed; what is due."""
        out: list[SlotEffect] = []
        if self._stopped:
            return out
        if self.successor is not None and now - self._successor_since >= self._prove_ns:
            out.append(self._give_up(self.successor, now))
        if self._open_at is not None and now >= self._open_at:
            self._open(now, out)
        return out

    def deadline(self) -> int | None:
        """When the next tick has an effect, monotonic ns; None when nothing is due."""
        if self._stopped:
            return None
        if self.successor is not None:
            return self._successor_since + self._prove_ns
        return self._open_at

    def rotate(self, number: int, reason: str, now: int) -> list[SlotEffect]:
        """A socket should be replaced."""
        if self._stopped or number not in (self.main, self.successor):
            return []
        if number == self.successor:
            self._rotate_again = reason  # rule 8
            return []
        if self._rotation is None:
            self._rotation = reason
            self._open_at = now
        return self.tick(now)

    def ready(self, number: int, now: int) -> list[SlotEffect]:
        """The successor shows what the old socket shows (rule 5)."""
        if self.main is None or number != self.successor:
            return []
        out: list[SlotEffect] = [Retire(self.main, "rotated", self._rotation or "replaced")]
        self._promote(number, out, rotated=True)
        out.extend(self._follow_up(now))
        return out

    def ended(
        self, number: int, reason: str, flowed_ns: int, now: int, *, refused: bool = False
    ) -> list[SlotEffect]:
        """A socket is gone, over which data flowed for `flowed_ns`; `refused`: the venue does not let us in."""
        out: list[SlotEffect] = []
        if self._stopped:
            return out
        if number == self.successor:
            self.successor = None
            self._open_at = now + self._spare.delay(0, refused=refused)  # rules 7, 10
        elif number == self.main:
            self.main = None
            if self.successor is not None:  # rule 6
                self._promote(self.successor, out, rotated=False)
                out.extend(self._follow_up(now))
                return out
            delay = self.backoff.delay(flowed_ns, refused=refused)
            self._rotation = None
            self._open_at = now + delay
            out.append(Down(reason, delay))  # rule 3
        return out

    def hurry(self, now: int) -> list[SlotEffect]:
        """Try again now: something changed that makes waiting pointless (another host, a user's wish)."""
        if self._open_at is not None:
            self._open_at = min(self._open_at, now)
        return self.tick(now)

    def hold(self) -> None:
        """Nothing can be had here for now (rule 11); a socket that stands goes on."""
        if not self._stopped:
            self.held = True
            self._open_at = None

    def resume(self, now: int) -> list[SlotEffect]:
        """Something may be had again."""
        if not self.held:
            return []
        self.held = False
        if self.main is None:
            self._open_at = now
        return self.tick(now)

    def stop(self, code: str, reason: str) -> list[SlotEffect]:
        """Nothing is wanted here any more (rule 9)."""
        self._stopped = True
        self._open_at = None
        gone = [number for number in (self.main, self.successor) if number is not None]
        self.main = self.successor = None
        return [Retire(number, code, reason) for number in gone]

    def _open(self, now: int, out: list[SlotEffect]) -> None:
        wait = self._attempts.wait(now)
        if wait:  # rule 2
            self._open_at = now + wait
            return
        self._attempts.take(now)
        self._open_at = None
        number = self._numbers.next()
        if self.main is None:
            self.main = number
        else:
            self.successor = number
            self._successor_since = now
        out.append(Open(number, self.main != number))

    def _promote(self, number: int, out: list[SlotEffect], *, rotated: bool) -> None:
        self.main = number
        self.successor = None
        self._rotation = None
        self._open_at = None
        if rotated:
            self._spare.steady()
        out.append(Promoted(number, rotated))

    def _follow_up(self, now: int) -> list[SlotEffect]:
        reason, self._rotate_again = self._rotate_again, None
        if reason is None or self.main is None:
            return []
        return self.rotate(self.main, reason, now)

    def _give_up(self, number: int, now: int) -> SlotEffect:
        self.successor = None
        self._rotate_again = None
        self._open_at = now + self._spare.delay(0)  # rules 7, 10
        return Retire(number, "not_proven", "the replacement did not show what the old one shows")


class Numbers:
    """Hands out socket numbers, 1, 2, 3, ..."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        """The next number, never used before."""
        self.last += 1
        return self.last
