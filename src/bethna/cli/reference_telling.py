"""Tells indices and valuations, once or as they go on: lines below a head, or objects; which desk, it is told.

Rules
  1. Each that was named has a figure before anything is told; they are waited for as long as was asked, then NoDataYet
     names what is missing. Of all that the desk follows one has to have a figure, and GATHER_S are given to the others.
  2. Once, each has a line. Followed, a line is told when one of them is another; a slow reader misses states.
  3. Data that ends (a recording) is the end; a desk that goes away, or follows one of them no longer, is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from bethna.cli import objects
from bethna.cli.cells import Digits, age, clock_time, completeness
from bethna.cli.grid import MISSING, Column, Grid, plain
from bethna.cli.output import Output
from bethna.client.references import Indices, Valuations
from bethna.client.streams import Stream
from bethna.core.errors import CannotFollow, NoDataYet
from bethna.core.market import Greeks, InstrumentId
from bethna.core.reference import IndexView, Reference, ReferenceKind, ValuationView
from bethna.core.status import SourceKind

GATHER_S = 3.0
LOOK_S = 0.25
_WAIT = "wait longer with --timeout; `bethna status` says how the desk is"
_TIME, _NAME = Column("TIME (UTC)", 23, "left"), Column("INSTRUMENT", side="left")
_AGE, _COVERAGE = Column("AGE", 6), Column("COVERAGE", 8, "left")
_INDEX = (_TIME, _NAME, Column("VALUE", 10), Column("UNIT", 4, "left"), _AGE, _COVERAGE)
_VALUATION = (
    _TIME, _NAME, Column("MARK", 10), Column("UNIT", 4, "left"), Column("INDEX", 10), Column("IV", 7),
    Column("DELTA", 8), Column("GAMMA", 8), Column("VEGA", 8), Column("THETA", 8), Column("FUNDING 8H", 10),
    Column("OPEN INTEREST", 10), _AGE, _COVERAGE,
)  # fmt: skip


class AskedReferences(Struct, frozen=True):
    """What is to be told; no instruments are all that the desk follows."""

    kind: ReferenceKind
    instruments: tuple[InstrumentId, ...]
    follow: bool
    as_json: bool
    timeout_s: float


class Desk(Protocol):
    """What is asked of a desk here: `RealTimeTrading` is one."""

    indices: Indices
    valuations: Valuations

    @property
    def source(self) -> SourceKind: ...


class ReferenceTelling:
    """Where figures go."""

    def __init__(self, out: Output, now: Callable[[], int], asked: AskedReferences) -> None:
        self._out = out
        self._now = now
        self._asked = asked
        self._grid = Grid(_INDEX if asked.kind == "indices" else _VALUATION)
        self._digits: dict[InstrumentId, tuple[Digits, Digits]] = {}
        self._begun = False

    async def all_of_them(self, views: Sequence[Reference]) -> None:
        """Each once; as JSON one object that holds all."""
        if self._asked.as_json and not self._asked.follow:
            await self._object(objects.references_object(self._asked.kind, views, self._now()))
            return
        for view in views if not self._asked.as_json else ():
            self._grid.measure(self._cells(view))
        for view in views:
            await self.one(view)

    async def one(self, view: Reference) -> None:
        """A line, or an object."""
        if self._asked.as_json:
            await self._object(objects.reference_object(view, self._now()))
            return
        line = self._grid.line(self._cells(view))
        if not self._begun:
            self._begun = True
            await self._out.say(self._grid.head())
        await self._out.say(line)

    async def _object(self, said: objects.Object) -> None:
        await self._out.say(msgspec.json.encode(said).decode())

    def _cells(self, view: Reference) -> list[str]:
        figure, other = self._digits.setdefault(view.instrument, (Digits(), Digits()))
        first = [clock_time(view.ts_event), plain(view.instrument)]
        last = [age(self._now(), view.ts_recv), completeness(view.coverage, stale=view.stale)]
        if isinstance(view, IndexView):
            figure.see((view.value,))
            return [*first, figure.write(view.value), view.unit, *last]
        figure.see((view.mark_price,))
        other.see((view.index_price,))
        return [
            *first, figure.write(view.mark_price), view.price_unit or MISSING, other.write(view.index_price),
            _percent(view.mark_iv, 2), *_greeks(view.greeks), _percent(view.funding_8h, 4), _interest(view), *last,
        ]  # fmt: skip


async def tell_references(desk: Desk, asked: AskedReferences, telling: ReferenceTelling) -> None:
    """Indices, or valuations."""
    noun: Indices | Valuations = desk.indices if asked.kind == "indices" else desk.valuations
    first = await _named(noun, asked) if asked.instruments else await _followed(desk, noun, asked)
    await telling.all_of_them(first)
    if not asked.follow:
        return
    told = {view.instrument: view for view in first}
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(_stream(noun, each)) for each in told]
        async with aclosing(_merged(streams)) as merged:
            async for view in merged:
                if told[view.instrument] != view:
                    told[view.instrument] = view
                    await telling.one(view)
    if desk.source != "tape":  # rule 3
        raise CannotFollow(
            f"expected {asked.kind} to go on, found that the desk follows one of them no longer",
            hint="somebody has taken it from the desk's list; ask for it again to have it followed",
        )


def _stream(noun: Indices | Valuations, instrument: InstrumentId) -> Stream[Any]:
    """Of either kind."""
    return noun.stream(instrument)


async def _named(noun: Indices | Valuations, asked: AskedReferences) -> list[Reference]:
    """Rule 1, of those that were named."""
    found: list[Reference] = []
    try:
        async with asyncio.timeout(asked.timeout_s):
            for name in asked.instruments:
                async with _stream(noun, name) as stream:
                    view = await anext(stream, None)
                if view is None:
                    raise NoDataYet(f"{name} {noun.name}", "its data has ended", hint=_WAIT)
                found.append(view)
    except TimeoutError:
        lacking = [name for name in asked.instruments[len(found) :] if noun.get(name) is None]
        said = ", ".join(f"{name} {noun.name}" for name in lacking or asked.instruments[len(found) :])
        raise NoDataYet(said, f"waited {asked.timeout_s:g} s", hint=_WAIT) from None
    return found


async def _followed(desk: Desk, noun: Indices | Valuations, asked: AskedReferences) -> list[Reference]:
    """Rule 1, of all that are followed: what a recording has on it shows only as it plays."""
    waited_s = 0.0
    while True:
        rows: list[Reference] = list(await noun.fetch())
        seen = [row.ts_event is not None for row in rows]
        if (rows and all(seen)) or (any(seen) and waited_s >= GATHER_S):
            return rows
        if not rows and desk.source != "tape":
            break
        if waited_s >= asked.timeout_s:
            said = ", ".join(f"{row.instrument} {noun.name}" for row in rows) or asked.kind
            raise NoDataYet(said, f"waited {asked.timeout_s:g} s", hint=_WAIT)
        await asyncio.sleep(LOOK_S)
        waited_s += LOOK_S
    example = "BTC-USD-INDEX@VENUE" if asked.kind == "indices" else "BTC-PERPETUAL@VENUE"
    raise CannotFollow(
        f"expected a desk that follows {asked.kind}, found that it follows none",
        hint=f"name one, such as bethna {asked.kind} {example}",
    )


async def _merged(streams: Sequence[Stream[Any]]) -> AsyncGenerator[Reference]:
    """What they say, until one of them ends. A queue of one: who reads slowly holds them up, and they conflate."""
    queue: asyncio.Queue[Reference | BaseException | None] = asyncio.Queue(1)

    async def read(stream: Stream[Any]) -> None:
        try:
            async for view in stream:
                await queue.put(view)
        except Exception as error:  # noqa: BLE001 - who reads the queue raises it
            await queue.put(error)
        else:
            await queue.put(None)

    # No group: who reads may leave in the middle, and a group takes that for an error of its own.
    reading = [asyncio.ensure_future(read(stream)) for stream in streams]  # house: task - ended below
    try:
        while (said := await queue.get()) is not None:
            if isinstance(said, BaseException):
                raise said
            yield said
    finally:
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)


def _percent(fraction: float | None, digits: int) -> str:
    return MISSING if fraction is None else f"{100.0 * fraction:.{digits}f} %"


def _greeks(greeks: Greeks | None) -> list[str]:
    if greeks is None:
        return [MISSING] * 4
    return [f"{greeks.delta:.4f}", f"{greeks.gamma:.3g}", f"{greeks.vega:.2f}", f"{greeks.theta:.2f}"]


def _interest(view: ValuationView) -> str:
    if view.open_interest is None:
        return MISSING
    return f"{view.open_interest:,.12g} {view.quantity_unit or ''}".rstrip()
