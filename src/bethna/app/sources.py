"""Where a desk's data comes from: decided once, before there is a desk, and never changed under it.

Rules
  1. `live` and `tape:PATH` are decided already. `twin` starts a simulated venue in a process of its own. `auto` asks
     the live hosts: it is `live` when one answers, else `twin`.
  2. A twin that ends by itself is started anew with a fresh seed, at the same address: another world, whose ids have
     nothing to do with the old ones'. It is told; the feeds find out by the ids and mark it.
  3. While `auto` simulates, the live hosts are asked again every `live_probe_s`. That one answers is told; nothing else
     happens: to go there the desk must be started anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from msgspec.structs import replace

from bethna.app.desk import RealTimeTrading, wanted_names
from bethna.app.live import venue_spec
from bethna.app.reachable import Look, look_around
from bethna.app.twin_process import TwinProcess, check_fault_file, start_twin
from bethna.config import Secret, Settings
from bethna.core.clock import Clock
from bethna.core.errors import BethnaError, ConfigError
from bethna.core.status import Simulation
from bethna.net.network import INTERNET, Network
from bethna.runtime.clocks import SystemClock

TWINS = ("binance",)
"""Venues that can be simulated."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
MOST_SEED_BITS = 32


class Market:
    """A source that is decided: what a desk is made of, and what is kept going beside it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def simulation(self) -> Simulation | None:
        """What is known of the simulated market; None for a real one or its recording."""
        return None

    @property
    def folder(self) -> str:
        """The source as the data folder knows it: nothing simulated reaches what is live."""
        return self.settings.source

    @property
    def twin(self) -> TwinProcess | None:
        """The twin that runs now."""
        return None

    @property
    def looks_again(self) -> bool:
        """Whether the live market is looked for while this one goes on."""
        return False

    async def watch(self, desk: RealTimeTrading) -> None:
        """Keep the source going beside a running desk and tell it what happens; returns when there is nothing to do."""


class SimulatedMarket(Market):
    """A twin of ours (rules 2 and 3).

    Args:
        asked: the settings as they were, whose hosts are the live ones.
        reason: why it is simulated. look_again: keep an eye on the live hosts.
    """

    def __init__(
        self,
        asked: Settings,
        twin: TwinProcess,
        reason: str,
        *,
        look_again: bool,
        clock: Clock,
        rng: Random,
        network: Network,
    ) -> None:
        hosts = {**asked.hosts, twin.venue: (twin.hosts,)}
        super().__init__(replace(asked, source="twin", hosts=hosts, proxy=Secret()))
        self._asked = asked
        self._twin = twin
        self._first_seed = twin.seed
        self._simulation = Simulation(twin.seed, reason)
        self._look_again = look_again
        self._clock = clock
        self._rng = rng
        self._network = network

    @property
    def simulation(self) -> Simulation:
        """Seed, reason, and whether the live market can be reached by now."""
        return self._simulation

    @property
    def folder(self) -> str:
        """One folder a simulation, by the seed that it began with."""
        return f"twin:{self._first_seed}"

    @property
    def twin(self) -> TwinProcess:
        """The twin that runs now; it changes when one ends by itself."""
        return self._twin

    @property
    def looks_again(self) -> bool:
        """Rule 3."""
        return self._look_again

    async def watch(self, desk: RealTimeTrading) -> None:
        """Rules 2 and 3, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(desk), name="twin-keep")
            if self._look_again:
                group.create_task(self._look(desk), name="live-look")

    async def stop(self) -> None:
        """End the twin."""
        await self._twin.stop()

    async def _keep(self, desk: RealTimeTrading) -> None:
        """Rule 2."""
        venue = self._twin.venue
        while True:
            code = await self._twin.wait()
            desk.notify(
                "error", "twin_ended", venue,
                f"The simulated market ended by itself (exit code {code}); another one is started.",
            )  # fmt: skip
            pause_s = FIRST_PAUSE_S
            while not await self._start_anew(desk):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _start_anew(self, desk: RealTimeTrading) -> bool:
        venue = self._twin.venue
        try:
            self._twin = await start_twin(venue, self._asked, fresh_seed(self._rng), self._twin.port)
        except BethnaError as error:
            desk.notify("error", "twin_failed", venue, f"{error.message}. {error.hint}".strip())
            return False
        self._change(desk, seed=self._twin.seed)
        desk.notify(
            "warning", "twin_restarted", venue,
            f"Another simulated market has begun, seed {self._twin.seed}: its prices and ids begin anew.",
        )  # fmt: skip
        return True

    async def _look(self, desk: RealTimeTrading) -> None:
        """Rule 3."""
        while True:
            await asyncio.sleep(self._asked.live_probe_s)
            found = await look(self._asked, self._twin.venue, self._clock, self._network)
            reachable = bool(found.answered)
            if reachable == self._simulation.live_reachable:
                continue
            self._change(desk, live_reachable=reachable)
            if reachable:
                said = f"{found.answered} answers: the live market can be reached by now"
                desk.tell("info", "live_reachable", self._twin.venue, said)
            else:
                said = f"the live market cannot be reached any more: {', '.join(found.silent)}"
                desk.tell("info", "live_unreachable", self._twin.venue, said)

    def _change(self, desk: RealTimeTrading, **changes: object) -> None:
        self._simulation = replace(self._simulation, **changes)
        desk.simulated(self._simulation)


