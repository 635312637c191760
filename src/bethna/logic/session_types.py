"""What goes into a session and what comes out: two closed unions, and the figures it lives by."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from msgspec import Struct

from bethna.core.clock import seconds
from bethna.logic.quota import SlidingWindow


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """How the user wants connections kept. Seconds unless the name says otherwise.

    Attributes:
        timeout_s: for connecting, and for an answer to our own ping.
        heartbeat_s: silence after which we ping.
        first_delay_s, max_delay_s: ceiling of the first and of all reconnect delays (drawn with full jitter).
        reconnect_attempts: failures in a row after which health says failing; attempts go on.
        stable_after_s: data must flow for this long before the count of failures starts over.
        ack_timeout_s: a subscription without an answer is reported and sent again after this.
        silent_s: a socket without any data after opening is replaced after this; doubles with each one in a row.
        prove_s: a replacement socket has this long to show every lively stream.
        stale_min_s, stale_max_s, stale_unknown_s: bounds of the data-age allowance of one stream, and the allowance of
            one whose pace is not known yet.
        wire_errors, wire_errors_s: this many unreadable frames within this time replace the socket.
        subscribe_batch: streams in one control message.
        streams_per_socket: fewer than the venue's cap if the user wants smaller fault domains; None for the cap.
        blocked_s: how long a host that said `not from here` is avoided.
        clock_every_s: how often the venue's clock is asked.
        proxy: URL of an HTTP or SOCKS proxy for every venue, None for none.
    """

    timeout_s: float = 10.0
    heartbeat_s: float = 30.0
    first_delay_s: float = 1.0
    max_delay_s: float = 60.0
    reconnect_attempts: int = 5
    stable_after_s: float = 60.0
    ack_timeout_s: float = 5.0
    silent_s: float = 30.0
    prove_s: float = 30.0
    stale_min_s: float = 15.0
    stale_max_s: float = 300.0
    stale_unknown_s: float = 60.0
    wire_errors: int = 20
    wire_errors_s: float = 60.0
    subscribe_batch: int = 100
    streams_per_socket: int | None = None
    blocked_s: float = 3600.0
    clock_every_s: float = 300.0
    proxy: str | None = None


class SessionRules(Struct, frozen=True, gc=False):
    """The figures of one session, all times in nanoseconds.

    Attributes:
        ordered: answers name no request, so only one is in the air at a time.
        data_confirms: a control message is taken whole or not at all, so data for one of its streams answers it.
    """

    timeout_ns: int
    quiet_ns: int
    silent_ns: int
    life_ns: int
    ack_timeout_ns: int
    messages: int
    window_ns: int
    batch: int
    ordered: bool = False
    data_confirms: bool = True


# What left spaced may arrive bunched: the window we keep is this much longer than the one the venue counts in.
_BUNCHING = 1.1


def session_rules(
    settings: ConnectionSettings,
    *,
    messages_per_s: float,
    ping_timeout_s: float | None,
    life_ns: int,
    silent_ns: int,
    ordered: bool = False,
    data_confirms: bool = True,
) -> SessionRules:
    """The figures of one session under a venue's limits: `messages_per_s` is what we allow ourselves."""
    window = SlidingWindow.per_second(messages_per_s / _BUNCHING) if messages_per_s < 1 else None
    return SessionRules(
        timeout_ns=seconds(settings.timeout_s),
        quiet_ns=quiet_ns(settings, ping_timeout_s),
        silent_ns=silent_ns,
        life_ns=life_ns,
        ack_timeout_ns=seconds(settings.ack_timeout_s),
        messages=1 if window else int(messages_per_s),
        window_ns=window.window_ns if window else seconds(_BUNCHING),
        batch=settings.subscribe_batch,
        ordered=ordered,
        data_confirms=data_confirms,
    )


def quiet_ns(settings: ConnectionSettings, ping_timeout_s: float | None) -> int:
    """Silence after which we ping: the user's heartbeat, or sooner where the venue promises to be heard more often."""
    return seconds(min(settings.heartbeat_s, ping_timeout_s or settings.heartbeat_s))


