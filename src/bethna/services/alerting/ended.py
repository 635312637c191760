"""Work that goes to its end, whoever is cancelled while waiting for it; it knows nothing of alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_AT_WORK: set[asyncio.Task[Any]] = set()  # the loop holds tasks weakly


def to_its_end(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """What was taken out of memory to be put on the disk is there then, or back in memory: never in between.

    Who is cancelled hears so at once. What comes after it has to wait for it, by a lock that the work holds.
    """

    @wraps(work)
    async def done(*args: P.args, **kwargs: P.kwargs) -> T:
        begun = work(*args, **kwargs)
        task = asyncio.ensure_future(begun)  # house: task - who closes waits for the lock that it holds
        _AT_WORK.add(task)
        task.add_done_callback(_AT_WORK.discard)
        return await asyncio.shield(task)

    return done
