"""Bars that the index lends to a venue's series: only where that was asked for, each marked, and said beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
from faultgrid.trial import START
from msgspec.structs import replace
from scenario.test_index_history import House, check_truth, known, settings_of
from unit.test_series_also import FORBIDDEN, OWN, Line, Refusing
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.api.bars import BarsAnswer, bars_answer
from bethna.app.live import LiveLine
from bethna.app.series import SeriesReader
from bethna.app.sources import chosen_market
from bethna.app.twin_running import RunningTwin
from bethna.cli.reach_index import check_index
from bethna.client.remote_facts import series_of
from bethna.client.tables import Table
from bethna.config import HostUrls, Secret, Settings
from bethna.core.bars import Bar, Series
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Provenance, State
from bethna.core.instrument import Contract, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds
from bethna.twins.coingecko import CoinGeckoTwin
from bethna.twins.faults import Fault
from bethna.twins.market.facts import UNIT
from bethna.twins.registry import build

HOUR, HALF = 3600 * NS_PER_S, 1800 * NS_PER_S
TETHER = replace(OWN, id=InstrumentId("BTC-USDT@kraken"), quote="USDT")
FUTURE = replace(OWN, id=InstrumentId("BTC-PERPETUAL@kraken"), contract=Contract("perpetual"))


def lent(
    seed: int,
    also: Sequence[str],
    own: Instrument = OWN,
    interval: Interval = Interval.H4,
    index: str = "",
    faults: Sequence[Fault] = (),
    day_starts: int = 0,
) -> tuple[Series, House]:
    """A series whose own venue refuses every question."""
    clock = VirtualClock(START)
    feeds = Feeds(Bus(clock), clock, FeedSettings())
    feeds.follow(own)
    line = Line(own, Refusing(), (Interval.H1, Interval.H4, Interval.D1))

    async def main() -> tuple[Series, House]:
        house = House(clock, seed, *faults)
        there = cast("dict[str, LiveLine]", {"kraken": line})
        reader = SeriesReader(there, feeds, clock, Provenance.HISTORY, None, index or house.history)
        await pass_time(100.0)
        series = await reader.bars(own.id, interval, 20, None, also=also, day_starts=day_starts)
        reader.forget()
        assert house.history._kept == {}
        return series, house

    return run_virtually(main(), clock)


def test_nobody_asks_the_index_by_itself(seed: int) -> None:
    series, house = lent(seed, ())
    assert known(series.bars) == []
    assert series.notes == ()
    assert house.wire.asked == []


def test_what_it_lends_is_marked_and_its_truth(seed: int) -> None:
    series, house = lent(seed, ["coingecko"])
    found = [bar for bar in series.bars if bar.source == "coingecko"]
    assert len(found) >= 18
    assert {bar.instrument for bar in found} == {OWN.id}
    assert {bar.coverage.state for bar in found} == {State.UNVERIFIED}
    assert {gap.reason for bar in found for gap in bar.coverage.gaps} == {"index"}
    check_truth(house, found)
    assert series.notes[0] == "Data provided by CoinGecko (www.coingecko.com)"
    assert series.notes[1].startswith("CoinGecko: an index, the average over many exchanges")
    assert len(series.notes) == 2
    assert [each.reason for each in series.refusals] == [FORBIDDEN.message]


def test_the_index_in_dollars_is_not_passed_off_as_a_coin_of_a_dollar(seed: int) -> None:
    series, _ = lent(seed, ["coingecko"], TETHER)
    assert any(bar.source == "coingecko" for bar in series.bars)
    assert "USDT is no US dollar" in series.notes[2]


def test_days_that_begin_later_keep_what_is_said_beside_them(seed: int) -> None:
    series, _ = lent(seed, ["coingecko"], interval=Interval.D1, day_starts=8 * 3_600 * 10**9)
    found = [bar for bar in series.bars if bar.source == "coingecko"]
    assert found
    assert series.notes[0].startswith("Data provided by CoinGecko")
    assert {bar.coverage.state for bar in found} == {State.UNVERIFIED}


@pytest.mark.parametrize(
    ("own", "index", "words"),
    [
        (FUTURE, "", "is no spot pair"),
        (replace(OWN, base="PEPE"), "", "pinned"),
        (OWN, "a tape is played: nobody is asked", "a tape is played"),
    ],
)
def test_what_it_cannot_lend_it_says(seed: int, own: Instrument, index: str, words: str) -> None:
    series, house = lent(seed, ["coingecko"], own, index=index)
    assert known(series.bars) == []
    assert series.notes == ()
    assert series.refusals[-1].source == "coingecko"
    assert words in series.refusals[-1].reason
    assert house.wire.asked == []


def test_a_failing_index_lends_nothing_and_is_not_named_as_a_source(seed: int) -> None:
    series, _ = lent(seed, ["coingecko", "binance"], faults=[Fault(kind="http_5xx", for_s=9_999.0)])
    assert known(series.bars) == []
    assert series.notes == ()
    assert [each.source for each in series.refusals[-2:]] == ["coingecko", "binance"]


def test_what_is_said_beside_them_reaches_every_reader(seed: int) -> None:
    series, _ = lent(seed, ["coingecko"])
    answer = msgspec.json.decode(msgspec.json.encode(bars_answer(series)), type=BarsAnswer)
    assert answer.notes == list(series.notes)
    assert series_of(answer).notes == series.notes
    table: Any = Table(Bar, series.bars, series.bars[0].coverage, notes=series.notes)
    assert table[2:5].notes == series.notes


def test_in_one_simulated_market_venue_and_index_remember_the_same(seed: int) -> None:
    venue = build("coinbase", seed=seed, start=START, past_days=40).world.markets["BTC-USD"]
    made = build("coingecko", seed=seed, start=START, past_days=40).venue
    assert isinstance(made, CoinGeckoTwin)
    times = [(START - hours * HOUR) // HALF * HALF for hours in range(900, 5, -50)]
    prices = venue.fairs_before(times)
    assert prices is not None
    for at, price in zip(times, prices, strict=True):
        assert made.index.at("BTC-USD", at) == pytest.approx(price * venue.listing.tick / UNIT, rel=5e-3), at


async def test_a_desk_that_simulates_has_the_index_of_its_world() -> None:
    asked = Settings(source="twin", symbols=("BTC-USD@kraken",), twin_seed=7)
    async with chosen_market(asked) as market:
        found = await check_index(market.settings)
        assert (found.state, found.found.partition(" answers")[2]) == (
            "ok",
            ", keyless plan, 5 requests a minute",
        )
        async with chosen_market(replace(market.settings, twin_seed=0)) as another:
            assert isinstance(another.twin, RunningTwin)
            assert "coingecko" in another.twin.urls


# --- doctor


async def test_doctor_asks_where_the_settings_say_something_of_it(seed: int) -> None:
    house = House(VirtualClock(START), seed)
    here = settings_of()
    found = await check_index(here, house.wire)
    assert (found.name, found.state) == ("coingecko", "ok")
    assert found.found == "http://127.0.0.1:9/api/v3 answers, keyless plan, 5 requests a minute"
    house.wire.headers = {}
    wrong = await check_index(settings_of(index_plan="demo", index_key=Secret("no-such-key")), house.wire)
    assert wrong.state == "warning"
    assert "API Key Missing" in wrong.found
    assert "no-such-key" not in repr(wrong)
    assert wrong.see.where.endswith("#the-index-lends-nothing")
    unfit = await check_index(settings_of(index_key=Secret("CG-x")), house.wire)
    assert (unfit.state, unfit.see.name) == ("failed", "SETTING")
    asked = len(house.wire.asked)
    unasked = await check_index(settings_of(hosts={}), house.wire)
    assert unasked.state == "skipped"
    assert "also=coingecko" in unasked.found
    taped = await check_index(settings_of(source="tape:x"), house.wire)
    assert taped.state == "skipped"
    assert len(house.wire.asked) == asked
    gone = settings_of(
        hosts={"coingecko": (HostUrls("ws://127.0.0.1:1", "http://127.0.0.1:1"),)}, timeout_s=2.0
    )
    refused = await check_index(gone)
    assert refused.state == "warning"
