"""Twins as child processes of a desk: starts that fail, a port that is taken, one that is started until it stands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from bethna.app import Desk, chosen_market, markets, twin_process
from bethna.app.twin_process import TwinProcess, check_fault_file, fresh_seed, start_twin
from bethna.config import Settings, load
from bethna.core.errors import ConfigError, VenueError
from bethna.core.status import SystemEvent
from bethna.venues.registry import INDEX, venue_names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and scripts of POSIX systems")

SIMULATED = load(options={"source": "twin", "symbols": ("BTC-USDT",)})


def instead(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Another program where Python would run the twin: it says what a twin would never say."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("exit 1", VenueError, "found nothing (exit code 1)"),
        ("echo hello; exit 0", VenueError, "found 'hello' (exit code 0)"),
        ("echo '[1'; cat", VenueError, "to say where it listens"),
        ("""echo '{"url": "http://127.0.0.1:1"}'; cat""", VenueError, "to say where it listens"),
        ("""echo '{"seed": 7, "pid": 1, "venues": {}}'; cat""", VenueError, "to say where it listens"),
        (
            """echo '{"error": {"code": "address_unusable", "message": "taken", "hint": "wait"}}'; exit 3""",
            VenueError,
            "did not start: taken",
        ),
        (
            """echo '{"error": {"code": "bad_fault_file", "message": "f line 3: no", "hint": "h"}}'; exit 2""",
            ConfigError,
            "f line 3: no",
        ),
    ],
)
async def test_a_twin_that_does_not_start_says_why_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, error: type[Exception], said: str
) -> None:
    instead(monkeypatch, tmp_path, script)
    with pytest.raises(error) as caught:
        await start_twin(["binance"], SIMULATED, 7)
    assert said in str(caught.value)


async def test_a_twin_that_says_nothing_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead(monkeypatch, tmp_path, "exec cat")
    monkeypatch.setattr(twin_process, "START_S", 0.2)
    with pytest.raises(VenueError, match="found it silent"):
        await start_twin(["binance"], SIMULATED, 7)


async def test_a_program_that_is_not_there_is_a_plain_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(VenueError, match="No such file"):
        await start_twin(["binance"], SIMULATED, 7)


async def test_one_that_does_not_end_when_told_is_ended_by_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = {
        venue: {"url": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"} for venue in (*venue_names(), INDEX)
    }
    line = json.dumps({"seed": 7, "pid": 1, "venues": places})
    instead(
        monkeypatch, tmp_path, f"echo '{line}'; exec 0</dev/null; trap '' TERM; while :; do sleep 1; done"
    )
    monkeypatch.setattr(twin_process, "STOP_S", 0.2)
    twin = await start_twin(["binance"], SIMULATED, 7)
    assert (twin.seed, twin.ports["binance"], twin.hosts["kraken"].ws) == (7, 1, "ws://127.0.0.1:1")
    await twin.stop()
    assert await twin.wait() == -signal.SIGKILL


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(VenueError) as caught:
            await start_twin(
                ["binance"], SIMULATED, 7, dict.fromkeys((*venue_names(), INDEX), taken.getsockname()[1])
            )
        assert caught.value.code == "address_unusable"
        assert str(taken.getsockname()[1]) in caught.value.message


async def test_a_twin_is_started_until_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([VenueError("binance", "not now", hint="wait"), VenueError("binance", "nor now")])

    async def sometimes(
        followed: Sequence[str], settings: Settings, seed: int, ports: Mapping[str, int] | None = None
    ) -> TwinProcess:
        if ports is not None and (failure := next(failures, None)) is not None:
            raise failure
        return await start_twin(followed, settings, seed, ports)

    monkeypatch.setattr(markets, "start_twin", sometimes)
    monkeypatch.setattr(markets, "FIRST_PAUSE_S", 0.01)
    async with chosen_market(SIMULATED, rng=Random(1)) as market:
        before = market.twin
        assert isinstance(before, TwinProcess)
        desk = Desk(market.settings, simulation=market.simulation)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            watching = group.create_task(market.watch(desk))
            again = asyncio.Event()
            desk.bus.channel("system").subscribe(
                lambda event: again.set() if event.code == "twin_restarted" else None, "test"
            )
            os.kill(before.pid, signal.SIGKILL)
            await again.wait()
            watching.cancel()
        after = market.twin
        assert isinstance(after, TwinProcess)
        assert after.ports == before.ports
        assert market.simulation is not None
        assert desk.simulation() == market.simulation
        assert before.seed != after.seed == market.simulation.seed
        assert market.folder == f"twin:{before.seed}"  # where this desk has kept what it kept
        codes = [event.code for event in desk.events(10)]
        assert codes == ["twin_ended", "twin_failed", "twin_failed", "twin_restarted"]
        begun = f"Another simulated market has begun, seed {after.seed}: its prices and ids begin anew."
        assert list(desk.notices()) == [begun]
    assert await after.wait() is not None  # it went with the block


async def test_one_that_ends_again_and_again_is_one_notice_and_its_seed_is_true_at_once() -> None:
    async with chosen_market(SIMULATED, rng=Random(1)) as market:
        assert isinstance(market.twin, TwinProcess)
        desk = Desk(market.settings, simulation=market.simulation)
        seeds = [market.twin.seed]
        again = asyncio.Event()

        def hear(event: object) -> None:
            assert isinstance(event, SystemEvent)
            simulation = desk.simulation()
            assert simulation is not None
            assert simulation.seed is not None
            seeds.append(simulation.seed)
            if event.code == "twin_restarted":
                again.set()

        desk.bus.channel("system").subscribe(hear, "test")
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            watching = group.create_task(market.watch(desk))
            for _ in range(2):
                again.clear()
                os.kill(market.twin.pid, signal.SIGKILL)
                await again.wait()
            watching.cancel()
        first, second, third = seeds[0], seeds[1], seeds[3]
        assert seeds == [first, second, second, third, third]  # each end tells the seed of what comes
        assert len({first, second, third}) == 3
        [notice] = desk.notices()
        assert f"seed {third}" in notice
        assert notice.endswith("(2 times by now)")
        assert [event.code for event in desk.events(10)] == ["twin_ended", "twin_restarted"] * 2


def test_a_fault_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('[[fault]]\nkind = "cut"\n', "utf-8-sig")
    check_fault_file(load(options={"twin_faults": str(path)}), ["binance"])
    path.write_text('[[fault]]\nkind = "cutt"\n', "utf-8-sig")
    with pytest.raises(ConfigError, match="line 2: kind"):
        check_fault_file(load(options={"twin_faults": str(path)}), ["binance"])


def test_a_fault_file_says_whose_a_fault_is_where_several_venues_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    settings = load(options={"twin_faults": str(path)})
    path.write_text('[[fault]]\nkind = "cut"\n')
    check_fault_file(settings, ["kraken"])
    with pytest.raises(ConfigError, match="line 1: venue: expected one of") as caught:
        check_fault_file(settings, ["kraken", "binance"])
    assert caught.value.code == "bad_fault_file"
    path.write_text('[[fault]]\nkind = "cut"\nvenue = "deribit"\n')
    check_fault_file(settings, ["kraken", "binance"])


def test_a_fresh_seed_is_never_nought() -> None:
    class Noughts(Random):
        def getrandbits(self, k: int, /) -> int:
            return 0

    assert fresh_seed(Noughts()) == 1
    assert 0 < fresh_seed(Random(3)) < 2**32
