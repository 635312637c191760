"""Bars of any span from the venues' own candles: asks for what is not known yet, and says what nobody could tell.

Rules
  1. What the venue has of the asked interval is asked for; else the longest shorter one that it has and that divides
     it, and bars are merged from those.
  2. A page that could not be had leaves its time unknown, with the reason; the other pages are asked for all the same,
     but where the venue refuses for good, or for longer than LONGEST_WAIT_S. It is asked TRIES times, and later where
     its quota says so.
  3. One question an instrument and interval is on its way at a time: who asks for the same waits for it.
  4. The newest bar is the venue's open one, where it tells it. The desk's own trades are not in here (`logic/series`).
  5. Where quiet intervals are left out, their close is that of the bar before: so LOOK_BACK more are asked for where
     none is known yet.
  6. What is kept on disk is asked for before any source, and each page that a source told is put there at once: who is
     killed goes on where it was.
  7. A refusal is told to each who asks for its time, as long as that is not asked for again.
  8. What is too old for a venue's candles is made of its trades, where those go back for ever. Where that would take
     more than MOST_TRADE_PAGES pages, by the pace of the first of them, it is not begun, and that is said.
  9. Nobody is asked for the time before the venue had any market: those bars are unknown, and that is said.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from bethna.core.bars import Bar, BarKind, CandleRules, Refusal
from bethna.core.clock import NS_PER_S, Clock, iso_utc
from bethna.core.coverage import Provenance
from bethna.core.errors import ConfigError, RateLimited, VenueAnswer, VenueError, WireError
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import CandlePage, InstrumentId, TradePage
from bethna.core.wire import RestEvent
from bethna.logic.access import about_request
from bethna.logic.bars import fill, merge, unknown_bar
from bethna.logic.candle_pages import CandlePages
from bethna.logic.kept_bars import RETRY_NS, KeptBars, holes
from bethna.logic.trade_pages import TradePages
from bethna.venues.spec import Codec, RestRequest

TRIES = 3
PAUSE_S = 1.0
LONGEST_WAIT_S = 20.0
"""Who asks is not kept waiting for the end of a ban: it is said, and asked for again when somebody asks again."""
LOOK_BACK = 60
MOST_TRADE_PAGES = 60
MOST_REFUSED = 100
MOST_ASKED = 1_000_000
"""Bars of one question; more are asked for in parts."""


class Fetch(Protocol):
    """A venue's REST side in the lane of what may wait."""

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """One answer as facts; raises VenueError."""
        ...


class Keeper(Protocol):
    """Where closed bars are kept for good (rule 6); its troubles are its own."""

    async def load(self, instrument: InstrumentId, interval: Interval, start: int, end: int) -> list[Bar]:
        """What is there of [start, end), ascending."""
        ...

    async def keep(self, bars: Iterable[Bar]) -> None:
        """Put them there."""
        ...


class CandleSource(Struct, frozen=True):
    """Where one venue's candles come from.

    Attributes:
        now: the venue's time, ns UTC, as well as it is known.
    """

    venue: str
    rules: CandleRules
    codec: Codec
    rest: Fetch
    now: Callable[[], int]


class Past(Struct, frozen=True):
    """What is known of a span: one bar for each interval that has begun.

    Attributes:
        built_from: the interval that was merged, None where the source has the asked one.
    """

    bars: list[Bar]
    built_from: Interval | None
    refusals: tuple[Refusal, ...]


