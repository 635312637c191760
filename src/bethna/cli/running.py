"""Runs a coroutine to its end or to a person's: uvloop where there is one, Ctrl-C and SIGTERM end it cleanly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# A terminal that goes away is a wish to end, like SIGTERM: what was drawn there is put back, what was started ends.
_WISHES = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def run(main: Coroutine[Any, Any, T]) -> T | None:
    """The coroutine's result; None when SIGTERM ended it, which is a wish and no failure.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after everything was cancelled and has cleaned up.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_until_terminated(main))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed; None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_terminated(main: Coroutine[Any, Any, T]) -> T | None:
    task = asyncio.current_task()
    assert task is not None
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    loop = asyncio.get_running_loop()
    try:
        for wish in _WISHES:
            loop.add_signal_handler(wish, terminate)
    except NotImplementedError:  # Windows ends the process by itself
        return await main
    try:
        return await main
    except asyncio.CancelledError:
        if terminated:
            return None
        raise
    finally:
        for wish in _WISHES:
            loop.remove_signal_handler(wish)
