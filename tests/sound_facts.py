"""What every codec keeps whatever bytes it is given: sound facts or its own errors; for property tests and fuzzers.

Only what holds for every venue stands here. What one venue promises beyond it is checked by a function of that venue's
tests, which is called with every fact that was found sound.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct

from bethna.api.decoded import describe
from bethna.core.errors import VenueAnswer, WireError
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    CandlePage,
    IndexPrice,
    Quote,
    Ticker,
    Trade,
    TradePage,
    Valuation,
    VenueCandle,
)
from bethna.core.wire import Ack, BookDoubt, Refusal, RestEvent, WireEvent

MAX_INT = 2**63 - 1
Event = WireEvent | RestEvent
Promise = Callable[[Event], None]
"""What one venue promises of a fact beyond its soundness; raises AssertionError."""
MAY_BE_NEGATIVE = (Ticker, Valuation, Ack, Refusal)
"""They hold a change in percent, a Greek, or what the venue was asked and answered."""


class Decoder(Protocol):
    """A connection, or a codec that remembers nothing of its sockets."""

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]: ...


class Answerer(Protocol):
    """The half of a codec that reads the bodies of REST."""

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]: ...


# --- one fact


def numbers_of(value: object) -> Iterator[float | int]:
    """Every number inside a fact, or inside its description."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, float | int):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from numbers_of(getattr(value, name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers_of(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers_of(each)


def assert_numbers(event: Event, row: dict[str, Any], *, unnumbered: bool) -> None:
    """Finite, integers in 64 bits, and never negative but where that means something; finite once described, too."""
    for number in numbers_of(event):
        assert math.isfinite(number), row
        assert isinstance(number, float) or -MAX_INT - 1 <= number <= MAX_INT, row
        if not isinstance(event, MAY_BE_NEGATIVE):
            assert number >= 0 or (unnumbered and number == UNNUMBERED), row
    assert all(math.isfinite(number) and number >= -MAX_INT - 1 for number in numbers_of(row)), row


def assert_book(event: BookDelta | BookSnapshot) -> None:
    """Levels that can be; in a snapshot best first, no price twice; in a change the first id is not behind the last."""
    assert all(price > 0 <= quantity for price, quantity in (*event.bids, *event.asks)), event
    if isinstance(event, BookDelta):
        assert event.first_id <= event.last_id, event
        return
    assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True), event
    assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks}), event


def assert_sound(event: Event, *, unnumbered: tuple[type[Struct], ...] = ()) -> None:
    """Possible, finite, and describable as JSON.

    Args:
        unnumbered: the kinds to which this venue gives no number, UNNUMBERED standing for it.
    """
    row = describe(event)
    json.dumps(row, allow_nan=False)
    assert_numbers(event, row, unnumbered=isinstance(event, unnumbered))
    match event:
        case Trade():
            assert event.price > 0 <= event.quantity, row
            assert event.count > 0, row
        case TradePage():
            for trade in event.trades:
                assert_sound(trade, unnumbered=unnumbered)
        case Quote():
            assert min(event.bid, event.ask) > 0 <= min(event.bid_quantity, event.ask_quantity), row
        case BookDelta() | BookSnapshot():
            assert_book(event)
        case VenueCandle():
            assert min(event.open, event.high, event.low, event.close) > 0 <= event.volume, row
        case CandlePage():
            for candle in event.candles:
                assert_sound(candle, unnumbered=unnumbered)
        case Ticker():
            assert all(each is None or each > 0 for each in (event.open, event.high, event.low)), row
            assert event.last > 0, row
            assert event.volume is None or event.volume >= 0, row
        case IndexPrice():
            assert event.value > 0, row
        case Valuation():
            assert event.mark_price >= 0, row
            assert all(each is None or each > 0 for each in (event.mark_iv, event.bid_iv, event.ask_iv)), row
        case _:
            pass


# --- what is said, and what is answered


def outcome(
    decoder: Decoder, raw: bytes, now: int, promise: Promise = assert_sound
) -> list[WireEvent] | None:
    """The facts of a message, None when it is refused; any other exception is a finding."""
    try:
        events = list(decoder.decode(raw, now))
    except WireError:
        return None
    for event in events:
        promise(event)
    return events


def answer(codec: Answerer, path: str, raw: bytes, now: int, promise: Promise = assert_sound) -> None:
    """Reads the body of an answer: sound facts, the venue's refusal or WireError; any other exception is a finding."""
    try:
        events = codec.decode_http(path, raw, now)
    except (WireError, VenueAnswer):
        return
    for event in events:
        promise(event)


def hear(decoder: Decoder, messages: Sequence[bytes], now: int, promise: Promise = assert_sound) -> None:
    """A new connection's life: sound facts, and from a doubt of a book to its next snapshot no word of it."""
    doubtful: set[str] = set()
    for raw in messages:
        for event in outcome(decoder, raw, now, promise) or ():
            match event:
                case BookDoubt():
                    assert event.instrument not in doubtful, event
                    doubtful.add(event.instrument)
                case BookSnapshot():
                    doubtful.discard(event.instrument)
                case BookDelta():
                    assert event.instrument not in doubtful, event
                case _:
                    pass


# --- JSON


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def says_it_once(raw: bytes) -> bool:
    """Whether no key stands twice in one object; where one does, JSON leaves the meaning open."""
    try:
        json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return False
    return True


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value, however deep it is."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    for each in waiting:
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found += [(each, key) for key in keys]
        waiting += [each[key] for key in keys]
    return found
