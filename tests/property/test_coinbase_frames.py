"""Frames written from the protocol sheet come back as the facts they were written from, on both wires of Coinbase.

And whatever bytes arrive, in whatever order, the connection gives sound facts or WireError, and no change of a book
that it has declared doubtful.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from coinbase_sheet import (
    CANDLE_ROW,
    HEARTBEAT,
    MATCH,
    NOW,
    SNAPSHOT,
    TICKER,
    TICKER_ROW,
    UPDATE,
    ack,
    book,
    frame,
    heartbeat,
    row,
    trades,
    wire,
)
from hypothesis import example, given
from hypothesis import strategies as st
from sound_facts import MAX_INT, Event, answer, assert_sound, hear, places
from spelt_frames import json_values

from bethna.core.instrument import instrument_id
from bethna.core.market import BookDelta, BookSnapshot, Trade
from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec
from bethna.venues.coinbase.counting import AFTER_LOSS, LATE, NEXT, Count
from bethna.venues.coinbase.times import instant

prices = st.integers(1, 10**15).map(lambda units: f"{units // 10**6}.{units % 10**6:06d}")
amounts = st.integers(0, 10**15).map(lambda units: f"{units // 10**8}.{units % 10**8:08d}")
levels = st.lists(st.tuples(prices, amounts), max_size=20)
products = st.sampled_from(["BTC-USD", "ETH-USD", "BAND-GBP"])
ids = st.integers(0, MAX_INT)


@st.composite
def times(draw: st.DrawFn) -> tuple[str, int]:
    """A time as the venue writes it (trailing zeros trimmed), and its nanoseconds."""
    second = draw(st.integers(1, 2**33 - 1))
    fraction = draw(st.integers(0, 10**9 - 1))
    text = f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}"
    digits = f"{fraction:09d}".rstrip("0")
    return (f"{text}.{digits}Z" if digits else f"{text}Z"), second * 10**9 + fraction


@given(times())
def test_a_time_comes_back_to_the_nanosecond(said: tuple[str, int]) -> None:
    text, ts = said
    assert instant(text) == ts


def floats(rows: list[tuple[str, str]]) -> list[tuple[float, float]]:
    return [(float(price), float(amount)) for price, amount in rows]


def name(product: str) -> str:
    return instrument_id(product, "coinbase")


@given(products, prices, amounts, ids, st.sampled_from(["buy", "sell"]), times())
def test_a_trade_of_either_wire_is_the_same_trade(
    product: str, price: str, size: str, trade_id: int, maker: str, said: tuple[str, int]
) -> None:
    text, ts = said
    taker = "sell" if maker == "buy" else "buy"
    expected = (name(product), float(price), float(size), taker, trade_id, ts, NOW)
    match = {
        **MATCH,
        "product_id": product,
        "price": price,
        "size": size,
        "trade_id": trade_id,
        "side": maker,
        "time": text,
    }
    (one,) = ExchangeCodec().connection(1).decode(wire(match), NOW)
    said_row = row(trade_id, maker.upper(), product) | {"price": price, "size": size, "time": text}
    (two,) = AdvancedCodec().connection(1).decode(wire(trades(0, said_row)), NOW)
    for fact in (one, two):
        assert isinstance(fact, Trade)
        found = (
            fact.instrument,
            fact.price,
            fact.quantity,
            fact.side,
            fact.trade_id,
            fact.ts_event,
            fact.ts_recv,
        )
        assert found == expected


@given(products, levels, levels, times())
def test_a_change_of_either_wire_is_the_same_change(
    product: str, bids: list[tuple[str, str]], asks: list[tuple[str, str]], said: tuple[str, int]
) -> None:
    text, ts = said
    changes = [("buy", *each) for each in bids] + [("sell", *each) for each in asks]
    Random(len(changes)).shuffle(changes)
    said_bids, said_asks = (
        floats([(price, amount) for way, price, amount in changes if way == side]) for side in ("buy", "sell")
    )
    update = {"type": "l2update", "product_id": product, "changes": changes, "time": text}
    (one,) = ExchangeCodec().connection(3).decode(wire(update), NOW)
    rows = [
        {"side": "bid" if side == "buy" else "offer", "price_level": price, "new_quantity": amount}
        for side, price, amount in changes
    ]
    event = {"type": "update", "product_id": product, "updates": rows}
    (two,) = AdvancedCodec().connection(3).decode(wire(frame("l2_data", 0, event) | {"timestamp": text}), NOW)
    for fact in (one, two):
        assert fact == BookDelta(instrument_id(product, "coinbase"), -1, -1, said_bids, said_asks, ts, NOW, 3)


@given(levels, levels, st.randoms(use_true_random=False))
def test_a_snapshot_is_its_levels_best_first(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], rng: Random
) -> None:
    by_bid, by_ask = dict(floats(bids)), dict(floats(asks))
    for side in (one_each_bids := list(by_bid.items()), one_each_asks := list(by_ask.items())):
        rng.shuffle(side)
    said = {"type": "snapshot", "product_id": "BTC-USD", "bids": one_each_bids, "asks": one_each_asks}
    (one,) = ExchangeCodec().connection(1).decode(wire(said), NOW)
    rows = [
        {"side": side, "price_level": price, "new_quantity": amount}
        for side, book_side in (("bid", one_each_bids), ("offer", one_each_asks))
        for price, amount in book_side
    ]
    event = {"type": "snapshot", "product_id": "BTC-USD", "updates": rows}
    (two,) = AdvancedCodec().connection(1).decode(wire(frame("l2_data", 0, event)), NOW)
    for fact in (one, two):
        assert isinstance(fact, BookSnapshot)
        assert fact.bids == sorted(((p, q) for p, q in by_bid.items() if q), reverse=True)
        assert fact.asks == sorted((p, q) for p, q in by_ask.items() if q)
        assert fact.limit == max(len(fact.bids), len(fact.asks)) + 1


@given(st.lists(st.tuples(st.integers(1, 50), products), max_size=30, unique=True))
def test_trades_of_one_message_ascend(rows: list[tuple[int, str]]) -> None:
    said = trades(0, *(row(number, product=product) for number, product in rows))
    facts = AdvancedCodec().connection(1).decode(wire(said), NOW)
    found = [(fact.trade_id, fact.instrument) for fact in facts if isinstance(fact, Trade)]
    assert [number for number, _ in found] == sorted(number for number, _ in rows)
    assert sorted(found) == sorted((number, name(product)) for number, product in rows)


# --- the count


@given(st.lists(st.integers(0, 12), max_size=60))
def test_the_count_believes_in_order_and_names_every_loss(numbers: list[int]) -> None:
    count = Count()
    newest = -1
    for number in numbers:
        before = count.expected
        place = count.take(number)
        if place is NEXT:
            assert before in (None, number)
        elif place is LATE:
            assert before is not None
            assert 0 < number < before
            assert count.expected == before
            continue
        else:
            assert place is AFTER_LOSS
            assert number != before
        newest = number
        assert count.expected == newest + 1


@given(st.lists(st.integers(0, 300), min_size=1, max_size=100, unique=True).map(sorted))
def test_a_count_that_only_rises_is_lossy_exactly_at_its_gaps(numbers: list[int]) -> None:
    count = Count()
    places = [count.take(number) for number in numbers]
    expected = [NEXT] + [NEXT if after == before + 1 else AFTER_LOSS for before, after in pairwise(numbers)]
    assert places == expected


# --- any bytes at all


EXCHANGE_SAID: list[dict[str, Any]] = [
    SNAPSHOT,
    UPDATE,
    MATCH,
    HEARTBEAT,
    TICKER | {"best_bid_size": "1", "best_ask_size": "2"},
    {**MATCH, "type": "last_match"},
    {"type": "subscriptions", "channels": [{"name": "level2_50", "product_ids": ["BTC-USD"]}]},
    {"type": "error", "message": "Failed to subscribe", "reason": "FOO-USD is not a valid product"},
    {"type": "open", "product_id": "BTC-USD"},
]
ADVANCED_SAID: list[dict[str, Any]] = [
    book(0, "snapshot"),
    book(1),
    book(2, "snapshot", "ETH-USD"),
    trades(3, row(2), row(1)),
    heartbeat(4),
    ack(5, level2=["BTC-USD"], heartbeats=["heartbeats"]),
    frame("ticker", 6, {"type": "snapshot", "tickers": [TICKER_ROW]}),
    frame("candles", 7, {"type": "snapshot", "candles": [CANDLE_ROW]}),
    frame("status", 8),
    {"type": "error", "message": "authentication failure"},
]
PATHS = (
    "/products",
    "/products/BTC-USD/book?level=2",
    "/products/BTC-USD/trades?limit=5",
    "/products/BTC-USD/candles?granularity=60&start=2026-09-30T00:00:00Z",
    "/time",
    "/api/v3/brokerage/market/products",
    "/api/v3/brokerage/market/product_book?product_id=BTC-USD&limit=5",
    "/api/v3/brokerage/market/products/BTC-USD/ticker?limit=5",
    "/api/v3/brokerage/market/products/BTC-USD/candles?granularity=ONE_DAY&start=5",
    "/api/v3/brokerage/time",
)
odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 2**63 - 1, 1 << 70, 1e400, 0.1, "", "0", "-1", "nan", "Infinity", "0.-10000", "1e999"),
        *("BTC-USD", "btc-usd", "snapshot", "buy", "offer", "0001-01-01T00:00:00Z", "1" * 400, [], {}, [[]], [["1"]]),
    ]
)  # fmt: skip


def promise(event: Event) -> None:
    """Sound; books have no numbers here, and their snapshots no empty level."""
    assert_sound(event, unnumbered=(BookDelta, BookSnapshot))
    if isinstance(event, BookSnapshot):
        assert all(quantity > 0 for _, quantity in event.bids + event.asks)


def spoil(value: Any, rng: Random, with_what: Any) -> None:
    """Another value, or none, somewhere inside a message."""
    container, key = rng.choice(places(value))
    if rng.random() < 0.2:
        del container[key]
    else:
        container[key] = with_what


@st.composite
def conversations(draw: st.DrawFn, said: list[dict[str, Any]]) -> list[bytes]:
    """Messages as the venue writes them, in any order and number, some of them damaged."""
    rng = draw(st.randoms(use_true_random=False))
    out = []
    number = 0
    for _ in range(draw(st.integers(1, 25))):
        message = json.loads(wire(draw(st.sampled_from(said))))
        number += draw(st.sampled_from([1, 1, 1, 1, 2, -1]))
        if "sequence_num" in message:
            message["sequence_num"] = max(number, 0)
        if draw(st.integers(0, 3)) == 0:
            spoil(message, rng, draw(odd))
        raw = wire(message)
        out.append(raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 15)) == 0 else raw)
    return out


@given(conversations(EXCHANGE_SAID))
def test_a_damaged_conversation_on_exchange(messages: list[bytes]) -> None:
    hear(ExchangeCodec().connection(1), messages, NOW, promise)


@given(conversations(ADVANCED_SAID))
def test_a_damaged_conversation_on_advanced(messages: list[bytes]) -> None:
    hear(AdvancedCodec().connection(1), messages, NOW, promise)


any_json = json_values(
    odd,
    st.sampled_from(["type", "channel", "events", "changes", "bids", "product_id", "message", "trades"])
    | st.text(),
    wide=5,
)


@given(st.lists(st.binary(max_size=200) | any_json.map(wire), max_size=5))
@example([b""])
@example([b"[" * 100_000])
@example([b'{"type":"' + b"x" * 10_000 + b'"}'])
def test_any_bytes_on_any_socket(messages: list[bytes]) -> None:
    hear(ExchangeCodec().connection(1), messages, NOW, promise)
    hear(AdvancedCodec().connection(1), messages, NOW, promise)


@given(st.sampled_from(PATHS) | st.text(max_size=40), st.binary(max_size=200) | any_json.map(wire))
def test_any_bytes_on_any_path(path: str, raw: bytes) -> None:
    for codec in (ExchangeCodec(), AdvancedCodec()):
        answer(codec, path, raw, NOW, promise)
