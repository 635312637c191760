"""One socket with its session: carries frames to the sink and the session's wishes to the wire; it decides nothing.

The way of a frame, as short as it can be: socket -> tap (when recording) -> codec -> sink, or session when it is an
answer to us.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Protocol, assert_never

import structlog

from bethna.core.clock import NS_PER_S, seconds
from bethna.core.errors import ConnectError, ConnectionLost, RateLimited, VenueAnswer, WireError
from bethna.core.market import BookSnapshot, InstrumentId
from bethna.core.wire import (
    Ack,
    BookDoubt,
    Challenge,
    ControlEvent,
    MarketEvent,
    Refusal,
    ShutdownNotice,
    UnknownMessage,
    VenueCondition,
)
from bethna.logic.access import why_denied
from bethna.logic.session import Session
from bethna.logic.session_types import (
    Acked,
    AckMissing,
    Challenged,
    Delivered,
    Effect,
    Ended,
    Heard,
    Input,
    Leave,
    Lost,
    Message,
    Opened,
    Phase,
    Pinged,
    Proven,
    Refused,
    Rotate,
    SendPing,
    SendPong,
    SendText,
    ShutdownNoticed,
    StreamRefused,
    Subscribe,
    Tick,
    Unsubscribe,
)
from bethna.net.timers import Timer
from bethna.net.ws import CLOSE_GRACE_S, Socket, host_of
from bethna.services.connections.sink import MARKET_KINDS, Mark
from bethna.services.connections.wiring import Ending, Wiring
from bethna.venues.spec import Connection

KEPT_EXCERPTS = 20
# Endings that we asked for: they say goodbye properly.
_POLITE = frozenset({"rotated", "unwanted", "not_proven", "stopped"})

_log = structlog.get_logger("bethna.connections")


class LinkOwner(Protocol):
    """Who hears of the turns in a link's life."""

    def link_opened(self, link: Link) -> None:
        """The socket stands."""
        ...

    def link_proven(self, link: Link) -> None:
        """First market data."""
        ...

    def link_refused(self, link: Link, stream: str, reason: str) -> None:
        """The venue does not serve a stream."""
        ...

    def link_unreadable(self, message: str) -> None:
        """A frame broke the protocol; it was left out."""
        ...

    def link_doubtful(self, link: Link, reason: str) -> None:
        """So many frames broke the protocol that the socket should be replaced."""
        ...

    def link_condition(self, link: Link, said: VenueCondition) -> None:
        """The venue said how it is."""
        ...

    def link_unanswered(self, link: Link, streams: tuple[str, ...]) -> None:
        """A subscription was not acknowledged in time; it was sent again."""
        ...

    def link_rotate(self, link: Link, reason: str) -> None:
        """The socket will be cut by the venue, or should be replaced."""
        ...

    def link_ended(self, link: Link, ending: Ending) -> None:
        """The session is over; the socket follows."""
        ...


