"""Streams that somebody wants: each frame is built once and goes to every subscriber; it words none and harms none.

Rules
  1. A stream has one publisher, however many connections carry it; it is built with the first and goes with the last.
  2. Streams in steps of time are pushed at multiples of their step by the venue's clock, symbol by symbol.
  3. What one step of the market sends goes out in the order of the streams' ranks, of one rank in that of subscribing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from bethna.twins.line.agenda import FLUSH, Agenda
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.speech import Stream
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

Make = Callable[[], Publisher | None]
"""Makes who speaks for a stream; None when nothing will ever be said."""
Wrap = Callable[[str, bytes], bytes]


class Subscriber(Protocol):
    """Who takes frames: the outgoing side of a connection."""

    wraps: bool

    def deliver(self, topic: Topic, frame: bytes, payload: bytes) -> None:
        """A frame as it goes on the wire, and what it carries."""
        ...


class Topic:
    """One stream in one variant, with its subscribers.

    Attributes:
        key: its name and its variant. name, symbol, suffix, role, every_ns: of its stream.
        publisher: None when it is well-formed and nothing will ever be said.
    """

    def __init__(
        self, stream: Stream, variant: Hashable, made: Publisher | None, market: int, wrap: Wrap
    ) -> None:
        self.key = (stream.name, variant)
        self.name = stream.name
        self.symbol = stream.symbol
        self.suffix = stream.suffix
        self.role = stream.role
        self.every_ns = stream.every_ns
        self.publisher = made
        self.order = (market, stream.rank)
        self.wrap = wrap
        self.subscribers: tuple[Subscriber, ...] = ()

    def send(self, payload: bytes) -> None:
        """To everybody, wrapped for those that want it so."""
        wrapped = b""
        for each in self.subscribers:
            if each.wraps:
                wrapped = wrapped or self.wrap(self.name, payload)
                each.deliver(self, wrapped, payload)
            else:
                each.deliver(self, payload, payload)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """What a new subscriber is told first; `now` is the venue's clock."""
        return self.publisher.opening(now, past) if self.publisher is not None else []


class Board:
    """All topics of the venue. `eager`: how many of them are sent with each step of a market."""

    def __init__(self, world: World, agenda: Agenda, wrap: Wrap) -> None:
        self._world = world
        self._wrap = wrap
        self._agenda = agenda
        self._topics: dict[tuple[str, Hashable], Topic] = {}
        self._by_symbol: dict[str, tuple[Topic, ...]] = {}
        self._of_all: tuple[Topic, ...] = ()
        self._paced: dict[int, tuple[Topic, ...]] = {}
        self._epoch = 0
        self.eager = 0

    def __len__(self) -> int:
        return len(self._topics)

    def add(self, stream: Stream, subscriber: Subscriber, make: Make, variant: Hashable = None) -> Topic:
        """Subscribe somebody (rule 1).

        Args:
            make: the publisher, if the stream in this variant has none yet.
            variant: tells apart what is said in several forms under one name, such as units of time.
        """
        key = (stream.name, variant)
        topic = self._topics.get(key)
        if topic is None:
            market = self._world.markets.get(stream.symbol)
            made = make()
            topic = self._topics[key] = Topic(
                stream, variant, made, market.index if market else -1, self._wrap
            )
            if made is not None:
                self._enter(topic)
        topic.subscribers = (*topic.subscribers, subscriber)
        return topic

    def remove(self, topic: Topic, subscriber: Subscriber) -> None:
        """Unsubscribe somebody."""
        topic.subscribers = tuple(each for each in topic.subscribers if each is not subscriber)
        if topic.subscribers:
            return
        del self._topics[topic.key]
        self.eager -= not topic.every_ns and topic.publisher is not None
        self._of_all = _without(self._of_all, topic)
        if rest := _without(self._by_symbol.get(topic.symbol, ()), topic):
            self._by_symbol[topic.symbol] = rest
        else:
            self._by_symbol.pop(topic.symbol, None)
        if topic.every_ns in self._paced:
            self._paced[topic.every_ns] = _without(self._paced[topic.every_ns], topic)

    def hear(self, market: Market, step: Step) -> None:
        """Something happened in a market (rule 3)."""
        for topic in self._by_symbol.get(market.listing.symbol, ()):
            for payload in topic.publisher.hear(market, step):  # type: ignore[union-attr]  # those without are not here
                topic.send(payload)
        for topic in self._of_all:
            for payload in topic.publisher.hear(market, step):  # type: ignore[union-attr]  # likewise
                topic.send(payload)

    def silence(self, symbol: str) -> None:
        """Nothing more is said on the streams of a symbol, whoever carries them."""
        for topic in self._topics.values():
            if topic.symbol == symbol and topic.publisher is not None:
                self.eager -= not topic.every_ns
                topic.publisher = None
        self._by_symbol.pop(symbol, None)
        for every_ns, topics in self._paced.items():
            self._paced[every_ns] = tuple(each for each in topics if each.publisher is not None)

    def retime(self, now: int) -> None:
        """The venue's clock is set: everything in steps of time is due at other instants, from `now` on."""
        self._epoch += 1
        self._paced = {every_ns: topics for every_ns, topics in self._paced.items() if topics}
        for every_ns in self._paced:
            self._arm(every_ns, now)

    def _enter(self, topic: Topic) -> None:
        assert topic.publisher is not None
        self.eager += not topic.every_ns
        if not topic.publisher.hears:
            pass
        elif topic.symbol:
            self._by_symbol[topic.symbol] = _sorted((*self._by_symbol.get(topic.symbol, ()), topic))
        else:
            self._of_all = (*self._of_all, topic)
        if topic.every_ns:
            paced = self._paced.get(topic.every_ns)
            if paced is None:
                self._arm(topic.every_ns, self._world.now + 1)
            self._paced[topic.every_ns] = _sorted((*(paced or ()), topic))

    def _arm(self, every_ns: int, earliest: int) -> None:
        """Rule 2: at the first multiple from an instant on."""
        offset, epoch = self._world.clock_offset_ns, self._epoch
        due = -(-(earliest + offset) // every_ns) * every_ns - offset
        self._agenda.put(due, FLUSH, lambda at: self._flush(every_ns, epoch, at))

    def _flush(self, every_ns: int, epoch: int, at: int) -> None:
        if epoch != self._epoch:
            return
        topics = self._paced[every_ns]
        if not topics:
            del self._paced[every_ns]
            return
        venue_now = at + self._world.clock_offset_ns
        for topic in topics:
            for payload in topic.publisher.flush(venue_now):  # type: ignore[union-attr]  # likewise
                topic.send(payload)
        self._arm(every_ns, at + 1)


def _sorted(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    return tuple(sorted(topics, key=lambda topic: topic.order))


def _without(topics: tuple[Topic, ...], gone: Topic) -> tuple[Topic, ...]:
    return tuple(topic for topic in topics if topic is not gone)
