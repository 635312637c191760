"""Every recorded frame of Deribit, read by the codec and, independently, by the standard library: the same facts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bethna.core.coverage import Gap
from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade, Valuation, VenueCandle
from bethna.core.status import Trust
from bethna.core.wire import Ack, Catalogue, UnknownMessage, WireEvent
from bethna.logic.booksync import BookSync
from bethna.venues.deribit import DeribitCodec

pytestmark = pytest.mark.needs("shared")

MS = 1_000_000


def lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_text().splitlines())


def tape(shared_dir: Path) -> Iterator[tuple[dict[str, Any], int, list[WireEvent]]]:
    """Every received message as the standard library reads it, when it came, and what the codec says of it."""
    connection = DeribitCodec().connection(1)
    for line in lines(shared_dir / "captures" / "tapes" / "deribit.jsonl"):
        if line["kind"] == "rx":
            yield (
                json.loads(line["raw"]),
                line["ts"],
                list(connection.decode(line["raw"].encode(), line["ts"])),
            )


def fields(fact: object) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in type(fact).__struct_fields__}  # type: ignore[attr-defined]  # facts


def ticker_by_hand(d: dict[str, Any], ts: int) -> list[dict[str, Any]]:
    """Every figure of an inverse option's ticker, read with nothing but json."""
    common = {"instrument": f"{d['instrument_name']}@deribit", "ts_event": d["timestamp"] * MS, "ts_recv": ts}
    bid, ask = d["best_bid_price"] or None, d["best_ask_price"] or None
    stats = d["stats"]
    said = [
        {
            **common, "last": d["last_price"], "open": None, "high": stats["high"], "low": stats["low"],
            "volume": stats["volume"], "quote_volume": stats.get("volume_usd"), "change_pct": stats["price_change"],
            "bid": bid, "ask": ask, "trades": None, "last_trade_id": None,
        }
    ]  # fmt: skip
    if bid and ask:
        said.append({
            **common, "bid": bid, "ask": ask, "bid_quantity": d["best_bid_amount"],
            "ask_quantity": d["best_ask_amount"], "update_id": None,
        })  # fmt: skip
    said.append({
        **common, "mark_price": d["mark_price"], "index_price": d["index_price"],
        "underlying_price": d["underlying_price"], "underlying": d["underlying_index"],
        "mark_iv": pytest.approx(d["mark_iv"] / 100, rel=1e-12),
        "bid_iv": pytest.approx(d["bid_iv"] / 100, rel=1e-12) if d["bid_iv"] else None,
        "ask_iv": pytest.approx(d["ask_iv"] / 100, rel=1e-12) if d["ask_iv"] else None,
        "greeks": d["greeks"], "open_interest": d["open_interest"], "funding": None, "funding_8h": None,
    })  # fmt: skip
    return said


def test_every_ticker_of_the_tape(shared_dir: Path) -> None:
    counts: Counter[str] = Counter()
    for message, ts, events in tape(shared_dir):
        if message.get("params", {}).get("channel", "").startswith("ticker."):
            found = [fields(each) for each in events]
            found[-1]["greeks"] = fields(found[-1]["greeks"])
            assert found == ticker_by_hand(message["params"]["data"], ts)
        counts.update(type(each).__name__ for each in events)
    assert counts == {"Ticker": 31, "Valuation": 31, "Quote": 25, "BookSnapshot": 5, "BookDelta": 3, "Ack": 1}


def test_every_book_of_the_tape_and_its_chain(shared_dir: Path) -> None:
    chains: dict[str, list[BookSnapshot | BookDelta]] = defaultdict(list)
    for message, ts, events in tape(shared_dir):
        for event in events:
            if not isinstance(event, BookSnapshot | BookDelta):
                continue
            d = message["params"]["data"]
            assert event.last_id == d["change_id"]
            assert (event.ts_event, event.ts_recv) == (d["timestamp"] * MS, ts)
            for found, side in ((event.bids, d["bids"]), (event.asks, d["asks"])):
                assert found == [
                    (price, 0.0 if action == "delete" else amount) for action, price, amount in side
                ]
            if isinstance(event, BookDelta):
                assert event.first_id == d["prev_change_id"] + 1
            chains[event.instrument].append(event)
    joined = [pair for chain in chains.values() for pair in pairwise(chain)]
    assert len(joined) == 3
    assert all(
        isinstance(after, BookDelta) and after.first_id == before.last_id + 1 for before, after in joined
    )
    assert all(isinstance(chain[0], BookSnapshot) for chain in chains.values())


class Told:
    def __init__(self) -> None:
        self.told: list[str] = []

    def book_gap(self, gap: Gap, ts: int) -> None:
        self.told.append(f"gap {gap.first_id} {gap.last_id}")

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        self.told.append(trust)

    def want_snapshot(self, reason: str, ts: int) -> None:
        self.told.append(f"want: {reason}")


def test_every_book_of_the_tape_is_trusted_from_its_first_word(shared_dir: Path) -> None:
    told: dict[str, Told] = defaultdict(Told)
    syncs: dict[str, BookSync] = {}
    for _, _, events in tape(shared_dir):
        for event in events:
            if isinstance(event, BookSnapshot | BookDelta):
                name = event.instrument
                if name not in syncs:
                    syncs[name] = BookSync(lambda _: None, told[name], patience_ns=5000 * MS, max_held=100)
                sync = syncs[name]
                assert sync.snapshot(event) if isinstance(event, BookSnapshot) else sync.apply(event)
    assert [each.told for each in told.values()] == [[Trust.TRUSTED]] * 5


