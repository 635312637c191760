"""The desk of the measurement, in a process of its own: real feeds and doors, fed with facts at a steady rate.

The market is invented and no socket leads to a venue: what is measured begins where a codec ends. It answers each line
of stdin with its counters and ends with stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from random import Random

from bethna.api.application import create_app
from bethna.api.server import serve
from bethna.app import Desk
from bethna.cli.running import loop_factory
from bethna.config import load
from bethna.core.clock import NS_PER_S
from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Quote, Trade
from bethna.runtime.clocks import SystemClock

STEP_S = 0.005
LEVELS = 50


class Feeder:
    """Says trades, quotes and book changes of every instrument in turn: three, six and one of ten ticks."""

    def __init__(self, desk: Desk, count: int, seed: int) -> None:
        self.ticks = 0
        self._desk = desk
        self._rng = Random(seed)
        self._clock = SystemClock()
        self._ids = [InstrumentId(f"C{number:03d}-USDT@binance") for number in range(count)]
        self._updates = [1] * count
        self._trades = [0] * count
        now = self._clock.now_ns()
        for each in self._ids:
            base = each.partition("-")[0]
            desk.feeds.follow(Instrument(each, "binance", base, "USDT", f"{base}USDT"))
            desk.feeds.stream_state(each, "live", "", now)
            bids = [(100.0 - i / 100, 1.0) for i in range(1, LEVELS + 1)]
            asks = [(100.0 + i / 100, 1.0) for i in range(1, LEVELS + 1)]
            desk.feeds.apply(BookDelta(each, 1, 1, [], [], now, now))
            desk.feeds.apply(BookSnapshot(each, 1, bids, asks, now, LEVELS))

    async def run(self, rate: float) -> None:
        """Keep the rate, in steps; what a step was late is made up for in the next."""
        began, said = self._clock.monotonic_ns(), 0
        while True:
            await asyncio.sleep(STEP_S)  # house: sleep - it is the pace of the market, nobody waits for it
            due = int((self._clock.monotonic_ns() - began) * rate / NS_PER_S)
            self._say(due - said)
            said = due

    def _say(self, count: int) -> None:
        now, apply, rng = self._clock.now_ns(), self._desk.feeds.apply, self._rng
        for _ in range(count):
            self.ticks += 1
            which = self.ticks % len(self._ids)
            each, turn = self._ids[which], self.ticks // len(self._ids)
            price = 100.0 + rng.randrange(-50, 50) / 100
            match turn % 10:
                case 0 | 3 | 6:
                    trade_id = self._trades[which] = self._trades[which] + 1
                    apply(Trade(each, price, 1.0, "buy" if price > 100 else "sell", trade_id, now, now))
                case 9:
                    first = self._updates[which] = self._updates[which] + 1
                    level = (100.0 - rng.randrange(1, LEVELS) / 100, float(rng.randrange(1, 9)))
                    apply(BookDelta(each, first, first, [level], [], now, now))
                case _:
                    apply(Quote(each, 99.99, 1.0, 100.01, 1.0, None, None, now))


async def answer(desk: Desk, feeder: Feeder) -> None:
    """A line in, the counters out, until stdin ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        spent = os.times()
        print(
            json.dumps(
                {
                    "cpu_s": spent.user + spent.system,
                    "ticks": feeder.ticks,
                    "gaps": sum(len(list(desk.feeds.feed(each.id).sequence.log.gaps())) for each in desk.instruments()),
                }
            ),
            flush=True,
        )  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    nowhere = {"binance": ["ws://127.0.0.1:9|http://127.0.0.1:9"]}
    settings = load(options={"source": "twin", "hosts": nowhere, "twin_seed": options.seed})
    desk = Desk(settings)
    for instrument in desk.instruments():
        desk.feeds.unfollow(instrument.id)
    feeder = Feeder(desk, options.symbols, options.seed)
    app = create_app(desk, desk.bus)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(serve(app, "127.0.0.1", 0, lambda url: print(url, flush=True))),
            group.create_task(feeder.run(options.rate)),
            group.create_task(desk._tick()),
        ]
        await answer(desk, feeder)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
