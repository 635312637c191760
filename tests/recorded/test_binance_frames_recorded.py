"""Every recorded frame of Binance, read by the codec and, independently, by the standard library: the same facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from bethna.core.market import BookSnapshot, Quote, Ticker, Trade, VenueCandle
from bethna.core.wire import WireEvent
from bethna.venues.registry import codec_for, venue_of_url

pytestmark = pytest.mark.needs("shared")

BTC_TAPE = "binance_btcusdt_20240808.jsonl.zst"
SMALL_TAPE = "binance.jsonl"


def lines(path: Path) -> Iterator[dict[str, Any]]:
    text = path.read_bytes()
    if path.suffix == ".zst":
        text = zstandard.ZstdDecompressor().stream_reader(text).readall()
    yield from map(json.loads, text.splitlines())


def levels(rows: list[list[str]]) -> list[tuple[float, float]]:
    return [(float(price), float(quantity)) for price, quantity in rows]


def trade_ids(first: int) -> int | None:
    return None if first < 0 else first


def by_hand(d: dict[str, Any], name: str, ts: int) -> tuple[object, ...]:
    """The fields of a fact in order, read with nothing but json and float."""
    match d.get("e"):
        case "trade":
            side = "sell" if d["m"] else "buy"
            return (name, float(d["p"]), float(d["q"]), side, d["t"], d["T"] * 10**6, ts, 1)
        case "aggTrade":
            side = "sell" if d["m"] else "buy"
            return (name, float(d["p"]), float(d["q"]), side, d["a"], d["T"] * 10**6, ts, d["l"] - d["f"] + 1)
        case "depthUpdate":
            return (name, d["U"], d["u"], levels(d["b"]), levels(d["a"]), d["E"] * 10**6, ts, 0)
        case "kline":
            k = d["k"]
            prices = tuple(float(k[key]) for key in "ohlcv")
            tail = (k["n"], k["x"], trade_ids(k["f"]), trade_ids(k["L"]), d["E"] * 10**6, ts)
            return (name, k["i"], k["t"] * 10**6, *prices, *tail)
        case None:
            return (name, *(float(d[key]) for key in "bBaA"), d["u"], None, ts)
        case other:
            raise AssertionError(f"no such kind is on the tape: {other}")


def fields(fact: WireEvent) -> tuple[object, ...]:
    return tuple(getattr(fact, name) for name in fact.__struct_fields__)


def decoded(path: Path, names: dict[str, str]) -> tuple[Counter[str], list[Trade]]:
    """Decodes a tape and compares every fact; returns how many of each type, and the trades."""
    codec = codec_for("binance")
    connection = codec.connection(1)
    counts: Counter[str] = Counter()
    trades = []
    for line in lines(path):
        raw, ts = line["raw"], line["ts"]
        if line["kind"] == "open":
            assert venue_of_url(line["url"]) == "binance"
        elif line["kind"] == "http":
            body = json.loads(raw)
            (snapshot,) = codec.decode_http(line["url"], raw.encode(), ts)
            assert isinstance(snapshot, BookSnapshot)
            expected = (body["lastUpdateId"], levels(body["bids"]), levels(body["asks"]), 1000, False)
            assert (
                snapshot.last_id,
                snapshot.bids,
                snapshot.asks,
                snapshot.limit,
                snapshot.partial,
            ) == expected
            counts["http BookSnapshot"] += 1
        else:
            (fact,) = connection.decode(raw.encode(), ts)
            payload = json.loads(raw)["data"]
            assert fields(fact) == by_hand(payload, names[payload["s"]], ts)
            counts[type(fact).__name__] += 1
            if isinstance(fact, Trade):
                trades.append(fact)
    return counts, trades


def test_the_btc_tape(shared_dir: Path) -> None:
    counts, trades = decoded(shared_dir / "captures" / "tapes" / BTC_TAPE, {"BTCUSDT": "BTC-USDT@binance"})
    assert counts == {"Quote": 73_174, "Trade": 19_904, "BookDelta": 6_495, "http BookSnapshot": 1}
    ids = [trade.trade_id for trade in trades]
    assert ids == list(range(ids[0], ids[0] + 19_904))


def test_the_small_tape_of_2021(shared_dir: Path) -> None:
    names = {"NKNUSDT": "NKN-USDT@binance", "BLZETH": "BLZ-ETH@binance"}
    counts, _ = decoded(shared_dir / "captures" / "tapes" / SMALL_TAPE, names)
    assert counts == {"BookDelta": 160, "Quote": 75, "Trade": 1, "VenueCandle": 1, "http BookSnapshot": 2}


def test_the_single_samples(shared_dir: Path) -> None:
    codec = codec_for("binance")
    connection = codec.connection(1)
    found = {}
    for line in lines(shared_dir / "captures" / "samples" / "binance.jsonl"):
        (found[line["test"]],) = connection.decode(line["raw"].encode(), 1)
    top, quote, ticker, candle = (
        found[name] for name in ("l2_topk.spot", "bbo.spot", "ticker.spot", "candlestick.spot")
    )
    assert isinstance(top, BookSnapshot)
    assert (top.instrument, top.last_id, top.limit, top.partial) == (
        "ETH-USDT@binance",
        17044571457,
        20,
        True,
    )
    assert top.bids == [(1782.0, 6.483), (1781.95, 0.03)]
    assert isinstance(quote, Quote)
    assert (quote.instrument, quote.bid, quote.ask_quantity) == ("BTC-USDT@binance", 29010.9, 3.99953)
    assert isinstance(ticker, Ticker)
    assert (ticker.instrument, ticker.last, ticker.change_pct) == ("ETH-BTC@binance", 0.061503, 0.515)
    assert isinstance(candle, VenueCandle)
    assert (candle.interval, candle.close, candle.closed) == ("1m", 29038.47, False)
