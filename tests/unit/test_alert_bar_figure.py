"""Indicators of closed bars as figures of alerts: the values that are shown, each bar once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from indicator_bars import GIVEN, HOUR_NS, bar, closes, unknown
from msgspec.structs import replace

from bethna.core.alerts import IndicatorIs, Moment, Side
from bethna.core.bars import Bar
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.logic.alerts.bar_figure import BarFigure
from bethna.logic.alerts.rules import Watched, watched_by
from bethna.logic.indicators.registry import parse
from bethna.logic.indicators.shown import Reading

PRICES = [10.0, 11.0, 12.0, 11.5, 13.0, 12.5, 14.0]


def watched(indicator: str, other: str = "", part: str = "") -> Watched:
    return watched_by(
        IndicatorIs(GIVEN, Interval.H1, indicator, Side.ABOVE, None if other else 5.0, other, part)
    )


def shown(indicator: str, bars: Sequence[Bar], part: str = "value") -> list[float | None]:
    return Reading(parse(indicator)).read(bars).outputs[part]


def told(moments: Sequence[Moment]) -> list[tuple[int, float]]:
    return [(each.ts_event // HOUR_NS, each.value) for each in moments]


def test_the_first_is_the_newest_closed_bars_and_then_each_once() -> None:
    figure = BarFigure(watched("sma(3)"))
    assert (figure.interval, figure.history, figure.known) == (Interval.H1, 4, False)
    bars = closes(*PRICES)
    growing = replace(bars[5], closed=False)
    assert told(figure.hear([*bars[:5], growing], [*bars[:5], growing], 77)) == [(5, 73 / 6)]
    assert figure.hear([*bars[:5], growing], [growing], 77) == []
    assert told(figure.hear(bars[:6], [bars[5]], 78)) == [(6, 37 / 3)]
    assert figure.hear(bars[:6], [bars[5]], 79) == []
    assert figure.newest == Moment(6 * HOUR_NS, 78, None, 37 / 3)
    assert figure.known


@pytest.mark.parametrize(
    ("asked", "figures"),
    [
        (watched("ema(3)", "sma(3)"), (("ema(3)", "value"), ("sma(3)", "value"))),
        (watched("macd(2,3,2)", part="histogram"), (("macd(2,3,2)", "histogram"),)),
        (watched("macd(2,3,2)", "macd(2,3,2).signal", "line"), (("macd(2,3,2)", "line"), ("macd(2,3,2)", "signal"))),
        (watched("obv", "sma(2)"), (("obv", "value"), ("sma(2)", "value"))),
        (watched("volume_profile(2,1e-05,70)", part="low"), (("volume_profile(2,1e-05,70)", "low"),)),
    ],
)  # fmt: skip
def test_values_are_those_that_are_shown(asked: Watched, figures: Sequence[tuple[str, str]]) -> None:
    bars = closes(*PRICES)
    figure = BarFigure(asked)
    values = [shown(name, bars, part)[-1] for name, part in figures]
    wanted = (values[0] or 0.0) - ((values[1] or 0.0) if len(values) > 1 else 0.0)
    assert [each.value for each in figure.hear(bars, bars, 0)] == [wanted]


def test_bars_that_close_together_come_in_their_order() -> None:
    figure = BarFigure(watched("sma(2)"))
    bars = closes(*PRICES)
    figure.hear(bars[:4], bars[:4], 0)
    assert told(figure.hear(bars, bars[4:], 0)) == [(5, 12.25), (6, 12.75), (7, 13.25)]


def test_a_revised_bar_is_told_no_more_and_those_after_it_stand_on_it() -> None:
    figure = BarFigure(watched("sma(2)"))
    bars = closes(*PRICES)
    figure.hear(bars[:4], bars[:4], 0)
    bars[3] = replace(bars[3], close=15.0, revision=1)
    assert figure.hear(bars[:4], [bars[3]], 0) == []
    assert told(figure.hear(bars[:5], [bars[4]], 0)) == [(5, 14.0)]


def test_a_bar_that_nobody_knows_is_no_figure_until_it_heals_and_then_it_is_late() -> None:
    figure = BarFigure(watched("sma(2)"))
    bars = closes(*PRICES)
    lost = [*bars[:4], unknown(4)]
    figure.hear(bars[:4], bars[:4], 0)
    assert (figure.hear(lost, [lost[4]], 0), figure.known) == ([], False)
    found = figure.hear(bars[:5], [bars[4]], 0)
    assert (told(found), figure.known) == ([(5, 12.25)], True)
    assert found[0].late
    lost = [*bars[:5], unknown(5), bars[6]]
    assert figure.hear(lost[:6], [lost[5]], 0) == []
    (after,) = figure.hear(lost, [lost[6]], 0)
    assert (after.state, after.late) == (State.INCOMPLETE, False)
    assert figure.hear(bars, [bars[5]], 0) == []  # one after it has been told


def test_states_are_those_of_the_bars() -> None:
    figure = BarFigure(watched("sma(2)"))
    bars = [bar(10.0), bar(11.0, hour=1, state=State.UNVERIFIED), bar(12.0, hour=2)]
    assert [each.state for each in figure.hear(bars, bars, 0)] == [State.UNVERIFIED]


def test_too_few_bars_are_no_figure_and_none_are_nothing() -> None:
    figure = BarFigure(watched("sma(3)"))
    bars = closes(*PRICES)
    assert figure.hear([], [], 0) == []
    assert figure.hear([replace(bars[0], closed=False)], [bars[0]], 0) == []
    assert figure.hear(bars[:1], bars[:1], 0) == []
    assert not figure.known
    assert told(figure.hear(bars[:3], bars[1:3], 0)) == [(3, 11.0)]
