"""The venues there are; adding one is one line in `VENUES`. It opens nothing and keeps no codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from bethna.core.errors import ConfigError, cut
from bethna.venues import binance
from bethna.venues.spec import Codec, VenueSpec


class VenueEntry(Struct, frozen=True):
    """A venue: its rules, and how to get a fresh codec of its language."""

    spec: VenueSpec
    codec: Callable[..., Codec]


VENUES: Final[Mapping[str, VenueEntry]] = {
    "binance": VenueEntry(binance.SPEC, binance.BinanceCodec),
}


def venue_names() -> tuple[str, ...]:
    """The venues there are, the first one preferred."""
    return tuple(VENUES)


def spec_for(name: str) -> VenueSpec:
    """The rules of a venue. Raises ConfigError with the nearest names when there is none."""
    return _entry(name).spec


def codec_for(name: str, **options: str) -> Codec:
    """A fresh codec of a venue; it has learned nothing yet.

    Args:
        options: what the venue's codec leaves to choose, such as `trade_stream`.

    Raises:
        ConfigError: like `spec_for`, or the codec does not know an option's value; it names the key and the choices.
    """
    return _entry(name).codec(**options)


def venue_of_url(url: str) -> str | None:
    """Which venue a recorded URL belongs to: its host is one of a venue's, or of the same domain (`api1.binance.com`).

    None for any other host, loopback included, and for what is no URL.
    """
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    domain = _domain(host or "")
    for name, entry in VENUES.items():
        if domain in _domains(entry.spec):
            return name
    return None


def _entry(name: str) -> VenueEntry:
    entry = VENUES.get(name)
    if entry is None:
        near = ", ".join(get_close_matches(name, VENUES) or VENUES)
        raise ConfigError(
            "venue", f"expected a known venue, found {cut(name)!r}", hint=f"choose from: {near}"
        )
    return entry


def _domains(spec: VenueSpec) -> set[str]:
    return {_domain(urlsplit(url).hostname or "") for host in spec.hosts for url in (host.ws, host.rest)}


def _domain(host: str) -> str:
    """The last two labels of a host name: `binance.com` of `stream.binance.com`."""
    return ".".join(host.split(".")[-2:])
