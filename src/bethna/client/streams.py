"""What a program reads: an async iterator over a mailbox, or a callback behind one; it knows nothing of markets.

Rules
  1. A stream hears from the moment it is made. Leaving its block, `aclose` or letting it go ends the listening.
  2. When nothing more will come, what waits is read first; then the stream ends, with the error if there is one.
  3. A strict mailbox that overflowed is opened anew by listening anew, in the same breath.
  4. A stream has one reader.
  5. A callback is called one call after the other. One that raises is told and called no more.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from bethna.client.backend import Backend, Ended, Want
from bethna.core.clock import Clock
from bethna.core.errors import Closed
from bethna.core.status import SystemEvent
from bethna.runtime.mailbox import Mailbox, MailboxStatistics, Strict
from bethna.runtime.supervisor import failure

T = TypeVar("T")

Listen = Callable[[Callable[[Any], None], Ended], Callable[[], None]]
"""Begins to listen with a `hear` and an `ended`; the answer ends it."""
Callback = Callable[[T], Awaitable[object] | object]
CALLS_PER_TURN = 64


class Ear:
    """A mailbox that listens. The desk holds this one and never the stream, so that a stream can be let go (rule 1)."""

    def __init__(self, box: Mailbox[Any], listen: Listen, loop: asyncio.AbstractEventLoop) -> None:
        self.box = box
        self.error: Exception | None = None
        self._listen = listen
        self._loop = loop
        self._thread = threading.get_ident()
        self._stop: Callable[[], None] | None = None
        self._begin()

    def _begin(self) -> None:
        self._stop = self._listen(self.box.offer, self._ended)

    def _ended(self, error: Exception | None) -> None:
        self.error = error
        self.box.close()

    def anew(self) -> None:
        """Rule 3."""
        assert isinstance(self.box, Strict)
        if self.box.closed:
            return
        self.close()
        self.box.reopen()
        self._begin()

    def close(self) -> None:
        """Hear nothing more; may be called twice, and from the collector in another thread."""
        stop, self._stop = self._stop, None
        if stop is None:
            return
        if threading.get_ident() == self._thread:
            stop()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(stop)


class Stream(AsyncIterator[T]):
    """Read with `async for`; ends as the rules above say.

    Args:
        see: what a heard event is to this reader, None for nothing.
    """

    def __init__(self, ear: Ear, see: Callable[[Any], T | None]) -> None:
        self._ear = ear
        self._see = see
        self._batch: Iterator[Any] = iter(())
        self._reading = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._reading:  # rule 4
            raise RuntimeError("expected one reader of a stream, found two; open one stream for each")
        self._reading = True
        try:
            while not self._over:
                for event in self._batch:
                    seen = self._see(event)
                    if seen is not None:
                        return seen
                self._batch = iter(await self._receive())
            raise StopAsyncIteration
        finally:
            self._reading = False

    async def _receive(self) -> list[Any]:
        box = self._ear.box
        try:
            batch = await box.receive()
        except Closed:  # rule 2
            if self._ear.error is not None and not self._over:
                raise self._ear.error from None
            raise StopAsyncIteration from None
        if isinstance(box, Strict) and box.overflowed:
            self._ear.anew()
        return batch

    def close(self) -> None:
        """End it now; what waits is let go."""
        self._over = True
        self._batch = iter(())
        self._ear.close()
        self._ear.box.close()

    async def aclose(self) -> None:
        """The same, as async iterators have it."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        ear: Ear | None = getattr(self, "_ear", None)  # None: it was never made
        if ear is not None:
            ear.close()

    def statistics(self) -> MailboxStatistics:
        """How far its reader is behind."""
        return self._ear.box.statistics()


def listening(backend: Backend, want: Want) -> Listen:
    """How a backend is listened to."""
    return lambda hear, ended: backend.listen(want, hear, ended)


class Subscription(Generic[T]):
    """A callback that is being called; `close` ends it, `error` is what it raised, or what ended the stream."""

    def __init__(
        self,
        stream: Stream[T],
        callback: Callback[T],
        clock: Clock,
        report: Callable[[SystemEvent], None],
    ) -> None:
        self.error: Exception | None = None
        self._stream = stream
        self._callback = callback
        self._clock = clock
        self._report = report
        self.name = f"callback {getattr(callback, '__qualname__', type(callback).__name__)}"

    @property
    def closed(self) -> bool:
        """Whether it is called no more."""
        return self._stream._over  # noqa: SLF001 - one room, one thing in two parts

    def close(self) -> None:
        """Call it no more; a call that is under way ends by itself."""
        self._stream.close()

    async def run(self) -> None:
        """Rule 5, until it is closed or the stream ends."""
        calls = 0
        try:
            async for each in self._stream:
                result = self._callback(each)
                if inspect.isawaitable(result):
                    await result
                calls += 1
                if calls % CALLS_PER_TURN == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.error = RuntimeError(
                "the callback was cancelled from within"
            )  # not by us: it raised that itself
            self._report(failure(self._clock, self.name, self.error, "it is called no more"))
            self.error.__cause__ = error
        except Exception as error:  # noqa: BLE001 - rule 5: the boundary of somebody's callback
            self.error = error
            if error is not self._stream._ear.error:  # noqa: SLF001 - one room, one thing in two parts
                self._report(failure(self._clock, self.name, error, "it is called no more"))
        finally:
            self._stream.close()
