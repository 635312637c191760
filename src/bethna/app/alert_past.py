"""Where alerts have trades of before from: the venue's history, the recording that plays, or bars; it judges none.

Rules
  1. A live desk asks the venue, in the lane of healing for what was missed and in the last one for a rehearsal, which
     goes back MOST_TRADES at most.
  2. A recording is read again from its beginning by feeds of its own, in a thread: what the desk plays is not touched.
  3. Of bars each becomes four trades: opening, the nearer extreme, the farther one, closing. What happened between
     is not known, so what they tell is an estimate. A bar that is open yet is not judged, one that is not complete is
     judged by what is known of it, and named.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from bethna.app.live import LiveLine
from bethna.app.tape_codecs import TapeCodecs
from bethna.config import Settings
from bethna.core.bars import Bar
from bethna.core.coverage import State
from bethna.core.errors import ConfigError, NoDataYet
from bethna.core.intervals import Interval
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.logic.feed import FeedSettings
from bethna.logic.quota_ledger import Lane
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.feeds import Feeds
from bethna.services.past_trades import PastTradesOf
from bethna.services.playback import TapePlayer
from bethna.venues.registry import book_styles

MOST_TRADES = 20_000
MOST_BARS = 5_000
BAR_STEPS = (Interval.M1, Interval.M5, Interval.M15, Interval.H1, Interval.H4, Interval.D1)


class Known(Struct, frozen=True):
    """Trades of before, ascending.

    Attributes:
        count: how many trades, or bars, they are.
        unknown: spans of event time within them of which nothing is known, or not all, ns UTC.
        asked_from: from where they were asked for, ns UTC; None where that was not said.
    """

    trades: Sequence[Trade]
    count: int
    unknown: tuple[tuple[int, int], ...] = ()
    asked_from: int | None = None


class VenuePast:
    """The past of what a live desk follows. `PastTrades` of `services/alerting`."""

    def __init__(self, lines: Mapping[str, LiveLine], feeds: Feeds) -> None:
        self._lines = lines
        self._feeds = feeds

    async def trades(
        self, instrument: InstrumentId, first_id: int, last_id: int, since: int
    ) -> AsyncIterator[Sequence[Trade]]:
        """See `PastTrades`."""
        described = self._feeds.feed(instrument).instrument
        past = self._of(instrument, Lane.HEALING)
        async for page in past.trades(described, first_id, last_id, since):
            yield page

    def goes_by_time(self, instrument: InstrumentId) -> bool:
        """See `PastTrades`."""
        spec = self._lines[instrument.partition("@")[2]].spec
        return spec.trades_by_span or spec.candles.trades_page is not None

    async def before_now(self, instrument: InstrumentId, start: int | None) -> Known:
        """The newest trades, from `start` (ns UTC; None for what is quick) on, MOST_TRADES at most.

        Raises:
            NoDataYet: nothing has traded yet. VenueError: the venue cannot be asked.
        """
        recent = list(self._feeds.feed(instrument).recent_trades(MOST_TRADES))
        if not recent:
            raise NoDataYet(f"trades of {instrument}", hint="rehearse it when its first trade has come")
        oldest, newest = recent[0], recent[-1]
        found: list[Trade] = []
        if oldest.trade_id != UNNUMBERED and (start is None or start < oldest.ts_event):
            first = max(1, newest.trade_id - MOST_TRADES + 1)
            since = start if start is not None else _guess(recent)
            described = self._feeds.feed(instrument).instrument
            past = self._of(instrument, Lane.BACKFILL)
            async for page in past.trades(described, first, oldest.trade_id - 1, since):
                found += page
        known = [each for each in [*found, *recent] if start is None or each.ts_event >= start]
        return Known(known, len(known), holes(known))

    def _of(self, instrument: InstrumentId, lane: Lane) -> PastTradesOf:
        line = self._lines[instrument.partition("@")[2]]
        return PastTradesOf(line.codec, line.rest.in_lane(lane), by_span=line.spec.trades_by_span)


def _guess(recent: Sequence[Trade]) -> int:
    """When MOST_TRADES ago was, by the pace of the newest."""
    oldest, newest = recent[0], recent[-1]
    pace = (newest.ts_event - oldest.ts_event) / max(1, len(recent) - 1)
    return max(0, round(newest.ts_event - pace * MOST_TRADES))


def holes(trades: Sequence[Trade]) -> tuple[tuple[int, int], ...]:
    """Spans between trades whose ids do not follow each other."""
    return tuple(
        (before.ts_event, after.ts_event)
        for before, after in pairwise(trades)
        if before.trade_id != UNNUMBERED and after.trade_id != before.trade_id + 1
    )


async def of_tape(
    path: Path, settings: Settings, feed: FeedSettings, wanted: frozenset[InstrumentId]
) -> Known:
    """All trades of these on a recording, as its feeds tell them (rule 2). Raises TapeError."""
    return await asyncio.to_thread(_read_tape, path, settings, feed, wanted)


def _read_tape(path: Path, settings: Settings, feed: FeedSettings, wanted: frozenset[InstrumentId]) -> Known:
    clock = ManualClock()
    bus = Bus(clock)
    found: list[Trade] = []

    def hear(item: object) -> None:
        if isinstance(item, Trade):
            found.append(item)

    for instrument in wanted:
        bus.channel("trades", instrument).subscribe(hear, "rehearsal")
    feeds = Feeds(bus, clock, feed, follow_unknown=True, book_styles=book_styles())
    TapePlayer(path, TapeCodecs(settings), feeds, clock, SystemClock()).play_through()
    return Known(found, len(found), holes(found) if len(wanted) == 1 else ())


def bars_for(span_ns: int) -> tuple[Interval, int]:
    """The finest bars that reach so far back, and how many. Raises ConfigError."""
    for interval in BAR_STEPS:
        count = -(-span_ns // interval.ns)
        if count <= MOST_BARS:
            return interval, max(1, count)
    most = MOST_BARS * BAR_STEPS[-1].ns // Interval.D1.ns
    raise ConfigError("span", f"expected at most {most:,} days of bars", hint="rehearse less of the past")


def of_bars(bars: Sequence[Bar]) -> Known:
    """Rule 3."""
    found: list[Trade] = []
    unknown: list[tuple[int, int]] = []
    judged = 0
    for bar in bars:
        if not bar.closed:
            continue
        if bar.open is None or bar.high is None or bar.low is None or bar.close is None:
            unknown.append((bar.open_time, bar.close_time))
            continue
        if bar.coverage.state is State.INCOMPLETE:
            unknown.append((bar.open_time, bar.close_time))
        judged += 1
        if not bar.trades and bar.volume == 0.0:
            continue
        rises = bar.close >= bar.open
        prices = (bar.open, *((bar.low, bar.high) if rises else (bar.high, bar.low)), bar.close)
        step = (bar.close_time - bar.open_time) // 4
        for index, price in enumerate(prices):
            ts = bar.open_time + index * step
            found.append(Trade(bar.instrument, price, 0.0, "buy", len(found) + 1, ts, ts))
    return Known(found, judged, _joined(unknown))


def _joined(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
