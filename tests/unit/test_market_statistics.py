"""The market model moves like a market: together, in clusters and in bursts; liveliness is as listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import log
from statistics import correlation, fmean, pvariance

import pytest
from conftest import Campaign

from bethna.core.clock import NS_PER_S
from bethna.twins.market.catalogue import catalogue, traits_of
from bethna.twins.market.facts import UNIT, Listing, Step
from bethna.twins.market.latent import Latent
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

START = 1_700_000_000_000_000_000
LISTED = {each.symbol: each for each in catalogue()}


def paths(seed: int, names: Iterable[str], length: int) -> dict[str, list[float]]:
    """Changes of the fair log prices, second by second."""
    latent = Latent(seed, ((name, traits_of(name)) for name in names))
    told: dict[str, list[float]] = {name: [] for name in latent.paths}
    for second in range(1, length):
        latent.advance(second)
        for name, path in latent.paths.items():
            told[name].append(path.ahead - path.here)
    return told


def trades_by_slot(world: World, slot_s: float, slots: int) -> list[int]:
    """How many takers came in each slot."""
    counts = [0] * slots

    def hear(market: Market, step: Step) -> None:
        assert market.index == 0
        counts[min(slots - 1, int((step.ts - START) / NS_PER_S / slot_s))] += bool(step.executions)

    world.listen(hear)
    world.advance(START + int(slot_s * slots * NS_PER_S))
    return counts


def mids(world: World, symbols: Sequence[str], every_s: int, count: int) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {symbol: [] for symbol in symbols}
    for _ in range(count):
        world.advance(world.now + every_s * NS_PER_S)
        for symbol in symbols:
            bid, ask = world.markets[symbol].best()
            assert bid is not None
            assert ask is not None
            told[symbol].append(log(bid[0] + ask[0]))
    return told


def changes(values: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(values)]


# --- fair values


def together(one: list[float], other: list[float]) -> float:
    """Correlation of changes without their jumps: one asset's own jump of many sizes would drown the rest."""

    def calm(values: list[float]) -> list[float]:
        most = 4 * fmean(map(abs, values))
        return [max(-most, min(most, each)) for each in values]

    return correlation(calm(one), calm(other))


def test_majors_move_together_and_pegs_do_not(campaign: Campaign) -> None:
    for seed in campaign.seeds(3, 100):
        moved = paths(seed, ["BTC", "ETH", "SOL", "POL", "EUR", "USDT"], 6_000)
        assert together(moved["BTC"], moved["ETH"]) > 0.6
        assert together(moved["BTC"], moved["SOL"]) > 0.45
        assert together(moved["ETH"], moved["POL"]) > 0.35
        assert abs(together(moved["BTC"], moved["EUR"])) < 0.3
        assert abs(sum(moved["USDT"])) < 0.002


def test_volatility_comes_in_clusters(campaign: Campaign) -> None:
    lags = []
    for seed in campaign.seeds(6, 100):
        # jumps are rare and huge in squares: the ranks of sizes are what clusters
        sizes = [min(abs(change), 0.0005) for change in paths(seed, ["BTC"], 6_000)["BTC"]]
        squares = [size * size for size in sizes]
        lags.append(correlation(squares[:-1], squares[1:]))
        lags.append(correlation(squares[:-60], squares[60:]))
    assert fmean(lags) > 0.08
    assert fmean(each > 0 for each in lags) > 0.9


def test_an_asset_does_not_depend_on_its_neighbours(seed: int) -> None:
    assert paths(seed, ["BTC", "POL", "FET"], 50)["POL"] == paths(seed, ["POL"], 50)["POL"]


def test_there_are_jumps(campaign: Campaign) -> None:
    moved = [abs(x) for seed in campaign.seeds(4, 40) for x in paths(seed, ["SOL"], 10_000)["SOL"]]
    usual = fmean(moved)
    assert max(moved) > 12 * usual


# --- what is seen of them


def test_what_trades_moves_together_and_follows_the_fair_price(campaign: Campaign) -> None:
    symbols = ("BTCUSDT", "ETHUSDT")
    found = []
    for seed in campaign.seeds(2, 30):
        world = World(seed, START, [LISTED[symbol] for symbol in symbols])
        told = mids(world, symbols, 10, 90)
        found.append(correlation(changes(told["BTCUSDT"]), changes(told["ETHUSDT"])))
        for symbol in symbols:
            fair = world.markets[symbol].fair(world.now - START)
            bid, ask = world.markets[symbol].best()
            assert bid is not None
            assert ask is not None
            assert abs((bid[0] + ask[0]) / 2 / fair - 1) < 0.004
    assert fmean(found) > 0.5


