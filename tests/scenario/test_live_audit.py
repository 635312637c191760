"""`bethna audit --live` against a venue on loopback: equal figures pass, a lie of the venue's REST side is shown."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from scenario.broken_venue import BrokenVenue

pytestmark = pytest.mark.needs("shared")


class LyingVenue(BrokenVenue):
    """Its history tells another price than its stream."""

    def _page(self, first: int, limit: int) -> list[dict[str, Any]]:
        return [{**trade, "price": "1.00000000"} for trade in super()._page(first, limit)]


FRAMES = 20_000
"""Of the tape. The whole one may take longer than its market may run ahead of a clock that is not its own."""


def is_there(path: str) -> bool:
    return Path(path).exists()


async def audit_live(venue: BrokenVenue, folder: Path) -> tuple[int | None, dict[str, Any]]:
    async with venue.open():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bethna", "audit", "--live", "BTCUSDT", "--for", "3s", "--json",
            stdout=asyncio.subprocess.PIPE, cwd=folder,
            env={**os.environ, "BETHNA_DATA_DIR": str(folder), "BETHNA_HOSTS": f"binance={venue.hosts}"},
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
    return process.returncode, json.loads(out)


async def test_a_venue_that_agrees_with_itself_passes(shared_dir: Path, tmp_path: Path) -> None:
    tape = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    venue = BrokenVenue(tape, {}, frames=FRAMES)
    code, found = await audit_live(venue, tmp_path)
    assert code == 0
    compared = {each["what"]: (each["compared"], each["differences"]) for each in found["comparisons"]}
    assert compared["trades"] == (100, [])
    assert found["symbols"]["BTC-USDT@binance"]["trades"] == len(venue.trades) > 100
    assert is_there(found["tape"])


async def test_a_venue_that_contradicts_itself_fails(shared_dir: Path, tmp_path: Path) -> None:
    tape = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    code, found = await audit_live(LyingVenue(tape, {}, frames=FRAMES), tmp_path)
    assert code == 1
    trades = next(each for each in found["comparisons"] if each["what"] == "trades")
    assert len(trades["differences"]) == 100
    assert "expected 1.0 x" in trades["differences"][0]
