"""Calls back at a time; the loop's own timers, behind a seam so that a test can move time by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bethna.core.clock import NS_PER_S, Clock


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """It does not come."""
        ...


class Timers(Protocol):
    """Who calls back. Times are the clock's monotonic nanoseconds."""

    def call_at(self, when: int, action: Callable[[], None]) -> Timer:
        """Call `action` at `when`, from the event loop; soon when that is past."""
        ...

    async def sleep(self, ns: int) -> None:
        """Come back after `ns` nanoseconds."""
        ...


class LoopTimers:
    """The running event loop's timers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_at(self, when: int, action: Callable[[], None]) -> Timer:
        """Call `action` at `when`."""
        delay = max(0, when - self._clock.monotonic_ns())
        return asyncio.get_running_loop().call_later(delay / NS_PER_S, action)

    async def sleep(self, ns: int) -> None:
        """Come back after `ns` nanoseconds."""
        await asyncio.sleep(ns / NS_PER_S)
