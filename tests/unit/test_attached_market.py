"""A desk on somebody else's twin learns that it began anew, with another seed or the same, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import pytest
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app import Desk
from bethna.app.markets import AttachedMarket
from bethna.app.series import SeriesReader
from bethna.app.twin_running import RunningTwin
from bethna.config import load
from bethna.core.clock import NS_PER_S, Clock
from bethna.core.errors import ConnectError
from bethna.net.http import HttpAnswer

URL = "http://127.0.0.1:9"
START = 1_790_000_000 * NS_PER_S


class Twin:
    """A network whose one host is a twin; `seed` None while nobody listens."""

    def __init__(self) -> None:
        self.seed: int | None = 5
        self.started = 1
        self.asked = 0

    def requests(self, clock: Clock, *, proxy: str | None, headers: Mapping[str, str] | None = None) -> Self:
        assert proxy is None
        return self

    async def connect(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def get(self, url: str, *, venue: str, timeout_s: float) -> HttpAnswer:
        self.asked += 1
        assert url == f"{URL}/twin/state"
        if self.seed is None:
            raise ConnectError(venue, "nobody listens")
        state = {"simulation": True, "name": venue, "seed": self.seed, "started_at": self.started}
        return HttpAnswer(200, {}, json.dumps(state).encode(), 0, 0, 0)


def attached(script: Callable[[Twin, Desk], Awaitable[None]]) -> None:
    clock = VirtualClock(START)

    async def main() -> None:
        settings = load(
            options={
                "source": "twin",
                "hosts": {"binance": [f"ws://127.0.0.1:9|{URL}"]},
                "symbols": ("BTC-USDT",),
            }
        )
        twin = Twin()
        market = AttachedMarket(settings, RunningTwin({"binance": URL}, 5, 1), clock, twin)
        desk = Desk(market.settings, simulation=market.simulation, pace=clock)
        watching = asyncio.ensure_future(market.watch(desk))
        await pass_time(0.1)
        await script(twin, desk)
        assert market.simulation == desk.simulation()
        watching.cancel()
        await asyncio.wait([watching])

    run_virtually(main(), clock)


def lose(desk: Desk) -> None:
    desk.tell("warning", "connection_lost", "binance", "cut")


def known(desk: Desk) -> int | None:
    simulation = desk.simulation()
    assert simulation is not None
    return simulation.seed


def test_another_seed_is_known_within_a_moment_of_its_twin_s_answer() -> None:
    async def script(twin: Twin, desk: Desk) -> None:
        twin.seed = None
        lose(desk)
        await pass_time(3)
        twin.seed = 6
        await pass_time(2)
        assert known(desk) == 6
        restored = [event.code for event in desk.events(10)]
        assert restored == ["connection_lost", "twin_restarted"]

    attached(script)


def test_the_same_seed_from_another_start_is_another_world(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(SeriesReader, "forget", lambda _: forgotten.append("all"))

    async def script(twin: Twin, desk: Desk) -> None:
        lose(desk)
        await pass_time(1)
        assert forgotten == [], "the connection alone was lost"
        twin.started = 2
        for _ in range(2):
            lose(desk)
            await pass_time(1)
        assert known(desk) == 5
        assert len(forgotten) == 1
        codes = [event.code for event in desk.events(10)]
        assert codes == ["connection_lost", "connection_lost", "twin_restarted", "connection_lost"]

    attached(script)


def test_a_twin_that_answers_with_its_old_seed_while_it_ends_is_asked_again_when_data_flows() -> None:
    async def script(twin: Twin, desk: Desk) -> None:
        lose(desk)
        await pass_time(0.1)
        twin.seed = 6
        await pass_time(1)
        assert known(desk) == 5
        desk.tell("info", "connection_restored", "binance", "data flows again")
        await pass_time(0.1)
        assert known(desk) == 6

    attached(script)


def test_one_that_stays_away_is_asked_less_and_less() -> None:
    async def script(twin: Twin, desk: Desk) -> None:
        twin.seed = None
        lose(desk)
        await pass_time(3600)
        assert 60 <= twin.asked <= 75
        twin.seed = 7
        await pass_time(61)
        assert known(desk) == 7

    attached(script)


def test_without_any_turn_it_is_asked_now_and_then() -> None:
    async def script(twin: Twin, desk: Desk) -> None:
        await pass_time(600)
        assert twin.asked == 10
        assert desk.events(10) == []

    attached(script)
