"""/ws while the list of followed instruments changes, and while an instrument's streams turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _doors import Frame, Socket, opened
from _memorydesk import BTC, ETH, POL, SOL, START, MemoryDesk

from bethna.core.clock import NS_PER_US

T0 = START // NS_PER_US
TRADES, BOOK, CANDLES = f"trades:{BTC}", f"book:{BTC}", f"candles:{BTC}:1m"


def of(topic: str, kind: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["topic"] == topic and frame["type"] == kind


def shown(frame: Frame) -> list[str]:
    return [row["instrument"] for row in frame["data"]["prices"]]


@pytest.mark.parametrize("rate", ["ui", "every"])
async def test_pages_of_all_clients_follow_the_list(rate: str) -> None:
    async with opened() as served, served.socket() as one, served.socket() as other:
        for socket in (one, other):
            await socket.subscribe("prices", "health", rate=rate)
            assert shown(await socket.until(of("prices", "snapshot"))) == [BTC, ETH, POL]
        await served.http.put(f"/api/v1/watchlist/{SOL}")
        for socket in (one, other):
            assert shown(await socket.until(of("prices", "snapshot"))) == [BTC, ETH, POL, SOL]
            await socket.until(
                lambda frame: frame["topic"] == "health" and SOL in frame["data"]["instruments"]
            )
        served.desk.trade(SOL, 170.0)
        frame = await one.until(of("prices", "delta"))
        assert (shown(frame), frame["data"]["prices"][0]["price"]) == ([SOL], 170.0)
        await served.http.delete(f"/api/v1/watchlist/{BTC}")
        for socket in (one, other):
            assert shown(await socket.until(of("prices", "snapshot"))) == [ETH, POL, SOL]
            await socket.until(lambda f: f["topic"] == "health" and BTC not in f["data"]["instruments"])


@pytest.mark.parametrize("rate", ["ui", "every"])
async def test_topics_of_an_instrument_that_left_end_by_name(rate: str) -> None:
    desk = MemoryDesk()
    topics = [TRADES, BOOK, CANDLES, f"prices:{BTC}"]
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(*topics, f"trades:{ETH}", rate=rate)
        for topic in topics:
            await socket.until(of(topic, "snapshot"))
        await served.http.delete(f"/api/v1/watchlist/{BTC}")
        ended: dict[str, Any] = {}
        while set(ended) != set(topics):
            frame = await socket.until(lambda found: "error" in found["data"])
            ended[frame["topic"]] = frame["data"]["error"]
        assert {error["code"] for error in ended.values()} == {"unknown_instrument"}
        assert all(BTC in error["message"] for error in ended.values())
        assert await served.metric("bethna_client_topics") == 1
        desk.trade(ETH, 1.0)
        assert (await socket.until(of(f"trades:{ETH}", "delta")))["data"]["items"][0]["price"] == 1.0
        await served.http.put(f"/api/v1/watchlist/{BTC}")
        await socket.subscribe(TRADES, rate=rate)
        assert (await socket.until(of(TRADES, "snapshot")))["seq"] == 1
    events = [event.code for event in desk.log]
    assert events == [], "leaving is no failure"
    assert all(channel.subscribers == (channel.kind == "system") for channel in desk.bus.channels())


async def test_an_instrument_that_left_is_not_listened_to_any_more() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("prices", rate="every")
        await socket.frame()
        for _ in range(20):
            await served.http.put(f"/api/v1/watchlist/{SOL}")
            assert SOL in shown(await socket.until(of("prices", "snapshot")))
            assert desk.bus.channel("trades", SOL).subscribers == 1
            await served.http.delete(f"/api/v1/watchlist/{SOL}")
            assert SOL not in shown(await socket.until(of("prices", "snapshot")))
            assert desk.bus.channel("trades", SOL).subscribers == 0


@pytest.mark.parametrize("topic", [TRADES, BOOK, f"prices:{BTC}"])
async def test_programs_hear_how_the_streams_turn(topic: str) -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    async with opened(desk) as served, served.socket() as program, served.socket() as person:
        await program.subscribe(topic, rate="every")
        await person.subscribe(topic)
        await program.frame()
        await person.frame()
        desk.turn(BTC, "stale", "silent for 15 s")
        turned = await program.until(of(topic, "status"))
        assert turned["data"] == {"stream": "stale", "reason": "silent for 15 s", "connected": True, "ts": T0}
        desk.turn(BTC, "waiting", "the connection was lost", connected=False)
        turned = await program.until(of(topic, "status"))
        assert (turned["data"]["stream"], turned["data"]["connected"]) == ("waiting", False)
        assert not [frame for frame in await person.quiet() if frame["type"] == "status"]


async def test_a_turn_stands_among_the_trades_where_it_happened() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES, rate="every")
        await socket.frame()
        desk.trade(BTC, 1.0)
        desk.trade(BTC, 2.0)
        desk.turn(BTC, "stale")
        desk.trade(BTC, 3.0)
        said = [await socket.frame() for _ in range(3)]
        assert [frame["type"] for frame in said] == ["delta", "status", "delta"]
        assert [item["price"] for item in said[0]["data"]["items"]] == [1.0, 2.0]
        assert [item["price"] for item in said[2]["data"]["items"]] == [3.0]


async def test_a_thousand_wishes_for_what_is_not_followed_change_nothing() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        channels = len(list(desk.bus.channels()))
        for number in range(20):
            await socket.subscribe(*(f"trades:X{number}A{n}-USDT" for n in range(50)), rate="every")
            await drained(socket)
        assert len(list(desk.bus.channels())) == channels
        assert await served.metric("bethna_client_topics") == 0


async def drained(socket: Socket) -> None:
    frames = await socket.quiet()
    assert {frame["data"]["error"]["code"] for frame in frames} == {"unknown_instrument"}
