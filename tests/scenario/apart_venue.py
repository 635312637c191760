"""A small venue that answers stream by stream, or with all that it has, and pushes its books; and how it is read.

Its market frames are those of `local_venue`; what it says besides is made up here, after the sheets of such venues.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from handmade import Bell
from scenario.local_venue import LocalConnection, LocalVenue

from bethna.core.market import BookDelta, BookSnapshot, InstrumentId
from bethna.core.wire import Ack, BookDoubt, Challenge, Refusal, VenueCondition, WireEvent
from bethna.venues.binance import BinanceCodec

HELLO = '{"method":"HELLO","params":[]}'


class ApartConnection:
    """One socket as this venue speaks on it: its updates have no numbers, so they carry the socket's."""

    def __init__(self, codec: ApartCodec, number: int) -> None:
        self._codec = codec
        self._number = number

    def greeting(self) -> Sequence[str]:
        return (HELLO,)

    def decode(self, raw: bytes, ts_recv: int) -> Sequence[WireEvent]:
        said: dict[str, Any] = json.loads(raw)
        match said:
            case {"taken": str(stream), "id": number}:
                return (Ack(number, (stream,), "stream"),)
            case {"refused": str(stream), "id": number}:
                return (Refusal(number, None, "Currency pair not supported", (stream,)),)
            case {"subscriptions": list(streams)}:
                return (Ack(None, tuple(streams), "connection"),)
            case {"book": str(symbol), "bids": bids, "asks": asks}:
                name = self._codec.instrument(symbol).id
                return (
                    BookSnapshot(name, -1, _levels(bids), _levels(asks), ts_recv, 10, epoch=self._number),
                )
            case {"change": str(symbol), "bids": bids, "asks": asks}:
                name = self._codec.instrument(symbol).id
                return (
                    BookDelta(
                        name, -1, -1, _levels(bids), _levels(asks), ts_recv, ts_recv, epoch=self._number
                    ),
                )
            case {"wrong": str(symbol)}:
                return (BookDoubt(self._codec.instrument(symbol).id, "checksum", ts_recv, self._number),)
            case {"test_request": str(answer)}:
                return (Challenge(answer),)
            case {"system": str(system)}:
                return (VenueCondition(trading=system == "online", message=system),)
            case {"heartbeat": _}:
                return ()
            case _:
                return self._codec.decode(raw, ts_recv)


class ApartCodec(BinanceCodec):
    """Streams of one kind stand together in a message."""

    def connection(self, number: int) -> Any:
        return ApartConnection(self, number)

    def batch_of(self, stream: str) -> str:
        return stream.partition("@")[2]


class ApartVenue(LocalVenue):
    """Answers for each stream apart and, when `listing`, with everything that the connection has.

    Attributes:
        pushes: a book is pushed when it is subscribed.
    """

    listing = False
    pushes = True

    async def _answer(self, connection: LocalConnection) -> None:
        said = connection.said[-1]
        served = [name for name in said["params"] if name not in self.refuse]
        begun = [name for name in served if name not in connection.streams]
        self._change(connection, {**said, "params": served})
        if self.listing:
            await connection.send({"subscriptions": ["heartbeats", *connection.streams]})
        else:
            for name in said["params"]:
                word = "taken" if name in served else "refused"
                await connection.send({word: name, "id": said["id"]})
        for name in begun if said["method"] == "SUBSCRIBE" and self.pushes else ():
            if "@depth" in name:
                await self.push(connection, name.partition("@")[0].upper())

    async def push(self, connection: LocalConnection, symbol: str) -> None:
        """The snapshot of a book."""
        await connection.send({"book": symbol, "bids": [["99", "1"]], "asks": [["101", "1"]]})


class ListingVenue(ApartVenue):
    listing = True


def apart(_bell: Bell) -> ApartVenue:
    return ApartVenue(_bell)


def epochs(events: Sequence[tuple[object, int]], instrument: InstrumentId) -> list[int]:
    """The sockets that pushed the book of an instrument, in the order of pushing."""
    return [
        event.epoch
        for event, _ in events
        if isinstance(event, BookSnapshot) and event.instrument == instrument
    ]


def _levels(rows: list[list[str]]) -> list[tuple[float, float]]:
    return [(float(price), float(quantity)) for price, quantity in rows]
