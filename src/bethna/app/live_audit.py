"""A minute of the live venue against the venue's own REST answers, recorded as it went; it repairs nothing.

Checks
  1. Trades: the last trades by id, as history tells them: price, quantity, side and time.
  2. Candles: every closed one-minute candle that the desk watched wholly.
  3. Book: a second book, started later from a second snapshot and fed the same deltas, must equal the first in every
     level that both certify.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from bethna.app.desk import Desk
from bethna.app.live import LiveLine
from bethna.config import Settings
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, State
from bethna.core.errors import UnknownInstrument, VenueError
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, CandlePage, Trade, TradePage, VenueCandle
from bethna.core.status import Trust
from bethna.logic.book import OrderBook
from bethna.logic.booksync import BookSync
from bethna.services.venue_rest import VenueRest
from bethna.store.recorder import TapeWriter

COMPARED_TRADES = 100
MOST_TRADES = 1000
SETTLE_S = 3.0
FIRST_DATA_S = 30.0
POLL_S = 0.2


class Comparison(Struct, frozen=True, gc=False):
    """One check: how many figures were compared, and each difference in words."""

    what: str
    compared: int
    differences: list[str]
    note: str = ""


class SecondBook:
    """The book of check 3: nobody's but the audit's."""

    def __init__(self, held: int) -> None:
        self.sync = BookSync(self.moved, self, patience_ns=60 * NS_PER_S, max_held=held)

    def moved(self, delta: BookDelta) -> None:
        """Nobody else reads this book."""

    def hear(self, event: object) -> None:
        """A tap on the book channel: the deltas that the first book applied."""
        if isinstance(event, BookDelta):
            self.sync.apply(event)

    def book_gap(self, gap: Gap, ts: int) -> None:
        """A gap of the first book is told by the first book."""

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        """Read at the end."""

    def want_snapshot(self, reason: str, ts: int) -> None:
        """Brought once, by the audit."""


async def listen(
    settings: Settings, symbol: str, duration_s: float, tape: Path, progress: Callable[[str], None]
) -> list[Comparison]:
    """Record `symbol` for `duration_s` seconds into `tape`, then compare with the venue's REST answers.

    Raises:
        UnknownInstrument: the venue does not list the symbol.
        VenueError: no data came, or the venue does not answer.
    """
    writer = TapeWriter(tape)
    desk = Desk(settings, tap=writer)  # first: what cannot be followed leaves no tape behind
    with writer:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(desk.run(), name="desk")
            try:
                return await _compare(desk, symbol, duration_s, progress)
            finally:
                running.cancel()


async def _compare(
    desk: Desk, symbol: str, duration_s: float, progress: Callable[[str], None]
) -> list[Comparison]:
    instrument = await _first_data(desk, symbol)
    line = desk.lines[instrument.venue]
    second = SecondBook(held=100_000)
    desk.bus.channel("book", instrument.id).subscribe(second.hear, "second book")
    for left in range(round(duration_s), 0, -10):
        progress(
            f"listening to {instrument.id}: {left} s left, {desk.feeds.feed(instrument.id).trades:,} trades"
        )
        await asyncio.sleep(min(10, left))
    # The audit's own questions stay off the tape: they would heal its replay of what they are to find.
    rest = line.rest_apart()
    snapshots = await rest.fetch(line.codec.snapshot_request(instrument, desk.settings.book_snapshot_limit))
    for event in snapshots:
        if isinstance(event, BookSnapshot):
            second.sync.snapshot(event)
    await asyncio.sleep(SETTLE_S)
    return [
        await _check_trades(desk, line, rest, instrument),
        await _check_candles(desk, line, rest, instrument),
        _check_book(desk.feeds.feed(instrument.id).booksync, second.sync),
    ]


async def _first_data(desk: Desk, symbol: str) -> Instrument:
    """Wait until the instrument is there and has a book and a trade."""
    try:
        async with asyncio.timeout(FIRST_DATA_S + desk.settings.timeout_s):
            while True:
                followed = desk.instruments()
                refused = next((e for e in desk.events(100) if e.code == "symbol_refused"), None)
                if refused is not None:
                    raise UnknownInstrument(symbol, message=refused.message)
                if followed and desk.feeds.feed(followed[0].id).last_message() is not None:
                    return followed[0]
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        state = next((health.message for health in desk.venues()), "")
        raise VenueError(
            next(iter(desk.lines), ""), f"no data of {symbol} came within {FIRST_DATA_S:g} s. {state}".strip(),
            hint="bethna doctor says which hosts can be reached",
        ) from error  # fmt: skip


async def _check_trades(desk: Desk, line: LiveLine, rest: VenueRest, instrument: Instrument) -> Comparison:
    ours = {trade.trade_id: trade for trade in desk.feeds.feed(instrument.id).recent_trades(COMPARED_TRADES)}
    if not ours:
        return Comparison("trades", 0, [], "no trade happened")
    span = range(min(ours), max(ours) + 1)
    request = line.codec.trades_request(instrument, span.start, min(len(span), MOST_TRADES))
    try:
        events = await rest.fetch(request)
    except VenueError as error:
        return Comparison("trades", 0, [], f"not compared: {error.message}")
    theirs = {t.trade_id: t for e in events if isinstance(e, TradePage) for t in e.trades}
    compared = sorted(each for each in theirs if each in span)
    differing = [
        f"trade {each}: {word}" for each in compared if (word := _contrast(theirs[each], ours.get(each)))
    ]
    return Comparison("trades", len(compared), differing)


def _contrast(theirs: Trade, ours: Trade | None) -> str:
    """How our trade differs from the venue's, nothing when it does not."""
    if ours is None:
        return "expected it, found none"
    expected = (theirs.price, theirs.quantity, theirs.side, theirs.ts_event)
    found = (ours.price, ours.quantity, ours.side, ours.ts_event)
    if expected == found:
        return ""
    return (
        f"expected {theirs.price} x {theirs.quantity} {theirs.side},"
        f" found {ours.price} x {ours.quantity} {ours.side}"
    )


