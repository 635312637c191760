"""Event loops of the scenarios: files that say `BOTH_LOOPS = True` run on asyncio's own and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

FACTORIES: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
try:
    import uvloop
except ImportError:
    pass
else:
    FACTORIES["uvloop"] = uvloop.new_event_loop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, LoopFactory]:
    both = isinstance(item, pytest.Function) and getattr(item.module, "BOTH_LOOPS", False)
    return FACTORIES if both else {"asyncio": asyncio.new_event_loop}
