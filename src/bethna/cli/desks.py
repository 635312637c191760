"""What `bethna doctor` asks of the desks that run here: are they well, and what memory do they take? It ends none."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import msgspec

from bethna.api.protocol import HealthAnswer
from bethna.cli.cells import source_words
from bethna.cli.checks import Check, See
from bethna.client.discover import RunningDesk, bearing, find_running
from bethna.config import Settings
from bethna.core.coverage import State
from bethna.core.errors import ConnectError
from bethna.net.http import HttpClient
from bethna.runtime.clocks import SystemClock

HIGH_BYTES = 1_000_000_000
_ASK_S = 2.0
_WELL = ("ok", "ended")


async def check_desks(settings: Settings) -> list[Check]:
    """Two checks for each desk that listens."""
    found = await asyncio.to_thread(find_running, settings)
    return [
        check for desk in found for check in (await _health(desk), *await asyncio.to_thread(_memory, desk))
    ]


async def _health(desk: RunningDesk) -> Check:
    try:
        async with HttpClient(SystemClock(), headers=bearing(desk.token)) as client:
            answer = await client.get(f"{desk.url}/api/v1/health", venue="desk", timeout_s=_ASK_S)
        health = msgspec.json.decode(answer.body, type=HealthAnswer)
    except (ConnectError, msgspec.DecodeError, RecursionError):
        said = f"process {desk.pid} has {desk.source} and does not answer at {desk.url}"
        return Check("desk", "warning", said, "it may be starting or ending; else look at its log")
    return judged(desk.url, health)


def judged(url: str, health: HealthAnswer) -> Check:
    """What a desk says of itself: first what keeps data away, then what is missing."""
    seed = None if health.simulation is None else health.simulation.seed
    words = source_words(health.source, seed, simulated=health.simulation is not None)
    name = f"{url} ({words})"
    away = [f"{venue} is {card.status}" for venue, card in health.venues.items() if card.status not in _WELL]
    if away:
        hint = "the desk goes on trying; `bethna status` says why"
        return Check("desk", "warning", f"{name}: {', '.join(away)}", hint, see=See.NO_CONNECTION)
    lacking = [
        f"{instrument} is {card.status}"
        for instrument, card in health.instruments.items()
        if card.status in ("stale", "refused", "waiting")
    ]
    lacking += [
        f"{instrument} is incomplete"
        for instrument, card in health.instruments.items()
        if card.coverage.state is State.INCOMPLETE
    ]
    if lacking:
        hint = "`bethna status` lists each with its gaps"
        return Check("desk", "warning", f"{name}: {', '.join(lacking)}", hint, see=See.UPDATES)
    return Check("desk", "ok", f"{name}: {health.status}, {len(health.instruments)} instruments")


def _memory(desk: RunningDesk) -> list[Check]:
    """What it takes; nothing where the system does not say."""
    taken = resident_bytes(desk.pid)
    if taken is None:
        return []
    found = f"process {desk.pid} at {desk.url} takes {taken / 1e6:,.0f} MB"
    if taken < HIGH_BYTES:
        return [Check("memory", "ok", found)]
    hint = "follow fewer instruments, or lower `buffer`"
    return [Check("memory", "warning", found, hint, see=See.MEMORY)]


def resident_bytes(pid: int) -> int | None:
    """The memory of a process, None where it is not known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return _by_ps(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), None)


def _by_ps(pid: int) -> int | None:
    """Where there is no /proc, as on macOS."""
    program = shutil.which("ps")
    if program is None:
        return None
    asked = [program, "-o", "rss=", "-p", str(pid)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.strip()
    return int(said) * 1024 if said.isdigit() else None
