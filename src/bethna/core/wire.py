"""What a codec hands back besides market facts: answers, notices and the union of everything it can say."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.instrument import Instrument
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    CandlePage,
    Quote,
    Ticker,
    Trade,
    TradePage,
    VenueCandle,
)


class Ack(Struct, frozen=True, gc=False):
    """The venue took a control message; `subscriptions` when it listed them."""

    request_id: int | str | None
    subscriptions: tuple[str, ...] | None = None


class Refusal(Struct, frozen=True, gc=False):
    """The venue refused a control message."""

    request_id: int | str | None
    code: int | None
    message: str


class ShutdownNotice(Struct, frozen=True, gc=False):
    """The venue will cut this connection soon."""

    ts_event: int


class ServerTime(Struct, frozen=True, gc=False):
    """The venue's clock, ns UTC."""

    ts_event: int


class Catalogue(Struct, frozen=True, gc=False):
    """The venue's instruments and its request-weight limit per minute, None where it did not say."""

    instruments: tuple[Instrument, ...]
    weight_per_minute: int | None = None


class UnknownMessage(Struct, frozen=True, gc=False):
    """Well-formed, but of a kind that we do not know; venues add kinds at any time. Counted, not an error."""

    kind: str
    excerpt: str


MarketEvent = Trade | Quote | BookDelta | BookSnapshot | VenueCandle | Ticker
ControlEvent = Ack | Refusal | ShutdownNotice | UnknownMessage
WireEvent = MarketEvent | ControlEvent
RestEvent = BookSnapshot | TradePage | CandlePage | ServerTime | Catalogue | UnknownMessage
