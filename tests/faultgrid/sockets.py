"""Trials over real sockets and in real time, with the twin's own server and the desk's own connections.

A trial takes as long as it says, so a process runs a batch of them side by side.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from faultgrid.trial import House, Outcome, Trial, heal_s, settings_of, watched
from virtual_time import pass_time

from bethna.app.desk import Desk
from bethna.runtime.clocks import SystemClock
from bethna.twins.faults import Faults
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World
from bethna.twins.serving import TwinServer, authority_of, listen

LANDING_S = 2.0
SIDE_BY_SIDE = 40
APART_S = 0.15
"""Between the beginnings of two trials: worlds and desks that all start at once are late from the start."""


@asynccontextmanager
async def real_house(trial: Trial) -> AsyncIterator[tuple[House, int]]:
    """A twin behind a port and a desk that connects to it; and when the twin began, ns UTC."""
    rng, clock = Random(trial.seed), SystemClock()
    start = clock.now_ns()
    world = World(trial.seed, start, trial.ground.listings())
    truth = Truth(world)
    faults = Faults(trial.faults, start, Random(rng.getrandbits(32)))
    twin = trial.ground.twin(world, faults, Random(rng.getrandbits(32)))
    server = TwinServer(twin, faults, clock, start)
    bound = listen("127.0.0.1", 0)
    names = [authority_of(bound), f"localhost:{bound.getsockname()[1]}"][: trial.ground.hosts]
    desk = Desk(settings_of(trial, names), rng=Random(rng.getrandbits(32)))
    judge = watched(trial, desk, twin, truth, clock.now_ns)

    def freeze() -> None:
        world.advance = _stand_still  # type: ignore[method-assign]  # the world ends here

    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(bound, ready.set))
        await ready.wait()
        running = group.create_task(desk.run())
        try:
            yield House(world, faults, twin, desk, judge, running, freeze, LANDING_S), start
        finally:
            running.cancel()
            server.stop()


def _stand_still(until: int) -> None:
    """Nothing happens any more."""
    del until


async def play(trial: Trial) -> Outcome:
    """Run one trial to its end."""
    async with real_house(trial) as (found, start):
        await found.watch(trial.span_s)
        findings = await found.close()
        attempts = sum(line.pool.health().attempts for line in found.desk.lines.values())
        standing = sum(line.pool.health().connections for line in found.desk.lines.values())
    events = Counter(event.code for event in found.desk.events(1000))
    return Outcome(
        findings,
        heal_s(trial, findings, start),
        Counter(found.faults.struck),
        [0] * attempts,
        standing,
        0,
        events,
    )


def play_all(trials: Sequence[Trial]) -> list[Outcome | Exception]:
    """Run a batch side by side; what breaks is handed back in its place."""

    async def batch() -> list[Outcome | Exception]:
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(number: int, trial: Trial) -> Outcome | Exception:
            async with gate:
                await pass_time(APART_S * (number % SIDE_BY_SIDE))
                try:
                    return await play(trial)
                except Exception as error:  # noqa: BLE001 - a trial that breaks is a finding, the others go on
                    return error

        return await asyncio.gather(*(one(number, trial) for number, trial in enumerate(trials)))

    return asyncio.run(batch())
