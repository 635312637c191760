"""The verdict where a venue names no update ids: books, quotes and tickers by their time, candles while they run."""

from __future__ import annotations

from fractions import Fraction
from heapq import nlargest, nsmallest
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from strangers.verdict import FIELDS, Verdict, units

from bethna.twins.deribit.listings import listings as deribit_listings
from bethna.twins.kraken import listings as kraken_listings
from bethna.twins.market.truthfile import TruthFile
from bethna.twins.market.world import World

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
MS = 1_000_000
SYMBOL = "BTC/USD"
PERPETUAL = "BTC-PERPETUAL"
MINUTE_MS = 60_000
DEPTH = 10


def truth_of(tmp_path: Path, seed: int, symbol: str) -> Path:
    """Some seconds of one market."""
    listed = [each for each in (*kraken_listings(), *deribit_listings()) if each.symbol == symbol]
    world = World(seed, START, listed, pace=5.0)
    path = tmp_path / "truth.jsonl"
    file = TruthFile(path, world)
    world.advance(START + 4 * SECOND)
    file.close()
    return path


@pytest.fixture
def truth(tmp_path: Path, seed: int) -> Path:
    return truth_of(tmp_path, seed, SYMBOL)


def exact(value: int) -> str:
    return f"{value // 10**8}.{value % 10**8:08d}"


