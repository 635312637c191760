"""A program's desk before a whole twin in virtual time: the real engine, whose only way out is memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from faultgrid.memory_link import Driver, MemoryNetwork
from faultgrid.trial import RATES, START, listings
from virtual_time import VirtualClock, run_virtually

from bethna.app.engines import OwnEngine
from bethna.app.trading import RealTimeTrading
from bethna.config import Settings
from bethna.config.settings import HostUrls
from bethna.core.instrument import FEATURES, Feature
from bethna.twins.binance import BinanceTwin
from bethna.twins.faults import Fault, Faults
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

T = TypeVar("T")


@dataclass
class Bench:
    """A desk and the market before it."""

    desk: RealTimeTrading
    world: World
    truth: Truth
    network: MemoryNetwork
    driver: Driver


@asynccontextmanager
async def bench(
    clock: VirtualClock,
    seed: int,
    *faults: Fault,
    symbols: Sequence[str] = ("BTC-USDT", "ETH-USDT"),
    features: Collection[Feature] = FEATURES,
    network: type[MemoryNetwork] = MemoryNetwork,
    **settings: Any,
) -> AsyncIterator[Bench]:
    """A desk that is open while the block lasts, on a market that trades BTC, ETH and POL against USDT."""
    rng = Random(seed)
    world = World(seed, START, listings(RATES))
    truth = Truth(world)
    twin = BinanceTwin(
        world, Faults(tuple(faults), START, Random(rng.getrandbits(32))), rng=Random(rng.getrandbits(32))
    )
    driver = Driver(twin, clock)
    way = network(driver)
    driver.arm()
    given = Settings(
        source="live",
        symbols=tuple(symbols),
        hosts={"binance": (HostUrls("ws://twin.invalid", "http://twin.invalid"),)},
        origins={"symbols": "the test"},
        **settings,
    )
    engine = OwnEngine(given, features, pace=clock, rng=Random(rng.getrandbits(32)), network=way)
    try:
        async with RealTimeTrading.over(engine) as desk:
            yield Bench(desk, world, truth, way, driver)
    finally:
        driver.stop()


def virtually(main: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Run a test in virtual time."""
    clock = VirtualClock(START)
    return run_virtually(main(clock), clock)
