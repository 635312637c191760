"""A program that judges trades and keeps the journal, to be killed at any moment; it goes on from what was kept.

    python -m killed.alerts FOLDER SEED TRADES

It prints `ready` when it begins, `kept` after each part that is on the disk, and `done` when all are judged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bethna.core.alerts import (
    AlertRule,
    Passage,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    Repeat,
    Side,
    Step,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.machine import begin
from bethna.logic.alerts.stepping import Armed
from bethna.logic.alerts.trade_watch import TradeWatch
from bethna.store.alerts.facts import Cursor
from bethna.store.alerts.journal import Journal

PAIR = InstrumentId("BTC-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
FIRST = 1_000
LEVELS = (97.5, 98.5, 99.5, 100.5, 101.5)

RULES: dict[str, AlertRule] = {
    **{f"either-{level}": AlertRule(PriceCrosses(PAIR, Way.EITHER, level), Repeat.EVERY) for level in LEVELS},
    **{
        f"up-{level}": AlertRule(PriceCrosses(PAIR, Way.UP, level, level - 2.0), Repeat.EVERY)
        for level in LEVELS
    },
    "hold": AlertRule(PriceIs(PAIR, Side.ABOVE, 100.5), Repeat.EVERY, hold_ns=NS_PER_S),
    "cooldown": AlertRule(PriceCrosses(PAIR, Way.DOWN, 99.5), Repeat.EVERY, cooldown_ns=5 * NS_PER_S),
    "bar": AlertRule(PriceChannel(PAIR, 98.5, 101.5, Passage.LEAVES), Repeat.PER_BAR, Interval.M1),
    "once": AlertRule(PriceIs(PAIR, Side.BELOW, 98.0)),
}


def trades(seed: int, count: int) -> Iterator[Trade]:
    """A price that never stays away from 100 for long."""
    rng, price, ts = Random(f"{seed}/killed alerts"), 100, T0
    for number in range(count):
        price = min(104, max(96, price + rng.choice((-2, -1, -1, 0, 1, 1, 2))))
        ts += rng.randrange(1, 400) * 1_000_000
        yield Trade(PAIR, float(price), 1.0, "buy", FIRST + number, ts, ts + 1)


def watched(steps: list[Step]) -> TradeWatch:
    return TradeWatch(PAIR, steps.append, 10**8)


def arm(watch: TradeWatch, armed: Armed) -> None:
    watch.arm(armed)


def main(folder: Path, seed: int, count: int) -> None:
    steps: list[Step] = []
    watch = watched(steps)
    with Journal(folder) as journal:
        if not journal.rules():
            journal.add({name: (rule, begin(rule)) for name, rule in RULES.items()}, armed=T0)
        for kept in journal.rules():
            arm(watch, Armed.of(kept.name, kept.rule, kept.state))
        cursor = journal.cursors().get(PAIR)
        judged = FIRST - 1 if cursor is None else cursor.trade_id
        print("ready", flush=True)
        batches, left = Random(), 0
        for trade in trades(seed, count):
            if trade.trade_id <= judged:
                continue
            watch.trade(trade)
            left -= 1
            if left <= 0:
                journal.commit(steps, {PAIR: Cursor(trade.trade_id, trade.ts_event)}, told=trade.ts_recv)
                steps.clear()
                print("kept", flush=True)
                left = batches.randrange(1, 400)
        if watch.last is not None:
            journal.commit(steps, {PAIR: Cursor(watch.last.trade_id, watch.last.ts_event)}, told=T0)
    print("done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
