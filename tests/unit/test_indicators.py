from __future__ import annotations

from math import log, sqrt

import pytest
from indicator_bars import HOUR_NS, bar, closes, unknown

from bethna.core.bars import Bar
from bethna.core.coverage import State
from bethna.logic.indicators.base import Machine, batch, fading
from bethna.logic.indicators.moving import (
    Average,
    Bands,
    BollingerMachine,
    EmaMachine,
    Macd,
    MacdMachine,
    SmaMachine,
)
from bethna.logic.indicators.profile import VolumeProfileMachine
from bethna.logic.indicators.stochastic import Stochastic, StochasticMachine
from bethna.logic.indicators.volatility import CloseVolatilityMachine, ParkinsonMachine, YangZhangMachine
from bethna.logic.indicators.volume import ObvMachine, VwapMachine
from bethna.logic.indicators.wilder import Adx, AdxMachine, AtrMachine, RsiMachine, true_range
from bethna.logic.indicators.windows import GrowingSum, MeanWindow, RangeWindow, SpreadWindow

COMPLETE, HEALED, INCOMPLETE, UNKNOWN = State.COMPLETE, State.HEALED, State.INCOMPLETE, State.UNKNOWN


# --- by hand


def test_sma() -> None:
    assert batch(SmaMachine(3), closes(1, 2, 6, 7)).values == (None, None, 3.0, 5.0)


def test_ema_begins_as_a_mean() -> None:
    assert batch(EmaMachine(3), closes(1, 2, 6, 7, 3)).values == (None, None, 3.0, 5.0, 4.0)


def test_macd_begins_both_averages_at_the_same_bar() -> None:
    """fast 2, slow 3, signal 2: the fast average begins with the closes 2 and 6, not with 1 and 2."""
    said = batch(MacdMachine(2, 3, 2), closes(1, 2, 6, 7, 7)).values
    fast = [4.0, 4 + (7 - 4) * 2 / 3]
    slow = [3.0, 3 + (7 - 3) * 2 / 4]
    lines = [fast[0] - slow[0], fast[1] - slow[1]]
    signal = sum(lines) / 2
    assert said[:4] == (None, None, None, Macd(lines[1], signal, lines[1] - signal))
    line = (fast[1] + (7 - fast[1]) * (2 / 3)) - (slow[1] + (7 - slow[1]) * 0.5)
    later = signal + (line - signal) * (2 / 3)
    assert said[4] == Macd(line, later, line - later)


def test_macd_with_a_signal_of_one_bar() -> None:
    assert batch(MacdMachine(2, 3, 1), closes(1, 2, 6)).values == (None, None, Macd(1.0, 1.0, 0.0))


def test_bollinger_is_of_the_population() -> None:
    assert batch(BollingerMachine(4, 2.0), closes(2, 4, 4, 6)).values[-1] == Bands(
        4 - 2 * sqrt(2), 4.0, 4 + 2 * sqrt(2)
    )


def test_a_constant_price_has_exactly_no_deviation_whatever_was_before() -> None:
    machine = BollingerMachine(5, 2.0)
    batch(machine, closes(*(60000 + 0.1 * each**3 for each in range(50)), 1e12, 3e-7))
    last = batch(machine, closes(*[61837.63] * 40)).values[4:]
    assert set(last) == {Bands(61837.63, 61837.63, 61837.63)}


def test_rsi() -> None:
    said = batch(RsiMachine(2), closes(10, 12, 11, 14, 14)).values
    assert said[:2] == (None, None)
    gain, loss = (2 + 0) / 2, (0 + 1) / 2
    assert said[2] == 100 * (gain / (gain + loss))
    gain, loss = (gain + 3) / 2, loss / 2
    assert said[3] == 100 * (gain / (gain + loss))
    gain, loss = gain / 2, loss / 2
    assert said[4] == 100 * (gain / (gain + loss))


def test_rsi_of_a_market_that_never_moved_is_nought_as_talibs() -> None:
    machine = RsiMachine(2)
    assert batch(machine, closes(5, 5, 5, 5)).values == (None, None, 0.0, 0.0)
    assert machine.peek(bar(5)) == 0.0
    assert machine.peek(bar(6)) == 100.0
    early = RsiMachine(2)
    batch(early, closes(5, 5))
    assert early.peek(bar(5)) == 0.0


