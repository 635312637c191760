"""Conditions of the desk itself, of options and of what somebody owns, as people say them; it reads no others.

Rules
  1. Of the desk: `VENUE is down`, `VENUE quota is nearly used`, `VENUE clock is off`; of an instrument `is stale` and
     `has a gap` after its symbol. `anything` or `any` in place of a name means whichever.
  2. Of an option: `iv above 60` (percent a year), `premium below 0.02` (in its quote unit), or a Greek, after its
     symbol.
  3. Of what is owned, with `of ACCOUNT` for one account: `a position opens`, `a position of main closes`,
     `a position expires within 2d`, `pnl above 500 usd`, `pnl of main below -10%`.
"""

from __future__ import annotations

import re
from typing import assert_never

from bethna.core.alerts import (
    ExpiryNear,
    Leaf,
    OptionFigure,
    OptionIs,
    PnlIs,
    PositionIs,
    Side,
    SystemIs,
    Trouble,
)
from bethna.core.errors import ConfigError, cut
from bethna.core.market import InstrumentId
from bethna.logic.alerts.troubles import trouble_words
from bethna.logic.alerts.words import KEY, Reader, say_length, say_number

UP = {"above", "up", "over"}
DOWN = {"below", "down", "under"}
_OF_VENUES = (Trouble.VENUE_DOWN, Trouble.QUOTA, Trouble.CLOCK_OFF)
_ANY = {"any", "anything"}
_VENUE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def read_side(reader: Reader, what: str) -> Side:
    """Above or below, in any of the words for it."""
    word = reader.peek()
    if word not in UP | DOWN:
        raise reader.expected(what)
    reader.word(what)
    return Side.ABOVE if word in UP else Side.BELOW


def without_symbol(reader: Reader) -> Leaf | None:
    """A condition that is about no instrument (rules 1 and 3); None where another one comes, and nothing is read."""
    if reader.took("a", "position"):
        return _position(reader)
    if reader.took("pnl"):
        return _pnl(reader)
    before = reader.place()
    about = "" if reader.is_over() else reader.word("a venue").lower()
    for trouble in Trouble if about in _ANY else _OF_VENUES:
        words = trouble_words(trouble)
        if reader.took(*words.split()):
            return SystemIs(trouble, "" if about in _ANY else _venue(about, words))
    if about in _ANY:
        raise reader.expected(", ".join(map(trouble_words, Trouble)))
    reader.back_to(before)
    return None


def option(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    """Rule 2."""
    figure = OptionFigure(reader.word("a figure of an option").lower())
    side = read_side(reader, "above or below")
    suffix = "%" if figure is OptionFigure.IV else ""
    return [OptionIs(instrument, figure, side, reader.number("a level such as 0.5", suffix))]


def gap(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    """`has a gap`."""
    reader.word("has")
    if not reader.took("a", "gap"):
        raise reader.expected("a gap after has")
    return [SystemIs(Trouble.GAP_OPEN, instrument)]


def say_other(leaf: SystemIs | OptionIs | PositionIs | PnlIs | ExpiryNear) -> str:
    """The sentence of one, which is read as the same."""
    match leaf:
        case SystemIs():
            anything = "any" if leaf.trouble in (Trouble.QUOTA, Trouble.CLOCK_OFF) else "anything"
            return f"{leaf.about or anything} {trouble_words(leaf.trouble)}"
        case OptionIs():
            return f"{leaf.instrument} {leaf.figure} {leaf.side} {say_number(leaf.level)}"
        case PositionIs():
            return f"a position{_of(leaf.account)} {'opens' if leaf.opened else 'closes'}"
        case PnlIs():
            unit = "%" if leaf.in_percent else " usd"
            return f"pnl{_of(leaf.account)} {leaf.side} {say_number(leaf.level)}{unit}"
        case ExpiryNear():
            return f"a position{_of(leaf.account)} expires within {say_length(leaf.within_ns)}"
        case _:
            assert_never(leaf)


def _of(account: str) -> str:
    return f" of {account}" if account else ""


def _venue(about: str, words: str) -> str:
    if not _VENUE.fullmatch(about):
        raise ConfigError(
            KEY, f"expected a venue before {words!r}, found {cut(about)!r}", hint="an instrument is stale"
        )
    return about


def _account(reader: Reader) -> str:
    return reader.word("an account") if reader.took("of") else ""


def _position(reader: Reader) -> Leaf:
    account = _account(reader)
    if reader.took("opens"):
        return PositionIs(True, account)
    if reader.took("closes"):
        return PositionIs(False, account)
    if not reader.took("expires", "within"):
        raise reader.expected("opens, closes or expires within after a position")
    return ExpiryNear(reader.length("a length"), account)


def _pnl(reader: Reader) -> Leaf:
    account = _account(reader)
    side = read_side(reader, "above or below")
    word = reader.peek()
    if word.endswith("%"):
        return PnlIs(side, reader.number("a percentage such as 10%", "%"), True, account)
    if word.endswith("usd"):
        return PnlIs(side, reader.number("an amount such as 500 usd", "usd"), False, account)
    amount = reader.number("an amount such as 500 usd, or a percentage such as 10%")
    reader.take("usd", "usd, or % right after the number")
    return PnlIs(side, amount, False, account)
