"""The Deribit twin's connections: requests and refusals, subscriptions, heartbeats, limits."""

from __future__ import annotations

import msgspec
import pytest
from deribit_bench import BTC, ETH, BookReader, DeribitBench, answers, book_of, data_of, read
from hypothesis import given
from hypothesis import strategies as st
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.deribit import Rules
from bethna.twins.deribit.methods import METHODS
from bethna.twins.deribit.streams import parse
from bethna.twins.deribit.words import WORDS
from bethna.twins.line import Answer

BOOK, TRADES, TICKER = f"book.{BTC}.100ms", f"trades.{BTC}.100ms", f"ticker.{BTC}.100ms"


def seqs_of(wire: NotingWire, channel: str = TRADES) -> list[int]:
    return [trade["trade_seq"] for data in data_of(wire, channel) for trade in data]


# --- requests


def test_an_answer_is_framed_as_the_sheet_shows_it() -> None:
    bench = DeribitBench()
    connection, wire = bench.open()
    connection.text(b'{"jsonrpc":"2.0","id":"x1","method":"public/get_time"}', bench.now)
    said = (
        b'{"jsonrpc":"2.0","id":"x1","result":1790000000000,"usIn":1790000000000000,"usOut":1790000000000059,'
    )
    assert wire.texts() == [said + b'"usDiff":59,"testnet":false}']


@pytest.mark.parametrize(
    ("said", "code", "param"),
    [
        (b"{", -32700, None),
        (b"\xff", -32700, None),
        ("\ud800", -32700, None),
        (b"[" * 100_000, -32700, None),
        (b"[]", -32600, None),
        (b'{"id":1}', -32600, None),
        (b'{"id":true,"method":"public/test"}', -32600, None),
        (b'{"id":1.5,"method":"public/test"}', -32600, None),
        (b'{"id":1,"method":"public/nothing"}', -32601, None),
        (b'{"id":1,"method":"private/buy","params":{}}', 13009, None),
        (b'{"id":1,"method":"public/auth","params":{"client_id":"x"}}', 13004, None),
        (b'{"id":1,"method":"public/subscribe","params":{}}', -32602, "channels"),
        (b'{"id":1,"method":"public/subscribe","params":{"channels":"x"}}', -32602, "channels"),
        (b'{"id":1,"method":"public/subscribe","params":{"channels":[1]}}', -32602, "channels"),
        (b'{"id":1,"method":"public/subscribe","params":[]}', -32602, "channels"),
        (b'{"id":1,"method":"public/set_heartbeat","params":{"interval":9}}', -32602, "interval"),
        (b'{"id":1,"method":"public/set_heartbeat","params":{"interval":"30"}}', -32602, "interval"),
        (b'{"id":1,"method":"public/set_heartbeat"}', -32602, "interval"),
        (
            b'{"id":1,"method":"public/ticker","params":{"instrument_name":"BTC-NOTHING"}}',
            -32602,
            "instrument_name",
        ),
        (b'{"id":1,"method":"public/ticker","params":{"instrument_name":[]}}', -32602, "instrument_name"),
    ],
)
def test_what_cannot_be_answered_is_an_error_on_a_healthy_socket(
    said: bytes | str, code: int, param: str | None
) -> None:
    bench = DeribitBench()
    connection, wire = bench.open()
    connection.text(said, bench.now)
    (answer,) = answers(wire)
    assert answer["error"]["code"] == code
    assert answer["error"].get("data", {}).get("param") == param
    assert ("id" in answer) == (code not in (-32700, -32600))
    assert not wire.ended()


def test_the_heartbeat_that_is_too_short_is_refused_in_the_sheets_words() -> None:
    bench = DeribitBench()
    connection, wire = bench.open()
    bench.ask(connection, "public/set_heartbeat", interval=9)
    assert answers(wire)[0]["error"] == {
        "code": -32602,
        "data": {"reason": "value must be >= 10", "param": "interval"},
        "message": "Invalid params",
    }


# --- subscriptions


@pytest.mark.parametrize(
    ("name", "suffix", "symbol"),
    [
        (TRADES, "trades.100ms", BTC),
        (f"book.{BTC}.agg2", "book.agg2", BTC),
        (f"book.{BTC}.none.10.100ms", "book.none.10.100ms", BTC),
        (f"book.{BTC}.25.20.agg2", "book.25.20.agg2", BTC),
        (f"ticker.{ETH}.agg2", "ticker.agg2", ETH),
        (f"quote.{BTC}", "quote", BTC),
        (f"chart.trades.{BTC}.1D", "chart.trades.1D", BTC),
        (f"perpetual.{BTC}.100ms", "perpetual.100ms", BTC),
        ("trades.option.BTC.100ms", "trades.100ms", ""),
        ("trades.any.any.agg2", "trades.agg2", ""),
        ("deribit_price_index.btc_usd", "deribit_price_index", ""),
        ("deribit_volatility_index.eth_usd", "deribit_volatility_index", ""),
        ("markprice.options.btc_usd", "markprice.options", ""),
        ("instrument.state.option.BTC", "instrument.state", ""),
        ("platform_state", "platform_state", ""),
    ],
)
def test_channels_that_there_are(name: str, suffix: str, symbol: str) -> None:
    exchange = DeribitBench().twin.exchange
    channel = parse(name, exchange.contracts, exchange.currencies)
    assert channel is not None
    assert (channel.name, channel.suffix, channel.symbol) == (name, suffix, symbol)
    assert suffix in WORDS.streams


