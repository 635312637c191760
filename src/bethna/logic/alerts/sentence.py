"""Rules as people say them: `BTC-USDT crosses above 65,000, every time, again below 64,800, via telegram`.

It reads; `saying` writes. It knows which instruments there are by what it is handed, and does not judge a rule.

Rules
  1. First the symbol and the condition; more conditions after `and` (all of) or `or` (any of), not both. One without a
     symbol is about that of the condition before it. `BTC-USD@best` is the consolidated price; conditions of the desk,
     of options and of what is owned are in `other_sentences`.
  2. Then what else is wanted, each after a comma: `once`, `every time`, `once per 5m bar`, `again below 64,800`,
     `for 30s`, `cooldown 10m`, `until 2026-12-31`, `also if already`, `only on complete data`, `tell when unknown`,
     `critical`, `via page and telegram`, `quiet 22:00-07:00 Europe/Berlin`, `note ...`, which takes all that is left.
  3. Numbers may have commas between thousands, and a `k` for thousand. Times without a zone are UTC.
  4. What cannot be understood is named with what was expected in its place. Nothing is guessed and nothing skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    Doubt,
    IndicatorIs,
    Leaf,
    OptionFigure,
    Passage,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    QuietHours,
    Repeat,
    Severity,
    Side,
    SignalGiven,
    SpreadIs,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.errors import BethnaError, ConfigError, UnknownInstrument, cut
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.other_sentences import DOWN, UP, gap, option, read_side, without_symbol
from bethna.logic.alerts.saying import back
from bethna.logic.alerts.words import KEY, Reader
from bethna.logic.best_price import pair_of
from bethna.logic.indicators.registry import INDICATORS
from bethna.logic.indicators.registry import parse as read_indicator

MOST_CHARS = 1_000
Resolve = Callable[[str], InstrumentId]
"""A symbol as people write it; raises UnknownInstrument."""

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_RISES = {"rises", "gains", "climbs"}
_FALLS = {"falls", "drops", "loses"}
_JOINS = {"and", "or"}
_BEST = "@best"
_INTERVALS = {each.lower() for each in Interval}
_MICROSECOND = timedelta(microseconds=1)


def parse(text: str, resolve: Resolve) -> AlertRule:
    """The rule that a sentence says; whether it makes sense is for `rules.check`.

    Raises:
        ConfigError: of the key `sentence`: a part is not understood; it names the part and what was expected.
        UnknownInstrument: the symbol names nothing.
    """
    if len(text) > MOST_CHARS:
        raise ConfigError(KEY, f"expected at most {MOST_CHARS} characters, found {len(text)}")
    reader = Reader(text)
    rule = AlertRule(_conditions(reader, resolve))
    while not reader.is_over():
        reader.take(",", "a comma before what else is wanted")
        rule = _wish(reader, rule)
    return rule


# --- conditions


def _conditions(reader: Reader, resolve: Resolve) -> Condition:
    parts, instrument = _part(reader, resolve, None)
    join = ""
    while (word := reader.peek()) in _JOINS:
        if join and word != join:
            raise reader.expected(f"{join} between all conditions, or a comma")
        join = word
        reader.word(word)
        more, instrument = _part(reader, resolve, instrument)
        parts += more
    if len(parts) == 1:
        return parts[0]
    return AllOf(tuple(parts)) if join == "and" else AnyOf(tuple(parts))


def _part(
    reader: Reader, resolve: Resolve, instrument: InstrumentId | None
) -> tuple[list[Leaf], InstrumentId | None]:
    """One condition, and the instrument that it is about. `instrument`: that of the one before."""
    if instrument is None or not _is_condition(reader.peek()):
        leaf = without_symbol(reader)
        if leaf is not None:
            return [leaf], None
        instrument = _symbol(reader, resolve)
    return _leaves(reader, instrument), instrument


class _Start(Struct, frozen=True):
    """A word with which a condition begins, and who reads it."""

    read: Callable[[Reader, InstrumentId], list[Leaf]]


def _is_condition(word: str) -> bool:
    return word in _STARTS or word in _INTERVALS


def _symbol(reader: Reader, resolve: Resolve) -> InstrumentId:
    if _is_condition(reader.peek()):
        raise reader.expected("a symbol first")
    text = reader.word("a symbol such as BTC-USDT")
    try:
        if text.lower().endswith(_BEST):
            base, quote, _ = pair_of(text[: -len(_BEST)])
            return InstrumentId(f"{base}-{quote}{_BEST}")
        return resolve(text)
    except UnknownInstrument:
        raise
    except BethnaError as error:
        raise ConfigError(
            KEY, f"expected a symbol, found {cut(text)!r}: {error.message}", hint=error.hint
        ) from None


def _leaves(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    start = _STARTS.get(reader.peek())
    if start is not None:
        return start.read(reader, instrument)
    if _is_condition(reader.peek()):
        return _indicator(reader, instrument)
    raise reader.expected(f"a condition ({', '.join(_STARTS)} or an indicator such as rsi(14))")


def _crosses(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    reader.word("crosses")
    way = Way.EITHER
    if reader.peek() in UP | DOWN:
        way = Way.UP if read_side(reader, "above or below") is Side.ABOVE else Way.DOWN
    return [PriceCrosses(instrument, way, reader.number("above, below or a level such as 65,000"))]


def _is(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    if reader.took("is", "stale"):
        return [SystemIs(Trouble.STALE, instrument)]
    reader.took("is")
    return [PriceIs(instrument, read_side(reader, "above or below"), reader.number("a level such as 65,000"))]


def _channel(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    passage = Passage(reader.word("enters or leaves").lower())
    low = reader.number("the lower edge, such as 60,000 to 65,000")
    reader.take("to", "to and the higher edge")
    high = reader.number("the higher edge")
    margin = 0.0
    if reader.took("margin"):
        margin = reader.number("a margin in the price's unit")
    return [PriceChannel(instrument, low, high, passage, margin)]


def _moves(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    word = reader.word("moves").lower()
    ways = (Way.UP,) if word in _RISES else (Way.DOWN,) if word in _FALLS else (Way.UP, Way.DOWN)
    if word == "moves" and reader.peek() in {"up", "down"}:
        ways = (Way(reader.word("up or down").lower()),)
    if not reader.peek().endswith("%"):
        raise reader.expected("a percentage such as 5%")
    percent = reader.number("a percentage such as 5%", "%")
    window = _within(reader)
    return [PriceMoves(instrument, way, percent, window) for way in ways]


def _within(reader: Reader) -> int:
    if not (reader.took("in") or reader.took("within")):
        raise reader.expected("in and a length such as 15m")
    return reader.length("a length")


def _volume(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    reader.word("volume")
    reader.take("above", "above and a quantity")
    quantity = reader.number("a quantity")
    return [VolumeIs(instrument, quantity, _within(reader))]


def _spread(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    reader.word("spread")
    reader.take("above", "above and basis points, such as 5bps")
    if reader.peek().endswith("bps"):
        return [SpreadIs(instrument, reader.number("basis points, such as 5bps", "bps"))]
    points = reader.number("basis points, such as 5bps")
    reader.take("bps", "bps (basis points)")
    return [SpreadIs(instrument, points)]


def _signal(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    reader.word("signal")
    confidence = 70.0
    if reader.took("above"):
        confidence = reader.number("a confidence in percent", "%")
    return [SignalGiven(instrument, confidence)]


def _indicator(reader: Reader, instrument: InstrumentId) -> list[Leaf]:
    interval = reader.interval()
    name, part = _indicator_name(reader, interval)
    side = read_side(reader, "above or below")
    if "(" in reader.peek() or reader.peek() in INDICATORS:
        other, of = _indicator_name(reader, interval)
        against = f"{other}.{of}" if of else other
        return [IndicatorIs(instrument, interval, name, side, None, against, part)]
    return [
        IndicatorIs(instrument, interval, name, side, reader.number("a level or another indicator"), "", part)
    ]


def _indicator_name(reader: Reader, interval: Interval) -> tuple[str, str]:
    """An indicator in its one way of writing, and the part of its value that is meant."""
    text = reader.word("an indicator such as rsi(14)")
    found = read_indicator(text, interval)
    parts = found.spec.parts
    if len(parts) == 1:
        return found.text, ""
    if reader.peek() not in parts:
        raise reader.expected(f"which part of {found.text}: {', '.join(parts)}")
    return found.text, reader.word("a part").lower()


_STARTS: dict[str, _Start] = {
    **dict.fromkeys(("crosses", "crossing"), _Start(_crosses)),
    **dict.fromkeys(("is", "above", "below"), _Start(_is)),
    **dict.fromkeys(("enters", "leaves"), _Start(_channel)),
    **dict.fromkeys(("moves", *sorted(_RISES), *sorted(_FALLS)), _Start(_moves)),
    "volume": _Start(_volume),
    "spread": _Start(_spread),
    "signal": _Start(_signal),
    **dict.fromkeys(map(str, OptionFigure), _Start(option)),
    "has": _Start(gap),
}


# --- what else is wanted


def _wish(reader: Reader, rule: AlertRule) -> AlertRule:
    if reader.took("once", "per"):
        interval = reader.interval()
        reader.take("bar", "bar after its length")
        return replace(rule, repeat=Repeat.PER_BAR, bar=interval)
    for words, changes in _FIXED:
        if reader.took(*words):
            return replace(rule, **changes)
    if reader.took("again"):
        return _with_again(reader, rule)
    if reader.took("for"):
        return replace(rule, hold_ns=reader.length("a length"))
    if reader.took("cooldown"):
        return replace(rule, cooldown_ns=reader.length("a length"))
    if reader.took("until"):
        return replace(rule, expires=_instant(reader))
    if reader.took("via"):
        channels = [reader.word("a channel").lower()]
        while reader.took("and"):
            channels.append(reader.word("a channel").lower())
        return replace(rule, channels=tuple(channels))
    if reader.took("quiet"):
        return replace(rule, quiet=_quiet(reader))
    if reader.took("note"):
        return replace(rule, note=reader.rest())
    raise reader.expected(
        "once, every time, once per, again, for, cooldown, until, also if already, only on complete data, "
        "tell when unknown, info, warning, critical, via, quiet or note"
    )


_SEVERITIES: list[tuple[tuple[str, ...], dict[str, object]]] = [
    ((str(each),), {"severity": each}) for each in Severity
]
_FIXED: tuple[tuple[tuple[str, ...], dict[str, object]], ...] = (
    (("once",), {"repeat": Repeat.ONCE}),
    (("every", "time"), {"repeat": Repeat.EVERY}),
    (("also", "if", "already"), {"already": True}),
    (("only", "on", "complete", "data"), {"doubt": Doubt.COMPLETE_ONLY}),
    (("tell", "when", "unknown"), {"doubt": Doubt.TELL}),
    *_SEVERITIES,
)


def _with_again(reader: Reader, rule: AlertRule) -> AlertRule:
    side = read_side(reader, "below or above")
    level = reader.number("a level such as 64,800")
    condition = rule.condition
    parts = list(parts_of(condition))
    fitting = [
        index
        for index, part in enumerate(parts)
        if isinstance(part, PriceIs | PriceCrosses) and part.rearm is None and back(part) is side
    ]
    if not fitting:
        raise ConfigError(
            KEY,
            f"expected a price on the other side of its level for again {side}, found none in the condition",
        )
    chosen = parts[fitting[0]]
    assert isinstance(chosen, PriceIs | PriceCrosses)
    parts[fitting[0]] = replace(chosen, rearm=level)
    if isinstance(condition, AllOf | AnyOf):
        return replace(rule, condition=replace(condition, parts=tuple(parts)))
    return replace(rule, condition=parts[0])


def _instant(reader: Reader) -> int:
    text = reader.peek().upper()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise reader.expected("a time such as 2026-12-31 or 2026-12-31T18:00Z") from None
    reader.word("a time")
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    micros = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    return micros * 1_000


def _quiet(reader: Reader) -> QuietHours:
    found = _CLOCK.fullmatch(reader.peek())
    if found is None:
        raise reader.expected("hours such as 22:00-07:00")
    reader.word("hours")
    first, second, third, fourth = (int(each) for each in found.groups())
    zone = "UTC" if reader.peek() in {"", ","} else reader.word("a zone")
    return QuietHours(first * 60 + second, third * 60 + fourth, zone)
