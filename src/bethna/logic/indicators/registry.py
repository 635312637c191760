"""All indicators by name, and the words in which people ask for them: `ema(20)`, `macd(12,26,9)`, `obv`.

Rules
  1. Names and spaces are read as they come: `MACD( 12, 26 )` is `macd(12,26,9)`. Parameters stand in their order; those
     left out at the end, and empty brackets or none, mean the default.
  2. `Indicator.text` says the same thing in one way: lower case, every parameter, no spaces. It is the key of a shared
     machine.
  3. A name or a parameter that is not there is a ConfigError of the key `indicator`: "expected X, found Y".
  4. How many bars a year has depends on how long they are: where an interval is said and the number is not, it is that
     of a market that never closes.
  5. Several stand in one text, with commas between them, or in several texts; one that is there twice counts once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from math import isfinite
from typing import Any, Literal

from msgspec import Struct

from bethna.core.errors import ConfigError, cut
from bethna.core.intervals import Interval
from bethna.logic.indicators.base import Machine
from bethna.logic.indicators.moving import BollingerMachine, EmaMachine, MacdMachine, SmaMachine
from bethna.logic.indicators.profile import VolumeProfileMachine
from bethna.logic.indicators.stochastic import StochasticMachine
from bethna.logic.indicators.volatility import CloseVolatilityMachine, ParkinsonMachine, YangZhangMachine
from bethna.logic.indicators.volume import ObvMachine, VwapMachine
from bethna.logic.indicators.wilder import AdxMachine, AtrMachine, RsiMachine

KEY = "indicator"
LONGEST = 10_000
YEAR_OF_HOURS = 8_766.0
HOUR_NS = Interval.H1.ns
LAST_NS = 2**63 - 1
_SHAPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:\(([^()]*)\))?\s*", re.ASCII)
_OUTSIDE = re.compile(r",(?![^()]*\))")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


class Parameter(Struct, frozen=True):
    """One number of an indicator: `least` and `most` are allowed; a `whole` one is an int, others floats.

    Attributes:
        by_interval: its default follows the interval (rule 4); `default` is that of hours.
    """

    name: str
    words: str
    default: float
    least: float
    most: float
    whole: bool = True
    by_interval: bool = False

    def default_of(self, interval: Interval | None) -> float:
        """Rule 4."""
        if self.by_interval and interval is not None:
            return 12.0 if interval is Interval.MO1 else YEAR_OF_HOURS * HOUR_NS / interval.ns
        return int(self.default) if self.whole else self.default


class IndicatorSpec(Struct, frozen=True):
    """What an indicator is to whoever shows it.

    Attributes:
        words: what it is, for people.
        place: `price`: drawn over the candles, in their scale; `pane`: below them, in one of its own.
        parts: the fields of a value that are drawn; `value` where it is one number.
        machine: makes one; takes the parameters in their order.
        less: two parameters of which the first must be less than the second.
        within: what its values lie in, None where nothing bounds them.
    """

    name: str
    words: str
    parameters: tuple[Parameter, ...]
    place: Literal["price", "pane"]
    parts: tuple[str, ...]
    machine: type[Machine[Any]]
    less: tuple[str, str] | None = None
    within: tuple[float, float] | None = None


class Indicator(Struct, frozen=True):
    """An indicator with all its parameters."""

    spec: IndicatorSpec
    arguments: tuple[float, ...]

    @property
    def text(self) -> str:
        """Rule 2."""
        said = ",".join(_spoken(each) for each in self.arguments)
        return f"{self.spec.name}({said})" if said else self.spec.name

    def machine(self) -> Machine[Any]:
        """A new one, which has seen nothing."""
        made: Callable[..., Machine[Any]] = self.spec.machine
        return made(*self.arguments)


def _period(default: int, least: int = 2, name: str = "period", words: str = "bars") -> Parameter:
    return Parameter(name, words, default, least, LONGEST)


_YEAR = Parameter(
    "bars_per_year", "bars of a year", YEAR_OF_HOURS, 1.0, 40_000_000.0, whole=False, by_interval=True
)
_ONE = ("value",)
_HUNDRED = (0.0, 100.0)
_SPECS = (
    IndicatorSpec("sma", "simple moving average", (_period(20),), "price", _ONE, SmaMachine),
    IndicatorSpec("ema", "exponential moving average", (_period(20),), "price", _ONE, EmaMachine),
    IndicatorSpec("rsi", "relative strength index (Wilder)", (_period(14),), "pane", _ONE, RsiMachine, None, _HUNDRED),
    IndicatorSpec(
        "macd", "moving average convergence and divergence",
        (
            _period(12, name="fast"),
            _period(26, name="slow"),
            _period(9, least=1, name="signal"),
        ),
        "pane", ("line", "signal", "histogram"), MacdMachine, ("fast", "slow"),
    ),
    IndicatorSpec(
        "bollinger", "Bollinger bands",
        (_period(20), Parameter("width", "standard deviations", 2.0, 0.01, 100.0, whole=False)),
        "price", ("lower", "middle", "upper"), BollingerMachine,
    ),
    IndicatorSpec("atr", "average true range (Wilder)", (_period(14, least=1),), "pane", _ONE, AtrMachine),
    IndicatorSpec(
        "adx", "average directional index (Wilder)", (_period(14),),
        "pane", ("adx", "plus_di", "minus_di"), AdxMachine, None, _HUNDRED,
    ),
    IndicatorSpec(
        "stochastic", "stochastic oscillator (Lane)",
        (
            _period(14, least=1),
            _period(3, least=1, name="smoothing"),
            _period(3, least=1, name="signal"),
        ),
        "pane", ("k", "d"), StochasticMachine, None, _HUNDRED,
    ),
    IndicatorSpec("obv", "on-balance volume (Granville)", (), "pane", _ONE, ObvMachine),
    IndicatorSpec(
        "vwap", "volume-weighted average price of a session",
        (
            Parameter("session", "hours, 0 for a single one from the anchor on", 24, 0, LONGEST),
            Parameter("anchor", "when a session begins, ns UTC", 0, 0, LAST_NS),
        ),
        "price", _ONE, VwapMachine,
    ),
    IndicatorSpec(
        "volatility", "realised volatility a year, close to close", (_period(20), _YEAR),
        "pane", _ONE, CloseVolatilityMachine,
    ),
    IndicatorSpec(
        "parkinson", "realised volatility a year, of high and low (Parkinson)", (_period(20, least=1), _YEAR),
        "pane", _ONE, ParkinsonMachine,
    ),
    IndicatorSpec(
        "yang_zhang", "realised volatility a year, of all four prices (Yang and Zhang)", (_period(20), _YEAR),
        "pane", _ONE, YangZhangMachine,
    ),
    IndicatorSpec(
        "volume_profile", "volume by price, with point of control and value area",
        (
            _period(200, least=1),
            Parameter("width", "of a bucket in quote currency, 0 to have it chosen", 0.0, 0.0, 1e12, whole=False),
            Parameter("share", "percent of the volume in the value area", 70.0, 1.0, 100.0, whole=False),
        ),
        "price", ("point_of_control", "low", "high"), VolumeProfileMachine,
    ),
)  # fmt: skip
INDICATORS: dict[str, IndicatorSpec] = {spec.name: spec for spec in _SPECS}


def parse_all(texts: Iterable[str], most: int, interval: Interval | None = None) -> list[Indicator]:
    """Read several (rule 5), at most `most`. Raises as `parse`."""
    found: dict[str, Indicator] = {}
    for text in texts:
        for each in _OUTSIDE.split(text):
            indicator = parse(each, interval)
            found[indicator.text] = indicator
            if len(found) > most:
                raise ConfigError(
                    KEY,
                    f"expected at most {most} indicators at once, found more",
                    hint="ask for the others apart",
                )
    return list(found.values())


def parse(text: str, interval: Interval | None = None) -> Indicator:
    """Read `macd(12,26,9)` (rule 1). `interval`: of the bars that it will see, where that is known (rule 4).

    Raises:
        ConfigError: no such indicator, a parameter too many, not a number, or out of its bounds.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ConfigError(
            KEY, f"expected an indicator such as ema(20), found {cut(text)!r}", hint=_known(INDICATORS)
        )
    name, inside = found[1].lower(), (found[2] or "").strip()
    spec = INDICATORS.get(name)
    if spec is None:
        near = get_close_matches(name, INDICATORS, n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else _known(INDICATORS)
        raise ConfigError(KEY, f"expected the name of an indicator, found {cut(found[1])!r}", hint=hint)
    given = inside.split(",") if inside else []
    return _checked(spec, given, interval)


def _checked(spec: IndicatorSpec, given: list[str], interval: Interval | None) -> Indicator:
    if len(given) > len(spec.parameters):
        raise ConfigError(
            KEY,
            f"expected at most {len(spec.parameters)} parameters of {spec.name}, found {len(given)}",
            hint=_usage(spec),
        )
    arguments = [_number(spec, each, said) for each, said in zip(spec.parameters, given, strict=False)]
    for each in spec.parameters[len(given) :]:
        arguments.append(each.default_of(interval))
    if spec.less is not None:
        named = {each.name: value for each, value in zip(spec.parameters, arguments, strict=True)}
        small, great = spec.less
        if named[small] >= named[great]:
            raise ConfigError(
                KEY,
                f"expected {small} of {spec.name} less than {great}, found {named[small]} and {named[great]}",
                hint=_usage(spec),
            )
    return Indicator(spec, tuple(arguments))


def _number(spec: IndicatorSpec, parameter: Parameter, said: str) -> float:
    text = said.strip()
    kind = "a whole number" if parameter.whole else "a number"
    least, most = _spoken(parameter.least), _spoken(parameter.most)
    wanted = f"expected {kind} from {least} to {most} for {parameter.name} of {spec.name}"
    value = _read(text, whole=parameter.whole)
    if value is None or not parameter.least <= value <= parameter.most:
        raise ConfigError(KEY, f"{wanted}, found {cut(text)!r}", hint=_usage(spec))
    return value


def _read(text: str, *, whole: bool) -> float | None:
    if whole:
        return int(text) if _WHOLE.fullmatch(text) else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _spoken(value: float) -> str:
    """20 and 2.0 are `20` and `2`; others the shortest text that reads back the same."""
    return str(int(value)) if value == int(value) else repr(value)


def _usage(spec: IndicatorSpec) -> str:
    said = ", ".join(f"{each.name} ({each.words}) {_spoken(each.default)}" for each in spec.parameters)
    return f"{spec.name}: {said or 'no parameters'}"


def _known(names: dict[str, IndicatorSpec]) -> str:
    return f"known: {', '.join(names)}"
