"""`bethna best` as a program: over a desk of several venues behind an address, and over one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from _doors import opened
from _memorydesk import MemoryDesk
from scenario.cli_runs import PATIENCE_S, PROGRAM, run

from bethna.core.market import InstrumentId

ONE, TWO, TETHER, RATE = (
    InstrumentId(name) for name in ("BTC-USD@one", "BTC-USD@two", "BTC-USDT@one", "USDT-USD@two")
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


def several_venues() -> MemoryDesk:
    desk = MemoryDesk((ONE, TWO, TETHER, RATE))
    desk.move(ONE, [(99.0, 1.0)], [(101.0, 1.0)])
    desk.move(TWO, [(99.5, 1.0)], [(102.0, 1.0)])
    desk.move(TETHER, [(100.0, 1.0)], [(102.0, 1.0)])
    desk.move(RATE, [(0.999, 1.0)], [(1.0, 1.0)])
    return desk


async def begun(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *PROGRAM, *words,
        env={**os.environ, "BETHNA_DATA_DIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[str, str]:
    async with asyncio.timeout(PATIENCE_S):
        out, errors = await process.communicate()
    return out.decode(), errors.decode()


async def test_it_is_what_the_desk_answers(tmp_path: Path) -> None:
    async with opened(several_venues()) as served:
        words = ("best", "btcusd", "--convert", "usdt", "--url", served.url)
        out, errors = await ended(await begun(tmp_path, *words, "--json"))
        answer = (await served.http.get("/api/v1/best/BTC-USD?convert=USDT")).json()
        table, _ = await ended(await begun(tmp_path, *words))
    assert errors.startswith(f"attached to {served.url} (")
    assert json.loads(out) == {"type": "best", **answer}
    assert answer["bid"] == 99.9
    assert "best bid 99.9, 1 at one; best ask 101.0, 1 at one" in table
    assert len(table.splitlines()) == 6


@posix
async def test_it_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    desk = several_venues()
    async with opened(desk) as served:
        process = await begun(tmp_path, "best", "BTC-USD", "--follow", "--json", "--url", served.url)
        assert process.stdout is not None
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            for bid in (99.6, 99.7, 99.8):
                found.append(json.loads(await process.stdout.readline()))
                desk.move(ONE, [(bid, 1.0)])
            found.append(json.loads(await process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        _, errors = await ended(process)
    assert [(each["type"], each["bid"]) for each in found] == [
        ("best", 99.5), ("best", 99.6), ("best", 99.7), ("best", 99.8),
    ]  # fmt: skip
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("BTC-EUR",), 2, "of BTC-EUR nothing is followed"),
        (("BTC-USD@one",), 2, "expected a pair such as BTC-USD"),
        (("BTC-USD", "--convert", "A-B"), 2, "convert: expected at most 8 currencies"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    async with opened(several_venues()) as served:
        process = await begun(tmp_path, "best", *words, "--url", served.url)
        _, errors = await ended(process)
    assert process.returncode == code
    assert said in errors
    assert "Traceback" not in errors


def test_a_desk_of_its_own_on_a_simulated_market(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path)}
    done = run("best", "BTC-USDT", "--seed", "7", "--json", environment=around)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bid"] < found["ask"]
    assert (found["coverage"]["provenance"], found["venues"][0]["out"]) == ("synthetic", None)
    assert b"SIMULATED, seed 7" in done.stderr
