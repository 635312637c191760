"""The simulated Kraken against reality: form, checksums, levels and time of its frames and of what was recorded.

Of v2 there are four single messages, of REST one answer a method (2013 to 2017), of v1 half a minute of five books in
2021: the same books, the same checksums, in another language.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest
from kraken_bench import KrakenBench, frames
from msgspec.structs import replace
from recorded.venue_frames import Shape, filled, lines, shape, shapes
from twin_bench import NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.kraken.book import checksum
from bethna.twins.kraken.listings import listing
from bethna.twins.kraken.text import Precision

pytestmark = pytest.mark.needs("shared")

BTC = "BTC/USD"
DEPTH = 1000


@cache
def twins(seed: int) -> tuple[KrakenBench, NotingWire]:
    """A minute of everything of one pair."""
    bench = KrakenBench(seed=seed, symbols=[BTC])
    connection, wire = bench.open()
    for channel in ("trade", "ticker", "ohlc", "book"):
        bench.say(connection, channel=channel, symbol=[BTC])
    bench.run(60)
    return bench, wire


def sample(shared_dir: Path, name: str) -> Any:
    return json.loads((shared_dir / "captures" / "samples" / "kraken_v2" / f"{name}.json").read_text())


def body(shared_dir: Path, name: str) -> Any:
    path = shared_dir / "captures" / "samples" / "kraken_rest" / f"example-{name}-data.json"
    return json.loads(path.read_text())["result"]


def said(wire: NotingWire) -> Iterator[Any]:
    return map(json.loads, wire.texts())


# --- v2, message by message


def test_heartbeat_and_trade_have_the_recorded_form(shared_dir: Path, seed: int) -> None:
    _, wire = twins(seed)
    beats = [each for each in said(wire) if each.get("channel") == "heartbeat"]
    assert beats[0] == sample(shared_dir, "heartbeat")
    trades = [each for each in said(wire) if each.get("channel") == "trade"]
    assert {shape(each) for each in trades} == {shape(sample(shared_dir, "trade"))}


def test_a_status_has_the_recorded_form_and_what_was_added_since(shared_dir: Path, seed: int) -> None:
    _, wire = twins(seed)
    real, ours = sample(shared_dir, "status"), next(said(wire))
    assert ours["data"][0].pop("upcoming_maintenance") == ours["data"][0].pop("emergency") == []
    assert shape(ours) == shape(real)
    assert {each["data"][0]["version"] for each in (real, ours)} == {"2.0.10"}
    assert min(each["data"][0]["connection_id"] for each in (real, ours)) > 2**53


def test_an_answer_has_the_recorded_form_and_takes_as_long(shared_dir: Path) -> None:
    real = sample(shared_dir, "method")
    bench = KrakenBench(symbols=[BTC])
    _, wire = bench.listen("trade", BTC, snapshot=True)
    ours = json.loads(wire.texts()[1])
    assert shape(ours) == shape(real)
    for each in (real, ours):
        took = datetime.fromisoformat(each["time_out"]) - datetime.fromisoformat(each["time_in"])
        assert 20 < took.microseconds < 60


def test_snapshots_and_updates_of_one_channel_have_one_form(seed: int) -> None:
    """As in the protocol sheet's samples; an update of a book may have an empty side."""
    _, wire = twins(seed)
    for channel in ("ticker", "ohlc", "book"):
        forms: dict[str, set[Shape]] = {"snapshot": set(), "update": set()}
        for each in said(wire):
            if each.get("channel") == channel:
                (row, *_) = each["data"] or [None]
                levels = [level for side in ("bids", "asks") for level in row.pop(side, ())] if row else []
                forms[each.pop("type")] |= {shape(each), *shapes(levels)}
        assert filled(forms["snapshot"]) <= filled(forms["update"]), channel
        assert len(filled(forms["update"])) == 1 + (channel == "book"), channel


def test_the_text_of_frames_has_no_spaces(shared_dir: Path, seed: int) -> None:
    _, wire = twins(seed)
    real = [line["raw"].encode() for line in tape(shared_dir) if line["kind"] == "rx"]
    for text in (*wire.texts(), *real):
        assert b" " not in text.replace(b"timestamp is deprecated, use interval_begin", b"")


# --- REST, answer by answer


