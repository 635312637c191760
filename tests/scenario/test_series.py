"""History and live as one series: a whole desk against its twin in virtual time, and the route that serves it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from _attached import attached
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from conftest import Campaign
from faultgrid.ground import Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from scenario.test_history import SLOW, compare
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import Bar, BarKind, Refusal, Series
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.services.history import Past
from bethna.twins.faults import Fault

MINUTE = 60 * NS_PER_S
BEFORE_S = 11 * 60.0
AFTER_S = 6 * 60.0


async def late_desk(found: VirtualHouse, ground: Ground) -> InstrumentId:
    """A desk that has seen only the end: what it kept of candles is forgotten, as if it had begun now."""
    wanted = ground.instrument(ground.listings()[0])
    await found.desk.unfollow(wanted)
    await pass_time(1.5)
    await found.desk.follow(wanted)
    return wanted


def check(found: VirtualHouse, ground: Ground, series: Series, now: int) -> None:
    """A row without hole or overlap, up to the open bar, equal to the truth."""
    bars = series.bars
    assert all(earlier.close_time == later.open_time for earlier, later in pairwise(bars))
    assert bars[-1].open_time <= now < bars[-1].close_time + MINUTE
    compare(found, ground, 0, series.interval, Past(bars, None, ()))


@pytest.mark.parametrize("ground", SLOW, ids=lambda ground: ground.name)
def test_history_and_live_are_one_row(ground: Ground, campaign: Campaign) -> None:
    async def joined(seed: int, clock: VirtualClock) -> None:
        async with house(Trial(seed, (), BEFORE_S, ground=ground), clock) as found:
            await pass_time(BEFORE_S + seed % 60)
            wanted = await late_desk(found, ground)
            await pass_time(AFTER_S)
            minutes = await found.desk.bars(wanted, Interval.M1, 15)
            check(found, ground, minutes, clock.now_ns())
            assert [bar.kind for bar in minutes.bars].count(BarKind.UNKNOWN) <= 1, (
                "the minute of the beginning, maybe"
            )
            assert {bar.source for bar in minutes.bars if bar.source} == {"live", ground.venue}
            for interval in (Interval.M5, Interval.M15):
                series = await found.desk.bars(wanted, interval, 3)
                check(found, ground, series, clock.now_ns())
                still = series.bars[-1]
                assert not still.closed
                assert still.trades is None or still.trades == trades_in(found, ground, still)
                assert {gap.reason for gap in still.coverage.gaps} <= {"unheard"}, still

    for seed in campaign.seeds(share=1, whole=100):
        clock = VirtualClock(START)
        run_virtually(joined(seed, clock), clock)


def trades_in(found: VirtualHouse, ground: Ground, bar: Bar) -> int:
    """Executions since its opening that the desk can have heard of."""
    symbol = ground.listings()[0].symbol
    wanted = ground.instrument(ground.listings()[0])
    newest = found.desk.trades(wanted, 1)[-1].trade_id
    return sum(
        each.ts >= bar.open_time and each.trade_id <= newest for each in found.judge.truth.executions[symbol]
    )


def test_when_the_venue_serves_no_history_what_was_seen_stands_and_the_rest_has_a_reason() -> None:
    ground = SLOW[1]

    async def alone(clock: VirtualClock) -> None:
        fault = Fault(kind="http_5xx", at_s=BEFORE_S - 5, for_s=900.0, on="rest")
        async with house(Trial(7, (fault,), BEFORE_S, ground=ground), clock) as found:
            await pass_time(BEFORE_S)
            wanted = await late_desk(found, ground)
            await pass_time(150)
            series = await found.desk.bars(wanted, Interval.M1, 8)
            kinds = [bar.kind for bar in series.bars]
            assert kinds[0] is BarKind.UNKNOWN
            assert kinds[-1] is not BarKind.UNKNOWN
            assert {gap.reason for gap in series.bars[0].coverage.gaps} == {"source_failed"}
            assert "HTTP 503" in series.refusals[0].reason
            check(found, ground, series, clock.now_ns())

    clock = VirtualClock(START)
    run_virtually(alone(clock), clock)


@pytest.mark.parametrize("ground", [SLOW[0], SLOW[2]], ids=lambda ground: ground.name)
def test_when_nobody_can_be_asked_what_is_kept_stands_and_is_dated(ground: Ground) -> None:
    async def gone(clock: VirtualClock) -> None:
        faults = (
            Fault(kind="http_5xx", at_s=BEFORE_S, for_s=900.0, on="rest"),
            Fault(kind="cut", at_s=BEFORE_S), Fault(kind="accept_and_cut", at_s=BEFORE_S, for_s=900.0),
        )  # fmt: skip
        async with house(Trial(3, faults, BEFORE_S, ground=ground), clock) as found:
            await pass_time(BEFORE_S - 5)
            wanted = ground.instrument(ground.listings()[0])
            fresh = await found.desk.bars(wanted, Interval.M1, 8)
            assert fresh.as_of is None
            known = {
                bar.open_time: bar for bar in fresh.bars if bar.kind is not BarKind.UNKNOWN and bar.closed
            }
            assert len(known) > 5
            await pass_time(5 + 300)
            now = clock.now_ns()
            stale = await found.desk.bars(wanted, Interval.M1, 12)
            assert stale.as_of is not None
            assert 290 * NS_PER_S < now - stale.as_of < 310 * NS_PER_S, "since the cut"
            still = {bar.open_time: bar for bar in stale.bars}
            assert all(still[at].close == bar.close for at, bar in known.items() if at in still)
            assert "HTTP 50" in stale.refusals[-1].reason
            later = [bar for bar in stale.bars if bar.open_time >= stale.as_of]
            assert later, "the minutes since then are there"
            assert {bar.kind for bar in later} == {BarKind.UNKNOWN}
            assert {
                (await found.desk.bars(wanted, each, 2)).as_of for each in (Interval.M15, Interval.H1)
            } == {stale.as_of}
            before = await found.desk.bars(wanted, Interval.M1, 3, min(known))
            assert before.as_of is None

    clock = VirtualClock(START)
    run_virtually(gone(clock), clock)


async def test_the_route_tells_bars_and_refusals() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 61_000.0)
    desk.refusals = (Refusal("binance", "HTTP 503", desk.clock.now_ns() - MINUTE, desk.clock.now_ns()),)
    async with opened(desk) as served:
        answer = (await served.http.get(f"/api/v1/bars?instrument={BTC}&interval=1m&limit=10")).json()
        assert (answer["interval"], answer["built_from"]) == ("1m", None)
        bar = answer["bars"][-1]
        assert (bar["kind"], bar["close"], bar["source"], bar["revision"]) == ("traded", 61_000.0, "live", 0)
        assert bar["close_time"] - bar["open_time"] == 60_000_000
        assert answer["refusals"][0]["reason"] == "HTTP 503"
        assert (answer["day_starts"], answer["as_of"]) == ("00:00", None)
        wrong = await served.http.get(f"/api/v1/bars?instrument={BTC}&interval=1m&limit=0")
        assert wrong.status_code == 400


async def test_the_route_tells_since_when_it_knows_no_more_and_when_days_begin() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 61_000.0)
    desk.as_of = START + 7_000
    async with opened(desk) as served, attached(served.url) as remote:
        path = f"/api/v1/bars?instrument={BTC}&interval=1d&day_starts=08:00"
        answer = (await served.http.get(path)).json()
        assert (answer["day_starts"], answer["as_of"]) == ("08:00", START // 1000 + 7)
        wanted = await desk.bars(BTC, Interval.D1, 10, None, (), 8 * 60 * MINUTE)
        found = await remote.fetch_indicated(BTC, Interval.D1, 10, None, (), (), 8 * 60 * MINUTE)
        assert found.series == wanted
        for interval, starts, words in (
            ("1h", "08:00", "expected 1d or 1w beside a day that begins at 08:00, found 1h"),
            ("1d", "8 am", "expected a time of day in UTC at a quarter of an hour, found '8 am'"),
        ):
            path = f"/api/v1/bars?instrument={BTC}&interval={interval}&day_starts={starts}"
            refused = await served.http.get(path)
            assert (refused.status_code, refused.json()["error"]["message"]) == (400, words)


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("interval=1m&limit=0", 400, "limit: expected int >= 1, found '0'"),
        ("interval=1m&limit=10000000", 400, "limit: expected int <= 5000, found '10000000'"),
        ("interval=7m", 400, "interval: expected an interval, found '7m'"),
        ("interval=1m&end=-1", 400, "end: expected int >= 0, found '-1'"),
        (
            "interval=1d&day_starts=25:00",
            400,
            "expected a time of day in UTC at a quarter of an hour, found '25:00'",
        ),
        ("interval=1m&instrument=NOPE-USDT", 404, "NOPE-USDT@binance is not followed by this desk"),
    ],
)
async def test_what_cannot_be_asked_of_the_route_is_said(asked: str, status: int, words: str) -> None:
    async with opened(MemoryDesk()) as served:
        whose = "" if "instrument=" in asked else f"&instrument={BTC}"
        refused = await served.http.get(f"/api/v1/bars?{asked}{whose}")
        error = refused.json()["error"]
        assert (refused.status_code, error["message"]) == (status, words)
        assert error["hint"]


async def test_an_attached_desk_tells_the_same() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 61_000.0)
    desk.clock.advance(3 * MINUTE)
    desk.trade(BTC, 61_001.5)
    desk.refusals = (Refusal("binance", "HTTP 503", START, START + MINUTE),)
    async with opened(desk) as served, attached(served.url) as remote:
        wanted = await desk.bars(BTC, Interval.M1, 10)
        assert len(wanted.bars) > 1
        assert await remote.fetch_bars(BTC, Interval.M1, 10) == wanted
        end = desk.clock.now_ns() - MINUTE
        assert await remote.fetch_bars(BTC, Interval.M1, 2, end) == await desk.bars(BTC, Interval.M1, 2, end)
        await remote.fetch_indicated(BTC, Interval.M1, 2, None, (), ("kraken", "coinbase"))
        assert desk.lenders == ("kraken", "coinbase")
        await served.http.get(f"/api/v1/bars?instrument={BTC}&interval=1m&also=deribit,%20kraken")
        assert desk.lenders == ("deribit", "kraken")
        many = ",".join("abcdefghi")
        refused = await served.http.get(f"/api/v1/bars?instrument={BTC}&interval=1m&also={many}")
        assert refused.status_code == 400
        assert "at most 8 venues" in refused.text
        with pytest.raises(ConfigError, match="at most 8 venues"):
            await remote.fetch_indicated(BTC, Interval.M1, 2, None, (), tuple("abcdefghi"))
