"""Coinbase's twin on both wires is a function of seed, plan and calls, and loses nothing that is not in its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from coinbase_advanced_bench import AdvancedBench
from coinbase_twin_bench import BTC, CHANNELS, ETH, CoinbaseBench
from hypothesis import given, settings
from hypothesis import strategies as st
from twin_bench import ADDRESS, START, NotingWire, Said

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, Kind, random_plan
from bethna.twins.line import Connection
from bethna.twins.registry import VENUES

SPAN_S = 8.0
END = round(SPAN_S * NS_PER_S)
WIRES = ("coinbase", "coinbase_advanced")
BOOK_PATH = {
    "coinbase": f"/products/{BTC}/book?level=2",
    "coinbase_advanced": f"/api/v3/brokerage/market/product_book?product_id={BTC}",
}
seeds = st.integers(0, 2**32)


def plan_of(wire: str, seed: int) -> tuple[Fault, ...]:
    """Of all kinds that the wire can have, sometimes with a rename."""
    rng = Random(seed)
    words = VENUES[wire].words
    plan = random_plan(rng, span_s=SPAN_S, symbols=(BTC, ETH), words=words, most=5)
    if rng.random() < 0.3:
        plan += (Fault(kind="rename", at_s=rng.uniform(0, SPAN_S), symbol=BTC, to="XBT-USD"),)
    return plan


def made(wire: str, seed: int, plan: Sequence[Fault]) -> CoinbaseBench | AdvancedBench:
    if wire == "coinbase":
        return CoinbaseBench(*plan, seed=seed % 100, rate=12.0)
    return AdvancedBench(*plan, seed=seed % 100, rate=12.0)


def subscribe(bench: CoinbaseBench | AdvancedBench, connection: Connection) -> None:
    if isinstance(bench, CoinbaseBench):
        message = {
            "type": "subscribe",
            "product_ids": [BTC, ETH],
            "channels": [*CHANNELS, "ticker_batch", "status"],
        }
        connection.text(msgspec.json.encode(message), bench.now)
        return
    for channel in ("level2", "market_trades", "ticker", "candles", "heartbeats"):
        message = {"type": "subscribe", "product_ids": [BTC, ETH], "channel": channel}
        connection.text(msgspec.json.encode(message), bench.now)


def told(wire: str, seed: int, at: Sequence[int], calls: Sequence[int]) -> tuple[list[list[Said]], object]:
    """All that is said when time is cut at `at`, with a client that comes and asks at each of `calls`."""
    bench = made(wire, seed, plan_of(wire, seed))
    wires: list[NotingWire] = []
    answers: list[object] = []
    for when in sorted({*at, *calls, END}):
        bench.now = START + when
        if when not in calls:
            bench.twin.advance(bench.now)
            continue
        found = bench.twin.upgrade("/", ADDRESS, bench.now)
        if isinstance(found, Connection):
            noting = NotingWire(bench.world)
            found.attach(noting, bench.now)
            wires.append(noting)
            if when % 3:
                subscribe(bench, found)
        else:
            answers.append(found)
        answers.append(bench.twin.http("GET", BOOK_PATH[wire], {"User-Agent": "x"}, ADDRESS, bench.now))
    state = bench.twin.state(bench.now)
    return [each.said for each in wires], (answers, bench.twin.losses, state["endings"], state["damage"])


@pytest.mark.parametrize("wire", WIRES)
@given(
    seeds, st.lists(st.integers(0, END), max_size=20), st.lists(st.integers(0, END), min_size=1, max_size=3)
)
@settings(max_examples=12)
def test_time_may_be_cut_anywhere(wire: str, seed: int, at: list[int], calls: list[int]) -> None:
    assert told(wire, seed, at, calls) == told(wire, seed, [], calls)


@pytest.mark.parametrize("wire", WIRES)
@given(seeds)
@settings(max_examples=12)
def test_every_frame_of_the_world_without_faults_came_or_is_in_the_ledger(wire: str, seed: int) -> None:
    """Frames that were due and did not come are no more than the ledger says."""
    kinds: tuple[Kind, ...] = ("missing_trades", "missing_diff", "slow", "duplicate", "reorder", "fragmented")
    plan = random_plan(Random(seed), span_s=SPAN_S, symbols=(BTC, ETH), kinds=kinds, streams=("",), most=4)
    wires = []
    losses = 0
    for faults in ((), plan):
        bench = made(wire, seed, faults)
        bench.run(0.5)
        connection, noting = bench.open()
        subscribe(bench, connection)
        bench.run(SPAN_S + 60 * bool(faults))
        wires.append([plain(text) for text in noting.texts()])
        losses = len(bench.twin.losses)
    whole, came = wires
    assert len([each for each in whole if each not in set(came)]) <= losses


def plain(text: bytes) -> bytes:
    """A frame without its number."""
    head, mark, rest = text.partition(b',"sequence_num":')
    return head + rest[rest.index(b",") :] if mark else text
