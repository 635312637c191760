"""A market behind the names of another one, with real twins: its candles lie apart, and begun anew it is another."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from scenario.cli_runs import end, line_of, run, running
from scenario.test_sources import UP, Client

from bethna.app import Desk
from bethna.app.sources import chosen_market
from bethna.config import load
from bethna.core.bars import Bar
from bethna.core.intervals import Interval
from bethna.store.folder import CANDLES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")

TWIN = ("twin", "binance", "--seed", "9", "--json", "--attached", "--symbols", "5")
SHOWN = 20


def test_a_live_desk_that_is_led_elsewhere_keeps_its_candles_apart(tmp_path: Path) -> None:
    with running(*TWIN, "--port", "0") as process:
        port = line_of(process)["url"].rpartition(":")[2]
        environment = {
            "BETHNA_SOURCE": "live",
            "BETHNA_HOSTS": f"binance=ws://127.0.0.1:{port}|http://127.0.0.1:{port}",
            "BETHNA_DATA_DIR": str(tmp_path),
        }
        asked = ("history", "BTC-USDT", "1h", "--limit", "5", "--format", "csv")
        told = run(*asked, environment=environment)
        assert told.returncode == 0, told.stderr
        (apart,) = kept(tmp_path)
        assert apart.startswith(f"{CANDLES}-"), "a program of its own"
        with running(*UP, "--symbol", "BTC-USDT", environment=environment) as up:
            desk = Client(line_of(up)["url"])
            desk.until(
                "/api/v1/bars?instrument=BTC-USDT@binance&interval=4h&limit=5", lambda found: "bars" in found
            )
            assert end(up, signal.SIGTERM)[0] == 0
        assert kept(tmp_path) == [apart], "and a desk"


def kept(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "live").iterdir() if path.name.startswith(CANDLES))


async def test_a_twin_begun_anew_on_the_same_seed_is_another_world() -> None:
    with running(*TWIN, "--port", "0") as first:
        port = int(line_of(first)["url"].rpartition(":")[2])
        host = f"ws://127.0.0.1:{port}|http://127.0.0.1:{port}"
        options = {
            "source": "twin",
            "hosts": {"binance": [host]},
            "symbols": ("BTC-USDT",),
            "first_delay_s": 0.1,
        }
        async with asyncio.timeout(15), chosen_market(load(options=options)) as market:
            desk = Desk(market.settings, simulation=market.simulation)
            begun, restored = asyncio.Event(), asyncio.Event()
            turns = {"twin_restarted": begun, "connection_restored": restored}
            desk.bus.channel("system").subscribe(
                lambda event: turns[event.code].set() if event.code in turns else None, "test"
            )
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(desk.run()), group.create_task(market.watch(desk))]
                before = await past(desk)
                first.kill()
                first.wait()
                anew = (
                    *TWIN,
                    "--pace",
                    "0.5",
                    "--port",
                    str(port),
                )  # of another past, however near its start
                with running(*anew) as second:
                    line_of(second)
                    await begun.wait()
                    await restored.wait()
                    after = await past(desk)
                    truth = await asyncio.to_thread(candles, port, after)
                    assert figures(after) == truth
                    assert figures(before) != truth
                    assert market.simulation == desk.simulation()
                    for task in tasks:
                        task.cancel()


async def past(desk: Desk) -> list[Bar]:
    """Closed hours, once the venue has told them."""
    while True:
        (instrument,) = desk.instruments()
        bars = [bar for bar in (await desk.bars(instrument.id, Interval.H1, SHOWN)).bars if bar.closed]
        flows = desk.price(instrument.id).price is not None
        if flows and len(bars) >= SHOWN - 1 and all(bar.close for bar in bars):
            return bars
        await asyncio.sleep(0)


def figures(bars: list[Bar]) -> list[tuple[int, float | None, float | None, int | None]]:
    return [(bar.open_time, bar.open, bar.close, bar.trades) for bar in bars]


def candles(port: int, bars: list[Bar]) -> list[tuple[int, float, float, int]]:
    """What the twin itself says of them."""
    span = f"startTime={bars[0].open_time // 10**6}&endTime={bars[-1].open_time // 10**6}"
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/api/v3/klines?symbol=BTCUSDT&interval=1h&{span}")
    rows: list[list[Any]] = json.loads(connection.getresponse().read())
    connection.close()
    return [(row[0] * 10**6, float(row[1]), float(row[4]), row[8]) for row in rows]