class History:
    """The past of all instruments of one desk.

    Args:
        scale: lots per unit of quantity. keeper: the disk; None keeps in memory alone.
    """

    def __init__(
        self, clock: Clock, provenance: Provenance, scale: int, keeper: Keeper | None = None
    ) -> None:
        self._keeper = keeper
        self._clock = clock
        self._provenance = provenance
        self._scale = scale
        self._kept: dict[tuple[InstrumentId, Interval], KeptBars] = {}
        self._locks: dict[tuple[InstrumentId, Interval], asyncio.Lock] = {}
        self._refused: dict[tuple[InstrumentId, Interval], list[tuple[int, Refusal]]] = {}

    async def bars(
        self,
        source: CandleSource,
        instrument: Instrument,
        interval: Interval,
        start: int,
        end: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> Past:
        """The bars that open in [start, end), ns UTC, as far as they have begun.

        Args:
            progress: told after each page how many bars are known and how many are wanted.

        Raises:
            ConfigError: the span is none, or too long; or no interval of the venue divides the asked one.
        """
        if start >= end:
            raise ConfigError(
                "from", "expected a span, found one that ends before it begins", hint="swap from and to"
            )
        native = native_of(source, interval)
        if native is None:
            raise ConfigError(
                "interval", lacks(source, interval), hint=f"it has: {', '.join(source.rules.intervals)}"
            )
        first, last = interval.open_time(start), min(end, source.now())
        if first < start:
            first = interval.close_time(first)
        if interval is not native and last > first:
            last = min(interval.close_time(interval.open_time(last - 1)), source.now())
        if (last - first) // native.ns > MOST_ASKED:
            raise ConfigError(
                "from",
                f"expected at most {MOST_ASKED:,} bars of {native} at once",
                hint="ask for a shorter span",
            )
        begun = max(first, native.open_time(source.rules.first))  # rule 9
        key = (instrument.id, native)
        async with self._locks.setdefault(key, asyncio.Lock()):  # rule 3
            kept = self._kept.setdefault(key, KeptBars(native))
            known = await self._known(instrument, kept, (native, begun, last))
            settled = set(known)
            refusals, still = await self._complete(
                source, instrument, kept, known, (native, begun, last), progress
            )
            refusals = _before_all(source, first, min(begun, last)) + self._standing(key, refusals, known)
            if source.rules.trades_page is not None:
                old = [at for at in sorted(known) if at not in settled and _is_too_old(known[at])]
                refusals += await self._of_trades(source, instrument, kept, known, old)
        like = unknown_bar(instrument.id, native, 0, "", self._provenance)
        known.update((bar.open_time, bar) for bar in still)
        bars = fill(
            [known[at] for at in sorted(known)], like, first, last, skips_quiet=False, reason="not_asked"
        )
        if bars and not still and bars[-1].close_time > source.now():
            bars.pop()  # it is open, and nobody told it
        if native is not interval:
            bars = merge(bars, interval, self._scale)
        return Past(bars, None if native is interval else native, tuple(refusals))

    def forget(self) -> None:
        """All that is in memory: the world that it was of has ended."""
        self._kept.clear()
        self._refused.clear()

    def _standing(
        self, key: tuple[InstrumentId, Interval], fresh: list[Refusal], known: dict[int, Bar]
    ) -> list[Refusal]:
        """The fresh ones, and those of a while ago whose time is still unknown (rule 7)."""
        now = self._clock.monotonic_ns()
        before = [(at, each) for at, each in self._refused.get(key, ()) if now - at < RETRY_NS]
        self._refused[key] = [*before, *((now, each) for each in fresh)][-MOST_REFUSED:]
        unknown = sorted(at for at, bar in known.items() if bar.kind is BarKind.UNKNOWN)
        told = [
            each for _, each in before if bisect_left(unknown, each.start) < bisect_left(unknown, each.end)
        ]
        return told + fresh

    async def _known(
        self, instrument: Instrument, kept: KeptBars, asked: tuple[Interval, int, int]
    ) -> dict[int, Bar]:
        """What nobody needs to be asked for, by opening: of memory, then of the disk (rule 6)."""
        native, first, last = asked
        now = self._clock.monotonic_ns()
        known = {bar.open_time: bar for bar in kept.settled(first, last, now)}
        if self._keeper is None:
            return known
        for begin, end in list(holes(native, known, first, last)):
            loaded = await self._keeper.load(instrument.id, native, native.earlier(begin), end)
            known.update((bar.open_time, bar) for bar in kept.put(loaded, now) if bar.open_time >= begin)
        return known

    async def _complete(
        self,
        source: CandleSource,
        instrument: Instrument,
        kept: KeptBars,
        known: dict[int, Bar],
        asked: tuple[Interval, int, int],
        progress: Callable[[int, int], None] | None,
    ) -> tuple[list[Refusal], list[Bar]]:
        """Ask for what is missing of `known`, and add it; why not all of it came, and the bar that is open still."""
        native, first, last = asked
        refusals: list[Refusal] = []
        still: list[Bar] = []
        for begin, end in list(holes(native, known, first, last)):
            like = unknown_bar(instrument.id, native, 0, "", self._provenance)
            before = kept.before(begin)
            if source.rules.skips_quiet and before is None:  # rule 5
                begin = max(native.earlier(begin, LOOK_BACK), native.open_time(source.rules.first))
            pages = CandlePages(source.rules, like, source.venue, begin, end, source.now(), before)
            final = ""
            while (question := pages.ask()) is not None:
                if final:
                    told, reason = pages.give_up("source_refused"), ""
                else:
                    told, reason, refused = await self._page(source, instrument, native, pages, question)
                    final = reason if refused else ""
                stand = kept.put(told, self._clock.monotonic_ns())
                known.update((bar.open_time, bar) for bar in stand if first <= bar.open_time < last)
                if self._keeper is not None:
                    await self._keeper.keep(stand)
                still = [bar for bar in told if not bar.closed] or still
                if reason:
                    refusals.append(
                        Refusal(source.venue, reason, question[0], told[-1].close_time if told else end)
                    )
                if progress is not None:
                    progress(len(known), max(1, (last - first) // native.ns))
        return refusals, still

    async def _of_trades(
        self,
        source: CandleSource,
        instrument: Instrument,
        kept: KeptBars,
        known: dict[int, Bar],
        old: list[int],
    ) -> list[Refusal]:
        """Make bars of trades where the candles do not reach (rule 8), in the place of the `old`."""
        page = source.rules.trades_page
        if page is None or not old:
            return []
        native = known[old[0]].interval
        start, end = old[0], native.close_time(old[-1])
        like = unknown_bar(instrument.id, native, 0, "", self._provenance)
        pages = TradePages(like, source.venue, (start, end), page, self._scale, source.now())
        while (since := pages.ask()) is not None:
            left, events, reason = pages.left(), _NOTHING, ""
            if left is not None and left > MOST_TRADE_PAGES:
                reason = (
                    f"{source.venue} keeps the newest {source.rules.newest} candles of {native}; its trades from"
                    f" before would take {left:,} questions more: ask for a shorter span, or a longer interval"
                )
            else:
                request = source.codec.trades_request(instrument, 0, page, since)
                events, reason, _ = await self._ask(source, request)
            if reason:
                refusals = [Refusal(source.venue, reason, max(start, since), end)]
                told = pages.give_up("too_old")
                known.update((bar.open_time, bar) for bar in told)
                return refusals
            trades = [each for found in events if isinstance(found, TradePage) for each in found.trades]
            stand = kept.put(pages.answer(trades), self._clock.monotonic_ns())
            known.update((bar.open_time, bar) for bar in stand)
            if self._keeper is not None:
                await self._keeper.keep(stand)
        return []

    async def _page(
        self,
        source: CandleSource,
        instrument: Instrument,
        native: Interval,
        pages: CandlePages,
        question: tuple[int, int],
    ) -> tuple[list[Bar], str, bool]:
        """Bars of one page, why there are none, and whether the venue will say the same again (rule 2)."""
        request = source.codec.candles_request(instrument, native, *question)
        reason = ""
        for _ in range(TRIES):
            events, reason, final = await self._ask(source, request)
            if reason:
                return pages.give_up("source_refused" if final else "source_failed"), reason, final
            candles = [each for page in events if isinstance(page, CandlePage) for each in page.candles]
            told = pages.answer(candles)
            if told is not None:
                return told, "", False
            reason = f"{source.venue} answered with candles from before those that were asked for"
        return pages.give_up("source_failed"), reason, False

    async def _ask(self, source: CandleSource, request: RestRequest) -> tuple[Sequence[RestEvent], str, bool]:
        """One answer; else why there is none, and whether the venue will say the same again (rule 2)."""
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_S * 2**attempt)
            try:
                return await source.rest.fetch(request), "", False
            except RateLimited as error:
                reason = error.message
                if error.retry_after_s > LONGEST_WAIT_S:
                    return (), reason, True
                await asyncio.sleep(error.retry_after_s)
            except (VenueError, WireError) as error:
                reason = error.message
                if isinstance(error, VenueAnswer) and about_request(error.status):
                    return (), reason, True
        return (), reason, False


_NOTHING: Sequence[RestEvent] = ()


def _before_all(source: CandleSource, start: int, end: int) -> list[Refusal]:
    """What is said of [start, end), when there was no market (rule 9); nothing of no time."""
    if start >= end:
        return []
    day = iso_utc(source.rules.first).partition(" ")[0]
    return [Refusal(source.venue, f"{source.venue} had no market before {day}", start, end)]


def _is_too_old(bar: Bar) -> bool:
    return bar.kind is BarKind.UNKNOWN and any(gap.reason == "too_old" for gap in bar.coverage.gaps)


def native_of(source: CandleSource, interval: Interval) -> Interval | None:
    """What is asked of a source for an interval (rule 1); None where it has nothing that makes one."""
    return next((each for each in (interval, *interval.parts()) if each in source.rules.intervals), None)


def lacks(source: CandleSource, interval: Interval) -> str:
    """In words, that it is None."""
    return f"{source.venue} has no candles of {interval}, nor any that make one"


def venue_now(clock: Clock, offset_ns: Callable[[], int | None]) -> Callable[[], int]:
    """The venue's time by the desk's clock and what is measured of the venue's; a second less where it is not."""

    def now() -> int:
        offset = offset_ns()
        return clock.now_ns() + (offset if offset is not None else -NS_PER_S)

    return now
