"""Bars that another venue lends: where its own has none, under the other's name, and only where that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from msgspec.structs import replace
from unit.test_history import MINUTE, NOW, Served
from virtual_time import VirtualClock, run_virtually

from bethna.app.live import LiveLine
from bethna.app.series import SeriesReader
from bethna.core.bars import CandleRules, Series
from bethna.core.coverage import Provenance, State
from bethna.core.errors import ConfigError, VenueAnswer
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import CandlePage, InstrumentId
from bethna.core.wire import RestEvent
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds
from bethna.venues.registry import codec_for, spec_for
from bethna.venues.spec import RestRequest

OWN = Instrument(InstrumentId("BTC-USD@kraken"), "kraken", "BTC", "USD", "BTC/USD", verified=True)
OTHER = Instrument(InstrumentId("BTC-USD@binance"), "binance", "BTC", "USD", "BTCUSD", verified=True)
FORBIDDEN = VenueAnswer("kraken", 400, "not today")


class Line:
    """What a series reads of a venue's line."""

    def __init__(self, instrument: Instrument, rest: object, intervals: tuple[Interval, ...]) -> None:
        self.venue = instrument.venue
        self.codec = codec_for(instrument.venue, "")
        self.codec.learn([instrument])
        self.spec = replace(spec_for(instrument.venue), candles=CandleRules(intervals, page=5))
        self.listed = [instrument]
        self._rest = rest

    @property
    def rest(self) -> Any:
        return self

    def catalogue(self) -> list[Instrument]:
        return self.listed

    def in_lane(self, _lane: object) -> object:
        return self._rest


class Refusing:
    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        raise FORBIDDEN


class Renamed(Served):
    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        pages = await super().fetch(request)
        return [
            CandlePage(OTHER.id, [replace(each, instrument=OTHER.id) for each in page.candles])
            for page in pages
            if isinstance(page, CandlePage)
        ]


def ask(
    also: Sequence[str], intervals: tuple[Interval, ...] = (Interval.M1,), day_starts: int = 0, **lines: Line
) -> Series:
    clock = VirtualClock(NOW)
    feeds = Feeds(Bus(clock), clock, FeedSettings())
    feeds.follow(OWN)
    own = Line(OWN, Refusing(), (Interval.M1,))
    other = Line(OTHER, Renamed(), intervals)
    there = cast("dict[str, LiveLine]", {"kraken": own, "binance": other, **lines})
    reader = SeriesReader(there, feeds, clock, Provenance.HISTORY)
    end = Interval.M1.open_time(NOW) - MINUTE
    interval = Interval.D1 if day_starts else Interval.M1
    return run_virtually(reader.bars(OWN.id, interval, 5, end, also=also, day_starts=day_starts), clock)


def test_without_being_asked_nobody_lends() -> None:
    assert {bar.kind.value for bar in ask(()).bars} == {"unknown"}


def test_what_is_lent_has_the_others_name_and_is_unverified() -> None:
    series = ask(["binance"])
    assert [(bar.kind.value, bar.source, bar.instrument) for bar in series.bars] == [
        ("traded", "binance", OWN.id)
    ] * 5
    assert {bar.coverage.state for bar in series.bars} == {State.UNVERIFIED}
    assert [(each.source, each.reason) for each in series.refusals] == [("kraken", "not today")]


@pytest.mark.parametrize(
    ("venue", "words"),
    [
        ("kraken", "own venue"),
        ("deribit", "follow BTC-USD@deribit first"),
        ("binance", "no candles of 1m"),
    ],
)
def test_who_cannot_lend_says_why(venue: str, words: str) -> None:
    series = ask([venue], (Interval.H1,))
    assert {bar.kind.value for bar in series.bars} == {"unknown"}
    assert words in series.refusals[-1].reason
    assert series.refusals[-1].source == venue


@pytest.mark.parametrize("day_starts", [0, 8 * 60 * MINUTE])
def test_a_venue_that_does_not_exist_is_no_question(day_starts: int) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(["binance", "nowhere"], day_starts=day_starts)
    assert caught.value.message == "also: expected a venue, found 'nowhere'"
    assert caught.value.hint == "choose from: binance, coinbase, kraken, deribit, coingecko"


def test_a_venue_that_does_not_list_the_pair_says_so() -> None:
    stranger = Line(replace(OTHER, id=InstrumentId("ETH-USD@binance"), base="ETH"), Renamed(), (Interval.M1,))
    series = ask(["binance"], binance=stranger)
    assert series.refusals[-1].reason == "binance does not list BTC-USD"


def test_nothing_is_told_of_the_time_before_1970() -> None:
    clock = VirtualClock(NOW)
    feeds = Feeds(Bus(clock), clock, FeedSettings())
    feeds.follow(OWN)
    own = cast("LiveLine", Line(OWN, Refusing(), (Interval.M1,)))
    reader = SeriesReader({"kraken": own}, feeds, clock, Provenance.HISTORY)

    async def ask_for(end: int) -> list[int]:
        series = await reader.bars(OWN.id, Interval.M1, 5, end)
        return [bar.open_time for bar in series.bars]

    assert run_virtually(ask_for(0), clock) == []
    assert run_virtually(ask_for(2 * MINUTE), clock) == [0, MINUTE]
