"""The words of a sentence one after the other, with numbers, lengths and intervals; it knows nothing of rules.

What is not what was expected is refused with both, and with the place where it stands.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, cut
from bethna.core.intervals import Interval

KEY = "sentence"
SMALLEST = 1e-10
"""What is nearer to 0 is written with an exponent."""
UNIT_NS = {
    "ms": NS_PER_S // 1000, "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S, "d": 86_400 * NS_PER_S,
    "w": 604_800 * NS_PER_S,
}  # fmt: skip
_TOKEN = re.compile(r"\s*([A-Za-z_]+\([^()]*\)|-?\d{1,3}(?:,\d{3})+(?![0-9])[^\s,]*|[^\s,]+|,)")
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d{1,3})?", re.ASCII)
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|w)", re.ASCII)


class Reader:
    """The words of a sentence, one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def is_over(self) -> bool:
        return not self._text[self._at :].strip()

    def peek(self) -> str:
        """The next word, small; empty at the end."""
        found = _TOKEN.match(self._text, self._at)
        return "" if found is None else found[0].strip().lower()

    def word(self, expected: str) -> str:
        """The next word as it is written."""
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self.expected(expected)
        self._at = found.end()
        return found[0].strip()

    def take(self, wanted: str, expected: str) -> None:
        """The next word, which must be this."""
        if self.peek() != wanted:
            raise self.expected(expected)
        self.word(expected)

    def took(self, *wanted: str) -> bool:
        """Whether these words come next; then they are taken."""
        at = self._at
        for each in wanted:
            if self.peek() != each:
                self._at = at
                return False
            self.word(each)
        return True

    def place(self) -> int:
        """Where it is, for `back_to`."""
        return self._at

    def back_to(self, place: int) -> None:
        """Read on from where it was."""
        self._at = place

    def rest(self) -> str:
        """All that is left."""
        found = self._text[self._at :].strip()
        self._at = len(self._text)
        return found

    def expected(self, what: str) -> ConfigError:
        """The error of another word than was expected, to be raised."""
        found = self.peek()
        before = cut(self._text[: self._at].strip()[-30:])
        place = f"found {cut(found)!r} after {before!r}" if found else f"found the end after {before!r}"
        hint = "such as: BTC-USDT crosses above 65,000, every time"
        return ConfigError(KEY, f"expected {what}, {place}", hint=hint)

    def number(self, what: str, suffix: str = "") -> float:
        """A number, with thousands as people write them."""
        word = self.peek()
        plain = word.removesuffix(suffix)
        factor = 1.0
        if plain.endswith("k"):
            plain, factor = plain[:-1], 1_000.0
        if not _NUMBER.fullmatch(plain):
            raise self.expected(what)
        self.word(what)
        return float(plain.replace(",", "")) * factor

    def length(self, what: str) -> int:
        """A length of time in ns."""
        found = _LENGTH.fullmatch(self.peek())
        if found is None:
            raise self.expected(f"{what} such as 30s, 15m or 4h")
        self.word(what)
        return round(float(found[1]) * UNIT_NS[found[2]])

    def interval(self) -> Interval:
        """An interval of bars; months are written `1M`."""
        found = _TOKEN.match(self._text, self._at)
        word = "" if found is None else found[0].strip()
        if word not in {str(each) for each in Interval}:
            raise self.expected(f"an interval of bars ({', '.join(Interval)})")
        self.word("an interval")
        return Interval(word)


def say_number(figure: float) -> str:
    """A number that `Reader.number` reads as the same, in the fewest digits that say which it is."""
    if not isfinite(figure) or 0.0 < abs(figure) < SMALLEST:
        return repr(figure)
    whole = f"{Decimal(repr(figure)):,f}"
    return whole.rstrip("0").rstrip(".") if "." in whole else whole


def say_length(length_ns: int) -> str:
    """A length of time that `Reader.length` reads as the same."""
    for unit in ("w", "d", "h", "m", "s"):
        if length_ns % UNIT_NS[unit] == 0:
            return f"{length_ns // UNIT_NS[unit]}{unit}"
    return f"{length_ns / UNIT_NS['ms']:.6f}".rstrip("0").rstrip(".") + "ms"
