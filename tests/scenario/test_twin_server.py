"""The twin behind its port: one port for all, faults by control calls, clients that send rubbish or do not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from scenario.twin_house import ACCEPT, PATIENCE_S, House, masked, parsed, read_all, twin, upgrade
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage, InvalidStatus

from bethna.core.clock import NS_PER_S
from bethna.runtime.clocks import SystemClock
from bethna.twins import serving, socket_side
from bethna.twins.http_side import Patience

BOTH_LOOPS = True
TRADES = "/stream?streams=btcusdt@trade"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients do, no library and no loop has anything to report."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


def client(house: House, path: str = TRADES) -> connect:
    return connect(house.ws(path), ping_interval=None, proxy=None, max_size=None, max_queue=None)


async def trade_ids(socket: ClientConnection, count: int) -> list[int]:
    """The ids of the next trades."""
    found: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            data = json.loads(await socket.recv())["data"]
            if data["e"] == "trade":
                found.append(data["t"])
    return found


def are_contiguous(ids: list[int]) -> bool:
    return all(later == earlier + 1 for earlier, later in pairwise(ids))


async def ended(socket: ClientConnection) -> int | None:
    """Read to the end: the close code, 1006 for a cut."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


# --- one port


async def test_streams_requests_and_control_calls_come_by_one_port(seed: int) -> None:
    async with twin(seed) as house, client(house) as socket:
        ids = await trade_ids(socket, 30)
        assert are_contiguous(ids)
        status, headers, body = await house.get("/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000")
        assert status == 200
        assert headers["content-type"].startswith("application/json")
        assert int(headers["x-mbx-used-weight-1m"]) > 0
        assert set(ids) <= {row["id"] for row in json.loads(body)}
        state = await house.state()
        assert (state["simulation"], state["clients"]) == (True, 2)
        assert state["counts"] | {"requests": 1, "upgrades": 1} == state["counts"]
        assert [each["streams"] for each in state["venue"]["connections"]] == [["btcusdt@trade"]]


async def test_what_it_sends_is_its_truth(seed: int) -> None:
    async with twin(seed) as house, client(house) as socket:
        ids = await trade_ids(socket, 50)
        known = [each.trade_id for each in house.truth.executions["BTCUSDT"]]
        assert known[known.index(ids[0]) :][: len(ids)] == ids


async def test_a_connection_is_kept_and_requests_on_it_are_answered_in_order(seed: int) -> None:
    async with twin(seed) as house:
        wanted = ["/api/v3/ping", "/api/v3/time", "/twin/nothing", "/twin/state", "/api/v3/ping"]
        heads = [f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n" for target in wanted]
        answer = await house.raw("\r\n".join([*heads, ""]).encode()[:-2] + b"connection: close\r\n\r\n")
        statuses = [int(part[1:4]) for part in answer.split(b"HTTP/1.1")[1:]]
        assert statuses == [200, 200, 404, 200, 200]


async def test_a_head_without_a_body_a_body_that_is_awaited(seed: int) -> None:
    async with twin(seed) as house:
        status, headers, body = await house.ask("HEAD", "/api/v3/time")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 10
        status, _, _ = await house.ask("POST", "/api/v3/order", b"symbol=BTCUSDT")
        assert status in (404, 405)
        asked = b"POST /twin/faults HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 15\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(asked)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b'{"kind":"slow"}')
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_control_frames_and_subscriptions(seed: int) -> None:
    async with twin(seed) as house, client(house, "/ws") as socket:
        await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await socket.recv()) == {"result": None, "id": 1}
            assert json.loads(await socket.recv())["e"] == "trade"
            await (await socket.ping(b"are you there"))


# --- faults


async def test_a_cut_comes_without_a_close_frame(seed: int) -> None:
    async with twin(seed) as house, client(house) as socket, client(house, "/ws/ethusdt@trade") as other:
        await trade_ids(socket, 3)
        await house.post({"kind": "cut", "symbol": "BTCUSDT"})
        assert await ended(socket) == 1006
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await other.recv())["s"] == "ETHUSDT"
        assert (await house.state())["venue"]["struck"] == {"cut": 1}


async def test_a_recycled_connection_is_closed_with_a_code(seed: int) -> None:
    async with twin(seed) as house, client(house) as socket:
        await trade_ids(socket, 3)
        await house.post({"kind": "recycle"})
        assert await ended(socket) == 1001


async def test_accept_and_cut_answers_the_upgrade_and_nothing_else(seed: int) -> None:
    async with twin(seed) as house:
        await house.post({"kind": "accept_and_cut"})
        answer = await house.raw(upgrade(TRADES))
        assert answer.startswith(b"HTTP/1.1 101")
        assert ACCEPT in answer
        assert answer.endswith(b"\r\n\r\n")


async def test_the_unreachable_answers_nothing(seed: int) -> None:
    async with twin(seed) as house:
        await house.post({"kind": "unreachable"})
        assert await house.raw(upgrade(TRADES)) == b""
        assert await house.raw(b"GET /api/v3/time HTTP/1.1\r\nhost: x\r\n\r\n") == b""
        assert (await house.ask("DELETE", "/twin/faults"))[0] == 200
        assert (await house.get("/api/v3/time"))[0] == 200


