"""A twin that somebody else runs, found where the settings lead; nothing is started or ended here."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bethna.config import HostUrls, Settings
from bethna.core.errors import VenueError
from bethna.net.network import Requests

ASK_S = 2.0
STATE = "/twin/state"


class _State(Struct):
    """What a twin says of itself."""

    simulation: bool
    name: str
    seed: int


class RunningTwin:
    """A twin of `venue` at `url`; its process is not ours to know."""

    pid = None

    def __init__(self, venue: str, url: str, seed: int) -> None:
        self.venue = venue
        self.url = url
        self.seed = seed


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
    return RunningTwin(venue, url, state.seed) if state.simulation and state.name == venue else None


def _is_here(host: HostUrls) -> bool:
    name = urlsplit(host.rest).hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
