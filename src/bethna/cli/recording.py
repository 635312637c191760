"""A desk without a page whose wire is recorded, and how the end of a recording reaches it; it prints nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bethna.app import Desk
from bethna.core.errors import StoreError


class Ended:
    """Carries the end of a recording from the store's thread to the loop, whichever of them is first."""

    def __init__(self) -> None:
        self._told = False
        self._event: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, _error: StoreError) -> None:
        """Recording has stopped by itself; called in the store's thread."""
        self._told = True
        if self._loop is not None and self._event is not None:
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Until recording has stopped by itself."""
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not self._told:
            await self._event.wait()


async def carry(desk: Desk, ended: Ended, duration_s: float | None) -> None:
    """Run the desk for a time (None: until cancelled), or until recording stops by itself."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run(), name="desk")
        try:
            async with asyncio.timeout(duration_s):
                await ended.wait()
        except TimeoutError:
            pass  # the time is over
        finally:
            running.cancel()
