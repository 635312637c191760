"""The table of `bethna watch` as lines of text, from facts, a size and whether there are colours; it waits for nothing.

Rules
  1. A line is never wider than the terminal, the table never higher: columns and rows that have no room are left out,
     and that rows are, is said.
  2. A colour says nothing that no word says.
  3. Trades a second are counted over the last `SPAN_NS`, from what the desk has counted; unknown before two counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import Struct

from bethna.cli.cells import Digits, age, completeness, percent
from bethna.cli.grid import MISSING, Column, Grid, fit, plain
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, State
from bethna.core.market import InstrumentId, PriceView

SPAN_NS = 10 * NS_PER_S
_BOLD, _YELLOW, _DIM, _END = "\x1b[1m", "\x1b[33m", "\x1b[2m", "\x1b[0m"

COLUMNS = (
    Column("INSTRUMENT", 16, "left"),
    Column("PRICE", 10),
    Column("24H", 8, rank=4),
    Column("BID", 10, rank=3),
    Column("ASK", 10, rank=3),
    Column("SPREAD", 6, rank=5),
    Column("AGE", 6, rank=2),
    Column("TRADES/S", 8, rank=6),
    Column("COVERAGE", 8, "left"),
)


class Watched(Struct, frozen=True):
    """One instrument as it is now. `price` is None before there is one; `rate` is trades a second, None if unknown."""

    instrument: InstrumentId
    price: PriceView | None
    rate: float | None = None
    message: str = ""


class Rates:
    """Trades a second, from counts that only grow (rule 3)."""

    def __init__(self) -> None:
        self._counts: deque[tuple[int, Mapping[str, int]]] = deque()

    def see(self, now_ns: int, counts: Mapping[str, int]) -> None:
        """The counts of a moment; the same moment again tells nothing."""
        if self._counts and now_ns <= self._counts[-1][0]:
            if now_ns < self._counts[-1][0]:  # a recording that starts over
                self._counts.clear()
            else:
                return
        self._counts.append((now_ns, counts))
        while len(self._counts) > 2 and now_ns - self._counts[1][0] >= SPAN_NS:
            self._counts.popleft()

    def rate(self, instrument: str) -> float | None:
        """Over the last seconds. A desk that began anew counts anew: unknown then."""
        if len(self._counts) < 2:
            return None
        (first, before), (last, now) = self._counts[0], self._counts[-1]
        if instrument not in before or instrument not in now or now[instrument] < before[instrument]:
            return None
        return (now[instrument] - before[instrument]) * NS_PER_S / (last - first)


class Board:
    """Keeps the width of columns and the digits of prices from one drawing to the next."""

    def __init__(self) -> None:
        self._grid = Grid(COLUMNS)
        self._digits: dict[InstrumentId, Digits] = {}

    def lines(
        self,
        title: str,
        rows: Sequence[Watched],
        now_ns: int,
        *,
        room: tuple[int, int] | None = None,
        first: int = 0,
        colours: bool = False,
    ) -> list[str]:
        """The table.

        Args:
            title: a line above it, none where empty. room: columns and lines of the terminal, None is any.
            first: the first row that is shown.
        """
        cells = [self._cells(row, now_ns) for row in rows]
        for each in cells:
            self._grid.measure(each)
        width, height = room or (None, None)
        above = [title] if title else []
        shown, rest = _shown(len(rows), first, None if height is None else height - len(above) - 1)
        lines = [*(each if width is None else fit(each, width) for each in above), self._grid.head(width)]
        styles = [_BOLD] * len(lines)
        for place in shown:
            lines.append(self._grid.line(cells[place], width))
            styles.append(_style(rows[place]))
        if rest:
            lines.append(rest if width is None else fit(rest, width))
            styles.append(_DIM)
        lines = lines if height is None else lines[:height]
        return (
            [_painted(line, style) for line, style in zip(lines, styles, strict=False)] if colours else lines
        )

    def _cells(self, row: Watched, now_ns: int) -> list[str]:
        price = row.price
        rate = MISSING if row.rate is None else f"{row.rate:.1f}"
        if price is None:
            told = plain(row.message) if row.message else str(State.UNKNOWN)
            return [plain(row.instrument), *[MISSING] * 6, rate, told]
        digits = self._digits.setdefault(row.instrument, Digits())
        digits.see((price.price, price.bid, price.ask))
        return [
            plain(row.instrument), digits.write(price.price), percent(price.change_24h_pct),
            digits.write(price.bid), digits.write(price.ask), digits.difference(price.ask, price.bid),
            age(now_ns, price.ts_recv), rate, completeness(price.coverage, stale=price.stale),
        ]  # fmt: skip


def _shown(count: int, first: int, room: int | None) -> tuple[range, str]:
    """Which rows there is room for, and what is said of the others (rule 1)."""
    if room is None or count <= room:
        return range(count), ""
    told = room >= 2
    room = max(0, room - told)
    first = max(0, min(first, count - room))
    last = first + room
    return range(
        first, last
    ), f"{first + 1} to {last} of {count}; j and k, or the arrows, move" if told else ""


def _style(row: Watched) -> str:
    """Rule 2: each of these stands in words in the last column."""
    if row.price is None or row.price.stale:
        return _DIM
    return _YELLOW if _weak(row.price.coverage) else ""


def _weak(coverage: Coverage) -> bool:
    return coverage.state in (State.INCOMPLETE, State.UNKNOWN)


def _painted(line: str, style: str) -> str:
    return f"{style}{line}{_END}" if style else line
