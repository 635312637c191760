"""A series whose days begin at 08:00 is merged of what opens then; one whose newest part cannot be had is dated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from unit.test_series_also import Line
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app.live import LiveLine
from bethna.app.series import SeriesReader
from bethna.core.bars import BarKind, Series
from bethna.core.coverage import Provenance, State
from bethna.core.errors import VenueAnswer
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import CandlePage, InstrumentId, Trade, VenueCandle
from bethna.core.wire import RestEvent
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds
from bethna.venues.spec import RestRequest

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
HOUR = 3600 * 10**9
DAY = 24 * HOUR
LATE = 5 * 10**9
NOW = 1_709_164_800 * 10**9 + 11 * HOUR + LATE  # 2024-02-29 11:00:05 UTC
GONE = VenueAnswer("binance", 503, "expected an answer, found HTTP 503")


class Hours:
    """A venue with a candle each hour: it opens at the number of the hour, and as many trades are in it."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.gone = False

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        if self.gone:
            raise GONE
        query = dict(each.split("=") for each in request.path.partition("?")[2].split("&"))
        at, now = int(query["startTime"]) * 10**6, self.clock.now_ns()
        last = min(now, at + (int(query["limit"]) - 1) * HOUR)
        return [CandlePage(BTC.id, [candle(each, now) for each in range(at, last + 1, HOUR)])]


def candle(at: int, now: int) -> VenueCandle:
    hour = at // HOUR
    return VenueCandle(
        BTC.id, "1h", at, float(hour), hour + 0.75, hour - 0.5, hour + 0.25, 0.1, hour % 24 + 1, at + HOUR <= now, None,
        None, None, now,
    )  # fmt: skip


class Place:
    """A desk's series over such a venue."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.venue = Hours(self.clock)
        self.feeds = Feeds(Bus(self.clock), self.clock, FeedSettings())
        self.feeds.follow(BTC)
        line = cast("LiveLine", Line(BTC, self.venue, (Interval.H1,)))
        self.reader = SeriesReader({"binance": line}, self.feeds, self.clock, Provenance.LIVE)

    async def read(
        self, interval: Interval, limit: int, starts: int = 8 * HOUR, end: int | None = None
    ) -> Series:
        return await self.reader.bars(BTC.id, interval, limit, end, day_starts=starts)

    def ask(self, interval: Interval, limit: int, end: int | None = None) -> Series:
        return run_virtually(self.read(interval, limit, end=end), self.clock)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_days_from_eight_to_eight_with_the_open_one(limit: int) -> None:
    series = Place().ask(Interval.D1, limit)
    today = NOW - LATE - 3 * HOUR
    assert [bar.open_time for bar in series.bars] == [today - DAY * each for each in reversed(range(limit))]
    assert (series.interval, series.built_from, series.day_starts) == (Interval.D1, Interval.H1, 8 * HOUR)
    still = series.bars[-1]
    assert (still.closed, still.volume, still.trades) == (False, 0.4, 9 + 10 + 11 + 12)
    for bar in series.bars[:-1]:
        first = bar.open_time // HOUR
        assert (bar.open, bar.high, bar.low, bar.close) == (first, first + 23.75, first - 0.5, first + 23.25)
        assert (bar.volume, bar.trades, bar.closed) == (2.4, 300, True)
        assert bar.coverage.state is State.COMPLETE
        assert bar.close_time == bar.open_time + DAY


def test_weeks_begin_on_monday_at_eight() -> None:
    series = Place().ask(Interval.W1, 2)
    monday = NOW - LATE - 3 * DAY - 3 * HOUR
    assert [bar.open_time for bar in series.bars] == [monday - 7 * DAY, monday]
    assert [bar.volume for bar in series.bars] == [16.8, 7.6]


def test_an_end_cuts_between_days() -> None:
    place = Place()
    today = NOW - LATE - 3 * HOUR
    before = place.ask(Interval.D1, 2, end=today)
    assert [bar.open_time for bar in before.bars] == [today - 2 * DAY, today - DAY]
    assert all(bar.closed for bar in before.bars)
    assert place.ask(Interval.D1, 2, end=0).bars == []


def test_what_is_unknown_of_a_day_is_named() -> None:
    place = Place()
    place.venue.gone = True
    series = place.ask(Interval.D1, 2)
    assert {bar.kind for bar in series.bars} <= {BarKind.UNKNOWN}
    assert {each.reason for each in series.refusals} == {GONE.message}
    assert series.as_of is None, "nothing is known that could be old"


def test_what_is_known_is_dated_once_nobody_can_be_asked() -> None:
    place = Place()

    async def days_go_on() -> None:
        fresh = await place.read(Interval.H1, 12, 0)
        assert (fresh.as_of, fresh.refusals, fresh.bars[-1].closed) == (None, (), False)
        place.venue.gone = True
        await pass_time(2 * 3600)
        stale = await place.read(Interval.H1, 4, 0)
        known = NOW - LATE  # the hour that was open is not kept
        assert [bar.kind.value for bar in stale.bars] == ["traded", "unknown", "unknown"]
        assert (stale.as_of, stale.bars[0].close_time) == (known, known)
        assert stale.refusals[-1].reason == GONE.message
        assert (await place.read(Interval.D1, 2)).as_of == known - 3 * HOUR, "days carry it on"
        assert (await place.read(Interval.H1, 4, 0, end=known)).as_of is None, "the past is as it was"
        place.venue.gone = False
        await pass_time(3600)
        assert (await place.read(Interval.H1, 4, 0)).as_of is None

    run_virtually(days_go_on(), place.clock)


def test_a_stream_that_lives_needs_nobody_else() -> None:
    place = Place()

    async def hears() -> None:
        await place.read(Interval.H1, 4, 0)
        place.venue.gone = True
        await pass_time(2 * 3600)
        now = place.clock.now_ns()
        place.feeds.stream_state(BTC.id, "live", "", now)
        place.feeds.feed(BTC.id).apply_trade(Trade(BTC.id, 9.0, 1.0, "buy", 1, now, now))
        live = await place.read(Interval.H1, 4, 0)
        assert (live.bars[-1].source, live.as_of) == ("live", None)
        place.feeds.stream_state(BTC.id, "stale", "silent", now)
        await pass_time(360)
        stale = await place.read(Interval.H1, 4, 0)
        assert (stale.bars[-1].source, stale.as_of) == ("live", now), "up to when the stream was heard"

    run_virtually(hears(), place.clock)
