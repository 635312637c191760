"""Where a desk's data comes from: decided once, before there is a desk, and never changed under it.

`live` and `tape:PATH` are decided already. `twin` is the twin to which the user's hosts lead, when one runs there; else
one is started in a process of its own, for all venues at once. `auto` asks the live hosts of the venues that are
followed: it is `live` when one answers (a venue that does not is then shown as unreachable), else a twin is begun.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from msgspec.structs import replace

from bethna.app.markets import AttachedMarket, Market, SimulatedMarket
from bethna.app.reachable import look
from bethna.app.twin_process import check_fault_file, fresh_seed, start_twin
from bethna.app.twin_running import RunningTwin, running_twins, twin_name
from bethna.app.wanted import followed_venues, within_hosts
from bethna.config import Settings
from bethna.core.clock import Clock
from bethna.core.errors import ConfigError
from bethna.net.network import INTERNET, Network
from bethna.runtime.clocks import SystemClock
from bethna.twins.registry import VENUES


@asynccontextmanager
async def chosen_market(
    settings: Settings,
    *,
    clock: Clock | None = None,
    rng: Random | None = None,
    network: Network = INTERNET,
) -> AsyncIterator[Market]:
    """Decide the source; what was started for it ends with the block.

        async with chosen_market(Settings()) as market, asyncio.TaskGroup() as group:
            desk = Desk(market.settings, simulation=market.simulation)
            group.create_task(market.watch(desk))
            group.create_task(desk.run())

    Raises:
        ConfigError: no symbol can be followed, a venue cannot be simulated, or a twin refuses a setting (a fault file).
        VenueError: the twin did not start.
    """
    if settings.source not in ("auto", "twin"):
        yield Market(settings)
        return
    settings = within_hosts(settings)  # once: a twin that is started leads every venue to itself
    venues = _venues_of(settings)
    check_fault_file(settings, venues)
    clock, rng = clock or SystemClock(), rng or Random()
    if settings.source == "twin":
        async with network.requests(clock, proxy=None) as requests:
            running = await running_twins(venues, settings, requests)
        if running is not None:
            _check_attached(settings, running)
            yield AttachedMarket(settings, running, clock, network)
            return
    reason = "the settings ask for it"
    if settings.source == "auto":
        found = await look(settings, venues, clock, network)
        if found.answered:
            yield Market(replace(settings, source="live"))
            return
        reason = f"no live host answers: {', '.join(found.silent)}"
    twin = await start_twin(venues, settings, settings.twin_seed or fresh_seed(rng))
    market = SimulatedMarket(
        settings, venues, twin, reason,
        look_again=settings.source == "auto", clock=clock, rng=rng, network=network,
    )  # fmt: skip
    try:
        yield market
    finally:
        await market.stop()


def _check_attached(settings: Settings, twin: RunningTwin) -> None:
    """What the settings say of a twin cannot be said to one that runs. Raises ConfigError."""
    wanted = {"twin_seed": 0, "twin_pace": 1.0, "twin_past_days": 400, "twin_faults": ""}
    for name, default in wanted.items():
        found = getattr(settings, name)
        if found != default and not (name == "twin_seed" and found == twin.seed):
            raise ConfigError(
                name,
                f"{name} ({settings.origin(name)}): expected nothing, since a twin runs already at {twin.url},"
                f" found {found!r}",
                origin=settings.origin(name),
                hint="say it to `bethna twin`, or leave out `hosts`: then the desk starts a twin of its own",
            )


def _venues_of(settings: Settings) -> tuple[str, ...]:
    """The venues that are followed; each can be simulated. Raises UnknownInstrument or ConfigError."""
    venues = followed_venues(settings)
    for venue in venues:
        if (name := twin_name(venue, settings)) not in VENUES:
            raise ConfigError(
                "source",
                f"expected instruments of venues that can be simulated, found one of {name}",
                origin=settings.origin("source"),
                hint=f"these can be simulated: {', '.join(VENUES)}; --source live follows any",
            )
    return venues
