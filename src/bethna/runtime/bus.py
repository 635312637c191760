"""The desk's bus: typed channels from the feeds to whoever listens, inside one process and one event loop.

It queues nothing itself (mailboxes do), knows no topic syntax and never waits. This is the seam behind which a broker
would stand if one machine were not enough.

Rules, cited by the code:

1. `publish` is synchronous; subscribers hear an event in the order in which they subscribed.
2. A mailbox takes an event without raising, so it is called directly; any other tap goes behind the supervisor's
   boundary: if it raises, it is unsubscribed and reported, and the others still hear this and every later event.
3. Subscribing or closing while an event is being published takes effect with the next event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, TypeVar, overload

from msgspec import Struct

from bethna.core.alert_views import AlertsChanged
from bethna.core.clock import Clock
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    IndexPrice,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    Valuation,
)
from bethna.core.status import BookStatus, GapFound, GapMarked, Healed, StreamStatus, SystemEvent
from bethna.runtime.mailbox import Mailbox, MailboxStatistics
from bethna.runtime.supervisor import Report, guarded

T = TypeVar("T")

TradesEvent = Trade | GapFound | Healed | GapMarked
BookEvent = BookDelta | BookSnapshot | BookStatus


class Subscription:
    """One listener on one channel; `close` ends it and may be called twice."""

    __slots__ = ("_channel", "box", "name", "offer")

    def __init__(self, channel: Channel[Any], name: str, box: Mailbox[Any] | None) -> None:
        self._channel = channel
        self.name = name
        self.box = box
        self.offer: Callable[[Any], None]

    def close(self) -> None:
        """Hear nothing more. The mailbox, if any, keeps what it holds."""
        self._channel.remove(self)


class Channel(Generic[T]):
    """One kind of event of one instrument (or of all)."""

    __slots__ = ("_bus", "_offers", "_subscriptions", "instrument", "kind")

    def __init__(self, bus: Bus, kind: str, instrument: InstrumentId | None) -> None:
        self._bus = bus
        self._offers: tuple[Callable[[T], None], ...] = ()
        self._subscriptions: tuple[Subscription, ...] = ()
        self.kind = kind
        self.instrument = instrument

    def publish(self, event: T) -> None:
        """Hand `event` to every subscriber, now (rule 1). Never raises, never waits."""
        for offer in self._offers:
            offer(event)

    def subscribe(self, listener: Mailbox[T] | Callable[[T], None], name: str = "") -> Subscription:
        """Hear every later event, in a mailbox or by a synchronous call; `name` is what reports call the listener."""
        if isinstance(listener, Mailbox):
            subscription = Subscription(self, name, listener)
            subscription.offer = listener.offer
        else:
            subscription = Subscription(self, name, None)
            subscription.offer = guarded(  # rule 2
                listener, name or f"{self}", self._bus.clock, self._bus.report, subscription.close
            )
        self._set((*self._subscriptions, subscription))
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; nothing happens when it is not here."""
        self._set(tuple(kept for kept in self._subscriptions if kept is not subscription))

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscriptions)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Who listens, in order."""
        return self._subscriptions

    def _set(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._subscriptions = subscriptions
        self._offers = tuple(s.offer for s in subscriptions)  # a new tuple: rule 3

    def __str__(self) -> str:
        return f"{self.kind}:{self.instrument}" if self.instrument else self.kind


class MailboxUse(Struct, frozen=True, gc=False):
    """A mailbox on the bus, with its numbers."""

    channel: str
    name: str
    statistics: MailboxStatistics


class Bus:
    """All channels of one desk. A channel exists from its first mention and is always the same object.

    `report` hears of listeners that failed; without it such reports go to the `system` channel's mailboxes and taps.
    """

    def __init__(self, clock: Clock, report: Report | None = None) -> None:
        self.clock = clock
        self._channels: dict[tuple[str, InstrumentId | None], Channel[Any]] = {}
        self.report: Report = report if report is not None else self.channel("system").publish

    @overload
    def channel(self, kind: Literal["trades"], instrument: InstrumentId) -> Channel[TradesEvent]: ...
    @overload
    def channel(self, kind: Literal["book"], instrument: InstrumentId) -> Channel[BookEvent]: ...
    @overload
    def channel(self, kind: Literal["quotes"], instrument: InstrumentId) -> Channel[Quote]: ...
    @overload
    def channel(self, kind: Literal["tickers"], instrument: InstrumentId) -> Channel[Ticker]: ...
    @overload
    def channel(
        self, kind: Literal["references"], instrument: InstrumentId
    ) -> Channel[IndexPrice | Valuation]: ...
    @overload
    def channel(self, kind: Literal["status"], instrument: InstrumentId) -> Channel[StreamStatus]: ...
    @overload
    def channel(self, kind: Literal["system"], instrument: None = None) -> Channel[SystemEvent]: ...
    @overload
    def channel(self, kind: Literal["alerts"], instrument: None = None) -> Channel[AlertsChanged]: ...

    def channel(self, kind: str, instrument: InstrumentId | None = None) -> Channel[Any]:
        """The channel of `kind`, for one instrument where the kind has one; keep it, do not look it up per event."""
        key = (kind, instrument)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self, kind, instrument)
        return channel

    def channels(self) -> Iterator[Channel[Any]]:
        """Every channel mentioned so far."""
        return iter(tuple(self._channels.values()))

    def mailboxes(self) -> Iterator[MailboxUse]:
        """Every mailbox that listens now, for metrics."""
        for channel in self.channels():
            for subscription in channel.subscriptions:
                if subscription.box is not None:
                    yield MailboxUse(str(channel), subscription.name, subscription.box.statistics())
