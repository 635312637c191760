"""Which alerts go to one channel next, which of them together, and when; it sends nothing and is told the time.

Rules
  1. A channel's alerts go in the order in which they were told. Each channel has a machine of its own: one that fails
     holds up no other.
  2. What goes together is one message, and a message that was begun is the same in every attempt: whoever took it
     and could not say so knows it by its key. Only what is in quiet hours by then leaves it.
  3. An attempt that failed is made again after 1 s, doubling to 5 min (30 s with a channel to fall back to), full
     jitter; the channel's own Retry-After is heeded up to an hour.
  4. It is given up on a final refusal, or when it is a day old and the channel has failed 12 times in a row. With a
     channel to fall back to it is 2 min and 5 times, for the other one can still tell it in time. What stands in for
     another channel has no further one.
  5. At most `per_minute` messages are begun in any 60 s, attempts that fail included.
  6. What comes above that, and what piled up (while the channel failed, in quiet hours, while the desk was away), is
     one message that says how many, of at most MOST_TOGETHER.
  7. In the quiet hours of its rule an alert is held until they end; a critical one is not. The others go past it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct

from bethna.core.alert_views import DeliveryState, Receipt
from bethna.core.alerts import QuietHours, Severity
from bethna.core.clock import NS_PER_S, seconds
from bethna.logic.backoff import Backoff, Rng

FIRST_S, LONGEST_S = 1.0, 300.0
HEEDED_S = 3600.0
GIVE_UP_S, GIVE_UP_FAILURES = 86_400.0, 12
FALL_BACK_S, FALL_BACK_FAILURES = 120.0, 5
MOST_TOGETHER = 1000
MINUTE_NS = 60 * NS_PER_S
_LOOK_NS = 600 * NS_PER_S
"""Nobody waits longer for the wall clock than this: it may have been set."""


class Parcel(Struct, frozen=True):
    """A delivery that is not done, with what decides when it goes.

    Attributes:
        told: of its alert, ns UTC by the desk's clock. next_try: likewise, of the delivery.
    """

    rule: str
    firing: int
    channel: str
    told: int
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    next_try: int | None = None
    severity: Severity = Severity.INFO
    quiet: QuietHours | None = None
    instead_of: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """Of its alert."""
        return self.rule, self.firing


class Rest(Struct, frozen=True):
    """Nothing goes before `until` (monotonic ns; None: before something new is there)."""

    until: int | None


class Hold(Struct, frozen=True):
    """These are in quiet hours, until then (ns UTC)."""

    parcels: tuple[tuple[Parcel, int], ...]


class Go(Struct, frozen=True):
    """These go now, as one message."""

    parcels: tuple[Parcel, ...]


Next: TypeAlias = Rest | Hold | Go


class Again(Struct, frozen=True):
    """To be tried again at `next_try` (ns UTC)."""

    next_try: int


class GiveUp(Struct, frozen=True):
    """It is tried no more."""


class Pace:
    """The machine of one channel.

    Args:
        per_minute: rule 5. has_fallback: rule 4.
    """

    def __init__(self, per_minute: int, rng: Rng, *, has_fallback: bool = False) -> None:
        self._per_minute = per_minute
        self._least = FALL_BACK_FAILURES if has_fallback else GIVE_UP_FAILURES
        self._age_ns = seconds(FALL_BACK_S if has_fallback else GIVE_UP_S)
        longest = FALL_BACK_S / 4 if has_fallback else LONGEST_S
        self._backoff = Backoff(FIRST_S, longest, 1.0, rng)
        self._begun: deque[int] = deque()
        self._not_before: int | None = None
        self._piled = True

    @property
    def failures(self) -> int:
        """Attempts in a row that failed."""
        return self._backoff.failures

    def next(self, waiting: Sequence[Parcel], held_until: int | None, now: int, mono: int) -> Next:
        """What to do now.

        Args:
            waiting: what is not done, what was begun before all others, then in the order of rule 1: all of WAITING,
                and of HELD those whose time is over; as many as there are, or more than MOST_TOGETHER.
            held_until: when the next of the other held ones is due (ns UTC), None without one.
            now: ns UTC by the desk's clock. mono: monotonic ns.
        """
        begun = tuple(each for each in waiting if each.attempts)
        if self._not_before is None:
            self._take_up(begun, now, mono)
        hold = tuple((each, until) for each in waiting if (until := held_till(each, now)) is not None)
        if hold:
            return Hold(hold)  # rule 7
        later = None if held_until is None else mono + min(max(0, held_until - now), _LOOK_NS)
        if not waiting:
            self._piled = False
            return Rest(later)
        free = max(self._not_before or 0, self._free_at(mono))
        if free > mono:
            return Rest(free)
        if begun:
            return Go(begun)  # rule 2
        if self._piled or len(waiting) > self._left() or waiting[0].state is DeliveryState.HELD:
            return Go(tuple(waiting[:MOST_TOGETHER]))  # rule 6
        return Go((waiting[0],))

    def _take_up(self, begun: Sequence[Parcel], now: int, mono: int) -> None:
        """Where the desk was when it ended; a wall clock that was set since makes nobody wait for long."""
        self._backoff.failures = max((each.attempts for each in begun), default=0)
        wait = max((each.next_try or 0 for each in begun), default=0) - now
        self._not_before = mono + min(max(0, wait), seconds(HEEDED_S))

    def _free_at(self, mono: int) -> int:
        """Rule 5."""
        while self._begun and self._begun[0] <= mono - MINUTE_NS:
            self._begun.popleft()
        return self._begun[-self._per_minute] + MINUTE_NS if self._left() <= 0 else mono

    def _left(self) -> int:
        return self._per_minute - len(self._begun)

    def begin(self, mono: int) -> None:
        """A message is about to be sent."""
        self._begun.append(mono)

    def arrived(self) -> None:
        """The channel has taken it."""
        self._backoff.steady()

    def failed(self, receipt: Receipt, sent: Sequence[Parcel], now: int, mono: int) -> Again | GiveUp:
        """The channel has not taken it."""
        if receipt.final:
            return GiveUp()  # rule 4
        self._piled = True
        delay = self._backoff.delay(0)  # rule 3
        wait = max(delay, seconds(min(receipt.retry_after_s or 0.0, HEEDED_S)))
        self._not_before = mono + wait
        age = now - max(each.told for each in sent)
        if self.failures >= self._least and age >= self._age_ns:
            return GiveUp()
        return Again(now + wait)


def fallback_of(parcel: Parcel, fallback: Mapping[str, str]) -> str:
    """The channel that tells it instead, "" for none (rule 4)."""
    return "" if parcel.instead_of else fallback.get(parcel.channel, "")


# --- quiet hours


def held_till(parcel: Parcel, now: int) -> int | None:
    """When the quiet hours end in which it is now, ns UTC; None where it may go (rule 7)."""
    if parcel.quiet is None or parcel.severity is Severity.CRITICAL:
        return None
    return quiet_until(parcel.quiet, now)


def quiet_until(quiet: QuietHours, now: int) -> int | None:
    """When they end, ns UTC; None while they are not. Where clocks are changed, those on the wall count."""
    here = datetime.fromtimestamp(now // NS_PER_S, UTC).astimezone(_zone(quiet.zone))
    minute = here.hour * 60 + here.minute
    over_night = quiet.start > quiet.end
    begun, going_on = minute >= quiet.start, minute < quiet.end
    if not (begun or going_on if over_night else begun and going_on):
        return None
    day = here.date() + timedelta(days=over_night and minute >= quiet.start)
    end = datetime(day.year, day.month, day.day, *divmod(quiet.end, 60), tzinfo=here.tzinfo)
    until = int(end.timestamp()) * NS_PER_S
    if until <= now:  # the hour that is twice: its second time
        until = int(end.replace(fold=1).timestamp()) * NS_PER_S
    return until


def _zone(name: str) -> tzinfo:
    """A zone that this machine does not know is read as UTC: what is told at a wrong hour is told at least."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
