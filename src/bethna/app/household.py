"""The life of a desk in a program: its engine and its callbacks in tasks of its own, ended together; no market here.

Rules
  1. Everything runs below one root task, which belongs to no caller: what was opened in one cell of a notebook is
     closed in another. Whoever holds the household closes it; a loop that ends cancels the root and so does the same.
  2. An error of the engine ends every stream with it, and the next call raises it. Callbacks end with their streams.
  3. An engine that has come to its end (a tape) leaves what it has to be read.
  4. Closing twice is fine; afterwards every call raises Closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from bethna.client.backend import Backend, Ended, Want
from bethna.client.streams import Ear, Stream
from bethna.core.clock import Clock
from bethna.core.errors import BethnaError, Closed
from bethna.core.status import Dropped, SystemEvent
from bethna.runtime.clocks import SystemClock
from bethna.runtime.mailbox import Newest

Began = Callable[[Backend], None]
KEPT_EVENTS = 1000


class Engine(Protocol):
    """What a household keeps running."""

    async def run(self, began: Began) -> None:
        """Run until cancelled, or to the source's end; calls `began` once there is a desk. Ends what it started."""
        ...


class Household:
    """One engine and everything that listens to it. Use it in one event loop."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._root: asyncio.Task[None] | None = None
        self._crew: asyncio.TaskGroup | None = None
        self._backend: Backend | None = None
        self._began: asyncio.Future[None] | None = None
        self._error: BethnaError | None = None
        self._closed = False
        self._listeners: dict[Callable[[SystemEvent], None], None] = {}

    async def open(self) -> None:
        """Start, and return when there is a desk. Raises what kept it from starting; then nothing is left of it."""
        if self._closed or self._root is not None:
            raise Closed("this desk was opened before", hint="make another one: a desk is opened once")
        loop = self._loop = asyncio.get_running_loop()
        self._began = loop.create_future()
        self._root = loop.create_task(self._live(), name="bethna")  # rule 1: `close` is its parent
        try:
            await self._began
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Rule 4. Returns when everything has ended."""
        self._closed = True
        root, self._listeners = self._root, {}
        if root is None or root.done():
            return
        if self._backend is not None:
            await self._backend.close()
        root.cancel()
        await asyncio.wait([root])
        if not root.cancelled():
            root.result()

    @property
    def error(self) -> BethnaError | None:
        """What ended the engine."""
        return self._error

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the desk runs; a cell without `await` may ask for a stream while it does not."""
        assert self._loop is not None  # a desk that was never opened has no backend either
        return self._loop

    def backend(self) -> Backend:
        """The desk (rules 2 and 4)."""
        if self._error is not None and not self._closed:
            raise self._error
        if self._closed or (self._root is not None and self._root.done()):
            raise Closed("this desk is closed", hint="open another one")
        if self._backend is None:
            raise Closed(
                "this desk does not run yet",
                hint="write `async with desk:`, or `desk = await bethna.open(...)`",
            )
        return self._backend

    def start(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a child that lets no error out."""
        self.backend()
        assert self._crew is not None
        self._crew.create_task(run(), name=name)

    def report(self, event: SystemEvent) -> None:
        """Tell whoever reads the events."""
        for hear in tuple(self._listeners):
            hear(event)

    def events(self) -> Stream[SystemEvent | Dropped]:
        """The desk's events and those of this household."""
        backend = self.backend()

        def listen(hear: Callable[[Any], None], ended: Ended) -> Callable[[], None]:
            stop = backend.listen(Want("system"), hear, ended)
            self._listeners[hear] = None

            def close() -> None:
                self._listeners.pop(hear, None)
                stop()

            return close

        return Stream(Ear(Newest(KEPT_EVENTS), listen, self.loop), lambda event: event)

    async def _live(self) -> None:
        """Rule 1."""
        try:
            async with asyncio.TaskGroup() as crew:
                self._crew = crew
                crew.create_task(self._carry(), name="bethna-engine")
                await asyncio.Event().wait()  # until cancelled: callbacks may begin at any time
        finally:
            self._crew = None
            if self._backend is not None:
                await self._backend.close()

    async def _carry(self) -> None:
        """Rules 2 and 3."""
        assert self._began is not None
        try:
            await self._engine.run(self._settled)
        except Exception as error:  # noqa: BLE001 - rule 2: told to whoever uses the desk
            self._error = told(error)
            if not self._began.done():
                self._began.set_exception(self._error)

    def _settled(self, backend: Backend) -> None:
        self._backend = backend
        assert self._began is not None
        with suppress(asyncio.InvalidStateError):  # nobody waits any more
            self._began.set_result(None)


def told(error: BaseException) -> BethnaError:
    """An error as its user can be told: ours as it is, a bug as what it is."""
    found = _first(error)
    if isinstance(found, BethnaError):
        return found
    said = Closed(
        f"this desk was ended by an error of its own: {type(found).__name__}: {found}",
        hint="open another one; please report this one with its traceback",
    )
    said.__cause__ = found
    return said


def _first(error: BaseException) -> BaseException:
    """The first error of a group that is no group; one of ours before a bug."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = [_first(each) for each in error.exceptions]
    return next((each for each in found if isinstance(each, BethnaError)), found[0])
