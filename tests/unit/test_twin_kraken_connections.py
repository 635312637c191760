"""A connection to the simulated Kraken: status, answers, refusals that leave it as it is, heartbeats, its end."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from kraken_bench import SYMBOLS, KrakenBench, answers, frames
from twin_bench import ADDRESS

from bethna.core.clock import NS_PER_S
from bethna.twins.kraken import Answer, Rules

BTC = "BTC/USD"
BEAT = b'{"channel":"heartbeat"}'


def refused(**said: object) -> dict[str, object]:
    return {"method": "subscribe", "success": False, **said}


# --- its beginning


def test_rule_1_the_status_comes_first() -> None:
    bench = KrakenBench()
    _, wire = bench.open()
    (text,) = wire.texts()
    found = json.loads(text)
    (one,) = found["data"]
    assert text == msgspec.json.encode(
        {
            "channel": "status",
            "type": "update",
            "data": [
                {
                    "version": "2.0.10",
                    "system": "online",
                    "api_version": "v2",
                    "connection_id": one["connection_id"],
                    "upcoming_maintenance": [],
                    "emergency": [],
                }
            ],
        }
    )
    assert 2**53 < one["connection_id"] < 2**64
    _, other = bench.open()
    assert json.loads(other.texts()[0])["data"][0]["connection_id"] != one["connection_id"]


@pytest.mark.parametrize("target", ["/", "/ws", "/v1", "/v2/private", "/0/public/Time"])
def test_elsewhere_is_nothing(target: str) -> None:
    bench = KrakenBench()
    found = bench.twin.upgrade(target, ADDRESS, bench.now)
    assert isinstance(found, Answer)
    assert found.status == 404


# --- answers


def test_an_answer_byte_for_byte() -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    bench.say(connection, channel="book", symbol=[BTC], depth=25, snapshot=False, req_id=7)
    assert wire.texts()[1] == (
        b'{"method":"subscribe","req_id":7,"result":{"channel":"book","depth":25,"snapshot":false,"symbol":"BTC/USD"},'
        b'"success":true,"time_in":"2026-09-21T14:13:20.000000Z","time_out":"2026-09-21T14:13:20.000035Z"}'
    )


def test_rule_2_each_symbol_is_answered_and_its_snapshot_follows_its_own_answer() -> None:
    bench = KrakenBench()
    _, wire = bench.listen("book", SYMBOLS[0], "NO/USD", SYMBOLS[1], req_id=3)
    order = []
    for each in map(json.loads, wire.texts()[1:]):
        if "method" in each:
            assert each["req_id"] == 3
            order.append((each["success"], each.get("symbol") or each["result"]["symbol"]))
        elif each["channel"] == "book":
            order.append((each["type"], each["data"][0]["symbol"]))
    assert order == [
        (True, SYMBOLS[0]),
        ("snapshot", SYMBOLS[0]),
        (False, "NO/USD"),
        (True, SYMBOLS[1]),
        ("snapshot", SYMBOLS[1]),
    ]


@pytest.mark.parametrize(
    ("params", "result"),
    [
        ({"channel": "trade"}, {"channel": "trade", "snapshot": False}),
        ({"channel": "book"}, {"channel": "book", "depth": 10, "snapshot": True}),
        ({"channel": "ticker"}, {"channel": "ticker", "event_trigger": "trades", "snapshot": True}),
        (
            {"channel": "ticker", "event_trigger": "bbo", "snapshot": False},
            {"channel": "ticker", "event_trigger": "bbo", "snapshot": False},
        ),
        (
            {"channel": "ohlc", "interval": 5},
            {
                "channel": "ohlc",
                "interval": 5,
                "snapshot": True,
                "warnings": ["timestamp is deprecated, use interval_begin"],
            },
        ),
    ],
)
def test_what_an_answer_says_of_each_channel(params: dict[str, Any], result: dict[str, object]) -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    bench.say(connection, symbol=[BTC], **params)
    assert answers(wire) == [{"method": "subscribe", "result": {**result, "symbol": BTC}, "success": True}]


def test_a_ping_is_answered_with_its_number() -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    connection.text(b'{"method":"ping","req_id":101}', bench.now)
    connection.text(b'{"method":"ping"}', bench.now)
    assert answers(wire) == [{"method": "pong", "req_id": 101}, {"method": "pong"}]


# --- refusals


@pytest.mark.parametrize(
    ("params", "error", "symbol"),
    [
        ({"channel": "book", "symbol": ["XBT/USD"]}, "Currency pair not supported XBT/USD", "XBT/USD"),
        ({"channel": "book", "symbol": ["btc/usd"]}, "Currency pair not supported btc/usd", "btc/usd"),
        (
            {"channel": "trade", "symbol": ["XBTUSD"]},
            "Currency pair not in ISO 4217-A3 format XBTUSD",
            "XBTUSD",
        ),
        ({"channel": "book", "symbol": [BTC], "depth": 11}, "Subscription depth not supported", ""),
        ({"channel": "book", "symbol": [BTC], "depth": 10.0}, "Subscription depth not supported", ""),
        ({"channel": "book", "symbol": [BTC], "depth": True}, "Subscription depth not supported", ""),
        ({"channel": "ohlc", "symbol": [BTC], "interval": 3}, "Subscription ohlc interval not supported", ""),
        (
            {"channel": "ticker", "symbol": [BTC], "event_trigger": "all"},
            "Subscription event_trigger not supported",
            "",
        ),
        ({"channel": "trade", "symbol": [BTC], "depth": 10}, "Unsupported field", ""),
        ({"channel": "trade", "symbol": [BTC], "snapshot": "yes"}, "Unsupported field", ""),
        ({"channel": "instrument", "symbol": [BTC]}, "Unsupported field", ""),
        ({"channel": "books", "symbol": [BTC]}, "Subscription channel not supported", ""),
        ({"symbol": [BTC]}, "Subscription channel not supported", ""),
        ({"channel": "trade", "symbol": BTC}, "Missing field: symbol, expected an array of texts", ""),
        ({"channel": "trade", "symbol": [7]}, "Missing field: symbol, expected an array of texts", ""),
        ({"channel": "trade"}, "Missing field: symbol, expected an array of texts", ""),
        ({"channel": "trade", "symbol": []}, "Subscription symbols: none or too many", ""),
    ],
)
def test_rule_4_a_refusal_names_why_and_the_connection_lives(
    params: dict[str, Any], error: str, symbol: str
) -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    bench.say(connection, req_id=9, **params)
    named = {"symbol": symbol} if symbol else {}
    assert answers(wire) == [refused(error=error, req_id=9, **named)]
    bench.run(10)
    assert not wire.ended()
    assert not any(frames(wire, channel) for channel in ("book", "trade", "ticker", "ohlc"))
    bench.say(connection, channel="trade", symbol=[BTC])
    bench.run(20)
    assert len(frames(wire, "trade")) > 3


@pytest.mark.parametrize("symbol", ["XBT/USD", "XBTUSD"])
def test_rule_3_heartbeats_begin_with_a_refused_subscription_too(symbol: str) -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    bench.run(5)
    assert BEAT not in wire.texts()
    bench.say(connection, channel="book", symbol=[symbol])
    bench.run(65)
    assert wire.texts().count(BEAT) == 60


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", "Malformed request"),
        (b"{", "Malformed request"),
        (b"[1]", "Malformed request"),
        (b"7", "Malformed request"),
        (b"[" * 5000, "Malformed request"),
        (b"\xff\xfe", "Malformed request"),
        (b"{}", "Unsupported method"),
        (b'{"method":7}', "Unsupported method"),
        (b'{"method":"add_order","params":{}}', "Unsupported method"),
        (b'{"method":"subscribe"}', "Missing field: params"),
        (b'{"method":"subscribe","params":[]}', "Missing field: params"),
        (b'{"method":"subscribe","params":{},"reqid":3}', "Unsupported field"),
        (b'{"method":"ping","req_id":"7"}', "Unsupported field"),
        (b'{"method":"ping","req_id":7.0}', "Unsupported field"),
        (b'{"method":"ping","req_id":true}', "Unsupported field"),
        (b'{"method":"ping","req_id":123456789012345678901234567890}', "Unsupported field"),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_connection_lives(text: bytes, error: str) -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    connection.text(text, bench.now)
    (answer,) = answers(wire)
    assert (answer["error"], answer["success"], "req_id" in answer) == (error, False, False)
    bench.run(5)
    assert not wire.ended()


def test_rule_5_a_pair_has_one_depth_and_one_trigger_but_all_intervals() -> None:
    bench = KrakenBench()
    connection, wire = bench.open()
    for params in (
        {"channel": "book", "depth": 25},
        {"channel": "book", "depth": 25},
        {"channel": "book", "depth": 10},
        {"channel": "ticker"},
        {"channel": "ticker", "event_trigger": "bbo"},
        {"channel": "ohlc", "interval": 1},
        {"channel": "ohlc", "interval": 5},
        {"channel": "ohlc", "interval": 5},
    ):
        bench.say(connection, symbol=[BTC], **params)
    found = [each.get("error", "") for each in answers(wire)]
    again = "Already subscribed"
    assert found == ["", again, again, "", again, "", "", again]
    assert {each["symbol"] for each in answers(wire) if "error" in each} == {BTC}


def test_rule_5_unsubscribing_names_the_depth_and_then_it_may_be_asked_for_again() -> None:
    bench = KrakenBench()
    connection, wire = bench.listen("book", BTC, depth=25)
    bench.say(connection, "unsubscribe", channel="book", symbol=[BTC])
    bench.say(connection, "unsubscribe", channel="book", symbol=[BTC], depth=25, req_id=4)
    wrong, right = answers(wire)[1:]
    assert wrong == {
        "error": "Subscription not found",
        "method": "unsubscribe",
        "success": False,
        "symbol": BTC,
    }
    assert right == {
        "method": "unsubscribe",
        "req_id": 4,
        "result": {"channel": "book", "depth": 25, "symbol": BTC},
        "success": True,
    }
    said = len(frames(wire, "book"))
    bench.run(10)
    assert len(frames(wire, "book")) == said
    bench.say(connection, channel="book", symbol=[BTC], depth=10)
    assert [each["type"] for each in frames(wire, "book")][said:] == ["snapshot"]


# --- limits and its end


def test_who_says_too_much_is_told_so_and_goes_on() -> None:
    bench = KrakenBench(rules=Rules(messages_per_s=5))
    connection, wire = bench.open()
    for _ in range(8):
        connection.text(b'{"method":"ping"}', bench.now)
    found = answers(wire)
    assert [each.get("method") for each in found[:5]] == ["pong"] * 5
    assert found[5:] == [{"error": "Exceeded msg rate", "success": False}] * 3
    bench.run(2)
    connection.text(b'{"method":"ping"}', bench.now)
    assert answers(wire)[-1] == {"method": "pong"}


def test_a_minute_without_a_word_is_the_end_and_one_with_heartbeats_is_none() -> None:
    bench = KrakenBench()
    _, idle = bench.open()
    _, listening = bench.listen("trade", BTC)
    pinging, pinged = bench.open()
    for second in range(0, 200, 50):
        bench.run(second)
        pinging.text(b'{"method":"ping"}', bench.now)
    bench.run(200)
    assert idle.ended()
    assert 60 <= (idle.said[-1][0] - bench.world.start) / NS_PER_S <= 76
    assert not listening.ended()
    assert not pinged.ended()


def test_too_many_attempts_to_connect_are_kept_out_for_a_while() -> None:
    bench = KrakenBench(rules=Rules(connections=3, connection_window_s=60, ban_s=100))
    bench.run(50)
    for _ in range(3):
        bench.open()
    found = bench.twin.upgrade("/v2", ADDRESS, bench.now)
    assert isinstance(found, Answer)
    assert (found.status, found.headers["Retry-After"]) == (429, "100")
    assert not isinstance(bench.twin.upgrade("/v2", "10.0.0.1", bench.now), Answer), "addresses are apart"
    assert "banned_until_ns" in bench.twin.limits_state(bench.now)[ADDRESS]
    bench.run(149)
    assert isinstance(bench.twin.upgrade("/v2", ADDRESS, bench.now), Answer), (
        "the window is over, the ban is not"
    )
    bench.run(151)
    bench.open()
