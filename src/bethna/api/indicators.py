"""Indicators on the wire, and a series read with them; what they say is `logic/indicators`', it draws nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.bars import Bar, Series
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.indicators.registry import INDICATORS, Indicator, IndicatorSpec, Parameter
from bethna.logic.indicators.shown import IndicatedSeries, Reading, Shown, bars_before, joined

Pane = Literal["price", "own"]
BREATH = 50
"""Bars after which others of the desk have their turn."""


class IndicatorRow(Struct, frozen=True, gc=False):
    """What one indicator says of the bars of an answer, one entry a bar.

    Attributes:
        name: with every parameter. pane: `price`: over the candles, in their scale; `own`: in one of its own.
        outputs: by name; null where there is no value yet, or none of this bar.
        states: how complete the value is where it is not complete, else null.
    """

    name: str
    pane: Pane
    outputs: dict[str, list[float | None]]
    states: list[State | None]


class ParameterRow(Struct, frozen=True, gc=False):
    """One number of an indicator, from `least` to `most`; `default` null where it follows the interval."""

    name: str
    words: str
    default: float | None
    least: float
    most: float
    whole: bool


class IndicatorCard(Struct, frozen=True, gc=False):
    """An indicator that there is.

    Attributes:
        level: `free`: its values count from the first bar of an answer, so that only differences mean something.
    """

    name: str
    words: str
    pane: Pane
    level: Literal["own", "free"]
    parameters: list[ParameterRow]
    outputs: list[str]


class IndicatorsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/indicators: those that there are, the usual first."""

    indicators: list[IndicatorCard]


class BarsReader(Protocol):
    """Whoever has series."""

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        """See `DeskReader.bars`."""
        ...


async def indicated_series(
    desk: BarsReader,
    instrument: InstrumentId,
    interval: Interval,
    limit: int,
    end: int | None,
    indicators: Sequence[Indicator],
    also: Sequence[str] = (),
    day_starts: int = 0,
) -> IndicatedSeries:
    """A series of `limit` bars with its indicators, which have seen those before (`logic/indicators/shown`).

    Args:
        also: venues that lend bars where its own has none. day_starts: as of `DeskReader.bars`.

    Raises:
        ConfigError: nobody has such an interval, or the span is too long.
    """
    asked = limit + bars_before(indicators, interval)
    series = await desk.bars(instrument, interval, asked, end, also, day_starts)
    before, shown = series.bars[:-limit], series.bars[-limit:]
    said = [await _read(each, before, shown) for each in indicators]
    return IndicatedSeries(replace(series, bars=shown), tuple(said))


async def _read(indicator: Indicator, before: Sequence[Bar], shown: Sequence[Bar]) -> Shown:
    reading = Reading(indicator)
    for at in range(0, len(before), BREATH):
        reading.take(before[at : at + BREATH])
        await asyncio.sleep(0)
    parts = [reading.read(shown[:BREATH])]
    for at in range(BREATH, len(shown), BREATH):
        await asyncio.sleep(0)
        parts.append(reading.read(shown[at : at + BREATH]))
    return joined(parts)


def indicator_row(shown: Shown) -> IndicatorRow:
    """Values for the wire."""
    states: list[State | None] = [None if state is State.COMPLETE else state for state in shown.states]
    return IndicatorRow(shown.name, shown.pane, shown.outputs, states)


def indicators_answer() -> IndicatorsAnswer:
    """All of them."""
    return IndicatorsAnswer(list(map(_card, INDICATORS.values())))


def _card(spec: IndicatorSpec) -> IndicatorCard:
    return IndicatorCard(
        spec.name, spec.words, "price" if spec.place == "price" else "own", "free" if spec.machine.free else "own",
        list(map(_parameter, spec.parameters)), list(spec.parts),
    )  # fmt: skip


def _parameter(parameter: Parameter) -> ParameterRow:
    default = None if parameter.by_interval else parameter.default
    return ParameterRow(
        parameter.name, parameter.words, default, parameter.least, parameter.most, parameter.whole
    )
