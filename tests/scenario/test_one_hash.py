"""One tape, two commands, one state: what `audit` computes and what `up` holds at the end of the tape."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect


async def bethna(*words: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bethna", *words, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BETHNA_DATA_DIR": str(folder)},
    )  # fmt: skip


@pytest.mark.needs("shared")
async def test_audit_and_up_end_in_one_state_hash(shared_dir: Path, tmp_path: Path) -> None:
    tape = str(shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst")
    audit = await bethna("audit", tape, "--json", folder=tmp_path)
    told, _ = await audit.communicate()
    assert audit.returncode == 0
    up = await bethna(
        "up", "--source", f"tape:{tape}", "--speed", "max", "--port", "0", "--json", folder=tmp_path
    )
    assert up.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = json.loads(await up.stdout.readline())["url"]
            held = await ended(url)
    finally:
        up.terminate()
        await asyncio.wait_for(up.wait(), 10)
    assert held == json.loads(told)["state_hash"]


async def ended(url: str) -> str:
    """The desk's hash once its tape has ended, heard over its own socket."""
    async with (
        httpx.AsyncClient(base_url=url) as client,
        connect(f"{url.replace('http', 'ws')}/ws") as socket,
    ):
        await socket.send(json.dumps({"op": "subscribe", "topics": ["health"]}))
        while True:
            message = json.loads(await socket.recv())
            if message["data"].get("state_hash"):
                health = (await client.get("/api/v1/health")).json()
                assert health["state_hash"] == message["data"]["state_hash"]
                return str(health["state_hash"])
