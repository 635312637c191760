"""One client's connection in the words of Advanced Trade: one channel a message, one count over all that is said.

    {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}

Rules
  1. Data comes before the ack, which follows `ACK_NS` later and lists the whole state. What bears no data is
     acknowledged at once.
  2. A product that is not listed, or that a fault refuses, is left out in silence: the ack does not name it.
  3. An unknown channel, or one that needs a key, is an `authentication failure`: an error without a number.
  4. `X-USDC` stands for `X-USD` where that is listed: the data names `X-USD`, the ack what was asked.
  5. `unsubscribe` without products takes the whole channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bethna.core.clock import NS_PER_MS, seconds
from bethna.twins.coinbase.advanced.frames import envelope, stamp
from bethna.twins.coinbase.advanced.publishers import publisher, status
from bethna.twins.coinbase.advanced.streams import WIDE, Stream
from bethna.twins.coinbase.advanced.words import CHANNELS
from bethna.twins.coinbase.limits import Limits
from bethna.twins.faults.facts import Fault
from bethna.twins.line import connection as line
from bethna.twins.line.numbered import NumberedPost
from bethna.twins.line.post import Post
from bethna.twins.line.shared import Shared
from bethna.twins.market.world import World

ACK_NS = 100 * NS_PER_MS
DENIED = "authentication failure"
FAILED = "failure to subscribe"
_ALIAS, _CANONICAL = "-USDC", "-USD"
_encode = msgspec.json.encode


class _Message(Struct):
    type: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    product_ids: list[str] | None = None


_DECODER = msgspec.json.Decoder(_Message)


def canonical(asked: str, world: World) -> str | None:
    """The product that stands behind an id; None of none (rule 4)."""
    if asked in world.markets:
        return asked
    if asked.endswith(_ALIAS):
        return canonical(asked.removesuffix(_ALIAS) + _CANONICAL, world)
    return None


class Connection(line.Connection):
    """One WebSocket connection.

    Args:
        limits: of all addresses.
    """

    GOODBYES: Mapping[str, tuple[int, str]] = MappingProxyType(
        dict(line.Connection.GOODBYES) | {"life": (line.GOING_AWAY, "server is going away")}
    )
    post: NumberedPost

    def __init__(self, shared: Shared, limits: Limits, address: str, path: str) -> None:
        super().__init__(shared, address, path, wraps=True)  # payloads are unwrapped by `speech.frame_of`
        self._limits = limits
        self._asked: dict[str, dict[str, str]] = {}  # by channel: id as asked -> name of the stream

    def make_post(self, *, wraps: bool) -> Post:
        """One count over everything that is said."""
        return NumberedPost(
            self._shared,
            self.number,
            stamp,
            wraps=wraps,
            overflow=self._overflow,
            pinged=self._await_pong,
        )

    def obey(self, data: bytes | str, now: int) -> None:
        """Read a message and answer it."""
        if not self._limits.message(self.address, now):
            self.end("too_many_messages")
            return
        try:
            message = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self._error(FAILED)
            return
        if message.type not in ("subscribe", "unsubscribe"):
            self._error(FAILED)
        elif message.channel not in CHANNELS:  # rule 3
            self._error(DENIED)
        else:
            products = list(dict.fromkeys(message.product_ids or ()))
            if message.type == "subscribe":
                self._subscribe(str(message.channel), products, now)
            else:
                self._unsubscribe(str(message.channel), products, now)

    def announce(self, fault: Fault, now: int) -> None:
        """Who listens to `status` is told that all products go offline."""
        if "status" in self.topics:
            shared = self._shared
            self.post.answer(status(shared.world, shared.venue_now, "update", online=False))

    def _subscribe(self, channel: str, products: Iterable[str], now: int) -> None:
        asked = self._asked.setdefault(channel, {})
        fresh: dict[str, Stream] = {}
        for name in (channel,) if channel in WIDE else products:
            symbol = "" if channel in WIDE else canonical(name, self._shared.world)
            if symbol is None:
                continue  # rule 2
            stream = Stream(channel, symbol)
            if stream.name not in self.topics:
                if self.refuses(stream, now):
                    self._shared.refusals += 1
                    continue
                fresh[stream.name] = stream
                self._add(stream, now)
            asked[name] = stream.name
        late_s = self.lateness_s(fresh.values(), now)
        before = self.post.next_number
        for each in fresh:
            self.open_topic(self.topics[each], now)
        self._acknowledge(now, late_s, ACK_NS if self.post.next_number > before else 0)  # rule 1

    def _unsubscribe(self, channel: str, products: Iterable[str], now: int) -> None:
        asked = self._asked.get(channel, {})
        for name in list(products) or list(asked):  # rule 5
            stream = asked.pop(name, None)
            if stream is not None and stream not in asked.values():
                self.drop(stream)
        self._acknowledge(now, self.lateness_s((), now), 0)

    def _acknowledge(self, now: int, late_s: float, after_ns: int) -> None:
        """`{"channel":"subscriptions",...,"events":[{"subscriptions":{"level2":["BTC-USD","ETH-USD"]}}]}`"""

        def say(_at: int) -> None:
            state = {channel: list(asked) for channel, asked in self._asked.items() if asked}
            event = _encode({"subscriptions": state})
            self.post.answer(envelope(b"subscriptions", self._shared.venue_now, event))

        wait_ns = after_ns + seconds(late_s)
        if wait_ns:
            self.later(now + wait_ns, say)
        else:
            say(now)

    def _error(self, said: str) -> None:
        self.post.answer_bare(_encode({"type": "error", "message": said}))

    def _add(self, stream: Stream, now: int) -> None:
        self.carry(stream, lambda: publisher(stream, self._shared.world, self._is_open), now)

    def _is_open(self) -> bool:
        return self._shared.faults.active("maintenance", self._shared.world.now) is None
