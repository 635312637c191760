"""Facts as the words of a line: prices with their digits, times in UTC, how complete; nothing is computed from them.

What is incomplete, healed, stale or simulated is a word, never a colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bethna.cli.grid import MISSING, plain
from bethna.core.clock import NS_PER_MS, NS_PER_S, iso_utc
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.money import decimals_of
from bethna.core.status import (
    BookStatus,
    Dropped,
    GapFound,
    GapMarked,
    Healed,
    SourceKind,
    StreamStatus,
)

SIMULATED = "SIMULATED"
_MIN = 60 * NS_PER_S
_HOUR = 60 * _MIN
Note = GapFound | Healed | GapMarked | BookStatus | StreamStatus | Dropped
"""What happens between data."""


class Digits:
    """How many digits stand behind the point: those of the smallest step where it is known, else the most seen."""

    def __init__(self, step: float | None = None) -> None:
        self._most = 0 if step is None else decimals_of(step)
        self._known = step is not None

    def see(self, values: Iterable[float | None]) -> None:
        """Learn from values."""
        if not self._known:
            self._most = max([self._most, *(decimals_of(each) for each in values if each is not None)])

    def write(self, value: float | None) -> str:
        """A value with these digits; one that has more keeps them."""
        if value is None:
            return MISSING
        return f"{value:.{max(self._most, decimals_of(value))}f}"

    def average(self, value: float | None) -> str:
        """What is computed of such values, two digits more exact than they are."""
        return MISSING if value is None else f"{value:.{self._most + 2}f}"

    def difference(self, one: float | None, other: float | None) -> str:
        """The difference of two such values: as exact as they are, without what float subtraction adds."""
        return MISSING if one is None or other is None else f"{one - other:.{self._most}f}"


def clock_time(ts_ns: int | None) -> str:
    """An instant to the millisecond, in UTC; the column's title says so."""
    return MISSING if ts_ns is None else iso_utc(ts_ns).removesuffix(" UTC")


def age(now_ns: int, since_ns: int | None) -> str:
    """How long ago: `12 ms`, `3.4 s`, `5 min`, `2 h`."""
    return MISSING if since_ns is None else lasted(now_ns - since_ns)


def lasted(span_ns: int) -> str:
    """A length of time, short; never negative."""
    span_ns = max(0, span_ns)
    if span_ns < NS_PER_S:
        return f"{span_ns // NS_PER_MS} ms"
    if span_ns < _MIN:
        return f"{span_ns // (NS_PER_S // 10) / 10:.1f} s"
    if span_ns < _HOUR:
        return f"{span_ns // _MIN} min"
    return f"{span_ns // _HOUR} h" if span_ns < 48 * _HOUR else f"{span_ns // (24 * _HOUR)} d"


def percent(value: float | None) -> str:
    """A change, with its sign."""
    return MISSING if value is None else f"{value:+.2f} %"


def completeness(coverage: Coverage, *, stale: bool = False) -> str:
    """The certificate in words: `complete`, `incomplete: 2 gaps, stale, SIMULATED`."""
    words = [_state(coverage)]
    if stale:
        words.append("stale")
    if coverage.provenance is Provenance.SYNTHETIC:
        words.append(SIMULATED)
    return ", ".join(words)


def _state(coverage: Coverage) -> str:
    if coverage.state is State.INCOMPLETE and coverage.gaps:
        count = sum(not gap.healed for gap in coverage.gaps) or len(coverage.gaps)
        return f"{coverage.state}: {count} gap" + ("s" if count > 1 else "")
    return str(coverage.state)


def missing(gap: Gap) -> str:
    """What of a gap is known: its ids, else its time."""
    if gap.first_id is not None and gap.last_id is not None:
        one = gap.first_id == gap.last_id
        return f"{gap.stream} {gap.first_id}" if one else f"{gap.stream} {gap.first_id} to {gap.last_id}"
    if gap.start is not None and gap.end is not None:
        return f"{gap.stream} between {iso_utc(gap.start)} and {iso_utc(gap.end)}"
    return f"{gap.stream} of an unknown time"


def note(event: Note) -> str:
    """What happened between data, in a line of its own."""
    match event:
        case GapFound(gap=gap):
            said = f"gap: {missing(gap)} missing"
        case Healed(gap=gap) if gap.reason == "reordered":
            said = f"came by themselves, late: {missing(gap)}"
        case Healed(gap=gap, found=found):
            said = f"healed: {missing(gap)}, {found} found"
        case GapMarked(gap=gap):
            said = f"gap stays: {missing(gap)} ({gap.reason})"
        case BookStatus(trust=trust, reason=reason):
            said = f"book {trust}" + (f": {reason}" if reason else "")
        case StreamStatus(state=state, reason=reason, connected=connected):
            said = f"stream {state}" + (f": {reason}" if reason else "")
            said += "" if connected or state in ("ended", "refused") else " (not connected)"
        case Dropped(count=count):
            said = f"dropped: {count} events that were not read in time"
        case _:
            assert_never(event)
    return f"-- {plain(said)}"


def source_words(source: SourceKind, seed: int | None, *, simulated: bool) -> str:
    """Where data comes from, so that nobody takes a simulated market for a real one."""
    if not simulated:
        return "a recording" if source == "tape" else source
    return SIMULATED if seed is None else f"{SIMULATED}, seed {seed}"
