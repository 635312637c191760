"""What /ws refuses, and that nobody else notices: bad frames, unknown names, limits, foreign pages."""

from __future__ import annotations

import json

import pytest
import websockets
from _doors import opened
from _memorydesk import BTC, START, MemoryDesk

from bethna.api.stream import MAX_TOPICS
from bethna.core.clock import NS_PER_US

T0 = START // NS_PER_US
TRADES = f"trades:{BTC}"


BAD_FRAMES = (
    "", "nonsense", "[]", "null", "7", '"subscribe"', "{}", '{"op": 1}', '{"op": "shout"}', '{"op": "subscribe"}',
    '{"op": "subscribe", "topics": "prices"}', '{"op": "subscribe", "topics": [1]}',
    '{"op": "subscribe", "topics": ["prices"], "rate": "fast"}', '{"op": "ping", "extra": 1}', '{"op": "ping"',
    "[" * 5000, '{"op": "subscribe", "topics": [' + "[" * 5000, "\x00", "ünïcödé 比特币 🚀",
    '{"op": "subscribe", "topics": ["\\ud800"]}', b"\xff\xfe", b"", b'{"op": "shout"}',
)  # fmt: skip


async def test_a_bad_request_is_answered_and_the_socket_stays_open(subtests: pytest.Subtests) -> None:
    async with opened() as served, served.socket() as socket:
        for bad in BAD_FRAMES:
            with subtests.test(repr(bad)[:40]):
                await socket.connection.send(bad)
                error = await socket.error()
                assert error["code"] in ("bad_request", "unknown_topic")
                assert len(error["message"]) < 500
        await socket.connection.send(b'{"op": "ping"}')
        assert (await socket.frame())["data"] == {"pong": T0}


REFUSED = {
    "price": ("unknown_topic", "prices"),
    "trade:BTC-USDT": ("unknown_topic", "trades:INSTRUMENT"),
    "candles:BTC-USDT": ("unknown_topic", "candles:INSTRUMENT:INTERVAL"),
    "candles:BTC-USDT:7m": ("unknown_topic", "1s, 1m, 3m"),
    "candles::1m": ("unknown_topic", "candles:INSTRUMENT:INTERVAL"),
    "trades": ("unknown_topic", "trades:INSTRUMENT"),
    "book:": ("unknown_topic", "book:INSTRUMENT"),
    "health:BTC-USDT": ("unknown_topic", "health"),
    "": ("unknown_topic", "prices"),
    "trades:BTCC-USDT": ("unknown_instrument", BTC),
    "trades:BTC-USDT@nowhere": ("unknown_instrument", BTC),
    "book:比特币": ("unknown_instrument", ""),
    "x" * 300: ("unknown_topic", ""),
}


async def test_what_is_refused_is_refused_by_name_and_the_rest_is_served(subtests: pytest.Subtests) -> None:
    async with opened() as served, served.socket() as socket:
        for topic, (code, hint) in REFUSED.items():
            with subtests.test(topic[:40]):
                await socket.subscribe(topic, TRADES)
                error = await socket.error()
                assert error["code"] == code
                assert topic in error["message"] or len(topic) > 200
                assert hint in error["hint"]
                assert (await socket.frame())["topic"] == TRADES


async def test_ten_thousand_topics_are_refused_in_a_few_frames() -> None:
    async with opened() as served, served.socket() as socket:
        await socket.subscribe(*(f"t{n}" for n in range(7000)))
        frames = await socket.quiet()
        assert len(frames) == 51
        assert frames[-1]["data"]["error"]["message"] == "6950 further topics were refused too"


async def test_a_connection_has_a_limit_of_topics() -> None:
    names = [f"A{n}-USDT@binance" for n in range(MAX_TOPICS + 5)]
    async with opened(MemoryDesk(names)) as served, served.socket() as socket:  # type: ignore[arg-type]  # plain names will do
        await socket.subscribe(*(f"trades:{name}" for name in names))
        frames = await socket.quiet()
        refused = [frame for frame in frames if frame["topic"] is None]
        assert {frame["data"]["error"]["code"] for frame in refused} == {"too_many_topics"}
        assert len(refused) == 5
        await socket.say(op="unsubscribe", topics=[f"trades:{names[0]}"])
        await socket.subscribe("prices")
        assert (await socket.until(lambda f: f["type"] == "snapshot" and f["topic"] == "prices"))["seq"] == 1


async def test_a_frame_above_64_kib_ends_the_connection_and_nobody_else() -> None:
    async with opened() as served, served.socket() as other, served.socket() as socket:
        await socket.connection.send('{"op": "ping"}' + " " * 65_000)
        assert "pong" in (await socket.frame())["data"]
        await socket.connection.send(json.dumps({"op": "subscribe", "topics": ["x" * 70_000]}))
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert await other.quiet() == []


async def test_a_foreign_page_opens_no_socket(subtests: pytest.Subtests) -> None:
    async with opened(allowed_origins=["https://desk.example"]) as served:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            with subtests.test(origin):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(served.ws_url, origin=origin)  # type: ignore[arg-type]  # any text
                assert refused.value.response.status_code == 403
                assert json.loads(refused.value.response.body)["error"]["code"] == "origin_not_allowed"
        for origin in (served.url, "https://desk.example"):
            async with served.socket(origin=origin) as socket:
                assert await socket.quiet() == []


async def test_a_foreign_host_opens_no_socket() -> None:
    async with opened() as served:
        port = served.url.rpartition(":")[2]
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"ws://evil.example:{port}/ws", host="127.0.0.1", port=int(port))
        assert refused.value.response.status_code == 403
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(served.ws_url.replace("/ws", "/elsewhere"))
