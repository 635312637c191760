"""Indices, volatility and valuations of a simulated venue: the desk shows what the twin's own model says, and when not.

The option is priced anew here, from the volatility and the underlying price that the venue states, by Black's formula
written once more and by differences of it: stated Greeks that did not fit the stated prices would be found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import erf, log, sqrt
from random import Random

import pytest
from faultgrid.ground import DERIBIT
from faultgrid.memory_link import Driver, MemoryNetwork
from faultgrid.trial import START
from virtual_time import VirtualClock, pass_time
from virtual_trading import virtually

from bethna.app.engines import OwnEngine
from bethna.app.trading import RealTimeTrading
from bethna.config import Settings
from bethna.config.settings import HostUrls
from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.coverage import State
from bethna.core.instrument import FEATURES
from bethna.core.reference import IndexView, ValuationView
from bethna.twins.deribit import DeribitTwin
from bethna.twins.deribit.option import TICKS, Option
from bethna.twins.deribit.perpetual import Perpetual
from bethna.twins.faults import Fault, Faults
from bethna.twins.market.facts import UNIT
from bethna.twins.market.world import World

INDEX, DVOL, PERPETUAL = "BTC-USD-INDEX@deribit", "BTC-DVOL@deribit", "BTC-PERPETUAL@deribit"
DAY_S = 86_400.0


@dataclass
class Bench:
    """A desk before the twin. `option` is at the money, and lives longer than the test."""

    desk: RealTimeTrading
    twin: DeribitTwin
    driver: Driver
    option: Option

    @property
    def symbol(self) -> str:
        return f"{self.option.name}@deribit"

    async def still(self) -> None:
        """The world stands still, and everything that it has said has come."""
        self.driver.stop()
        await pass_time(0.5)


@asynccontextmanager
async def bench(clock: VirtualClock, seed: int, *faults: Fault) -> AsyncIterator[Bench]:
    rng = Random(seed)
    world = World(seed, START, DERIBIT.listings())
    twin = DERIBIT.twin(world, Faults(faults, START, Random(seed)), rng)
    assert isinstance(twin, DeribitTwin)
    driver = Driver(twin, clock)
    network = MemoryNetwork(driver)
    driver.arm()
    options = [
        each
        for each in twin.exchange.desks["BTC"].listed()
        if each.terms.expiry - START > 7 * DAY_S * NS_PER_S
    ]
    option = min(options, key=lambda each: abs(each.terms.strike - each.future))
    settings = Settings(
        source="live",
        symbols=(INDEX, DVOL, PERPETUAL, f"{option.name}@deribit"),
        hosts={"deribit": (HostUrls("ws://twin.invalid", "http://twin.invalid"),)},
        origins={"symbols": "the test"},
    )
    engine = OwnEngine(settings, FEATURES, pace=clock, rng=Random(seed), network=network)
    try:
        async with RealTimeTrading.over(engine) as desk:
            yield Bench(desk, twin, driver, option)
    finally:
        driver.stop()


def fair_index(twin: DeribitTwin, ts_event: int | None) -> float:
    """The fair value that the market model keeps to itself, of an instant of the second that is running."""
    assert ts_event is not None
    assert ts_event // NS_PER_S == twin.world.now // NS_PER_S
    perpetual = twin.exchange.contracts["BTC-PERPETUAL"]
    assert isinstance(perpetual, Perpetual)
    market = perpetual.market
    return round(market.fair(max(0, ts_event - START)) * market.listing.tick / UNIT, 2)


def black(forward: float, strike: float, years: float, volatility: float, *, call: bool) -> float:
    spread = volatility * sqrt(years)
    d1 = log(forward / strike) / spread + spread / 2
    sign = 1.0 if call else -1.0

    def normal(x: float) -> float:
        return (1.0 + erf(x / sqrt(2.0))) / 2.0

    return sign * (forward * normal(sign * d1) - strike * normal(sign * (d1 - spread)))


def test_the_desk_shows_the_twins_own_figures(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk, twin = found.desk, found.twin
            await desk.ready(INDEX, DVOL, PERPETUAL, timeout_s=60)
            heard: list[tuple[IndexView, float]] = []
            said: list[IndexView] = []
            desk.indices.on(INDEX, lambda view: heard.append((view, fair_index(twin, view.ts_event))))
            desk.indices.on(DVOL, said.append)
            await pass_time(30)
            await found.still()
            assert len(heard) >= 25
            for view, fair in heard:
                assert (view.value, view.stale) == (fair, False)
                assert view.coverage.state is State.UNVERIFIED
            levels = twin.exchange.desks["BTC"].levels
            for view in said:
                assert view.ts_event is not None
                until = view.ts_event + NS_PER_MS
                assert view.value == next(level for at, level in reversed(levels) if at < until)
            assert (desk.indices[INDEX].unit, desk.indices[DVOL].unit) == ("USD", "%")
            assert desk.prices[INDEX].price == desk.indices[INDEX].value
            check_perpetual(found, desk.valuations[PERPETUAL])
            check_option(found, desk.valuations[found.symbol])
            rows = {row.instrument: row for row in await desk.valuations.fetch()}
            assert set(rows) == {PERPETUAL, found.symbol}

    virtually(main)


def check_perpetual(found: Bench, view: ValuationView) -> None:
    perpetual = found.twin.exchange.contracts["BTC-PERPETUAL"]
    assert isinstance(perpetual, Perpetual)
    assert view.mark_price is not None
    assert view.index_price is not None
    assert view.funding is not None
    assert view.mark_price == pytest.approx(perpetual.mark_price(), rel=1e-4)  # it is said ten times a second
    assert view.index_price == perpetual.index_price()
    assert view.funding == pytest.approx((view.mark_price - view.index_price) / view.index_price, abs=1e-8)
    assert view.funding_8h == pytest.approx(view.funding / 8, abs=1e-8)
    assert (view.kind, view.price_unit, view.quantity_unit) == ("perpetual", "USD", "USD")
    assert view.open_interest is not None
    assert view.open_interest % 10 == 0
    assert view.greeks is None


def check_option(found: Bench, view: ValuationView) -> None:
    option = found.option
    assert (view.mark_price, view.index_price, view.underlying_price) == (
        option.mark, option.usd, round(option.future, 2),
    )  # fmt: skip
    assert (view.kind, view.price_unit, view.quantity_unit) == ("option", "BTC", "BTC")
    assert view.ts_event == option.moved // NS_PER_MS * NS_PER_MS
    assert view.greeks is not None
    assert view.underlying_price is not None
    assert view.mark_iv is not None
    years = (option.terms.expiry - option.moved) / (365 * DAY_S * NS_PER_S)
    forward, strike, call = view.underlying_price, float(option.terms.strike), option.terms.call

    def value(of: float = forward, vol: float = view.mark_iv or 0.0, left: float = years) -> float:
        return black(of, strike, left, vol, call=call)

    point, step = 0.01, forward * 1e-4
    vega = (value(vol=view.mark_iv + point / 2) - value(vol=view.mark_iv - point / 2)) * 1.0
    rounding = 0.6 / TICKS * forward + vega * 0.006  # of the mark to a tick, of the volatility to 0.01 %
    assert view.mark_price is not None
    assert view.mark_price * forward == pytest.approx(value(), abs=rounding)
    assert view.greeks.vega == pytest.approx(vega, rel=2e-3, abs=0.01)
    assert view.greeks.delta == pytest.approx(
        (value(forward + step) - value(forward - step)) / (2 * step), abs=2e-3
    )
    gamma = (value(forward + step) - 2 * value() + value(forward - step)) / step**2
    assert view.greeks.gamma == pytest.approx(gamma, rel=0.05, abs=1e-5)
    day = 1 / 365
    assert view.greeks.theta == pytest.approx(
        (value(left=years - day / 2) - value(left=years + day / 2)), rel=0.02
    )
    for side, bid in ((view.bid_iv, True), (view.ask_iv, False)):
        best = option.best()[0 if bid else 1]
        if side is not None and best is not None:
            assert value(vol=side) == pytest.approx(best[0] / TICKS * forward, abs=vega * 0.012)


def test_a_cut_is_said_of_each_figure_until_its_next_word(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, Fault(kind="cut", at_s=20.0)) as found:
            desk = found.desk
            await desk.ready(INDEX, PERPETUAL, timeout_s=60)
            heard: list[IndexView] = []
            worth: list[ValuationView] = []
            desk.indices.on(INDEX, heard.append)
            desk.valuations.on(PERPETUAL, worth.append)
            await pass_time(60)
            await found.still()
            for views in (heard, worth):
                lost = [view for view in views if view.coverage.state is State.INCOMPLETE]
                assert lost, "the cut was not said"
                assert all(view.stale and view.coverage.gaps[0].reason == "disconnected" for view in lost)
                assert not views[-1].stale
                assert views[-1].coverage.state is State.UNVERIFIED

    virtually(main)
