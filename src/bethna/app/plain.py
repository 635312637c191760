"""Plain calls for scripts: one desk in a thread of its own answers them; it is opened by the first and ends with us.

Rules
  1. One thread, one loop, one desk for the whole program, whichever threads call.
  2. A call follows its symbol, waits for what it asks for and for nothing else, and says in time what is missing.
  3. A desk that has failed is put away: the call that meets it raises why, the next one opens another. One that we were
     attached to and that has gone is replaced at once, and a warning says by which.
  4. The thread is a daemon, and is ended in order at exit. A forked child begins with none.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import warnings
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from bethna.app.past import PATIENCE_S, past_of
from bethna.app.trading import RealTimeTrading, begin, warn_if_simulated
from bethna.client.facts import Book, CertifiedTrade, DeskChangedWarning
from bethna.client.nouns import interval_of
from bethna.client.spans import Length, When
from bethna.client.tables import Table
from bethna.core.bars import Bar
from bethna.core.errors import BethnaError, ConfigError, DeskUnreachable, NoDataYet
from bethna.core.instrument import Feature, check_symbol
from bethna.core.market import PriceView

T = TypeVar("T")
Ask = Callable[[RealTimeTrading], Coroutine[Any, Any, T]]
END_S = 10.0


class BackRoom:
    """The thread, its loop and its desk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over: asyncio.Event | None = None
        self._opening: asyncio.Lock | None = None
        self._desk: RealTimeTrading | None = None
        self._last = ""
        self._changed = ""

    def call(self, symbol: str, feature: Feature, ask: Ask[T], timeout_s: float, *, past: bool = False) -> T:
        """What `ask` finds once there is data of the symbol's feature (rule 2), or of its past alone."""
        check_symbol(symbol)
        check_seconds(timeout_s)
        loop = self._started()
        if threading.current_thread() is self._thread:
            raise RuntimeError("expected a call from outside of the desk's own thread; await the desk there")
        future = asyncio.run_coroutine_threadsafe(self._answer(symbol, feature, ask, timeout_s, past), loop)
        try:
            answer, simulation, changed = future.result()
        except BaseException:
            future.cancel()
            raise
        if changed:
            warnings.warn(changed, DeskChangedWarning, stacklevel=3)
        warn_if_simulated(simulation, stacklevel=3)
        return answer

    def end(self) -> None:
        """Close the desk and end the thread (rule 4); the next call begins anew."""
        with self._lock:
            loop, thread, over = self._loop, self._thread, self._over
            self._loop = self._thread = self._over = None
        if loop is None or thread is None or over is None:
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(over.set)
        thread.join(END_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                ready: Future[None] = Future()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._live(ready)), name="bethna", daemon=True
                )
                self._thread.start()
                ready.result()
            assert self._loop is not None
            return self._loop

    async def _live(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = over = asyncio.Event()
        self._opening = asyncio.Lock()
        ready.set_result(None)
        try:
            await over.wait()
        finally:
            desk, self._desk = self._desk, None
            if desk is not None:
                await desk.close()

    async def _answer(
        self, symbol: str, feature: Feature, ask: Ask[T], timeout_s: float, past: bool
    ) -> tuple[T, Any, str]:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        try:
            async with asyncio.timeout_at(until):
                desk = await self._with(symbol)
        except TimeoutError:
            raise NoDataYet(
                f"{symbol} {feature}",
                f"no desk could be opened within {timeout_s:g} s",
                hint="give it more time with timeout_s=..., or see `bethna doctor`",
            ) from None
        try:
            left = max(0.0, until - loop.time())
            if past:
                await past_of(desk, symbol, min(left, PATIENCE_S))
            else:
                await desk.ready(symbol, timeout_s=left, features=(feature,))
            answer = await ask(desk)
            changed, self._changed = self._changed, ""
            return answer, desk.simulation, changed
        except NoDataYet:
            raise
        except BethnaError as error:
            if desk.failed or isinstance(error, DeskUnreachable):  # rule 3
                await self._put_away(desk)
            raise

    async def _with(self, symbol: str) -> RealTimeTrading:
        """The desk, which follows the symbol; opened when there is none."""
        assert self._opening is not None
        async with self._opening:
            if self._desk is not None and self._desk.failed:
                await self._put_away(self._desk)
            if self._desk is not None:
                try:
                    await self._desk.subscribe(symbol)
                except DeskUnreachable:  # rule 3
                    await self._put_away(self._desk)
                else:
                    return self._desk
            self._desk = await begin(symbol)
            if self._last:
                self._changed = (
                    f"{self._last} has gone; plain calls are answered by {_named(self._desk)} from now on"
                )
            self._last = _named(self._desk)
            return self._desk

    async def _put_away(self, desk: RealTimeTrading) -> None:
        if self._desk is desk:
            self._desk = None
        await desk.close()


def _named(desk: RealTimeTrading) -> str:
    where = f"the desk at {desk.attached}" if desk.attached else "a desk of this program's own"
    return f"{where} ({desk.source}{'' if desk.simulation is None else f', seed {desk.simulation.seed}'})"


def check_seconds(timeout_s: object) -> None:
    """Raises ConfigError for what is no number."""
    if not isinstance(timeout_s, int | float) or timeout_s != timeout_s:
        raise ConfigError("timeout_s", f"timeout_s: expected seconds as a number, found {timeout_s!r}")


_room = BackRoom()


def _forget() -> None:
    """Rule 4: threads do not come along when a process forks."""
    global _room  # noqa: PLW0603 - one for the whole program
    _room = BackRoom()


def end() -> None:
    """Close the desk of the plain calls; the next one opens another."""
    _room.end()


atexit.register(end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def price(symbol: str, *, timeout_s: float = 30.0) -> PriceView:
    """The price now.

    Raises:
        NoDataYet: nothing was seen in time; says what is missing. UnknownInstrument: no venue lists it.
    """

    async def ask(desk: RealTimeTrading) -> PriceView:
        return desk.prices[symbol]

    return _room.call(symbol, "prices", ask, timeout_s)


def book(symbol: str, depth: int = 20, *, timeout_s: float = 30.0) -> Book:
    """The top of the book now. Raises as `price`."""

    async def ask(desk: RealTimeTrading) -> Book:
        return desk.books.get(symbol, depth=depth) or desk.books[symbol]

    return _room.call(symbol, "books", ask, timeout_s)


def trades(symbol: str, limit: int = 100, *, timeout_s: float = 30.0) -> Table[CertifiedTrade]:
    """The newest trades that the desk has, one at least. Raises as `price`."""

    async def ask(desk: RealTimeTrading) -> Table[CertifiedTrade]:
        return await desk.trades.fetch(symbol, limit)

    return _room.call(symbol, "trades", ask, timeout_s)


def candles(
    symbol: str,
    interval: str = "1m",
    limit: int | None = None,
    *,
    last: Length | None = None,
    start: When | None = None,
    end: When | None = None,
    indicators: Sequence[str] = (),
    also: Sequence[str] = (),
    day_starts: str | None = None,
    timeout_s: float = 30.0,
) -> Table[Bar]:
    """Bars of a span, the venue's history and what the desk has seen as one, the open one last.

    One for each interval, none left out; the newest 500 where no span is said. The arguments are those of
    `desk.candles.history`: `last="30d"`, or `start=` and `end=`, or `limit=`. The time that a download takes does not
    count for `timeout_s`. Of a symbol without trades there is its past.

    Raises:
        ConfigError: there is no such interval, span or indicator. UnknownInstrument: no venue lists it.
    """
    interval_of(interval)

    async def ask(desk: RealTimeTrading) -> Table[Bar]:
        return await desk.candles.history(
            symbol, interval, limit, end, indicators, also, last=last, start=start, day_starts=day_starts
        )

    return _room.call(symbol, "candles", ask, timeout_s, past=True)
