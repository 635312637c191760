"""Tells one instrument's data, once or as it goes on, with what happens in between; which desk it is, it is told.

Rules
  1. The first data is waited for as long as was asked, then NoDataYet says what is missing; what the venue refuses is
     said at once.
  2. `follow` begins with what the desk has (the newest trades, the last candles) and goes on without a hole or a
     repetition: it listens before it fetches.
  3. A book and a price are told as they are when they are read: whoever reads slowly misses states, never a note.
  4. Closed candles are told at once, the open one once a second.
  5. Data that ends (a recording) is the end; a desk that goes away is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from bethna.api.protocol import HealthAnswer
from bethna.cli import objects
from bethna.cli.cells import Note, note
from bethna.cli.objects import Object
from bethna.cli.output import Output
from bethna.cli.tellers import Teller
from bethna.client.candles import Candles
from bethna.client.facts import Book, CertifiedTrade
from bethna.client.nouns import Books, Prices, Trades
from bethna.core.errors import CannotFollow, NoDataYet, UnknownInstrument
from bethna.core.instrument import Feature
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, PriceView
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, SourceKind, StreamStatus

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_NOTES = (GapFound, Healed, GapMarked, BookStatus, StreamStatus, Dropped)
OPEN_EVERY_S = 1.0
GATHER_S = 3.0
AT_HAND = 20
"""Levels of each side that an attached desk has at hand."""


class Nouns(Protocol):
    """What is asked of a desk here: `RealTimeTrading` is one."""

    prices: Prices
    trades: Trades
    books: Books
    candles: Candles

    @property
    def attached(self) -> str | None: ...
    @property
    def source(self) -> SourceKind: ...
    def health(self) -> HealthAnswer: ...
    async def ready(
        self, *symbols: str, timeout_s: float = ..., features: Collection[Feature] | None = ...
    ) -> None: ...


class Asked(Struct, frozen=True):
    """What is to be told.

    Attributes:
        whole_book: how a book is had that is deeper than what an attached desk has at hand; None where all is at hand.
        gather_s: where the desk has just begun, how long more of the past is waited for after the first.
    """

    instrument: InstrumentId
    follow: bool
    as_json: bool
    timeout_s: float
    limit: int = 20
    depth: int = 10
    interval: str = "1m"
    whole_book: Callable[[InstrumentId, int], Awaitable[Book]] | None = None
    gather_s: float = GATHER_S


class Telling(Generic[T]):
    """Where facts and notes go."""

    def __init__(self, out: Output, teller: Teller[T], asked: Asked) -> None:
        self._out = out
        self._teller = teller
        self._asked = asked
        self._begun = False

    async def fact(self, fact: T) -> None:
        """A line, or an object."""
        if self._asked.as_json:
            await self._object(self._teller.object(fact))
            return
        text = self._teller.text(fact)
        await self._head()
        await self._out.say(text)

    async def facts(self, facts: Sequence[T]) -> None:
        """Several, each with the room that the widest needs."""
        for fact in facts if not self._asked.as_json else ():
            self._teller.measure(fact)
        for fact in facts:
            await self.fact(fact)

    async def note(self, event: Note) -> None:
        """What happened in between."""
        if self._asked.as_json:
            await self._object(objects.note_object(event, self._asked.instrument))
        else:
            await self._out.say(note(event))

    async def whole(self, said: Object) -> None:
        """One object that holds all of it."""
        await self._object(said)

    async def _head(self) -> None:
        if not self._begun and (head := self._teller.head()):
            await self._out.say(head)
        self._begun = True

    async def _object(self, said: Object) -> None:
        await self._out.say(msgspec.json.encode(said).decode())


async def tell_price(desk: Nouns, asked: Asked, telling: Telling[PriceView]) -> None:
    """The price of an instrument."""
    await _ready(desk, asked, "prices")
    async with desk.prices.events(asked.instrument) as events:
        await _each(desk, events, telling, asked)


async def tell_book(desk: Nouns, asked: Asked, telling: Telling[Book]) -> None:
    """Its book; the notes of its stream beside it."""
    await _ready(desk, asked, "books")
    async with desk.books.stream(asked.instrument, depth=asked.depth) as stream:
        books = _deep(stream, asked)
        if not asked.follow:
            await _each(desk, books, telling, asked)
            return
        async with desk.books.events(asked.instrument) as events, asyncio.TaskGroup() as group:
            noting = group.create_task(_notes(events, telling), name="notes")
            await _each(desk, books, telling, asked)
            noting.cancel()


async def _deep(books: AsyncIterator[Book], asked: Asked) -> AsyncIterator[Book]:
    """Each book as deep as it was asked for; of those that came while one was fetched, the newest."""
    told: Book | None = None
    async for book in books:
        if asked.whole_book is not None and asked.depth > AT_HAND:
            book = await asked.whole_book(asked.instrument, asked.depth)
        if book != told:
            told = book
            yield book


async def tell_trades(desk: Nouns, asked: Asked, telling: Telling[CertifiedTrade]) -> None:
    """Its trades (rule 2)."""
    async with desk.trades.events(asked.instrument) as events:
        await _ready(desk, asked, "trades")
        if desk.attached is None and not asked.follow:
            await _gather(events, asked)
        table = await desk.trades.fetch(asked.instrument, limit=asked.limit)
        if asked.as_json and not asked.follow:
            await telling.whole(objects.trades_object(asked.instrument, list(table), table.coverage))
            return
        await telling.facts(list(table))
        if asked.follow:
            await _each(desk, _after(events, list(table)), telling, asked)


async def tell_candles(desk: Nouns, asked: Asked, telling: Telling[Candle]) -> None:
    """Its candles (rules 2 and 4)."""
    wanted = (asked.instrument, asked.interval)
    await _ready(desk, asked, "candles")
    async with desk.candles.events(*wanted) as events:
        table = await desk.candles.fetch(*wanted, limit=asked.limit)
        if not asked.follow:
            if asked.as_json:
                interval = Interval(asked.interval)
                await telling.whole(objects.candles_object(asked.instrument, interval, list(table)))
            else:
                await telling.facts(list(table))
            return
        past = [candle for candle in table if candle.closed]
        await telling.facts(past)
        pace = _OpenCandle(telling, {candle.open_time: candle for candle in past})
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(pace.run(), name="open-candle")
            await _each(desk, events, pace, asked)
            beside.cancel()


async def _ready(desk: Nouns, asked: Asked, feature: Feature) -> None:
    """Rule 1."""
    try:
        await desk.ready(asked.instrument, timeout_s=asked.timeout_s, features=(feature,))
    except NoDataYet as error:
        card = desk.health().instruments.get(asked.instrument)
        if card is not None and card.status == "refused":
            raise UnknownInstrument(
                asked.instrument, message=card.message, hint="ask for one that the venue lists"
            ) from None
        error.hint = _WAIT
        raise


_WAIT = "wait longer with --timeout; `bethna status` says how the desk is, `bethna doctor` what is missing"
_MOST_TOLD = 2000


class _Hears(Protocol[T_contra]):
    async def fact(self, fact: T_contra, /) -> None: ...
    async def note(self, event: Note, /) -> None: ...


class _OpenCandle:
    """Rule 4."""

    def __init__(self, telling: Telling[Candle], told: dict[int, Candle]) -> None:
        self._telling = telling
        self._told = told
        self._open: Candle | None = None

    async def fact(self, fact: Candle) -> None:
        """A candle that changed."""
        if not fact.closed:
            self._open = fact
            return
        if self._open is not None and self._open.open_time <= fact.open_time:
            self._open = None
        if self._told.get(fact.open_time) != fact:
            self._told[fact.open_time] = fact
            while len(self._told) > _MOST_TOLD:
                del self._told[next(iter(self._told))]
            await self._telling.fact(fact)

    async def note(self, event: Note) -> None:
        """Passed on."""
        await self._telling.note(event)

    async def run(self) -> None:
        """The open one, when it has changed."""
        while True:
            if self._open is not None:
                candle, self._open = self._open, None
                await self._telling.fact(candle)
            await asyncio.sleep(OPEN_EVERY_S)


async def _each(desk: Nouns, events: AsyncIterator[T | Note], telling: _Hears[T], asked: Asked) -> None:
    """Until the data ends (rule 5); the first alone when it is not followed."""
    async for event in events:
        if isinstance(event, _NOTES):
            _refuse(event)
            if asked.follow:
                await telling.note(event)
                if isinstance(event, StreamStatus) and event.state == "ended":
                    return
            continue
        await telling.fact(event)
        if not asked.follow:
            return
    if desk.source != "tape":
        raise CannotFollow(
            f"expected {asked.instrument} to go on, found that the desk follows it no longer",
            hint="somebody has taken it from the desk's list; ask for it again to have it followed",
        )


async def _notes(events: AsyncIterator[object], telling: Telling[Book]) -> None:
    """What happens between books, until the data ends."""
    async for event in events:
        if isinstance(event, _NOTES):
            _refuse(event)
            await telling.note(event)


async def _after(
    events: AsyncIterator[CertifiedTrade | Note], table: Sequence[CertifiedTrade]
) -> AsyncIterator[CertifiedTrade | Note]:
    """What happened after the table (rule 2): what was heard while it was asked for stands in it, or before it."""
    told, last = {each.trade_id for each in table}, table[-1].trade_id if table else -1
    passed = not table
    async for event in events:
        if not isinstance(event, CertifiedTrade) or passed:
            if isinstance(event, CertifiedTrade) and event.trade_id in told:
                told.discard(event.trade_id)
                continue
            yield event
            continue
        told.discard(event.trade_id)
        passed = event.trade_id >= last
        if event.trade_id > last:
            yield event


async def _gather(events: AsyncIterator[object], asked: Asked) -> None:
    """A desk that has just begun has no past: after the first trade wait a little for some more."""
    found = 1
    with suppress(TimeoutError):
        async with asyncio.timeout(asked.gather_s):
            async for event in events:
                found += isinstance(event, CertifiedTrade)
                if found > asked.limit:
                    return


def _refuse(event: Note) -> None:
    """Rule 1."""
    if isinstance(event, StreamStatus) and event.state == "refused":
        raise UnknownInstrument(event.instrument, message=event.reason)