NOT_CHANNELS = (
    "", "x", "book", f"book.{BTC}", f"book.{BTC}.10ms", f"book.{BTC}.3.10.100ms", f"book.{BTC}.none.7.100ms",
    "book.BTC-NOTHING.100ms", "book.SOL-PERPETUAL.100ms", f"trade.{BTC}.100ms", f"trades.{BTC}", f"quote.{BTC}.100ms",
    "quote.X", "trades.option.SOL.100ms", "trades.options.BTC.100ms", "deribit_price_index.sol_usd",
    "deribit_price_index.BTC_USD", f"chart.trades.{BTC}.2", f"ticker.{BTC.lower()}.100ms", "instrument.state.option.X",
    "platform_state.x", f"perpetual.{BTC}", "a" * 10_000, f" {BOOK}", f"{BOOK}\n",
)  # fmt: skip


def test_rule_1_what_is_no_channel_is_left_out_without_a_word() -> None:
    bench = DeribitBench()
    option = bench.options()[0]
    _, wire = bench.open(*NOT_CHANNELS, f"book.{option}.10.10.100ms", f"perpetual.{option}.100ms", TICKER)
    assert answers(wire)[0]["result"] == [TICKER]
    assert "error" not in answers(wire)[0]


def test_rule_1_the_result_is_in_reverse_order_and_so_is_what_comes_first() -> None:
    bench = DeribitBench()
    _, wire = bench.open(BOOK, TICKER, TRADES, f"ticker.{ETH}.100ms", f"book.{BTC}.none.1.100ms")
    ack, *first = read(wire)
    assert ack["result"] == [
        TRADES, f"ticker.{ETH}.100ms", TICKER, f"book.{BTC}.none.1.100ms", BOOK,
    ]  # fmt: skip
    assert [each["params"]["channel"] for each in first] == ack["result"][1:]


def test_rule_2_raw_is_refused_whole() -> None:
    bench = DeribitBench()
    _, wire = bench.open(f"book.{BTC}.raw", TICKER)
    bench.run(5)
    (answer,) = read(wire)
    assert answer["error"]["code"] == 13778
    assert bench.twin.connections[0].topics == {}


def test_subscribing_twice_says_nothing_twice() -> None:
    bench = DeribitBench()
    connection, wire = bench.open(BOOK, TRADES)
    bench.run(3)
    bench.ask(connection, "public/subscribe", channels=[BOOK, BOOK, TRADES])
    assert answers(wire)[-1]["result"] == [TRADES, BOOK]
    bench.run(6)
    assert [each["type"] for each in data_of(wire, BOOK)].count("snapshot") == 1
    seqs = seqs_of(wire)
    assert seqs == sorted(set(seqs))


def test_unsubscribing_names_what_was_subscribed_and_subscribing_anew_brings_a_snapshot() -> None:
    bench = DeribitBench()
    connection, wire = bench.open(BOOK, TICKER)
    bench.run(2)
    bench.ask(connection, "public/unsubscribe", channels=[BOOK, TRADES, "x"])
    assert answers(wire)[-1]["result"] == [BOOK]
    known = len(data_of(wire, BOOK))
    bench.run(4)
    assert len(data_of(wire, BOOK)) == known
    bench.ask(connection, "public/subscribe", channels=[BOOK])
    bench.run(6)
    assert data_of(wire, BOOK)[known]["type"] == "snapshot"
    assert "prev_change_id" not in data_of(wire, BOOK)[known]
    reader = BookReader(data_of(wire, BOOK))
    assert reader.gaps == []
    assert (reader.bids, reader.asks) == book_of(bench, BTC)
    bench.ask(connection, "public/unsubscribe_all")
    assert answers(wire)[-1]["result"] == "ok"
    assert connection.topics == {}


def test_at_most_500_channels_in_one_call() -> None:
    bench = DeribitBench()
    _, wire = bench.open(*(f"ticker.X{n}.100ms" for n in range(501)))
    assert answers(wire)[0]["error"]["code"] == -32602


# --- heartbeats


def test_rule_3_a_client_that_answers_lives_and_hears_heartbeats() -> None:
    bench = DeribitBench()
    connection, wire = bench.open(TICKER)
    bench.ask(connection, "public/set_heartbeat", interval=10)
    assert answers(wire)[-1]["result"] == "ok"
    for second in range(1, 100):
        bench.run(second)
        if read(wire)[-1].get("params", {}).get("type") == "test_request":
            bench.ask(connection, "public/test")
    assert not wire.ended()
    beats = [(at, text) for at, _, text in wire.said if b'"method":"heartbeat"' in text]
    assert [(at - START) // NS_PER_S for at, _ in beats] == [
        at for n in range(1, 10) for at in (10 * n, 10 * n)
    ]
    assert beats[0][1] == b'{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}'
    assert beats[1][1] == b'{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}'


