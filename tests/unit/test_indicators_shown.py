"""Indicators as they are shown: the same value wherever the question began, and nothing said too early."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from indicator_bars import HOUR_NS, bar, closes, unknown
from msgspec.structs import replace

from bethna.api.indicators import indicated_series, indicators_answer
from bethna.core.bars import Bar, Series
from bethna.core.coverage import State
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.indicators.base import batch
from bethna.logic.indicators.registry import INDICATORS, parse, parse_all
from bethna.logic.indicators.shown import MOST_BEFORE, Reading, Shown, bars_before

H1 = Interval.H1
LONG = [
    bar(100.0 + 7.0 * math.sin(hour / 5.0), volume=1.0 + hour % 3, hour=hour, high=110.0, low=90.0)
    for hour in range(1200)
]


class Kept:
    """A desk that has these bars."""

    def __init__(self, bars: list[Bar]) -> None:
        self.bars_kept = bars
        self.asked = 0

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        self.asked = limit
        known = [each for each in self.bars_kept if end is None or each.open_time < end]
        return Series(instrument, interval, known[-limit:])


async def shown_of(bars: list[Bar], text: str, limit: int, end: int | None = None) -> Shown:
    found = await indicated_series(Kept(bars), bars[0].instrument, H1, limit, end, [parse(text, H1)])
    assert len(found.series.bars) == len(found.shown[0].states) == min(limit, len(bars))
    return found.shown[0]


NAMED = [name for name in INDICATORS if name not in ("obv", "volume_profile")]


@pytest.mark.parametrize("name", [*NAMED, "volume_profile(200,0.1)"])
async def test_two_pages_meet_without_a_step(name: str) -> None:
    whole = await shown_of(LONG, name, 600)
    page = await shown_of(LONG, name, 40, end=1000 * HOUR_NS)
    for output, values in page.outputs.items():
        wanted = whole.outputs[output][360:400]
        assert None not in values
        assert values == pytest.approx(wanted, rel=1e-7, abs=1e-7)
    assert set(page.states) == {State.COMPLETE}


async def test_a_window_is_shown_as_the_machine_says_it_bit_for_bit() -> None:
    shown = await shown_of(LONG, "bollinger(20,2)", 30)
    wanted = batch(parse("bollinger(20,2)").machine(), LONG).values[-30:]
    assert shown.outputs["upper"] == pytest.approx([each.upper for each in wanted if each], rel=1e-12)
    assert [name for name, _ in shown.columns()] == [
        "bollinger(20,2).lower", "bollinger(20,2).middle", "bollinger(20,2).upper",
    ]  # fmt: skip


async def test_not_yet_is_none_and_what_stands_on_what_nobody_had_is_incomplete() -> None:
    young = closes(*(float(each) for each in range(1, 13)))
    average = await shown_of(young, "ema(3)", 12)
    assert average.outputs["value"][:4] == [None, None, 2.0, 3.0]
    assert average.states[:3] == [State.UNKNOWN, State.UNKNOWN, State.INCOMPLETE]
    window = await shown_of(young, "sma(3)", 12)
    assert window.outputs["value"][:3] == [None, None, 2.0]
    assert window.states[2] is State.COMPLETE


async def test_a_session_that_began_before_the_first_bar_is_incomplete_to_its_end() -> None:
    bars = [bar(10.0, hour=hour) for hour in range(20, 30)]
    shown = await shown_of(bars, "vwap", 10)
    assert set(shown.states[:4]) == {State.INCOMPLETE}
    assert set(shown.states[4:]) == {State.COMPLETE}
    desk = Kept(LONG)
    await indicated_series(desk, bars[0].instrument, H1, 3, None, [parse("vwap")])
    assert desk.asked == 3 + 24


async def test_what_has_no_level_counts_from_the_first_known_bar_that_is_shown() -> None:
    bars = [unknown(0), unknown(1), bar(1.0, hour=2), bar(2.0, hour=3), bar(1.0, hour=4)]
    shown = await shown_of(bars, "obv", 5)
    assert shown.outputs["value"] == [None, None, 1.0, 2.0, 1.0]
    assert shown.states == [State.UNKNOWN] * 2 + [State.COMPLETE] * 3
    later = await shown_of(bars, "obv", 2)
    assert later.outputs["value"] == [1.0, 0.0]
    beside = await indicated_series(Kept(bars), bars[0].instrument, H1, 2, None, parse_all(["obv,sma(2)"], 8))
    assert beside.shown[0] == later  # bars that another one needs are none of its


async def test_of_the_open_bar_there_is_what_it_would_say_so_far() -> None:
    still = replace(bar(9.0, hour=3), closed=False)
    shown = await shown_of([*closes(1.0, 2.0, 3.0), still], "sma(2)", 2)
    assert shown.outputs["value"] == [2.5, 6.0]
    assert shown.states == [State.COMPLETE] * 2


def test_a_reading_goes_on_where_it_was() -> None:
    reading = Reading(parse("ema(5)"))
    reading.take(LONG[:300])
    parts = [reading.read(LONG[at : at + 7]) for at in range(300, 342, 7)]
    other = Reading(parse("ema(5)"))
    other.take(LONG[:300])
    whole = other.read(LONG[300:342])
    assert [value for part in parts for value in part.outputs["value"]] == whole.outputs["value"]
    assert whole.within(slice(2, 4)).outputs["value"] == whole.outputs["value"][2:4]


def test_bars_before_are_bounded() -> None:
    assert bars_before([], H1) == 0
    assert bars_before(parse_all(["sma(20),sma(50)"], 8), H1) == 49
    assert bars_before([parse("vwap(0,5)")], H1) == MOST_BEFORE
    assert bars_before([parse("ema(10000)")], H1) == MOST_BEFORE
    assert bars_before([parse("vwap")], Interval.M1) == 1440
    assert bars_before([parse("obv")], H1) == 0


def test_several_are_read_from_one_text_or_many() -> None:
    found = parse_all(["macd(12,26,9), RSI(14)", "ema", "ema(20)"], 3)
    assert [each.text for each in found] == ["macd(12,26,9)", "rsi(14)", "ema(20)"]
    assert parse_all((), 8) == []
    with pytest.raises(ConfigError, match="at most 2 indicators at once"):
        parse_all(["sma,ema,rsi"], 2)
    with pytest.raises(ConfigError, match="found ''"):
        parse_all(["sma,"], 2)


def test_a_year_has_as_many_bars_as_the_interval_says() -> None:
    assert parse("volatility(20)").text == "volatility(20,8766)"
    assert parse("volatility(20)", H1).text == "volatility(20,8766)"
    assert parse("volatility(20)", Interval.M1).text == "volatility(20,525960)"
    assert parse("volatility(20)", Interval.MO1).text == "volatility(20,12)"
    assert parse("volatility(20,365)", Interval.M1).text == "volatility(20,365)"


def test_the_cards_name_them_all() -> None:
    cards = {card.name: card for card in indicators_answer().indicators}
    assert list(cards) == list(INDICATORS)
    assert (cards["obv"].level, cards["ema"].level) == ("free", "own")
    assert (cards["ema"].pane, cards["rsi"].pane) == ("price", "own")
    assert [each.default for each in cards["volatility"].parameters] == [20, None]
