from __future__ import annotations

import math

import pytest
from indicator_bars import bar, unknown
from msgspec.structs import fields

from bethna.core.errors import ConfigError
from bethna.logic.indicators.registry import INDICATORS, IndicatorSpec, Parameter, parse


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("ema(20)", "ema(20)"),
        (" EMA ( 21 ) ", "ema(21)"),
        ("macd(12,26,9)", "macd(12,26,9)"),
        ("MACD(5, 35)", "macd(5,35,9)"),
        ("macd", "macd(12,26,9)"),
        ("macd()", "macd(12,26,9)"),
        ("bollinger(20,2)", "bollinger(20,2)"),
        ("bollinger(20, 2.5)", "bollinger(20,2.5)"),
        ("obv", "obv"),
        ("obv( )", "obv"),
        ("vwap(0,1723075200000000000)", "vwap(0,1723075200000000000)"),
        ("parkinson(1)", "parkinson(1,8766)"),
        ("volume_profile(500, 1e-3)", "volume_profile(500,0.001,70)"),
    ],
)
def test_what_people_write_is_read_and_said_in_one_way(said: str, text: str) -> None:
    found = parse(said)
    assert found.text == text
    assert parse(found.text) == found


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("bolinger(20)", "expected the name of an indicator, found 'bolinger'", "nearest: bollinger"),
        ("xyzzy", "expected the name of an indicator, found 'xyzzy'", "known: sma, ema"),
        ("ema(20", "expected an indicator such as ema(20), found 'ema(20'", "known: sma, ema"),
        ("", "expected an indicator such as ema(20), found ''", "known: "),
        ("ema(20,30)", "expected at most 1 parameters of ema, found 2", "ema: period (bars) 20"),
        ("obv(3)", "expected at most 0 parameters of obv, found 1", "obv: no parameters"),
        (
            "ema(1)",
            "expected a whole number from 2 to 10000 for period of ema, found '1'",
            "ema: period (bars) 20",
        ),
        ("ema(10001)", "expected a whole number from 2 to 10000 for period of ema, found '10001'", ""),
        ("ema(2.5)", "expected a whole number from 2 to 10000 for period of ema, found '2.5'", ""),
        ("ema(٣)", "expected a whole number from 2 to 10000 for period of ema, found '٣'", ""),
        ("macd(12,,9)", "expected a whole number from 2 to 10000 for slow of macd, found ''", ""),
        (
            "bollinger(20,nan)",
            "expected a number from 0.01 to 100 for width of bollinger, found 'nan'",
            "",
        ),
        ("bollinger(20,x)", "expected a number from 0.01 to 100 for width of bollinger, found 'x'", ""),
        ("macd(26,12)", "expected fast of macd less than slow, found 26 and 12", "macd: fast (bars) 12"),
        ("macd(12,12)", "expected fast of macd less than slow, found 12 and 12", ""),
    ],
)
def test_what_is_not_an_indicator_says_what_was_expected(said: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(said)
    assert caught.value.key == "indicator"
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("e" * 5_000)
    assert len(caught.value.message) < 120


@pytest.mark.parametrize("spec", INDICATORS.values(), ids=INDICATORS)
def test_every_indicator_is_what_its_spec_says(spec: IndicatorSpec) -> None:
    """Defaults within bounds, a value after `first` bars, and the parts that are drawn are fields of it."""
    assert all(each.least <= each.default <= each.most for each in spec.parameters)
    assert all(each.most == 10_000 for each in spec.parameters if each.words == "bars")
    machine = parse(spec.name).machine()
    said = [machine.update(bar(100 + number % 7, hour=number)) for number in range(machine.first)]
    assert said[:-1] == [None] * (machine.first - 1)
    if spec.parts == ("value",):
        assert isinstance(said[-1], float)
        assert math.isfinite(said[-1])
    else:
        assert said[-1] is not None
        assert set(spec.parts) <= {each.name for each in fields(said[-1])}


@pytest.mark.parametrize(
    ("spec", "parameter"),
    [(spec, each) for spec in INDICATORS.values() for each in spec.parameters],
    ids=lambda each: each.name,
)
def test_every_parameter_at_its_bounds_makes_a_machine(spec: IndicatorSpec, parameter: Parameter) -> None:
    for bound in (parameter.least, parameter.most):
        arguments = [bound if each is parameter else each.default for each in spec.parameters]
        if spec.less is None or arguments[0] < arguments[1]:
            text = f"{spec.name}({','.join(str(each) for each in arguments)})"
            machine = parse(text).machine()
            assert (machine.update(bar(5)) is None) == (machine.first > 1)


@pytest.mark.parametrize("spec", INDICATORS.values(), ids=INDICATORS)
def test_every_indicator_looks_before_it_takes_and_says_nothing_of_an_unknown_bar(
    spec: IndicatorSpec,
) -> None:
    machine = parse(spec.name).machine()
    for number in range(machine.first + 3):
        hole, known = unknown(number), bar(100 + number % 7, 108, 99, opened=100.5, hour=number)
        assert (machine.peek(hole), machine.update(hole)) == (None, None)
        looked = machine.peek(known)
        assert machine.update(known) == looked
        assert (looked is None) == (number < machine.first - 1)
