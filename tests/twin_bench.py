"""A venue machine with wires that only write down: what unit and property tests of the twin share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.twins.binance import Answer, BinanceTwin, Connection, Rules
from bethna.twins.faults import Fault, Faults
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.world import World

START = 1_790_000_000 * NS_PER_S
SYMBOLS = ("BTCUSDT", "ETHUSDT")
ADDRESS = "127.0.0.1"
STREAMS = "btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms/ethusdt@trade/ethusdt@depth@100ms"
Said = tuple[int, str, bytes]
"""When (ns UTC), how and what."""


class NotingWire:
    """A `Wire` that writes down what it is told."""

    def __init__(self, world: World) -> None:
        self.said: list[Said] = []
        self._world = world

    def _note(self, how: str, data: bytes) -> None:
        self.said.append((self._world.now, how, data))

    def text(self, payload: bytes) -> None:
        self._note("text", payload)

    def fragments(self, parts: Sequence[bytes], ping: bytes | None = None) -> None:
        self._note(f"fragments {len(parts)}", b"".join(parts))
        if ping is not None:
            self._note("ping inside", ping)

    def raw(self, data: bytes) -> None:
        self._note("raw", data)

    def ping(self, payload: bytes) -> None:
        self._note("ping", payload)

    def close(self, code: int, reason: str) -> None:
        self._note("close", f"{code} {reason}".encode())

    def cut(self) -> None:
        self._note("cut", b"")

    # --- what tests ask

    def texts(self) -> list[bytes]:
        return [data for _, how, data in self.said if how == "text" or how.startswith("fragments")]

    def of(self, *streams: str) -> list[tuple[int, bytes]]:
        """When and what of some streams of a combined connection."""
        marks = tuple(f'{{"stream":"{stream}"'.encode() for stream in streams)
        return [
            (at, data)
            for at, how, data in self.said
            if (how == "text" or how.startswith("fragments")) and data.startswith(marks)
        ]

    def answers(self) -> list[dict[str, Any]]:
        """What came back on control frames."""
        found = [msgspec.json.decode(data) for data in self.texts() if data]
        return [each for each in found if each.keys() & {"result", "error", "msg"}]

    def ended(self) -> bool:
        return bool(self.said) and self.said[-1][1] in ("close", "cut")


class Bench:
    """A venue of two lively symbols in time that goes when it is told."""

    def __init__(
        self,
        *plan: Fault,
        seed: int = 3,
        rules: Rules | None = None,
        rate: float = 30.0,
        symbols: Iterable[str] = SYMBOLS,
    ) -> None:
        listed = {listing.symbol: listing for listing in catalogue()}
        self.world = World(seed, START, [replace(listed[symbol], rate=rate) for symbol in symbols])
        self.faults = Faults(plan, START, Random(seed))
        self.twin = BinanceTwin(self.world, self.faults, rules or Rules(), Random(seed))
        self.now = START

    def run(self, until_s: float, step_s: float = 0.0) -> Bench:
        """To `until_s` seconds after the start."""
        end = START + round(until_s * NS_PER_S)
        while step_s and self.now + step_s * NS_PER_S < end:
            self.now += round(step_s * NS_PER_S)
            self.twin.advance(self.now)
        self.now = end
        self.twin.advance(end)
        return self

    def open(
        self, target: str = f"/stream?streams={STREAMS}", address: str = ADDRESS
    ) -> tuple[Connection, NotingWire]:
        found = self.twin.upgrade(target, address, self.now)
        assert isinstance(found, Connection), found
        wire = NotingWire(self.world)
        found.attach(wire, self.now)
        return found, wire

    def denied(self, target: str = "/ws", address: str = ADDRESS) -> Answer:
        found = self.twin.upgrade(target, address, self.now)
        assert isinstance(found, Answer), found
        return found

    def get(self, target: str, address: str = ADDRESS, **headers: str) -> Answer:
        return self.twin.http("GET", target, headers, address, self.now)


def say(connection: Connection, frame: object, now: int) -> None:
    """A control frame, as JSON."""
    connection.text(msgspec.json.encode(frame), now)
