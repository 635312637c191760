"""What every link of a venue is given and how a life is told when it is over; no behaviour."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import Clock
from bethna.logic.session_types import ConnectionSettings
from bethna.net.network import Network
from bethna.net.tap import Tap
from bethna.net.timers import Timers
from bethna.services.connections.sink import FrameSink
from bethna.venues.spec import Codec


class Ending(Struct, frozen=True, gc=False):
    """How a connection's life ended.

    Attributes:
        code: one of the session's codes. status: of a denied upgrade. retry_after_s: when the venue asked to wait.
    """

    code: str
    reason: str
    status: int | None = None
    retry_after_s: float | None = None


class Wiring(Struct, frozen=True):
    """What all links of a venue share."""

    venue: str
    codec: Codec
    settings: ConnectionSettings
    clock: Clock
    timers: Timers
    sink: FrameSink
    tap: Tap | None
    network: Network