def test_true_range_and_atr() -> None:
    assert [true_range(5, 3, 4), true_range(5, 3, 9), true_range(5, 3, 1)] == [2, 6, 4]
    bars = [bar(4, 5, 3), bar(6, 7, 5), bar(6, 8, 6), bar(2, 3, 2)]
    assert batch(AtrMachine(2), bars).values == (None, None, (3 + 2) / 2, (2.5 + 4) / 2)
    assert batch(AtrMachine(1), bars).values == (None, 3.0, 2.0, 4.0)


def test_adx_by_the_book() -> None:
    bars = [bar(9, 10, 8), bar(11, 12, 9), bar(10, 11.5, 7), bar(13, 13, 9), bar(13, 13, 9)]
    machine = AdxMachine(2)
    said = batch(machine, bars).values
    assert said[:3] == (None, None, None)
    # Sums of one change, then two changes smoothed: bars 3 and 4.
    plus, minus, ranges = 2.0, 0.0, 3.0
    plus, minus, ranges = plus / 2, 2.0, ranges / 2 + 4.5
    first = 100 * abs(plus - minus) / (plus + minus)
    plus, minus, ranges = plus / 2 + 1.5, minus / 2, ranges / 2 + 4
    second = 100 * abs(plus - minus) / (plus + minus)
    found = said[3]
    assert found is not None
    assert found.adx == pytest.approx((first + second) / 2, rel=1e-14)
    assert found.plus_di == pytest.approx(100 * plus / ranges, rel=1e-14)
    assert found.minus_di == pytest.approx(100 * minus / ranges, rel=1e-14)


def test_adx_of_a_market_that_never_moved_is_nought_and_stays_what_it_was_without_movement() -> None:
    assert batch(AdxMachine(2), closes(5, 5, 5, 5, 5)).values[-1] == Adx(0.0, 0.0, 0.0)
    assert batch(AdxMachine(2), [bar(5, 6, 4)] * 6).values[-1] == Adx(0.0, 0.0, 0.0)


def test_a_bar_that_grows_as_much_above_as_below_moves_nowhere() -> None:
    bars = [bar(50, 51 + each, 49 - each) for each in range(6)]
    assert batch(AdxMachine(2), bars).values[-1] == Adx(0.0, 0.0, 0.0)


def test_stochastic() -> None:
    bars = [bar(2, 3, 1), bar(5, 5, 2), bar(3, 4, 3), bar(3, 3, 3)]
    # Raw over two bars: (5-1)/(5-1), (3-2)/(5-2), (3-3)/(4-3).
    said = batch(StochasticMachine(2, 2, 1), bars).values
    assert said[:2] == (None, None)
    found = said[2]
    assert found is not None
    assert found.k == found.d == pytest.approx((100 + 100 / 3) / 2, rel=1e-14)
    assert batch(StochasticMachine(1, 1, 1), [bar(3, 3, 3)]).values == (Stochastic(0.0, 0.0),)
    assert batch(StochasticMachine(1, 1, 1), [bar(2, 3, 1)]).values == (Stochastic(50.0, 50.0),)


def test_obv() -> None:
    bars = [bar(5, volume=2), bar(6, volume=3), bar(6, volume=7), bar(4, volume=1)]
    machine = ObvMachine()
    assert machine.peek(bar(9, volume=4)) == 4.0
    assert batch(machine, bars).values == (2.0, 5.0, 5.0, 4.0)


def test_vwap_begins_anew_with_its_session() -> None:
    machine = VwapMachine(2, HOUR_NS)
    bars = [bar(4, 6, 2, volume=1, hour=1), bar(9, volume=4, hour=2), bar(7, volume=2, hour=3)]
    assert machine.peek(bars[0]) == 4.0
    assert machine.update(bars[0]) == 4.0
    assert machine.peek(bars[1]) == 8.0
    assert machine.update(bars[1]) == 8.0
    assert machine.peek(bars[2]) == 7.0
    assert machine.update(bars[2]) == 7.0


