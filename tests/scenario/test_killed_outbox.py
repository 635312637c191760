"""A process that delivers alerts and is killed at any moment: all arrives, in order, and a repeat has its first's key.

`make soak ARGS="tests/scenario/test_killed_outbox.py"` kills a hundred times.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
from conftest import Campaign
from scenario.alert_ends import End, arrived, serve

from bethna.core.alert_views import DeliveryState
from bethna.store.alerts import outbox
from bethna.store.alerts.journal import Journal

TESTS = Path(__file__).parents[1]


async def start(folder: Path, end: End, firings: int) -> asyncio.subprocess.Process:
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "killed.outbox", str(folder), end.url(), str(firings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line == b"ready\n", await process.communicate()
    return process


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_a_killed_process_loses_no_message(campaign: Campaign, tmp_path: Path) -> None:
    rng = Random(campaign.seed)
    kills, cut = campaign.count(share=2, whole=100), 0
    firings = kills * 20
    end = End(lambda _number: rng.choice((*("200",) * 11, "drop")))
    async with serve(end):
        for _ in range(kills):
            process = await start(tmp_path, end, firings)
            enough = len(end.asked) + rng.randrange(1, 20)
            running = asyncio.create_task(process.communicate())
            running.add_done_callback(lambda _task: end.bell.ring())
            await end.bell.until(partial(far_enough, end, enough, running))
            with suppress(TimeoutError):
                async with asyncio.timeout(rng.uniform(0.0, 0.01)):  # amid what comes next
                    await asyncio.shield(running)
            if not running.done():
                cut += 1
                process.kill()
            await running
        process = await start(tmp_path, end, firings)
        told, errors = await process.communicate()
    assert told.splitlines()[-1] == b"done", errors
    with Journal(tmp_path) as journal:
        assert arrived(end) == [f"{journal.name}.a1.{number}" for number in range(1, firings + 1)]
        assert journal.work(outbox.counts) == {"hook": {DeliveryState.SENT: firings}}
    assert cut > 0
    repeats = len(end.taken) - len({each.key for each in end.taken})
    print(f"{cut} kills, {firings} alerts, {len(end.taken)} messages, {repeats} of them repeats")


def far_enough(end: End, count: int, running: asyncio.Task[tuple[bytes, bytes]]) -> bool:
    return len(end.asked) >= count or running.done()
