"""Topic names of the WebSocket: text to Topic, with the nearest matches for one that is none. It holds no data."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from bethna.core.errors import BethnaError, ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.best_price import currencies_of, pair_of

TopicKind = Literal[
    "prices", "trades", "book", "candles", "bars", "best", "indices", "valuations", "alerts", "notifications",
    "health", "events",
]  # fmt: skip
KINDS: tuple[TopicKind, ...] = (
    "prices", "trades", "book", "candles", "bars", "best", "indices", "valuations", "alerts", "notifications",
    "health", "events",
)  # fmt: skip
_ALONE: tuple[TopicKind, ...] = ("alerts", "notifications", "health", "events")
_ROWS: tuple[TopicKind, ...] = ("prices", "indices", "valuations")
_FORMS: dict[TopicKind, str] = {
    "prices": "prices or prices:INSTRUMENT",
    "trades": "trades:INSTRUMENT",
    "book": "book:INSTRUMENT",
    "candles": "candles:INSTRUMENT:INTERVAL",
    "bars": "bars:INSTRUMENT:INTERVAL or bars:INSTRUMENT:INTERVAL:COUNT",
    "best": "best:BASE-QUOTE or best:BASE-QUOTE:CURRENCY,CURRENCY",
    "indices": "indices or indices:INSTRUMENT",
    "valuations": "valuations or valuations:INSTRUMENT",
    "alerts": "alerts",
    "notifications": "notifications",
    "health": "health",
    "events": "events",
}
MAX_TOPIC_CHARS = 200
BARS, MOST_BARS = 500, 5000
"""How many bars a row of `bars` begins with, unless it says so, and at most."""

Resolve = Callable[[str], tuple[InstrumentId, str | None]]
"""Any spelling as a followed instrument and a notice; raises UnknownInstrument."""


class UnknownTopic(BethnaError):
    """A text that names no topic."""

    code = "unknown_topic"


class Topic(Struct, frozen=True, gc=False):
    """A parsed topic; `instrument` None means all of them, or that the kind has none.

    Attributes:
        pair, convert: of `best`: `BTC-USD`, and the currencies that are converted.
        count: of `bars`: how many the row begins with.
    """

    kind: TopicKind
    instrument: InstrumentId | None = None
    interval: Interval | None = None
    pair: str | None = None
    convert: tuple[str, ...] = ()
    count: int | None = None

    def __str__(self) -> str:
        parts = (self.kind, self.instrument, self.interval, self.pair, ",".join(self.convert), self.count)
        return ":".join(str(part) for part in parts if part)


def parse_topic(text: str, resolve: Resolve) -> tuple[Topic, str | None]:
    """`trades:btcusdt` as the topic `trades:BTC-USDT@binance`, with a notice when an old name was resolved.

    Raises:
        UnknownTopic: no such kind, a missing or needless part, no such interval; the hint names what comes nearest.
        UnknownInstrument: the desk does not follow it, or it is no pair.
    """
    if len(text) > MAX_TOPIC_CHARS:
        raise UnknownTopic(f"expected a topic of at most {MAX_TOPIC_CHARS} characters, found {len(text)}")
    word, _, rest = text.partition(":")
    kind = next((known for known in KINDS if known == word), None)
    if kind is None:
        close = get_close_matches(word, KINDS, n=3, cutoff=0.5)
        near = ", ".join(_FORMS[known] for known in KINDS if known in close or not close)
        raise UnknownTopic(f"{text!r} is not a topic", hint=f"nearest: {near}")
    if kind in _ALONE or (kind in _ROWS and not rest):
        if rest:
            raise _malformed(text, kind)
        return Topic(kind), None
    if kind == "best":
        return _best(rest, text)
    interval: Interval | None = None
    count: int | None = None
    if kind == "bars":
        rest, count = _counted(rest, text)
    if kind in ("candles", "bars"):
        rest, _, length = rest.rpartition(":")
        interval = next((known for known in Interval if known == length), None)
        if rest and interval is None:
            raise UnknownTopic(
                f"{text!r} is not a topic: {length!r} is not an interval",
                hint=f"intervals: {', '.join(Interval)}",
            )
    if not rest:
        raise _malformed(text, kind)
    instrument, notice = resolve(rest)
    return Topic(kind, instrument, interval, count=count), notice


def _counted(rest: str, text: str) -> tuple[str, int]:
    """Instrument and interval, and how many bars."""
    before, _, number = rest.rpartition(":")
    if not before or not (number.isascii() and number.isdigit()):
        return rest, BARS
    if not 1 <= int(number[:9]) <= MOST_BARS:
        raise UnknownTopic(
            f"{text!r} is not a topic: expected a count from 1 to {MOST_BARS}, found {number[:9]}",
            hint=f"write {_FORMS['bars']}",
        )
    return before, int(number[:9])


def _best(rest: str, text: str) -> tuple[Topic, str | None]:
    pair, _, words = rest.partition(":")
    if not pair:
        raise _malformed(text, "best")
    base, quote, notice = pair_of(pair)
    try:
        convert = currencies_of(words.split(","), quote)
    except ConfigError as error:
        raise UnknownTopic(f"{text!r} is not a topic: {error.message}", hint=error.hint) from error
    return Topic("best", pair=f"{base}-{quote}", convert=convert), notice


def _malformed(text: str, kind: TopicKind) -> UnknownTopic:
    return UnknownTopic(f"expected {_FORMS[kind]}, found {text!r}", hint=f"write {_FORMS[kind]}")
