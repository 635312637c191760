"""One trial: a whole desk and a whole twin in one process and in virtual time, with faults, and then the verdict.

The desk is the real one (`Desk`: sessions, codec, pool, healing, feeds); only its way out is a memory link.
A trial is a function of its fields: the same trial again gives the same verdict.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from faultgrid.ground import BINANCE, Ground
from faultgrid.heard import Findings, Listener
from faultgrid.memory_link import Driver, MemoryNetwork
from faultgrid.verdict import Judge
from msgspec.structs import replace
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app.desk import Desk
from bethna.config import Settings
from bethna.config.settings import HostUrls
from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, Faults
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.facts import Listing
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

START = 1_790_000_000_000_000_000
"""An instant of the twin's world: 2026-09-21 14:13:20 UTC."""
RATES = BINANCE.rates
SAMPLE_S = 4.0
LANDING_S = 0.1


@dataclass(frozen=True)
class Trial:
    """What is tried. `struck`: the symbols that the faults may touch; all when a connection is struck.

    Attributes:
        faults: seconds count from the start of the world, which is the start of the desk.
        span_s: how long the desk runs, settling time included.
        ground: the venue. Where the desk knows a second host, it is the same twin under another name.
        spec: rules of the venue as the desk knows them, where a trial wants others. past_days: what the market
            remembers.
    """

    seed: int
    faults: tuple[Fault, ...]
    span_s: float
    struck: frozenset[str] = frozenset(RATES)
    ground: Ground = BINANCE
    spec: dict[str, object] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    past_days: int = 0


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        heal_s: from the last fault's end to the last repair; None when nothing had to be repaired.
        struck: how often each kind struck.
    """

    findings: Findings
    heal_s: float | None
    struck: Counter[str]
    attempts: list[int]
    standing: int
    tasks: int
    events: Counter[str]


def listings(rates: dict[str, float]) -> tuple[Listing, ...]:
    """The named symbols of the catalogue at a steady pace."""
    found = {listing.symbol: listing for listing in catalogue()}
    return tuple(replace(found[symbol], rate=rate) for symbol, rate in rates.items())


def run(trial: Trial) -> Outcome:
    """Run a trial to its end."""
    clock = VirtualClock(START)
    try:
        return run_virtually(_run(trial, clock), clock)
    finally:
        gc.collect()


@dataclass
class House:
    """A running desk with its twin, and who watches them.

    Attributes:
        freeze: nothing happens in the world from then on. landing_s: how long what was said takes to arrive.
    """

    world: World
    faults: Faults
    twin: VenueTwin
    desk: Desk
    judge: Judge
    running: asyncio.Future[None]
    freeze: Callable[[], None]
    landing_s: float

    async def watch(self, span_s: float) -> None:
        """Let time pass, looking at books and quotes now and then."""
        while span_s > 0:
            await pass_time(min(SAMPLE_S, span_s))
            span_s -= SAMPLE_S
            if self.running.done():
                self.running.result()
                raise AssertionError("the desk ended by itself")
            if self.desk.instruments():
                self.judge.sample()

    async def close(self) -> Findings:
        """The verdict: the world stops, what is on its way arrives, then desk and truth are compared."""
        self.freeze()
        await pass_time(self.landing_s)
        return self.judge.close(self.world.now + self.world.clock_offset_ns)


@dataclass
class VirtualHouse(House):
    """One in virtual time."""

    clock: VirtualClock
    network: MemoryNetwork


@asynccontextmanager
async def house(trial: Trial, clock: VirtualClock) -> AsyncIterator[VirtualHouse]:
    """Build and run everything that a trial needs."""
    rng = Random(trial.seed)
    world = World(trial.seed, START, trial.ground.listings(), past_days=trial.past_days)
    truth = Truth(world)
    faults = Faults(trial.faults, START, Random(rng.getrandbits(32)))
    twin = trial.ground.twin(world, faults, Random(rng.getrandbits(32)))
    driver = Driver(twin, clock)
    network = MemoryNetwork(driver)
    driver.arm()
    names = ["twin.invalid", "twin2.invalid"][: trial.ground.hosts]
    desk = Desk(settings_of(trial, names), pace=clock, rng=Random(rng.getrandbits(32)), network=network)
    judge = watched(trial, desk, twin, truth, clock.true_ns)
    running = asyncio.ensure_future(desk.run())
    try:
        yield VirtualHouse(world, faults, twin, desk, judge, running, driver.stop, LANDING_S, clock, network)
    finally:
        running.cancel()
        await asyncio.wait([running])
        driver.stop()
    if not running.cancelled():
        running.result()
    await pass_time(5)  # what is still on its way arrives


def watched(trial: Trial, desk: Desk, twin: VenueTwin, truth: Truth, now: Callable[[], int]) -> Judge:
    """The judge of a desk that is about to run."""
    if trial.spec:
        for line in desk.lines.values():
            line.pool._shared.spec = replace(line.spec, **trial.spec)
    known = {trial.ground.instrument(each.listing): each.listing for each in twin.world.markets.values()}
    heard = {each: Listener(desk, each, now) for each in known}
    judge = Judge(desk, twin, truth, heard, known, trial.struck, trial.ground)
    judge.steady_clock = not any(fault.kind.startswith("clock") for fault in trial.faults)
    return judge


async def _run(trial: Trial, clock: VirtualClock) -> Outcome:
    async with house(trial, clock) as found:
        await found.watch(trial.span_s)
        findings = await found.close()
        tasks = len(asyncio.all_tasks())
    return Outcome(
        findings, heal_s(trial, findings, START), Counter(found.faults.struck), found.network.attempts,
        found.network.standing, tasks, Counter(event.code for event in found.desk.events(1000)),
    )  # fmt: skip


def settings_of(trial: Trial, names: Sequence[str]) -> Settings:
    """The desk's settings; `names`: host and port of its hosts."""
    ground = trial.ground
    given: dict[str, object] = {
        "source": "live",
        "symbols": tuple(map(ground.instrument, ground.listings())),
        "hosts": {ground.venue: tuple(HostUrls(f"ws://{name}", f"http://{name}") for name in names)},
        "wire": {ground.venue: ground.wire} if ground.wire else {},
    }
    return Settings(**(given | trial.settings))  # type: ignore[arg-type]  # names and types are the caller's


def heal_s(trial: Trial, findings: Findings, start: int) -> float | None:
    """Seconds from the end of the last fault to the last repair; None when nothing was repaired since the first."""
    ends = [fault.at_s + fault.for_s for fault in trial.faults]
    over = start + round(max(ends, default=0.0) * NS_PER_S)
    began = start + round(min((fault.at_s for fault in trial.faults), default=0.0) * NS_PER_S)
    if findings.repaired_at < began:
        return None
    return max(0.0, (findings.repaired_at - over) / NS_PER_S)


def seeds(seed: int, count: int) -> Sequence[int]:
    rng = Random(seed)
    return [rng.getrandbits(32) for _ in range(count)]