def test_vwap_of_one_session_takes_nothing_before_its_anchor() -> None:
    machine = VwapMachine(0, 2 * HOUR_NS)
    early = bar(4, hour=1)
    assert (machine.peek(early), machine.update(early), machine.state) == (None, None, UNKNOWN)
    assert machine.update(bar(5, hour=2)) == 5.0
    assert machine.update(bar(7, hour=900)) == 6.0


def test_vwap_says_nothing_without_volume() -> None:
    machine = VwapMachine(24)
    quiet = bar(5, volume=0.0)
    assert (machine.peek(quiet), machine.update(quiet), machine.ready) == (None, None, False)
    assert machine.update(bar(7, volume=2)) == 7.0


def test_close_volatility() -> None:
    returns = [log(11 / 10), log(9 / 11), log(12 / 9)]
    mean = sum(returns) / 3
    wanted = sqrt(sum((each - mean) ** 2 for each in returns) / 2 * 365)
    said = batch(CloseVolatilityMachine(3, 365.0), closes(10, 11, 9, 12)).values
    assert said[:3] == (None, None, None)
    assert said[3] == pytest.approx(wanted, rel=1e-13)


def test_parkinson() -> None:
    wanted = sqrt((log(12 / 9) ** 2 + log(13 / 10) ** 2) / (4 * 2 * log(2)) * 365)
    said = batch(ParkinsonMachine(2, 365.0), [bar(10, 12, 9), bar(12, 13, 10)]).values
    assert said[0] is None
    assert said[1] == pytest.approx(wanted, rel=1e-13)


def test_yang_zhang() -> None:
    rows = [(10, 12, 9, 11), (11.5, 13, 11, 12), (11.8, 12.5, 10, 10.5)]
    bars = [bar(c, h, low, opened=o) for o, h, low, c in rows]
    overnight = [log(11.5 / 11), log(11.8 / 12)]
    across = [log(c / o) for o, _, _, c in rows[1:]]
    inside = [
        log(h / o) * (log(h / o) - log(c / o)) + log(w / o) * (log(w / o) - log(c / o))
        for o, h, w, c in rows[1:]
    ]
    k = 0.34 / (1.34 + 3 / 1)

    def sample(figures: list[float]) -> float:
        mean = sum(figures) / 2
        return sum((each - mean) ** 2 for each in figures)

    wanted = sqrt((sample(overnight) + k * sample(across) + (1 - k) * sum(inside) / 2) * 365)
    machine = YangZhangMachine(2, 365.0)
    assert machine.peek(bars[0]) is None
    said = batch(machine, bars).values
    assert said[:2] == (None, None)
    assert said[2] == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize(
    "machine", [CloseVolatilityMachine(2, 1.0), ParkinsonMachine(2, 1.0), YangZhangMachine(2, 1.0)]
)
def test_a_price_without_a_logarithm_is_unknown_and_one_that_never_moves_is_quiet(
    machine: Machine[float],
) -> None:
    nothing = bar(0.0)
    assert (machine.peek(nothing), machine.update(nothing), machine.state) == (None, None, UNKNOWN)
    assert batch(machine, closes(5, 5, 5, 5)).values[-1] == 0.0


def test_volume_profile() -> None:
    machine = VolumeProfileMachine(4, 10.0, 70.0)
    bars = [bar(101, volume=1), bar(115, volume=6), bar(128, volume=2), bar(143, volume=2)]
    found = batch(machine, bars).values[-1]
    assert found is not None
    assert (found.point_of_control, found.low, found.high) == (115.0, 110.0, 130.0)
    assert (found.volume, found.width) == (11.0, 10.0)
    assert found.buckets == ((100.0, 1.0), (110.0, 6.0), (120.0, 2.0), (140.0, 2.0))
    moved = machine.update(bar(101, volume=9))
    assert moved is not None
    assert (moved.point_of_control, moved.low, moved.high, moved.volume) == (105.0, 100.0, 120.0, 19.0)


def test_the_value_area_grows_to_where_more_is_and_over_empty_buckets() -> None:
    bars = [bar(5, volume=3), bar(25, volume=10), bar(55, volume=2), bar(65, volume=1)]
    found = batch(VolumeProfileMachine(4, 10.0, 90.0), bars).values[-1]
    assert found is not None
    assert (found.low, found.high) == (0.0, 60.0)
    whole = batch(VolumeProfileMachine(4, 10.0, 100.0), bars).values[-1]
    assert whole is not None
    assert (whole.low, whole.high) == (0.0, 70.0)


