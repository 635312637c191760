"""Status facts: what happens to a stream, in order with its data; and the health that a person reads."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from bethna.core.coverage import Coverage, Gap
from bethna.core.market import InstrumentId


class GapFound(Struct, frozen=True, gc=False):
    """Data is missing from here on; a Healed or GapMarked for the same ids follows."""

    instrument: InstrumentId
    gap: Gap
    ts: int


class Healed(Struct, frozen=True, gc=False):
    """Every part of a gap was found and spliced in before what follows."""

    instrument: InstrumentId
    gap: Gap
    found: int
    ts: int


class GapMarked(Struct, frozen=True, gc=False):
    """A gap that could not be healed; what follows is released with the hole in it."""

    instrument: InstrumentId
    gap: Gap
    ts: int


class Dropped(Struct, frozen=True, gc=False):
    """A mailbox lost `count` events because its reader was slow."""

    count: int


class Trust(StrEnum):
    """Whether a book can be believed."""

    WAITING = "waiting"
    SYNCING = "syncing"
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    OFF = "off"


class BookStatus(Struct, frozen=True, gc=False):
    """The trust state of a book changed."""

    instrument: InstrumentId
    trust: Trust
    reason: str
    ts: int


EventLevel = Literal["info", "warning", "error"]


class SystemEvent(Struct, frozen=True, gc=False):
    """Something a person may want to know: a reconnect, a refusal, a heal, a failing venue.

    Attributes:
        ts: ns UTC by the desk's clock. code: stable snake_case. subject: a venue, instrument or part of the desk.
    """

    ts: int
    level: EventLevel
    code: str
    subject: str
    message: str


TradeStreamEvent = GapFound | Healed | GapMarked


VenueState = Literal["connecting", "ok", "reconnecting", "failing", "ended"]
StreamState = Literal["waiting", "live", "stale", "refused", "ended"]
SourceKind = Literal["live", "twin", "tape"]


class Simulation(Struct, frozen=True, gc=False):
    """The market is simulated: no price was ever traded.

    Attributes:
        seed: of the simulated world; None where nobody told it.
        reason: why it is simulated, for a person.
        live_reachable: the live market answers by now, and a restart would lead there.
    """

    seed: int | None
    reason: str
    live_reachable: bool = False


class StreamStatus(Struct, frozen=True, gc=False):
    """How one instrument's streams are, said in order with its data when it changes.

    Attributes:
        state: `live`, `stale` (silent for longer than its pace allows), `waiting` (no socket carries it now),
            `refused`, `ended`. reason: for a person, empty when live. connected: a socket carries it.
        ts: ns UTC by the desk's clock.
    """

    instrument: InstrumentId
    state: StreamState
    reason: str
    connected: bool
    ts: int


class ConnectionHealth(Struct, frozen=True, gc=False):
    """One socket to a venue, as it is now.

    Attributes:
        number: of the connection, counted per venue since start. host: name and port.
        opened_at, last_message: ns UTC by the desk's clock, None before.
        lag_ms: how old the newest trade or book update was when it came (ours less the venue's time, corrected by
            the measured offset), None where not known.
        streams: how many it carries; instruments: those of them.
    """

    venue: str
    number: int
    host: str
    state: VenueState
    opened_at: int | None
    last_message: int | None
    messages: int
    wire_errors: int
    lag_ms: float | None
    streams: int
    instruments: tuple[InstrumentId, ...]


class VenueHealth(Struct, frozen=True, gc=False):
    """One venue's connections, summed.

    Attributes:
        attempts: connection attempts since start. failing_attempts: in a row without success.
        clock_offset_ns: venue minus host, None until measured.
        quota_used, quota_limit: REST request weight in the current minute, of all who share the venue's quota.
        quota_own: what this process used of it. quota_foreign: what the venue counted beyond all our processes.
        quota_processes: how many of ours share it now, this one included.
        banned_until: until then the venue answers no REST request of ours, ns UTC by the desk's clock; else None.
    """

    venue: str
    state: VenueState
    message: str = ""
    connections: int = 0
    attempts: int = 0
    failing_attempts: int = 0
    reconnects: int = 0
    rotations: int = 0
    clock_offset_ns: int | None = None
    messages: int = 0
    wire_errors: int = 0
    unknown_messages: int = 0
    quota_used: int = 0
    quota_limit: int | None = None
    quota_own: int = 0
    quota_foreign: int = 0
    quota_processes: int = 1
    banned_until: int | None = None


class InstrumentHealth(Struct, frozen=True, gc=False):
    """One instrument's feed. Counts are since start; `last_message` is ns UTC by the desk's clock.

    Attributes:
        book_compared: when a snapshot that the desk asked for last agreed with the book as it stands now, ns UTC by the
            desk's clock; None before, and where the stream itself proves the book.
        book_compared_levels: in how many levels of both sides.
    """

    instrument: InstrumentId
    state: StreamState
    message: str
    trust: Trust
    trades: int
    trade_gaps: int
    duplicates: int
    heals: int
    book_updates: int
    book_gaps: int
    resyncs: int
    last_message: int | None
    coverage: Coverage
    book_compared: int | None = None
    book_compared_levels: int = 0


class TapePosition(Struct, frozen=True, gc=False):
    """Where a playing tape is. Times are the tape's own receive times, ns UTC; `speed` None means flat out.

    Attributes:
        damage: where and why the tape could not be read further, None while it is whole.
    """

    name: str
    speed: float | None
    position: int | None
    start: int | None
    end: int | None
    ended: bool
    loops: int
    damage: str | None = None
