"""What delivering needs of others: protocols, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from bethna.core.alert_views import Alert, Message, PushSubscription, Receipt
from bethna.core.status import EventLevel

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
Tell = Callable[[EventLevel, str, str, str], None]
"""Level, code, subject, message."""
AlertReader = Callable[[Sequence[tuple[str, int]]], Awaitable[Sequence[Alert]]]
"""The alerts of (rule, firing), in any order, as far as they are there. Raises StoreError."""


class Work(Protocol):
    """Runs work on the journal's connection, one after the other."""

    async def __call__(self, ask: Callable[[Connection], T], /) -> T:
        """One transaction. Raises StoreError: nothing of it is kept."""
        ...


class Sender(Protocol):
    """One channel, as `ChannelView` describes it."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def ready(self) -> bool: ...

    @property
    def why(self) -> str: ...

    async def send(self, message: Message) -> Receipt:
        """One attempt; what the other side does is in the receipt."""
        ...


class Pusher(Protocol):
    """Pushes to one browser."""

    def key(self) -> str:
        """The application server key."""
        ...

    def check(self, subscription: PushSubscription) -> None:
        """Raises ConfigError: it is none."""
        ...

    async def push(self, subscription: PushSubscription, message: Message) -> Receipt:
        """One attempt."""
        ...
