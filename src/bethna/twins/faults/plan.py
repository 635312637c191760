"""Plans and single faults as people write them (TOML, JSON), read or refused with the line; it does not run them.

    [[fault]]
    kind = "missing_trades"
    at_s = 20
    for_s = 5
    symbol = "BTCUSDT"
    share = 0.5
    venue = "binance"

Rules
  1. A name that nobody knows is refused with the nearest one; a parameter that a kind does not take, too.
  2. A value that cannot be is refused with what is allowed. `at_s` missing is 0.
  3. A kind, a stream or an endpoint that another venue has is refused as one that nobody knows.
  4. Every refusal names the file and the line: the key's own, else that of its table.
  5. Only in a plan can a fault name its `venue`; where several run and none is the usual one, it has to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import NoReturn

import msgspec

from bethna.core.errors import cut
from bethna.twins.faults.facts import Fault, FaultError, near
from bethna.twins.faults.kinds import PARAMETERS, SHEETS, KindSheet
from bethna.twins.faults.words import BINANCE, Words

MAX_S = 1e9
MAX_COUNT = 1_000_000
MAX_FAULTS = 10_000
TOO_DEEP = "brackets within brackets, too deep to be read"
_SHOWN = 60
_CONTROL = "fault"
_ALWAYS = ("kind", "at_s", "for_s")
_HEADER = re.compile(r"\s*\[\[\s*[\"']?(\w+)[\"']?\s*\]\]")
_TABLE = re.compile(r"\s*\[\s*[\"']?(\w+)[\"']?\s*\]")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*=""")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


Plans = dict[str, tuple[Fault, ...]]
"""Faults by venue."""


class _Place:
    """Where a fault stands, for messages: its file, its table's line and those of its keys."""

    def __init__(self, name: str, line: int = 0) -> None:
        self.name = name
        self.line = line
        self.keys: dict[str, int] = {}

    def refuse(self, key: str, expected: str, found: object, hint: str = "") -> NoReturn:
        line = self.keys.get(key, self.line)
        where = f"{self.name} line {line}" if line else self.name
        if where != key:
            where = f"{where}: {key}"
        raise FaultError(f"{where}: expected {expected}, found {_shown(found)}", hint=hint)


def read_plan(
    text: str, name: str, symbols: Collection[str] = (), words: Words = BINANCE
) -> tuple[Fault, ...]:
    """The faults of a plan, in its order.

    Args:
        text: TOML with `[[fault]]` tables. name: how messages call the file.
        symbols: what the venue lists; when given, another symbol is refused. words: of the venue.

    Raises:
        FaultError: what does not fit, with its line.
    """
    return read_plans(text, name, {words.venue: (symbols, words)})[words.venue]


def read_plans(
    text: str, name: str, venues: Mapping[str, tuple[Collection[str], Words]], usual: str = ""
) -> Plans:
    """The faults of a plan for several venues: those of each in their order.

    Args:
        venues: by name, what each lists and its words; as above.
        usual: whose a fault is that names no venue (rule 5).

    Raises:
        FaultError: what does not fit, with its line.
    """
    found: dict[str, list[Fault]] = {venue: [] for venue in venues}
    usual = usual if usual or len(venues) > 1 else next(iter(venues))
    for table, place in _tables(text, name):
        venue = _venue(table, place, tuple(venues), usual)
        rest = (
            {key: value for key, value in table.items() if key != "venue"}
            if isinstance(table, dict)
            else table
        )
        found[venue].append(_read(rest, place, *venues[venue]))
    return {venue: tuple(faults) for venue, faults in found.items()}


def _venue(table: object, place: _Place, venues: Sequence[str], usual: str) -> str:
    """Rule 5."""
    venue = table.get("venue", usual) if isinstance(table, dict) else venues[0]
    if not isinstance(venue, str) or venue not in venues:
        hint = _near(venue, venues) if venue else 'write venue = "NAME" into each fault: several venues run'
        place.refuse("venue", f"one of {', '.join(venues)}", venue or None, hint)
    return venue


