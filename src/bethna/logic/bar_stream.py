"""One row of bars for who listens: the past, the open bar as it changes, each closed one once, and what heals later.

A machine: it is handed candles as the desk has them, series as they were fetched, and the venue's time; it asks nobody
and knows no clock.

Rules
  1. Nothing is told before the series was fetched once, or given up: what is heard until then waits. The row begins
     with the first fetched bar, and where the series was given up `history` bars ago.
  2. The row has one bar for each interval, ascending, and is told in that order: each opens when the one before it
     ends. One of which nobody knows is unknown; so it is told when its end is PATIENCE_NS ago, or when a later one is
     known.
  3. Which of two stands is decided as in `series`. What a late answer says of a bar does not take the place of what is
     known of it already, unless it is a later word of the source.
  4. A closed bar stays closed. It is told again when its kind, a figure, or the state of its certificate is another,
     with a greater revision.
  5. An open bar whose end has passed, and whose last word nobody heard, is told as closed and incomplete.
  6. Of an open bar whose beginning the desk did not watch the closed shorter bars are fetched (`Beginning`), and it is
     merged of these and what the desk has seen since. Where there are none, or they have a hole, or end PATIENCE_NS
     ago, its figures are the source's, widened by those of the desk, and incomplete.
  7. What is not whole is asked for again: what was not asked for since its end after SETTLE_NS and at most every
     CALM_NS, else after RETRY_NS, and each time later, up to LONGEST_NS, while nothing heals.
  8. Of more than `history` + SLACK bars the oldest are let go: they are not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, Provenance, State, with_gaps
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bars import LIVE, merge, of_candle, unknown_bar
from bethna.logic.series import PROVED, join

SLACK = 500
PATIENCE_NS = 2 * NS_PER_S
SETTLE_NS = 5 * NS_PER_S
CALM_NS = 15 * NS_PER_S
RETRY_NS = 61 * NS_PER_S
LONGEST_NS = 600 * NS_PER_S
SEEN = (*PROVED, State.UNVERIFIED)
"""Of a candle that the desk watched from its opening on."""


class Beginning(Struct, frozen=True):
    """Closed shorter bars of the one that opens at `open_time`, ascending, without a hole, up to `until`, ns UTC.

    There is at least one.
    """

    open_time: int
    until: int
    bars: tuple[Bar, ...]


class BarStream:
    """The row of one instrument and interval.

    Args:
        history: how many bars it begins with. scale: lots per unit of quantity.

    Attributes:
        released: whether anything was told (rule 1).
        beginning: of the bar that is open, where one was fetched (rule 6).
    """

    def __init__(
        self, instrument: InstrumentId, interval: Interval, history: int, provenance: Provenance, scale: int
    ) -> None:
        self.interval = interval
        self.history = history
        self.released = False
        self.beginning: Beginning | None = None
        self._like = unknown_bar(instrument, interval, 0, "", provenance)
        self._scale = scale
        self._now = 0
        self._row: dict[int, Bar] = {}  # as told, ascending
        self._next: int | None = None
        self._past: dict[int, Bar] = {}
        self._live: dict[int, Candle] = {}
        self._made: dict[int, Bar] = {}
        self._since: Sequence[Candle] = ()
        self._touched: set[int] = set()
        self._known = -1  # the newest of which anything is known
        self._weak: set[int] = set()
        self._asked_at: int | None = None
        self._asked_now = 0
        self._pause = RETRY_NS
        self._weak_before: frozenset[int] = frozenset()

    @property
    def row(self) -> list[Bar]:
        """What was told, each as it was told last, ascending."""
        return list(self._row.values())

    def lacks_beginning(self) -> bool:
        """Whether the desk has not watched the open bar from its opening on (rule 6)."""
        candle = self._live.get(self.interval.open_time(self._now))
        return candle is None or candle.coverage.state not in SEEN

    def hear(self, candles: Iterable[Candle], since: Sequence[Candle], now: int) -> list[Bar]:
        """Candles as the desk has them now, and the venue's time, ns UTC: what is to be told.

        Args:
            since: shorter ones from the end of `beginning` on, ascending; empty without one.
        """
        self._now = max(self._now, now)
        begun = self.beginning
        if begun is not None and since != self._since:
            self._since = since
            self._touched.add(begun.open_time)
        for candle in candles:
            at = candle.open_time
            if at > self._now or self._live.get(at) == candle:
                continue
            self._live[at] = candle
            self._know(at)
            if at in self._past and self._past[at].source == LIVE:
                del self._past[at]  # the same, as it was when somebody fetched it
        return self._tell()

    def fetched(self, bars: Sequence[Bar], beginning: Beginning | None, now: int) -> list[Bar]:
        """A series has come: what is to be told."""
        self._now = max(self._now, now)
        for bar in bars:
            if self._is_news(bar):
                self._past[bar.open_time] = bar
                self._know(bar.open_time)
        if beginning is not None:
            self._begin(beginning)
        if not self.released:
            self.released = True
            first = self.interval.earlier(self.interval.open_time(self._now), self.history - 1)
            self._next = max(first, bars[0].open_time) if bars else None
        news = self._tell()
        self._tried()
        return news

    def failed(self) -> None:
        """A series could not be fetched; it is asked for again later (rule 7)."""
        self._tried()

    def give_up(self, now: int) -> list[Bar]:
        """Wait no longer for the series: what is to be told."""
        self._now = max(self._now, now)
        if not self.released:
            self.released = True
            self._next = self.interval.earlier(self.interval.open_time(self._now), self.history - 1)
        return self._tell()

    def asks(self, now: int, monotonic_ns: int) -> int | None:
        """How many of the newest bars are to be fetched now; None for nothing (rule 7)."""
        self._now = max(self._now, now)
        if self._asked_at is None:
            return self.history
        passed = monotonic_ns - self._asked_at
        if not self.released:
            return self.history if passed >= RETRY_NS else None
        weak = [at for at in sorted(self._weak) if self._is_wanted(at)]
        if passed < CALM_NS or not (weak or self._opens_weakly()):
            return None
        fresh = any(self._asked_now < self.interval.close_time(at) + SETTLE_NS for at in weak)
        if not fresh and passed < self._pause:
            return None
        newest = self.interval.open_time(self._now)
        oldest, count = (weak[0] if weak else newest), 1
        while oldest < newest and count < self.history + SLACK:
            oldest, count = self.interval.close_time(oldest), count + 1
        return count

    def asked(self, monotonic_ns: int) -> None:
        """What `asks` said is being fetched now."""
        self._asked_at, self._asked_now = monotonic_ns, self._now
        self._weak_before = frozenset(self._weak)

    def _is_wanted(self, at: int) -> bool:
        """Whether it is time to ask for one that is not whole; one that only lacks its proof may get it still."""
        unproven = self._row[at].coverage.state is State.UNVERIFIED
        return self.interval.close_time(at) + (RETRY_NS if unproven else SETTLE_NS) <= self._now

    def _tried(self) -> None:
        healed = not self._weak_before or not self._weak_before <= self._weak
        self._pause = RETRY_NS if healed else min(LONGEST_NS, 2 * self._pause)

    def _opens_weakly(self) -> bool:
        """Whether the open bar is not whole, and could be (rule 6)."""
        last = next(reversed(self._row.values()), None)
        return (
            last is not None
            and not last.closed
            and Interval.M1.divides(self.interval)
            and last.coverage.state in (State.INCOMPLETE, State.UNKNOWN)
        )

    def _know(self, at: int) -> None:
        self._touched.add(at)
        self._known = max(self._known, at)

    def _is_news(self, bar: Bar) -> bool:
        """Rule 3."""
        at = bar.open_time
        if at > self._now or (self._row and at < next(iter(self._row))):
            return False
        if bar.source == LIVE and at in self._live:
            return False
        before = self._past.get(at)
        if before is None:
            return True
        if not before.closed:
            return bar.closed or (bar.volume or 0.0) >= (before.volume or 0.0)
        if before.kind is BarKind.UNKNOWN:
            return bar.closed
        if bar.kind is BarKind.UNKNOWN or not bar.closed:
            return False
        if LIVE in (bar.source, before.source):
            return before.coverage.state not in PROVED and (
                bar.source != LIVE or bar.coverage.state in PROVED
            )
        return bar.revision >= before.revision

    def _begin(self, beginning: Beginning) -> None:
        before = self.beginning
        if before is None or (before.open_time, before.until) <= (beginning.open_time, beginning.until):
            self.beginning = beginning
            self._since = [each for each in self._since if each.open_time >= beginning.until]
            self._touched.add(beginning.open_time)

    # what is told ------------------------------------------------------------------------------------------------

    def _tell(self) -> list[Bar]:
        """Rules 2 and 4: first what is known otherwise, then what is new."""
        news: list[Bar] = []
        if not self.released:
            return news
        if self._next is None:
            self._next = min((*self._live, *self._past), default=None)
        last = next(reversed(self._row), None)
        again = {at for at in self._touched if at in self._row}
        self._touched.clear()
        for at in sorted(again if last is None else again | {last}):
            self._renew(at, news)
        while self._next is not None and self._next <= self._now:
            bar = self._settled(self._next)
            if bar is None:
                break
            self._put(bar if bar.closed else replace(bar, revision=0), news)
            self._next = self.interval.close_time(self._next)
        self._let_go()
        return news

    def _renew(self, at: int, news: list[Bar]) -> None:
        before, bar = self._row[at], self._settled(at)
        if bar is None or not differs(bar, before) or (before.closed and not bar.closed):
            return
        least = before.revision + 1 if before.closed else 0
        self._put(replace(bar, revision=max(least, bar.revision) if bar.closed else 0), news)

    def _put(self, bar: Bar, news: list[Bar]) -> None:
        at, state = bar.open_time, bar.coverage.state
        self._row[at] = bar
        news.append(bar)
        if bar.closed and state not in PROVED:
            self._weak.add(at)
        else:
            self._weak.discard(at)

    def _let_go(self) -> None:
        """Rule 8."""
        while len(self._row) > self.history + SLACK:
            del self._row[next(iter(self._row))]
        first = next(iter(self._row), -1)
        for kept in (self._past, self._live, self._made):
            if len(kept) > self.history + 2 * SLACK:
                for at in [at for at in kept if at < first]:
                    del kept[at]
        self._weak = {at for at in self._weak if at >= first}
        begun = self.beginning
        if begun is not None and self.interval.close_time(begun.open_time) + RETRY_NS < self._now:
            self.beginning, self._since = None, ()

    def _settled(self, at: int) -> Bar | None:
        """The bar as it is to be told now; None while there is nothing to tell (rules 2 and 5)."""
        bar, end = self._best(at), self.interval.close_time(at)
        if bar is not None and (bar.closed or end > self._now):
            return bar
        if end > self._now or (end + PATIENCE_NS > self._now and self._known <= at):
            return None
        if bar is None:
            return unknown_bar(
                self._like.instrument, self.interval, at, "unheard", self._like.coverage.provenance
            )
        if bar.kind is BarKind.UNKNOWN:
            return replace(bar, closed=True)
        gap = Gap("candles", None, None, at, end, "unheard")
        return replace(bar, closed=True, coverage=with_gaps(bar.coverage, [gap]))

    def _best(self, at: int) -> Bar | None:
        """What is known of a bar (rule 3)."""
        past, candle = self._past.get(at), self._live.get(at)
        found = next(iter(join(() if past is None else (past,), () if candle is None else (candle,))), None)
        if past is not None and past.closed and past.kind is not BarKind.UNKNOWN:
            return found if candle is None or candle.closed else past
        if candle is not None and candle.coverage.state in SEEN:
            return found
        made = self._merged(at)
        if made is not None:
            return made
        theirs = self._made.get(at)
        if theirs is None or theirs.kind is BarKind.UNKNOWN:
            theirs = past
        if theirs is None or theirs.kind is BarKind.UNKNOWN:
            return found
        return theirs if theirs.closed or candle is None else _widened(theirs, of_candle(candle))

    def _merged(self, at: int) -> Bar | None:
        """Rule 6: of the beginning and what the desk has seen since; None where these do not join or reach to now."""
        begun, since = self.beginning, self._since
        if begun is None or begun.open_time != at:
            return None
        reached, parts = begun.until, list(begun.bars)
        for candle in since:
            if candle.open_time != reached:
                return None
            parts.append(of_candle(candle))
            reached = parts[-1].close_time
        goes_on = parts[-1].closed and reached < self.interval.close_time(at)
        if goes_on:
            parts[-1] = replace(parts[-1], closed=False)  # the next one has just begun
        (made,) = merge(parts, self.interval, self._scale)
        before = self._made.get(at)
        if made.closed or before is None or not before.closed:
            self._made[at] = made
        return None if goes_on and reached + PATIENCE_NS <= self._now else made


def differs(one: Bar, other: Bar) -> bool:
    """Whether a bar is to be told again (rule 4)."""
    return _told(one) != _told(other)


def _told(bar: Bar) -> tuple[object, ...]:
    """What makes it another one (rule 4)."""
    return (
        bar.kind, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.closed, bar.coverage.state,
    )  # fmt: skip


def _widened(theirs: Bar, ours: Bar) -> Bar:
    """An open bar that the source told, and what the desk has seen of it (rule 6)."""
    if ours.kind is not BarKind.TRADED or theirs.kind is not BarKind.TRADED:
        return ours if ours.kind is BarKind.TRADED else theirs
    highs = [each for each in (theirs.high, ours.high) if each is not None]
    lows = [each for each in (theirs.low, ours.low) if each is not None]
    ends = [gap.end for gap in ours.coverage.gaps if gap.reason == "not_watched" and gap.end is not None]
    partly = Gap("candles", None, None, theirs.open_time, max(ends, default=theirs.close_time), "not_watched")
    return replace(
        theirs, high=max(highs), low=min(lows), close=ours.close,
        volume=max(theirs.volume or 0.0, ours.volume or 0.0), trades=None, closed=ours.closed,
        source="+".join(dict.fromkeys((*theirs.source.split("+"), LIVE))),
        coverage=with_gaps(theirs.coverage, [partly]),
    )  # fmt: skip