async def test_a_denied_upgrade_is_told_by_status(seed: int) -> None:
    async with twin(seed) as house:
        await house.post({"kind": "http_451", "on": "ws"})
        with pytest.raises(InvalidStatus) as denied:
            await client(house)
        assert denied.value.response.status_code == 451
        assert (await house.get("/api/v3/time"))[0] == 200


async def test_a_late_answer_is_late_and_holds_up_nobody_else(seed: int) -> None:
    async with twin(seed) as house:
        await house.post({"kind": "snapshot_race", "symbol": "BTCUSDT", "delay_s": 0.3})
        loop = asyncio.get_running_loop()
        began = loop.time()
        late = asyncio.ensure_future(house.get("/api/v3/depth?symbol=BTCUSDT"))
        assert (await house.get("/api/v3/depth?symbol=ETHUSDT"))[0] == 200
        assert not late.done()
        assert (await late)[0] == 200
        assert loop.time() - began >= 0.3


async def test_fragments_are_whole_again_at_the_client(seed: int) -> None:
    async with twin(seed) as house:
        await house.post({"kind": "fragmented", "for_s": 60})
        async with client(house) as socket:
            assert are_contiguous(await trade_ids(socket, 30))


async def test_bytes_that_are_no_frame_break_only_the_connection_that_gets_them(seed: int) -> None:
    async with twin(seed) as house, client(house, "/stream?streams=ethusdt@trade") as other:
        await trade_ids(other, 1)
        async with client(house) as socket:
            await house.post({"kind": "garbage", "raw": True, "symbol": "BTCUSDT", "for_s": 60})
            with pytest.raises(ConnectionClosedError):
                await trade_ids(socket, 10_000)
        assert are_contiguous(await trade_ids(other, 5))


async def test_a_dead_connection_answers_neither_ping_nor_close(seed: int) -> None:
    async with twin(seed) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(upgrade("/ws"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(masked(9, b"a"))
        assert await reader.readexactly(3) == b"\x8a\x01a"
        await house.post({"kind": "half_open"})
        writer.write(masked(9, b"b") + masked(8, b"\x03\xe8"))
        writer.write_eof()
        heard = asyncio.ensure_future(reader.read(1))
        for _ in range(3):  # it has been read by then, and TCP stays
            assert (await house.state())["venue"]["connections"][0]["half_open"]
        assert not heard.done()
        await house.post({"kind": "cut"})
        assert await heard == b""
        writer.close()


# --- rubbish


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nhost: a\r\n\r\n", 505),
        (b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 100_000, 431),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n" + b"y" * 300_000, 413),
        (upgrade(TRADES, sec_websocket_version="8", connection="close, upgrade"), 426),
        (upgrade(TRADES, sec_websocket_key="short", connection="close, upgrade"), 400),
        (upgrade(TRADES, sec_websocket_key="", connection="close, upgrade"), 400),
        (upgrade(TRADES, connection="close"), 400),
        (upgrade(TRADES, connection="close, upgrade").replace(b"GET", b"POST", 1), 405),
        (upgrade("/elsewhere", connection="close, upgrade"), 404),
        (upgrade("/twin/faults", connection="close, upgrade"), 200),
    ],
)
async def test_what_is_no_good_request_is_answered_and_ended(sent: bytes, status: int, seed: int) -> None:
    async with twin(seed) as house, client(house) as witness:
        first = await trade_ids(witness, 1)
        answer = await house.raw(sent)
        assert parsed(answer)[0] == status
        assert are_contiguous(first + await trade_ids(witness, 3))


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x01a", 1002),  # no mask
        (masked(3, b""), 1002),  # no such opcode
        (b"\xf1" + masked(1, b"a")[1:], 1002),  # reserved bits
        (masked(0, b"a"), 1002),  # goes on with nothing
        (masked(9, b"a", final=False), 1002),  # a ping in pieces
        (masked(8, b"\x03"), 1002),  # half a code
        (masked(1, b"\xff\xfe"), 1007),
        (masked(1, b"\xe2", final=False) + masked(0, b"\x28"), 1007),
        (b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\x00" * 4, 1009),
        (b"GET /ws HTTP/1.1\r\n\r\n", 1002),
    ],
)
async def test_what_is_no_good_frame_is_answered_with_a_code_and_ended(
    sent: bytes, code: int, seed: int
) -> None:
    async with twin(seed) as house, client(house) as witness:
        first = await trade_ids(witness, 1)
        answer = await house.raw(upgrade("/ws") + sent)
        assert answer.startswith(b"HTTP/1.1 101")
        frame = answer.partition(b"\r\n\r\n")[2]
        assert frame[0] == 0x88
        assert int.from_bytes(frame[2:4], "big") == code
        assert house.server.counts["rubbish"] == 1
        assert are_contiguous(first + await trade_ids(witness, 3))


