"""One series of bars for whoever asks: the venues' history and the desk's own candles, joined; it keeps nothing itself.

The newest bar of a long interval began before the desk did. It is put together from the closed bars of shorter ones,
down to the minute that is open, of which the desk sees the trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from bethna.app.live import LiveLine
from bethna.core.bars import Bar, BarKind, Refusal, Series
from bethna.core.clock import Clock
from bethna.core.coverage import Provenance
from bethna.core.errors import ConfigError, cut
from bethna.core.instrument import split_id
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bars import LIVE, fill, merge, of_candle, unknown_bar
from bethna.logic.feed import InstrumentFeed
from bethna.logic.openings import Openings
from bethna.logic.quota_ledger import Lane
from bethna.logic.series import PROVED, join, lend
from bethna.services.feeds import Feeds
from bethna.services.history import CandleSource, History, Keeper, lacks, native_of, venue_now
from bethna.services.index_history import IndexBars, IndexHistory
from bethna.venues.registry import INDEX, venue_names

SCALE = 10**8
MOST_LIVE = 1500
STEPS = (Interval.M1, Interval.H1, Interval.D1)
"""An open bar is made of the longest of these that is shorter."""


class SeriesReader:
    """The series of one desk.

    Args:
        lines: live venues; a tape has none, and then there is what was seen alone.
        index: the index that may lend bars, or in words why there is none.
    """

    def __init__(
        self,
        lines: Mapping[str, LiveLine],
        feeds: Feeds,
        clock: Clock,
        provenance: Provenance,
        keeper: Keeper | None = None,
        index: IndexHistory | str = "there is none",
    ) -> None:
        self._lines = lines
        self._index = index
        self._feeds = feeds
        self._clock = clock
        self._provenance = provenance
        past = Provenance.SYNTHETIC if provenance is Provenance.SYNTHETIC else Provenance.HISTORY
        self.history = History(clock, past, SCALE, keeper)
        self._seen: dict[InstrumentId, int] = {}

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        """The newest `limit` bars that open before `end` (ns UTC, None for now), ascending, the open one last.

        Args:
            also: venues whose bars of the same pair are lent, or an index's, in this order, where its own has none.
            day_starts: how long after 00:00 UTC a day begins, ns (`logic/openings`).

        Raises:
            UnknownInstrument: it is not followed. ConfigError: the venue has no such interval, the span is too long, or
                there is no such venue to lend.
        """
        _check_lenders(also)
        if day_starts:
            return await self._days(instrument, Openings(interval, day_starts), limit, end, progress, also)
        series = await self._own(instrument, interval, limit, end, progress)
        for venue in also:
            gaps = [bar for bar in series.bars if bar.closed and bar.kind is BarKind.UNKNOWN]
            if not gaps:
                break
            span = gaps[0].open_time, gaps[-1].close_time
            if venue == INDEX:
                found = await self._of_index(instrument, interval, span)
            else:
                found = IndexBars(*await self._elsewhere(instrument, venue, interval, span))
            bars = lend(series.bars, found.bars)
            notes = found.notes if any(bar.source == venue for bar in bars) else ()
            refused = (*series.refusals, *found.refusals)
            series = replace(series, bars=bars, refusals=refused, notes=(*series.notes, *notes))
        return series

    async def _of_index(
        self, instrument: InstrumentId, interval: Interval, span: tuple[int, int]
    ) -> IndexBars:
        """The index that comes nearest to a spot pair, or why there is none."""
        whose, index = self._feeds.feed(instrument).instrument, self._index
        if isinstance(index, str):
            return IndexBars([], (Refusal(INDEX, index, *span),))
        if whose.contract is not None:
            why = f"{instrument} is no spot pair, and {INDEX} has the index of spot pairs alone"
            return IndexBars([], (Refusal(INDEX, why, *span),))
        return await index.bars(whose.base, whose.quote, interval, *span)

    async def _days(
        self,
        instrument: InstrumentId,
        openings: Openings,
        limit: int,
        end: int | None,
        progress: Callable[[int, int], None] | None,
        also: Sequence[str],
    ) -> Series:
        """Days, or weeks, that begin at another time than the venues': merged of what opens then."""
        interval, part = openings.interval, openings.part()
        now = self._feeds.feed(instrument).venue_time() or self._clock.now_ns()
        until = openings.close_time(openings.open_time(now if end is None else min(end - 1, now)))
        found = await self.bars(instrument, part, limit * (interval.ns // part.ns), until, progress, also)
        days = merge(found.bars, interval, SCALE, openings.starts)[-limit:]
        return replace(
            found,
            interval=interval,
            bars=days,
            built_from=found.built_from or part,
            day_starts=openings.starts,
        )

    def _dated(self, series: Series, feed: InstrumentFeed, now: int, end: int | None) -> Series:
        """Says up to when it is known, where its newest part could not be had."""
        newest = series.interval.open_time(now)
        if end is not None and end <= newest:
            return series
        if not any(each.end >= newest for each in series.refusals):
            return series
        if self._feeds.health(feed.id).state == "live":
            return series
        last = next((bar for bar in reversed(series.bars) if bar.kind is not BarKind.UNKNOWN), None)
        seen = last is not None and LIVE in last.source.split("+")
        if last is None or not (last.closed or seen):
            return series  # there is nothing that could be old; or told just now, for no open bar is kept
        until = last.close_time
        if seen and (not last.closed or last.coverage.state not in PROVED):
            heard = self._feeds.last_message(feed.id)
            until = last.open_time if heard is None else max(last.open_time, min(heard, until))
        return replace(series, as_of=until)

    async def _elsewhere(
        self, instrument: InstrumentId, venue: str, interval: Interval, span: tuple[int, int]
    ) -> tuple[list[Bar], tuple[Refusal, ...]]:
        """The bars of the same pair at another venue that is followed, or why there are none."""
        symbol, own = split_id(instrument)
        line = self._lines.get(venue)
        listed = (
            None if line is None else next((each for each in line.catalogue() if each.symbol == symbol), None)
        )
        why = ""
        if venue == own:
            why = "it is the series' own venue"
        elif line is None:
            why = f"the desk follows nothing at {venue}: follow {symbol}@{venue} first"
        elif listed is None:
            why = f"{venue} does not list {symbol}"
        else:
            source = self._candles_of(line)
            if native_of(source, interval) is not None:
                past = await self.history.bars(source, listed, interval, *span)
                return past.bars, past.refusals
            why = lacks(source, interval)
        return [], (Refusal(venue, why, *span),)

    async def _own(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> Series:
        """The series of its own venue and of the desk."""
        feed = self._feeds.feed(instrument)
        now = feed.venue_time() or self._clock.now_ns()
        newest = interval.open_time(now if end is None else min(end - 1, now))
        oldest, until = interval.close_time(interval.open_time(-1)), interval.close_time(newest)
        start = max(interval.earlier(newest, limit - 1), oldest)
        if start >= until:  # before all time
            return Series(instrument, interval, [])
        live = [
            each for each in feed.candles(interval, min(limit, MOST_LIVE), until) if each.open_time >= start
        ]
        source = self._source(feed)
        if source is None or _is_whole(live, interval, start, until):
            return Series(instrument, interval, join((), live)[-limit:])
        if native_of(source, interval) is None:  # what was seen is all there is
            nobody = Refusal(source.venue, lacks(source, interval), start, until)
            like = unknown_bar(instrument, interval, 0, "", self._provenance)
            unseen = fill([], like, start, interval.open_time(now), skips_quiet=False, reason="no_source")
            seen = Series(instrument, interval, join(unseen, live)[-limit:], None, (nobody,))
            return self._dated(seen, feed, now, end)
        past = await self.history.bars(source, feed.instrument, interval, start, until, progress)
        bars = join(past.bars, live)
        if bars and not bars[-1].closed and bars[-1].coverage.state not in PROVED:
            bars[-1] = await self._open(source, feed, interval, bars[-1])
        series = Series(instrument, interval, bars[-limit:], past.built_from, past.refusals)
        return self._dated(series, feed, now, end)

    def forget(self) -> None:
        """What is in memory of the past: another world has begun."""
        self.history.forget()
        if not isinstance(self._index, str):
            self._index.forget()
        self._seen.clear()

    def seen(self) -> list[Bar]:
        """The minutes that the desk saw from beginning to end, of all instruments, since it was asked last."""
        minute = Interval.M1
        found: list[Bar] = []
        for instrument in self._feeds.instruments():
            if instrument.is_index:
                continue
            feed = self._feeds.feed(instrument.id)
            after = self._seen.get(instrument.id)
            since = MOST_LIVE if after is None else (feed.venue_time() - after) // minute.ns + 1
            for candle in feed.candles(minute, max(1, min(since, MOST_LIVE)), None):
                is_new = after is None or candle.open_time > after
                if is_new and candle.closed and candle.coverage.state in PROVED:
                    found.append(of_candle(candle))
                    self._seen[instrument.id] = candle.open_time
        return found

    async def _open(self, source: CandleSource, feed: InstrumentFeed, interval: Interval, shown: Bar) -> Bar:
        """The open bar of shorter ones; as it was shown where they are not all there."""
        part = next((each for each in reversed(STEPS) if each.divides(interval)), None)
        if part is None or native_of(source, part) is None:
            return shown
        until = part.close_time(part.open_time(source.now()))
        past = await self.history.bars(source, feed.instrument, part, shown.open_time, until)
        live = [each for each in feed.candles(part, MOST_LIVE, until) if each.open_time >= shown.open_time]
        parts = join(past.bars, live)
        if parts and not parts[-1].closed:
            parts[-1] = await self._open(source, feed, part, parts[-1])
        merged = merge(parts, interval, SCALE)
        return merged[-1] if merged and merged[-1].open_time == shown.open_time else shown

    def _source(self, feed: InstrumentFeed) -> CandleSource | None:
        line = self._lines.get(feed.instrument.venue)
        if line is None or feed.instrument.is_index:
            return None
        return self._candles_of(line)

    def _candles_of(self, line: LiveLine) -> CandleSource:
        return CandleSource(
            line.venue, line.spec.candles, line.codec, line.rest.in_lane(Lane.BACKFILL),
            venue_now(self._clock, lambda: self._feeds.clock_offset_ns(line.venue)),
        )  # fmt: skip


def _check_lenders(also: Sequence[str]) -> None:
    """Raises ConfigError for a venue that does not exist; one that is not followed is refused in the answer."""
    known = (*venue_names(), INDEX)
    strange = next((each for each in also if each not in known), None)
    if strange is not None:
        raise ConfigError(
            "also", f"also: expected a venue, found {cut(strange)!r}", hint=f"choose from: {', '.join(known)}"
        )


def _is_whole(live: list[Candle], interval: Interval, start: int, until: int) -> bool:
    """Whether the desk has seen all of it."""
    if not live or live[0].open_time > start or interval.close_time(live[-1].open_time) < until:
        return False
    return all(candle.coverage.state in PROVED for candle in live)
