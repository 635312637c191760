"""One client's connection in the venue's words: subscriptions, their acks and what comes first.

Rules
  1. A message is done as a whole or not at all: a name that is not listed, or that a fault refuses, leaves everything
     as it was.
  2. An ack lists the whole state of the connection, in no order.
  3. The first ack comes before its data; later ones come after the data of the first product, as in the recording.
  4. Who has subscribed to nothing within five seconds is cut off; so is an address that says too much.
  5. Product by product a book's snapshot comes first, then a ticker, then the last match.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

import msgspec

from bethna.twins.coinbase.control import Request, invalid_product, not_subscribed, read_request
from bethna.twins.coinbase.limits import Limits
from bethna.twins.coinbase.products import status_frame
from bethna.twins.coinbase.publishers import publisher
from bethna.twins.coinbase.sequences import LastMatches
from bethna.twins.coinbase.streams import STATUS, Stream
from bethna.twins.faults.facts import Fault
from bethna.twins.line import connection as line
from bethna.twins.line.connection import GOING_AWAY, POLICY
from bethna.twins.line.shared import Shared

_OPENINGS = ("level2_batch", "ticker", "ticker_batch", "matches", STATUS)


class Connection(line.Connection):
    """One WebSocket connection.

    Args:
        limits: of all addresses. last: the number of each product's last match.
    """

    GOODBYES: Mapping[str, tuple[int, str]] = MappingProxyType(
        {
            "life": (GOING_AWAY, "server is going away"),
            "no_pong": (POLICY, "no pong"),
            "too_many_messages": (POLICY, "rate limit exceeded"),
            "no_subscription": (POLICY, "no subscription"),
            "idle": (GOING_AWAY, "idle"),
            "maintenance": (GOING_AWAY, "maintenance"),
        }
    )

    def __init__(self, shared: Shared, limits: Limits, last: LastMatches, address: str, path: str) -> None:
        super().__init__(shared, address, path, wraps=True)  # payloads are unwrapped by `speech.frame_of`
        self._limits = limits
        self._last = last
        self._acks = 0

    def obey(self, data: bytes | str, now: int) -> None:
        """Read a message and answer it."""
        if not self._limits.message(self.address, now):
            self.end("too_many_messages")  # rule 4
            return
        request = read_request(data, self._shared.world.markets)
        if isinstance(request, bytes):
            self.post.answer(request, self.lateness_s((), now))
        elif request.subscribes:
            self._subscribe(request, now)
        else:
            self._unsubscribe(request, now)

    def announce(self, fault: Fault, now: int) -> None:
        """Who listens to `status` is told that all products go offline."""
        if STATUS in self.topics:
            self.post.answer(status_frame(self._shared.world, online=False))

    def _subscribe(self, request: Request, now: int) -> None:
        late_s = self.lateness_s(request.streams, now)
        fresh = [stream for stream in request.streams if stream.name not in self.topics]
        for stream in fresh:
            if self.refuses(stream, now):  # rule 1
                self._shared.refusals += 1
                reason = (
                    invalid_product(stream.symbol)
                    if stream.symbol
                    else f"{stream.name} is not a valid channel"
                )
                self.post.answer(not_subscribed(reason), late_s)
                return
        for stream in request.streams:
            self._add(stream, now)
        products = dict.fromkeys(stream.symbol for stream in fresh)
        if not self._acks:  # rule 3
            self._acknowledge(late_s)
        for number, symbol in enumerate(products):
            for channel in _OPENINGS:  # rule 5
                stream = Stream(channel, symbol)
                if stream in fresh:
                    self.open_topic(self.topics[stream.name], now)
            if not number:
                self._acknowledge_later(late_s)
        if not products:
            self._acknowledge_later(late_s)
        self._acks += 1

    def _unsubscribe(self, request: Request, now: int) -> None:
        late_s = self.lateness_s(request.streams, now)
        whole = [name for name, topic in self.topics.items() if topic.suffix in request.whole]
        for name in (*whole, *(stream.name for stream in request.streams)):
            self.drop(name)
        self._acknowledge(late_s)
        self._acks += 1

    def _acknowledge_later(self, late_s: float) -> None:
        if self._acks:
            self._acknowledge(late_s)

    def _acknowledge(self, late_s: float) -> None:
        """`{"type":"subscriptions","channels":[{"name":"level2_batch","product_ids":["ETH-USD"]}]}` (rule 2)."""
        dice = Random(f"{self._shared.seed}/ack/{self.number}/{self._acks}")
        channels: dict[str, list[str]] = {}
        for topic in self.topics.values():
            products = channels.setdefault(topic.suffix, [])
            if topic.symbol:
                products.append(topic.symbol)
        rows = [
            {"name": name, "product_ids": dice.sample(products, len(products))}
            for name, products in dice.sample(sorted(channels.items()), len(channels))
        ]
        self.post.answer(msgspec.json.encode({"type": "subscriptions", "channels": rows}), late_s)

    def _add(self, stream: Stream, now: int) -> None:
        self.carry(stream, lambda: publisher(stream, self._shared.world, self._last, self._is_open), now)

    def _is_open(self) -> bool:
        return self._shared.faults.active("maintenance", self._shared.world.now) is None
