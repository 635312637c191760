"""Random spans, intervals and starts under random faults: each bar of the series equals the truth, or says why not.

`make soak ARGS="tests/scenario/test_history_campaign.py"` asks a thousand times and more; a seed that fails is asked
again with BETHNA_TEST_SEED.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from conftest import Campaign
from faultgrid.ground import Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from scenario.test_history import SLOW, compare
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import BarKind, Series
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.services.history import Past
from bethna.twins.faults import random_plan

SPAN_S = 900.0
ASKED = 8
INTERVALS = (Interval.S1, Interval.M1, Interval.M1, Interval.M3, Interval.M5, Interval.M15, Interval.H1)


@pytest.mark.campaign
@pytest.mark.timeout(7_200)
def test_whatever_is_asked_under_whatever_faults(campaign: Campaign) -> None:
    counts: Counter[str] = Counter()
    for seed in campaign.seeds(share=3, whole=150):
        try:
            run_virtually(one(seed, clock := VirtualClock(START), counts), clock)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert 4 * counts["whole"] > counts["marked"], counts
    print(f"{counts['asked']} asked, {counts['whole']} bars whole, {counts['marked']} marked")


async def one(seed: int, clock: VirtualClock, counts: Counter[str]) -> None:
    rng = Random(seed)
    ground = rng.choice(SLOW)
    faults = random_plan(
        rng, span_s=SPAN_S - 60, symbols=ground.symbols, words=ground.words, streams=ground.streams, most=4
    )
    async with house(Trial(seed, faults, SPAN_S, ground=ground), clock) as found:
        passed = 0.0
        for _ in range(ASKED):
            wait = rng.uniform(5.0, 2 * (SPAN_S - passed) / ASKED)
            await pass_time(wait)
            passed += wait
            await ask(rng, found, ground, clock, counts)


async def ask(
    rng: Random, found: VirtualHouse, ground: Ground, clock: VirtualClock, counts: Counter[str]
) -> None:
    number, interval, limit = rng.randrange(2), rng.choice(INTERVALS), rng.randint(1, 40)
    now = clock.now_ns()
    end = rng.choice((None, None, now - rng.randint(0, 600) * NS_PER_S, now + 60 * NS_PER_S))
    wanted = ground.instrument(ground.listings()[number])
    series = await found.desk.bars(wanted, interval, limit, end)
    counts["asked"] += 1
    assert len(series.bars) <= limit
    assert all(earlier.close_time == later.open_time for earlier, later in pairwise(series.bars))
    check(found, ground, number, series, counts)


def check(found: VirtualHouse, ground: Ground, number: int, series: Series, counts: Counter[str]) -> None:
    whole = []
    for bar in series.bars:
        proved = bar.coverage.state in (State.COMPLETE, State.HEALED) and bar.kind is not BarKind.UNKNOWN
        if bar.open_time >= START:  # before that there is no market
            counts["whole" if proved else "marked"] += 1
        if proved:
            whole.append(bar)
        else:
            assert bar.coverage.gaps or bar.coverage.state is State.UNVERIFIED, bar
    compare(found, ground, number, series.interval, Past(whole, None, ()))
