"""The store of candles for those who live in the loop: one thread of its own does the work; it decides nothing.

Rules
  1. The disk's troubles are not the desk's: what cannot be kept or read is told once, the desk goes on with what the
     sources say, and the store is tried again after RETRY_S. That it works again is told, too.
  2. What the desk itself saw from end to end is put every LOOK_S: a venue may not tell it any more by the next start.
  3. Where bars are kept for so many days, older ones are let go at the start and once a day.
  4. A simulation's candles are of a world that ends with it: they are removed before the first and after the last.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bethna.core.bars import Bar
from bethna.core.clock import NS_PER_S, Clock
from bethna.core.errors import StoreError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel

if TYPE_CHECKING:
    from bethna.store.candles.shelf import CandleShelf

LOOK_S = 20.0
RETRY_S = 60.0
DAY_NS = 86_400 * NS_PER_S
SUBJECT = "candles"
T = TypeVar("T")
Tell = Callable[[EventLevel, str, str, str], None]


class CandleKeeper:
    """The candles of one source on disk.

    Args:
        folder: of the store alone, below the source's data folder.
        days: how long bars are kept, 0 for ever.
        tell: hears level, code, subject and message of what goes wrong with it.
        passing: of a simulation (rule 4).
    """

    def __init__(
        self, folder: Path, clock: Clock, tell: Tell, *, days: int = 0, passing: bool = False
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._days = days
        self._passing = passing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shelf: CandleShelf | None = None
        self._failed_at: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="candles")

    async def run(self, seen: Callable[[], Sequence[Bar]]) -> None:
        """Keep what the desk saw, and let go what is too old (rules 2 and 3), until cancelled; then it is closed.

        Args:
            seen: the closed bars that came since it was asked last.
        """
        next_day = self._clock.now_ns()
        try:
            while True:
                if self._days and self._clock.now_ns() >= next_day:
                    next_day += DAY_NS
                    await self._try(self._let_go, None)
                await asyncio.sleep(LOOK_S)
                await self.keep(seen())
        finally:
            last = list(seen())
            self._thread.submit(self._close, last)
            await asyncio.shield(asyncio.to_thread(self._thread.shutdown))

    async def keep(self, bars: Iterable[Bar]) -> None:
        """Put bars; what is not closed or not known is left out."""
        told = list(bars)
        if told:
            await self._try(lambda shelf: shelf.put(told), None)

    async def load(self, instrument: InstrumentId, interval: Interval, start: int, end: int) -> list[Bar]:
        """What is kept of [start, end), ns UTC, ascending; nothing where it cannot be read (rule 1)."""
        nothing: list[Bar] = []
        return await self._try(lambda shelf: shelf.bars(instrument, interval, start, end), nothing)

    async def forget(self) -> None:
        """Everything: the simulated world that it was of has ended."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._remove)

    async def _try(self, work: Callable[[CandleShelf], T], otherwise: T) -> T:
        """Rule 1."""
        now = self._clock.monotonic_ns()
        if self._failed_at is not None and now - self._failed_at < RETRY_S * NS_PER_S:
            return otherwise
        self._loop = asyncio.get_running_loop()
        try:
            done = await self._loop.run_in_executor(self._thread, lambda: work(self._opened()))
        except StoreError as error:
            if self._failed_at is None:
                self._tell("error", "candles_not_kept", SUBJECT, f"{error.message}. {error.hint}".strip())
            self._failed_at = now
            return otherwise
        if self._failed_at is not None:
            self._failed_at = None
            self._tell("info", "candles_kept_again", SUBJECT, "candles are kept on disk again")
        return done

    # --------------------------------------------------------------------------------------- in the store's thread

    def _opened(self) -> CandleShelf:
        if self._shelf is None:
            from bethna.store.candles.shelf import CandleShelf

            if self._passing:
                self._remove()
            shelf = CandleShelf(self._folder, self._clock.now_ns, self._set_aside)
            shelf.open()
            self._shelf = shelf
        return self._shelf

    def _set_aside(self, what: str) -> None:
        """Something on disk was damaged, which is told in the loop's own thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, "warning", "candles_set_aside", SUBJECT, what)

    def _let_go(self, shelf: CandleShelf) -> None:
        before = self._clock.now_ns() - self._days * DAY_NS
        for interval in Interval:
            shelf.let_go(interval, before)

    def _close(self, last: Sequence[Bar]) -> None:
        shelf, self._shelf = self._shelf, None
        if shelf is not None:
            with suppress(StoreError):  # what was told before will say why
                shelf.put(last)
            shelf.close()
        if self._passing:
            self._remove()

    def _remove(self) -> None:
        """Rule 4."""
        if self._shelf is not None:
            self._shelf.close()
            self._shelf = None
        shutil.rmtree(self._folder, ignore_errors=True)
