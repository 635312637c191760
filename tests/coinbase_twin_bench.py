"""Coinbase's twin in time that goes when it is told, and a client that believes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase import CoinbaseTwin, Connection, Rules
from bethna.twins.coinbase.listings import product
from bethna.twins.faults import Fault, Faults
from bethna.twins.line import Answer
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World

BTC, ETH = "BTC-USD", "ETH-USD"
CHANNELS = ("level2_batch", "matches", "ticker", "heartbeat")
AGENT = {"User-Agent": "test"}


def listed(symbol: str) -> Listing:
    """A product by its name."""
    base, _, quote = symbol.partition("-")
    return product(base, quote)


class CoinbaseBench:
    """The venue with two lively products, whose books are of a handy size."""

    def __init__(
        self,
        *plan: Fault,
        seed: int = 3,
        rules: Rules | None = None,
        rate: float = 30.0,
        symbols: Sequence[str] = (BTC, ETH),
    ) -> None:
        listings = [replace(listed(symbol), rate=rate, levels=200, trading=True) for symbol in symbols]
        self.world = World(seed, START, listings)
        self.faults = Faults(plan, START, Random(seed))
        self.twin = CoinbaseTwin(self.world, self.faults, rules, Random(seed))
        self.now = START

    def run(self, until_s: float) -> CoinbaseBench:
        """To `until_s` seconds after the start."""
        self.now = START + round(until_s * NS_PER_S)
        self.twin.advance(self.now)
        return self

    def open(self, target: str = "/", address: str = ADDRESS) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade(target, address, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        return found, wire

    def say(self, connection: Connection, message: object) -> None:
        connection.text(msgspec.json.encode(message), self.now)

    def subscribe(
        self,
        connection: Connection,
        products: Iterable[str] = (BTC, ETH),
        channels: Iterable[object] = CHANNELS,
    ) -> None:
        self.say(
            connection,
            {"type": "subscribe", "product_ids": list(products), "channels": list(channels)},
        )

    def listen(self, from_s: float = 3.0, until_s: float = 12.0) -> NotingWire:
        """A client that subscribes to everything after a while, and all that it was told."""
        self.run(from_s)
        connection, wire = self.open()
        self.subscribe(connection)
        self.run(until_s)
        return wire

    def get(self, target: str, **headers: str) -> Answer:
        return self.twin.http("GET", target, AGENT | headers, ADDRESS, self.now)

    def json(self, target: str) -> Any:
        answer = self.get(target)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.body)


def frames(wire: NotingWire, kind: str = "", product: str = "") -> list[dict[str, Any]]:
    """What was said, decoded."""
    found = [msgspec.json.decode(text) for text in wire.texts()]
    return [
        each
        for each in found
        if kind in ("", each["type"]) and (not product or each.get("product_id") == product)
    ]


class Book:
    """A book by snapshot and updates alone, in the venue's own text."""

    def __init__(self, told: Iterable[dict[str, Any]]) -> None:
        self.sides: dict[str, dict[str, str]] = {"buy": {}, "sell": {}}
        self.known = False
        for each in told:
            if each["type"] == "snapshot":
                self.known = True
                self.sides = {"buy": dict(map(tuple, each["bids"])), "sell": dict(map(tuple, each["asks"]))}
            elif each["type"] == "l2update" and self.known:
                for side, price, size in each["changes"]:
                    self.sides[side][price] = size
                    if not float(size):
                        del self.sides[side][price]

    def rows(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Bids and asks as numbers, best first."""
        bids, asks = (
            [(float(price), float(size)) for price, size in self.sides[side].items()]
            for side in ("buy", "sell")
        )
        return sorted(bids, reverse=True), sorted(asks)