def steps(path: Path) -> list[tuple[int, int, int, list[Any]]]:
    """After each step: its time in ms, the running number, its update id, and the ten best levels of both sides."""
    lines = [msgspec.json.decode(line) for line in path.read_text().splitlines()]
    tick, lot = lines[0]["listings"][0]["tick"], lines[0]["listings"][0]["lot"]
    found: list[tuple[int, int, int, list[Any]]] = []
    sides: dict[str, dict[int, int]] = {}
    last_trade = 0
    for line in lines:
        if line["type"] == "book":
            sides = {"bid": dict(line["bids"]), "ask": dict(line["asks"])}
        elif line["type"] == "trade":
            last_trade = line["trade_id"]
        elif line["type"] == "change":
            for _, side, price, lots in line["changes"]:
                sides[side].pop(price, None)
                if lots:
                    sides[side][price] = lots
            best = (nlargest(DEPTH, sides["bid"]), nsmallest(DEPTH, sides["ask"]))
            tops = [
                [[exact(price * tick), exact(sides[side][price] * lot)] for price in prices]
                for side, prices in zip(("bid", "ask"), best, strict=True)
            ]
            update_id = line["changes"][-1][0]
            found.append((line["ts"] // MS, update_id + 2 * last_trade, update_id, tops))
    return found


def trades(path: Path) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(line) for line in path.read_text().splitlines()]
    tick, lot = lines[0]["listings"][0]["tick"], lines[0]["listings"][0]["lot"]
    return [
        {"id": line["trade_id"], "time": line["ts"] // MS, "price": line["price"] * tick,
         "quantity": line["quantity"] * lot}
        for line in lines if line["type"] == "trade"
    ]  # fmt: skip


def book(step: tuple[int, int, int, list[Any]], **name: int) -> dict[str, Any]:
    return {"kind": "book", "symbol": SYMBOL, "depth": DEPTH, "bids": step[3][0], "asks": step[3][1], **name}


def findings(told: list[dict[str, Any]], path: Path) -> list[str]:
    return Verdict(told, path, [], []).findings


def test_a_book_is_that_of_its_millisecond(truth: Path) -> None:
    found = steps(truth)
    told = [book(step, time=step[0]) for step in found]
    told += [book(step, time=step[0] + 1) for step, after in pairwise(found) if after[0] > step[0] + 1]
    told.append(book(found[-1], time=found[-1][0] + 9_000))  # nothing changed since
    assert findings(told, truth) == []


def test_an_older_and_a_newer_book_are_found(truth: Path) -> None:
    found = steps(truth)
    at = next(
        index for index in range(1, len(found) - 1)
        if found[index - 1][3] != found[index][3] != found[index + 1][3]
        and found[index - 1][0] + 2 < found[index][0] < found[index + 1][0] - 2
    )  # fmt: skip
    told = book(found[at])
    wrong = [
        told | {"time": found[at][0] - 1},
        told | {"time": found[at + 1][0] + 1},
        told | {"time": found[at][0], "depth": DEPTH + 1},
    ]
    assert len(findings(wrong, truth)) == len(wrong)


def test_a_running_number_names_one_book(truth: Path) -> None:
    found = steps(truth)
    assert findings([book(step, sequence=step[1]) for step in found[::50]], truth) == []
    assert len(findings([book(found[0], sequence=found[0][1] + 10**9)], truth)) == 1


def quote(step: tuple[int, int, int, list[Any]]) -> dict[str, Any]:
    return {"kind": "quote", "symbol": SYMBOL, "time": step[0], "bid": step[3][0][0], "ask": step[3][1][0]}


def test_a_quote_is_that_of_its_millisecond(truth: Path) -> None:
    found = steps(truth)
    assert findings([quote(step) for step in found], truth) == []
    wrong = quote(found[5]) | {"bid": [found[5][3][0][0][0], "77.0"]}
    assert len(findings([wrong], truth)) == 1


def ticker(upto: list[dict[str, Any]]) -> dict[str, Any]:
    prices = [each["price"] for each in upto]
    return {
        "kind": "ticker", "symbol": SYMBOL, "high": exact(max(prices)), "low": exact(min(prices)),
        "close": exact(prices[-1]), "volume": exact(sum(each["quantity"] for each in upto)),
    }  # fmt: skip


@pytest.mark.parametrize("by", ["time", "last"])
def test_a_ticker_is_of_all_trades_so_far(by: str, truth: Path) -> None:
    happened = trades(truth)
    right, wrong = [], [ticker(happened[:1]) | {"time": happened[-1]["time"] + 1}]
    for count in range(1, len(happened), 10):
        upto = happened[:count]
        told = ticker(upto) | {by: upto[-1]["time" if by == "time" else "id"]}
        right.append(told)
        wrong += [
            told | {field: exact(units(told[field]) + 1)} for field in ("high", "low", "close", "volume")
        ]
    assert findings(right, truth) == []
    assert len(findings(wrong, truth)) == len(wrong)


def candle(inside: list[dict[str, Any]], *, closed: bool, symbol: str = SYMBOL) -> dict[str, Any]:
    opens = inside[0]["time"] // MINUTE_MS * MINUTE_MS
    told = ticker(inside) | {
        "kind": "candle",
        "symbol": symbol,
        "via": "stream",
        "open": exact(inside[0]["price"]),
    }
    return told | {"opens": opens, "length": MINUTE_MS, "closed": closed}


def test_a_running_candle_is_what_its_first_trades_add_up_to(truth: Path) -> None:
    happened = trades(truth)
    right, wrong = [candle(happened, closed=True)], [candle(happened[:-1], closed=True)]
    wrong.append(candle(happened[1:], closed=False))
    for count in (1, len(happened) // 2, len(happened)):
        told = candle(happened[:count], closed=False)
        right.append(told)
        wrong += [told | {field: exact(units(told[field]) + 1)} for field in FIELDS]
    assert findings(right, truth) == []
    assert len(findings(wrong, truth)) == len(wrong)


def test_a_running_candle_without_a_trade_has_the_price_before(truth: Path) -> None:
    happened = trades(truth)
    second = next(each["time"] // 1000 + 1 for each in happened)
    before = [each for each in happened if each["time"] < second * 1000][-1]
    flat = candle([before], closed=False) | {"opens": second * 1000, "length": 1000, "volume": "0"}
    assert findings([flat], truth) == []
    assert len(findings([flat | {"open": exact(before["price"] + 1)}, flat | {"closed": True}], truth)) == 2


@pytest.mark.parametrize("closed", [True, False])
def test_a_volume_in_coins_is_near(closed: bool, tmp_path: Path, seed: int) -> None:
    path = truth_of(tmp_path, seed, PERPETUAL)
    happened = trades(path)
    coins = round(sum(Fraction(each["quantity"] * 10**8, each["price"]) for each in happened))
    told = candle(happened, closed=closed, symbol=PERPETUAL) | {"coins": True, "volume": exact(coins)}
    assert findings([told], path) == []
    least = min(Fraction(each["quantity"] * 10**8, each["price"]) for each in happened)
    wrong = told | {"volume": exact(coins - round(least / 2))}
    assert len(findings([wrong], path)) == 1


def test_a_step_may_be_finer_than_a_lot_but_not_beside_it(truth: Path) -> None:
    told = {
        "kind": "market",
        "symbol": SYMBOL,
        "base": "BTC",
        "quote": "USD",
        "tick": "0.1",
        "step": "0.00000001",
    }
    assert findings([told], truth) == []
    assert len(findings([told | {"step": "0.3"}], truth)) == 1
    assert len(findings([told | {"tick": "0.01"}], truth)) == 1


def test_what_a_client_cannot_have_is_not_missed(truth: Path) -> None:
    assert Verdict([], truth, [SYMBOL], ["trade"]).findings == [f"{SYMBOL}: no trade was told"]
