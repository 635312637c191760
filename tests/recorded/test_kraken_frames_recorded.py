"""Every recorded frame and body of Kraken, read by the codec and, independently, by the standard library."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    CandlePage,
    InstrumentId,
    Level,
    Quote,
    Ticker,
    Trade,
    TradePage,
)
from bethna.core.wire import Ack, Catalogue, ServerTime, UnknownMessage, VenueCondition, WireEvent
from bethna.logic.book import OrderBook
from bethna.venues.kraken import KrakenCodec, KrakenV1Codec

pytestmark = pytest.mark.needs("shared")

NAMES = {
    "WAVES/EUR": "WAVES-EUR@kraken", "XMR/USD": "XMR-USD@kraken", "KSM/XBT": "KSM-BTC@kraken",
    "GRT/ETH": "GRT-ETH@kraken", "SC/EUR": "SC-EUR@kraken",
}  # fmt: skip


def lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_bytes().splitlines())


def levels(rows: Sequence[Sequence[str]]) -> list[Level]:
    return [(float(row[0]), float(row[1])) for row in rows]


def ns(text: str) -> int:
    return int(Decimal(text) * 10**9)


class PlainBook:
    """A book as the sheet describes it, cut to its depth, kept by nothing but floats and sorting."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[float, float]] = {"a": {}, "b": {}}

    def take(self, bodies: Sequence[dict[str, Any]]) -> None:
        for body in bodies:
            for key, rows in body.items():
                if key == "c":
                    continue
                side = self.sides[key[0]]
                for price, quantity in levels(rows):
                    side[price] = quantity
        for key, side in self.sides.items():
            kept = sorted(((p, q) for p, q in side.items() if q), reverse=key == "b")[:1000]
            self.sides[key] = dict(kept)

    def levels(self) -> tuple[list[Level], list[Level]]:
        return list(self.sides["b"].items()), list(self.sides["a"].items())


def check_data(events: Sequence[WireEvent], message: list[Any], ts: int, books: dict[str, Any]) -> None:
    """The facts of one data message, field by field."""
    *_, channel, pair = message
    bodies, name = message[1:-2], NAMES[pair]
    if channel == "trade":
        assert [
            (t.instrument, t.price, t.quantity, t.side, t.trade_id, t.ts_event, t.ts_recv)
            for t in events
            if isinstance(t, Trade)
        ] == [
            (name, float(p), float(q), {"b": "buy", "s": "sell"}[side], UNNUMBERED, ns(time), ts)
            for p, q, time, side, *_ in bodies[0]
        ]
        return
    (event,) = events
    if channel == "ticker":
        body = bodies[0]
        assert isinstance(event, Ticker)
        day = (event.open, event.high, event.low, event.volume, event.trades)
        assert day == (*(float(body[key][1]) for key in "ohlv"), body["t"][1])
        best = (event.last, event.bid, event.ask)
        assert best == tuple(float(body[key][0]) for key in "cba")
        assert event.ts_event == event.ts_recv == ts
        return
    ours, plain = books.setdefault(pair, [None, PlainBook()])
    plain.take(bodies)
    if isinstance(event, BookSnapshot):
        ours = books[pair][0] = OrderBook(event)
        assert (event.bids, event.asks) == (levels(bodies[0]["bs"]), levels(bodies[0]["as"]))
        assert event.proven == 10
    else:
        assert isinstance(event, BookDelta)
        ours.apply(event.bids, event.asks, 0)
        said = {key: levels(rows) for body in bodies for key, rows in body.items() if key != "c"}
        assert event.bids[: len(said.get("b", ()))] == said.get("b", [])
        assert event.asks[: len(said.get("a", ()))] == said.get("a", [])
        assert event.ts_event == max(
            ns(row[2]) for b in bodies for k, rows in b.items() if k != "c" for row in rows
        )
    assert event.instrument == name
    assert ours.levels() == plain.levels()


def test_the_tape_of_version_1(shared_dir: Path) -> None:
    """No frame is unknown, none is refused, every checksum holds (a wrong one would be a BookDoubt)."""
    codec = KrakenV1Codec()
    connections: dict[int, Any] = {}
    books: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for line in lines(shared_dir / "captures" / "tapes" / "kraken_v1.jsonl"):
        if line["kind"] != "rx":
            continue
        number = line["conn"] + 1
        connection = connections.setdefault(number, codec.connection(number))
        events = connection.decode(line["raw"].encode(), line["ts"])
        counts.update(type(event).__name__ for event in events)
        message = json.loads(line["raw"])
        if isinstance(message, list):
            check_data(events, message, line["ts"], books)
        elif message["event"] == "heartbeat":
            counts["heartbeat"] += not events
    assert counts == {
        "VenueCondition": 3, "Ack": 15, "heartbeat": 92, "Trade": 10, "Ticker": 13, "BookSnapshot": 5,
        "BookDelta": 2595,
    }  # fmt: skip


