"""Streams that somebody wants: each frame is built once and goes to every subscriber; faults strike behind that.

Rules
  1. A stream has one publisher, however many connections carry it; it is built with the first and goes with the last.
  2. Streams in steps of time are pushed at multiples of their step by the venue's clock, symbol by symbol.
  3. What one step of the market sends goes out as quotes, trades, aggregates, then the rest: in the recording of
     2024-08 the quote that a trade moved comes before that trade four times in five, and never after the diff.
"""

from __future__ import annotations

from typing import Protocol

from bethna.twins.binance.agenda import FLUSH, Agenda
from bethna.twins.binance.publishers import Publisher, combined, publisher
from bethna.twins.binance.streams import Stream
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

TRADES = frozenset({"trade", "aggTrade"})
DIFFS = frozenset({"depth", "depth@100ms", "depth@1000ms"})
_ORDER = {"bookTicker": 0, "trade": 1, "aggTrade": 2}


class Subscriber(Protocol):
    """Who takes frames: the outgoing side of a connection."""

    combined: bool

    def deliver(self, topic: Topic, frame: bytes, payload: bytes) -> None:
        """A frame as it goes on the wire, and what it carries."""
        ...


class Topic:
    """One stream in one unit of time, with its subscribers.

    Attributes:
        name: as subscribed. symbol: "BTCUSDT", "" of all. suffix: the name without its symbol.
        publisher: None when it is well-formed and nothing will ever be said.
    """

    def __init__(self, stream: Stream, made: Publisher | None, rank: int, *, microseconds: bool) -> None:
        self.key = (stream.name, microseconds)
        self.name = stream.name
        self.symbol = stream.symbol
        self.suffix = suffix_of(stream.name)
        self.every_ns = stream.every_ns
        self.publisher = made
        self.order = (rank, _ORDER.get(self.suffix, 3))
        self.subscribers: tuple[Subscriber, ...] = ()

    def send(self, payload: bytes) -> None:
        """To everybody, wrapped for those that want it so."""
        wrapped = b""
        for each in self.subscribers:
            if each.combined:
                wrapped = wrapped or combined(self.name, payload)
                each.deliver(self, wrapped, payload)
            else:
                each.deliver(self, payload, payload)


class Board:
    """All topics of the venue. `eager`: how many of them are sent with each step of a market."""

    def __init__(self, world: World, agenda: Agenda) -> None:
        self._world = world
        self._agenda = agenda
        self._topics: dict[tuple[str, bool], Topic] = {}
        self._by_symbol: dict[str, tuple[Topic, ...]] = {}
        self._of_all: tuple[Topic, ...] = ()
        self._paced: dict[int, tuple[Topic, ...]] = {}
        self._epoch = 0
        self.eager = 0

    def __len__(self) -> int:
        return len(self._topics)

    def add(self, stream: Stream, subscriber: Subscriber, *, microseconds: bool) -> Topic:
        """Subscribe somebody (rule 1)."""
        key = (stream.name, microseconds)
        topic = self._topics.get(key)
        if topic is None:
            market = self._world.markets.get(stream.symbol)
            made = publisher(stream, self._world, microseconds=microseconds)
            topic = self._topics[key] = Topic(
                stream, made, market.index if market else -1, microseconds=microseconds
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

    def retime(self, now: int) -> None:
        """The venue's clock is set: everything in steps of time is due at other instants, from `now` on."""
        self._epoch += 1
        self._paced = {every_ns: topics for every_ns, topics in self._paced.items() if topics}
        for every_ns in self._paced:
            self._arm(every_ns, now)

    def _enter(self, topic: Topic) -> None:
        self.eager += not topic.every_ns
        if topic.symbol:
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


def suffix_of(name: str) -> str:
    """A stream without its symbol: `depth@100ms` of `btcusdt@depth@100ms`; those of all symbols as they are."""
    return name if name.startswith("!") else name.partition("@")[2]


def _sorted(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    return tuple(sorted(topics, key=lambda topic: topic.order))


def _without(topics: tuple[Topic, ...], gone: Topic) -> tuple[Topic, ...]:
    return tuple(topic for topic in topics if topic is not gone)
