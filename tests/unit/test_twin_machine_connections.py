"""The rules of a connection to the twin: control frames, errors, pings, limits, its end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from twin_bench import ADDRESS, START, Bench, say

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import Connection, Rules
from bethna.twins.faults import Fault


def streams_of(bench: Bench) -> list[str]:
    return [name for each in bench.twin.connections for name in each.topics]


# --- where to connect


@pytest.mark.parametrize(
    ("target", "streams"),
    [
        ("/ws", []),
        ("/ws/", []),
        ("/ws/btcusdt@trade", ["btcusdt@trade"]),
        ("/ws/btcusdt@trade/ethusdt@depth@100ms", ["btcusdt@trade", "ethusdt@depth@100ms"]),
        ("/ws/btcusdt%40trade", ["btcusdt@trade"]),
        ("/ws/btcusdt@trade/btcusdt@trade", ["btcusdt@trade"]),
        ("/ws/btcusdt@trade?timeUnit=MICROSECOND", ["btcusdt@trade"]),
        ("/ws/0", []),
        ("/stream", []),
        ("/stream?streams=btcusdt@trade/ethusdt@trade", ["btcusdt@trade", "ethusdt@trade"]),
        ("/stream?streams=btcusdt%40trade%2Fethusdt%40trade", ["btcusdt@trade", "ethusdt@trade"]),
        ("/stream?timeUnit=microsecond&streams=btcusdt@trade", ["btcusdt@trade"]),
        ("/stream?streams=BTCUSDT@trade/nosuch@trade", ["BTCUSDT@trade", "nosuch@trade"]),
    ],
)
def test_rule_1_streams_of_the_url_are_carried(target: str, streams: list[str]) -> None:
    bench = Bench()
    bench.open(target)
    assert streams_of(bench) == streams


@pytest.mark.parametrize(
    ("target", "status"),
    [("/", 404), ("/wss", 404), ("/streams", 404), ("/ws?timeUnit=hour", 400), ("/api/v3/ping", 404)],
)
def test_elsewhere_is_nothing(target: str, status: int) -> None:
    denied = Bench().denied(target)
    assert denied.status == status
    assert set(msgspec.json.decode(denied.body)) == {"code", "msg"}


def test_payloads_are_bare_on_ws_and_wrapped_on_stream() -> None:
    bench = Bench()
    _, raw = bench.open("/ws/btcusdt@trade")
    _, wrapped = bench.open("/stream?streams=btcusdt@trade")
    bench.run(5)
    assert len(raw.texts()) > 5
    assert wrapped.texts() == [b'{"stream":"btcusdt@trade","data":' + text + b"}" for text in raw.texts()]


def test_microseconds_are_the_connections_own() -> None:
    bench = Bench()
    _, ms = bench.open("/ws/btcusdt@trade")
    _, us = bench.open("/ws/btcusdt@trade?timeUnit=MICROSECOND")
    bench.run(5)
    times = [[msgspec.json.decode(text)["T"] for text in wire.texts()] for wire in (ms, us)]
    assert times[0]
    assert [each // 1000 for each in times[1]] == times[0]


def test_unknown_and_upper_case_names_are_acked_and_silent() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    say(connection, {"method": "SUBSCRIBE", "params": ["BTCUSDT@trade", "nosuch@depth"], "id": 7}, bench.now)
    bench.run(10)
    assert wire.texts() == [b'{"result":null,"id":7}']


# --- control frames


def test_control_frames_as_the_sheet_shows_them() -> None:
    bench = Bench(rules=Rules(messages_per_s=100))
    connection, wire = bench.open("/ws")
    asked: list[tuple[dict[str, Any], bytes]] = [
        (
            {"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "btcusdt@depth"], "id": 1},
            b'{"result":null,"id":1}',
        ),
        ({"method": "UNSUBSCRIBE", "params": ["btcusdt@depth"], "id": 312}, b'{"result":null,"id":312}'),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, b'{"result":["btcusdt@aggTrade"],"id":3}'),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 2}, b'{"result":false,"id":2}'),
        ({"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}, b'{"result":null,"id":5}'),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": "x"}, b'{"result":true,"id":"x"}'),
        ({"method": "UNSUBSCRIBE", "params": ["ethusdt@trade"], "id": None}, b'{"result":null,"id":null}'),
        ({"method": "LIST_SUBSCRIPTIONS"}, b'{"result":["btcusdt@aggTrade"],"id":null}'),
        ({"method": "LIST_SUBSCRIPTIONS", "id": -(2**63)}, None),  # type: ignore[list-item]  # only that it is no error
    ]
    for frame, answer in asked:
        say(connection, frame, bench.now)
        if answer is not None:
            assert wire.texts()[-1] == answer
    assert "result" in wire.answers()[-1]


def test_acks_are_not_wrapped_on_a_combined_connection() -> None:
    bench = Bench()
    connection, wire = bench.open("/stream")
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, bench.now)
    bench.run(3)
    assert wire.texts()[0] == b'{"result":null,"id":1}'
    assert all(text.startswith(b'{"stream":"btcusdt@trade","data":{') for text in wire.texts()[1:])
    assert len(wire.texts()) > 3


def test_the_combined_property_wraps_and_unwraps() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws/btcusdt@trade")
    bench.run(3)
    say(connection, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 1}, bench.now)
    bench.run(6)
    ack = wire.texts().index(b'{"result":null,"id":1}')
    assert {text[:10] for text in wire.texts()[:ack]} == {b'{"e":"trad'}
    assert {text[:10] for text in wire.texts()[ack + 1 :]} == {b'{"stream":'}


@pytest.mark.parametrize(
    ("frame", "code", "said", "request_id"),
    [
        (b"{", 3, "Invalid JSON", None),
        (b"", 3, "Invalid JSON: expected value at line 1 column 0", None),
        (b"\xff\xfe", 3, "Invalid JSON", None),
        (b"[" * 100_000, 3, "Invalid JSON", None),
        ("\ud800", 3, "Invalid JSON", None),
        (b"[]", 2, "Invalid request", None),
        (b'{"id":1}', 2, "Invalid request: missing field `method`", 1),
        (b'{"method":"LIST","id":1}', 2, "unknown variant `LIST`, expected one of `SUBSCRIBE`", 1),
        (b'{"method":5,"id":1}', 2, "unknown variant `5`", 1),
        (b'{"method":"SUBSCRIBE","id":1}', 2, "missing field `params`", 1),
        (b'{"method":"SUBSCRIBE","params":"x","id":1}', 2, "missing field `params`", 1),
        (b'{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "must be a string", 1),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":1.5}', 2, "request ID must be", None),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":true}', 2, "request ID must be", None),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775808}', 2, "request ID must be", None),
        (
            b'{"method":"LIST_SUBSCRIPTIONS","id":"0123456789012345678901234567890123456"}',
            2,
            "request ID must be",
            None,
        ),
        (b'{"method":"GET_PROPERTY","params":["size"],"id":1}', 0, "Unknown property", 1),
        (b'{"method":"GET_PROPERTY","params":[],"id":1}', 2, "missing parameters", 1),
        (b'{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "too many parameters", 1),
        (b'{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "property name must be a string", 1),
        (
            b'{"method":"SET_PROPERTY","params":["combined",1],"id":1}',
            1,
            "Invalid value type: expected Boolean",
            1,
        ),
    ],
)
def test_errors_are_flat(frame: bytes | str, code: int, said: str, request_id: object) -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    connection.text(frame, bench.now)
    (answer,) = wire.answers()
    assert answer["code"] == code
    assert said in answer["msg"]
    assert answer.get("id") == request_id
    assert ("id" in answer) == (code != 3)


@pytest.mark.parametrize("name", ["x", "btcusdt", "btcusdt@", "@trade", "btcusdt@nothing", ""])
def test_a_malformed_stream_is_refused_nested_and_with_all_that_came_with_it(name: str) -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", name], "id": 2}, bench.now)
    assert wire.texts() == [b'{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}']
    assert streams_of(bench) == []


def test_ids_must_be_unsigned_where_the_rules_say_so() -> None:
    bench = Bench(rules=Rules(unsigned_ids=True))
    connection, wire = bench.open("/ws")
    for request_id in ("7d9c3a52-7b0e-4f5e-9d3e-000000000001", -1, 3):
        say(connection, {"method": "LIST_SUBSCRIPTIONS", "id": request_id}, bench.now)
    assert [answer.get("code") for answer in wire.answers()] == [2, 2, None]


def test_1024_streams_and_no_more() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    names = [f"s{n}usdt@trade" for n in range(1025)]
    say(connection, {"method": "SUBSCRIBE", "params": names, "id": 1}, bench.now)
    say(connection, {"method": "SUBSCRIBE", "params": names[:1024], "id": 2}, bench.now)
    say(connection, {"method": "SUBSCRIBE", "params": names[-1:], "id": 3}, bench.now)
    say(connection, {"method": "SUBSCRIBE", "params": names[:5], "id": 4}, bench.now)
    assert [(answer["id"], "code" in answer) for answer in wire.answers()] == [
        (1, True), (2, False), (3, True), (4, False),
    ]  # fmt: skip
    assert bench.denied(f"/stream?streams={'/'.join(names)}").status == 400


def test_unsubscribing_a_malformed_stream_is_refused() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws/btcusdt@trade")
    say(connection, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade", "x"], "id": 2}, bench.now)
    assert wire.texts() == [b'{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}']
    assert streams_of(bench) == ["btcusdt@trade"]


def test_subscribing_twice_delivers_once_and_unsubscribing_ends_it() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws/btcusdt@trade")
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@trade"], "id": 1}, bench.now)
    bench.run(5)
    ids = [msgspec.json.decode(text)["t"] for text in wire.texts()[1:]]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    say(connection, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}, bench.now)
    known = len(wire.texts())
    bench.run(10)
    assert len(wire.texts()) == known
    assert len(bench.twin._shared.board) == 0


def test_a_step_sends_quotes_then_trades_then_aggregates_and_diffs_come_last() -> None:
    bench = Bench()
    kinds = ("depth@100ms", "aggTrade", "trade", "bookTicker")
    _, wire = bench.open("/ws/" + "/".join(f"btcusdt@{kind}" for kind in kinds))
    bench.run(20)
    order: dict[int, list[str]] = {}
    for at, how, data in wire.said:
        if how == "text":
            order.setdefault(at, []).append(msgspec.json.decode(data).get("e", "bookTicker"))
    wanted = ["bookTicker", "trade", "aggTrade", "depthUpdate"]
    assert all(names == sorted(names, key=wanted.index) for names in order.values())
    assert any("trade" in names and "bookTicker" in names for names in order.values())


# --- pings


def test_rule_3_a_ping_every_20_s_with_the_venues_milliseconds() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    for at in (20, 40, 60):
        bench.run(at)
        at_ns, how, payload = wire.said[-1]
        assert (at_ns, how) == (START + at * NS_PER_S, "ping")
        assert payload == str(at_ns // NS_PER_MS).encode()
        assert len(payload) == 13
        connection.pong(payload, bench.now)
    assert len(wire.said) == 3


def test_rule_3_without_its_pong_the_connection_ends_60_s_after_the_ping() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    for at in (20.5, 40.5, 60.5):
        bench.run(at)
        connection.pong(b"", bench.now)
        connection.pong(b"1234567890123", bench.now)
    bench.run(79.999)
    assert not wire.ended()
    bench.run(80)
    assert wire.said[-1] == (START + 80 * NS_PER_S, "close", b"1008 Pong timeout")
    assert bench.twin.connections == []


def test_rule_3_a_pong_answers_the_pings_before_its_own() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    bench.run(61)
    connection.pong(wire.said[1][2], bench.now)
    bench.run(119)
    assert not wire.ended()
    bench.run(120)
    assert wire.ended()


# --- limits


def test_rule_2_the_sixth_message_in_a_second_ends_the_connection() -> None:
    bench = Bench()
    connection, wire = bench.open("/ws")
    bench.run(0.1)
    connection.text(b"{}", bench.now)
    assert connection.ping(b"a", bench.now)
    connection.pong(b"a", bench.now)
    connection.text(b"x", bench.now)
    connection.text(b"x", bench.now)
    bench.run(1.1)
    assert connection.ping(b"b", bench.now)
    assert not wire.ended()
    for _ in range(4):
        connection.pong(b"", bench.now)
    assert not wire.ended()
    assert not connection.ping(b"c", bench.now)
    assert wire.said[-1][1:] == ("close", b"1008 Too many requests")
    connection.text(b"{}", bench.now)
    assert wire.ended()


def test_repeat_offenders_are_banned_and_longer_each_time() -> None:
    bench = Bench(rules=Rules(offences=2))

    def offend() -> None:
        connection, _ = bench.open()
        for _ in range(6):
            connection.pong(b"", bench.now)

    for length in (120, 240):
        offend()
        offend()
        denied = bench.denied()
        assert (denied.status, denied.headers["Retry-After"]) == (418, str(length))
        assert bench.get("/api/v3/ping").status == 418
        bench.open(address="127.0.0.2")[0].closed(bench.now)
        bench.run((bench.now - START) / NS_PER_S + length)


def test_offences_far_apart_are_forgiven() -> None:
    bench = Bench(rules=Rules(offences=2))
    for _ in range(3):
        connection, _ = bench.open()
        for _ in range(6):
            connection.pong(b"", bench.now)
        bench.run((bench.now - START) / NS_PER_S + 300)
    bench.open()


def test_who_keeps_trying_is_let_in_when_he_pauses_for_the_window() -> None:
    bench = Bench(rules=Rules(connections=3, connection_window_s=10))
    for _ in range(50):
        bench.twin.upgrade("/ws", ADDRESS, bench.now)
    denied = bench.denied()
    assert (denied.status, denied.headers["Retry-After"]) == (429, "10")
    bench.run(10)
    bench.open()


def test_300_attempts_in_five_minutes_and_no_more() -> None:
    bench = Bench()
    for _ in range(300):
        bench.open("/ws")[0].closed(bench.now)
    bench.run(1)
    denied = bench.denied()
    assert (denied.status, denied.headers["Retry-After"]) == (429, "299")
    bench.open("/ws", address="127.0.0.2")
    bench.run(299.9)
    assert bench.denied().status == 429
    bench.run(300)
    bench.open("/ws")


def test_rule_4_a_connection_ends_after_24_hours() -> None:
    bench = Bench(rules=Rules(life_s=50.0), rate=0.1)
    connection, wire = bench.open("/ws")
    for at in (20, 40):
        bench.run(at)
        connection.pong(wire.said[-1][2], bench.now)
    bench.run(49.999)
    assert not wire.ended()
    bench.run(50)
    assert wire.said[-1][1:] == ("close", b"1001 24 hours are over")


# --- ends


def test_a_client_that_leaves_is_forgotten() -> None:
    bench = Bench()
    for _ in range(50):
        connection, _ = bench.open()
        bench.run((bench.now - START) / NS_PER_S + 1)
        connection.closed(bench.now)
        connection.closed(bench.now)
        connection.text(b"{}", bench.now)
    assert bench.twin.connections == []
    assert len(bench.twin._shared.board) == 0
    bench.run(200)
    assert len(bench.twin._agenda) == 0
    assert bench.twin.state(bench.now)["endings"] == {"gone": 50}


def test_a_client_that_goes_before_it_is_attached() -> None:
    bench = Bench()
    found = bench.twin.upgrade("/ws", ADDRESS, bench.now)
    assert isinstance(found, Connection)
    found.closed(bench.now)
    assert bench.twin.connections == []


def test_the_state_says_what_stands() -> None:
    bench = Bench(Fault(kind="slow", at_s=100, for_s=3))
    bench.open("/ws/btcusdt@trade")
    bench.run(5)
    bench.get("/api/v3/ping")
    state = msgspec.json.decode(msgspec.json.encode(bench.twin.state(bench.now)))
    assert state["connections"][0]["streams"] == ["btcusdt@trade"]
    assert state["connections"][0]["frames"] == state["frames"] > 0
    assert state["faults"][0]["fault"]["kind"] == "slow"
    assert state["limits"][ADDRESS]["weight"] == 1
    assert (state["accepted"], state["requests"], state["world_lag_ns"]) == (1, 1, 0)


def test_the_deadline_is_that_of_the_next_thing() -> None:
    bench = Bench(rules=Rules(ping_every_s=0.05))
    bench.twin.advance(bench.now)
    assert bench.twin.deadline() == bench.now + 100 * NS_PER_MS
    connection, _ = bench.open("/ws/btcusdt@depth")
    assert bench.twin.deadline() == bench.now + 50 * NS_PER_MS
    say(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, bench.now)
    due = min(bench.world.next_at(), bench.now + 50 * NS_PER_MS)
    assert due <= bench.twin.deadline() <= due + NS_PER_MS
    say(connection, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, bench.now)
    assert bench.twin.deadline() == bench.now + 50 * NS_PER_MS
    bench.faults.add(Fault(kind="cut"), bench.now)
    assert bench.twin.deadline() == bench.now
    bench.twin.advance(bench.now)
    assert bench.twin.connections == []