def test_trades_come_in_bursts(campaign: Campaign) -> None:
    dispersions = []
    for seed in campaign.seeds(3, 60):
        counts = trades_by_slot(World(seed, START, [LISTED["POLUSDT"]], pace=4.0), 1.0, 150)
        dispersions.append(pvariance(counts) / fmean(counts))
    assert fmean(dispersions) > 1.3  # independent arrivals: 1


def test_pace_scales_how_much_happens(campaign: Campaign) -> None:
    totals = {1.0: 0, 8.0: 0}
    for seed in campaign.seeds(4, 60):
        for pace in totals:
            totals[pace] += sum(trades_by_slot(World(seed, START, [LISTED["SOLUSDT"]], pace=pace), 20, 2))
    assert 5.0 < totals[8.0] / totals[1.0] < 12.5


def test_the_catalogue_is_lively_where_a_person_looks_and_quiet_elsewhere(campaign: Campaign) -> None:
    listed = catalogue()
    tail = [each.symbol for each in listed if each.trading and each.rate < 0.05]
    trades: dict[str, int] = dict.fromkeys(LISTED, 0)
    events: dict[str, int] = dict.fromkeys(LISTED, 0)
    seeds = list(campaign.seeds(2, 10))
    for seed in seeds:
        world = World(seed, START)
        before = {symbol: (m.update_id, m.last_trade_id) for symbol, m in world.markets.items()}
        world.advance(START + 60 * NS_PER_S)
        for symbol, market in world.markets.items():
            events[symbol] += market.update_id - before[symbol][0]
            trades[symbol] += market.last_trade_id - before[symbol][1]
    minutes = len(seeds)
    assert events["BTCUSDT"] / minutes > 10 * 60
    assert trades["BTCUSDT"] / minutes > 4 * 60
    for symbol in ("ETHUSDT", "SOLUSDT"):
        assert trades[symbol] / minutes > 90
    assert trades["POLUSDT"] / minutes > 40
    assert len(tail) > 60
    assert 0 < sum(trades[symbol] for symbol in tail) / minutes / len(tail) < 1.5
    assert all(trades[each.symbol] == 0 for each in listed if not each.trading)


def test_a_thousand_levels_a_side_stay_there(campaign: Campaign) -> None:
    for seed in campaign.seeds(1, 20):
        world = World(seed, START, [LISTED["BTCUSDT"]])
        for _ in range(6):
            bids, asks = world.markets["BTCUSDT"].depth(5_000)
            assert min(len(bids), len(asks)) > 1_000
            world.advance(world.now + 60 * NS_PER_S)


def test_the_catalogue_holds_what_it_promises() -> None:
    listed = catalogue()
    assert 300 <= len(listed) <= 700
    assert len(LISTED) == len(listed)
    assert {
        "BTCUSDT",
        "ETHUSDT",
        "SOLUSDT",
        "POLUSDT",
        "BTCUSDC",
        "BTCFDUSD",
        "ETHBTC",
        "BTCEUR",
        "BTCTRY",
    } <= set(LISTED)
    assert {each.quote for each in listed} == {"USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR", "TRY"}
    assert LISTED["MATICUSDT"].trading is False
    assert listed == tuple(sorted(listed, key=lambda each: -each.rate))
    for each in listed:
        assert each.symbol == each.base + each.quote
        assert each.tick >= 1
        assert each.lot >= 1
        assert str(each.tick).strip("0") == "1"
        assert str(each.lot).strip("0") == "1"
        assert each.price * UNIT / each.tick >= 50
        assert each.size >= 4
        assert each.levels >= 20
    # one coin, one worth: a pair's price is the quotient of its assets'
    assert LISTED["ETHBTC"].price == pytest.approx(LISTED["ETHUSDT"].price / LISTED["BTCUSDT"].price)


@pytest.mark.parametrize("field", ["tick", "lot", "size", "rate"])
def test_a_listing_that_cannot_be_is_refused(field: str) -> None:
    whole = {"symbol": "AUSDT", "base": "A", "quote": "USDT", "tick": 1, "lot": 1, "price": 1.0, "rate": 1.0}
    with pytest.raises(ValueError, match="above 0"):
        World(1, START, [Listing(**{**whole, field: 0})])  # type: ignore[arg-type]  # values of several types
    with pytest.raises(ValueError, match="twice"):
        World(1, START, [LISTED["BTCUSDT"], LISTED["BTCUSDT"]])
