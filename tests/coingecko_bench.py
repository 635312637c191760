"""CoinGecko's twin in time that goes when it is told, asked from memory."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from twin_bench import ADDRESS, START

from bethna.core.clock import NS_PER_S
from bethna.twins.coingecko import CoinGeckoTwin, Rules, listings
from bethna.twins.faults import Fault, Faults
from bethna.twins.line import Answer
from bethna.twins.market.world import World

MINUTE, HOUR, DAY = 60 * NS_PER_S, 3600 * NS_PER_S, 86_400 * NS_PER_S
FREE, PRO = "/api/v3", "/pro-api/api/v3"
BTC = "BTC-USD"
DEMO_KEY, PRO_KEY = {"x-cg-demo-api-key": "CG-demo"}, {"X-CG-Pro-API-Key": "CG-pro"}
RULES = Rules(keyless_per_minute=0, past_days=40)


class CoinGeckoBench:
    """The venue with four coins and, unless the rules say more, forty days behind it."""

    def __init__(
        self,
        *plan: Fault,
        seed: int = 3,
        rules: Rules = RULES,
        assets: Sequence[str] = ("BTC", "ETH", "SOL", "POL"),
    ) -> None:
        self.world = World(seed, START, [each for each in listings() if each.base in assets])
        self.faults = Faults(plan, START, Random(seed))
        self.twin = CoinGeckoTwin(self.world, self.faults, rules, Random(seed))
        self.now = START

    def run(self, until_s: float) -> CoinGeckoBench:
        """To `until_s` seconds after the start."""
        self.now = START + round(until_s * NS_PER_S)
        self.twin.advance(self.now)
        return self

    def ask(self, target: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        return self.twin.http(method, target, headers or {}, ADDRESS, self.now)

    def get(self, path: str) -> Any:
        """The body of a good answer of the free host."""
        answer = self.ask(FREE + path)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)

    def refused(self, target: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and body of an answer."""
        answer = self.ask(target, headers)
        return answer.status, msgspec.json.decode(answer.body)

    def points(self, start: int, end: int, symbol: str = BTC) -> list[tuple[int, float]]:
        """The truth in `start <= time < end`."""
        return self.twin.index.between(symbol, start, end)