def test_of_equal_buckets_the_one_in_the_middle_is_the_point_of_control() -> None:
    found = batch(VolumeProfileMachine(3, 1.0, 70.0), closes(1.5, 3.5, 5.5)).values[-1]
    assert found is not None
    assert found.point_of_control == 3.5


@pytest.mark.parametrize(
    ("close", "width"), [(61837.63, 50.0), (2400.0, 2.0), (1500.0, 1.0), (0.0001, 1e-7), (1e-7, 1e-10)]
)
def test_a_width_is_chosen_by_the_first_bar(close: float, width: float) -> None:
    machine = VolumeProfileMachine(1, 0.0, 70.0)
    first, later = machine.update(bar(close)), machine.update(bar(close * 50))
    assert first is not None
    assert later is not None
    assert first.width == later.width == pytest.approx(width, rel=1e-12)


def test_a_profile_without_volume_says_nothing() -> None:
    machine = VolumeProfileMachine(2, 1.0, 70.0)
    quiet = bar(5, volume=0.0)
    assert (machine.update(quiet), machine.peek(quiet), machine.update(quiet), machine.read()) == (None,) * 4
    assert machine.fold(bar(5, volume=2.0))
    assert machine.read() is not None
    assert not machine.fold(bar(0.0))


# --- coverage


def states(machine: Machine[float], given: list[Bar]) -> list[State]:
    """Those of `batch`; that `peek_state` says the same before is asked on the way."""
    told = []
    for each in given:
        before = machine.peek_state(each)
        machine.update(each)
        assert machine.state is before
        told.append(before)
    return told


def test_of_a_window_exactly_its_bars_count() -> None:
    given = [bar(1), bar(2), bar(3, state=HEALED), bar(4), bar(5), bar(6)]
    assert states(SmaMachine(3), given) == [UNKNOWN, UNKNOWN, HEALED, HEALED, HEALED, COMPLETE]


def test_the_weakest_in_the_window_says_the_state() -> None:
    weak = [bar(1, state=INCOMPLETE), bar(2, state=HEALED), bar(3), bar(4)]
    assert states(SmaMachine(2), weak) == [UNKNOWN, INCOMPLETE, HEALED, COMPLETE]
    worse = [bar(1, state=HEALED), bar(2, state=INCOMPLETE), bar(3), bar(4)]
    assert states(SmaMachine(2), worse) == [UNKNOWN, INCOMPLETE, INCOMPLETE, COMPLETE]
    assert states(SmaMachine(2), [bar(1, state=UNKNOWN), bar(2)]) == [UNKNOWN, UNKNOWN]


def test_an_unknown_bar_is_passed_over_and_leaves_a_hole() -> None:
    machine = SmaMachine(2)
    said = batch(machine, [bar(1), bar(3), unknown(), bar(5), bar(7), unknown(), unknown(), bar(9)])
    assert said.values == (None, 2.0, None, 4.0, 6.0, None, None, 8.0)
    assert said.states == (UNKNOWN, COMPLETE, UNKNOWN, INCOMPLETE, COMPLETE, UNKNOWN, UNKNOWN, INCOMPLETE)
    assert machine.peek(unknown()) is None
    assert machine.peek_state(unknown()) is UNKNOWN


def test_a_hole_before_the_first_bar_lies_in_no_window() -> None:
    assert states(SmaMachine(2), [unknown(), bar(1), bar(2)]) == [UNKNOWN, UNKNOWN, COMPLETE]


def test_a_smoothed_bar_counts_until_nothing_of_it_is_left() -> None:
    machine = EmaMachine(3)
    given = [bar(1), bar(2), bar(3), bar(4, state=HEALED), *closes(*range(60))]
    told = states(machine, given)
    assert told[3:].count(HEALED) == machine.span == fading(0.5) == 31
    assert told[2] is told[-1] is COMPLETE
    # What it would have been without the weak bar differs by less than 1e-9 of that bar's difference then.
    clean, dirty = EmaMachine(3), EmaMachine(3)
    batch(clean, closes(1, 2, 3, 4))
    batch(dirty, closes(1, 2, 3, 1_000_004))
    rest = closes(*range(31))
    away = [
        abs(a - b)
        for a, b in zip(batch(clean, rest).values, batch(dirty, rest).values, strict=True)
        if a and b
    ]
    assert away[-2] / 500_000 < 1e-9