def _tables(text: str, name: str) -> Iterator[tuple[object, _Place]]:
    """Each fault as it is written, and where."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = TOO_DEEP if isinstance(error, RecursionError) else cut_reason(str(error))
        raise FaultError(f"{name} line {line}: expected TOML, found: {reason}") from error
    places, tops = _places(text, name)
    for key in document:
        if key != "fault":
            top = _Place(name, tops.get(key, 1))
            top.refuse(key, "nothing but [[fault]] tables", key, "every fault begins with the line [[fault]]")
    tables = document.get("fault", [])
    if not isinstance(tables, list):
        _Place(name, tops.get("fault", 1)).refuse("fault", "[[fault]] tables", tables, "write [[fault]]")
    if len(tables) > MAX_FAULTS:
        _Place(name, 1).refuse("fault", f"at most {MAX_FAULTS} faults", len(tables))
    for i, table in enumerate(tables):
        yield table, places[i] if i < len(places) else _Place(name, tops.get("fault", 1))


def read_fault(value: object, symbols: Collection[str] = (), words: Words = BINANCE) -> Fault:
    """One fault of a control call: a JSON object as plain Python values.

    Raises:
        FaultError: what does not fit.
    """
    return _read(value, _Place(_CONTROL), symbols, words)


# --- one fault


def _read(table: object, place: _Place, symbols: Collection[str], words: Words) -> Fault:
    if not isinstance(table, dict):
        place.refuse("fault", "a table (an object) with a kind", table)
    sheet = _kind(table, place, words)
    takes = (*_ALWAYS, *sheet.parameters)
    for key in table:
        if key not in takes:  # rule 1
            place.refuse(
                key, f"one of {', '.join(takes)} ({sheet.name} takes no other)", key, _near(key, takes)
            )
    for key in sheet.required:
        if key not in table:
            place.refuse(key, f"{PARAMETERS[key]} ({sheet.name} needs it)", None)
    values = {key: _value(key, value, place, symbols, words) for key, value in table.items() if key != "kind"}
    if sheet.instant and values.get("for_s"):
        place.refuse("for_s", f"0 or nothing ({sheet.name} happens once)", table["for_s"])
    return msgspec.convert({"kind": sheet.name, **values, "line": place.line}, Fault)


def _kind(table: dict[str, object], place: _Place, words: Words) -> KindSheet:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in SHEETS:
        hint = near(kind if isinstance(kind, str) else "", words.kinds())
        place.refuse("kind", "a kind of fault", kind, hint)
    if not words.fits(kind):  # rule 3
        place.refuse("kind", f"a kind of fault that {words.venue} can have", kind, fitting(kind, words))
    return SHEETS[kind]


def fitting(kind: str, words: Words) -> str:
    """A hint for a kind that a venue cannot have: whom it fits."""
    venues = [each for each in SHEETS[kind].venues if each != words.venue]
    return f"{kind} fits {', '.join(venues)}" if venues else f"kinds: {', '.join(words.kinds())}"


def _value(key: str, value: object, place: _Place, symbols: Collection[str], words: Words) -> object:
    """Rule 2."""
    allowed = PARAMETERS[key]
    good, hint = True, ""
    match key:
        case "at_s" | "for_s" | "delay_s" | "retry_after_s":
            good = _is_number(value, 0.0, MAX_S)
        case "offset_s":
            good = _is_number(value, -MAX_S, MAX_S) and bool(value)
        case "share":
            good = _is_number(value, 0.0, 1.0) and bool(value)
        case "count":
            good = _is_whole(value, 1, MAX_COUNT)
        case "status":
            good = _is_whole(value, 500, 599)
        case "history" | "raw":
            good = isinstance(value, bool)
        case "on":
            good = value in ("rest", "ws", "both")
        case "symbol":
            good, hint = _is_symbol(value, symbols, words)
        case "to":
            good = isinstance(value, str) and words.is_symbol(value) and value not in symbols
        case "stream":
            good, hint = _is_stream(value, words.streams)
        case _:
            good = value == "" or value in words.endpoints
            hint = _near(value, words.endpoints)
    if not good:
        place.refuse(key, allowed, value, hint)
    return float(value) if key.endswith("_s") or key == "share" else value  # type: ignore[arg-type]  # a number, just checked


def _is_number(value: object, low: float, high: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high and isfinite(value)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_symbol(value: object, symbols: Collection[str], words: Words) -> tuple[bool, str]:
    if value == "":
        return True, ""
    if not isinstance(value, str) or not words.is_symbol(value):
        meant = value.upper() if isinstance(value, str) else ""
        if symbols:
            return False, _near(meant, symbols)
        return False, f"did you mean {meant}?" if words.is_symbol(meant) else ""
    if symbols and value not in symbols:
        return False, _near(value, symbols) or "the venue does not list it"
    return True, ""


def _is_stream(value: object, streams: Collection[str]) -> tuple[bool, str]:
    if value == "" or value in streams:
        return True, ""
    if isinstance(value, str) and value.endswith("*"):
        return any(each.startswith(value[:-1]) for each in streams), ""
    if isinstance(value, str) and "@" in value and value.partition("@")[2] in streams:
        return False, f"write stream = {value.partition('@')[2]!r} and the symbol apart"
    return False, _near(value, streams)


def _near(value: object, known: Collection[str]) -> str:
    found = get_close_matches(cut(value), known, n=1, cutoff=0.5) if isinstance(value, str) else []
    return f"did you mean {found[0]}?" if found else ""


def cut_reason(text: str) -> str:
    """The reason of a parser, not longer than a line."""
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}..."


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    try:
        text = repr(value)
    except RecursionError:  # the reader's limit is not the printer's
        return TOO_DEEP
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


# --- lines


def _places(text: str, name: str) -> tuple[list[_Place], dict[str, int]]:
    """The `[[fault]]` tables with the lines of their keys, and the lines of everything at the top (rule 4)."""
    places: list[_Place] = []
    tops: dict[str, int] = {}
    keys: dict[str, int] = tops
    quoted = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:  # inside a text of several lines
            quoted = "" if quoted in line else quoted
            continue
        if header := _HEADER.match(line):
            tops.setdefault(header[1], number)
            keys = {}
            if header[1] == "fault":
                places.append(_Place(name, number))
                keys = places[-1].keys
        elif table := _TABLE.match(line):
            tops.setdefault(table[1], number)
            keys = {}
        elif key := _KEY.match(line):
            keys.setdefault(key[1], number)
        for mark in ('"""', "'''"):
            if line.count(mark) % 2:
                quoted = mark
    return places, tops
