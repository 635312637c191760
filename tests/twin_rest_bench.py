"""A world that can be asked over REST, with its truth beside it: what unit tests of the twin's REST share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import rest
from bethna.twins.market.bars import DAY
from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import UNIT, Execution, Listing
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

START = 1_790_000_000 * NS_PER_S + 700 * NS_PER_MS
BTC = replace(listing("BTC", "USDT"), rate=40.0)
LISTINGS = (
    BTC,
    replace(listing("NKN", "USDT"), rate=0.4),
    listing("ETH", "BTC"),
    listing("MATIC", "USDT"),
)
QUIET = replace(LISTINGS[1], rate=0.05)
Row = dict[str, Any]


class Venue:
    """A world that can be asked."""

    def __init__(
        self, until_s: float = 60, listings: Iterable[Listing] = LISTINGS, *, kept_trades: int = 20_000
    ) -> None:
        self.world = World(5, START, tuple(listings), kept_trades=kept_trades)
        self.truth = Truth(self.world)
        self.world.advance(START + round(until_s * NS_PER_S))

    def reply(self, target: str, **options: Any) -> rest.Reply:
        return rest.answer(f"/api/v3/{target}", self.world, self.world.now, **options)

    def get(self, target: str, **options: Any) -> Any:
        reply = self.reply(target, **options)
        assert reply.status == 200, reply.body
        assert reply.body == msgspec.json.format(reply.body, indent=-1), "no spaces, no line ends"
        return msgspec.json.decode(reply.body)

    def executions(self, symbol: str = "BTCUSDT") -> list[Execution]:
        return self.truth.executions[symbol]


def units(said: str) -> int:
    whole, _, part = said.partition(".")
    assert len(part) == 8
    return int(whole) * UNIT + int(part)


@cache
def a_minute() -> Venue:
    """A minute of all; nobody moves it on."""
    return Venue()


@cache
def nine_days() -> Venue:
    """Nine days of one quiet market; nobody moves it on."""
    return Venue(9 * DAY / NS_PER_S, (QUIET,))