async def _check_candles(desk: Desk, line: LiveLine, rest: VenueRest, instrument: Instrument) -> Comparison:
    candles = desk.feeds.feed(instrument.id).candles(Interval.M1, 1000, None)
    whole = [c for c in candles if c.closed and c.coverage.state in (State.COMPLETE, State.HEALED)]
    if not whole:
        return Comparison("candles 1m", 0, [], "no whole minute was watched; listen for 2m or more")
    request = line.codec.candles_request(instrument, Interval.M1, whole[0].open_time, len(whole))
    try:
        events = await rest.fetch(request)
    except VenueError as error:
        return Comparison("candles 1m", 0, [], f"not compared: {error.message}")
    theirs = {c.open_time: c for e in events if isinstance(e, CandlePage) for c in e.candles}
    both = [(candle, theirs[candle.open_time]) for candle in whole if candle.open_time in theirs]
    return Comparison("candles 1m", len(both), [word for ours, his in both for word in _unlike(ours, his)])


def _unlike(ours: object, theirs: VenueCandle) -> Iterator[str]:
    for name in ("open", "high", "low", "close", "volume", "trades"):
        expected, found = getattr(theirs, name), getattr(ours, name)
        if expected is not None and expected != found:
            yield f"candle {theirs.open_time // 1000} {name}: expected {expected}, found {found}"


def _check_book(ours: BookSync, second: BookSync) -> Comparison:
    if ours.book is None or second.book is None or second.trust is not Trust.TRUSTED:
        return Comparison("book", 0, [], "not compared: the books did not both synchronise")
    if ours.book.update_id != second.book.update_id:
        found = f"expected both books at one update, found {ours.book.update_id} and {second.book.update_id}"
        return Comparison("book", 0, [found])
    compared = 0
    differing: list[str] = []
    for side in ("bids", "asks"):
        mine, other = _certified(ours.book, side), _certified(second.book, side)
        depth = min(len(mine), len(other))
        compared += depth
        differing += [
            f"{side} level {i}: expected {other[i]}, found {mine[i]}"
            for i in range(depth)
            if mine[i] != other[i]
        ][:10]
    return Comparison("book", compared, differing)


def _certified(book: OrderBook, side: str) -> list[tuple[float, float]]:
    bids, asks = book.top(100_000)
    return bids if side == "bids" else asks
