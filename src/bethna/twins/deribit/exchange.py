"""All instruments of the venue on the market model's world, and what is announced of them; it talks to nobody.

Rules
  1. It hears every step before any stream does, so what a stream says is already among the trades here.
  2. An index is the fair value of its coin in the running second, which the first perpetual of the coin tells.
  3. Options live with the first step of their coin's perpetual that is a second or more after the last such step.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.options import FIRST_INDEX, PLACES, Desk
from bethna.twins.deribit.perpetual import Perpetual
from bethna.twins.market.facts import UNIT, Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World


class Exchange:
    """The instruments.

    Attributes:
        contracts: by name, those that have not expired. desks: of options, by currency.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._origin = -(-world.start // NS_PER_MS) * NS_PER_MS
        self._perpetuals: list[Perpetual] = []
        self._drivers: dict[int, Desk] = {}
        self.contracts: dict[str, Contract] = {}
        self.desks: dict[str, Desk] = {}
        for market in world.markets.values():
            perpetual = Perpetual(market, self._pricer(market), world.start)
            self._perpetuals.append(perpetual)
            self.contracts[market.listing.symbol] = perpetual
            if market.listing.trading and perpetual.currency not in self.desks:
                rng = Random(f"{world.seed}/options/{perpetual.currency}")
                first = FIRST_INDEX + PLACES * len(self.desks)
                places = range(first, first + PLACES)
                desk = Desk(perpetual.currency, rng, self.contracts, perpetual.index_price, places)
                self._drivers[market.index] = self.desks[perpetual.currency] = desk
                desk.open(self.now)
                desk.due = world.start + NS_PER_S
        world.listen(self._hear)

    @property
    def now(self) -> int:
        """The venue's clock."""
        return self.world.now + self.world.clock_offset_ns

    @property
    def currencies(self) -> tuple[str, ...]:
        """Those that anything is listed of."""
        return tuple(dict.fromkeys(each.currency for each in self._perpetuals))

    def index_price(self, currency: str) -> float | None:
        """USD (rule 2), None of a currency that nothing is listed of."""
        for each in self._perpetuals:
            if each.currency == currency:
                return each.index_price()
        return None

    def named(self, old: str, new: str) -> None:
        """A perpetual goes on under another name."""
        contract = self.contracts.pop(old)
        contract.deals.rename(new)
        self.contracts[new] = contract

    def of(self, currency: str, kind: str) -> list[Contract]:
        """Instruments of a currency and a kind; `any` is every one."""
        return [
            each
            for each in self.contracts.values()
            if currency in ("any", each.currency) and kind in ("any", each.kind)
        ]

    def _pricer(self, market: Market) -> Callable[[], float]:
        def price() -> float:
            ticks = market.fair(max(0, self.world.now - self._origin))
            return ticks * market.listing.tick / UNIT

        return price

    def _hear(self, market: Market, step: Step) -> None:
        """Rules 1 and 3."""
        if step.executions:
            self._perpetuals[market.index].trade(step)
        desk = self._drivers.get(market.index)
        if desk is not None and self.world.now >= desk.due:
            desk.due = self.world.now + NS_PER_S
            desk.round(step.ts)
