"""Parts that tests of waiting code share: time that is moved by hand, and a bell that says when to look again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bethna.core.clock import seconds
from bethna.runtime.clocks import ManualClock

T = TypeVar("T")

# A scenario that has not happened by then never will; it is no part of any measured behaviour.
PATIENCE_S = 10.0


class Bell:
    """Rung whenever something happened; `until` waits for the ring after which its condition holds."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._rung.clear()
                    await self._rung.wait()
        except TimeoutError:
            raise AssertionError(f"did not happen within {PATIENCE_S} s: {what or condition}") from None

    async def wait_for(self, answer: Awaitable[T]) -> T:
        """An answer from the other side, within a test's patience."""
        async with asyncio.timeout(PATIENCE_S):
            return await answer


class HandTimer:
    def __init__(self, when: int, action: Callable[[], None]) -> None:
        self.when = when
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandTimers:
    """Timers of a clock that only `advance` moves."""

    def __init__(self, clock: ManualClock, bell: Bell) -> None:
        self.clock = clock
        self.bell = bell
        self.timers: list[HandTimer] = []
        self.slept: list[int] = []

    def call_at(self, when: int, action: Callable[[], None]) -> HandTimer:
        timer = HandTimer(when, action)
        self.timers.append(timer)
        self.bell.ring()
        return timer

    async def sleep(self, ns: int) -> None:
        self.slept.append(ns)
        done = asyncio.Event()
        timer = self.call_at(self.clock.monotonic_ns() + ns, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    @property
    def pending(self) -> list[HandTimer]:
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        return self.timers

    def advance(self, by_s: float) -> None:
        """Move time, calling in order what falls due on the way."""
        end = self.clock.monotonic_ns() + seconds(by_s)
        while due := [timer for timer in self.pending if timer.when <= end]:
            timer = min(due, key=lambda each: each.when)
            timer.cancelled = True
            self.clock.advance(max(0, timer.when - self.clock.monotonic_ns()))
            timer.action()
        self.clock.advance(end - self.clock.monotonic_ns())
