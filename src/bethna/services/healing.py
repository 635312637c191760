"""Healing: fetches what the feeds miss, book snapshots and trades by id, and hands it back; it judges nothing.

Rules
  1. One want a kind and instrument is open at a time; the newest word replaces the one that waits.
  2. A snapshot that the feed found too old is asked for again after a delay that grows: the venue serves it from
     memory.
  3. Trades are fetched page by page from the first missing id; each page is handed over as it comes.
  4. A host that does not serve trades from an id on is asked for the newest ones, which hold a young gap.
  5. What the venue refuses for good, or what is larger than `max_trades`, is told as failed, with the reason. What it
     refuses for now (rate limit, outage) is tried again until the feed's own patience ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from bethna.core.clock import Clock
from bethna.core.coverage import Gap
from bethna.core.errors import BethnaError, RateLimited, VenueAnswer, VenueError, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId, TradePage
from bethna.core.status import SystemEvent
from bethna.core.wire import RestEvent
from bethna.venues.spec import Codec, RestRequest

PAGE = 1000
RETRY_S = 1.0
MAX_RETRY_S = 30.0
AT_ONCE = 4


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
        self._attempts: dict[InstrumentId, int] = {}
        self._busy: set[tuple[str, InstrumentId]] = set()
        self._woken = asyncio.Event()

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """Rule 1."""
        self._snapshots[instrument.id] = instrument
        self._woken.set()

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Rule 1."""
        self._trades[instrument.id] = (instrument, gap)
        self._woken.set()

    async def run(self) -> None:
        """Serve wants until cancelled, a few at once; every task has this one as parent."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
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
        attempt = self._attempts.get(instrument.id, 0)
        try:
            if attempt:
                await asyncio.sleep(min(MAX_RETRY_S, RETRY_S * 2 ** (attempt - 1)))
            async with gate:
                events = await self._rest.fetch(
                    self._codec.snapshot_request(instrument, self._snapshot_limit)
                )
        except (VenueError, WireError) as error:
            self._tell(error, instrument, "snapshot_failed")
            await self._pause(error)
            self._snapshots[instrument.id] = instrument
            self._attempts[instrument.id] = attempt + 1
        else:
            self._feeds.apply_rest(events, self._clock.now_ns())
            # An immediate new want for the same book means that this snapshot did not join.
            self._attempts[instrument.id] = attempt + 1 if instrument.id in self._snapshots else 0
        finally:
            self._busy.discard(("book", instrument.id))
            self._woken.set()

    async def _bring_trades(self, instrument: Instrument, gap: Gap, gate: asyncio.Semaphore) -> None:
        first, last = gap.first_id, gap.last_id
        try:
            if first is None or last is None or last - first + 1 > self._max_trades:
                self._feeds.heal_failed(instrument.id, "too_large", self._clock.now_ns())
                return
            async with gate:
                await self._page_through(instrument, first, last)
        except VenueAnswer as error:
            await self._try_newest(instrument, first, error)
        except (VenueError, WireError) as error:
            self._tell(error, instrument, "heal_delayed")
            await self._pause(error)
            self._trades.setdefault(instrument.id, (instrument, gap))
        finally:
            self._busy.discard(("trades", instrument.id))
            self._woken.set()

    async def _try_newest(self, instrument: Instrument, first: int | None, refused: VenueAnswer) -> None:
        """Rule 4."""
        oldest: int | None = None
        try:
            events = await self._rest.fetch(self._codec.recent_trades_request(instrument, PAGE))
        except (VenueError, WireError) as error:
            self._tell(error, instrument, "heal_refused")
        else:
            self._feeds.apply_rest(events, self._clock.now_ns())
            oldest = min(
                (t.trade_id for e in events if isinstance(e, TradePage) for t in e.trades), default=None
            )
        if first is None or oldest is None or oldest > first:
            self._tell(refused, instrument, "heal_refused")
            self._feeds.heal_failed(instrument.id, "heal_refused", self._clock.now_ns())

    async def _page_through(self, instrument: Instrument, first: int, last: int) -> None:
        """Rule 3."""
        at = first
        while at <= last:
            request = self._codec.trades_request(instrument, at, min(PAGE, max(1, last - at + 1)))
            events = await self._rest.fetch(request)
            self._feeds.apply_rest(events, self._clock.now_ns())
            newest = max(
                (t.trade_id for e in events if isinstance(e, TradePage) for t in e.trades), default=at - 1
            )
            if newest < at:
                self._feeds.heal_failed(instrument.id, "not_in_history", self._clock.now_ns())
                return
            at = newest + 1

    async def _pause(self, error: BethnaError) -> None:
        """Rule 5, second half."""
        await asyncio.sleep(error.retry_after_s if isinstance(error, RateLimited) else RETRY_S)

    def _tell(self, error: BethnaError, instrument: Instrument, code: str) -> None:
        now = self._clock.now_ns()
        self._feeds.report(SystemEvent(now, "warning", code, instrument.id, f"{error.message}"))