def test_the_answer_of_the_tape_lists_what_was_asked(shared_dir: Path) -> None:
    asked: list[str] = []
    for line in lines(shared_dir / "captures" / "tapes" / "deribit.jsonl"):
        if line["kind"] == "tx":
            asked = json.loads(line["raw"])["params"]["channels"]
    (ack,) = [each for _, _, events in tape(shared_dir) for each in events if isinstance(each, Ack)]
    assert ack.subscriptions is not None
    assert (ack.request_id, ack.scope) == (0, "request")
    assert set(ack.subscriptions) <= set(asked)
    assert len(ack.subscriptions) > 20


def test_the_single_samples(shared_dir: Path) -> None:
    codec = DeribitCodec()
    found: dict[str, list[WireEvent]] = {}
    for line in lines(shared_dir / "captures" / "samples" / "deribit.jsonl"):
        if "method" in json.loads(line["raw"]):
            found[line["test"]] = list(codec.connection(1).decode(line["raw"].encode(), 1))
    kinds = {name: [type(each) for each in events] for name, events in found.items()}
    assert kinds == {
        "trade.inverse_swap": [Trade, Trade],
        "l2_event.inverse_future_snapshot": [BookSnapshot],
        "l2_event.inverse_swap_snapshot": [BookSnapshot],
        "l2_event.option_snapshot": [BookSnapshot],
        "l2_topk.inverse_swap": [BookSnapshot],
        "bbo.inverse_future": [Quote],
        "candlestick.inverse_future": [VenueCandle],
        "candlestick.option": [VenueCandle],
        "ticker.inverse_swap": [Ticker, Quote, Valuation],
    }
    first, second = found["trade.inverse_swap"]
    assert isinstance(first, Trade)
    assert isinstance(second, Trade)
    assert (first.instrument, first.price, first.quantity, first.side) == (
        "BTC-PERPETUAL@deribit",
        56168.0,
        5580.0,
        "buy",
    )
    assert second.trade_id == first.trade_id + 1 == 92836832
    (top,) = found["l2_topk.inverse_swap"]
    assert isinstance(top, BookSnapshot)
    assert (top.partial, top.limit, top.bids[0]) == (True, 20, (31523.5, 128780.0))
    volumes = [
        candle.volume
        for name in ("candlestick.inverse_future", "candlestick.option")
        for candle in found[name]
        if isinstance(candle, VenueCandle)
    ]
    assert volumes == [40.0, 0.1]  # dollars, coins


def test_the_single_answers(shared_dir: Path) -> None:
    codec = DeribitCodec()
    for line in lines(shared_dir / "captures" / "samples" / "deribit.jsonl"):
        body = json.loads(line["raw"])
        if line["test"].startswith("l2_snapshot."):
            name = body["result"]["instrument_name"]
            path = f"/api/v2/public/get_order_book?instrument_name={name}&depth=20"
            (book,) = codec.decode_http(path, line["raw"].encode(), 1)
            assert isinstance(book, BookSnapshot)
            assert (book.instrument, book.last_id) == (f"{name}@deribit", body["result"]["change_id"])
            assert book.bids == [tuple(level) for level in body["result"]["bids"]]
            assert book.asks == [tuple(level) for level in body["result"]["asks"]]
        elif line["test"].startswith("open_interest."):
            path = "/api/v2/public/get_book_summary_by_currency?currency=BTC"
            (event,) = codec.decode_http(path, line["raw"].encode(), 1)
            assert isinstance(event, UnknownMessage)  # no fact of ours holds a chain at once


def test_the_listed_instruments(shared_dir: Path) -> None:
    folder = shared_dir / "captures" / "samples" / "deribit_rest"
    raw = (folder / "get_instruments.json").read_bytes()
    (catalogue,) = DeribitCodec().decode_http("/api/v2/public/get_instruments?currency=any", raw, 1)
    assert isinstance(catalogue, Catalogue)
    listed = [
        (each.symbol, each.venue_symbol, each.tick_size, each.lot_size) for each in catalogue.instruments
    ]
    assert listed[:4] == [
        ("BTC-USDT", "BTC_USDT", 1.0, 1e-4),
        ("USDC-USDT", "USDC_USDT", 1e-4, 1.0),
        ("BTC_USDC-PERPETUAL", "BTC_USDC-PERPETUAL", 0.5, 1e-4),
        ("XRP-USDC", "XRP_USDC", 1e-4, 1.0),
    ]
    assert [symbol for symbol, *_ in listed[4:]] == [
        "BTC-USDT-INDEX", "USDC-USDT-INDEX", "BTC-USDC-INDEX", "XRP-USDC-INDEX",
    ]  # fmt: skip
    assert all(each.tradable and each.verified for each in catalogue.instruments)
    currencies = (folder / "get_currencies.json").read_bytes()
    (event,) = DeribitCodec().decode_http("/api/v2/public/get_currencies", currencies, 1)
    assert isinstance(event, UnknownMessage)
