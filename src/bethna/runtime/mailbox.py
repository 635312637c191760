"""Bounded mailboxes between one writer's loop and one reader, each with a named policy for when it is full.

A mailbox never makes its writer wait and never raises into it; it knows no bus and no topic. It belongs to one event
loop and one reader.

Rules, cited by the code:

1. `offer` is synchronous, returns nothing and costs the same whether the reader is fast or slow.
2. A box never holds more than `bound` events.
3. What is lost is counted, and the reader meets the count as `Dropped(n)` where the hole is.
4. `Latest` keeps the newest event of each key, in the order in which the keys became pending; replacing is its purpose
   and no loss. A key too many pushes out the key that has waited longest.
5. `Newest` pushes out the oldest event, so the hole is always in front of what is left.
6. `Strict` loses nothing silently: the first event too many closes it. What it held before stays readable, then comes
   `Dropped(n)`, and nothing more until the reader has taken a new snapshot and calls `reopen`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from bethna.core.errors import Closed
from bethna.core.status import Dropped

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

DEFAULT_KEYS = 4096


class MailboxStatistics(Struct, frozen=True, gc=False):
    """A mailbox at one moment.

    Attributes:
        depth, peak: events waiting now, and the most that ever waited; never above `bound`.
        dropped: events lost since it was made, told to the reader or still to be told.
        replaced: events made superfluous before they were read: by a newer one of their key, or by a snapshot.
    """

    policy: str
    bound: int
    depth: int
    peak: int
    dropped: int
    replaced: int


class Offer(Protocol[T_contra]):
    """Anything that takes an event at once: a mailbox's `offer`, or a synchronous tap."""

    def __call__(self, event: T_contra, /) -> None: ...


class Mailbox(Generic[T]):
    """What every policy shares: waking the reader, counting, closing. Use `Latest`, `Newest` or `Strict`.

    `on_ready`, when given, is called synchronously each time the box turns from empty to non-empty; it must not raise.
    """

    __slots__ = ("_closed", "_dropped", "_on_ready", "_peak", "_replaced", "_told", "_waiter", "bound")

    policy = ""

    def __init__(self, bound: int, on_ready: Callable[[], None] | None = None) -> None:
        if bound < 1:
            raise ValueError(f"expected a bound of at least 1, found {bound}")
        self.bound = bound
        self._on_ready = on_ready
        self._waiter: asyncio.Future[None] | None = None
        self._peak = 0
        self._dropped = 0
        self._told = 0
        self._replaced = 0
        self._closed = False

    def offer(self, event: T, /) -> None:
        """Take one event, at once and whatever happens (rule 1). After `close` it is ignored."""
        raise NotImplementedError

    def drain(self) -> list[T | Dropped]:
        """Everything that waits, in order, without waiting; empty when nothing does."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Events that wait now."""
        raise NotImplementedError

    async def receive(self) -> list[T | Dropped]:
        """Everything that waits, in order; waits until there is something.

        Raises:
            Closed: the box was closed and everything in it has been read.
        """
        while not self._pending():
            if self._closed:
                raise Closed("this mailbox was closed")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.drain()

    def close(self) -> None:
        """End it: later offers are ignored; a reader gets what is left, then `Closed`."""
        self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def statistics(self) -> MailboxStatistics:
        """The numbers for metrics."""
        return MailboxStatistics(
            self.policy, self.bound, len(self), self._peak, self._dropped, self._replaced
        )

    def _pending(self) -> bool:
        return len(self) > 0 or self._dropped > self._told

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _filled(self) -> None:
        """The box has just turned non-empty."""
        if self._waiter is not None:
            self._wake()
        if self._on_ready is not None:
            self._on_ready()

    def _losses(self) -> list[T | Dropped]:
        """What is to be told now of losses (rule 3): one count or nothing."""
        untold = self._dropped - self._told
        self._told = self._dropped
        return [Dropped(untold)] if untold else []


class Latest(Mailbox[T]):
    """The newest event of each key (rule 4): for quotes and screens."""

    __slots__ = ("_events", "_key")

    policy = "latest"

    def __init__(
        self,
        key: Callable[[T], Hashable],
        bound: int = DEFAULT_KEYS,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(bound, on_ready)
        self._key = key
        self._events: dict[Hashable, T] = {}

    def offer(self, event: T, /) -> None:
        """Take one event; an older one of the same key gives way."""
        if self._closed:
            return
        events = self._events
        key = self._key(event)
        if key in events:
            events[key] = event
            self._replaced += 1
            return
        if len(events) == self.bound:  # rules 2 and 4
            del events[next(iter(events))]
            self._dropped += 1
        events[key] = event
        depth = len(events)
        if depth > self._peak:
            self._peak = depth
        if depth == 1:
            self._filled()

    def drain(self) -> list[T | Dropped]:
        """The newest of each key, in the order in which the keys became pending."""
        batch = self._losses()
        batch.extend(self._events.values())
        self._events.clear()
        return batch

    def __len__(self) -> int:
        return len(self._events)


class Newest(Mailbox[T]):
    """The newest `bound` events (rule 5): for tapes and screens that show a history."""

    __slots__ = ("_events",)

    policy = "newest"

    def __init__(self, bound: int, on_ready: Callable[[], None] | None = None) -> None:
        super().__init__(bound, on_ready)
        self._events: deque[T] = deque(maxlen=bound)  # rule 2, kept by the deque itself

    def offer(self, event: T, /) -> None:
        """Take one event; when full, the oldest gives way and is counted."""
        if self._closed:
            return
        events = self._events
        depth = len(events)
        events.append(event)
        if depth == self.bound:
            self._dropped += 1
        elif depth >= self._peak:
            self._peak = depth + 1
        if depth == 0:
            self._filled()

    def drain(self) -> list[T | Dropped]:
        """`Dropped(n)` first if n older events were lost, then what is left."""
        batch = self._losses()
        batch.extend(self._events)
        self._events.clear()
        return batch

    def __len__(self) -> int:
        return len(self._events)


class Strict(Mailbox[T]):
    """Every event or a clear end (rule 6): for book deltas, journals and anything that cannot bear a hole."""

    __slots__ = ("_events", "overflowed")

    policy = "strict"

    def __init__(self, bound: int, on_ready: Callable[[], None] | None = None) -> None:
        super().__init__(bound, on_ready)
        self._events: list[T] = []
        self.overflowed = False

    def offer(self, event: T, /) -> None:
        """Take one event; one too many shuts the box until `reopen`."""
        if self._closed:
            return
        events = self._events
        depth = len(events)
        if self.overflowed or depth == self.bound:
            self.overflowed = True
            self._dropped += 1
            return
        events.append(event)
        if depth >= self._peak:
            self._peak = depth + 1
        if depth == 0:
            self._filled()

    def drain(self) -> list[T | Dropped]:
        """What was taken before the overflow, then `Dropped(n)`: the hole is behind, and further ones add to it."""
        events: list[T | Dropped] = list(self._events)
        self._events.clear()
        events.extend(self._losses())
        return events

    def reopen(self) -> None:
        """Empty it and take events again; call it in the same breath as taking the new snapshot."""
        self._replaced += len(self._events)
        self._events.clear()
        self._told = self._dropped
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._events)