def test_of_averages_of_averages_nothing_is_left_either() -> None:
    """The MACD's signal line, whose lines are averages themselves."""
    clean, dirty = MacdMachine(3, 6, 4), MacdMachine(3, 6, 4)
    batch(clean, closes(*range(40)))
    batch(dirty, closes(*range(40)))
    rest = [float(each % 5) for each in range(int(clean.span) + 1)]
    pairs = zip(
        batch(clean, closes(*rest)).values, batch(dirty, closes(1_000.0, *rest[1:])).values, strict=True
    )
    away = [abs(one.signal - other.signal) for one, other in pairs if one is not None and other is not None]
    assert away[0] > 10.0
    assert away[-1] < 1e-9 * max(away)


def test_what_is_summed_counts_for_good_and_a_session_ends_it() -> None:
    weak = [bar(1, state=HEALED, hour=22), bar(2, hour=23), bar(3, hour=24)]
    assert states(ObvMachine(), weak) == [HEALED, HEALED, HEALED]
    assert states(VwapMachine(24), weak) == [HEALED, HEALED, COMPLETE]
    machine = VwapMachine(24)
    batch(machine, [bar(2, hour=23), unknown(23), bar(3, hour=24)])
    assert machine.state is COMPLETE
    holed = [unknown(22), bar(2, hour=23), bar(3, hour=24)]
    assert states(VwapMachine(24), holed) == [UNKNOWN, INCOMPLETE, COMPLETE]


@pytest.mark.parametrize("machine", [ObvMachine(), VwapMachine(24), VolumeProfileMachine(1, 1.0, 70.0)])
def test_without_a_volume_what_needs_one_is_unknown(machine: Machine[float]) -> None:
    bare = bar(5, volume=None)
    assert (machine.peek(bare), machine.update(bare), machine.state) == (None, None, UNKNOWN)


def test_how_long_a_weight_lasts() -> None:
    assert fading(0.0) == 1
    assert fading(0.0, poles=2) == 2
    for factor in (0.5, 0.9, 1 - 2 / 27, 0.9999):
        once, twice = fading(factor), fading(factor, poles=2)
        assert factor ** (once - 2) >= 1e-9 > factor**once
        assert twice * factor ** (twice - 1) < 1e-9 * 1.01
        assert (twice - 3) * factor ** (twice - 4) > 1e-9


# --- windows


def test_windows_of_one_and_of_two() -> None:
    one = MeanWindow(1)
    assert (one.full, one.look(3.0), one.push(3.0), one.push(0.1), one.full) == (False, 3.0, 3.0, 0.1, True)
    two = MeanWindow(2)
    assert (two.push(1.0), two.full, two.look(5.0), two.push(2.0), two.full, two.push(4.0)) == (
        None, False, 3.0, 1.5, True, 3.0,
    )  # fmt: skip
    spread = SpreadWindow(2)
    assert (spread.look(1.0), spread.push(1.0), spread.look(3.0), spread.push(3.0)) == (
        None, None, (2.0, 2.0), (2.0, 2.0),
    )  # fmt: skip
    ranges = RangeWindow(1)
    assert (ranges.push(3.0, 1.0), ranges.look(2.0, 2.0)) == ((3.0, 1.0), (2.0, 2.0))


def test_a_growing_sum_keeps_what_additions_round_away() -> None:
    total = GrowingSum()
    for figure in (1.0, 1e100, 1.0, -1e100):
        total.add(figure)
    assert total.value == 2.0
    assert total.look(3.0) == 5.0
    total.clear()
    assert total.value == 0.0


def test_an_average_of_figures() -> None:
    average = Average(2)
    assert (average.look(1.0), average.push(1.0), average.look(3.0), average.push(3.0)) == (
        None,
        None,
        2.0,
        2.0,
    )
    assert average.look(5.0) == average.push(5.0) == 4.0
