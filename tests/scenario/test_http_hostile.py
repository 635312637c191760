"""Callers who mean no good: odd paths, hosts, bodies and floods end in a plain refusal, and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
import websockets
from _doors import PATIENCE_S, Open, opened
from _memorydesk import BTC, ETH, POL, MemoryDesk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bethna.api.application import create_app
from bethna.api.listings import setting_rows
from bethna.config import Secret, Settings

SECRET = "never-shown-to-anybody"
ROUTES = (
    "/api/v1/health", "/api/v1/instruments", "/api/v1/symbols", "/api/v1/watchlist", f"/api/v1/watchlist/{BTC}",
    "/api/v1/connections", "/api/v1/settings", "/api/v1/story", "/api/v1/prices", "/api/v1/candles",
    f"/api/v1/book/{BTC}", f"/api/v1/trades/{BTC}", "/api/v1/events", "/api/v1/restart", "/metrics", "/docs", "/",
    "/api/v1/alerts", "/api/v1/alerts/a1", "/api/v1/alerts/a1/why", "/api/v1/notifications", "/api/v1/push",
    "/schema/openapi.json", "/ws",
)  # fmt: skip
TRICKS = (
    "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%252e%252e/", "//",
    "//evil.example", "/%00", "/\x7f", "/a%0d%0aset-cookie:%20x=y", "/" + "a" * 8000, "/%ff%fe", "/.", "/./.",
    "/;", "/%", "/%zz", "/*", "?" * 50, "/#", "/%e2%80%ae", "/..;/", "/%c0%ae%c0%ae/", "/con", "/nul",
)  # fmt: skip


@asynccontextmanager
async def guarded() -> AsyncIterator[Open]:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    rows = setting_rows(Settings(token=Secret(SECRET)))
    async with opened(desk, settings=rows) as served:
        yield served
    assert [event for event in desk.log if event.level == "error"] == [], "a caller made the desk fail"


async def say(served: Open, request: bytes) -> bytes:
    """Send bytes as they are; all that is answered."""
    reader, writer = await asyncio.open_connection(*served.url.removeprefix("http://").split(":"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request)
            return await reader.read()
    except ConnectionError:  # refused so early that our own bytes were still on their way
        return b""
    finally:
        writer.close()


def check(answer: bytes) -> None:
    """An answer of ours in the usual form, without a trace of what is inside."""
    if not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status < 500, answer[:300]
    for word in (b"Traceback", b"site-packages", SECRET.encode(), b"root:"):
        assert word not in answer
    assert b"\r\nset-cookie" not in head.lower()
    if status >= 400:
        assert b"content-type: application/json" in head
        if body:
            assert set(json.loads(body)["error"]) == {"code", "message", "hint"}
            assert len(body) < 12_000


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(headers or ("host: localhost",)), "connection: close"]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


async def test_odd_paths_are_answered_plainly(subtests: pytest.Subtests) -> None:
    async with guarded() as served:
        for base in ("", "/api/v1/watchlist", "/api/v1/book", "/docs", "/assets", "/schema", "/api/v1"):
            for trick in TRICKS:
                for method in ("GET", "PUT", "DELETE"):
                    with subtests.test(f"{method} {base}{trick[:40]}"):
                        check(await say(served, request(method, f"{base}{trick}")))
        assert [found.id for found in served.desk.followed] == [BTC, ETH, POL]


HEADS = (
    ("host: evil.example",), ("host: localhost", "host: evil.example"), ("host:",), ("host: localhost@evil",),
    ("host: localhost", "origin: http://evil.example"), ("host: localhost", "origin: null", "origin: null"),
    ("host: localhost", "authorization: Bearer " + "x" * 5000), ("host: localhost", "cookie: " + ";=" * 3000),
    ("host: localhost", "cookie: bethna_token=" + "%00" * 500), ("host: localhost", "content-length: -1"),
    ("host: localhost", "content-length: 9" * 50), ("host: localhost", "content-type: application/json" * 30),
    ("host: localhost", "x-forwarded-host: evil.example", "x-forwarded-for: 1.2.3.4", "forwarded: host=evil"),
    ("host: localhost", "transfer-encoding: chunked", "content-length: 5"), ("host: localhost", "expect: 100-continue"),
    ("host: localhost", "if-none-match: " + '"x",' * 2000), ("host: localhost", "range: bytes=0-0,1-1,-1"),
)  # fmt: skip


async def test_odd_heads_are_answered_plainly(subtests: pytest.Subtests) -> None:
    async with guarded() as served:
        for route in ROUTES:
            for head in HEADS:
                for method in ("GET", "PUT", "DELETE", "POST"):
                    with subtests.test(f"{method} {route} {head[-1][:30]}"):
                        check(await say(served, request(method, route, *head)))


NAMES = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=20).map(lambda raw: raw.decode("latin-1")),
    st.sampled_from(
        [BTC, "btcusdt", "candle", "1m", "-1", "1e9", "null", "NaN", "0x10", str(10**30), "' or 1=1--"]
    ),
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        ["query", "limit", "figure", "instrument", "interval", "open_time", "end", "depth", "text"]
    ),
    NAMES,
    max_size=5,
)


async def test_no_parameter_makes_the_desk_fail() -> None:
    async with guarded() as served:

        async def call(route: str, name: str, parameters: dict[str, str]) -> None:
            query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
            target = f"{route}/{quote(name, safe='')}" if name else route
            check(await say(served, request("GET", f"{target}?{query}")))

        loop = asyncio.get_running_loop()

        @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.sampled_from(ROUTES[:-1]), st.one_of(st.just(""), NAMES), PARAMETERS)
        def ask(route: str, name: str, parameters: dict[str, str]) -> None:
            asyncio.run_coroutine_threadsafe(call(route, name, parameters), loop).result(PATIENCE_S)

        await asyncio.to_thread(ask)


async def test_rubbish_on_the_port_is_let_go(rng: random.Random) -> None:
    async with guarded() as served:
        for size in (1, 7, 100, 5000, 200_000):
            answer = await say(served, rng.randbytes(size) + b"\r\n\r\n")
            assert b"Traceback" not in answer
        for beginning in (
            b"\x16\x03\x01\x02\x00\x01",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
            b"\r\n" * 50,
        ):
            answer = await say(served, beginning + b"\r\n\r\n")
            assert b"Traceback" not in answer
        assert (await served.http.get("/api/v1/health")).status_code == 200


def asked(method: str, path: str, *headers: tuple[bytes, bytes]) -> Any:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"figure=9", "root_path": "",
        "headers": [*headers] or [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
        "state": {}, "extensions": {},
    }  # fmt: skip


async def test_a_flood_of_refusals_leaves_nothing_behind() -> None:
    desk = MemoryDesk()
    app = create_app(desk, desk.bus, rate_per_s=1.0)
    unlimited = create_app(desk, desk.bus)
    statuses: Counter[int] = Counter()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses[message["status"]] += 1

    async def flood(times: int) -> None:
        for number in range(times):
            for scope in (
                asked("GET", f"/api/v1/book/NOPE{number}-USDT"),
                asked("GET", f"/nothing-{number}.js"),
                asked("GET", "/api/v1/story"),
                asked("PUT", f"/api/v1/watchlist/X{number}-USDT"),
                asked("GET", "/", (b"host", f"evil-{number}.example".encode())),
            ):
                await unlimited(scope, receive, send)
            await app(asked("GET", "/api/v1/prices"), receive, send)

    async with app.lifespan(), unlimited.lifespan():
        tracemalloc.start()
        try:
            await flood(300)  # the library's caches of paths are full now
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            await flood(200)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert set(statuses) == {400, 403, 404, 200, 429} | ({503} & set(statuses))
    assert grown < 150_000, f"{grown} bytes stayed after 1200 requests"
    assert len(list(desk.bus.channels())) < 20


async def test_a_refused_handshake_is_answered_and_nobody_complains(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as served:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(served.ws_url, origin="http://evil.example")  # type: ignore[arg-type]  # any text
        assert refused.value.response.status_code == 403
        assert (await served.http.get("/api/v1/prices")).status_code == 200
    assert [record.message for record in caplog.records if record.name.startswith("uvicorn")] == []
