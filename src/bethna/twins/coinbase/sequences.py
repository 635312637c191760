"""The running number of each product, which the venue counts over its full feed of orders; it words nothing.

Here it is the last update id plus twice the last trade id: it grows with every change of the book and by two with every
match, as in the recordings, and nobody has to remember it.
"""

from __future__ import annotations

from bethna.twins.market.facts import Execution, Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World


def sequence_now(market: Market) -> int:
    """The number that a product has reached."""
    return market.update_id + 2 * market.last_trade_id


def sequence_of(execution: Execution, step: Step) -> int:
    """The number of a match."""
    return step.changes[0].update_id - 1 + 2 * execution.trade_id


class LastMatches:
    """The number of each product's last match, for those who come later."""

    def __init__(self, world: World) -> None:
        self._by_market: dict[int, int] = {}
        world.listen(self._hear)

    def of(self, market: Market) -> int:
        """The number of its last match; 0 before the first."""
        return self._by_market.get(market.index, 0)

    def _hear(self, market: Market, step: Step) -> None:
        if step.executions:
            self._by_market[market.index] = sequence_of(step.executions[-1], step)
