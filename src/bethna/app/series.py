"""One series of bars for whoever asks: the venues' history and the desk's own candles, joined; it keeps nothing itself.

The newest bar of a long interval began before the desk did. It is put together from the closed bars of shorter ones,
down to the minute that is open, of which the desk sees the trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bethna.app.live import LiveLine
from bethna.core.bars import Bar, Refusal, Series
from bethna.core.clock import Clock
from bethna.core.coverage import Provenance
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bars import fill, merge, of_candle, unknown_bar
from bethna.logic.feed import InstrumentFeed
from bethna.logic.quota_ledger import Lane
from bethna.logic.series import PROVED, join
from bethna.services.feeds import Feeds
from bethna.services.history import CandleSource, History, Keeper, lacks, native_of, venue_now

SCALE = 10**8
MOST_LIVE = 1500
STEPS = (Interval.M1, Interval.H1, Interval.D1)
"""An open bar is made of the longest of these that is shorter."""


class SeriesReader:
    """The series of one desk. `lines`: live venues; a tape has none, and then there is what was seen alone."""

    def __init__(
        self,
        lines: Mapping[str, LiveLine],
        feeds: Feeds,
        clock: Clock,
        provenance: Provenance,
        keeper: Keeper | None = None,
    ) -> None:
        self._lines = lines
        self._feeds = feeds
        self._clock = clock
        self._provenance = provenance
        self.history = History(clock, provenance, SCALE, keeper)
        self._seen: dict[InstrumentId, int] = {}

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Series:
        """The newest `limit` bars that open before `end` (ns UTC, None for now), ascending, the open one last.

        Raises:
            UnknownInstrument: it is not followed. ConfigError: the venue has no such interval, or the span is too long.
        """
        feed = self._feeds.feed(instrument)
        now = feed.venue_time() or self._clock.now_ns()
        newest = interval.open_time(now if end is None else min(end - 1, now))
        start, until = interval.earlier(newest, limit - 1), interval.close_time(newest)
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
            return Series(instrument, interval, join(unseen, live)[-limit:], None, (nobody,))
        past = await self.history.bars(source, feed.instrument, interval, start, until, progress)
        bars = join(past.bars, live)
        if bars and not bars[-1].closed and bars[-1].coverage.state not in PROVED:
            bars[-1] = await self._open(source, feed, interval, bars[-1])
        return Series(instrument, interval, bars[-limit:], past.built_from, past.refusals)

    def forget(self) -> None:
        """What is in memory of the past: another world has begun."""
        self.history.forget()
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
        if part is None:
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
        return CandleSource(
            line.venue, line.spec.candles, line.codec, line.rest.in_lane(Lane.BACKFILL),
            venue_now(self._clock, lambda: self._feeds.clock_offset_ns(line.venue)),
        )  # fmt: skip


def _is_whole(live: list[Candle], interval: Interval, start: int, until: int) -> bool:
    """Whether the desk has seen all of it."""
    if not live or live[0].open_time > start or interval.close_time(live[-1].open_time) < until:
        return False
    return all(candle.coverage.state in PROVED for candle in live)
