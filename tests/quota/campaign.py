"""Many processes at full demand against one twin: what they got of what is allowed, and whether it ever said no.

Rules
  1. The twin is the judge: its count of weight is read a few times a second and its peak of each minute kept.
  2. A minute counts as whole when the processes were at it from its beginning to its end.
  3. One process is killed on the way; the others must not notice.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bethna.logic.quota_ledger import EVERYDAY, MOST

LIMIT = 6000
ALLOWED = int(LIMIT * EVERYDAY)
MOST_ALLOWED = int(LIMIT * MOST)
ENOUGH = 0.95
ORDERS = 180
"""A minute, of all processes: less than the reserve."""
LOOK_S = 0.2
PATIENCE_S = 60
AFTER_S = 3.0
MINUTE_S = 60
PROGRAM = (sys.executable, "-c", "import sys; from bethna.cli import main; sys.exit(main())")


@dataclass
class Outcome:
    """What a campaign found.

    Attributes:
        minutes: the twin's peak of weight by minute. whole: those minutes that count (rule 2).
        waits: milliseconds from wanting to going, by lane.
        denied: how often a process heard 429 or 418. told: what keepers complained of. failed: other errors.
    """

    processes: int
    minutes: dict[int, int] = field(default_factory=dict)
    whole: list[int] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)
    denied: int = 0
    bans: int = 0
    limited: int = 0
    connected: int = 0
    attempts: int = 0
    put_off: int = 0
    sharers: int = 0
    told: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def wait_ms(self, lane: str, share: float) -> float:
        waits = sorted(self.waits.get(lane, []))
        return waits[min(len(waits) - 1, int(share * len(waits)))] if waits else 0.0

    def unmet(self) -> list[str]:
        """What should have been otherwise."""
        checks = {
            f"the venue said no {self.denied} times": self.denied == 0
            and self.limited == 0
            and self.bans == 0,
            f"keepers complained: {self.told[:3]}": not self.told,
            f"requests failed: {self.failed[:3]}": not self.failed,
            f"peaks {self.minutes} above {MOST_ALLOWED}": max(self.minutes.values(), default=0)
            <= MOST_ALLOWED,
            f"no minute used to {ENOUGH:.0%}": max(self.minutes.values(), default=0) >= ENOUGH * ALLOWED,
            "a whole minute was not used": all(self.minutes[each] >= ENOUGH * ALLOWED for each in self.whole),
            "orders waited": self.wait_ms("orders", 0.99) < 50.0 and len(self.waits.get("orders", [])) > 20,
        }
        return [what for what, met in checks.items() if not met]


async def run(processes: int, seconds: float, seed: int, folder: Path) -> Outcome:
    """Let `processes` want all they can for `seconds`, or, at 0, until a minute is used up and a little longer.

    Of orders they want what their reserve has room for: evenly over a minute, or at once where it is not a whole one.
    """
    every_s = processes * MINUTE_S / ORDERS if seconds else 0.4
    outcome = Outcome(processes)
    async with _twin(seed) as (rest_url, ws_url), httpx.AsyncClient(trust_env=False) as client:
        workers = [
            await _start(_worker(rest_url, ws_url, folder, number, every_s)) for number in range(processes)
        ]
        try:
            async with asyncio.timeout(PATIENCE_S):
                for worker in workers:
                    assert worker.stdout is not None
                    json.loads(await worker.stdout.readline())
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write(b"go\n")
            await _watch(outcome, client, rest_url, seconds, workers.pop())
            for said in await asyncio.gather(*(_end(worker) for worker in workers)):
                _add(outcome, said)
        finally:
            for worker in workers:
                if worker.returncode is None:
                    worker.kill()
    return outcome


async def _watch(
    outcome: Outcome,
    client: httpx.AsyncClient,
    url: str,
    seconds: float,
    victim: asyncio.subprocess.Process,
) -> None:
    began = time.monotonic()
    first_minute: int | None = None
    used_up_at: float | None = None
    while True:
        state = (await client.get(f"{url}/twin/state")).json()["venue"]
        minute, now = state["venue_now_ns"] // (MINUTE_S * 10**9), time.monotonic() - began
        limits = next(iter(state["limits"].values()), None)
        if limits is not None:
            outcome.minutes[minute] = max(outcome.minutes.get(minute, 0), limits["weight"])
            outcome.limited += limits["limited_for_s"] > 0
            outcome.bans = max(outcome.bans, limits["bans"])
            outcome.attempts = max(outcome.attempts, limits["connection_attempts"])
            if used_up_at is None and limits["weight"] >= ENOUGH * ALLOWED:
                used_up_at = now
        first_minute = minute if first_minute is None else first_minute
        if victim.returncode is None and (now > seconds / 3 if seconds else used_up_at is not None):
            victim.kill()
            await victim.wait()
        enough_s = seconds or AFTER_S + (PATIENCE_S if used_up_at is None else used_up_at)
        if now >= enough_s:
            break
        await pause(LOOK_S)
    outcome.whole = list(range(first_minute + 1, minute))


def _worker(rest_url: str, ws_url: str, folder: Path, number: int, every_s: float) -> Sequence[str]:
    return (sys.executable, "-m", "quota.worker", rest_url, ws_url, str(folder), str(number), str(every_s))


async def _start(words: Sequence[str]) -> asyncio.subprocess.Process:
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


async def _end(worker: asyncio.subprocess.Process) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await worker.communicate(b"")
    found: dict[str, Any] = json.loads(said)
    return found


def _add(outcome: Outcome, said: dict[str, Any]) -> None:
    for lane, waits in said["waits"].items():
        outcome.waits.setdefault(lane, []).extend(waits)
    outcome.denied += said["denied"]
    outcome.connected += said["connected"]
    outcome.put_off += said["put_off"]
    outcome.sharers = max(outcome.sharers, said["sharers"])
    outcome.told += said["told"]
    outcome.failed += said["failed"]


@asynccontextmanager
async def _twin(seed: int) -> AsyncIterator[tuple[str, str]]:
    process = await _start(
        (
            *PROGRAM,
            "twin",
            "binance",
            "--port",
            "0",
            "--seed",
            str(seed),
            "--symbols",
            "3",
            "--json",
            "--attached",
        )
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = json.loads(await process.stdout.readline())
        yield said["url"].rstrip("/"), said["ws"].rstrip("/")
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE_S)


async def pause(seconds: float) -> None:
    """Between two looks: the passing of time is what is tested here."""
    over = asyncio.Event()
    timer = asyncio.get_running_loop().call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


def table(outcome: Outcome) -> str:
    """For people."""
    peaks = ", ".join(f"{weight:,}" for weight in outcome.minutes.values())
    rows = {
        "processes": f"{outcome.processes}, of which one was killed; {outcome.sharers} keepers shared at the end",
        "weight a minute": f"{peaks} of {ALLOWED:,} allowed to all and {MOST_ALLOWED:,} with orders; "
        f"{len(outcome.whole)} minutes whole",
        "429 and 418": f"{outcome.denied} heard, {outcome.bans} bans",
        "connections": f"{outcome.connected} made, {outcome.attempts} counted by the twin",
        "put off": f"{outcome.put_off} requests after {PATIENCE_S} s and more",
    }
    for lane, waits in outcome.waits.items():
        shares = ", ".join(f"p{share * 100:g} {outcome.wait_ms(lane, share):.2f} ms" for share in (0.5, 0.99))
        rows[f"waits of {lane}"] = f"{shares}, longest {max(waits, default=0):.2f} ms of {len(waits):,}"
    return "\n".join(f"{name:<20}{said}" for name, said in rows.items())
