"""Several simulated venues at once: whose a fault of a plan is, one truth for all, one price of an asset behind all."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import FaultError, Plans, read_plans
from bethna.twins.market.market import Market
from bethna.twins.market.truthfile import TruthFile
from bethna.twins.market.world import World
from bethna.twins.registry import VENUES

START = 1_699_999_980_000_000_000
LISTED = {"binance": ["BTCUSDT"], "kraken": ["BTC/USD"]}
BITCOIN = {"binance": "BTCUSDT", "coinbase": "BTC-USD", "kraken": "BTC/USD", "deribit": "BTC-PERPETUAL"}
ETHER = {"binance": "ETHUSDT", "coinbase": "ETH-USD", "kraken": "ETH/USD", "deribit": "ETH-PERPETUAL"}
BAND = 0.005
"""How far apart venues may be for a moment, as a share of the price; for most of the time it is a tenth of that."""


def plans_for(text: str, name: str, listed: dict[str, list[str]], usual: str = "") -> Plans:
    return read_plans(
        text, name, {venue: (symbols, VENUES[venue].words) for venue, symbols in listed.items()}, usual
    )


def test_each_fault_goes_to_the_venue_that_it_names() -> None:
    text = """
    [[fault]]
    kind = "cut"
    venue = "kraken"
    symbol = "BTC/USD"

    [[fault]]
    venue = "binance"
    kind = "http_418"
    """
    plans = plans_for(text, "p.toml", LISTED)
    assert [(venue, [fault.kind for fault in plan]) for venue, plan in plans.items()] == [
        ("binance", ["http_418"]),
        ("kraken", ["cut"]),
    ]
    assert plans["kraken"][0].line == 2


def test_where_one_venue_is_meant_it_need_not_be_named() -> None:
    text = '[[fault]]\nkind = "cut"\n'
    assert len(plans_for(text, "p", {"kraken": ["BTC/USD"]})["kraken"]) == 1
    assert {venue: len(plan) for venue, plan in plans_for(text, "p", LISTED, "kraken").items()} == {
        "binance": 0, "kraken": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said", "hint"),
    [
        (
            'kind = "cut"',
            "p line 1: venue: expected one of binance, kraken, found nothing",
            "several venues run",
        ),
        (
            'kind = "cut"\nvenue = "kraken2"',
            "p line 3: venue: expected one of binance, kraken",
            "did you mean kraken?",
        ),
        ('kind = "cut"\nvenue = "deribit"', "p line 3: venue: expected one of binance, kraken", ""),
        ('kind = "cut"\nvenue = 7', "p line 3: venue: expected one of binance, kraken, found 7", ""),
        (
            'kind = "cut"\nvenue = ""',
            "p line 3: venue: expected one of binance, kraken",
            "several venues run",
        ),
        (
            'kind = "http_418"\nvenue = "kraken"',
            "p line 2: kind: expected a kind of fault that kraken can have, found 'http_418'",
            "http_418 fits binance",
        ),
        ('kind = "cut"\nvenue = "kraken"\nsymbol = "BTCUSDT"', "p line 4: symbol", ""),
    ],
)
def test_what_does_not_fit_is_refused_by_name_with_its_line(lines: str, said: str, hint: str) -> None:
    with pytest.raises(FaultError) as caught:
        plans_for(f"[[fault]]\n{lines}\n", "p", LISTED)
    assert said in caught.value.message
    assert hint in caught.value.hint


def world_of(venue: str, seed: int, *symbols: str) -> World:
    listed = [each for each in VENUES[venue].listings() if each.symbol in symbols]
    assert len(listed) == len(symbols)
    return World(seed, START, listed)


def test_each_line_of_a_truth_of_several_says_whose_it_is(tmp_path: Path, seed: int) -> None:
    worlds = {venue: world_of(venue, seed, BITCOIN[venue]) for venue in ("binance", "kraken")}
    file = TruthFile(tmp_path / "truth.jsonl", worlds)
    for world in worlds.values():
        world.advance(START + 130 * NS_PER_S)
    file.close()
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert len(lines) == file.lines
    assert [(line["type"], line["venue"]) for line in lines[:4]] == [
        ("world", "binance"), ("book", "binance"), ("world", "kraken"), ("book", "kraken"),
    ]  # fmt: skip
    counts = Counter((line["venue"], line["type"]) for line in lines)
    for venue in worlds:
        assert counts[venue, "trade"] > 10
        assert counts[venue, "change"] > 10
        assert counts[venue, "candle"] >= 2
        symbols = {line["symbol"] for line in lines if line["venue"] == venue and line["type"] != "world"}
        assert symbols == {BITCOIN[venue]}


def middle(market: Market) -> float:
    [(bid, _)], [(ask, _)] = market.depth(1)
    return (bid + ask) / 2 * market.listing.tick / 1e8


@pytest.mark.parametrize("symbols", [BITCOIN, ETHER])
def test_venues_of_one_seed_and_start_agree_on_what_an_asset_is_worth(
    symbols: dict[str, str], seed: int
) -> None:
    worlds = {venue: world_of(venue, seed, symbol) for venue, symbol in symbols.items()}
    apart = []
    for second in range(10, 600, 10):
        prices = []
        for venue, world in worlds.items():
            world.advance(START + second * NS_PER_S)
            prices.append(middle(world.markets[symbols[venue]]))
        apart.append(max(prices) / min(prices) - 1)
    assert max(apart) < BAND
    assert sorted(apart)[len(apart) // 2] < BAND / 2
