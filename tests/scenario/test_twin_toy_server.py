"""The server serves any venue that is made of `line`: the toy one behind a real port, with its own kinds of faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace
from scenario.twin_house import PATIENCE_S, House
from twin_toy import SYMBOLS, WORDS, Reader, ToyTwin
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from bethna.runtime.clocks import SystemClock
from bethna.twins.faults import Faults
from bethna.twins.line import Rules
from bethna.twins.market.catalogue import listing
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World
from bethna.twins.registry import Simulated
from bethna.twins.serving import TwinServer, authority_of, listen

BTC_BOOK = "book BTC/USD"


@asynccontextmanager
async def toy(rules: Rules | None = None) -> AsyncIterator[House]:
    clock = SystemClock()
    start = clock.now_ns()
    listings = [
        replace(listing(symbol.partition("/")[0], "USDT"), symbol=symbol, quote="USD", rate=20.0)
        for symbol in SYMBOLS
    ]
    world = World(5, start, listings)
    faults = Faults((), start, Random(5))
    venue = ToyTwin(world, faults, rules or Rules(ping_every_s=0), Random(5))
    server = TwinServer(venue, faults, clock, start, symbols=world.markets)
    bound = listen("127.0.0.1", 0)
    authority = authority_of(bound)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(bound, ready.set))
        await ready.wait()
        yield House(Simulated(world, faults, venue), Truth(world), server, authority, serving)
        server.stop()


def client(house: House) -> connect:
    return connect(house.ws("/socket"), ping_interval=None, proxy=None, max_size=None, max_queue=None)


async def heard(socket: ClientConnection, frames: int) -> list[bytes]:
    async with asyncio.timeout(PATIENCE_S):
        return [str(await socket.recv()).encode() for _ in range(frames)]


async def test_frames_come_numbered_and_the_book_can_be_followed() -> None:
    async with toy() as house, client(house) as socket:
        await socket.send(json.dumps({"ask": ["trade ETH/USD", BTC_BOOK]}))
        reader = Reader(await heard(socket, 20))
        assert reader.wrongs == []
        assert reader.updates["BTC/USD"] > house.truth.books["BTC/USD"].first_id


async def test_control_calls_know_what_this_venue_can_have() -> None:
    async with toy() as house, client(house) as socket:
        status, _, body = await house.get("/twin/kinds")
        assert status == 200
        assert [each["kind"] for each in json.loads(body)["kinds"]] == list(WORDS.kinds())
        status, _, body = await house.ask("POST", "/twin/faults", b'{"kind": "http_418"}')
        assert status == 400
        assert "that kraken can have, found 'http_418'" in json.loads(body)["error"]["message"]
        await house.post({"kind": "rename", "symbol": "BTC/USD", "to": "XBT/USD"})
        await house.post({"kind": "bad_checksum", "symbol": "XBT/USD", "for_s": 60})
        await socket.send(json.dumps({"ask": ["book XBT/USD"]}))
        reader = Reader(await heard(socket, 8))
        assert {what for what, _ in reader.wrongs} == {"checksum"}
        assert house.made.world.markets["XBT/USD"].index == 0


async def test_maintenance_closes_and_denies_and_pages_come_where_json_should() -> None:
    async with toy() as house, client(house) as socket:
        await house.post({"kind": "maintenance", "delay_s": 0.2, "for_s": 60})
        with pytest.raises(ConnectionClosedOK) as caught:
            await heard(socket, 10)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1001, "maintenance")
        with pytest.raises(InvalidStatus) as denied:
            async with client(house):
                pass
        assert denied.value.response.status_code == 503
        await house.ask("DELETE", "/twin/faults")
        await house.post({"kind": "http_html", "endpoint": "/book"})
        status, headers, body = await house.get("/book?of=BTC/USD")
        assert (status, headers["content-type"]) == (200, "text/html")
        assert body.startswith(b"<html>")


async def test_who_does_not_subscribe_in_time_is_closed() -> None:
    async with toy(Rules(ping_every_s=0, subscribe_within_s=0.2)) as house, client(house) as socket:
        async with asyncio.timeout(PATIENCE_S):
            await socket.wait_closed()
        assert socket.close_code == 1008
