"""Opening the port: what is wrong with it is one plain error, and stopping is quick and whole."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest
from _doors import opened
from _memorydesk import MemoryDesk

from bethna.api.application import create_app
from bethna.api.server import listen, serve, text_header, url_of
from bethna.core.errors import AddressUnusable


async def test_a_port_that_is_taken_is_a_plain_error() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served:
        host, _, port = served.url.removeprefix("http://").partition(":")
        with pytest.raises(AddressUnusable) as taken:
            await serve(create_app(desk, desk.bus), host, int(port), lambda _url: None)
    assert (taken.value.errno, taken.value.port) == (errno.EADDRINUSE, int(port))
    assert port in taken.value.message
    assert "--port" in taken.value.hint


def test_the_url_is_one_to_type() -> None:
    with listen("0.0.0.0", 0) as everywhere:
        assert url_of(everywhere) == f"http://127.0.0.1:{everywhere.getsockname()[1]}"
    with listen("localhost", 0) as here:
        assert url_of(here).endswith(f":{here.getsockname()[1]}")
    if socket.has_ipv6:
        with listen("::1", 0) as six:
            assert url_of(six) == f"http://[::1]:{six.getsockname()[1]}"


async def test_a_port_can_be_taken_again_at_once() -> None:
    async with opened() as first:
        port = int(first.url.rpartition(":")[2])
        assert (await first.http.get("/api/v1/prices")).status_code == 200
    listen("127.0.0.1", port).close()


async def test_an_application_that_cannot_start_is_an_error_and_no_exit() -> None:
    async def broken(_scope: object, _receive: object, _send: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as failed:
        await serve(broken, "127.0.0.1", 0, lambda _url: None)
    assert failed.group_contains(RuntimeError, match="could not start")


async def test_stopping_amid_the_start_ends_the_application_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []
    starting, may_start = asyncio.Event(), asyncio.Event()

    async def slow(_scope: object, receive: Any, send: Any) -> None:
        for _ in range(2):
            heard.append((await receive())["type"])
            starting.set()
            await may_start.wait()
            await send({"type": f"{heard[-1]}.complete"})

    serving = asyncio.create_task(serve(slow, "127.0.0.1", 0, lambda _url: None))
    await starting.wait()
    serving.cancel()
    asyncio.get_running_loop().call_soon(may_start.set)
    async with asyncio.timeout(5):
        await asyncio.wait({serving})
    assert serving.cancelled()
    assert heard == ["lifespan.startup", "lifespan.shutdown"]
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_stopping_closes_open_sockets_with_a_word() -> None:
    async with opened() as served, served.socket() as client:
        await client.subscribe("prices")
        await client.frame()
        served.stop()
        assert await client.closing() == 1012
        async with asyncio.timeout(2.2):
            await asyncio.wait({served.serving})


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, "8100"), (125, "817d"), (126, "817e007e"), (65_535, "817effff"), (65_536, "817f0000000000010000"),
    ],
)  # fmt: skip
def test_frame_headers_are_those_of_rfc_6455(length: int, header: str) -> None:
    assert text_header(length).hex() == header
