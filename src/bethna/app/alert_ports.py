"""What the alerts of a desk need of it and of who delivers: protocols, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bethna.api.reader import DeskReader
from bethna.app.live import LiveLine
from bethna.config import Settings
from bethna.core.alert_views import ChannelView, PushSubscription, Receipt
from bethna.core.status import EventLevel
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds


class Ground(DeskReader, Protocol):
    """The desk, as its alerts need it."""

    settings: Settings
    bus: Bus
    feeds: Feeds
    lines: dict[str, LiveLine]

    def tell(self, level: EventLevel, code: str, subject: str, message: str) -> None:
        """Tell the event log."""
        ...


class Outward(Protocol):
    """The delivery of alerts."""

    async def run(self) -> None:
        """Deliver until cancelled."""
        ...

    def wake(self) -> None:
        """There may be something to deliver."""
        ...

    def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        ...

    async def test(self, name: str) -> Receipt:
        """Try a channel. Raises UnknownChannel."""
        ...

    def push_key(self) -> str:
        """See `AlertsDesk`."""
        ...

    async def push_add(self, subscription: PushSubscription) -> None:
        """See `AlertsDesk`."""
        ...

    async def push_remove(self, endpoint: str) -> None:
        """See `AlertsDesk`."""
        ...
