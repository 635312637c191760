"""Text in columns for a terminal or a pipe: how wide a text is, where it is cut, what may not reach a terminal.

1. A character counts as wide as a terminal draws it: two cells for wide ones, none for what is drawn onto others.
2. Nothing that a desk or a venue said moves a cursor or sets a colour: control characters are drawn as `?`.
3. Missing is a dash, never 0 and never nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

MISSING = "-"
_CUT = "~"


class Column(Struct, frozen=True):
    """One column: what stands at its top, its least width, and which side its cells keep to.

    Attributes:
        rank: where there is not enough room, the column of the highest rank is left out first; 0 always stays.
    """

    title: str
    least: int = 0
    side: Literal["left", "right"] = "right"
    rank: int = 0


def plain(text: str) -> str:
    """Rule 2."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if unicodedata.category(each) in _UNSEEN else each for each in text)


# Control, format (it turns the direction of writing), surrogate, line and paragraph separators.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def width(text: str) -> int:
    """Cells of a terminal (rule 1)."""
    return len(text) if text.isascii() else sum(_cells(each) for each in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, cells: int) -> str:
    """As much of a text as there is room for; what was cut says so."""
    if width(text) <= cells:
        return text
    kept, used = "", 0
    for each in text:
        if used + _cells(each) > cells - 1:
            break
        kept, used = kept + each, used + _cells(each)
    return (kept + _CUT)[: max(cells, 0)]


def padded(text: str, cells: int, side: Literal["left", "right"]) -> str:
    """A text with room beside it."""
    room = " " * (cells - width(text))
    return text + room if side == "left" else room + text


class Grid:
    """Columns that grow with what they hold and never shrink, so that lines which are written one by one stand below
    each other.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._widths = [max(column.least, width(column.title)) for column in self.columns]

    def measure(self, cells: Sequence[str]) -> None:
        """Make room for a line that is to come."""
        for place, cell in enumerate(cells):
            self._widths[place] = max(self._widths[place], width(cell))

    def head(self, room: int | None = None) -> str:
        """The titles."""
        return self.line([column.title for column in self.columns], room)

    def line(self, cells: Sequence[str], room: int | None = None) -> str:
        """One line; in a given room without the columns that do not fit."""
        self.measure(cells)
        shown = self._shown(room)
        parts = [padded(cells[place], self._widths[place], self.columns[place].side) for place in shown]
        text = "  ".join(parts).rstrip()
        return text if room is None else fit(text, room)

    def _shown(self, room: int | None) -> list[int]:
        shown = list(range(len(self.columns)))
        while room is not None and sum(self._widths[place] + 2 for place in shown) - 2 > room:
            last = max(shown, key=lambda place: (self.columns[place].rank, place))
            if self.columns[last].rank == 0:
                break
            shown.remove(last)
        return shown