async def test_text_that_means_nothing_is_answered_by_the_venue(seed: int) -> None:
    async with twin(seed) as house, client(house, "/ws") as socket:
        for text in ("", "[", '{"method":7}'):
            await socket.send(text)
            async with asyncio.timeout(PATIENCE_S):
                assert "code" in json.loads(await socket.recv())
        await socket.send(b"\x00\x01 binary")
        async with asyncio.timeout(PATIENCE_S):
            assert "code" in json.loads(await socket.recv())


async def test_a_flood_of_messages_ends_its_connection(seed: int) -> None:
    async with twin(seed) as house:
        answer = await house.raw(upgrade("/ws") + masked(9, b"") * 2000)
        assert answer.partition(b"\r\n\r\n")[2].startswith(b"\x8a\x00" * 5 + b"\x88")


async def test_an_endless_message_in_pieces_is_too_big(seed: int) -> None:
    async with twin(seed) as house:
        pieces = masked(1, b"a" * 125, final=False) + masked(0, b"a" * 125, final=False) * 2_500
        frame = (await house.raw(upgrade("/ws") + pieces)).partition(b"\r\n\r\n")[2]
        assert int.from_bytes(frame[2:4], "big") == 1009


async def test_a_request_that_does_not_come_to_an_end_is_ended(seed: int) -> None:
    async with twin(seed, patience=Patience(idle_s=0.2, request_s=0.1)) as house:
        assert parsed(await house.raw(b"GET /api/v3/time HTTP/1.1\r\nhost:"))[0] == 408
        assert await house.raw(b"") == b""
        answer = await house.raw(b"GET /api/v3/time HTTP/1.1\r\nhost: x\r\n\r\n")  # kept, then nothing
        assert parsed(answer)[0] == 200


async def test_a_client_that_does_not_read_is_cut_and_counted(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_side, "MAX_UNREAD", 1_000_000)
    async with twin(seed, pace=300.0, send_buffer=16_384) as house, client(house) as witness:
        first = await trade_ids(witness, 1)
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", house.port))
        deaf.sendall(upgrade("/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker"))
        ids = list(first)
        async with asyncio.timeout(PATIENCE_S):
            while not house.server.counts["unread"]:
                ids += await trade_ids(witness, 1)
        deaf.close()
        assert are_contiguous(ids + await trade_ids(witness, 10))
        assert house.server.counts["unread"] == 1


async def test_more_connections_than_there_is_room_for_are_not_taken(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MAX_CLIENTS", 1)
    async with twin(seed) as house, client(house) as socket:
        await trade_ids(socket, 1)
        with pytest.raises((InvalidMessage, ConnectionError)):
            await client(house)
        assert house.server.counts["turned_away"] == 1
        await trade_ids(socket, 1)


# --- time


class SleptClock:
    """The host's clock; `slept_ns` is how long the host has slept so far."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.slept_ns = 0

    def now_ns(self) -> int:
        return self._clock.now_ns() + self.slept_ns

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()


async def test_a_twin_that_is_late_catches_up_in_order(seed: int) -> None:
    clock = SleptClock()
    async with twin(seed, clock=clock) as house, client(house) as socket:
        ids = await trade_ids(socket, 5)
        clock.slept_ns = 20 * NS_PER_S
        asked = clock.now_ns()
        state: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_S):
            while state.get("now", 0) * 1000 < asked:
                state = await house.state()
        assert state["worst_late_ms"] > 10_000
        behind = len(house.truth.executions["BTCUSDT"])
        ids += await trade_ids(socket, behind - len(ids))
        assert are_contiguous(ids)


# --- its end


async def test_its_end_cuts_its_clients_and_frees_its_port(seed: int) -> None:
    async with twin(seed) as house:
        socket = await client(house)
        _reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        house.server.stop()
        assert await ended(socket) == 1006
        await house.serving
        writer.close()
        serving.listen("127.0.0.1", house.port).close()


async def test_an_error_of_its_own_ends_it_for_all_to_see(
    seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_now: int) -> None:
        raise RuntimeError("a bug")

    async def meet_it() -> None:
        async with twin(seed) as house:
            monkeypatch.setattr(house.made.venue, "advance", broken)
            await house.serving

    with pytest.raises(ExceptionGroup) as told:
        await meet_it()
    assert told.group_contains(RuntimeError, match="a bug")
    caplog.clear()  # the loop may have reported it, too


async def test_reading_goes_on_until_the_end(seed: int) -> None:
    """A client that has closed its side gets the answer that it asked for."""
    async with twin(seed) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(b"GET /api/v3/time HTTP/1.1\r\nhost: x\r\n\r\n")
        writer.write_eof()
        assert parsed(await read_all(reader))[0] == 200
        writer.close()


async def test_a_client_that_does_not_answer_a_close_is_let_go(seed: int) -> None:
    async with twin(seed) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(upgrade("/ws"))
        await reader.readuntil(b"\r\n\r\n")
        await house.post({"kind": "recycle"})
        async with asyncio.timeout(PATIENCE_S):
            said = await read_all(reader)
        assert said[:1] == b"\x88"
        assert int.from_bytes(said[2:4], "big") == 1001
        writer.close()
