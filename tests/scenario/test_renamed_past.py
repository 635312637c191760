"""A coin that was renamed: its old name can be followed for its past, and neither name is taken for the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faultgrid.ground import BINANCE
from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import BarKind
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId

MATIC, POL = InstrumentId("MATIC-USDT@binance"), InstrumentId("POL-USDT@binance")
GROUND = replace(BINANCE, rates={"BTCUSDT": 1.0, "POLUSDT": 1.0, "MATICUSDT": 1.0})


@pytest.mark.parametrize("first", ["old:MATIC-USDT", "old:maticusdt@binance"])
def test_what_is_halted_has_a_past_under_its_old_name(first: str) -> None:
    clock = VirtualClock(START)

    async def act() -> None:
        trial = Trial(5, (), 0.0, ground=GROUND, settings={"symbols": ("BTC-USDT",)})
        async with house(trial, clock) as found:
            await pass_time(10)
            desk = found.desk
            assert await desk.follow(first) == (MATIC, None)
            assert await desk.follow("MATIC-USDT@binance") == (MATIC, None), (
                "as it is written, once it is followed"
            )
            followed = {each.id: each for each in desk.instruments()}
            assert POL not in followed
            assert not followed[MATIC].tradable
            assert {each.code for each in desk.events(50) if each.subject == MATIC} >= {"not_trading"}
            await pass_time(20)
            series = await desk.bars(MATIC, Interval.M1, 3)
            assert {bar.kind for bar in series.bars} <= {BarKind.UNKNOWN, BarKind.QUIET}, (
                "nobody trades it any more"
            )
            assert await desk.follow("POL-USDT") == (POL, None)

    run_virtually(act(), clock)
