"""Tells one best price, once or as it goes on: a table of venues, a line a change, or objects; which desk, it is told.

Rules
  1. What is told first has a bid and an ask; it is waited for as long as was asked, then NoDataYet says who is out and
     why. A desk that has just begun is given GATHER_S more, as long as venues wait.
  2. Once, everybody who was looked at has a line, in or out. Followed, a line is told when the price, its quantity or
     whose it is has changed, and who goes out or comes in, and that two cross, is said between.
  3. A converted price is cut to the digits of the venues' own, never to the better side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from math import ceil, floor
from typing import Protocol

import msgspec
from msgspec import Struct

from bethna.cli import objects
from bethna.cli.cells import Digits, age, clock_time, completeness
from bethna.cli.grid import MISSING, Column, Grid, plain
from bethna.cli.output import Output
from bethna.client.best import Best, why
from bethna.core.consolidated import BestPrice, VenueQuote
from bethna.core.errors import CannotFollow, NoDataYet, UnknownInstrument
from bethna.core.instrument import split_id
from bethna.core.market import InstrumentId
from bethna.core.money import decimals_of
from bethna.core.status import SourceKind

GATHER_S = 3.0
_HINT = "wait longer with --timeout; `bethna status` says how the desk is"
_FOLLOW = "have the desk follow the pair at a venue first: bethna price {pair}@VENUE"
_LINE = (
    Column("TIME (UTC)", 23, "left"), Column("QUANTITY", 10), Column("BID", 10), Column("AT", 8, "left"),
    Column("ASK", 10, "left"), Column("QUANTITY", 10, "left"), Column("AT", 8, "left"), Column("AGE", 6),
    Column("IN", 6), Column("COVERAGE", 8, "left"),
)  # fmt: skip
_VENUES = (
    Column("INSTRUMENT", side="left"), Column("QUANTITY", 10), Column("BID", 10), Column("ASK", 10, "left"),
    Column("QUANTITY", 10, "left"), Column("AGE", 6), Column("RATE", 6, "left"), Column("STATE", 8, "left"),
)  # fmt: skip


class AskedBest(Struct, frozen=True):
    """What is to be told. `pair` is `BTC-USD`; `convert` as `currencies_of` has it."""

    pair: str
    convert: tuple[str, ...]
    follow: bool
    as_json: bool
    timeout_s: float
    gather_s: float = GATHER_S


class Desk(Protocol):
    """What is asked of a desk here: `RealTimeTrading` is one."""

    best: Best

    @property
    def attached(self) -> str | None: ...
    @property
    def source(self) -> SourceKind: ...


class BestTelling:
    """Where best prices go."""

    def __init__(self, out: Output, now: Callable[[], int], asked: AskedBest) -> None:
        self._out = out
        self._now = now
        self._asked = asked
        self._price = Digits()
        self._quantity = Digits()
        self._places = 0
        self._grid = Grid(_LINE)
        self._told: tuple[object, ...] = ()
        self._outs: dict[InstrumentId, str] = {}
        self._crossed = False

    async def price(self, price: BestPrice) -> None:
        """An object, a table, or a line with what happened before it (rule 2)."""
        if self._asked.as_json:
            said = objects.best_object(price, self._now())
            await self._out.say(msgspec.json.encode(said).decode())
            return
        self._see(price)
        if not self._asked.follow:
            await self._out.say(self._table(price))
            return
        if not self._told:
            await self._out.say(self._grid.head())
        for note in self._notes(price):
            await self._out.say(f"-- {plain(note)}")
        told = (
            price.bid, price.bid_quantity, price.bid_at, price.ask, price.ask_quantity, price.ask_at,
            price.coverage.state,
        )  # fmt: skip
        if told != self._told:
            self._told = told
            await self._out.say(self._grid.line(self._cells(price)))

    def _see(self, price: BestPrice) -> None:
        for each in price.venues:
            self._price.see((each.own_bid, each.own_ask))
            self._quantity.see((each.bid_quantity, each.ask_quantity))
            own = (each.own_bid, each.own_ask)
            self._places = max([self._places, *(decimals_of(one) for one in own if one is not None)])

    def _table(self, price: BestPrice) -> str:
        grid = Grid(_VENUES)
        rows = [self._venue(each) for each in price.venues]
        for row in rows:
            grid.measure(row)
        said = [completeness(price.coverage), f"age {age(self._now(), price.ts_recv)}", *_crossing(price)]
        title = f"{price.symbol}  {clock_time(self._now())} UTC  {', '.join(said)}"
        bid, ask = self._best(price, bid=True), self._best(price, bid=False)
        best = (
            f"best bid {bid}, {self._quantity.write(price.bid_quantity)} at {_venue_of(price.bid_at)};"
            f" best ask {ask}, {self._quantity.write(price.ask_quantity)} at {_venue_of(price.ask_at)}"
        )
        return "\n".join([plain(title), plain(best), grid.head(), *(grid.line(row) for row in rows)])

    def _venue(self, venue: VenueQuote) -> list[str]:
        state = completeness(venue.coverage) if venue.out is None else f"out, {venue.out}: {venue.why}"
        return [
            plain(venue.instrument), self._quantity.write(venue.bid_quantity), self._written(venue, bid=True),
            self._written(venue, bid=False), self._quantity.write(venue.ask_quantity),
            age(self._now(), venue.ts_recv), MISSING if venue.rate is None else plain(venue.rate.pair), plain(state),
        ]  # fmt: skip

    def _cells(self, price: BestPrice) -> list[str]:
        count = sum(each.out is None for each in price.venues)
        return [
            clock_time(self._now()), self._quantity.write(price.bid_quantity), self._best(price, bid=True),
            _venue_of(price.bid_at), self._best(price, bid=False), self._quantity.write(price.ask_quantity),
            _venue_of(price.ask_at), age(self._now(), price.ts_recv), f"{count} of {len(price.venues)}",
            completeness(price.coverage),
        ]  # fmt: skip

    def _best(self, price: BestPrice, *, bid: bool) -> str:
        at = price.bid_at if bid else price.ask_at
        found = next((each for each in price.venues if each.instrument == at), None)
        return MISSING if found is None else self._written(found, bid=bid)

    def _written(self, venue: VenueQuote, *, bid: bool) -> str:
        """Rule 3."""
        value = venue.bid if bid else venue.ask
        if value is None or venue.rate is None:
            return self._price.write(value)
        scale = 10**self._places
        cut = floor(value * scale) if bid else ceil(value * scale)
        return f"{cut / scale:.{self._places}f}"

    def _notes(self, price: BestPrice) -> list[str]:
        outs = {each.instrument: f"{each.out}: {each.why}" for each in price.venues if each.out is not None}
        before, self._outs = self._outs, outs
        words = {each.instrument: each.out for each in price.venues}
        listed = set(words)
        said = [
            f"{name} is out, {why}"
            for name, why in outs.items()
            if before.get(name, "").partition(":")[0] != words[name]
        ]
        said += [f"{name} is in" for name in before if name not in outs and name in listed]
        said += [f"{name} is not followed any more" for name in before if name not in listed]
        if self._crossed != (price.crossed_by is not None):
            self._crossed = not self._crossed
            said += _crossing(price) or ["crossed no more"]
        return said


async def tell_best(desk: Desk, asked: AskedBest, telling: BestTelling) -> None:
    """The best price of a pair."""
    try:
        stream = desk.best.stream(asked.pair, convert=asked.convert)
    except UnknownInstrument as error:
        if not error.nearest:
            error.hint = _FOLLOW.format(pair=asked.pair)
        raise
    async with stream:
        await telling.price(await _first(stream, asked, new=desk.attached is None))
        if not asked.follow:
            return
        async for price in stream:
            await telling.price(price)
    if desk.source != "tape":
        raise CannotFollow(
            f"expected {asked.pair} to go on, found that the desk follows none of it any more",
            hint="somebody has taken it from the desk's list; have it followed again",
        )


async def _first(stream: AsyncIterator[BestPrice], asked: AskedBest, *, new: bool) -> BestPrice:
    """Rule 1."""
    newest: BestPrice | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(asked.timeout_s):
            async for newest in stream:
                if newest.bid is not None:
                    break
    if newest is None or newest.bid is None:
        said = "the desk has said nothing" if newest is None else why(newest)
        raise NoDataYet(f"{asked.pair} best price", said, hint=_HINT)
    if new and _waits(newest):
        with suppress(TimeoutError):
            async with asyncio.timeout(asked.gather_s):
                async for price in stream:
                    newest = price if price.bid is not None else newest
                    if not _waits(price):
                        break
    return newest


def _crossing(price: BestPrice) -> list[str]:
    if price.crossed_by is None:
        return []
    bidder, asker = (_venue_of(each) for each in price.crossed_by)
    return [f"crossed: {bidder} bids more than {asker} asks"]


def _waits(price: BestPrice) -> bool:
    """Somebody may yet come in: data, a first book or a rate is under way."""
    return any(each.out in ("waiting", "untrusted", "no live rate") for each in price.venues)


def _venue_of(instrument: InstrumentId | None) -> str:
    return MISSING if instrument is None else plain(split_id(instrument)[1])
