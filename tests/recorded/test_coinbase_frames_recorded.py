"""Every recorded frame of Coinbase, read by the codecs and, independently, by the standard library: the same facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Ticker, Trade
from bethna.core.wire import Ack, BookDoubt, Refusal, UnknownMessage, WireEvent
from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec

pytestmark = pytest.mark.needs("shared")

FIVE = {f"{product}@coinbase" for product in ("BAND-GBP", "SKL-BTC", "BAND-BTC", "NMR-EUR", "SKL-USD")}


def frames(shared_dir: Path) -> Iterator[tuple[dict[str, Any], list[WireEvent]]]:
    """What each frame of the tape of 2021 says by `json`, and what it says by the codec."""
    connection = ExchangeCodec().connection(1)
    for text in (shared_dir / "captures" / "tapes" / "coinbase_exchange.jsonl").read_text().splitlines():
        line = json.loads(text)
        if line["kind"] == "rx":
            yield (
                json.loads(line["raw"]) | {"ts": line["ts"]},
                list(connection.decode(line["raw"].encode(), line["ts"])),
            )


def samples(shared_dir: Path, name: str) -> list[str]:
    return (shared_dir / "captures" / "samples" / name).read_text().splitlines()


def nanoseconds(text: str) -> int:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1_000


def side(rows: list[list[str]], word: str) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for way, price, size in rows if way == word]


def by_hand(d: dict[str, Any]) -> WireEvent:
    """The fact in a frame, read with nothing but json and float."""
    name, ts_recv = InstrumentId(f"{d.get('product_id')}@coinbase"), d["ts"]
    match d["type"]:
        case "match" | "last_match":
            taker: Any = {"buy": "sell", "sell": "buy"}[d["side"]]
            ts = nanoseconds(d["time"])
            return Trade(name, float(d["price"]), float(d["size"]), taker, d["trade_id"], ts, ts_recv)
        case "l2update":
            bids, asks = side(d["changes"], "buy"), side(d["changes"], "sell")
            return BookDelta(name, -1, -1, bids, asks, nanoseconds(d["time"]), ts_recv, 1)
        case "snapshot":
            bids, asks = ([(float(p), float(q)) for p, q in d[key]] for key in ("bids", "asks"))
            limit = max(len(bids), len(asks)) + 1
            return BookSnapshot(name, -1, bids, asks, ts_recv, limit, epoch=1, proven=0)
        case "ticker":
            last, opened, high, low, volume, bid, ask = (
                float(d[key])
                for key in ("price", "open_24h", "high_24h", "low_24h", "volume_24h", "best_bid", "best_ask")
            )
            ts, newest = nanoseconds(d["time"]), d["trade_id"]
            return Ticker(
                name, last, opened, high, low, volume, None, None, bid, ask, None, ts, ts_recv, newest
            )
        case "subscriptions":
            streams = [
                f"{each['name']}:{product}" for each in d["channels"] for product in each["product_ids"]
            ]
            return Ack(None, tuple(streams), "connection")
        case other:
            raise AssertionError(f"no such kind is on the tape: {other}")


def test_every_frame_of_the_tape(shared_dir: Path) -> None:
    counts: Counter[str] = Counter()
    for said, facts in frames(shared_dir):
        (fact,) = facts
        assert fact == by_hand(said)
        counts[type(fact).__name__] += 1
    assert counts == {"BookDelta": 6272, "Trade": 85, "Ticker": 85, "BookSnapshot": 5, "Ack": 3}


def test_the_trades_of_the_tape_are_a_chain(shared_dir: Path) -> None:
    """`last_match` and the matches after it are neighbours; and the newest id in the tickers is that of the newest."""
    newest: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for _, facts in frames(shared_dir):
        for fact in facts:
            if isinstance(fact, Trade):
                assert fact.trade_id == newest.get(fact.instrument, fact.trade_id - 1) + 1
                newest[fact.instrument] = fact.trade_id
                counts[fact.instrument] += 1
    assert set(counts) == FIVE
    assert counts.total() == 85
    last_said = {
        fact.instrument: fact.last_trade_id
        for _, facts in frames(shared_dir)
        for fact in facts
        if isinstance(fact, Ticker)
    }
    assert last_said == newest


def test_the_books_of_the_tape_agree_with_the_other_channels(shared_dir: Path) -> None:
    """Never crossed, the tickers' best prices nearly always at that very moment, and trades on the side of their taker.

    The channels are not in step, so a trade may come after the change that it made: then it lies inside the spread.
    """
    books: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
    seen: Counter[str] = Counter()
    for said, facts in frames(shared_dir):
        (fact,) = facts
        if isinstance(fact, BookSnapshot):
            books[fact.instrument] = (dict(fact.bids), dict(fact.asks))
            continue
        if isinstance(fact, BookDelta):
            for levels, changed in zip(books[fact.instrument], (fact.bids, fact.asks), strict=True):
                levels.update(changed)
                for price in [price for price, quantity in changed if not quantity]:
                    del levels[price]
            bids, asks = books[fact.instrument]
            assert max(bids) < min(asks)
        elif isinstance(fact, Ticker) and fact.instrument in books:
            bids, asks = books[fact.instrument]
            seen["agree" if (fact.bid, fact.ask) == (max(bids), min(asks)) else "differ"] += 1
        elif isinstance(fact, Trade) and said["type"] == "match":
            bids, asks = books[fact.instrument]
            where = "ask" if fact.price >= min(asks) else "bid" if fact.price <= max(bids) else "inside"
            seen[f"{fact.side} at {where}"] += 1
    assert seen == {
        "agree": 82, "differ": 3, "buy at ask": 27, "buy at inside": 4, "sell at bid": 23, "sell at inside": 26,
    }  # fmt: skip


def test_the_single_samples_of_exchange(shared_dir: Path) -> None:
    codec = ExchangeCodec()
    found = {
        sample["test"]: sample["raw"].encode()
        for sample in map(json.loads, samples(shared_dir, "coinbase_exchange.jsonl"))
    }
    (book,) = codec.connection(1).decode(found[".l2_orderbook_snapshot"], 5)
    assert isinstance(book, BookSnapshot)
    assert (book.instrument, book.bids[0], book.asks[2]) == (
        "BTC-USD@coinbase",
        (37209.96, 0.04016376),
        (37215.69, 0.09654865),
    )
    (order,) = codec.connection(1).decode(found[".l3_event"], 5)
    assert isinstance(order, UnknownMessage)
    assert order.kind == "open"  # a single order: we follow levels
    (history,) = codec.decode_http("/products/ANY-USD/book?level=2", found[".l2_snapshot"], 5)
    assert isinstance(history, BookSnapshot)
    assert (history.last_id, history.epoch, history.bids[1], history.asks[0]) == (
        406959136,
        0,
        (0.1134, 20606.7),
        (0.1137, 10113.4),
    )


def test_the_single_samples_of_advanced(shared_dir: Path) -> None:
    """They were cut out of several connections, so each is heard by one of its own."""
    codec = AdvancedCodec()
    said = [
        list(codec.connection(1).decode(raw.encode(), 5))
        for raw in samples(shared_dir, "coinbase_advanced.jsonl")
    ]
    (book,), trades, first_ack, second_ack, heartbeat, error = said
    assert isinstance(book, BookSnapshot)
    assert (book.instrument, book.bids[0], book.asks, book.proven, book.counted) == (
        "BTC-USD@coinbase",
        (83277.25, 0.00715626),
        [],
        0,
        True,
    )
    assert book.ts_event == nanoseconds("2026-09-30T02:39:53.670986Z") + 313
    assert [(t.trade_id, t.side, t.price) for t in trades if isinstance(t, Trade)] == [
        (1100253481, "buy", 83277.26),  # at the offer: the maker sold
        (1100253484, "sell", 83277.25),
        (1100253485, "sell", 83277.25),
        (1100253486, "sell", 83277.25),
        (1100253487, "sell", 83277.25),
    ]
    both = ("level2:BTC-PERP-INTX", "level2:ETH-PERP-INTX")
    assert first_ack == [Ack(None, both, "connection")]
    assert second_ack == [Ack(None, ("heartbeats", *both), "connection")]
    assert heartbeat == []
    assert error == [Refusal(None, None, "authentication failure")]


def test_the_samples_of_advanced_on_one_socket(shared_dir: Path) -> None:
    """0, then 8: what was cut out between them is a loss, and said so."""
    connection = AdvancedCodec().connection(1)
    raws = samples(shared_dir, "coinbase_advanced.jsonl")
    said = [type(fact).__name__ for raw in raws for fact in connection.decode(raw.encode(), 5)]
    assert said == ["BookSnapshot", BookDoubt.__name__, *["Trade"] * 5, "Ack", "Ack", "Refusal"]
