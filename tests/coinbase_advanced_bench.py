"""Coinbase's twin on its second wire, in time that goes when it is told."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from coinbase_twin_bench import BTC, ETH, listed
from msgspec.structs import replace
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase.advanced.connection import Connection
from bethna.twins.coinbase.advanced.venue import AdvancedTwin, Rules
from bethna.twins.faults import Fault, Faults
from bethna.twins.line import Answer
from bethna.twins.market.world import World

FREE = Rules(requests=10_000, address_messages_per_s=1000)
ROOT = "/api/v3/brokerage"


class AdvancedBench:
    """Two lively products on this wire, in time that goes when it is told."""

    def __init__(self, *plan: Fault, rules: Rules = FREE, rate: float = 30.0, seed: int = 3) -> None:
        listings = [replace(listed(symbol), rate=rate, levels=200) for symbol in (BTC, ETH)]
        self.world = World(seed, START, listings)
        self.faults = Faults(plan, START, Random(seed))
        self.twin = AdvancedTwin(self.world, self.faults, rules, Random(seed))
        self.now = START

    def run(self, until_s: float) -> AdvancedBench:
        self.now = START + round(until_s * NS_PER_S)
        self.twin.advance(self.now)
        return self

    def open(self) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade("/", ADDRESS, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        return found, wire

    def ask(
        self, connection: Connection, channel: str, products: Sequence[str] = (), word: str = "subscribe"
    ) -> None:
        message: dict[str, Any] = {"type": word, "channel": channel}
        if products:
            message["product_ids"] = list(products)
        connection.text(msgspec.json.encode(message), self.now)

    def listen(self, *channels: str, until_s: float = 12.0) -> NotingWire:
        self.run(3)
        connection, wire = self.open()
        for channel in channels:
            self.ask(connection, channel, (BTC, ETH))
        self.run(until_s)
        return wire

    def json(self, target: str) -> Any:
        answer = self.get(target)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)

    def get(self, target: str) -> Answer:
        return self.twin.http("GET", ROOT + target, {}, ADDRESS, self.now)


def said(wire: NotingWire, channel: str = "") -> list[dict[str, Any]]:
    found = [msgspec.json.decode(text) for text in wire.texts()]
    return [each for each in found if channel in ("", each.get("channel"))]
