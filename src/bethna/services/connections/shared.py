"""What the shards of one venue have in common: its windows, its hosts, its counts; it decides nothing."""

from __future__ import annotations

from collections import deque

from bethna.core.clock import seconds
from bethna.logic.backoff import Rng
from bethna.logic.hosts import HostChoice
from bethna.logic.quota import SlidingWindow, Window
from bethna.logic.slot import Numbers
from bethna.services.connections.link import KEPT_EXCERPTS
from bethna.services.connections.watch import Freshness
from bethna.services.connections.wiring import Ending, Wiring
from bethna.venues.spec import VenueSpec

KEPT_ENDINGS = 50


class Totals:
    """Counts of one venue since start, its last endings and unreadable frames; those of living links are not yet in."""

    def __init__(self) -> None:
        self.attempts = 0
        self.reconnects = 0
        self.rotations = 0
        self.frames = 0
        self.unknown = 0
        self.wire_errors = 0
        self.excerpts: deque[str] = deque(maxlen=KEPT_EXCERPTS)
        self.endings: deque[tuple[int, Ending]] = deque(maxlen=KEPT_ENDINGS)


class Shared:
    """What the shards of one venue have in common.

    Attributes:
        unreadable: frames that broke the protocol and were not told of yet; when that was last told, monotonic ns.
    """

    def __init__(self, spec: VenueSpec, wiring: Wiring, rng: Rng, attempts: Window | None = None) -> None:
        self.spec = spec
        self.wiring = wiring
        self.rng = rng
        self.fresh = Freshness(wiring.settings)
        self.numbers = Numbers()
        self.attempts = attempts or SlidingWindow(spec.connects_per_window, seconds(spec.connect_window_s))
        self.hosts = HostChoice(len(spec.hosts), seconds(wiring.settings.blocked_s))
        self.host_in_use = 0
        self.totals = Totals()
        self.unreadable = 0
        self.unreadable_told_at: int | None = None