def test_candles_are_720_filled_ones_with_an_unfinished_one_at_the_end(shared_dir: Path) -> None:
    bench = KrakenBench(symbols=[BTC], rate=0.2).run(60 * 800)
    real, ours = body(shared_dir, "ohlc"), bench.ask("OHLC?pair=XBTUSD")
    for each in (real, ours):
        assert set(each) == {"XXBTZUSD", "last"}
        rows = each["XXBTZUSD"]
        assert len(rows) == 720
        assert each["last"] == rows[-2][0]
        assert {after[0] - before[0] for before, after in pairwise(rows)} == {60}
        empty = [(before[4], row) for before, row in pairwise(rows) if not row[7]]
        assert len(empty) > 10
        for close, row in empty:
            assert row[1:5] == [close] * 4
            assert not Decimal(row[5])
            assert row[6] == "0.00000000"
        for row in rows:
            assert [type(value) for value in row] == [int, *[str] * 6, int]
            assert Decimal(row[3]) <= min(Decimal(row[1]), Decimal(row[4])) <= Decimal(row[2])
            assert len(row[6].partition(".")[2]) == 8


def test_trades_of_history(shared_dir: Path, seed: int) -> None:
    bench, _ = twins(seed)
    real, ours = body(shared_dir, "trades"), bench.ask("Trades?pair=XBTUSD")
    for each, columns in ((real, 6), (ours, 7)):  # the trade's id was added later
        rows = each["XXBTZUSD"]
        assert {tuple(type(value) for value in row[:6]) for row in rows} == {(str, str, float, str, str, str)}
        assert {len(row) for row in rows} == {columns}
        assert {row[3] for row in rows} <= {"b", "s"}
        assert {row[4] for row in rows} <= {"l", "m"}
        assert {(len(row[0].partition(".")[2]), len(row[1].partition(".")[2]), row[5]) for row in rows} == {
            (5, 8, "")
        }
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)
        assert isinstance(each["last"], str)
        assert abs(int(each["last"]) / NS_PER_S - rows[-1][2]) < 0.0001


def test_book_spread_ticker_and_time_of_rest(shared_dir: Path, seed: int) -> None:
    bench, _ = twins(seed)
    real, ours = body(shared_dir, "depth")["XXBTZEUR"], bench.ask("Depth?pair=XBTUSD")["XXBTZUSD"]
    assert shape(ours) == shape(real)
    for each in (real, ours):
        assert [Decimal(row[0]) for row in each["asks"]] == sorted(Decimal(row[0]) for row in each["asks"])
    assert shape(bench.ask("Spread?pair=XBTUSD")) == shape(body(shared_dir, "spreads"))
    assert shape(bench.ask("Time")) == shape(body(shared_dir, "servertime"))
    ticker, now = body(shared_dir, "ticker")["XXBTZEUR"], bench.ask("Ticker?pair=XBTUSD")["XXBTZUSD"]
    assert list(now) == ["a", "b", "c", "v", "p", "t", "l", "h", "o"]
    assert set(now) == set(ticker)
    for key in ("c", "v", "p", "t", "l", "h", "o"):
        assert shape(now[key]) == shape(ticker[key]), key
    assert [len(each["a"]) for each in (ticker, now)] == [2, 3], "the quantity was added later"
    assert [shape(each["a"][:2]) for each in (ticker, now)] == [shape(ticker["a"])] * 2


def test_reference_data_name_pairs_as_the_venue_does(shared_dir: Path) -> None:
    real_pairs, real_assets = body(shared_dir, "assetpairs"), body(shared_dir, "assets")
    symbols = (
        "BTC/USD",
        "BTC/EUR",
        "ETH/BTC",
        "ETH/EUR",
        "DOGE/BTC",
        "XRP/USD",
        "ADA/USD",
        "ATOM/BTC",
        "USDT/USD",
    )
    bench = KrakenBench(symbols=symbols)
    pairs, assets = bench.ask("AssetPairs"), bench.ask("Assets")
    assert len(pairs) == len(symbols)
    for key, pair in pairs.items():
        real = real_pairs[key]
        for name in ("altname", "wsname", "base", "quote", "lot_decimals", "fee_volume_currency"):
            assert pair[name] == real[name], (key, name)
        assert real.keys() <= pair.keys()
        assert all(shape(pair[name]) == shape(real[name]) for name in ("lot", "pair_decimals", "margin_call"))
    for code, asset in assets.items():
        assert asset["altname"] == real_assets[code]["altname"]
        assert shape(asset) == shape({**real_assets[code], "status": ""})


# --- books, in the words of v1


class Update(NamedTuple):
    """A message about a book: whole, or what changed, with its checksum."""

    symbol: str
    whole: bool
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    crc: int | None


@cache
def tape(shared_dir: Path) -> list[dict[str, Any]]:
    return list(lines(shared_dir / "captures" / "tapes" / "kraken_v1.jsonl"))


