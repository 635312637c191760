"""A served desk whose market never rests, as a process of its own: `python -m pageload.market --rate 10000`.

It says its address as a line of JSON, and how many updates it has published for each line that it reads; it ends with
its standard input. The market is invented here, and the page says so: the desk is MemoryDesk behind the real doors, so
that what is measured is the page and not a venue's codec.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys

from _doors import opened
from _memorydesk import BTC, COMPLETE, MemoryDesk
from msgspec import structs

from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, Side, Trade
from bethna.core.status import Simulation
from bethna.runtime.clocks import SystemClock

TURN_S = 0.01
KEPT_TRADES = 1_000
SHOWN_SHARE = 0.7  # of all updates are of the instrument that the page looks at
TRADE_SHARE = 0.5
DEPTH = 25
TICK = 0.01
START_PRICE = 61_000.0


class BusyDesk(MemoryDesk):
    """Keeps the newest trades and its candles of a minute, so that an hour costs it no more than a second."""

    def __init__(self, symbols: int, seed: int) -> None:
        names = [BTC, *(InstrumentId(f"C{at:02}-USDT@binance") for at in range(1, symbols))]
        self._real = SystemClock()
        super().__init__(names, self._real.now_ns())
        self.simulated = Simulation(seed, "a load on the page", False)
        self.published = 0
        self._names = names
        self._rng = random.Random(seed)
        self._ids: dict[InstrumentId, int] = dict.fromkeys(names, 0)
        self._mids = {name: round(START_PRICE / (1 + at), 2) for at, name in enumerate(names)}
        self._minutes: dict[InstrumentId, dict[int, Candle]] = {name: {} for name in names}

    def trade(
        self, instrument: InstrumentId, price: float, quantity: float = 1.0, side: Side = "buy"
    ) -> Trade:
        """One more trade, now."""
        now = self.clock.now_ns()
        self._ids[instrument] += 1
        trade = Trade(instrument, price, quantity, side, self._ids[instrument], now, now)
        kept = self.kept[instrument]
        kept.append(trade)
        if len(kept) > 2 * KEPT_TRADES:
            del kept[:-KEPT_TRADES]
        minutes = self._minutes[instrument]
        opened_at = Interval.M1.open_time(now)
        old = minutes.get(opened_at)
        if old is None and minutes:
            last = max(minutes)
            minutes[last] = structs.replace(minutes[last], closed=True)
        minutes[opened_at] = Candle(
            instrument, Interval.M1, opened_at, old.open if old else price,
            max(old.high, price) if old else price, min(old.low, price) if old else price, price,
            (old.volume if old else 0.0) + quantity, (old.trades if old else 0) + 1, False,
            old.first_id if old else trade.trade_id, trade.trade_id, COMPLETE,
        )  # fmt: skip
        self.bus.channel("trades", instrument).publish(trade)
        return trade

    def candles(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> list[Candle]:
        if interval is not Interval.M1:
            return []
        found = [c for at, c in self._minutes[instrument].items() if end is None or at < end]
        return found[-limit:]

    def publish(self, count: int) -> None:
        """So many updates, now."""
        self.clock.advance_to(self._real.now_ns())
        rng = self._rng
        for _ in range(count):
            name = BTC if rng.random() < SHOWN_SHARE else rng.choice(self._names)
            if rng.random() < TRADE_SHARE:
                self._walk(name)
            else:
                self._change_level(name)
        self.published += count

    def _walk(self, name: InstrumentId) -> None:
        up = self._rng.random() < 0.5
        mid = self._mids[name] = round(self._mids[name] + (TICK if up else -TICK), 2)
        self.trade(name, mid, round(self._rng.expovariate(3.0), 5), "buy" if up else "sell")
        crossed = [
            (price, 0.0) for price in self.bids[name] if price >= mid or price < mid - 2 * DEPTH * TICK
        ]
        beyond = [(price, 0.0) for price in self.asks[name] if price <= mid or price > mid + 2 * DEPTH * TICK]
        if crossed or beyond:
            self.move(name, crossed, beyond)

    def _change_level(self, name: InstrumentId) -> None:
        away = self._rng.randint(1, DEPTH) * TICK
        quantity = round(self._rng.expovariate(1.0), 5)
        if self._rng.random() < 0.5:
            self.move(name, [(round(self._mids[name] - away, 2), quantity)])
        else:
            self.move(name, asks=[(round(self._mids[name] + away, 2), quantity)])


async def serve(rate: float, symbols: int, seed: int) -> None:
    """Until standard input ends."""
    desk = BusyDesk(symbols, seed)
    for _ in range(200):
        desk.publish(symbols)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with opened(desk) as served:
        print(json.dumps({"url": served.url}), flush=True)
        began, before = loop.time(), desk.published

        def turn() -> None:
            desk.publish(int((loop.time() - began) * rate) - (desk.published - before))
            loop.call_later(TURN_S, turn)

        turn()
        while await lines.readline():
            print(json.dumps({"published": desk.published}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pageload.market")
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    asyncio.run(serve(options.rate, options.symbols, options.seed))
