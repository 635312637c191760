"""Healing: fetches what the feeds miss, book snapshots and trades by id, and hands it back; it judges nothing.

Rules
  1. One want a kind and instrument is open at a time; the newest word replaces the one that waits.
  2. A snapshot that the feed found too old is asked for again after a delay that grows: the venue serves it from
     memory. So is what could not be fetched.
  3. Trades are fetched page by page from the first missing id; each page is handed over as it comes.
  4. A host that does not serve trades from an id on is asked for the newest ones, which hold a young gap.
  5. What the venue refuses for good, what its history lacks, or what is larger than `max_trades`, is told as failed,
     with the reason; not so when another gap is wanted meanwhile, for then the feed is done with this one. What the
     venue refuses for now (rate limit, outage) is tried again.
  6. When the feed's patience ends it goes on without, and the trades are owed: they are asked for again, one gap after
     the other and with growing delays, until history has answered; the feed takes what still comes. What is wanted goes
     before what is owed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from bethna.core.clock import Clock
from bethna.core.coverage import Gap
from bethna.core.errors import BethnaError, RateLimited, VenueAnswer, VenueError, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId, TradePage
from bethna.core.status import EventLevel, SystemEvent
from bethna.core.wire import RestEvent
from bethna.venues.spec import Codec, RestRequest

PAGE = 1000
RETRY_S = 1.0
MAX_RETRY_S = 30.0
AT_ONCE = 4
SERVER_FAULT = 500
MOST_OWED = 200
FIRST_OWED_S = 5.0
NEXT_OWED_S = 0.5


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

    def report(self, event: SystemEvent) -> None:
        """Tell people."""
        ...


class _Owed(Struct, frozen=True):
    """A marked gap that history may close."""

    instrument: Instrument
    first: int
    last: int


class Healing:
    """The healer of one venue; `run` is its one coroutine."""

    def __init__(
        self, codec: Codec, rest: Fetch, feeds: Patient, clock: Clock, *, snapshot_limit: int, max_trades: int
    ) -> None:
        self._codec = codec
        self._rest = rest
        self._feeds = feeds
        self._clock = clock
        self._snapshot_limit = snapshot_limit
        self._max_trades = max_trades
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
        owed.append(_Owed(instrument, first, last))

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
                    group.create_task(self._bring_snapshot(instrument, gate))
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
                events = await self._fetch(
                    key, self._codec.snapshot_request(instrument, self._snapshot_limit)
                )
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

    async def _bring_trades(self, instrument: Instrument, gap: Gap, gate: asyncio.Semaphore) -> None:
        key, first, last = ("trades", instrument.id), gap.first_id, gap.last_id
        try:
            if first is None or last is None or last - first + 1 > self._max_trades:
                self._fail(instrument, "too_large")
                return
            await self._wait_for_turn(key)
            async with gate:
                await self._find(instrument, first, last)
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
                await self._page_through(gap.instrument, gap.first, gap.last)
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

    async def _find(self, instrument: Instrument, first: int, last: int) -> None:
        try:
            if not await self._page_through(instrument, first, last):
                self._fail(instrument, "not_in_history")
        except VenueAnswer as refused:
            if refused.status >= SERVER_FAULT:  # rule 5: for now, not for good
                raise
            if not await self._newest_hold(instrument, first):
                self._tell(refused, instrument, "heal_refused")
                self._fail(instrument, "heal_refused")

    async def _page_through(self, instrument: Instrument, first: int, last: int) -> bool:
        """Rule 3; True when history had all of them."""
        at, found = first, 0
        while at <= last:
            request = self._codec.trades_request(instrument, at, min(PAGE, last - at + 1))
            ids = await self._bring_page(instrument, request)
            found += sum(at <= each <= last for each in ids)
            newest = max(ids, default=-1)
            if newest < at:
                break
            at = newest + 1
        return found == last - first + 1

    async def _newest_hold(self, instrument: Instrument, first: int) -> bool:
        """Rule 4; True when the newest trades reach back to the gap's first."""
        try:
            ids = await self._bring_page(instrument, self._codec.recent_trades_request(instrument, PAGE))
        except VenueAnswer as error:
            if error.status >= SERVER_FAULT:
                raise
            self._tell(error, instrument, "heal_refused")
            return False
        return bool(ids) and min(ids) <= first

    async def _fetch(self, key: tuple[str, InstrumentId], request: RestRequest) -> Sequence[RestEvent]:
        self._asked[key] = request.path.partition("?")[0]
        return await self._rest.fetch(request)

    async def _bring_page(self, instrument: Instrument, request: RestRequest) -> list[int]:
        """Fetch trades and hand them over; their ids."""
        events = await self._fetch(("trades", instrument.id), request)
        self._feeds.apply_rest(events, self._clock.now_ns())
        return [trade.trade_id for page in events if isinstance(page, TradePage) for trade in page.trades]

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
    return isinstance(error, VenueAnswer) and error.status < SERVER_FAULT