@cache
def real_updates(shared_dir: Path) -> list[Update]:
    found = []
    for line in tape(shared_dir):
        message = json.loads(line["raw"]) if line["kind"] == "rx" else {}
        if isinstance(message, list) and message[-2] == f"book-{DEPTH}":
            parts: dict[str, Any] = {key: value for part in message[1:-2] for key, value in part.items()}
            sides = [
                [(level[0], level[1]) for level in parts.get(short, parts.get(whole, []))]
                for short, whole in (("b", "bs"), ("a", "as"))
            ]
            crc = int(parts["c"]) if "c" in parts else None
            found.append(Update(message[-1], "as" in parts, sides[0], sides[1], crc))
    return found


@cache
def our_updates(seed: int) -> list[Update]:
    bench = KrakenBench(seed=seed, rate=60.0)
    _, wire = bench.listen("book", depth=DEPTH)
    bench.run(30)
    found = []
    for each in frames(wire, "book"):
        (book,) = each["data"]
        bids, asks = ([(level["price"], level["qty"]) for level in book[side]] for side in ("bids", "asks"))
        found.append(Update(book["symbol"], each["type"] == "snapshot", bids, asks, book["checksum"]))
    return found


@pytest.fixture(params=["real", "twin"])
def updates(request: pytest.FixtureRequest, shared_dir: Path, seed: int) -> list[Update]:
    return real_updates(shared_dir) if request.param == "real" else our_updates(seed)


def test_both_have_enough_of_books(updates: list[Update]) -> None:
    assert len(updates) > 500
    assert len({each.symbol for each in updates}) >= 3


def test_numbers_of_books_have_all_decimals_of_their_pair(updates: list[Update]) -> None:
    decimals: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for each in updates:
        for level in (*each.bids, *each.asks):
            price, quantity = (len(text.partition(".")[2]) for text in level)
            decimals[each.symbol].add((price, quantity))
    assert all(len(found) == 1 for found in decimals.values()), decimals


def test_the_twins_own_checksum_is_the_venues(updates: list[Update]) -> None:
    """Recorded books, kept by the twin's way of summing them; a step is a unit of the last decimal."""
    steps = Precision(replace(listing(BTC), lot=1))
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    summed = 0
    for each in updates:
        if each.whole:
            books[each.symbol] = ({}, {})
        for side, held, levels in zip((True, False), books[each.symbol], (each.bids, each.asks), strict=True):
            for price, quantity in levels:
                held[_steps(price)] = _steps(quantity)
                if not held[_steps(price)]:
                    del held[_steps(price)]
            for step in sorted(held, reverse=side)[DEPTH:]:
                del held[step]
        if each.crc is not None:
            bids, asks = (
                sorted(held.items(), reverse=side)
                for side, held in zip((True, False), books[each.symbol], strict=True)
            )
            assert checksum(bids, asks, steps) == each.crc
            summed += 1
    assert summed > 500


def _steps(text: str) -> int:
    return int(text.replace(".", ""))


def test_what_is_removed_was_there(updates: list[Update]) -> None:
    """No side of the recording is full: how levels beyond the depth come in is the protocol sheet's word alone."""
    known: dict[str, tuple[set[str], set[str]]] = {}
    removed = 0
    for each in updates:
        if each.whole:
            known[each.symbol] = (set(), set())
        for side, held, levels in zip((True, False), known[each.symbol], (each.bids, each.asks), strict=True):
            for price, quantity in levels:
                if _steps(quantity):
                    held.add(price)
                else:
                    assert price in held
                    held.discard(price)
                    removed += 1
            for price in sorted(held, key=Decimal, reverse=side)[DEPTH:]:
                held.discard(price)
    assert removed > 100


def test_heartbeats_come_each_second_on_busy_books(shared_dir: Path, seed: int) -> None:
    beats: dict[int, list[int]] = defaultdict(list)
    frames_of: dict[int, int] = defaultdict(int)
    for line in tape(shared_dir):
        frames_of[line["conn"]] += 1
        if line["kind"] == "rx" and json.loads(line["raw"]) == {"event": "heartbeat"}:
            beats[line["conn"]].append(line["ts"])
    busiest = max(frames_of, key=lambda conn: frames_of[conn])
    bench = KrakenBench(seed=seed)
    _, wire = bench.listen("book", depth=DEPTH)
    bench.run(30)
    ours = [at for at, _, text in wire.said if text == b'{"channel":"heartbeat"}']
    for found in (beats[busiest], ours):
        gaps = [(after - before) / NS_PER_S for before, after in pairwise(found)]
        assert len(gaps) > 20
        assert median(gaps) == pytest.approx(1.0, abs=0.05)
        assert max(gaps) < 2.0
