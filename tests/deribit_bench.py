"""A Deribit twin with wires that only write down, and a client that believes nothing: what its tests share."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.deribit import Connection, DeribitTwin, Rules
from bethna.twins.deribit.listings import listings
from bethna.twins.faults import Fault, Faults
from bethna.twins.line import Answer
from bethna.twins.market.world import World

BTC, ETH = "BTC-PERPETUAL", "ETH-PERPETUAL"


class DeribitBench:
    """The venue in time that goes when it is told."""

    def __init__(
        self, *plan: Fault, seed: int = 3, rules: Rules | None = None, start: int = START, rate: float = 20.0
    ) -> None:
        self.start = start
        self.world = World(seed, start, [replace(each, rate=rate) for each in listings()])
        self.faults = Faults(plan, start, Random(seed))
        self.twin = DeribitTwin(self.world, self.faults, rules, Random(seed))
        self.now = start
        self._asked = 0

    def run(self, until_s: float, step_s: float = 0.0) -> DeribitBench:
        end = self.start + round(until_s * NS_PER_S)
        while step_s and self.now + step_s * NS_PER_S < end:
            self.now += round(step_s * NS_PER_S)
            self.twin.advance(self.now)
        self.now = end
        self.twin.advance(end)
        return self

    def open(self, *channels: str, address: str = ADDRESS) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade("/ws/api/v2", address, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        if channels:
            self.ask(found, "public/subscribe", channels=list(channels))
        return found, wire

    def ask(self, connection: Connection, method: str, **params: object) -> None:
        self._asked += 1
        said = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        connection.text(msgspec.json.encode(said), self.now)

    def get(self, method: str, **params: object) -> Answer:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return self.twin.http("GET", f"/api/v2/public/{method}?{query}", {}, ADDRESS, self.now)

    def result(self, method: str, **params: object) -> Any:
        answer = self.get(method, **params)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)["result"]

    def options(self) -> list[str]:
        return [name for name, each in self.twin.exchange.contracts.items() if each.kind == "option"]


def read(wire: NotingWire) -> list[dict[str, Any]]:
    return [msgspec.json.decode(text) for text in wire.texts()]


def answers(wire: NotingWire) -> list[dict[str, Any]]:
    return [each for each in read(wire) if each.keys() & {"result", "error"}]


def data_of(wire: NotingWire, channel: str) -> list[Any]:
    return [
        each["params"]["data"]
        for each in read(wire)
        if each.get("method") == "subscription" and each["params"]["channel"] == channel
    ]


class BookReader:
    """One book by its chain. `gaps`: (expected, found). A broken chain is not repaired."""

    def __init__(self, said: Iterable[dict[str, Any]]) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.change_id = 0
        self.gaps: list[tuple[int, int]] = []
        self.wrongs: list[str] = []
        for each in said:
            self._apply(each)

    def _apply(self, each: dict[str, Any]) -> None:
        if each["type"] == "snapshot":
            self.bids.clear()
            self.asks.clear()
        elif each["prev_change_id"] != self.change_id:
            self.gaps.append((self.change_id, each["prev_change_id"]))
        self.change_id = each["change_id"]
        for side, changes in ((self.bids, each["bids"]), (self.asks, each["asks"])):
            for action, price, amount in changes:
                if (action == "new") == (price in side) or (action == "delete") != (amount == 0.0):
                    self.wrongs.append(f"{action} {price}")
                side[price] = amount
                if action == "delete":
                    del side[price]


def book_of(bench: DeribitBench, name: str) -> tuple[dict[float, float], dict[float, float]]:
    contract = bench.twin.exchange.contracts[name]
    return tuple(  # type: ignore[return-value]  # two sides
        {float(contract.price(ticks)): float(contract.amount(lots)) for ticks, lots in side}
        for side in contract.depth(10_000)
    )
