"""A venue that accepts every connection and cuts it at once, for an hour: attempts slow down, nothing piles up."""

from __future__ import annotations

import asyncio
import gc
from itertools import pairwise

from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.clock import NS_PER_S
from bethna.services.connections.link import Link
from bethna.twins.faults import Fault

HOUR_S = 3600.0
VENUE_WINDOW = (300, 300 * NS_PER_S)
"""Binance takes 300 connection attempts in five minutes."""


def test_delays_grow_to_the_cap_and_nothing_is_left_behind(seed: int) -> None:
    clock = VirtualClock(START)

    async def endure() -> None:
        faults = (
            Fault(kind="cut", at_s=30.1, for_s=0.0),
            Fault(kind="accept_and_cut", at_s=30.0, for_s=HOUR_S),
        )
        async with house(Trial(seed, faults, 0.0), clock) as found:
            await pass_time(29)
            tasks = len(asyncio.all_tasks())
            await pass_time(HOUR_S / 2)
            gc.collect()
            middle = len(asyncio.all_tasks()), _links(), found.network.standing
            await pass_time(HOUR_S / 2)
            gc.collect()
            assert (len(asyncio.all_tasks()), _links(), found.network.standing) <= (tasks, 2, 1)
            assert middle <= (tasks, 2, 1)
            attempts = found.network.attempts[1:]
            health = found.desk.venues()[0]
            assert health.state == "failing"
            await found.watch(200.0)
            assert found.desk.venues()[0].state == "ok"
            assert (await found.close()).clean
        _judge(attempts)

    run_virtually(endure(), clock)


def _links() -> int:
    return sum(isinstance(each, Link) for each in gc.get_objects())


def _judge(attempts: list[int]) -> None:
    limit, window = VENUE_WINDOW
    for first, last in zip(attempts, attempts[limit:], strict=False):
        assert last - first > window
    pauses = [(later - earlier) / NS_PER_S for earlier, later in pairwise(attempts)]
    late = pauses[10:]
    assert max(pauses) <= 61.0, "the cap is 60 s"
    assert sum(late) / len(late) > 15.0, "full jitter under the cap of 60 s: 30 s on average"
    assert sum(pauses[:4]) < sum(sorted(late)[-4:])


def test_a_socket_silent_from_the_start_is_replaced(seed: int) -> None:
    clock = VirtualClock(START)

    async def wait() -> None:
        faults = (Fault(kind="silent", at_s=0.0, for_s=20.0),)
        async with house(Trial(seed, faults, 0.0), clock) as found:
            await pass_time(29)
            assert found.desk.venues()[0].state == "connecting"
            await found.watch(30.0)
            assert len(found.network.attempts) >= 2
            assert found.desk.venues()[0].state == "ok"
            assert "silent" in [ending.code for _, ending in found.desk.lines["binance"].pool.endings()]
            assert (await found.close()).clean

    run_virtually(wait(), clock)
