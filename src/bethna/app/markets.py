"""A source that is decided, and what is kept going beside a desk on it; nothing here decides.

Rules
  1. A twin of ours that ends by itself is started anew with a fresh seed, at the same address: another world, whose ids
     have nothing to do with the old ones'. It is told, here and in the log; the feeds find out by the ids and mark it.
     However often it happens, one notice stays.
  2. While `auto` simulates, the live hosts are asked again every `live_probe_s`. That one answers is told; nothing else
     happens: to go there the desk must be started anew.
  3. Somebody else's twin may be ended and begun anew, too. It is asked for its seed and its start when a connection to
     it is lost, until it answers, when data flows again, and every `live_probe_s`. The same seed from another start is
     another world as well: its past is drawn backwards from the start.
  4. A desk is live or simulated, never both: on a simulated market no host but the twin's is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import structlog
from msgspec.structs import replace

from bethna.app.desk import Desk
from bethna.app.reachable import look
from bethna.app.twin_process import TwinProcess, fresh_seed, start_twin
from bethna.app.twin_running import RunningTwin, running_twin
from bethna.config import Secret, Settings
from bethna.core.clock import Clock
from bethna.core.errors import BethnaError
from bethna.core.status import Simulation, SystemEvent
from bethna.net.network import Network, Requests

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
_ABOUT = "twin"
_TURNS = frozenset({"connection_lost", "connection_restored"})

_log = structlog.get_logger("bethna.markets")


def subject_of(venues: Sequence[str]) -> str:
    """What an event about the simulated market is about: its venue, where it is followed alone."""
    return venues[0] if len(venues) == 1 else "twin"


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
    def twin(self) -> TwinProcess | RunningTwin | None:
        """The twin that runs now, ours or somebody's."""
        return None

    @property
    def looks_again(self) -> bool:
        """Whether the live market is looked for while this one goes on."""
        return False

    @property
    def may_be_left(self) -> bool:
        """Whether a restart leads from here into the live market, once that is seen to answer."""
        return False

    async def watch(self, desk: Desk) -> None:
        """Keep the source going beside a running desk and tell it what happens; returns when there is nothing to do."""


class AttachedMarket(Market):
    """A twin that somebody else runs (rule 3)."""

    def __init__(self, settings: Settings, twin: RunningTwin, clock: Clock, network: Network) -> None:
        hosts = {venue: settings.hosts[venue] for venue in twin.urls}  # whatever else there is may be live
        super().__init__(replace(settings, hosts=hosts, proxy=Secret()))
        self._twin = twin
        self._clock = clock
        self._network = network
        self._changes = 0

    @property
    def simulation(self) -> Simulation:
        """Its seed."""
        where = ", ".join(self._twin.urls.values())
        return Simulation(self._twin.seed, f"the settings lead to the simulated market at {where}")

    @property
    def folder(self) -> str:
        """One folder a simulation."""
        return f"twin:{self._twin.seed}"

    @property
    def twin(self) -> RunningTwin:
        """As it was when it was last asked."""
        return self._twin

    async def watch(self, desk: Desk) -> None:
        """Keep seed and start true, until cancelled."""
        turned = asyncio.Event()

        def hear(event: SystemEvent) -> None:
            if event.code in _TURNS:
                turned.set()

        subscription = desk.bus.channel("system").subscribe(hear, "twin seed")
        try:
            async with self._network.requests(self._clock, proxy=None) as requests:
                pause_s = self.settings.live_probe_s
                while True:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(pause_s):
                            await turned.wait()
                    if turned.is_set():
                        turned.clear()
                        pause_s = FIRST_PAUSE_S / 2
                    answered = await self._ask(desk, requests)
                    pause_s = self.settings.live_probe_s if answered else min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            subscription.close()

    async def _ask(self, desk: Desk, requests: Requests) -> bool:
        """Whether it answers; another seed, or another start, is told."""
        venues = tuple(self._twin.urls)
        found = await running_twin(venues[0], self.settings, requests)
        if found is not None and found.world != self._twin.world:
            self._twin = RunningTwin(self._twin.urls, found.seed, found.started)
            self._changes += 1
            desk.simulated(self.simulation, anew=True)
            _tell_restarted(desk, subject_of(venues), found.seed, self._changes)
        return found is not None


