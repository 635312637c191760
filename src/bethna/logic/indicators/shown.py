"""What indicators say of the bars that are shown, by machines that have seen enough of those before; it fetches none.

Rules
  1. As many bars before the first one shown are fed as a value stands on (`Machine.needs`): a window's own, of what is
     smoothed as many as it takes for the weight of an older one to fall below 1e-9, of a VWAP those of a session. So a
     value is the same to nine digits wherever the question began, and two pages of one series meet without a step.
     More than MOST_BEFORE are not asked for. (A volume profile chooses its buckets by the first bar fed: name a width.)
  2. Of what lies before the first bar fed nothing is known: what stands on it is incomplete, as behind any hole.
  3. What has no level of its own (OBV) counts from the first known bar that is shown, and needs none before.
  4. Of the open bar there is what its figures so far would say; the next answer may say something else.
  5. A value that is not there yet, or not of this bar, is None; its state is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct

from bethna.core.bars import Bar, BarKind
from bethna.core.bars import Series as BarSeries
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.logic.bars import unknown_bar
from bethna.logic.indicators.registry import Indicator

MOST_SHOWN = 8
"""Indicators of one question."""
MOST_BEFORE = 5000


class Shown(Struct, frozen=True):
    """What one indicator says of a row of bars, one entry a bar.

    Attributes:
        name: as `Indicator.text`.
        pane: `price`: over the candles, in their scale; `own`: in one of its own.
        outputs: by name; None where there is no value (rule 5).
        states: how complete the values are.
    """

    name: str
    pane: Literal["price", "own"]
    outputs: dict[str, list[float | None]]
    states: list[State]

    def columns(self) -> list[tuple[str, list[float | None]]]:
        """What a table calls the outputs: `ema(20)`, `macd(12,26,9).signal`."""
        return [
            (self.name if output == "value" else f"{self.name}.{output}", values)
            for output, values in self.outputs.items()
        ]

    def within(self, part: slice) -> Shown:
        """Of some of the bars."""
        outputs = {name: values[part] for name, values in self.outputs.items()}
        return Shown(self.name, self.pane, outputs, self.states[part])


class IndicatedSeries(Struct, frozen=True):
    """A series with what indicators say of it."""

    series: BarSeries
    shown: tuple[Shown, ...]


class Reading:
    """One indicator that goes along a series, oldest bar first."""

    def __init__(self, indicator: Indicator) -> None:
        self._indicator = indicator
        self._machine = indicator.machine()
        self._begun = False

    def take(self, bars: Iterable[Bar]) -> None:
        """Closed bars before those that are shown."""
        if not self._machine.free:  # rule 3
            for bar in bars:
                self._begin(bar)
                self._machine.take(bar)

    def read(self, bars: Iterable[Bar]) -> Shown:
        """What it says of the bars that follow; the last one may be open (rule 4)."""
        values: list[Any] = []
        states: list[State] = []
        machine = self._machine
        for bar in bars:
            self._begin(bar)
            if not self._begun:
                values.append(None)
                states.append(State.UNKNOWN)
            elif bar.closed:
                values.append(machine.update(bar))
                states.append(machine.state)
            else:
                values.append(machine.peek(bar))
                states.append(machine.peek_state(bar))
        spec = self._indicator.spec
        outputs = {part: [_part(value, part) for value in values] for part in spec.parts}
        return Shown(self._indicator.text, "price" if spec.place == "price" else "own", outputs, states)

    def _begin(self, bar: Bar) -> None:
        """Rules 2 and 3."""
        if self._begun:
            return
        if not self._machine.free:
            before = bar.interval.earlier(bar.open_time)
            self._machine.update(
                unknown_bar(bar.instrument, bar.interval, before, "not_asked", bar.coverage.provenance)
            )
            self._begun = True
        else:
            self._begun = bar.kind is not BarKind.UNKNOWN


def bars_before(indicators: Iterable[Indicator], interval: Interval) -> int:
    """How many bars before the first one shown are to be asked for (rule 1)."""
    wanted = max((each.machine().needs(interval) for each in indicators), default=0)
    return int(min(wanted, MOST_BEFORE))


def joined(parts: Sequence[Shown]) -> Shown:
    """What one reading has said of bars that follow each other, as one."""
    outputs = {name: [value for part in parts for value in part.outputs[name]] for name in parts[0].outputs}
    return Shown(parts[0].name, parts[0].pane, outputs, [state for part in parts for state in part.states])


def _part(value: Any, part: str) -> float | None:
    if value is None or part == "value":
        return None if value is None else float(value)
    return float(getattr(value, part))
