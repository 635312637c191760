"""What the simulated Kraken lists, and how near its prices are to those of a venue of the same seed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from twin_bench import START

from bethna.core.clock import NS_PER_S
from bethna.twins.kraken import listings
from bethna.twins.kraken.listings import listing
from bethna.twins.kraken.text import Precision
from bethna.twins.kraken.words import WORDS
from bethna.twins.market import catalogue
from bethna.twins.market.facts import UNIT
from bethna.twins.market.flow import TAKERS
from bethna.twins.market.market import Market
from bethna.twins.market.world import World
from bethna.twins.registry import VENUES, build, chosen

BAND = 0.003
ROW_LIMIT = 2**63
PACE = 50


def test_the_list_has_the_venues_quotes_and_no_pair_twice() -> None:
    symbols = [each.symbol for each in listings()]
    assert len(set(symbols)) == len(symbols) > 150
    assert {each.quote for each in listings()} == {"USD", "EUR", "GBP", "USDT", "USDC", "BTC", "ETH"}
    assert {"BTC/USD", "ETH/USD", "POL/USD", "MINA/GBP", "DOGE/USD", "USDT/USD"} <= set(symbols)
    assert not any(symbol.startswith(("XBT/", "XDG/", "MATIC/")) for symbol in symbols)
    assert [each.rate for each in listings()] == sorted((each.rate for each in listings()), reverse=True)
    assert all(each.symbol == f"{each.base}/{each.quote}" for each in listings())


def test_steps_are_powers_of_ten_that_the_venue_can_write() -> None:
    for each in listings():
        precision = Precision(each)
        assert each.tick == 10 ** (8 - precision.price_decimals)
        assert 1 <= precision.price_decimals <= 8
        assert precision.lots == each.lot * 10**precision.quantity_decimals / UNIT
        assert precision.lots >= 10, "quantities end with a zero"
        assert each.price * UNIT / each.tick > 100, "a price of fewer steps could hardly move"


def test_an_hour_of_the_liveliest_market_fits_the_markets_rows() -> None:
    for each in listings():
        hourly = PACE * each.rate * 3600 * TAKERS * 2 * each.size * each.price * UNIT / each.tick
        assert 10 * hourly < ROW_LIMIT, each.symbol


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_prices_of_one_base_are_near_each_other_on_two_venues_of_one_seed(seed: int) -> None:
    pairs = (("BTC/USD", "BTCUSDT"), ("ETH/USD", "ETHUSDT"), ("SOL/EUR", "SOLUSDT"), ("XRP/USD", "XRPUSDT"))
    here_listed = [listing(each) for each in (*(here for here, _ in pairs), "EUR/USD")]
    there_listed = [catalogue.listing(here.partition("/")[0], "USDT") for here, _ in pairs]
    ours, theirs = (
        World(seed, START, [replace(each, rate=3.0) for each in listed])
        for listed in (here_listed, there_listed)
    )
    moved = 0.0
    for minute in range(1, 61):
        for world in (ours, theirs):
            world.advance(START + minute * 60 * NS_PER_S)
        for here, there in pairs:
            price = _middle(ours.markets[here])
            if here.endswith("EUR"):
                price *= _middle(ours.markets["EUR/USD"])
            other = _middle(theirs.markets[there])
            assert abs(price / other - 1) < BAND, (minute, here)
        moved = max(moved, abs(_middle(ours.markets["SOL/EUR"]) / ours.markets["SOL/EUR"].listing.price - 1))
    assert moved > BAND, "prices moved further than they may differ"


def _middle(market: Market) -> float:
    bid, ask = market.best()
    assert bid is not None
    assert ask is not None
    return (bid[0] + ask[0]) / 2 * market.listing.tick / UNIT


def test_it_is_registered() -> None:
    assert VENUES["kraken"].words is WORDS
    assert [each.symbol for each in chosen("btc/usd,POL/USD", "kraken")] == ["BTC/USD", "POL/USD"]
    made = build("kraken", seed=7, start=START, listings=chosen("5", "kraken"))
    assert len(made.world.markets) == 5
    assert made.venue.words is WORDS