class Link:
    """One socket's life from connecting to its end; `run` is its one coroutine.

    Attributes:
        number: names the socket in tapes and to the sink. shard: whose streams it carries. host: index of its host.
        frames, unknown, wire_errors: counts since it began.
        marks: event kind -> instrument -> what came of it; the watchdog looks at them.
        opened_at, proven_at: monotonic ns, None before. answered: the venue has answered a subscription.
    """

    def __init__(
        self,
        number: int,
        shard: int,
        host: int,
        url: str,
        session: Session,
        connection: Connection,
        wiring: Wiring,
        owner: LinkOwner,
    ) -> None:
        self.number = number
        self.shard = shard
        self.host = host
        self.url = url
        self.session = session
        self.frames = 0
        self.unknown = 0
        self.wire_errors = 0
        self.marks: dict[type, dict[InstrumentId, Mark]] = {kind: {} for kind in MARKET_KINDS}
        self.began_at = wiring.clock.monotonic_ns()
        self.opened_at: int | None = None
        self.proven_at: int | None = None
        self.ending: Ending | None = None
        self.answered = False
        self.excerpts: deque[str] = deque(maxlen=KEPT_EXCERPTS)
        self._wiring = wiring
        self._owner = owner
        self._socket: Socket | None = None
        self._scope: asyncio.Timeout | None = None
        self._timer: Timer | None = None
        self._denied: ConnectError | RateLimited | None = None
        self._heard_frames = 0
        self._bad: deque[int] = deque(maxlen=wiring.settings.wire_errors)
        self._decode = connection.decode
        self._tap = wiring.tap
        self._apply = self._first

    # --- life

    async def run(self) -> None:
        """Connect and live until the socket is gone. Errors of the outside world end the session, never this call."""
        self._arm()
        try:
            await self._live()
        finally:
            self.session.receive(Leave("stopped", "the desk stopped"), self._wiring.clock.monotonic_ns())
            self._arm()
            if self._socket is not None:
                self._socket.abort()
                with contextlib.suppress(TimeoutError, ConnectionLost):
                    async with asyncio.timeout(CLOSE_GRACE_S):
                        await self._socket.wait_ended()
            if self.ending is None:
                self.ending = Ending("stopped", "the desk stopped")
            self._say_ended(self.ending)

    async def _live(self) -> None:
        socket = await self._connect()
        if socket is None:
            if (denied := self._denied) is not None:
                status = denied.status if isinstance(denied, ConnectError) else None
                said = why_denied(self._wiring.venue, status, denied.message)
                self.receive(Lost("connect_failed", said))
            return
        try:
            said = await socket.wait_ended()
        except ConnectionLost as error:
            said = error.message
        self.receive(Lost("connection_lost", said))

    async def _connect(self) -> Socket | None:
        """An open socket, or None when it could not be had or the session gave up (`_give_up`)."""
        wiring = self._wiring
        try:
            async with asyncio.timeout(None) as self._scope:
                return await wiring.network.connect(
                    self.url,
                    venue=wiring.venue,
                    clock=wiring.clock,
                    on_frame=self.frame,
                    events=self,
                    timeout_s=wiring.settings.timeout_s,
                    proxy=wiring.settings.proxy,
                )
        except (ConnectError, RateLimited) as error:
            self._denied = error
        except TimeoutError:
            pass
        finally:
            self._scope = None
        return None

    def receive(self, what: Input) -> None:
        """Tell the session and do what it asks."""
        for effect in self.session.receive(what, self._wiring.clock.monotonic_ns()):
            self._do(effect)
        self._arm()

    def leave(self, code: str, reason: str) -> None:
        """End this connection."""
        self.receive(Leave(code, reason))

    def pulse(self) -> None:
        """About once a second: what the hot path noticed by itself."""
        if self.frames != self._heard_frames:
            self._heard_frames = self.frames
            self.receive(Heard())
        if self.session.awaiting:
            seen = self.seen()
            find = self._wiring.codec.stream_instrument
            streams = tuple(stream for stream in self.session.held if find(stream) in seen)
            if streams:
                self.receive(Delivered(streams))

    def seen(self) -> set[InstrumentId]:
        """Instruments of which anything has arrived here."""
        return {instrument for marks in self.marks.values() for instrument in marks}

    def last_message(self) -> int | None:
        """When market data last came here, ns UTC; None before any."""
        return max((mark.at for marks in self.marks.values() for mark in marks.values()), default=None)

    def has_begun(self, instrument: InstrumentId) -> bool:
        """The venue has pushed a snapshot of its book here."""
        return instrument in self.marks[BookSnapshot]

    def forget(self, instrument: InstrumentId) -> None:
        """An instrument left this socket: what it showed proves nothing any more."""
        for marks in self.marks.values():
            marks.pop(instrument, None)

    @property
    def is_proven(self) -> bool:
        """Market data has arrived and the session lives."""
        return self.session.phase is Phase.PROVEN

    @property
    def host_name(self) -> str:
        """Host and port."""
        return host_of(self.url)

    def flowed_ns(self, now: int) -> int:
        """For how long data has flowed."""
        return 0 if self.proven_at is None else now - self.proven_at

    # --- what the socket says

    def opened(self, socket: Socket) -> None:
        """The upgrade succeeded."""
        self._socket = socket
        self.opened_at = self._wiring.clock.monotonic_ns()
        if self._tap is not None:
            self._tap.opened(self.number, self.url, self._wiring.clock.now_ns())
        self._owner.link_opened(self)
        self.receive(Opened())

    def pinged(self, payload: bytes) -> None:
        """A ping frame came."""
        self.receive(Pinged(payload))

    def ponged(self) -> None:
        """A pong frame came."""
        self.receive(Heard())

    def frame(self, raw: bytes, ts_recv: int) -> None:
        """One whole message: the hot path."""
        self.frames += 1
        if self._tap is not None:
            self._tap.received(self.number, raw, ts_recv)
        try:
            events = self._decode(raw, ts_recv)
        except (WireError, VenueAnswer) as error:
            self._unreadable(error, raw)
            return
        marks = self.marks
        for event in events:
            seen = marks.get(event.__class__)
            if seen is None:
                self._control(event)  # type: ignore[arg-type]  # every market kind has marks
            else:
                mark = seen.get(event.instrument)  # type: ignore[union-attr]  # likewise
                if mark is None:
                    seen[event.instrument] = Mark(ts_recv)  # type: ignore[union-attr]  # likewise
                else:
                    mark.at = ts_recv
                    mark.count += 1
                self._apply(event, self.number)  # type: ignore[arg-type]  # likewise

    def _first(self, event: MarketEvent, conn: int) -> None:
        """The first market event proves the connection; from then on events go straight to the sink."""
        self._apply = self._wiring.sink.apply  # type: ignore[assignment]  # the same call
        self.receive(Delivered())
        self._wiring.sink.apply(event, conn)

    def _control(self, event: ControlEvent) -> None:
        match event:
            case Ack(request_id, subscriptions, scope):
                self.answered = True
                self.receive(Acked(request_id, subscriptions, scope))
            case Refusal(request_id, code, message, streams):
                self.answered = True
                said = message if code is None else f"{message} (code {code})"
                self.receive(Refused(request_id, said, streams))
            case ShutdownNotice():
                self.receive(ShutdownNoticed())
            case BookDoubt():
                self._wiring.sink.doubt(event)
            case Challenge(answer):
                self.receive(Challenged(answer))
            case VenueCondition():
                self._owner.link_condition(self, event)
            case UnknownMessage(kind):
                self.unknown += 1
                if self.unknown == 1:
                    _log.info("unknown_message_seen", venue=self._wiring.venue, conn=self.number, kind=kind)
            case _:
                assert_never(event)

    def _unreadable(self, error: WireError | VenueAnswer, raw: bytes) -> None:
        settings = self._wiring.settings
        now = self._wiring.clock.monotonic_ns()
        self.wire_errors += 1
        self.excerpts.append(error.excerpt if isinstance(error, WireError) else repr(raw[:200]))
        self._owner.link_unreadable(error.message)
        self._bad.append(now)
        if len(self._bad) == settings.wire_errors and now - self._bad[0] <= seconds(settings.wire_errors_s):
            self._bad.clear()
            reason = f"{settings.wire_errors} unreadable frames, the last: {error.message}"
            self._owner.link_doubtful(self, reason)

    # --- what the session asks

    def _do(self, effect: Effect) -> None:
        match effect:
            case StreamRefused(stream, reason):
                self._owner.link_refused(self, stream, reason)
            case AckMissing(streams):
                self._owner.link_unanswered(self, streams)
            case Proven():
                self.proven_at = self._wiring.clock.monotonic_ns()
                self._owner.link_proven(self)
            case Rotate(reason):
                self._owner.link_rotate(self, reason)
            case Ended(code, reason):
                self._end(code, reason)
            case _:
                self._say(effect)

    def _say(self, message: Message) -> None:
        match message:
            case Subscribe(streams, request_id):
                self._send(self._wiring.codec.encode_subscribe(streams, request_id))
            case Unsubscribe(streams, request_id):
                self._send(self._wiring.codec.encode_unsubscribe(streams, request_id))
            case SendText(text):
                self._send(text)
            case SendPong(payload):
                if self._socket is not None:
                    self._socket.pong(payload)
            case SendPing():
                if self._socket is not None:
                    self._socket.ping()
            case _:
                assert_never(message)

    def _send(self, text: str) -> None:
        if self._socket is not None:
            self._socket.send(text)
            if self._tap is not None:
                self._tap.sent(self.number, text, self._wiring.clock.now_ns())

    def _end(self, code: str, reason: str) -> None:
        denied = self._denied
        self.ending = Ending(
            code,
            reason,
            denied.status if isinstance(denied, ConnectError) else None,
            denied.retry_after_s if isinstance(denied, RateLimited) else None,
        )
        if self._socket is None:
            self._give_up()
        elif code in _POLITE:
            self._socket.close()
        else:
            self._socket.abort()
        self._wiring.sink.connection_ended(self.number, self._wiring.venue, self._wiring.clock.now_ns())
        self._owner.link_ended(self, self.ending)

    def _give_up(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.session.deadline()
        if deadline is not None:
            self._timer = self._wiring.timers.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.receive(Tick())

    def _say_ended(self, ending: Ending) -> None:
        clock = self._wiring.clock
        if self._tap is not None and self.opened_at is not None:
            self._tap.closed(self.number, ending.reason, clock.now_ns())
        since = self.began_at if self.opened_at is None else self.opened_at
        _log.info(
            "connection_ended",
            venue=self._wiring.venue,
            conn=self.number,
            host=self.host_name,
            lived_s=round((clock.monotonic_ns() - since) / NS_PER_S, 3),
            messages=self.frames,
            wire_errors=self.wire_errors,
            streams=len(self.session.held),
            code=ending.code,
            reason=ending.reason,
        )
