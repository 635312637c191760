"""Clocks: the host's, the hand-moved one, and how late the loop runs."""

from __future__ import annotations

import asyncio
import time

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.runtime.clocks import LAG_BUCKETS_NS, LoopLag, ManualClock, SystemClock


def test_the_system_clock_is_the_hosts() -> None:
    clock = SystemClock()
    before, mono = time.time_ns(), time.monotonic_ns()
    assert before <= clock.now_ns() <= time.time_ns()
    assert mono <= clock.monotonic_ns() <= time.monotonic_ns()


def test_a_manual_clock_stands_still_and_its_monotonic_time_never_runs_back() -> None:
    clock = ManualClock(100)
    clock.advance_to(150)
    clock.advance(10)
    assert (clock.now_ns(), clock.monotonic_ns()) == (160, 60)
    clock.advance_to(100)  # a tape starts over
    assert (clock.now_ns(), clock.monotonic_ns()) == (100, 60)
    clock.advance_to(101)
    assert clock.monotonic_ns() == 61


def test_lag_is_counted_in_its_bucket() -> None:
    lag = LoopLag(ManualClock())
    for late_ms in (-1, 0, 1, 3, 10_000):
        lag.note(late_ms * NS_PER_MS)
    found = lag.statistics()
    assert found.counts[0] == 3
    assert found.counts[2] == 1
    assert found.counts[-1] == 1
    assert (found.samples, found.peak_ns, found.last_ns) == (5, 10 * NS_PER_S, 10 * NS_PER_S)
    assert found.total_ns == 10_004 * NS_PER_MS
    assert len(found.counts) == len(LAG_BUCKETS_NS) + 1


async def test_a_callback_that_holds_the_loop_is_seen() -> None:
    clock = ManualClock()
    lag = LoopLag(clock, interval_s=0.0)
    async with asyncio.TaskGroup() as group:
        sampling = group.create_task(lag.run())
        await asyncio.sleep(0)
        clock.advance(30 * NS_PER_MS)  # as if somebody had held the loop for so long
        for _ in range(3):
            await asyncio.sleep(0)
        sampling.cancel()
    assert lag.statistics().peak_ns == 30 * NS_PER_MS