class SimulatedMarket(Market):
    """A twin of ours (rules 1 and 2).

    Args:
        asked: the settings as they were, whose hosts are the live ones. followed: the venues of the desk as it begins.
        reason: why it is simulated. look_again: keep an eye on the live hosts.
    """

    def __init__(
        self,
        asked: Settings,
        followed: Sequence[str],
        twin: TwinProcess,
        reason: str,
        *,
        look_again: bool,
        clock: Clock,
        rng: Random,
        network: Network,
    ) -> None:
        hosts = {venue: (urls,) for venue, urls in twin.hosts.items()}  # rule 4
        super().__init__(replace(asked, source="twin", hosts=hosts, proxy=Secret()))
        self._asked = asked
        self._followed = tuple(followed)
        self._subject = subject_of(followed)
        self._twin = twin
        self._first_seed = twin.seed
        self._simulation = Simulation(twin.seed, reason)
        self._look_again = look_again
        self._clock = clock
        self._rng = rng
        self._network = network
        self._ends = 0

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
        """Rule 2."""
        return self._look_again

    @property
    def may_be_left(self) -> bool:
        """Always: the hosts of the settings are not those of this twin."""
        return True

    async def watch(self, desk: Desk) -> None:
        """Rules 1 and 2, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(desk), name="twin-keep")
            if self._look_again:
                group.create_task(self._look(desk), name="live-look")

    async def stop(self) -> None:
        """End the twin."""
        await self._twin.stop()

    async def _keep(self, desk: Desk) -> None:
        """Rule 1."""
        venue = self._subject
        while True:
            code = await self._twin.wait()
            self._ends += 1
            seed = fresh_seed(self._rng)
            self._change(desk, seed=seed)  # at once: nothing that comes from now on is of the old world
            _log.warning("twin_ended", venue=venue, exit_code=code, times=self._ends)
            desk.notify(
                "error", "twin_ended", venue,
                f"The simulated market ended by itself (exit code {code}); another one is started.",
                about=_ABOUT, times=self._ends,
            )  # fmt: skip
            pause_s, failures = FIRST_PAUSE_S, 0
            while not await self._start_anew(desk, seed, failures):
                failures += 1
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _start_anew(self, desk: Desk, seed: int, failures: int) -> bool:
        venue = self._subject
        try:
            self._twin = await start_twin(self._followed, self._asked, seed, self._twin.ports)
        except BethnaError as error:
            _log.warning("twin_failed", venue=venue, error=error.message, times=failures + 1)
            said = f"{error.message}. {error.hint}".strip()
            desk.notify("error", "twin_failed", venue, said, about=_ABOUT, times=failures + 1)
            return False
        _tell_restarted(desk, venue, seed, self._ends)
        return True

    async def _look(self, desk: Desk) -> None:
        """Rule 2."""
        while True:
            await asyncio.sleep(self._asked.live_probe_s)
            found = await look(self._asked, self._followed, self._clock, self._network)
            reachable = bool(found.answered)
            if reachable == self._simulation.live_reachable:
                continue
            self._change(desk, live_reachable=reachable)
            if reachable:
                said = f"{found.answered} answers: the live market can be reached by now"
                desk.tell("info", "live_reachable", self._subject, said)
            else:
                said = f"the live market cannot be reached any more: {', '.join(found.silent)}"
                desk.tell("info", "live_unreachable", self._subject, said)

    def _change(self, desk: Desk, **changes: object) -> None:
        self._simulation = replace(self._simulation, **changes)
        desk.simulated(self._simulation)


def _tell_restarted(desk: Desk, venue: str, seed: int, times: int) -> None:
    """Another world is there."""
    _log.warning("twin_restarted", venue=venue, seed=seed, times=times)
    said = f"Another simulated market has begun, seed {seed}: its prices and ids begin anew."
    desk.notify("warning", "twin_restarted", venue, said, about=_ABOUT, times=times)
