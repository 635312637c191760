"""Layers of settings, joined; it knows where values stand, not what they may be.

1. A later layer wins; `hosts`, `trade_stream` and `wire` are merged by venue. An empty variable counts as not set.
2. A name that nobody knows is refused with the nearest one, except BETHNA_SHARED, BETHNA_CONFIG and BETHNA_TEST_*.
3. A value that does not fit is refused with its key, where it came from and what is allowed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from bethna.config.about import PREFIX, TYPES, shown
from bethna.config.settings import Settings
from bethna.config.values import Given, read, refuse
from bethna.core.errors import ConfigError

# Variables that are ours and no settings: where the tests find recordings, where the settings file is, test switches.
_NOT_SETTINGS = re.compile(r"BETHNA_SHARED|BETHNA_CONFIG|BETHNA_TEST_.*")
_BY_VENUE = ("hosts", "trade_stream", "wire")
_VENUE_KEYS = ("ws", "rest", "trade_stream", "wire")
# Options that are not called like the setting they stand for.
_OPTIONS = {"symbols": "symbol", "twin_seed": "seed", "twin_faults": "faults"}
_IN_FILE = (*(name for name in TYPES if name not in _BY_VENUE), "venues")


def load(
    file_text: str = "",
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    *,
    file_name: str = "bethna.toml",
    venues: Collection[str] = (),
    hosted: Collection[str] = (),
) -> Settings:
    """The settings of a run.

    Args:
        file_text: the settings file (TOML), empty without one; `file_name` is how messages call it.
        environment: all variables; those that do not begin with BETHNA_ are not looked at.
        options: by setting name, from the command line; None means not given.
        venues: the names that exist; when given, an unknown venue is refused.
        hosted: further names that `hosts` may have: of what is no venue.

    Raises:
        ConfigError: an unknown name or a value that does not fit.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in (
        _from_file(file_text, file_name),
        _from_environment(environment or {}),
        _from_options(options or {}),
    ):
        for name, given in layer:
            value = read(name, given)
            if name in _BY_VENUE and name in values:  # rule 1
                values[name] = values[name] | value
                origins[name] += f", {given.origin}"
            else:
                values[name] = value
                origins[name] = given.origin
    settings = Settings(**values, origins=origins)
    _check_together(settings)
    if venues:
        _check_venues(settings, venues, hosted)
    return settings


# --- the file


def _from_file(text: str, file_name: str) -> Iterator[tuple[str, Given]]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("", f"{file_name}: expected TOML, found: {error}", origin=file_name) from error
    except RecursionError as error:
        raise ConfigError(
            "", f"{file_name}: expected settings, found nested lists", origin=file_name
        ) from error
    lines = _lines_of(text)

    def origin(*path: str) -> str:
        line = lines.get(path)
        return f"{file_name} line {line}" if line else file_name

    for name, value in table.items():
        if name not in _IN_FILE:
            _unknown(name, origin(name), _IN_FILE)
        if name == "venues":
            yield from _from_venues(value, origin)
        else:
            yield name, Given(value, origin(name), text=False)


def _from_venues(venues: object, origin: Callable[..., str]) -> Iterator[tuple[str, Given]]:
    """`[venues.NAME]` tables: ws and rest (a text, or lists of the same length), trade_stream and wire."""
    if not isinstance(venues, dict):
        refuse("venues", "tables `[venues.NAME]`", venues, origin("venues"))
    for venue, table in venues.items():
        where = origin("venues", venue)
        if not isinstance(table, dict):
            refuse(f"venues.{venue}", "a table `[venues.NAME]`", table, where)
        for key in table:
            if key not in _VENUE_KEYS:
                _unknown(f"venues.{venue}.{key}", origin("venues", venue, key), _VENUE_KEYS)
        if "ws" in table or "rest" in table:
            pairs = _pairs(venue, table, where)
            yield "hosts", Given({venue: pairs}, where, text=False)
        for key in ("trade_stream", "wire"):
            if key in table:
                yield key, Given({venue: table[key]}, origin("venues", venue, key), text=False)


def _pairs(venue: str, table: dict[str, Any], where: str) -> list[str]:
    ws, rest = (
        value if isinstance(value, list) else [value] for value in (table.get("ws"), table.get("rest"))
    )
    if len(ws) != len(rest) or None in ws or None in rest:
        refuse(f"venues.{venue}", "`ws` and `rest`, as many of the one as of the other", table, where)
    return [f"{one}|{other}" for one, other in zip(ws, rest, strict=True)]


_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*=""")


def _lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Key paths by the line that sets them, for messages only: what is written in an odd way is not found."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = tuple(part.strip(" \"'") for part in header[1].split("."))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
    return found


# --- environment and options


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    known = {PREFIX + name.upper(): name for name in TYPES}
    for variable, text in environment.items():
        name = known.get(variable)
        if name is None:
            if variable.startswith(PREFIX) and not _NOT_SETTINGS.fullmatch(variable):  # rule 2
                _unknown(variable, f"variable {variable}", known)
        elif text.strip():
            yield name, Given(text.strip(), f"variable {variable}", text=True)


def _from_options(options: Mapping[str, object]) -> Iterator[tuple[str, Given]]:
    for name, value in options.items():
        origin = "option --" + _OPTIONS.get(name, name.replace("_", "-"))
        if name not in TYPES:
            _unknown(name, origin, TYPES)
        if value is not None:
            yield name, Given(value, origin, text=isinstance(value, str))


def _unknown(name: str, origin: str, known: Collection[str]) -> NoReturn:
    near = get_close_matches(name.rpartition(".")[2], known, n=1, cutoff=0.5)
    raise ConfigError(
        name,
        f"{name} ({origin}): expected the name of a setting, found an unknown one",
        origin=origin,
        hint=f"did you mean {near[0]}?" if near else "docs/reference/settings.md lists every setting",
    )


# --- checks over several values


def _check_together(settings: Settings) -> None:
    if settings.first_delay_s > settings.max_delay_s:
        refuse(
            "first_delay_s",
            f"at most max_delay_s ({shown(settings.max_delay_s)})",
            settings.first_delay_s,
            settings.origin("first_delay_s"),
        )


def _check_venues(settings: Settings, venues: Collection[str], hosted: Collection[str]) -> None:
    named = [("preferred_venue", settings.preferred_venue)] if settings.preferred_venue else []
    named += [(key, venue) for key in _BY_VENUE for venue in getattr(settings, key)]
    for key, venue in named:
        known = (*venues, *hosted) if key == "hosts" else venues
        if venue not in known:
            near = get_close_matches(venue, known, n=1, cutoff=0.5)
            refuse(
                key,
                f"one of {', '.join(known)}" + (f" ({near[0]}?)" if near else ""),
                venue,
                settings.origin(key),
            )
