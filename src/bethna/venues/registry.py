"""The venues there are; adding one is one line in `VENUES`. It opens nothing and keeps no codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from bethna.core.errors import ConfigError, cut
from bethna.logic.feed_ports import BookStyle
from bethna.venues import binance, coinbase, coingecko, deribit, kraken
from bethna.venues.spec import Codec, VenueSpec


class VenueEntry(Struct, frozen=True):
    """A venue: its rules, and how to get a fresh codec of its usual language.

    Attributes:
        options: what its codec leaves to choose.
    """

    spec: VenueSpec
    codec: Callable[..., Codec]
    options: tuple[str, ...] = ()


class WireEntry(Struct, frozen=True):
    """Another language of a venue: it can be read from tapes and frames.

    Attributes:
        spec: of the venue whose it is, where this language is spoken.
        hosts, paths: the host of a recorded URL of it is one of these or ends so; its path is one of these, or any
            where there are none.
        choice: what the setting `wire` of the venue calls it; empty where it is only read.
    """

    spec: VenueSpec
    codec: Callable[..., Codec]
    hosts: tuple[str, ...]
    paths: tuple[str, ...] = ()
    choice: str = ""


VENUES: Final[Mapping[str, VenueEntry]] = {
    "binance": VenueEntry(binance.SPEC, binance.BinanceCodec, ("trade_stream",)),
    "coinbase": VenueEntry(coinbase.SPEC, coinbase.ExchangeCodec),
    "kraken": VenueEntry(kraken.SPEC, kraken.KrakenCodec, ("book_depth",)),
    "deribit": VenueEntry(deribit.SPEC, deribit.DeribitCodec),
}
"""The first one is what a bare symbol means."""
WIRES: Final[Mapping[str, WireEntry]] = {
    "coinbase_advanced": WireEntry(
        coinbase.ADVANCED_SPEC,
        coinbase.AdvancedCodec,
        ("advanced-trade-ws.coinbase.com", "api.coinbase.com"),
        choice="advanced",
    ),
    "kraken_v1": WireEntry(kraken.SPEC, kraken.KrakenV1Codec, ("kraken.com",), ("/",)),
}
"""By the name that `bethna decode` knows; a recorded URL is one of these before it is a venue's usual one."""
INDEX: Final = coingecko.NAME
"""An index by requests: nobody trades there and nothing of it is followed, but the user's `hosts` may lead to it."""


def venue_names() -> tuple[str, ...]:
    """The venues there are, the first one preferred."""
    return tuple(VENUES)


def spec_for(name: str, wire: str = "") -> VenueSpec:
    """The rules of a venue. Raises ConfigError with the nearest names when there is none.

    Args:
        wire: which of its languages is spoken; empty is the usual one.
    """
    return _spoken(name, wire).spec


def codec_for(name: str, wire: str = "", **options: str) -> Codec:
    """A fresh codec of a venue; it has learned nothing yet.

    Args:
        wire: as above.
        options: what the venue's codec leaves to choose, such as `trade_stream`.

    Raises:
        ConfigError: like `spec_for`, or there is no such option or no such value; it names the key and the choices.
    """
    entry = _spoken(name, wire)
    for key, value in options.items():
        if key not in entry.options:
            raise ConfigError(
                key,
                f"{key} of {name}: expected nothing, found {cut(value)!r}",
                hint=f"{name} leaves no {key} to choose",
            )
    return entry.codec(**options)


def readable_names() -> tuple[str, ...]:
    """What frames may be written in: every venue's usual language, and the others that are only read."""
    return (*VENUES, *WIRES)


def codec_to_read(name: str) -> tuple[str, Codec]:
    """The venue and a fresh codec of one of `readable_names`. Raises ConfigError with the nearest."""
    wire = WIRES.get(name)
    if wire is not None:
        return wire.spec.name, wire.codec()
    if name not in VENUES:
        near = ", ".join(get_close_matches(name, readable_names()) or readable_names())
        raise ConfigError(
            "venue", f"expected a known venue, found {cut(name)!r}", hint=f"choose from: {near}"
        )
    return name, VENUES[name].codec()


def wire_of_url(url: str) -> str | None:
    """The name of the language that is spoken at a recorded URL, None for a host that nobody here knows.

    A venue's own domain says little where it speaks several languages: the particular ones are looked for first.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    for name, wire in WIRES.items():
        of_host = any(host == each or host.endswith(f".{each}") for each in wire.hosts)
        if of_host and (not wire.paths or (parts.path or "/") in wire.paths):
            return name
    return venue_of_url(url)


def book_styles() -> dict[str, BookStyle]:
    """How the book updates of each venue follow each other."""
    specs = [entry.spec for entry in VENUES.values()] + [wire.spec for wire in WIRES.values()]
    return {
        spec.name: "pushed" if spec.pushed_books else "chained" if spec.chained_books else "numbered"
        for spec in specs
    }


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


def wire_name(name: str, wire: str = "") -> str:
    """The name of the language that a venue speaks, among `readable_names`. Raises ConfigError as `spec_for` does."""
    if not wire:
        _entry(name)
        return name
    spoken = _spoken(name, wire).spec
    return next(each for each, other in WIRES.items() if other.choice == wire and other.spec is spoken)


def check_choices(trade_stream: Mapping[str, str], wire: Mapping[str, str]) -> None:
    """What the settings choose for venues, by venue. Raises ConfigError for what a venue does not have."""
    for venue in (*wire, *trade_stream):
        options = {"trade_stream": trade_stream[venue]} if venue in trade_stream else {}
        codec_for(venue, wire.get(venue, ""), **options)


def _spoken(name: str, wire: str) -> VenueEntry:
    entry = _entry(name)
    if not wire:
        return entry
    others = {
        other.choice: other for other in WIRES.values() if other.choice and other.spec.name == entry.spec.name
    }
    if wire not in others:
        choices = ", ".join(others) or "nothing, since it has one wire"
        raise ConfigError(
            "wire",
            f"wire of {name}: expected {choices}, found {cut(wire)!r}",
            hint="leave it out for the usual one",
        )
    return VenueEntry(others[wire].spec, others[wire].codec)


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
