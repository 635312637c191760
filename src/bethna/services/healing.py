"""Healing: brings what the feeds miss, book snapshots and trades by id, and hands it back; it judges nothing.

Rules
  1. One want a kind and instrument is open at a time; the newest word replaces the one that waits.
  2. A snapshot that the feed found too old is asked for again after a delay that grows: the venue serves it from
     memory. So is what could not be fetched.
  3. Trades are fetched page by page from the first missing id; each page is handed over as it comes. A venue whose
     history goes by time is told times, or spans of it (`logic/trade_search`).
  4. A host that does not serve trades from an id on is asked for the newest ones, which hold a young gap.
  5. What the venue refuses for good, what its history lacks, or what is larger than `max_trades`, is told as failed,
     with the reason; not so when another gap is wanted meanwhile, for then the feed is done with this one. What the
     venue refuses for now (rate limit, outage), and what it refuses to us (the place, the access), is tried again.
  6. When the feed's patience ends it goes on without, and the trades are owed: they are asked for again, one gap after
     the other and with growing delays, until history has answered; the feed takes what still comes. What is wanted goes
     before what is owed.
  7. A book that begins with a snapshot on the socket is not fetched but subscribed anew. The delay grows with each time
     in a row, and is forgotten after CALM_S without one; RENEWALS_AT_ONCE books of a venue may be on their way, since
     the messages of its sockets are few. What is wanted while one is on its way is answered by it.
  8. Nothing is renewed where a subscription brings the snapshot by itself: there is no socket, or it has not begun the
     book yet. A want that comes again within CALM_S is served even so: that snapshot has not come.
  9. A trusted book is not renewed: it may want more levels, and the same subscription has no more to give. Nor is one
     that has come right while its want waited.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import Protocol

from msgspec import Struct

from bethna.core.clock import NS_PER_S, Clock
from bethna.core.coverage import Gap
from bethna.core.errors import (
    BethnaError,
    RateLimited,
    UnknownInstrument,
    VenueAnswer,
    VenueError,
    WireError,
)
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId, Trade, TradePage
from bethna.core.status import EventLevel, InstrumentHealth, SystemEvent, Trust
from bethna.core.wire import RestEvent
from bethna.logic.access import about_request
from bethna.logic.trade_search import PAGE, search_for
from bethna.venues.spec import Codec, RestRequest

RETRY_S = 1.0
MAX_RETRY_S = 30.0
AT_ONCE = 4
MOST_OWED = 200
FIRST_OWED_S = 5.0
NEXT_OWED_S = 0.5
RENEWALS_AT_ONCE = 8
RENEWAL_S = 10.0
"""A renewal that takes longer gives up its place: the session goes on with it by itself."""
CALM_S = 2 * MAX_RETRY_S


class Fetch(Protocol):
    """A venue's REST side, behind its quota keeper."""

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """One answer as facts; raises VenueError."""
        ...


class Patient(Protocol):
    """The feeds, as healing needs them."""

    def apply_rest(self, events: Iterable[RestEvent], now: int) -> None:
        """What was fetched."""
        ...

    def heal_failed(self, instrument: InstrumentId, reason: str, now: int) -> None:
        """It cannot be had."""
        ...

    def health(self, instrument: InstrumentId) -> InstrumentHealth:
        """How an instrument is. Raises UnknownInstrument."""
        ...

    def report(self, event: SystemEvent) -> None:
        """Tell people."""
        ...


class Renewer(Protocol):
    """A venue's sockets, where books begin with a snapshot on them."""

    def renew_book(self, instrument: InstrumentId, *, even_new: bool = False) -> asyncio.Event | None:
        """Subscribe a book anew, set when that is done; None where a subscription under way brings its snapshot."""
        ...


class _Owed(Struct, frozen=True):
    """A marked gap that history may close."""

    instrument: Instrument
    first: int
    last: int
    start: int | None


