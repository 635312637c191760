"""However time is cut and whatever a client says, the simulated Kraken is a function of its seed, and does not fall."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from kraken_bench import SYMBOLS, KrakenBench, answers
from twin_bench import ADDRESS, START

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import random_plan
from bethna.twins.kraken import WORDS

SPAN_S = 10.0
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NEARLY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"method": st.sampled_from(["subscribe", "unsubscribe", "ping"]) | ANY_JSON},
    optional={
        "req_id": st.integers() | ANY_JSON,
        "params": ANY_JSON
        | st.fixed_dictionaries(
            {"channel": st.sampled_from(["trade", "book", "ticker", "ohlc", "instrument"]) | ANY_JSON},
            optional={
                "symbol": st.lists(st.sampled_from(SYMBOLS) | st.text(max_size=6), max_size=4) | ANY_JSON,
                "depth": st.sampled_from([10, 25]) | ANY_JSON,
                "interval": st.sampled_from([1, 5]) | ANY_JSON,
                "event_trigger": st.sampled_from(["bbo", "trades"]) | ANY_JSON,
                "snapshot": st.booleans() | ANY_JSON,
            },
        ),
    },
)


def test_time_may_be_cut_anywhere(seed: int) -> None:
    rng = Random(seed)
    for n in range(6):
        plan = random_plan(rng, span_s=SPAN_S, symbols=SYMBOLS, words=WORDS, streams=("", "book*", "trade"))
        told = []
        for cuts in (0, 40):
            bench = KrakenBench(*plan, seed=n)
            connection, wire = bench.open()
            for channel in ("trade", "book", "ticker", "ohlc"):
                bench.say(connection, channel=channel, symbol=list(SYMBOLS))
            for at in sorted(Random(n).uniform(0, SPAN_S) for _ in range(cuts)):
                bench.run(at)
            bench.run(SPAN_S)
            told.append((wire.said, bench.twin.losses))
        assert told[0] == told[1]
        assert told[0][0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=40) | NEARLY.map(msgspec.json.encode) | ANY_JSON.map(json.dumps), max_size=6)
)
def test_every_message_has_an_answer_and_nothing_falls(messages: list[bytes | str]) -> None:
    bench = KrakenBench(rate=5.0)
    connection, wire = bench.open()
    for message in messages:
        before = len(answers(wire))
        connection.text(message, bench.now)
        assert len(answers(wire)) > before
    bench.run(2)
    assert not wire.ended()
    for text in wire.texts():
        msgspec.json.decode(text)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*WORDS.endpoints, "/0/public/", "/"]),
    st.dictionaries(
        st.sampled_from(["pair", "asset", "interval", "since", "count"]) | st.text(max_size=5),
        st.sampled_from(["XBTUSD", "XBTUSD,SHIBUSD", "1", "0", str(START), "-1", ""]) | st.text(max_size=12),
        max_size=4,
    ),
)
def test_every_request_has_an_answer(path: str, words: dict[str, str]) -> None:
    bench = KrakenBench(rate=5.0).run(3)
    query = "&".join(f"{name}={value}" for name, value in words.items())
    answer = bench.twin.http("GET", f"{path}?{query}", {}, ADDRESS, START + 3 * NS_PER_S)
    assert answer.status == 200
    assert json.loads(answer.body).keys() <= {"error", "result"}
