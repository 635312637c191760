"""A simulated Kraken in time that goes when it is told, and a client that believes nothing of what it hears."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any
from zlib import crc32

import msgspec
from msgspec.structs import replace
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, Faults
from bethna.twins.kraken import Answer, Connection, KrakenTwin, Rules
from bethna.twins.kraken.listings import listing
from bethna.twins.market.world import World

SYMBOLS = ("BTC/USD", "SHIB/USD", "MINA/GBP")
"""Of eight and of five decimals of quantity, and one of few steps of price."""


class KrakenBench:
    """A venue of a few lively pairs."""

    def __init__(
        self,
        *plan: Fault,
        seed: int = 3,
        rules: Rules | None = None,
        rate: float = 20.0,
        symbols: Iterable[str] = SYMBOLS,
    ) -> None:
        self.world = World(seed, START, [replace(listing(symbol), rate=rate) for symbol in symbols])
        self.faults = Faults(plan, START, Random(seed))
        self.twin = KrakenTwin(self.world, self.faults, rules, Random(seed))
        self.now = START

    def run(self, until_s: float) -> KrakenBench:
        """To `until_s` seconds after the start."""
        self.now = START + round(until_s * NS_PER_S)
        self.twin.advance(self.now)
        return self

    def open(self) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade("/v2", ADDRESS, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        return found, wire

    def say(
        self, connection: Connection, method: str = "subscribe", req_id: object = None, **params: Any
    ) -> None:
        said: dict[str, object] = {"method": method, "params": params}
        if req_id is not None:
            said["req_id"] = req_id
        connection.text(msgspec.json.encode(said), self.now)

    def listen(self, channel: str, *symbols: str, **params: Any) -> tuple[Connection, NotingWire]:
        """A new connection with one subscription."""
        connection, wire = self.open()
        self.say(connection, channel=channel, symbol=list(symbols or SYMBOLS), **params)
        return connection, wire

    def get(self, target: str, address: str = ADDRESS, method: str = "GET") -> Answer:
        return self.twin.http(method, f"/0/public/{target}", {}, address, self.now)

    def ask(self, target: str) -> dict[str, Any]:
        """The result of a request that is not refused, each from an address of its own."""
        answer = self.get(target, address=f"10.0.0.{len(target)}.{self.now}.{target}")
        body: dict[str, Any] = json.loads(answer.body)
        assert (answer.status, body["error"]) == (200, []), body
        found: dict[str, Any] = body["result"]
        return found

    def refusal(self, target: str) -> str:
        """The text of a refused request."""
        answer = self.get(target, address=f"{self.now}.{target}")
        body: dict[str, Any] = json.loads(answer.body)
        assert answer.status == 200
        assert "result" not in body
        (found,) = body["error"]
        return str(found)


class Number(str):
    """A number as it was written, digit for digit."""

    __slots__ = ()


def read(frame: bytes) -> dict[str, Any]:
    """A frame with its decimal numbers as they were written."""
    found: dict[str, Any] = json.loads(frame, parse_float=Number)
    return found


def frames(wire: NotingWire, channel: str, kind: str = "") -> list[dict[str, Any]]:
    found = [read(text) for text in wire.texts()]
    return [each for each in found if each.get("channel") == channel and kind in ("", each.get("type"))]


def answers(wire: NotingWire) -> list[dict[str, Any]]:
    """Without their times."""
    found = [read(text) for text in wire.texts()]
    said = [each for each in found if "time_in" in each]
    for each in said:
        del each["time_in"], each["time_out"]
    return said


def digits(number: Number) -> bytes:
    return number.replace(".", "").lstrip("0").encode()


class BookReader:
    """Follows books by the rules of the protocol sheet.

    Attributes:
        wrongs: number of the message and symbol where the checksum did not fit. books: symbol -> bids and asks, as
            price and quantity in their own digits. messages: how many of books.
    """

    def __init__(self, texts: Iterable[bytes], depth: int) -> None:
        self.wrongs: list[tuple[int, str]] = []
        self.books: dict[str, tuple[dict[Number, Number], dict[Number, Number]]] = {}
        self.messages = 0
        self._depth = depth
        for text in texts:
            said = read(text)
            if said.get("channel") == "book":
                self._apply(said["type"], said["data"][0])
                self.messages += 1

    def side(self, symbol: str, side: int) -> list[tuple[Number, Number]]:
        """Best first."""
        return sorted(self.books[symbol][side].items(), key=lambda level: Decimal(level[0]), reverse=not side)

    def _apply(self, kind: str, book: dict[str, Any]) -> None:
        symbol = book["symbol"]
        if kind == "snapshot":
            self.books[symbol] = ({}, {})
        for side, name in enumerate(("bids", "asks")):
            held = self.books[symbol][side]
            for level in book[name]:
                held[level["price"]] = level["qty"]
                if not Decimal(level["qty"]):
                    del held[level["price"]]
            for price, _ in self.side(symbol, side)[self._depth :]:
                del held[price]
        best = (self.side(symbol, 1)[:10], self.side(symbol, 0)[:10])
        text = b"".join(digits(price) + digits(quantity) for side in best for price, quantity in side)
        if crc32(text) != book["checksum"]:
            self.wrongs.append((self.messages, symbol))
