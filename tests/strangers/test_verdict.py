"""The verdict on foreign clients: what is told as it happened is equal, and every way to tell it wrong is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from strangers.verdict import DEEPEST, Verdict, units

from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.truthfile import TruthFile
from bethna.twins.market.world import World

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
SYMBOL = "BTCUSDT"


@pytest.fixture
def truth(tmp_path: Path, seed: int) -> Path:
    """Ten seconds of one market."""
    listings = [each for each in catalogue() if each.symbol == SYMBOL]
    world = World(seed, START, listings, pace=5.0)
    path = tmp_path / "truth.jsonl"
    file = TruthFile(path, world)
    world.advance(START + 10 * SECOND)
    file.close()
    return path


def exact(value: int) -> str:
    return f"{value // 10**8}.{value % 10**8:08d}"


def said(path: Path) -> list[dict[str, Any]]:
    """Everything that a client without fault would tell, from the file itself and by other means than the verdict's."""
    import json

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    listing = lines[0]["listings"][0]
    tick, lot = listing["tick"], listing["lot"]

    def level(pair: list[int]) -> list[str]:
        return [exact(pair[0] * tick), exact(pair[1] * lot)]

    told: list[dict[str, Any]] = [{"kind": "about", "client": "nobody", "version": "1"}]
    told.append(
        {
            "kind": "market",
            "symbol": SYMBOL,
            "base": "BTC",
            "quote": "USDT",
            "tick": exact(tick),
            "lot": exact(lot),
        }
    )
    trades = [line for line in lines if line["type"] == "trade"]
    for each in trades:
        fact = {
            "symbol": SYMBOL, "id": each["trade_id"], "price": exact(each["price"] * tick),
            "quantity": float(exact(each["quantity"] * lot)), "sold": each["buyer_is_maker"],
            "time": each["ts"] // 1_000_000,
        }  # fmt: skip
        told += [{"kind": "trade", **fact}, {"kind": "past trade", **fact}]
    prices = [each["price"] for each in trades]
    whole = {
        "symbol": SYMBOL, "first": trades[0]["trade_id"], "last": trades[-1]["trade_id"],
        "open": exact(prices[0] * tick), "high": exact(max(prices) * tick), "low": exact(min(prices) * tick),
        "close": exact(prices[-1] * tick), "volume": exact(sum(each["quantity"] for each in trades) * lot),
    }  # fmt: skip
    told.append({"kind": "ticker", **whole})
    told.append(
        {
            "kind": "candle",
            "via": "stream",
            "opens": START // 10**6,
            "length": 60_000,
            "closed": True,
            **whole,
        }
    )
    book = next(line for line in lines if line["type"] == "book")
    best = [[level(each) for each in book[side][:DEEPEST]] for side in ("bids", "asks")]
    told.append(
        {"kind": "book", "symbol": SYMBOL, "update_id": book["update_id"], "bids": best[0], "asks": best[1]}
    )
    told.append(
        {
            "kind": "quote",
            "symbol": SYMBOL,
            "update_id": book["update_id"],
            "bid": best[0][0],
            "ask": best[1][0],
        }
    )
    return told


def first(told: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(line for line in told if line["kind"] == kind)


def test_what_happened_is_equal(truth: Path) -> None:
    told = said(truth)
    verdict = Verdict(told, truth, [SYMBOL])
    assert verdict.findings == []
    assert verdict.counts.total() == len(told) - 1  # all but `about`
    assert verdict.about["client"] == "nobody"


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        ("trade", "price", "1.00000000"),
        ("trade", "quantity", 77.0),
        ("trade", "sold", None),
        ("trade", "time", 0),
        ("trade", "id", 1),
        ("past trade", "price", "1.00000000"),
        ("ticker", "high", "1.00000000"),
        ("ticker", "volume", "1.00000000"),
        ("candle", "low", "1.00000000"),
        ("candle", "opens", 0),
        ("book", "update_id", 1),
        ("book", "bids", []),
        ("quote", "ask", ["1.0", "1.0"]),
        ("market", "tick", "0.1"),
    ],
)
def test_a_wrong_word_is_found(kind: str, name: str, wrong: object, truth: Path) -> None:
    told = said(truth)
    first(told, kind)[name] = wrong
    findings = Verdict(told, truth, [SYMBOL]).findings
    assert any(f"{SYMBOL} {kind}" in each for each in findings), findings


def test_a_hole_a_double_and_a_wrong_order_are_found(truth: Path) -> None:
    for damage in ("hole", "double", "order"):
        told = said(truth)
        at = [index for index, line in enumerate(told) if line["kind"] == "trade"][3:5]
        if damage == "hole":
            del told[at[0]]
        elif damage == "double":
            told.insert(at[0], told[at[0]])
        else:
            told[at[0]], told[at[1]] = told[at[1]], told[at[0]]
        findings = Verdict(told, truth, [SYMBOL]).findings
        assert len(findings) == 1, damage
        assert "not the next id" in findings[0]


@pytest.mark.parametrize("kind", ["trade", "candle", "ticker", "quote", "book", "market", "past trade"])
def test_silence_is_found(kind: str, truth: Path) -> None:
    told = [line for line in said(truth) if line["kind"] != kind]
    named = "history" if kind == "past trade" else kind
    assert Verdict(told, truth, [SYMBOL]).findings == [f"{SYMBOL}: no {named} was told"]


def test_what_a_client_complains_of_is_a_finding(truth: Path) -> None:
    told = [*said(truth), {"kind": "error", "text": "queue overflow"}]
    assert Verdict(told, truth, [SYMBOL]).findings == ["the client said: queue overflow"]


def test_prices_are_compared_to_the_last_decimal() -> None:
    assert units("61250.01000000") == units(61250.01) == 6_125_001_000_000
    assert units(1e-05) == 1000
    with pytest.raises(ValueError, match="8 decimals"):
        units("0.000000001")
