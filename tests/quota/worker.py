"""One process that wants as much of a venue as it can get; `quota.campaign` starts a dozen. Says what came of it.

It asks through the same REST side and the same keeper as a desk, in every lane, from the first line on its stdin until
that closes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from quota.campaign import pause
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bethna.core.clock import seconds
from bethna.core.errors import ConnectError, RateLimited
from bethna.logic.quota_ledger import Lane, Terms
from bethna.logic.session_types import ConnectionSettings
from bethna.net.http import HttpClient
from bethna.runtime.clocks import SystemClock
from bethna.services.venue_rest import VenueRest
from bethna.store.quota_file import QuotaFile
from bethna.store.quota_keeper import Asked, QuotaKeeper
from bethna.venues.binance import SPEC, BinanceCodec
from bethna.venues.spec import RestRequest, StreamHost

TIME = RestRequest("/api/v3/time", 1)
CONNECTS_EVERY_S = 0.05
WANTS = (
    (Lane.SNAPSHOTS, RestRequest("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250)),
    (Lane.HEALING, RestRequest("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000", 4)),
    (Lane.HEALING, RestRequest("/api/v3/trades?symbol=BTCUSDT&limit=1000", 25)),
    (Lane.BACKFILL, RestRequest("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000", 2)),
    (Lane.BACKFILL, RestRequest("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250)),
)


class Watched(QuotaKeeper):
    """A keeper that notes how long each request waited, and each time the venue said no."""

    waits: dict[str, list[float]]
    denied: int

    def begin(self) -> None:
        self.waits = {lane.name.lower(): [] for lane in Lane}
        self.denied = 0

    def ask(self, asked: Asked) -> int:
        wait = super().ask(asked)
        if not wait and asked.taken is not None:
            self.waits[asked.lane.name.lower()].append((asked.taken - asked.since) / 1e6)
        return wait

    def stop(self, retry_after_s: float | None, *, banned: bool) -> float:
        self.denied += 1
        return super().stop(retry_after_s, banned=banned)


async def demand(rest: VenueRest, lane: Lane, request: RestRequest, said: dict[str, Any]) -> None:
    while True:
        try:
            await rest.fetch(request, lane=lane)
        except RateLimited as limited:
            said["put_off"] += 1
            await pause(min(1.0, limited.retry_after_s))
        except ConnectError as error:
            said["failed"].append(str(error))
            await pause(0.1)


async def order(rest: VenueRest, every_s: float) -> None:
    """Something small and urgent, now and then."""
    while True:
        await pause(every_s)
        with suppress(ConnectError):
            await rest.fetch(TIME, lane=Lane.ORDERS)


async def join(keeper: QuotaKeeper, url: str, said: dict[str, Any]) -> None:
    """Connect and leave, as often as the window allows."""
    window = keeper.window("connections", SPEC.connects_per_window, seconds(SPEC.connect_window_s))
    while True:
        await pause(CONNECTS_EVERY_S)
        if window.wait(0):
            continue
        window.take(0)
        try:
            async with connect(f"{url}/ws/btcusdt@bookTicker", compression=None, proxy=None):
                said["connected"] += 1
        except (OSError, WebSocketException) as error:
            said["failed"].append(f"{type(error).__name__}: {error}")


async def main(
    rest_url: str, ws_url: str, folder: Path, number: int, orders_every_s: float
) -> dict[str, Any]:
    clock, rng = SystemClock(), random.Random(number)
    spec = replace(SPEC, hosts=(StreamHost("twin", ws_url, rest_url),))
    said: dict[str, Any] = {"put_off": 0, "failed": [], "told": [], "connected": 0}
    keeper = Watched(
        Terms(SPEC.weight_per_minute), clock, rng, QuotaFile(folder, rest_url),
        lambda _, code, message: said["told"].append(f"{code}: {message}"),
    )  # fmt: skip
    keeper.begin()
    async with HttpClient(clock) as client, asyncio.TaskGroup() as group:
        rest = VenueRest(spec, BinanceCodec(), ConnectionSettings(), clock, rng, keeper, client)
        await rest.measure_clock()
        print(json.dumps({"ready": number}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        tasks = [group.create_task(demand(rest, lane, request, said)) for lane, request in WANTS]
        tasks.append(group.create_task(order(rest, orders_every_s)))
        tasks.append(group.create_task(join(keeper, ws_url, said)))
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()
    said |= {"waits": keeper.waits, "denied": keeper.denied, "sharers": keeper.sharers()}
    keeper.close()
    return said


if __name__ == "__main__":
    _, rest_url, ws_url, folder, number, every_s = sys.argv
    print(json.dumps(asyncio.run(main(rest_url, ws_url, Path(folder), int(number), float(every_s)))))