@asynccontextmanager
async def chosen_market(
    settings: Settings,
    *,
    clock: Clock | None = None,
    rng: Random | None = None,
    network: Network = INTERNET,
) -> AsyncIterator[Market]:
    """Decide the source (rule 1); what was started for it ends with the block.

        async with chosen_market(Settings()) as market, asyncio.TaskGroup() as group:
            desk = RealTimeTrading(market.settings, simulation=market.simulation)
            group.create_task(market.watch(desk))
            group.create_task(desk.run())

    Raises:
        ConfigError: no symbol can be followed, a venue cannot be simulated, or a twin refuses a setting (a fault file).
        VenueError: the twin did not start.
    """
    if settings.source not in ("auto", "twin"):
        yield Market(settings)
        return
    venue = _venue_of(settings)
    check_fault_file(settings)
    clock, rng = clock or SystemClock(), rng or Random()
    reason = "the settings ask for it"
    if settings.source == "auto":
        found = await look(settings, venue, clock, network)
        if found.answered:
            yield Market(replace(settings, source="live"))
            return
        reason = f"no live host answers: {', '.join(found.silent)}"
    twin = await start_twin(venue, settings, settings.twin_seed or fresh_seed(rng))
    market = SimulatedMarket(
        settings, twin, reason,
        look_again=settings.source == "auto", clock=clock, rng=rng, network=network,
    )  # fmt: skip
    try:
        yield market
    finally:
        await market.stop()


async def look(settings: Settings, venue: str, clock: Clock, network: Network) -> Look:
    """Ask the live hosts of a venue, the user's where there are any."""
    async with network.requests(clock, proxy=settings.proxy.reveal() or None) as requests:
        return await look_around(venue_spec(venue, settings), requests)


def fresh_seed(rng: Random) -> int:
    """A seed that nobody chose, never 0."""
    return rng.getrandbits(MOST_SEED_BITS) or 1


def _venue_of(settings: Settings) -> str:
    """The venue that can be simulated and is followed. Raises UnknownInstrument or ConfigError."""
    names, _ = wanted_names(settings)
    venues = list(dict.fromkeys(name.venue for name in names))
    if len(venues) > 1 or venues[0] not in TWINS:
        raise ConfigError(
            "source",
            f"expected instruments of one venue that can be simulated, found {', '.join(venues)}",
            origin=settings.origin("source"),
            hint=f"these can be simulated: {', '.join(TWINS)}; --source live follows any",
        )
    return venues[0]
