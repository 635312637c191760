"""Indicators beside the bars that `bethna history` tells, read along all parts so that none begins anew; no chart."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bethna.cli.cells import Digits
from bethna.cli.grid import MISSING, Column
from bethna.core.bars import Bar, Refusal
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import Reading, Shown

DIGITS = 6
WIDTH = 10


class Part(Struct, frozen=True):
    """Bars that follow each other, what was refused, and what indicators say of each bar.

    Attributes:
        built_from, as_of, notes: as of a series (`core/bars`).
    """

    bars: list[Bar]
    refusals: Sequence[Refusal]
    shown: Sequence[Shown]
    built_from: Interval | None = None
    as_of: int | None = None
    notes: Sequence[str] = ()


class Readings:
    """The indicators of one question.

    Attributes:
        names: what a table calls their outputs.
    """

    def __init__(self, indicators: Sequence[Indicator]) -> None:
        self._readings = [Reading(each) for each in indicators]
        self._nothing = [Reading(each).read(()) for each in indicators]
        self.names = [name for shown in self._nothing for name, _ in shown.columns()]

    @property
    def csv_names(self) -> list[str]:
        """The same, each indicator followed by how complete it is."""
        names: list[str] = []
        for shown in self._nothing:
            names += [*(name for name, _ in shown.columns()), f"{shown.name}.coverage"]
        return names

    @property
    def columns(self) -> list[Column]:
        """Of a grid."""
        return [Column(name.upper(), WIDTH) for name in self.names]

    def part(self, bars: Sequence[Bar], start: int, refusals: Sequence[Refusal]) -> Part:
        """The bars that open from `start` on (ns UTC); those before it are taken and not told."""
        before = [bar for bar in bars if bar.open_time < start]
        told = [bar for bar in bars if bar.open_time >= start]
        for each in self._readings:
            each.take(before)
        return Part(told, refusals, [each.read(told) for each in self._readings])


def csv_cells(part: Part, place: int) -> list[str]:
    """Of the bar at that place; empty where there is no value."""
    cells: list[str] = []
    for shown in part.shown:
        values = [values[place] for _, values in shown.columns()]
        cells += [*("" if each is None else repr(each) for each in values), shown.states[place].value]
    return cells


def grid_cells(part: Part, place: int, price: Digits) -> list[str]:
    """The same for people: prices as exact as prices are and two digits more, others to six digits."""
    cells: list[str] = []
    for shown in part.shown:
        state = shown.states[place]
        doubt = f" ({state})" if state in (State.INCOMPLETE, State.UNVERIFIED) else ""
        for _, values in shown.columns():
            value = values[place]
            said = price.average(value) if shown.pane == "price" else _short(value)
            cells.append(said if value is None else said + doubt)
    return cells


def json_object(part: Part, place: int) -> dict[str, dict[str, float | str | None]]:
    """By indicator its outputs and how complete they are."""
    return {
        shown.name: {
            **{output: values[place] for output, values in shown.outputs.items()},
            "coverage": shown.states[place].value,
        }
        for shown in part.shown
    }


def _short(value: float | None) -> str:
    return MISSING if value is None else f"{value:.{DIGITS}g}"
