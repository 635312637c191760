"""A tape flat out in a loop, as a user would start it: memory stays flat, and the desk answers all the while."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import Campaign

SHARE_S, WHOLE_S = 20, 600
WARM_UP_S = 8
SAMPLE_S = 1
ALLOWED_GROWTH = 0.05


def resident_bytes(pid: int) -> int:
    """Memory in RAM of a process, by the kernel's word: /proc where there is one, else ps."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True, text=True)
    return int(told.stdout) * 1024


@pytest.mark.campaign
@pytest.mark.needs("shared")
async def test_memory_is_flat(shared_dir: Path, tmp_path: Path, campaign: Campaign) -> None:
    tape = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bethna", "up", "--source", f"tape:{tape}", "--speed", "max", "--loop", "--port", "0",
        "--json", stdout=asyncio.subprocess.PIPE, env={**os.environ, "BETHNA_DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = json.loads(await process.stdout.readline())["url"]
        samples, loops = await watch(url, process.pid, campaign.count(SHARE_S, WHOLE_S))
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
    third = len(samples) // 3
    early, late = max(samples[:third]), max(samples[-third:])
    print(f"memory: {early / 1e6:.1f} MB early, {late / 1e6:.1f} MB late, {loops} loops of the tape")
    assert loops >= 2, "the tape did not loop: nothing was tested"
    assert late <= early * (1 + ALLOWED_GROWTH), f"grew from {early:,} to {late:,} bytes in {loops} loops"


async def watch(url: str, pid: int, duration_s: int) -> tuple[list[int], int]:
    """Resident memory each second after the warm-up, and how often the tape was played."""
    samples: list[int] = []
    loops = 0
    clock = asyncio.get_running_loop().time
    began = clock()
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        while (passed := clock() - began) < duration_s + WARM_UP_S:
            health = (await client.get("/api/v1/health")).json()
            loops = health["tape"]["loops"]
            await client.get(
                "/api/v1/candles", params={"instrument": "BTC-USDT", "interval": "1s", "limit": 1500}
            )
            if passed > WARM_UP_S:
                samples.append(resident_bytes(pid))
            await pause(SAMPLE_S)
    return samples, loops


async def pause(seconds: float) -> None:
    """Between two samples: the passing of time is what is tested here."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, done.set_result, None)
    await done