class Phase(Enum):
    """Where a session stands."""

    CONNECTING = "connecting"
    OPEN = "open"
    PROVEN = "proven"
    CLOSED = "closed"


# --- what happens to a session


class Opened(Struct, frozen=True, gc=False):
    """The upgrade succeeded."""


class Heard(Struct, frozen=True, gc=False):
    """Something arrived since the last time that anybody said so."""


class Pinged(Struct, frozen=True, gc=False):
    """The venue sent a ping frame."""

    payload: bytes


class Delivered(Struct, frozen=True, gc=False):
    """Market data arrived that can only be due to one or more of these streams (may be empty: data as such)."""

    streams: tuple[str, ...] = ()


AckScope = Literal["request", "stream", "connection"]


class Acked(Struct, frozen=True, gc=False):
    """The venue took a request; `subscriptions` and `scope` are those of `core.wire.Ack`."""

    request_id: int | str | None
    subscriptions: tuple[str, ...] | None = None
    scope: AckScope = "request"


class Refused(Struct, frozen=True, gc=False):
    """The venue refused a request, or only `streams` of it where it named them."""

    request_id: int | str | None
    message: str
    streams: tuple[str, ...] = ()


class Challenged(Struct, frozen=True, gc=False):
    """The venue wants this sent, or it cuts the connection."""

    answer: str


class ShutdownNoticed(Struct, frozen=True, gc=False):
    """The venue will cut this connection soon."""


class Want(Struct, frozen=True, gc=False):
    """These streams are wanted from now on."""

    streams: tuple[str, ...]


class Unwant(Struct, frozen=True, gc=False):
    """These are not."""

    streams: tuple[str, ...]


class Renew(Struct, frozen=True, gc=False):
    """What these streams begin with is wanted once more."""

    streams: tuple[str, ...]


class Tick(Struct, frozen=True, gc=False):
    """Time passed."""


class Lost(Struct, frozen=True, gc=False):
    """The connection could not be made, or ended without our asking."""

    code: str
    reason: str


class Leave(Struct, frozen=True, gc=False):
    """We are done with this connection."""

    code: str
    reason: str


Said = Heard | Pinged | Acked | Refused | Challenged | ShutdownNoticed
Input = Opened | Said | Delivered | Want | Unwant | Renew | Tick | Lost | Leave


# --- what a session asks for


class Subscribe(Struct, frozen=True, gc=False):
    """Send a control message that adds streams."""

    streams: tuple[str, ...]
    request_id: int


class Unsubscribe(Struct, frozen=True, gc=False):
    """Send a control message that removes streams."""

    streams: tuple[str, ...]
    request_id: int


class SendText(Struct, frozen=True, gc=False):
    """Send this: a greeting, or the answer to a challenge."""

    text: str


class SendPong(Struct, frozen=True, gc=False):
    """Send a pong frame with the ping's own payload."""

    payload: bytes


class SendPing(Struct, frozen=True, gc=False):
    """Send a ping frame."""


class StreamRefused(Struct, frozen=True, gc=False):
    """The venue does not serve this stream; say so to whoever wanted it."""

    stream: str
    reason: str


class AckMissing(Struct, frozen=True, gc=False):
    """A request was not answered in time; it is sent again."""

    streams: tuple[str, ...]


class Proven(Struct, frozen=True, gc=False):
    """The first market data has arrived."""


class Rotate(Struct, frozen=True, gc=False):
    """Replace this connection, it will be cut."""

    reason: str


class Ended(Struct, frozen=True, gc=False):
    """It is over: close the socket if it is still there. Nothing follows.

    Attributes:
        code: connect_failed, connect_timeout, connection_lost, heartbeat_missed, silent, or the code of a Leave.
    """

    code: str
    reason: str


Message = Subscribe | Unsubscribe | SendText | SendPong | SendPing
Effect = Message | StreamRefused | AckMissing | Proven | Rotate | Ended
