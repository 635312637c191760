"""The parent of every task and the boundary around every tap: the one room that may catch whatever comes.

It restarts and reports; it knows nothing of what it runs.

Rules, cited by the code:

1. A task that ends by itself is done; a cancelled task is never restarted.
2. A task whose error is not in its policy's reach (`restart=None`) is reported and takes the group down with it.
3. A task with a policy is reported and started again after a delay that doubles up to `cap_s`, with jitter; the delay
   starts over once it has run for `steady_s`.
4. A tap that raises is reported once and never called again; whoever published goes on.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from random import Random
from types import TracebackType
from typing import Self, TypeVar

from msgspec import Struct

from bethna.core.clock import NS_PER_S, Clock
from bethna.core.errors import BethnaError, Closed
from bethna.core.status import EventLevel, SystemEvent

T = TypeVar("T")
Report = Callable[[SystemEvent], None]
"""Where failures go: the bus's `system` channel, a log. Must not raise."""


class Restart(Struct, frozen=True, gc=False):
    """How a failed task comes back; all in seconds, `jitter` is the share by which a delay may differ either way."""

    first_s: float = 0.5
    cap_s: float = 30.0
    steady_s: float = 60.0
    jitter: float = 0.2


class Supervisor:
    """A task group whose children have names, and restart where that was asked for.

    Use as `async with Supervisor(clock, report) as family: family.start("flush", hub.run, restart=Restart())`.
    Leaving the block waits for the children; cancelling the block cancels them.
    """

    def __init__(self, clock: Clock, report: Report, rng: Random | None = None) -> None:
        self._clock = clock
        self._report = report
        self._rng = rng or Random()
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self.restarts = 0

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    def start(
        self, name: str, run: Callable[[], Awaitable[None]], *, restart: Restart | None = None
    ) -> asyncio.Task[None]:
        """Run `run()` as a child called `name`."""
        task = self._group.create_task(self._keep(name, run, restart), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def stop(self) -> None:
        """Cancel every child; leaving the block then waits until they are gone."""
        for task in tuple(self._tasks):
            task.cancel()

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the children that live now, sorted."""
        return tuple(sorted(task.get_name() for task in self._tasks))

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]], restart: Restart | None) -> None:
        failures = 0
        while True:
            started = self._clock.monotonic_ns()
            try:
                await run()
            except Exception as error:
                if restart is None:  # rule 2
                    self._report(failure(self._clock, name, error, "it ends"))
                    raise
                if self._clock.monotonic_ns() - started >= restart.steady_s * NS_PER_S:
                    failures = 0
                delay_s = min(restart.cap_s, restart.first_s * 2.0 ** min(failures, 30))
                delay_s *= 1.0 + restart.jitter * (2.0 * self._rng.random() - 1.0)
                failures += 1
                self.restarts += 1
                self._report(failure(self._clock, name, error, f"it starts again in {delay_s:.1f} s"))
            else:
                return  # rule 1
            await asyncio.sleep(delay_s)  # rule 3


def guarded(
    tap: Callable[[T], None], name: str, clock: Clock, report: Report, drop: Callable[[], None]
) -> Callable[[T], None]:
    """`tap` behind a boundary (rule 4): the first time it raises it is reported, and `drop` unsubscribes it."""
    live = True

    def call(event: T, /) -> None:
        nonlocal live
        if not live:
            return
        try:
            tap(event)
        except Exception as error:  # noqa: BLE001 - the boundary of rule 4
            if live:
                live = False
                drop()
                report(failure(clock, name, error, "it hears nothing more"))

    return call


def contained(call: Callable[[], T], name: str, clock: Clock, report: Report) -> T:
    """`call()`, where a bug inside must not spread: it is reported, and the caller gets an error that it knows.

    Raises:
        BethnaError: whatever `call` raises of these; `Closed` for anything else.
    """
    try:
        return call()
    except BethnaError:
        raise
    except Exception as error:
        report(failure(clock, name, error, "what was asked for is not served"))
        raise Closed(f"{name} failed", hint="try again; the desk's events say why") from error


def failure(clock: Clock, name: str, error: BaseException, consequence: str) -> SystemEvent:
    """An error as a line for a person: what failed, where, and what follows from it."""
    known = isinstance(error, BethnaError)
    said = str(error) or type(error).__name__
    place = "" if known else _place(error)
    level: EventLevel = "warning" if known else "error"
    code = error.code if isinstance(error, BethnaError) else "task_failed"
    return SystemEvent(
        clock.now_ns(), level, code, name, f"{type(error).__name__}: {said}{place}; {consequence}"
    )


def _place(error: BaseException) -> str:
    """The innermost line of the traceback, as `module:line`; enough to look, too little to leak."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" (at {last.filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{last.lineno})"
