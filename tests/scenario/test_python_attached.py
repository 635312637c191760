"""`open` and `connect` before a desk that runs on this machine, or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_runs import market, run
from scenario.cli_runs import end, line_of, running

Surroundings = dict[str, str]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with market(int.from_bytes(os.urandom(4)), tmp_path_factory.mktemp("attached")) as found:
        yield found


TRY = """
import asyncio, bethna
async def main():
    desk = await bethna.open("ETH-USDT", "SOL-USDT"{more})
    try:
        print(desk.attached, desk.source, sorted(desk.symbols))
        await desk.ready("ETH-USDT", "SOL-USDT", timeout_s=60)
        async with desk.trades.stream("SOL-USDT") as stream:
            assert (await anext(stream)).instrument == "SOL-USDT@binance"
        assert desk.prices["ETH-USDT"].price and desk.books["SOL-USDT"].best_bid
        assert len(await desk.candles.fetch("SOL-USDT", "1s"))
    finally:
        await desk.close()
asyncio.run(main())
"""


def test_open_takes_the_running_desk_and_has_it_follow_the_symbol(surroundings: Surroundings) -> None:
    with running("up", "--port", "0", "--json", "--symbol", "ETH-USDT", environment=surroundings) as desk:
        url = line_of(desk)["url"]
        assert run(TRY.format(more=""), surroundings) == (
            f"{url} twin ['ETH-USDT@binance', 'SOL-USDT@binance']\n"
        )
        text = f"""
import asyncio, bethna
async def main():
    desk = await bethna.connect({url!r})
    print(desk.attached == (await bethna.connect()).attached, desk.source, sorted(desk.symbols))
asyncio.run(main())
"""
        assert run(text, surroundings) == "True twin ['ETH-USDT@binance', 'SOL-USDT@binance']\n"
        plain = 'import bethna; print(bethna.price("SOL-USDT").instrument, bethna.book("ETH-USDT").trust)'
        assert run(plain, surroundings) == "SOL-USDT@binance trusted\n"
        assert end(desk, signal.SIGTERM)[0] == 0


def test_open_begins_one_of_its_own_where_none_runs_or_none_that_fits(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    alone = {**surroundings, "BETHNA_DATA_DIR": str(tmp_path / "nobody")}
    assert run(TRY.format(more=""), alone).startswith("None twin ['ETH-USDT@binance', 'SOL-USDT@binance']")
    elsewhere = {**surroundings, "BETHNA_DATA_DIR": str(tmp_path / "live")}
    # What passes for a live desk is one whose settings lead to the simulated venue: a program that asks for `twin` does
    # not take it.
    live = {**elsewhere, "BETHNA_SOURCE": "live"}
    with running("up", "--port", "0", "--json", "--symbol", "ETH-USDT", environment=live) as desk:
        url = line_of(desk)["url"]
        assert run(TRY.format(more=""), elsewhere).startswith("None twin")
        assert run(TRY.format(more=""), live).startswith(f"{url} live")


def test_connect_says_that_no_desk_runs_and_what_to_do(surroundings: Surroundings, tmp_path: Path) -> None:
    text = """
import asyncio, bethna
async def main():
    for words in ((), ("http://127.0.0.1:9",)):
        try:
            await bethna.connect(*words)
        except bethna.DeskUnreachable as error:
            print(error.code, bool(error.message), error.hint)
asyncio.run(main())
"""
    alone = {**surroundings, "BETHNA_DATA_DIR": str(tmp_path)}
    lines = run(text, alone).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("desk_unreachable True ") and "bethna up" in line for line in lines)


def test_plain_calls_go_on_after_the_running_desk_has_ended(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    own = {**surroundings, "BETHNA_DATA_DIR": str(tmp_path)}
    text = """
import bethna, os, signal, sys
print(bethna.price("ETH-USDT").instrument, flush=True)
os.kill(int(sys.argv[1]), signal.SIGTERM)
sys.stdin.read(1)
print(bethna.price("BTC-USDT", timeout_s=30).instrument)
"""
    with running("up", "--port", "0", "--json", "--symbol", "ETH-USDT", environment=own) as desk:
        line_of(desk)
        with subprocess.Popen(
            [sys.executable, "-W", "default", "-c", text, str(desk.pid)],
            env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as program:  # fmt: skip
            assert program.stdout is not None
            assert program.stdin is not None
            assert program.stdout.readline() == "ETH-USDT@binance\n"
            desk.wait(30)
            said, warned = program.communicate("x", timeout=60)
    assert said == "BTC-USDT@binance\n"
    assert warned.count("SimulatedMarketWarning: ") == 1, "both are on the market that the settings lead to"
    assert "DeskChangedWarning: the desk at http://127.0.0.1:" in warned
    assert "has gone; plain calls are answered by a desk of this program's own (twin, seed" in warned
    assert program.returncode == 0
