"""Which instruments and venues the settings want, before there is a desk; it asks no venue.

The default list keeps to the venues that the user's `hosts` lead somewhere: who has a market of his own is not sent to
others. A list of anybody's own stays as it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from bethna.config import DEFAULT_SYMBOLS, Settings
from bethna.core.errors import BethnaError, ConfigError, UnknownInstrument, cut
from bethna.core.instrument import InstrumentName, parse_name
from bethna.venues.registry import VENUES, spec_for


def preferred_venue(settings: Settings) -> str:
    """The venue that a bare symbol means."""
    return settings.preferred_venue or next(iter(VENUES))


def within_hosts(settings: Settings) -> Settings:
    """The settings with the default list as it keeps to the user's `hosts`; any other list stays."""
    if settings.symbols != DEFAULT_SYMBOLS or not settings.hosts:
        return settings
    kept = [
        text for text in settings.symbols
        if parse_name(text, preferred_venue(settings)).venue in settings.hosts
    ]  # fmt: skip
    return replace(settings, symbols=tuple(kept)) if kept else settings


def wanted_names(settings: Settings) -> tuple[list[InstrumentName], list[tuple[str, BethnaError]]]:
    """The wanted instruments, and what cannot be read or followed with why. Raises when nothing is left."""
    names: list[InstrumentName] = []
    refused: list[tuple[str, BethnaError]] = []
    for text in within_hosts(settings).symbols:
        try:
            name = parse_name(text, preferred_venue(settings))
            spec_for(name.venue)
        except (UnknownInstrument, ConfigError) as error:
            refused.append((cut(text), error))
        else:
            names.append(name)
    if refused and not names:
        raise refused[0][1]
    return names, refused


def followed_venues(settings: Settings) -> tuple[str, ...]:
    """The venues of the wanted instruments, each once. Raises when nothing can be followed."""
    return tuple(dict.fromkeys(name.venue for name in wanted_names(settings)[0]))
