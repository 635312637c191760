"""The venue machine is a function of its seed, its plan and the calls: however time is cut, whatever clients send."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twin_bench import START, SYMBOLS, Bench, NotingWire, Said, say

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import Answer, Connection, Rules
from bethna.twins.faults import Fault, random_plan

SPAN_S = 6.0
RATE = 12.0
seeds = st.integers(0, 2**32)
cuts = st.lists(st.integers(0, round(SPAN_S * NS_PER_S)), max_size=25)


def plans(seed: int) -> tuple[Fault, ...]:
    return random_plan(Random(seed), span_s=SPAN_S, symbols=SYMBOLS, most=5)


def told(
    seed: int, plan: Sequence[Fault], at: Sequence[int], calls: Sequence[int]
) -> tuple[list[list[Said]], object]:
    """All that is said when time is cut at `at`, with a client that comes or asks at each of `calls`."""
    bench = Bench(
        *plan, seed=seed % 100, rate=RATE, rules=Rules(ping_every_s=1.1, pong_within_s=2.5, life_s=5.0)
    )
    wires: list[NotingWire] = []
    answers: list[object] = []
    for when in sorted({*at, *calls, round(SPAN_S * NS_PER_S)}):
        bench.now = START + when
        if when not in calls:
            bench.twin.advance(bench.now)
            continue
        target = "/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms/ethusdt@depth"
        found = bench.twin.upgrade(target, "127.0.0.1", bench.now)
        if isinstance(found, Connection):
            wire = NotingWire(bench.world)
            found.attach(wire, bench.now)
            wires.append(wire)
            say(found, {"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": when}, bench.now)
        else:
            answers.append(found)
        answers.append(bench.get("/api/v3/depth?symbol=BTCUSDT"))
        answers.append(bench.get("/api/v3/trades?symbol=ETHUSDT"))
    state = bench.twin.state(bench.now)
    return [wire.said for wire in wires], (answers, bench.twin.losses, state["endings"], state["damage"])


@given(seeds, cuts, st.lists(st.integers(0, round(SPAN_S * NS_PER_S)), min_size=1, max_size=3))
def test_time_may_be_cut_anywhere(seed: int, at: list[int], calls: list[int]) -> None:
    plan = plans(seed)
    assert told(seed, plan, at, calls) == told(seed, plan, [], calls)


@given(seeds, st.lists(st.sampled_from([100, 1000, 250]).map(lambda ms: ms * NS_PER_MS), max_size=5))
def test_time_may_be_cut_at_the_very_instants_where_things_happen(seed: int, steps: list[int]) -> None:
    plan = plans(seed)
    edges = [round(s * NS_PER_S) for fault in plan for s in (fault.at_s, fault.at_s + fault.for_s)]
    at = [edge + d for edge in edges for d in (-1, 0, 1) if 0 <= edge + d <= SPAN_S * NS_PER_S]
    at += [n * step for step in steps for n in range(1, int(SPAN_S * NS_PER_S / step))]
    calls = [NS_PER_S // 2, *edges[:1]]
    assert told(seed, plan, at, calls) == told(seed, plan, [], calls)


@given(seeds)
def test_what_nobody_damaged_is_whole(seed: int) -> None:
    """Frames that came and frames in the ledger are together what a venue without faults says."""
    plan = tuple(
        fault
        for fault in random_plan(
            Random(seed),
            span_s=SPAN_S,
            symbols=SYMBOLS,
            kinds=("slow", "fragmented", "duplicate", "reorder", "missing_diff", "missing_trades", "garbage"),
        )
        if not fault.raw
    )
    wires = []
    for bench in (Bench(seed=seed % 50, rate=RATE), Bench(*plan, seed=seed % 50, rate=RATE)):
        _, wire = bench.open()
        bench.run(SPAN_S + 10)
        wires.append(wire)
    whole, wire = wires
    came, due = set(wire.texts()), set(whole.texts())
    assert len(due - came) == len(bench.twin.losses)
    lost = {(damage.stream, damage.first, damage.last) for damage in bench.twin.losses}
    assert {_name(frame) for frame in due - came} == lost
    doubled = bench.twin.ledger.counts.total() - len(lost) - len(bench.twin.ledger.swapped)
    rubbish = bench.faults.struck["garbage"]
    assert len(wire.texts()) == len(whole.texts()) - len(lost) + doubled + rubbish


def _name(frame: bytes) -> tuple[str, int, int]:
    found = msgspec.json.decode(frame)
    ids = found["data"]
    first = ids.get("t", ids.get("U", ids.get("u")))
    return found["stream"], first, ids.get("t", ids.get("u"))


said_by_clients = (
    st.binary(max_size=60)
    | st.text(max_size=60)
    | st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "x"])
            | st.integers(),
            "params": st.lists(
                st.sampled_from(["btcusdt@trade", "combined", "x", "@", "!miniTicker@arr"])
                | st.text(max_size=9)
                | st.booleans(),
                max_size=4,
            ),
            "id": st.none() | st.integers() | st.text(max_size=40) | st.floats(allow_nan=False),
        },
    ).map(msgspec.json.encode)
)


@given(st.lists(said_by_clients, max_size=30))
def test_whatever_a_client_sends_is_answered_once_and_harms_nobody(frames: list[bytes | str]) -> None:
    bench = Bench(rules=Rules(messages_per_s=100))
    connection, wire = bench.open("/ws")
    _, other = bench.open("/ws/ethusdt@trade")
    for n, frame in enumerate(frames):
        connection.text(frame, bench.now)
        assert len(wire.said) == n + 1
        answer = msgspec.json.decode(wire.said[-1][2])
        assert answer.keys() in ({"result", "id"}, {"error", "id"}, {"code", "msg", "id"}, {"code", "msg"})
    bench.run(5)
    assert other.texts() == reference()


def reference() -> list[bytes]:
    if not _REFERENCE:
        bench = Bench()
        _, wire = bench.open("/ws/ethusdt@trade")
        bench.run(5)
        _REFERENCE.extend(wire.texts())
    return _REFERENCE


_REFERENCE: list[bytes] = []


_SHARED = Bench(rules=Rules(weight=10**9, connections=10**6))


@given(st.text(max_size=80), st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_any_target_and_headers_are_answered(target: str, headers: dict[str, str]) -> None:
    twin, now = _SHARED.twin, _SHARED.now
    assert twin.http("GET", f"/{target}", headers, "127.0.0.1", now).status in (200, 400, 404)
    for path in (f"/{target}", f"/ws/{target}", f"/stream?{target}", f"/stream?streams={target}"):
        found = twin.upgrade(path, "127.0.0.1", now)
        if isinstance(found, Answer):
            assert found.status in (400, 404)
        else:
            found.attach(NotingWire(_SHARED.world), now)
            found.closed(now)
    assert twin.connections == []
