"""A program in which a rule fires and its alerts are delivered, to be killed at any moment; it goes on from the disk.

    python -m killed.outbox FOLDER URL FIRINGS

It prints `ready` when it begins, and `done` when all have fired and are sent.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

from scenario.alert_ends import PLAIN, SECRET, T0, alert_of, fired
from sqlalchemy import Connection

from bethna.core.alert_views import Alert
from bethna.logic.alerts.machine import begin
from bethna.net.outward import Outward
from bethna.net.webhook import Webhook
from bethna.runtime.clocks import SystemClock
from bethna.services.delivering import Delivering
from bethna.store.alerts import outbox
from bethna.store.alerts.journal import Journal

T = TypeVar("T")
RULE = "a1"


async def main(folder: Path, url: str, firings: int) -> None:
    clock, rng, further = SystemClock(), Random(), asyncio.Event()
    outward = Outward(clock, private=True)
    with Journal(folder) as journal:
        if not journal.rules():
            journal.add({RULE: (PLAIN, begin(PLAIN))}, T0)

        async def do(ask: Callable[[Connection], T]) -> T:
            return journal.work(ask)

        async def read(keys: Sequence[tuple[str, int]]) -> Sequence[Alert]:
            return [alert_of(journal.name, *key) for key in keys]

        delivering = Delivering(
            [Webhook("hook", url, SECRET, outward, clock)], None, do, read, clock, rng, lambda *_said: None,
            changed=lambda _keys: further.set(), per_minute=100_000,
        )  # fmt: skip
        print("ready", flush=True)
        running = asyncio.create_task(delivering.run())
        count = journal.rules()[0].state.firings
        while count < firings or journal.work(outbox.waiting_channels):
            for _ in range(rng.randrange(1, 3)):
                if count < firings:
                    count += 1
                    journal.commit([fired(RULE, count, T0 + count)], {}, T0 + count)
            further.clear()
            delivering.wake()
            await further.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await outward.close()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
