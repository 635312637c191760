"""What the alerts of a desk need of it: a protocol, nothing else."""

from __future__ import annotations

from random import Random
from typing import Protocol

from bethna.api.reader import DeskReader
from bethna.app.live import LiveLine
from bethna.config import Settings
from bethna.core.status import EventLevel
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds


class Ground(DeskReader, Protocol):
    """The desk, as its alerts need it."""

    settings: Settings
    bus: Bus
    feeds: Feeds
    lines: dict[str, LiveLine]
    rng: Random

    def tell(self, level: EventLevel, code: str, subject: str, message: str) -> None:
        """Tell the event log."""
        ...

    def notify(
        self, level: EventLevel, code: str, subject: str, message: str, *, about: str = "", times: int = 1
    ) -> None:
        """Tell the event log and, once for each `about`, everybody."""
        ...