def test_the_samples_of_version_1(shared_dir: Path) -> None:
    """What is not spot (`inverse`) is the language of another venue, Kraken Futures, and is named unknown."""
    found = {}
    for line in lines(shared_dir / "captures" / "samples" / "kraken_v1.jsonl"):
        (found[line["test"]],) = KrakenV1Codec().connection(1).decode(line["raw"].encode(), 5)
    assert {test for test, event in found.items() if isinstance(event, UnknownMessage)} == {
        test for test in found if "inverse" in test
    }
    btc = InstrumentId("BTC-USD@kraken")
    snapshot = found["l2_event.spot_snapshot"]
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.instrument, snapshot.bids, snapshot.asks) == ("PERP-EUR@kraken", [], [])
    assert found["l2_event.spot_update"] == BookDelta(
        btc, UNNUMBERED, UNNUMBERED, [(39071.4, 7.2610657)], [], 1_622_714_256_068_601_000, 5, 1
    )
    assert found["bbo.spot"] == Quote(
        btc, 31760.0, 0.02167307, 31760.1, 6.46761464, None, 1_654_031_976_197_239_000, 5
    )
    ticker = found["ticker.spot"]
    assert isinstance(ticker, Ticker)
    assert (ticker.last, ticker.high, ticker.low, ticker.trades) == (29938.6, 31869.3, 29328.6, 30832)


def test_the_samples_of_version_2(shared_dir: Path) -> None:
    found = {
        path.stem: list(KrakenCodec().connection(1).decode(path.read_bytes(), 5))
        for path in (shared_dir / "captures" / "samples" / "kraken_v2").iterdir()
    }
    assert found == {
        "heartbeat": [],
        "method": [Ack(None, ("trade:BTC/USDT",), "stream")],
        "status": [VenueCondition(True, "online")],
        "trade": [
            Trade(
                InstrumentId("BTC-USD@kraken"),
                111399.1,
                0.00037711,
                "buy",
                86881079,
                1_757_453_510_716_224_000,
                5,
            )
        ],
    }


# --- REST

PATHS = {
    "assetpairs": "AssetPairs", "assets": "Assets", "depth": "Depth?pair=XBTEUR", "ohlc": "OHLC?pair=XBTUSD&interval=1",
    "servertime": "Time", "spreads": "Spread?pair=XBTUSD", "ticker": "Ticker?pair=XBTEUR",
    "trades": "Trades?pair=XBTUSD",
}  # fmt: skip


def test_the_rest_bodies(shared_dir: Path) -> None:
    """Assets, Spread and Ticker have no fact of ours and are named unknown; all else is read whole."""
    codec = KrakenCodec()
    bodies, found = {}, {}
    for name, path in PATHS.items():
        raw = (shared_dir / "captures" / "samples" / "kraken_rest" / f"example-{name}-data.json").read_bytes()
        bodies[name] = json.loads(raw)["result"]
        (found[name],) = codec.decode_http(f"/0/public/{path}", raw, 5)
    assert {name for name, event in found.items() if isinstance(event, UnknownMessage)} == {
        "assets", "spreads", "ticker",
    }  # fmt: skip
    assert found["servertime"] == ServerTime(1_391_835_876_000_000_000, coarse_ns=10**9)
    depth, body = found["depth"], bodies["depth"]["XXBTZEUR"]
    assert isinstance(depth, BookSnapshot)
    assert (depth.instrument, depth.bids, depth.asks) == (
        "BTC-EUR@kraken", levels(body["bids"]), levels(body["asks"]),
    )  # fmt: skip
    trades = found["trades"]
    assert isinstance(trades, TradePage)
    assert [(t.price, t.quantity, t.side, t.trade_id) for t in trades.trades] == [
        (float(row[0]), float(row[1]), "sell", UNNUMBERED) for row in bodies["trades"]["XXBTZUSD"]
    ]
    assert trades.trades[0].ts_event == 1_385_579_841_777_400_000


def test_the_candles(shared_dir: Path) -> None:
    raw = (shared_dir / "captures" / "samples" / "kraken_rest" / "example-ohlc-data.json").read_bytes()
    (page,) = KrakenCodec().decode_http("/0/public/OHLC?pair=XBTUSD", raw, 5)
    rows = json.loads(raw)["result"]["XXBTZUSD"]
    assert isinstance(page, CandlePage)
    assert len(page.candles) == len(rows) == 720
    assert [(c.open_time, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in page.candles] == [
        (row[0] * 10**9, *map(float, row[1:5]), float(row[6]), row[7]) for row in rows
    ]
    assert [c.closed for c in page.candles] == [True] * 719 + [False]


def test_the_catalogue(shared_dir: Path) -> None:
    """All pairs that have a wsname, each under every one of its names."""
    codec = KrakenCodec()
    raw = (shared_dir / "captures" / "samples" / "kraken_rest" / "example-assetpairs-data.json").read_bytes()
    (catalogue,) = codec.decode_http("/0/public/AssetPairs", raw, 5)
    assert isinstance(catalogue, Catalogue)
    pairs = {own: pair for own, pair in json.loads(raw)["result"].items() if "wsname" in pair}
    assert len(catalogue.instruments) == len(pairs) == 75
    codec.learn(catalogue.instruments)
    for found, (own, pair) in zip(catalogue.instruments, pairs.items(), strict=True):
        for name in (own, pair["altname"], pair["wsname"], found.venue_symbol):
            assert codec.instrument(name) is found
        assert (
            codec.recent_trades_request(found, 1).path == f"/0/public/Trades?pair={pair['altname']}&count=1"
        )
        assert found.tick_size == float(Decimal(1).scaleb(-pair["pair_decimals"]))
    assert codec.instrument("XXBTZUSD").venue_symbol == "BTC/USD"
    assert codec.instrument("XDGXBT").id == "DOGE-BTC@kraken"
