"""What an indicator says of closed bars, as a figure of alerts: once a bar; it hears no bars itself.

Rules
  1. A figure is an indicator's value, or what it is above another one, of a bar that is closed. Its time is the bar's
     end. It is what is shown of these bars elsewhere (`indicators/shown`): as many bars before are fed as a value
     stands on. It is as complete as the weaker value.
  2. The first is that of the newest closed bar. Then each closed bar is told once, in order. A bar that is revised
     after it was told is not told again; those after it stand on what it is now.
  3. A bar of which there is no value (nobody knows it, or not enough bars before it) is no figure, and none is known
     until there is one. One that gets its value after all is told late, unless one after it has been told.
  4. An indicator without a level of its own counts from the first bar that is known here. So its difference to another
     means little, and a level of it is refused (`rules`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bethna.core.alerts import Moment
from bethna.core.bars import Bar
from bethna.core.coverage import State, weakest
from bethna.core.intervals import Interval
from bethna.logic.alerts.rules import Watched
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.registry import parse as read_indicator
from bethna.logic.indicators.shown import Reading, bars_before

_INDICATOR = r"([a-z_]+(?:\([^()]*\))?)"
_DETAIL = re.compile(rf"(\S+) {_INDICATOR}\.([a-z_]*)(?:-{_INDICATOR}(?:\.([a-z_]+))?)?", re.ASCII)


class BarFigure:
    """One indicator, or two, along one row of bars.

    Args:
        watched: of the kind `indicator`, as `rules.watched_by` says it.

    Attributes:
        history: bars that a row begins with, at least.
        newest: what was told last, None before.
        known: whether the newest closed bar has a value (rule 3).
    """

    def __init__(self, watched: Watched) -> None:
        found = _DETAIL.fullmatch(watched.detail)
        assert found is not None, watched  # `rules.watched_by` writes it
        self.interval = Interval(found[1])
        asked = [(found[2], found[3])] + ([(found[4], found[5] or "")] if found[4] else [])
        self._indicators: list[tuple[Indicator, str]] = [
            (read_indicator(text, self.interval), part or "value") for text, part in asked
        ]
        self.history = bars_before((each for each, _ in self._indicators), self.interval) + 2
        self.newest: Moment | None = None
        self.known = False
        self._readings: list[tuple[Reading, str]] = []
        self._fed_until = 0
        self._told_until: int | None = None
        self._passed: set[int] = set()

    def hear(self, row: Sequence[Bar], news: Iterable[Bar], now: int) -> list[Moment]:
        """Bars have come: what is to be told.

        Args:
            row: all that is known, ascending. news: what of it is new or another. now: ns UTC by the desk's clock.
        """
        changed = [bar for bar in news if bar.closed]
        if not changed:
            return []
        if any(bar.open_time < self._fed_until for bar in changed) or not self._readings:
            self._readings = [(Reading(each), part) for each, part in self._indicators]
            self._fed_until = 0
        fresh = [bar for bar in row if bar.closed and bar.open_time >= self._fed_until]
        if not fresh:
            return []
        self._fed_until = fresh[-1].close_time
        if self._told_until is None:  # rule 2
            self._told_until = fresh[-1].open_time
        told = []
        for bar, (value, state) in zip(fresh, self._values(fresh), strict=True):
            end = bar.close_time
            self.known = value is not None
            if end <= self._told_until:
                continue
            if value is None:
                self._passed.add(end)
                continue
            told.append(Moment(end, now, None, value, state, late=end in self._passed))
            self._told_until = end
        self._passed = {end for end in self._passed if end > self._told_until}
        self.newest = told[-1] if told else self.newest
        return told

    def _values(self, bars: Sequence[Bar]) -> list[tuple[float | None, State]]:
        """Rule 1."""
        said = [(reading.read(bars), part) for reading, part in self._readings]
        found: list[tuple[float | None, State]] = []
        for index in range(len(bars)):
            values = [shown.outputs[part][index] for shown, part in said]
            state = weakest(shown.states[index] for shown, _ in said)
            first, second = values[0], values[1] if len(values) > 1 else 0.0
            found.append((None if first is None or second is None else first - second, state))
        return found
