"""Desks that are killed at any moment, on a recording and on a market that goes on meanwhile: what they told of alerts
is what one desk tells that nobody killed, and what a look at the bare trades says.

`make soak ARGS="tests/scenario/test_killed_desks.py"` kills a hundred times.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from conftest import Campaign
from killed.desk_alerts import BTC, rules
from scenario.twin_house import House, twin

from bethna.app.alert_past import of_tape
from bethna.config import load
from bethna.core.alerts import TELLING, Step
from bethna.core.market import Trade
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.feed import FeedSettings
from bethna.store.alerts.facts import Fired
from bethna.store.alerts.journal import Journal

TESTS = Path(__file__).parents[1]
Line = tuple[str, int, int | None, int]
"""(rule, number of the firing, id of the trade, event time)"""
PATIENCE_S = 300.0


async def begin(folder: Path, levels: Sequence[float], **variables: str) -> Process:
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    arguments = [str(folder / "data"), str(folder / "alerts"), json.dumps(levels)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "killed.desk_alerts", *arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        env={**os.environ, "PYTHONPATH": paths, **variables},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await process.stdout.readline() == b"ready\n"
    return process


async def killed(process: Process, after_s: float) -> bool:
    """Whether it was killed before it ended by itself."""
    try:
        async with asyncio.timeout(after_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        return True
    return False


def judged(trades: Sequence[Trade], levels: Sequence[float]) -> list[Line]:
    """What one watch says of these trades that nobody interrupts."""
    steps: list[Step] = []
    watch = AlertWatch(steps.append, lambda where, error: pytest.fail(f"{where}: {error!r}"), 10**8)
    for number, rule in enumerate(rules(list(levels)), 1):
        watch.arm(f"a{number}", rule)
    hear = watch.listen(BTC)
    for trade in trades:
        hear(trade)
    return [line_of(step) for step in steps if step.outcome in TELLING]


def line_of(step: Step) -> Line:
    assert step.fired is not None
    return step.rule, step.after.firings, step.moment.trade_id if step.leaf is not None else None, step.fired


def crossings(trades: Sequence[Trade], level: float) -> list[int]:
    """By a look at the bare trades: the ids at which the price has come to the other side."""
    found, before = [], None
    for trade in trades:
        above = before if trade.price == level else trade.price > level
        if before is not None and above is not before:
            found.append(trade.trade_id)
        before = above
    return found


def kept(folder: Path) -> tuple[list[Line], list[Fired], int, int]:
    """What the journal says: firings in the order of rules, and the first and last trade that were judged."""
    with Journal(folder / "alerts") as journal:
        firings = journal.firings(limit=10**7)
        lines, first = [], 2**62
        for each in journal.rules(removed=True):
            steps = journal.steps(each.name, limit=10**7)
            first = min(first, *(step.moment.trade_id or 2**62 for step in steps[:1]))
            lines += [line_of(step) for step in steps if step.outcome in TELLING]
        return lines, firings, first, journal.cursors()[BTC].trade_id


def check(folder: Path, trades: Sequence[Trade], levels: Sequence[float]) -> tuple[int, int]:
    """Nothing lost, nothing doubled; how many firings there are, and how many rules told at the end of a hold."""
    lines, firings, first, last = kept(folder)
    seen = [trade for trade in trades if first <= trade.trade_id <= last]
    expected = judged(seen, levels)
    holds = {name for name, number, trade, _ in expected if trade is None}
    assert sorted(map(str, lines)) == sorted(map(str, expected))
    assert len({(each.rule, each.firing) for each in firings}) == len(firings) == len(lines)
    for number, level in enumerate(levels, 1):
        assert [line[2] for line in lines if line[0] == f"a{number}"] == crossings(seen, level)
    return len(lines), len(holds)


async def traded(house: House, more: int) -> None:
    """So many more trades have been made."""
    executions, there = house.truth.executions["BTCUSDT"], asyncio.Event()
    wanted = len(executions) + more
    house.made.world.listen(lambda *_: there.set() if len(executions) >= wanted else None)
    await there.wait()


@pytest.mark.needs("shared")
@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_a_recording_says_the_same_however_often_its_desk_is_killed(
    campaign: Campaign, tmp_path: Path, shared_dir: Path
) -> None:
    rng, kills = Random(campaign.seed), campaign.count(share=3, whole=50)
    path = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    levels = [
        61_600.0 + (0.25 if campaign.soak else 2.0) * number
        for number in range(1_000 if campaign.soak else 60)
    ]
    played = {"BETHNA_SOURCE": f"tape:{path}", "BETHNA_SPEED": "max"}
    cut = 0
    while True:  # until one has come to the end: it closes in order, and another one would begin anew
        process = await begin(tmp_path, levels, **played)
        if cut == kills or not await killed(process, rng.uniform(0.02, 4.0 / kills)):
            break
        cut += 1
    async with asyncio.timeout(PATIENCE_S):
        await process.wait()
    known = await of_tape(path, load(), FeedSettings(), frozenset({BTC}))
    told, holds = check(tmp_path, known.trades, levels)
    assert cut > 0
    assert holds > 0
    print(f"{cut} kills, {len(known.trades)} trades, {told} firings")


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_a_market_that_goes_on_while_its_desk_is_dead_is_told_all_the_same(
    campaign: Campaign, tmp_path: Path
) -> None:
    rng, kills = Random(campaign.seed), campaign.count(share=2, whole=50)
    async with twin(campaign.seed % 2**32, symbols="BTCUSDT", pace=20.0) as house:
        attached = {
            "BETHNA_SOURCE": "live",
            "BETHNA_TRADE_STREAM": "binance=trade",
            "BETHNA_HOSTS": f"binance=ws://{house.authority}|http://{house.authority}",
        }
        listing = house.made.world.markets["BTCUSDT"].listing
        await traded(house, 1)
        middle = house.truth.executions["BTCUSDT"][0].price * listing.tick / 10**8
        count, step = (2_000, 0.05) if campaign.soak else (60, 2.0)
        levels = [round(middle + (number - count // 2) * step, 2) for number in range(count)]
        for _ in range(kills):
            assert await killed(await begin(tmp_path, levels, **attached), rng.uniform(0.2, 4.0))
        last = await begin(tmp_path, levels, **attached)
        assert last.stdin is not None
        async with asyncio.timeout(PATIENCE_S):
            await traded(house, 1_000)
            last.stdin.write(b"\n")
            await last.wait()
        trades = [
            Trade(
                BTC, each.price * listing.tick / 10**8, each.quantity * listing.lot / 10**8,
                "sell" if each.buyer_is_maker else "buy", each.trade_id, each.ts, each.ts,
            )
            for each in house.truth.executions["BTCUSDT"]
        ]  # fmt: skip
    told, _ = check(tmp_path, trades, levels)
    print(f"{kills} kills, {len(trades)} trades, {told} firings")
