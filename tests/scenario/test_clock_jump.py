"""A venue whose clock jumps, before a whole desk in virtual time: no time that nobody saw calls itself whole.

Both variants: the clock that everything lives by is set (trades, books and server time), and the stream's times alone
are wrong while the server's time is right. Each jumps an hour ahead, and each returns.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faultgrid.ground import BINANCE, KRAKEN, Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.api.answers import health_answer
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import Candle
from bethna.twins.faults import Fault
from bethna.twins.line.venue import VenueTwin

HOUR_S = 3600
WHOLE = (State.COMPLETE, State.HEALED)
JUMP_S, RETURN_S = 22.0, 22.0 + 42.0


def candles(found: VirtualHouse, interval: Interval) -> list[Candle]:
    return list(found.desk.candles(found.desk.instruments()[0].id, interval, 1000))


def whole_within(found: VirtualHouse, start_s: float, end_s: float) -> list[int]:
    """Closed candles that call themselves whole and lie in a span of the venue's time; seconds since the start."""
    return [
        (each.open_time - START) // NS_PER_S
        for interval in (Interval.S1, Interval.M1)
        for each in candles(found, interval)
        if each.closed
        and each.coverage.state in WHOLE
        and START + start_s * NS_PER_S < each.open_time + each.interval.ns
        and each.open_time < START + end_s * NS_PER_S
    ]


def codes(found: VirtualHouse) -> list[str]:
    return [each.code for each in found.desk.events(1000) if "clock" in each.code]


def reasons(found: VirtualHouse) -> set[str]:
    return {
        gap.reason for each in candles(found, Interval.S1) for gap in each.coverage.gaps if "clock" in gap.reason
    }  # fmt: skip


def jumping(ground: Ground, *, returns: bool) -> Trial:
    """The clock is set an hour ahead, and set back where it returns."""
    faults = [Fault(kind="clock_jump", at_s=JUMP_S, offset_s=HOUR_S)]
    if returns:
        faults.append(Fault(kind="clock_jump", at_s=RETURN_S, offset_s=-HOUR_S))
    return Trial(7, tuple(faults), 0.0, ground=ground)


def played(trial: Trial, watch: Callable[[VirtualHouse], None], stream_alone: bool = False) -> None:
    """Until a minute after the return, looking in the midst and at the end."""
    clock = VirtualClock(START)

    async def main() -> None:
        async with house(trial, clock) as found:
            if stream_alone:
                keep_server_time(found.twin)
            await pass_time(JUMP_S + 3)
            watch(found)
            await pass_time(RETURN_S - JUMP_S - 8)
            watch(found)
            await pass_time(52)
            watch(found)

    run_virtually(main(), clock)


def keep_server_time(twin: VenueTwin) -> None:
    """The venue's answers are given by the right clock, whatever its streams say."""
    answer = twin.http

    def right(*args: object, **kwargs: object) -> object:
        wrong, twin.world.clock_offset_ns = twin.world.clock_offset_ns, 0
        try:
            return answer(*args, **kwargs)  # type: ignore[arg-type]  # handed on
        finally:
            twin.world.clock_offset_ns = wrong

    twin.http = right  # type: ignore[method-assign,assignment]  # the same call


@pytest.mark.parametrize("ground", [BINANCE, KRAKEN], ids=lambda ground: str(ground.name))
def test_a_clock_that_is_set_an_hour_ahead(ground: Ground) -> None:
    looked = 0

    def watch(found: VirtualHouse) -> None:
        nonlocal looked
        looked += 1
        assert whole_within(found, JUMP_S, HOUR_S + JUMP_S) == [], "nobody saw that hour"
        if looked == 1:
            assert codes(found) == ["venue_clock_ahead"]
            assert "ahead of its clock" in found.desk.venues()[0].message
            assert health_answer(found.desk).status == "degraded"
            assert reasons(found) == {"clock_ahead"}
        if looked == 3:
            assert codes(found) == ["venue_clock_ahead", "venue_clock_set", "venue_clock_agrees"]
            assert found.desk.venues()[0].message == ""
            assert reasons(found) == {"clock_set"}
            assert whole_within(found, HOUR_S + JUMP_S + 1, HOUR_S + RETURN_S + 30), (
                "its new time is a time like any"
            )
            assert found.desk.price(found.desk.instruments()[0].id).coverage.state in WHOLE

    played(jumping(ground, returns=False), watch)
    assert looked == 3


def test_a_clock_that_was_set_and_is_set_back() -> None:
    looked = 0

    def watch(found: VirtualHouse) -> None:
        nonlocal looked
        looked += 1
        assert whole_within(found, JUMP_S, RETURN_S - 1) == [], "nobody saw that time"
        if looked == 3:
            assert whole_within(found, RETURN_S + 1, RETURN_S + 30), "it is seen again"
            assert all(
                each.open_time < START + (RETURN_S + 60) * NS_PER_S for each in candles(found, Interval.S1)
            )
            assert whole_within(found, HOUR_S, 2 * HOUR_S) == [], "what came with wrong times"
            assert reasons(found) == {"clock_ahead"}

    played(jumping(BINANCE, returns=True), watch)
    assert looked == 3


def test_times_of_the_stream_alone_that_run_ahead_and_return() -> None:
    looked = 0

    def watch(found: VirtualHouse) -> None:
        nonlocal looked
        looked += 1
        shown = candles(found, Interval.S1)
        now = found.clock.true_ns()
        assert all(each.open_time <= now + NS_PER_S for each in shown), "no candle of the future"
        assert whole_within(found, JUMP_S, RETURN_S - 1) == [], "when its trades happened is not known"
        if looked == 1:
            assert codes(found) == ["venue_clock_ahead"]
        if looked < 3:
            [word] = {found.desk.instrument_health(each.id).message for each in found.desk.instruments()}
            assert word == "its times run 3600.0 s ahead of its venue's clock"
            price = found.desk.price(found.desk.instruments()[0].id)
            assert (price.coverage.state, price.ts_event is not None and price.ts_event > now) == (
                "incomplete",
                True,
            )
        if looked == 3:
            assert codes(found) == ["venue_clock_ahead", "venue_clock_agrees"], (
                "its clock was right all the time"
            )
            assert whole_within(found, RETURN_S + 1, RETURN_S + 30)
            assert found.desk.price(found.desk.instruments()[0].id).coverage.state in WHOLE
            feed = found.desk.feeds.feed(found.desk.instruments()[0].id)
            marked = [gap for gap in feed.coverage().gaps if gap.reason == "clock_ahead"]
            assert [((gap.end or 0) - START) // NS_PER_S // 1000 for gap in marked] == [0, 3], (
                "then and there"
            )

    played(jumping(BINANCE, returns=True), watch, stream_alone=True)
    assert looked == 3
