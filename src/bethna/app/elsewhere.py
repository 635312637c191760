"""Whether the setting `hosts` leads a venue elsewhere, and where candles are kept then; it asks nobody.

Rules
  1. A host that the venue itself has is the venue, in whatever order. Any other may be another market of the same
     names: a testnet, a twin, a proxy that nobody can tell from them.
  2. What came from such hosts never lies in one series with the venue's own: the candles of each set of hosts have a
     folder of their own, and so has the journal of alerts. What is simulated as such is none of this: it has a folder a
     seed, and keeps no candles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from bethna.config import HostUrls, Settings
from bethna.store.folder import ALERTS, CANDLES
from bethna.venues.registry import spec_for, venue_names

_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


def led_elsewhere(settings: Settings) -> dict[str, tuple[HostUrls, ...]]:
    """The venues that the hosts of the settings lead to other places than their own, by name (rule 1)."""
    found = {}
    for venue in sorted(set(settings.hosts) & set(venue_names())):
        own = spec_for(venue, settings.wire.get(venue, "")).hosts
        places = {_place(url) for host in own for url in (host.ws, host.rest)}
        if not places.issuperset(_places(settings.hosts[venue])):
            found[venue] = settings.hosts[venue]
    return found


def candle_folder(settings: Settings) -> str:
    """The name below a source's folder: `candles`, or `candles-1a2b3c4d` by the hosts that lead elsewhere (rule 2).

    Args:
        settings: whose `source` is decided.
    """
    return _named(CANDLES, settings)


def alert_folder(settings: Settings) -> str:
    """The same for the journal of alerts: no trade id of one market is a cursor in another."""
    return _named(ALERTS, settings)


def _named(name: str, settings: Settings) -> str:
    led = led_elsewhere(settings) if settings.source == "live" else {}
    if not led:
        return name
    said = "\n".join(f"{venue} {place}" for venue, hosts in led.items() for place in sorted(_places(hosts)))
    return f"{name}-{hashlib.blake2b(said.encode(), digest_size=4).hexdigest()}"


def _places(hosts: Iterable[HostUrls]) -> set[str]:
    return {_place(url) for host in hosts for url in (host.ws, host.rest)}


def _place(url: str) -> str:
    """A URL as it is told from others, however it is spelt."""
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"
