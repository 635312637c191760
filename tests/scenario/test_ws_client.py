"""The WebSocket client against a server that writes bytes by hand, on both event loops."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
import subprocess
from typing import Any

import pytest
from handmade import PATIENCE_S
from scenario.raw_server import Ear, Server, frame, read_frame, server, upgrade

from bethna.core.errors import ConnectError, ConnectionLost, RateLimited
from bethna.net import ws
from bethna.runtime.clocks import SystemClock

BOTH_LOOPS = True


async def dial(made: Server, ear: Ear, *, timeout_s: float = 5.0) -> ws.WebSocket:
    return await ws.connect(
        made.url, venue="venue", clock=SystemClock(), on_frame=ear.frame, events=ear, timeout_s=timeout_s
    )


async def ended(socket: ws.WebSocket) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return await socket.wait_ended()


async def test_frames_in_the_same_segment_as_the_upgrade_are_not_lost() -> None:
    ear = Ear()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]) + frame(1, b'{"n":1}') + frame(2, b'{"n":2}'))

    async with server(talk) as made:
        before = SystemClock().now_ns()
        socket = await dial(made, ear)
        await ear.bell.until(lambda: len(ear.frames) == 2)
        assert ear.frames == [b'{"n":1}', b'{"n":2}']
        assert before <= ear.times[0] <= ear.times[1] <= SystemClock().now_ns()
        assert ear.sockets == [socket]
        socket.abort()
        assert "without a close frame" in await ended(socket)
        assert b"secret" not in made.requests[0]
        assert made.requests[0].startswith(b"GET /stream?streams=a&token=hidden HTTP/1.1\r\n")


async def test_fragments_are_assembled_also_around_control_frames() -> None:
    ear = Ear()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            upgrade(made.requests[0])
            + frame(1, b'{"a":', fin=False)
            + frame(9, b"1787602968224")
            + frame(0, b"[1,2", fin=False)
            + frame(10, b"")
            + frame(0, b"]}")
            + frame(1, b"next")
        )
        assert await read_frame(reader) == (10, b"1787602968224")
        assert await read_frame(reader) == (9, b"")
        assert await read_frame(reader) == (1, b"said")
        made.bell.ring()

    async with server(talk) as made:
        socket = await dial(made, ear)
        await ear.bell.until(lambda: len(ear.frames) == 2)
        assert ear.frames == [b'{"a":[1,2]}', b"next"]
        assert ear.pings == [b"1787602968224"]
        assert ear.pongs == 1
        socket.pong(ear.pings[0])
        socket.ping()
        socket.send("said")
        socket.close()
        socket.close()
        await ended(socket)


async def test_a_message_beyond_ten_megabytes_arrives() -> None:
    ear, big = Ear(), b"x" * (11 << 20)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]) + frame(1, big))
        await writer.drain()

    async with server(talk) as made:
        socket = await dial(made, ear)
        await ear.bell.until(lambda: ear.frames)
        assert ear.frames[0] == big
        socket.abort()
        await ended(socket)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(frame(1, b"x" * 500), id="too large"),
        pytest.param(frame(1, b"x" * 90, fin=False) * 2, id="too large in fragments"),
        pytest.param(frame(5, b"?"), id="unknown opcode"),
        pytest.param(b"\x81\x81\0\0\0\0x", id="masked"),
        pytest.param(frame(9, b"x" * 126), id="long ping"),
        pytest.param(frame(8, struct.pack(">H", 999)), id="wrong close code"),
    ],
)
async def test_a_frame_against_the_protocol_loses_the_connection(
    wrong: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "MAX_MESSAGE_BYTES", 128)
    ear = Ear()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]) + wrong)

    async with server(talk) as made:
        socket = await dial(made, ear)
        with pytest.raises(ConnectionLost, match="expected well-formed frames"):
            await ended(socket)
        assert ear.frames == []


async def test_a_goodbye_is_answered_and_its_reason_kept() -> None:
    ear = Ear()
    answered: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]) + frame(8, struct.pack(">H", 1008) + b"Pong timeout"))
        answered.append(await read_frame(reader))

    async with server(talk) as made:
        assert await ended(await dial(made, ear)) == "closed by the other side with code 1008: Pong timeout"
    assert answered == [(8, struct.pack(">H", 1008))]


async def test_our_goodbye_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "CLOSE_GRACE_S", 0.05)
    ear = Ear()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]))

    async with server(talk) as made:
        socket = await dial(made, ear)
        socket.close()
        assert "without a close frame" in await ended(socket)
        socket.send("too late")  # nobody is hurt


@pytest.mark.parametrize("status", [301, 400, 403, 404, 451, 500, 503])
async def test_a_denied_upgrade_says_its_status_and_no_query(status: int) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %d No\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" % status)

    async with server(talk) as made:
        with pytest.raises(ConnectError) as caught:
            await dial(made, Ear())
        assert caught.value.status == status
        assert caught.value.message == f"expected HTTP 101 from 127.0.0.1:{made.port}, found {status}"
        assert "hidden" not in caught.value.message + caught.value.hint
        assert len(made.requests) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [(429, "Retry-After: 17\r\n", 17.0), (418, "Retry-After: soon\r\n", 60.0), (429, "", 60.0)],
)
async def test_a_venue_that_says_wait_is_understood(status: int, header: str, wait_s: float) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} No\r\n{header}Content-Length: 0\r\n\r\n".encode())

    async with server(talk) as made:
        with pytest.raises(RateLimited) as caught:
            await dial(made, Ear())
        assert caught.value.retry_after_s == wait_s
        assert caught.value.banned == (status == 418)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101 Swi",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"\0" * 20_000,
    ],
)
async def test_whatever_else_answers_an_upgrade_is_a_connect_error(answer: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with server(talk) as made:
        with pytest.raises(ConnectError) as caught:
            await dial(made, Ear())
        assert caught.value.status is None


async def test_an_upgrade_without_an_answer_times_out_and_leaves_no_socket() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with server(talk) as made:
        with pytest.raises(ConnectError, match=r"within 0\.05 s, found none"):
            await dial(made, Ear(), timeout_s=0.05)
        await made.bell.until(lambda: made.ended == 1, "the server sees the end")


async def test_a_cancelled_attempt_leaves_no_socket_and_says_nothing() -> None:
    ear = Ear()
    gone = asyncio.Event()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.write(upgrade(made.requests[0]) + frame(1, b"too late"))

    async with server(talk) as made:
        async with asyncio.TaskGroup() as group:
            attempt = group.create_task(dial(made, ear))
            await made.bell.until(lambda: made.requests)
            attempt.cancel()
        gone.set()
        await made.bell.until(lambda: made.ended == 1)
    assert ear.sockets == []
    assert ear.frames == []


async def test_nobody_listening_and_no_such_name_are_connect_errors() -> None:
    made = Server()
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    made.port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    with pytest.raises(ConnectError, match="could not connect to 127"):
        await dial(made, Ear())
    for url in ("ws://", "http://127.0.0.1:1/", "ws://127.0.0.1:99999/"):
        with pytest.raises(ConnectError):
            await ws.connect(
                url, venue="v", clock=SystemClock(), on_frame=Ear().frame, events=Ear(), timeout_s=5.0
            )


async def test_a_proxy_that_is_no_url_is_told_without_its_password() -> None:
    for proxy in ("http://user:hunter2@:1", "http://:hun/ter2@", "http://user:hunter2@x#y"):
        with pytest.raises(ConnectError, match="WSInvalidURL") as caught:
            await ws.connect(
                "ws://127.0.0.1:1",
                venue="v",
                clock=SystemClock(),
                on_frame=Ear().frame,
                events=Ear(),
                timeout_s=5.0,
                proxy=proxy,
            )
        assert "ter2" not in caught.value.message


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for, made on the spot."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(self_signed: ssl.SSLContext) -> None:
    def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=self_signed)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        with pytest.raises(ConnectError, match=r"(?i)certificate"):
            await ws.connect(
                f"wss://127.0.0.1:{port}/",
                venue="v",
                clock=SystemClock(),
                on_frame=Ear().frame,
                events=Ear(),
                timeout_s=5.0,
            )


async def test_a_bug_in_our_callback_is_not_swallowed() -> None:
    ear = Ear()

    def broken(_raw: bytes, _ts_recv: int) -> None:
        raise ZeroDivisionError("a bug of ours")

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]) + frame(1, b"x"))

    async with server(talk) as made:
        socket = await ws.connect(
            made.url, venue="v", clock=SystemClock(), on_frame=broken, events=ear, timeout_s=5.0
        )
        with pytest.raises(ZeroDivisionError):
            await ended(socket)


def test_a_host_is_shown_without_user_path_and_query() -> None:
    assert ws.host_of("wss://me:pw@stream.example.com:9443/stream?x=y") == "stream.example.com:9443"
    assert ws.host_of("https://a.example?key=secret") == "a.example"
    assert ws.retry_after_s("1e9") is None
    assert ws.retry_after_s("-1") is None
    assert ws.retry_after_s("2.5") == 2.5


def test_address_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, 1, 6, "", number) for number in range(3)] + [
        (four, 1, 6, "", number) for number in range(2)
    ]
    assert [(info[0], info[4]) for info in ws.in_turn(found)] == [
        (six, 0),
        (four, 0),
        (six, 1),
        (four, 1),
        (six, 2),
    ]
    assert ws.in_turn([]) == []


async def test_an_address_that_leads_nowhere_does_not_use_up_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ear = Ear()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(made.requests[0]))

    async with server(talk) as made:
        # A listener that never accepts and whose queue is full answers nothing: as good as a black hole.
        with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            loop = asyncio.get_running_loop()
            real = loop.getaddrinfo

            async def two(*arguments: Any, **options: Any) -> list[Any]:
                (found,) = await real(*arguments, **options)
                return [(*found[:4], deaf.getsockname()), found]

            monkeypatch.setattr(ws, "_resolve", two)
            socket_made = await dial(made, ear, timeout_s=1.0)
            socket_made.abort()
            await ended(socket_made)
