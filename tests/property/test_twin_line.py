"""What all twins share is a function of seed, plan and calls, and loses nothing that is not in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twin_bench import ADDRESS, START, NotingWire, Said
from twin_toy import SYMBOLS, WORDS, Reader, ToyBench, checksum

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, random_plan
from bethna.twins.line import Connection, Rules

SPAN_S = 6.0
END = round(SPAN_S * NS_PER_S)
EVERY = ("trade BTC/USD", "book BTC/USD", "book ETH/USD")
RULES = Rules(ping_every_s=1.1, pong_within_s=2.5, life_s=5.0, subscribe_within_s=0.7, idle_s=1.0)
WORDS_OF_ALL = msgspec.structs.replace(WORDS, venue="coinbase")
seeds = st.integers(0, 2**32)


def plans(seed: int) -> tuple[Fault, ...]:
    """Of all kinds that pushed books can have, sometimes with a rename."""
    rng = Random(seed)
    words = rng.choice((WORDS, WORDS_OF_ALL))
    plan = random_plan(
        rng, span_s=SPAN_S, symbols=SYMBOLS, words=words, streams=("", "trade", "book"), most=5
    )
    if rng.random() < 0.3:
        plan += (Fault(kind="rename", at_s=rng.uniform(0, SPAN_S), symbol="BTC/USD", to="XBT/USD"),)
    return plan


def told(seed: int, at: Sequence[int], calls: Sequence[int]) -> tuple[list[list[Said]], object]:
    """All that is said when time is cut at `at`, with a client that comes or asks at each of `calls`."""
    bench = ToyBench(*plans(seed), seed=seed % 100, rate=12.0, rules=RULES)
    wires: list[NotingWire] = []
    answers: list[object] = []
    for when in sorted({*at, *calls, END}):
        bench.now = START + when
        if when not in calls:
            bench.twin.advance(bench.now)
            continue
        found = bench.twin.upgrade("/socket", ADDRESS, bench.now)
        if isinstance(found, Connection):
            wire = NotingWire(bench.world)
            found.attach(wire, bench.now)
            wires.append(wire)
            if when % 3:
                bench.ask(found, EVERY)
        else:
            answers.append(found)
        answers.append(bench.twin.http("GET", "/book?of=BTC/USD", {}, ADDRESS, bench.now))
    state = bench.twin.state(bench.now)
    return [wire.said for wire in wires], (answers, bench.twin.losses, state["endings"], state["damage"])


@given(
    seeds, st.lists(st.integers(0, END), max_size=25), st.lists(st.integers(0, END), min_size=1, max_size=3)
)
def test_time_may_be_cut_anywhere(seed: int, at: list[int], calls: list[int]) -> None:
    assert told(seed, at, calls) == told(seed, [], calls)


@given(seeds)
def test_what_nobody_damaged_is_whole(seed: int) -> None:
    """Without frames lost or out of order, whatever else is done to them, a client that believes nothing is content."""
    rng = Random(seed)
    plan = random_plan(
        rng, span_s=SPAN_S, symbols=SYMBOLS, kinds=("slow", "fragmented", "bad_checksum"), streams=("",)
    )
    plan = tuple(msgspec.structs.replace(fault, symbol="", share=1.0) for fault in plan)
    bench = ToyBench(*plan, seed=seed % 50, rate=12.0)
    _, wire = bench.open(*EVERY)
    bench.run(SPAN_S + 10)
    reader = Reader(wire.texts())
    spoiled = bench.twin.ledger.spoiled
    assert [what for what, _ in reader.wrongs] == ["checksum"] * len(spoiled)
    for symbol, (bids, asks) in reader.books.items():
        now_bids, now_asks = bench.world.markets[symbol].depth(10_000)
        assert checksum(bids, asks) == checksum(dict(now_bids), dict(now_asks))
        assert (bids, asks) == (dict(now_bids), dict(now_asks))


@given(st.lists(st.binary(max_size=60) | st.text(max_size=60), max_size=30))
def test_whatever_a_client_sends_is_answered_once_and_harms_nobody(frames: list[bytes | str]) -> None:
    bench = ToyBench(rules=Rules(ping_every_s=0, messages_per_s=100))
    connection, wire = bench.open()
    _, other = bench.open(*EVERY)
    for n, frame in enumerate(frames):
        connection.text(frame, bench.now)
        assert len(wire.said) == n + 2
    bench.run(3)
    assert Reader(other.texts()).wrongs == []
