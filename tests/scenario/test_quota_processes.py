"""Real processes that share one quota at one twin: it is used, never exceeded, and a dead holder is soon forgotten."""

from __future__ import annotations

import asyncio
import random
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from conftest import Campaign
from quota.campaign import pause, run, table

from bethna.core.clock import NS_PER_S
from bethna.logic.quota_ledger import LEASE_NS, Lane, Terms
from bethna.runtime.clocks import SystemClock
from bethna.store.quota_file import QuotaFile
from bethna.store.quota_keeper import QuotaKeeper

SHARE_PROCESSES, WHOLE_PROCESSES = 6, 12
WHOLE_S = 200
HOLDS = """
import random, sys
from pathlib import Path
from bethna.logic.quota_ledger import Lane, Terms
from bethna.runtime.clocks import SystemClock
from bethna.store.quota_file import QuotaFile
from bethna.store.quota_keeper import QuotaKeeper
keeper = QuotaKeeper(Terms(1000, counted=False), SystemClock(), random.Random(1), QuotaFile(Path(sys.argv[1]), "x"))
print(keeper.ask(keeper.want(Lane.SNAPSHOTS, 900)), keeper.ask(keeper.want(Lane.SNAPSHOTS, 100)), flush=True)
sys.stdin.read()
"""


@pytest.mark.campaign
@pytest.mark.timeout(WHOLE_S + 200)
async def test_processes_at_full_demand_use_the_quota_and_are_never_refused(
    tmp_path: Path, campaign: Campaign
) -> None:
    processes = campaign.count(SHARE_PROCESSES, WHOLE_PROCESSES)
    seed = campaign.seed % 2**32 or 1
    outcome = await run(processes, campaign.count(0, WHOLE_S), seed, tmp_path / "bethna")
    print(table(outcome))
    assert outcome.unmet() == []
    assert outcome.sharers == processes - 1, "one was killed"
    assert 0 < outcome.connected <= outcome.attempts <= 250
    if campaign.soak:
        assert len(outcome.whole) >= 2
        assert outcome.attempts >= 0.95 * 250


@pytest.mark.skipif(
    sys.platform == "win32", reason="a process is not known to be gone there before its want runs out"
)
async def test_a_killed_holder_costs_at_most_a_lease(tmp_path: Path) -> None:
    clock = SystemClock()
    keeper = QuotaKeeper(Terms(1000, counted=False), clock, random.Random(2), QuotaFile(tmp_path / "q", "x"))
    keeper.learn_clock(10 * NS_PER_S)  # well inside a minute
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS, str(tmp_path / "q"), stdin=PIPE, stdout=PIPE
    )
    try:
        assert holder.stdout is not None
        went, held = map(int, (await holder.stdout.readline()).split())
        assert went == 0
        assert held > 0
        asked = keeper.want(Lane.HEALING, 40)
        wait = keeper.ask(asked)
        assert 0 < wait <= LEASE_NS, "there is room for it, but not beside the other's want"
    finally:
        holder.kill()
        await holder.wait()
    killed = clock.monotonic_ns()
    while wait := keeper.ask(asked):
        await pause(wait / NS_PER_S)
    assert clock.monotonic_ns() - killed <= LEASE_NS + NS_PER_S // 4
    keeper.close()
