"""/ws over real sockets: each topic at both rates, in order, without holes, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from _doors import Frame, Socket, opened
from _memorydesk import BTC, ETH, POL, START, MemoryDesk
from msgspec.structs import replace

from bethna.api.hub import FRAME_S
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.coverage import Gap, State
from bethna.core.status import BookStatus, GapFound, Healed, Trust

T0 = START // NS_PER_US
TRADES = f"trades:{BTC}"
BOOK = f"book:{BTC}"
CANDLES = f"candles:{BTC}:1m"


def of(topic: str, kind: str = "delta") -> Callable[[Frame], bool]:
    return lambda frame: frame["topic"] == topic and frame["type"] == kind


async def items(socket: Socket, count: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while len(found) < count:
        found += (await socket.frame())["data"]["items"]
    return found


async def test_each_topic_begins_with_what_its_route_answers() -> None:
    desk = MemoryDesk()
    desk.move(BTC, [(61_000.0, 1.5)], [(61_000.5, 0.25)])
    desk.trade(BTC, 61_000.0)
    desk.say("started")
    routes = {
        "prices": "prices",
        f"prices:{BTC}": None,
        TRADES: f"trades/{BTC}",
        BOOK: f"book/{BTC}",
        CANDLES: f"candles?instrument={BTC}&interval=1m",
        "health": "health",
        "events": "events",
    }
    async with opened(desk) as served, served.socket() as socket:
        for rate in ("ui", "every"):
            await socket.subscribe(*routes, rate=rate)
            for topic, route in routes.items():
                frame = await socket.until(of(topic, "snapshot"))
                assert frame["seq"] == 1
                if route is not None:
                    assert frame["data"] == (await served.http.get(f"/api/v1/{route}")).json()
                else:
                    assert [row["instrument"] for row in frame["data"]["prices"]] == [BTC]


@pytest.mark.parametrize("rate", ["ui", "every"])
async def test_trades_come_each_once_in_order_with_their_gaps(rate: str) -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    gap = Gap("trades", 2, 4, START, START + NS_PER_S)
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES, rate=rate)
        snapshot = await socket.frame()
        assert [trade["trade_id"] for trade in snapshot["data"]["trades"]] == ["1"]
        channel = desk.bus.channel("trades", BTC)
        desk.trade(BTC, 2.0)
        channel.publish(GapFound(BTC, gap, START))
        desk.trade(ETH, 9.0)
        desk.trade(BTC, 3.0, 0.5, "sell")
        channel.publish(Healed(BTC, Gap("trades", 2, 4, healed=True), 3, START))
        found = await items(socket, 4)
    assert [item["kind"] for item in found] == ["trade", "gap", "trade", "gap"]
    assert found[0]["trade_id"] == "2"
    assert found[1] == {
        "kind": "gap", "stream": "trades", "first_id": "2", "last_id": "4", "start": T0, "end": T0 + 1_000_000,
        "reason": "missing", "healed": False, "said": "found",
    }  # fmt: skip
    assert found[2] == {
        "kind": "trade", "price": 3.0, "quantity": 0.5, "side": "sell", "trade_id": "3", "ts_event": T0, "ts_recv": T0,
    }  # fmt: skip
    assert (found[3]["healed"], found[3]["said"]) == (True, "healed")


async def test_for_people_a_topic_speaks_at_most_once_in_50_ms() -> None:
    desk = MemoryDesk()
    loop = asyncio.get_running_loop()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES, BOOK, CANDLES)
        for _ in range(3):
            await socket.frame()
        stop = loop.time() + 0.6
        frames: dict[str, list[float]] = {TRADES: [], BOOK: [], CANDLES: []}
        number = 0
        while loop.time() < stop:
            number += 1
            desk.trade(BTC, float(number))
            desk.move(BTC, [(float(number), 1.0)])
            try:
                async with asyncio.timeout(0.002):
                    frame = await socket.frame()
            except TimeoutError:
                continue
            frames[frame["topic"]].append(loop.time())
    for times in frames.values():
        assert 6 <= len(times) <= 0.6 / FRAME_S + 1


async def test_more_than_a_screen_of_trades_is_dropped_and_counted() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES)
        await socket.frame()
        for number in range(1000):
            desk.trade(BTC, float(number))
        found = (await socket.frame())["data"]["items"]
    assert found[0] == {"kind": "dropped", "count": 1000 - (len(found) - 1)}
    assert [item["trade_id"] for item in found[1:]] == [str(n) for n in range(1002 - len(found), 1001)]


async def test_programs_hear_every_trade_of_a_burst() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES, rate="every")
        await socket.frame()
        for number in range(3000):
            desk.trade(BTC, float(number))
        found = await items(socket, 3000)
    assert [item["trade_id"] for item in found] == [str(n) for n in range(1, 3001)]


async def test_prices_come_once_a_second_for_people_and_only_when_they_changed() -> None:
    desk = MemoryDesk()
    desk.trade(ETH, 2_500.0)
    loop = asyncio.get_running_loop()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("prices")
        assert len((await socket.frame())["data"]["prices"]) == 3
        times = []
        for number in range(3):
            desk.trade(BTC, float(number))
            desk.trade(BTC, number + 0.5)
            rows = (await socket.frame())["data"]["prices"]
            times.append(loop.time())
            assert [(row["instrument"], row["price"]) for row in rows] == [(BTC, number + 0.5)]
        desk.stale.add(ETH)  # no event says so
        rows = (await socket.frame())["data"]["prices"]
        assert [(row["instrument"], row["stale"]) for row in rows] == [(ETH, True)]
    assert all(0.9 < later - sooner < 2.0 for sooner, later in pairwise(times))


async def test_prices_come_as_they_change_for_programs() -> None:
    desk = MemoryDesk()
    loop = asyncio.get_running_loop()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("prices", f"prices:{ETH}", rate="every")
        await socket.frame()
        await socket.frame()
        begun = loop.time()
        for number in range(20):
            desk.trade(BTC, float(number))
            [row] = (await socket.frame())["data"]["prices"]
            assert (row["instrument"], row["price"]) == (BTC, float(number))
        assert loop.time() - begun < 0.9
        desk.trade(ETH, 7.0)
        topics = {(await socket.frame())["topic"] for _ in range(2)}
    assert topics == {"prices", f"prices:{ETH}"}


async def test_a_book_for_people_is_whole_each_time() -> None:
    desk = MemoryDesk()
    for level in range(30):
        desk.move(BTC, [(100.0 - level, 1.0)], [(101.0 + level, 1.0)])
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(BOOK)
        snapshot = (await socket.frame())["data"]
        assert len(snapshot["bids"]) == len(snapshot["asks"]) == 20
        desk.move(BTC, [(100.0, 0.0)])
        delta = await socket.frame()
    assert delta["type"] == "delta"
    assert delta["data"]["bids"] == [[99.0 - level, 1.0] for level in range(20)]
    assert delta["data"]["update_id"] == "31"


async def test_a_book_for_programs_is_every_certified_level_and_each_change() -> None:
    desk = MemoryDesk()
    for level in range(30):
        desk.move(BTC, [(100.0 - level, 1.0)], [(101.0 + level, 1.0)])
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(BOOK, rate="every")
        snapshot = (await socket.frame())["data"]
        assert len(snapshot["bids"]) == len(snapshot["asks"]) == 30
        for number in range(3):
            desk.move(BTC, [(100.0, 0.0), (90.0, 2.0 + number)])
        deltas = [await socket.frame() for _ in range(3)]
        assert [delta["data"]["bids"] for delta in deltas] == [
            [[100.0, 0.0], [90.0, 2.0 + n]] for n in range(3)
        ]
        assert deltas[0]["data"] == {
            "first_update_id": "31", "update_id": "31", "bids": [[100.0, 0.0], [90.0, 2.0]], "asks": [],
            "ts_event": T0, "ts_recv": T0,
        }  # fmt: skip
        desk.bus.channel("book", BTC).publish(BookStatus(BTC, Trust.SYNCING, "updates missing", START))
        status = await socket.frame()
        assert (status["type"], status["data"]) == (
            "status",
            {"trust": "syncing", "reason": "updates missing"},
        )
        desk.take_anew(BTC)
        anew = await socket.frame()
    assert (anew["type"], anew["seq"], anew["data"]["update_id"]) == ("snapshot", 6, "33")


async def test_candles_change_close_and_are_revised() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 5.0)
    desk.clock.advance(70 * NS_PER_S)
    desk.trade(BTC, 6.0)
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(CANDLES)
        assert [c["closed"] for c in (await socket.frame())["data"]["candles"]] == [True, False]
        desk.trade(BTC, 8.0)
        [changed] = (await socket.frame())["data"]["candles"]
        assert (changed["open_time"], changed["high"], changed["trades"]) == (T0 + 60_000_000, 8.0, 2)
        desk.clock.advance(60 * NS_PER_S)  # it closes because time passes: no trade says so
        [closed] = (await socket.frame())["data"]["candles"]
        assert (closed["open_time"], closed["closed"]) == (T0 + 60_000_000, True)
        desk.trade(BTC, 9.0)
        desk.kept[BTC].insert(1, desk.kept[BTC][0])  # an old candle is healed
        desk.bus.channel("trades", BTC).publish(Healed(BTC, Gap("trades", 2, 2, healed=True), 1, START))
        revised = (await socket.frame())["data"]["candles"]
    assert [(c["open_time"], c["trades"]) for c in revised] == [(T0, 2), (T0 + 120_000_000, 1)]


async def test_a_trade_that_proves_a_long_quiet_time_revises_all_of_its_candles() -> None:
    desk = MemoryDesk()
    desk.coverage = replace(desk.coverage, state=State.UNVERIFIED)
    for _ in range(20):
        desk.trade(BTC, 5.0)
        desk.clock.advance(60 * NS_PER_S)
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(CANDLES)
        await socket.frame()
        desk.coverage = replace(desk.coverage, state=State.COMPLETE)
        desk.trade(BTC, 6.0)
        revised = (await socket.frame())["data"]["candles"]
    assert len(revised) == 21
    assert {each["coverage"]["state"] for each in revised} == {"complete"}


async def test_a_tape_that_starts_over_begins_a_new_snapshot_of_candles() -> None:
    desk = MemoryDesk()
    desk.clock.advance(600 * NS_PER_S)
    desk.trade(BTC, 5.0)
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(CANDLES)
        await socket.frame()
        desk.clock.advance_to(START)
        desk.kept[BTC].clear()
        desk.trade(BTC, 1.0)
        frame = await socket.frame()
    assert (frame["type"], frame["seq"]) == ("snapshot", 2)
    assert [c["open_time"] for c in frame["data"]["candles"]] == [T0]


async def test_health_and_events_tell_what_happens() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("health", "events")
        assert {(await socket.frame())["topic"] for _ in range(2)} == {"health", "events"}
        desk.say("reconnected")
        desk.say("gap_healed")
        told = await socket.until(of("events"))
        assert [event["code"] for event in told["data"]["events"]] == ["reconnected", "gap_healed"]
        desk.stale.add(BTC)
        health = await socket.until(lambda f: f["topic"] == "health" and f["data"]["status"] == "degraded")
        assert health["data"]["instruments"][BTC]["status"] == "stale"


async def test_spellings_lead_to_one_topic_and_an_old_name_is_told() -> None:
    async with opened() as served, served.socket() as socket:
        await socket.subscribe("trades:btcusdt", "book:BTC/USDT", "trades:MATICUSDT", "candles:MATIC-USDT:1s")
        frames = [await socket.frame() for _ in range(4)]
    assert [frame["topic"] for frame in frames] == [TRADES, BOOK, f"trades:{POL}", f"candles:{POL}:1s"]
    assert ["notice" in frame["data"] for frame in frames] == [False, False, True, True]
    assert frames[2]["data"]["notice"] == "MATIC was renamed to POL on 2024-09-13"


async def test_subscribing_again_starts_afresh_and_unsubscribing_ends() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(TRADES, rate="every")
        await socket.frame()
        desk.trade(BTC, 1.0)
        assert (await socket.frame())["seq"] == 2
        await socket.subscribe(TRADES, rate="ui")
        again = await socket.frame()
        assert (again["seq"], len(again["data"]["trades"])) == (1, 1)
        await socket.say(op="unsubscribe", topics=["trades:btcusdt", "trades:NOBODY", "nonsense"])
        assert await socket.quiet() == []
        desk.trade(BTC, 2.0)
        assert await served.metric("bethna_client_topics") == 0
        assert desk.bus.channel("trades", BTC).subscribers == 0
        assert await socket.quiet() == []


async def test_nothing_is_said_twice_or_missed_when_many_join_a_moving_market() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, asyncio.TaskGroup() as group:
        done = asyncio.Event()

        async def market() -> None:
            turn = 0
            while not done.is_set():
                turn += 1
                if turn % 8 == 0:
                    desk.trade(BTC, 1.0)
                await asyncio.sleep(0)

        async def client(rate: str) -> None:
            async with served.socket() as socket:
                for _ in range(3):
                    await socket.subscribe(TRADES, rate=rate)
                    snapshot = await socket.until(lambda f: f["seq"] == 1)
                    last = int(snapshot["data"]["trades"][-1]["trade_id"])
                    for _ in range(5):
                        for item in (await socket.until(of(TRADES)))["data"]["items"]:
                            last += item["count"] if item["kind"] == "dropped" else 1
                            assert item["kind"] == "dropped" or int(item["trade_id"]) == last

        moving = group.create_task(market())
        clients = [group.create_task(client(rate)) for rate in ("ui", "every") * 2]
        await asyncio.gather(*clients)
        done.set()
        await moving


async def test_a_topic_that_fails_ends_alone_and_says_so() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(f"candles:{BTC}:1m", f"candles:{ETH}:1m", "events")
        for _ in range(3):
            await socket.frame()
        desk.broken.add(BTC)
        desk.trade(BTC, 1.0)
        ended = await socket.until(of(CANDLES, "status"))
        assert ended["data"]["error"]["code"] == "closed"
        told = await socket.until(of("events"))
        assert told["data"]["events"][0]["subject"] == f"api:{CANDLES}"
        desk.trade(ETH, 1.0)
        assert (await socket.until(of(f"candles:{ETH}:1m")))["seq"] == 2
        await socket.subscribe(CANDLES)  # its snapshot fails as well
        ended = await socket.until(lambda f: f["topic"] == CANDLES)
        assert (ended["type"], ended["data"]["error"]["code"]) == ("status", "closed")
        desk.broken.clear()
        await socket.subscribe(CANDLES)
        assert (await socket.until(of(CANDLES, "snapshot")))["seq"] == 1


async def test_an_instrument_that_is_not_followed_any_more_ends_its_topics() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(BOOK, rate="ui")
        await socket.frame()
        gone = desk.followed.pop(0)
        desk.move(BTC, [(1.0, 1.0)])
        ended = await socket.frame()
        assert (ended["type"], ended["data"]["error"]["code"]) == ("status", "unknown_instrument")
        await socket.say(op="unsubscribe", topics=[BOOK])
        desk.followed.insert(0, gone)
        await socket.subscribe(BOOK)
        assert (await socket.frame())["seq"] == 1


async def test_leaving_frees_everything() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served:
        async with served.socket() as socket:
            await socket.subscribe(TRADES, BOOK, "prices", CANDLES, "events", rate="every")
            for _ in range(5):
                await socket.frame()
            assert await served.metric("bethna_clients") == 1
            assert desk.bus.channel("trades", BTC).subscribers == 3
        async with served.socket() as socket:
            assert await socket.quiet() == []  # the first has left by now
            assert await served.metric("bethna_clients") == 1
        assert await served.metric("bethna_clients_connected_total") == 2
    assert all(channel.subscribers == (channel.kind == "system") for channel in desk.bus.channels())
