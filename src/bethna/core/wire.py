"""What a codec hands back besides market facts: answers, notices and the union of everything it can say."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bethna.core.instrument import Instrument
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    CandlePage,
    IndexPrice,
    InstrumentId,
    LastTrade,
    Quote,
    Ticker,
    Trade,
    TradePage,
    Valuation,
    VenueCandle,
)


class Ack(Struct, frozen=True, gc=False):
    """The venue took a control message.

    Attributes:
        request_id: None where the venue's answers name no request; then it is that of the oldest one.
        subscriptions: the streams it listed, None where it listed none: all of the request are taken.
        scope: what the list is of. `request`: all of it that is taken, the rest is not served. `stream`: a part, the
            rest is answered apart. `connection`: everything that the connection has now; what was asked for and is not
            in it is not served.
    """

    request_id: int | str | None
    subscriptions: tuple[str, ...] | None = None
    scope: Literal["request", "stream", "connection"] = "request"


class Refusal(Struct, frozen=True, gc=False):
    """The venue refused a control message, or only `streams` of it where it named them."""

    request_id: int | str | None
    code: int | None
    message: str
    streams: tuple[str, ...] = ()


class Challenge(Struct, frozen=True, gc=False):
    """The venue wants an answer, or it cuts the connection.

    Attributes:
        answer: what is to be sent.
    """

    answer: str


class BookDoubt(Struct, frozen=True, gc=False):
    """What this connection said of a book is not what the venue has: a checksum is wrong, a message is missing.

    Attributes:
        epoch: the connection, as in the updates.
    """

    instrument: InstrumentId
    reason: str
    ts_recv: int
    epoch: int


class VenueCondition(Struct, frozen=True, gc=False):
    """How the venue says that it is.

    Attributes:
        trading: orders are taken and matched as usual. message: its own words.
    """

    trading: bool
    message: str


class ShutdownNotice(Struct, frozen=True, gc=False):
    """The venue will cut this connection soon."""

    ts_event: int


class ServerTime(Struct, frozen=True, gc=False):
    """The venue's clock, ns UTC.

    Attributes:
        coarse_ns: what the venue cuts off: the true time is less than this later. 0 where that does not matter.
    """

    ts_event: int
    coarse_ns: int = 0


class Catalogue(Struct, frozen=True, gc=False):
    """The venue's instruments and its request-weight limit per minute, None where it did not say."""

    instruments: tuple[Instrument, ...]
    weight_per_minute: int | None = None


class UnknownMessage(Struct, frozen=True, gc=False):
    """Well-formed, but of a kind that we do not know; venues add kinds at any time. Counted, not an error."""

    kind: str
    excerpt: str


MarketEvent = (
    Trade | Quote | BookDelta | BookSnapshot | VenueCandle | Ticker | LastTrade | IndexPrice | Valuation
)
ControlEvent = Ack | Refusal | ShutdownNotice | Challenge | BookDoubt | VenueCondition | UnknownMessage
WireEvent = MarketEvent | ControlEvent
RestEvent = BookSnapshot | TradePage | CandlePage | ServerTime | Catalogue | UnknownMessage