def test_rule_3_who_does_not_answer_is_closed_whatever_else_is_said() -> None:
    bench = DeribitBench()
    connection, wire = bench.open(TICKER)
    bench.ask(connection, "public/set_heartbeat", interval=15)
    bench.run(20)
    bench.ask(connection, "public/get_time")
    bench.run(40)
    assert wire.said[-1] == (START + 25 * NS_PER_S, "close", b"1001 heartbeat")
    assert bench.twin.state(bench.now)["endings"] == {"no_test": 1}


def test_rule_3_a_heartbeat_may_be_changed_and_ended() -> None:
    bench = DeribitBench()
    connection, wire = bench.open(TICKER)
    bench.ask(connection, "public/set_heartbeat", interval=10)
    bench.run(11)
    bench.ask(connection, "public/disable_heartbeat")
    bench.run(60)
    assert not wire.ended()
    assert sum(b'"heartbeat"' in text for text in wire.texts()) == 2
    bench.ask(connection, "public/set_heartbeat", interval=30)
    bench.ask(connection, "public/set_heartbeat", interval=20)
    bench.run(85)
    assert sum(b'"heartbeat"' in text for text in wire.texts()) == 4


def test_who_says_and_hears_nothing_is_closed_after_ten_minutes() -> None:
    bench = DeribitBench()
    _, wire = bench.open()
    bench.run(590)
    assert not wire.ended()
    bench.run(800)
    assert wire.said[-1][1:] == ("close", b"1001 inactivity")


# --- limits


def test_rule_4_too_many_requests_are_answered_and_end_the_session() -> None:
    bench = DeribitBench()
    connection, wire = bench.open()
    for _ in range(101):
        bench.ask(connection, "public/get_time")
    assert [("error" in each) for each in answers(wire)] == [False] * 100 + [True]
    assert answers(wire)[-1]["error"] == {"code": 10028, "message": "too_many_requests"}
    assert wire.ended()
    assert bench.get("get_time").status == 400
    bench.run(1)
    assert bench.get("get_time").status == 200


def test_subscriptions_and_listings_have_pools_of_their_own() -> None:
    bench = DeribitBench()
    connection, wire = bench.open()
    for n in range(11):
        bench.ask(connection, "public/subscribe", channels=[f"ticker.X{n}.100ms"])
    assert [("error" in each) for each in answers(wire)] == [False] * 10 + [True]
    statuses = [bench.get("get_instruments", currency="BTC").status for _ in range(51)]
    assert statuses == [200] * 50 + [400]
    assert bench.get("get_time").status == 200


def test_an_address_holds_so_many_connections() -> None:
    bench = DeribitBench(rules=Rules(connections=3))
    first, _ = bench.open()
    bench.open()
    bench.open()
    found = bench.twin.upgrade("/ws/api/v2", ADDRESS, bench.now)
    assert isinstance(found, Answer)
    assert found.status == 429
    bench.open(address="127.0.0.2")
    first.closed(bench.now)
    bench.open()


@pytest.mark.parametrize("target", ["/", "/ws", "/ws/api/v1", "/api/v2/public/get_time"])
def test_elsewhere_is_no_socket(target: str) -> None:
    bench = DeribitBench()
    found = bench.twin.upgrade(target, ADDRESS, bench.now)
    assert isinstance(found, Answer)
    assert found.status == 404


# --- whatever is said


NAMES = st.sampled_from([BTC, ETH, BOOK, TICKER, "BTC", "any", "1", "1D", "btc_usd", "platform_state", ""])
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.dictionaries(
    st.sampled_from(
        ["channels", "interval", "instrument_name", "currency", "kind", "depth", "count", "start_seq", "end_seq",
         "start_timestamp", "end_timestamp", "resolution", "sorting", "index_name"]
    ) | st.text(),
    VALUES,
    max_size=6,
)  # fmt: skip
ASKED = [*METHODS, "public/subscribe", "public/unsubscribe", "public/unsubscribe_all", "public/set_heartbeat"]


@given(
    st.lists(st.tuples(st.sampled_from(ASKED), VALUES, PARAMS), min_size=1, max_size=8),
    st.binary(max_size=60),
)
def test_every_request_is_answered_once_whatever_it_says(
    said: list[tuple[str, object, dict[str, object]]], rubbish: bytes
) -> None:
    bench = DeribitBench().run(0.5)
    connection, wire = bench.open()
    for method, request_id, params in said:
        known = len(answers(wire))
        connection.text(
            msgspec.json.encode({"id": request_id, "method": method, "params": params}), bench.now
        )
        assert len(answers(wire)) == known + 1
        query = {name: str(value) for name, value in params.items()}
        assert bench.get(method.removeprefix("public/"), **query).status in (200, 400)
    connection.text(rubbish, bench.now)
    bench.run(1.5)
    assert not wire.ended()
