"""The bars of a span of any length, asked for part after part; it keeps nothing and joins nothing but the parts.

Rules
  1. A part is as much as one question may be; the last one reaches to the desk's own now, where the span does.
  2. Indicators are read along all parts, and begin as many bars earlier as they need (`logic/indicators/shown`), so
     that none begins anew with a part.
"""

from __future__ import annotations

from collections.abc import Sequence

from bethna.client.backend import Backend
from bethna.client.spans import MOST_BARS, Span, first_before
from bethna.core.bars import Bar, Refusal, Series
from bethna.core.market import InstrumentId
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import IndicatedSeries, Reading, bars_before
from bethna.logic.openings import Openings

AHEAD = 2
"""Bars that may have begun since the desk said its time."""


async def bars_of_span(
    backend: Backend,
    instrument: InstrumentId,
    openings: Openings,
    span: Span,
    now: int,
    indicators: Sequence[Indicator] = (),
    also: Sequence[str] = (),
) -> IndicatedSeries:
    """Its bars, one for each interval, with what indicators say of them; `now` as the desk said it, ns UTC."""
    interval = openings.interval
    end = now + 1 if span.end is None else span.end
    at = first_before(openings, span.start, bars_before(indicators, interval))
    bars: list[Bar] = []
    refusals: dict[Refusal, None] = {}
    notes: dict[str, None] = {}
    series = Series(instrument, interval, bars)
    while at < end:
        until, count = at, 0
        while until < end and count < MOST_BARS - AHEAD:
            until, count = openings.close_time(until), count + 1
        newest = until >= end and span.end is None  # rule 1
        found = await backend.fetch_indicated(
            instrument, interval, count + AHEAD if newest else count, None if newest else min(until, end), (), also,
            openings.starts,
        )  # fmt: skip
        series = found.series
        bars += [bar for bar in series.bars if bar.open_time >= at]
        refusals.update(dict.fromkeys(series.refusals))
        notes.update(dict.fromkeys(series.notes))
        at = until
    before = [bar for bar in bars if bar.open_time < span.start]
    told = bars[len(before) :]
    readings = [Reading(each) for each in indicators]
    for each in readings:
        each.take(before)
    shown = tuple(each.read(told) for each in readings)
    whole = Series(
        instrument,
        interval,
        told,
        series.built_from,
        tuple(refusals),
        openings.starts,
        series.as_of,
        tuple(notes),
    )
    return IndicatedSeries(whole, shown)
