"""Status facts: what happens to a stream, in order with its data; and the health that a person reads."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from bethna.core.coverage import Gap
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
