"""A twin that somebody else runs, found where the settings lead; nothing is started or ended here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bethna.config import HostUrls, Settings
from bethna.core.errors import ConfigError, VenueError
from bethna.net.network import Requests
from bethna.venues.registry import INDEX, wire_name

ASK_S = 2.0
STATE = "/twin/state"


class _State(Struct):
    """What a twin says of itself."""

    simulation: bool
    name: str
    seed: int
    started_at: int | None = None


class RunningTwin:
    """Twins that somebody runs, of one seed; their process is not ours to know.

    Attributes:
        urls: by venue. started: us UTC, when the first of them began; None where it does not say.
    """

    pid = None

    def __init__(self, urls: Mapping[str, str], seed: int, started: int | None = None) -> None:
        self.urls = dict(urls)
        self.seed = seed
        self.started = started

    @property
    def world(self) -> tuple[int, int | None]:
        """What makes it another one when it changes: seed and start."""
        return self.seed, self.started

    @property
    def url(self) -> str:
        """Of the first venue."""
        return next(iter(self.urls.values()))


def twin_name(venue: str, settings: Settings) -> str:
    """What the twin of a venue, or of the index, is called on the wire that is chosen."""
    return venue if venue == INDEX else wire_name(venue, settings.wire.get(venue, ""))


async def running_twins(
    followed: Sequence[str], settings: Settings, requests: Requests
) -> RunningTwin | None:
    """The twins to which the user's hosts lead, None when not one of the followed venues has any.

    Venues of which nothing is followed belong to it, too, where their hosts lead to a twin of the same seed.

    Raises:
        ConfigError: one of the followed venues has none, or one of another seed: their prices would not fit together.
    """
    asked = tuple(dict.fromkeys((*followed, *settings.hosts)))
    found = {venue: await running_twin(venue, settings, requests) for venue in asked}
    there = {venue: twin for venue, twin in found.items() if twin is not None}
    first = next((there[venue] for venue in followed if venue in there), None)
    if first is None:
        return None
    for venue in followed:
        twin = there.get(venue)
        if twin is None or twin.seed != first.seed:
            said = "none" if twin is None else f"one of seed {twin.seed}"
            raise ConfigError(
                "hosts",
                f"hosts: expected a simulated {venue} of seed {first.seed} as at {first.url}, found {said}",
                origin=settings.origin("hosts"),
                hint="run one `bethna twin` of all the venues and lead `hosts` to each; or leave out `hosts`",
            )
    return RunningTwin(
        {venue: twin.url for venue, twin in there.items() if twin.seed == first.seed},
        first.seed,
        first.started,
    )


async def running_twin(venue: str, settings: Settings, requests: Requests) -> RunningTwin | None:
    """The twin of `venue` that answers at the first of the user's hosts; None where they do not lead to one.

    Only this machine is asked: what is elsewhere is a venue, and no venue is asked whether it is real.
    """
    hosts: tuple[HostUrls, ...] = settings.hosts.get(venue, ())
    if not hosts or not all(_is_here(host) for host in hosts):
        return None
    url = hosts[0].rest
    try:
        answer = await requests.get(url + STATE, venue=venue, timeout_s=ASK_S)
        state = msgspec.json.decode(answer.body, type=_State)
    except (VenueError, ValueError):
        return None
    return (
        RunningTwin({venue: url}, state.seed, state.started_at)
        if state.simulation and state.name == twin_name(venue, settings)
        else None
    )


def _is_here(host: HostUrls) -> bool:
    name = urlsplit(host.rest).hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