class Healing:
    """The healer of one venue; `run` is its one coroutine.

    Args:
        rest: for trades; books and owed: for snapshots, and for trades that nothing waits for, each in its own lane of
            the quota; `rest` where they are None.
        by_span: how the venue's trades of before are asked for (`VenueSpec.trades_by_span`).
        renewer: where books are not fetched but subscribed anew, None where they are fetched.
    """

    def __init__(
        self,
        codec: Codec,
        rest: Fetch,
        feeds: Patient,
        clock: Clock,
        *,
        snapshot_limit: int,
        max_trades: int,
        by_span: bool = False,
        renewer: Renewer | None = None,
        books: Fetch | None = None,
        owed: Fetch | None = None,
    ) -> None:
        self._codec = codec
        self._rest = rest
        self._books = books or rest
        self._owed_rest = owed or rest
        self._feeds = feeds
        self._clock = clock
        self._snapshot_limit = snapshot_limit
        self._max_trades = max_trades
        self._by_span = by_span
        self._renewer = renewer
        self._renewals = asyncio.Semaphore(RENEWALS_AT_ONCE)
        self._renewed_at: dict[InstrumentId, int] = {}
        self._passed_over: dict[InstrumentId, int] = {}
        self._snapshots: dict[InstrumentId, Instrument] = {}
        self._trades: dict[InstrumentId, tuple[Instrument, Gap]] = {}
        self._attempts: dict[tuple[str, InstrumentId], int] = {}
        self._asked: dict[tuple[str, InstrumentId], str] = {}
        self._delays: dict[tuple[str, InstrumentId], tuple[str, int]] = {}
        self._busy: set[tuple[str, InstrumentId]] = set()
        self._owed: dict[InstrumentId, deque[_Owed]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._woken = asyncio.Event()

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """Rule 1."""
        self._snapshots[instrument.id] = instrument
        self._woken.set()

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Rule 1."""
        self._trades[instrument.id] = (instrument, gap)
        self._woken.set()

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Rule 6; of too many the oldest are let go, they stay marked."""
        first, last = gap.first_id, gap.last_id
        if first is None or last is None or last - first + 1 > self._max_trades or self._group is None:
            return
        waiting = self._trades.get(instrument.id)
        if waiting is not None and _overlap(waiting[1], first, last):
            del self._trades[instrument.id]
        owed = self._owed.get(instrument.id)
        if owed is None:
            owed = self._owed[instrument.id] = deque(maxlen=MOST_OWED)
            self._group.create_task(self._settle(instrument.id, owed))
        owed.append(_Owed(instrument, first, last, gap.start))

    async def run(self) -> None:
        """Serve wants until cancelled, a few at once; every task has this one as parent."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                await self._woken.wait()
                self._woken.clear()
                for instrument in [
                    i for key, i in self._snapshots.items() if ("book", key) not in self._busy
                ]:
                    del self._snapshots[instrument.id]
                    self._busy.add(("book", instrument.id))
                    renewer = self._renewer
                    bring = (
                        self._bring_snapshot(instrument, gate)
                        if renewer is None
                        else self._renew_book(instrument, renewer)
                    )
                    group.create_task(bring)
                for instrument, gap in [
                    w for key, w in self._trades.items() if ("trades", key) not in self._busy
                ]:
                    del self._trades[instrument.id]
                    self._busy.add(("trades", instrument.id))
                    group.create_task(self._bring_trades(instrument, gap, gate))

    async def _bring_snapshot(self, instrument: Instrument, gate: asyncio.Semaphore) -> None:
        """Rule 2: the feed asks again when what came does not join; each time in a row waits longer."""
        key = ("book", instrument.id)
        try:
            await self._wait_for_turn(key)
            async with gate:
                request = self._codec.snapshot_request(instrument, self._snapshot_limit)
                events = await self._fetch(key, request, self._books)
        except (VenueError, WireError) as error:
            await self._put_off(error, instrument, key, "snapshot_failed")
            self._snapshots[instrument.id] = instrument
        else:
            self._over(instrument, key, "snapshot_failed")
            # A want for the same book that comes up after this line means that this snapshot did not join.
            self._snapshots.pop(instrument.id, None)
            self._feeds.apply_rest(events, self._clock.now_ns())
            self._attempts[key] = self._attempts.get(key, 0) + 1 if instrument.id in self._snapshots else 0
        finally:
            self._busy.discard(key)
            self._woken.set()

    async def _renew_book(self, instrument: Instrument, renewer: Renewer) -> None:
        """Rules 7 to 9."""
        name, key = instrument.id, ("book", instrument.id)
        try:
            if self._ago_s(self._renewed_at, name) > CALM_S:
                self._attempts.pop(key, None)
            await self._wait_for_turn(key)
            async with self._renewals:
                if self._is_trusted(name):
                    return
                again = self._ago_s(self._passed_over, name) <= CALM_S
                done = renewer.renew_book(name, even_new=again)
                if done is None:
                    self._passed_over[name] = self._clock.monotonic_ns()
                    return
                self._attempts[key] = self._attempts.get(key, 0) + 1
                self._renewed_at[name] = self._clock.monotonic_ns()
                self._passed_over.pop(name, None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEWAL_S):
                        await done.wait()
            self._snapshots.pop(name, None)
        finally:
            self._busy.discard(key)
            self._woken.set()

    def _ago_s(self, times: dict[InstrumentId, int], instrument: InstrumentId) -> float:
        at = times.get(instrument)
        return inf if at is None else (self._clock.monotonic_ns() - at) / NS_PER_S

    def _is_trusted(self, instrument: InstrumentId) -> bool:
        try:
            return self._feeds.health(instrument).trust is Trust.TRUSTED
        except UnknownInstrument:
            return False

    async def _bring_trades(self, instrument: Instrument, gap: Gap, gate: asyncio.Semaphore) -> None:
        key, first, last = ("trades", instrument.id), gap.first_id, gap.last_id
        try:
            if first is None or last is None or last - first + 1 > self._max_trades:
                self._fail(instrument, "too_large")
                return
            await self._wait_for_turn(key)
            async with gate:
                await self._find(instrument, first, last, gap.start)
            self._attempts.pop(key, None)
            self._over(instrument, key, "heal_delayed")
            self._paid(instrument.id, first, last)
        except (VenueError, WireError) as error:
            await self._put_off(error, instrument, key, "heal_delayed")
            if not any(_overlap(gap, owed.first, owed.last) for owed in self._owed.get(instrument.id, ())):
                self._trades.setdefault(instrument.id, (instrument, gap))
        finally:
            self._busy.discard(key)
            self._woken.set()

    async def _settle(self, instrument: InstrumentId, owed: deque[_Owed]) -> None:
        """Rule 6, for one instrument, until nothing is owed."""
        key = ("trades", instrument)
        delay_s = FIRST_OWED_S
        while owed:
            await asyncio.sleep(delay_s)
            if not owed or key in self._busy or instrument in self._trades:
                continue
            gap = owed[0]
            try:
                await self._page_through(gap.instrument, gap.first, gap.last, gap.start, self._owed_rest)
            except (VenueError, WireError) as error:
                delay_s = min(MAX_RETRY_S, 2 * delay_s)
                if not _final(error):
                    continue
            else:
                delay_s = NEXT_OWED_S
            self._paid(instrument, gap.first, gap.last)
        del self._owed[instrument]

    def _paid(self, instrument: InstrumentId, first: int, last: int) -> None:
        """History has answered for these ids."""
        owed = self._owed.get(instrument, deque())
        for gap in [each for each in owed if first <= each.first and each.last <= last]:
            owed.remove(gap)

    async def _find(self, instrument: Instrument, first: int, last: int, start: int | None) -> None:
        try:
            if not await self._page_through(instrument, first, last, start):
                self._fail(instrument, "not_in_history")
        except VenueAnswer as refused:
            if not _final(refused):  # rule 5: for now, not for good
                raise
            if not await self._newest_hold(instrument, first):
                self._tell(refused, instrument, "heal_refused")
                self._fail(instrument, "heal_refused")

    async def _page_through(
        self, instrument: Instrument, first: int, last: int, start: int | None, rest: Fetch | None = None
    ) -> bool:
        """Rule 3; True when history had all of them."""
        search = search_for(first, last, start, by_span=self._by_span)
        while (asked := search.ask()) is not None:
            request = self._codec.trades_request(
                instrument, asked.first_id, asked.limit, asked.since, asked.until
            )
            search.answer(await self._bring_page(instrument, request, rest))
        return search.is_whole

    async def _newest_hold(self, instrument: Instrument, first: int) -> bool:
        """Rule 4; True when the newest trades reach back to the gap's first."""
        try:
            trades = await self._bring_page(instrument, self._codec.recent_trades_request(instrument, PAGE))
        except VenueAnswer as error:
            if not _final(error):
                raise
            self._tell(error, instrument, "heal_refused")
            return False
        return any(trade.trade_id <= first for trade in trades)

    async def _fetch(
        self, key: tuple[str, InstrumentId], request: RestRequest, rest: Fetch | None = None
    ) -> Sequence[RestEvent]:
        self._asked[key] = request.path.partition("?")[0]
        return await (rest or self._rest).fetch(request)

    async def _bring_page(
        self, instrument: Instrument, request: RestRequest, rest: Fetch | None = None
    ) -> list[Trade]:
        """Fetch trades and hand them over."""
        events = await self._fetch(("trades", instrument.id), request, rest)
        self._feeds.apply_rest(events, self._clock.now_ns())
        return [trade for page in events if isinstance(page, TradePage) for trade in page.trades]

    async def _wait_for_turn(self, key: tuple[str, InstrumentId]) -> None:
        """Rule 2: nothing at first, then a delay that doubles up to MAX_RETRY_S."""
        attempts = self._attempts.get(key, 0)
        if attempts:
            await asyncio.sleep(min(MAX_RETRY_S, RETRY_S * 2 ** min(attempts - 1, 16)))

    async def _put_off(
        self, error: BethnaError, instrument: Instrument, key: tuple[str, InstrumentId], code: str
    ) -> None:
        """Rule 5, last sentence: the venue's own word on how long to wait counts, the growing delay comes on top."""
        text = f"{self._asked[key]}: {error.message}"
        before, times = self._delays.get(key, ("", 0))
        self._delays[key] = (text, times + 1 if text == before else 1)
        if text != before:  # the same again is counted, not told again
            self._report("warning", code, instrument, text)
        self._attempts[key] = self._attempts.get(key, 0) + 1
        if isinstance(error, RateLimited):
            await asyncio.sleep(error.retry_after_s)

    def _fail(self, instrument: Instrument, reason: str) -> None:
        """Rule 5."""
        if instrument.id not in self._trades:
            self._feeds.heal_failed(instrument.id, reason, self._clock.now_ns())

    def _tell(self, error: BethnaError, instrument: Instrument, code: str) -> None:
        self._report("warning", code, instrument, error.message)

    def _over(self, instrument: Instrument, key: tuple[str, InstrumentId], code: str) -> None:
        """The venue answers again: tell how often it had not, when that was counted."""
        text, times = self._delays.pop(key, ("", 0))
        if times > 1:
            self._report("info", code, instrument, f"answered after {times} times: {text}")

    def _report(self, level: EventLevel, code: str, instrument: Instrument, message: str) -> None:
        self._feeds.report(SystemEvent(self._clock.now_ns(), level, code, instrument.id, message))


def _overlap(gap: Gap, first: int, last: int) -> bool:
    return (
        gap.first_id is not None and gap.last_id is not None and gap.first_id <= last and first <= gap.last_id
    )


def _final(error: BethnaError) -> bool:
    """The venue will say the same again."""
    return isinstance(error, VenueAnswer) and about_request(error.status)
