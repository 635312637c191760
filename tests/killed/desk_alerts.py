"""A whole desk with alerts, to be killed at any moment: `-m killed.desk_alerts DATA_FOLDER ALERTS_FOLDER LEVELS`.

LEVELS is a JSON list of prices; a desk that finds no rules arms them all. The settings say which source. It prints
`ready` when alerts are judged, and `done` when a recording has ended; a line on stdin ends it in order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from msgspec.structs import replace

from bethna.app.alerts import DeskAlerts
from bethna.app.desk import Desk
from bethna.app.reading import read_settings
from bethna.app.sources import chosen_market
from bethna.core.alerts import AlertRule, Passage, PriceChannel, PriceCrosses, PriceIs, Repeat, Side, Way
from bethna.core.clock import NS_PER_S
from bethna.core.market import InstrumentId
from bethna.core.status import SystemEvent

BTC = InstrumentId("BTC-USDT@binance")


def rules(levels: list[float]) -> list[AlertRule]:
    """A crossing of each level, and at the middle one of each kind that remembers something."""
    middle, step = levels[len(levels) // 2], levels[1] - levels[0]
    return [
        *(AlertRule(PriceCrosses(BTC, Way.EITHER, level), Repeat.EVERY) for level in levels),
        AlertRule(PriceCrosses(BTC, Way.UP, middle, middle - step), Repeat.EVERY),
        AlertRule(PriceIs(BTC, Side.BELOW, middle), Repeat.EVERY, cooldown_ns=5 * NS_PER_S),
        AlertRule(PriceIs(BTC, Side.ABOVE, middle), Repeat.EVERY, hold_ns=NS_PER_S),
        AlertRule(PriceChannel(BTC, middle, middle + 3 * step, Passage.LEAVES), Repeat.EVERY),
        AlertRule(PriceIs(BTC, Side.ABOVE, middle + step)),
    ]


async def main(data: Path, folder: Path, levels: list[float]) -> None:
    settings = replace(
        read_settings(), data_dir=str(data), symbols=(BTC,), alert_price_rules=10**5,
        origins={**read_settings().origins, "symbols": "test"},
    )  # fmt: skip
    async with chosen_market(settings) as market:
        desk = Desk(market.settings, simulation=market.simulation, alerts=folder)
        alerts = desk.alerts
        assert isinstance(alerts, DeskAlerts)
        ended = asyncio.Event()

        def hear(event: SystemEvent) -> None:
            if event.level == "error":
                print(event, file=sys.stderr, flush=True)
            if event.code == "tape_ended":
                ended.set()

        desk.bus.channel("system").subscribe(hear)
        await alerts.start()
        if desk.player is not None and not alerts.rules():
            await alerts.add(rules(levels))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(desk.run()), group.create_task(alerts.run())]
            if not alerts.rules():
                await first_trade(desk)
                await alerts.add(rules(levels))
            print("ready", flush=True)
            if desk.player is not None:
                await ended.wait()
                print("done", flush=True)
            else:
                await asyncio.to_thread(sys.stdin.readline)
            for task in tasks:
                task.cancel()


async def first_trade(desk: Desk) -> None:
    """The market has begun."""
    there = asyncio.Event()
    heard = desk.bus.channel("trades", BTC).subscribe(lambda _: there.set())
    await there.wait()
    heard.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
