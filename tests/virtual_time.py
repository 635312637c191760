"""An event loop whose time jumps to the next timer when nothing is ready: an hour of the desk in seconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from math import ceil
from typing import Any, TypeVar

from bethna.core.clock import NS_PER_S

T = TypeVar("T")


class Standstill(Exception):
    """Nothing is ready and no timer is set: the program would wait for ever."""


class _Jumping(selectors.SelectSelector):
    """Instead of waiting it moves the loop's time."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return []
        if timeout is None:
            raise Standstill("nothing is ready and no timer is set")
        self.loop.elapsed_ns += max(1, ceil(timeout * NS_PER_S))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Real tasks, timers and timeouts; no sockets, no threads, no waiting.

    Attributes:
        elapsed_ns: virtual nanoseconds since it was made.
    """

    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.elapsed_ns = 0
        super().__init__(selector)

    def time(self) -> float:
        return self.elapsed_ns / NS_PER_S


class VirtualClock:
    """The loop's time as a desk's clock. `wall_offset_ns` sets the wall clock, the monotonic one goes on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.wall_offset_ns = 0
        self.loop: VirtualLoop | None = None

    def now_ns(self) -> int:
        return self.start + self.wall_offset_ns + self.monotonic_ns()

    def true_ns(self) -> int:
        """The time of the world, whatever the host's wall clock was set to."""
        return self.start + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return self.loop.elapsed_ns if self.loop is not None else 0


async def pass_time(seconds: float) -> None:
    """Let time pass: in virtual time nobody waits, and a trial over real sockets takes as long as it takes."""
    await asyncio.sleep(seconds)  # house: sleep - the loop's time is virtual, or time is what is tried


def run_virtually(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        clock.loop = loop
        return runner.run(main)
