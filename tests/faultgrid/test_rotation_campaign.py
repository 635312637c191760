"""Planned rotations under load: sockets are replaced over and over, and every trade leaves once and in order."""

from __future__ import annotations

import pytest
from conftest import Campaign
from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, run_virtually

LIFE_S = {"max_life_s": 8.0, "rotate_before_s": 4.0}
"""A socket is replaced two to four seconds after it was opened."""


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_rotations_lose_nothing_double_nothing_and_keep_the_order(campaign: Campaign) -> None:
    wanted = campaign.count(40, 1000)
    clock = VirtualClock(START)

    async def rotate() -> None:
        trial = Trial(campaign.seed, (), 0.0, frozenset(), spec=dict(LIFE_S))
        async with house(trial, clock) as found:
            while (rotated := found.desk.venues()[0].rotations) < wanted:
                await found.watch(20.0)
                assert found.desk.venues()[0].rotations > rotated, "no rotation in 20 s"
            findings = await found.close()
            health = found.desk.venues()[0]
            assert findings.lost == []
            assert findings.doubled == []
            assert findings.disturbed == []
            assert health.reconnects == 0
            for listener in found.judge.listeners.values():
                ids = [trade.trade_id for trade in listener.trades]
                assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert findings.compared["trades"] > 10 * wanted
            print(f"{health.rotations} rotations, {findings.compared['trades']} trades")

    run_virtually(rotate(), clock)
