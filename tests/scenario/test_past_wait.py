"""The wait before the past is asked for: it ends with the first data, and where there will be none it ends, too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from virtual_time import VirtualClock
from virtual_trading import bench, virtually

from bethna.app.past import PATIENCE_S, past_of
from bethna.core.errors import UnknownInstrument
from bethna.twins.faults import Fault

NOBODY = (
    Fault(kind="http_5xx", at_s=0.0, for_s=900.0, on="rest"),
    Fault(kind="accept_and_cut", at_s=0.0, for_s=900.0),
)


async def took(waiting: Coroutine[Any, Any, object]) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await waiting
    return loop.time() - begun


def test_what_trades_is_there_at_once_and_described(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            known = await past_of(found.desk, "ethusdt")
            assert known is not None
            assert (known.id, known.verified, known.tradable) == ("ETH-USDT@binance", True, True)
            assert await took(past_of(found.desk, "ETH-USDT")) == 0.0

    virtually(main)


def test_what_the_venue_does_not_list_is_refused_with_what_comes_near(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, symbols=("BTC-USDT", "BTD-USDT")) as found:
            with pytest.raises(UnknownInstrument, match="binance does not list BTD-USDT") as caught:
                await past_of(found.desk, "BTD-USDT")
            assert "BTCUSDT" in caught.value.nearest

    virtually(main)


def test_where_nobody_answers_the_past_is_asked_for_without_the_present(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, *NOBODY) as found:
            waited = await took(past_of(found.desk, "BTC-USDT"))
            assert PATIENCE_S - 1 <= waited <= PATIENCE_S + 1
            assert await took(past_of(found.desk, "BTC-USDT", 0.0)) < 1

    virtually(main)
