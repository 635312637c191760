"""The life of one socket as a machine: what happened and when goes in, what to do comes out. It does no I/O.

    CONNECTING -> OPEN -> PROVEN -> CLOSED          (CLOSED can be reached from everywhere and is final)

Rules
  1. A connection that is not open after `timeout_ns` is given up.
  2. The first streams travel in the URL; later changes are SUBSCRIBE and UNSUBSCRIBE. What is sent is computed from the
     difference between what is wanted and what the venue has, so a want taken back in time costs no message.
  3. Everything we send counts (subscriptions, pings, pongs): never more than `messages` in any `window_ns`. A pong goes
     first; of several pings only the newest is answered (RFC 6455, 5.5.3).
  4. Removals are sent before additions, at most `batch` streams a message.
  5. A request lives until the venue answers it or data arrives for a stream that only it can have started. Without
     either for `ack_timeout_ns` it is reported and sent again under a new id, with growing pauses, for as long as it is
     wanted. An answer to any of its ids settles it. What is not wanted any more by then is asked to be removed: it may
     have been taken.
  6. A refused request for several streams is halved and asked again until the guilty stream is named; the others live.
     A refused stream is dead on this socket until it is wanted anew. A refusal without an id is that of the oldest open
     request. A refusal that comes after the request was repeated with fewer streams says nothing about those.
  7. A stream with a request in the air is not touched until that is settled; then the difference of rule 2 decides.
  8. Nothing heard for `quiet_ns`: we ping. Nothing for `timeout_ns` after that: the connection is dead.
  9. A socket that should carry streams and shows no data for `silent_ns` after opening is given up.
 10. Before the venue's own cut (`life_ns`), and when it announces its shutdown, a rotation is asked for, once; the
     connection itself goes on.
 11. After the end nothing comes out any more. The first reason is the reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import assert_never

from bethna.core.clock import NS_PER_S
from bethna.logic.quota import SlidingWindow
from bethna.logic.session_types import (
    Acked,
    AckMissing,
    Delivered,
    Effect,
    Ended,
    Heard,
    Input,
    Leave,
    Lost,
    Opened,
    Phase,
    Pinged,
    Proven,
    Refused,
    Rotate,
    SendPing,
    SendPong,
    SessionRules,
    ShutdownNoticed,
    StreamRefused,
    Subscribe,
    Tick,
    Unsubscribe,
    Unwant,
    Want,
)

_MAX_PAUSE_DOUBLINGS = 4
_KEPT_IDS = 8
_UNSUBSCRIBE_TRIES = 3


class _Request:
    """One control message and its repetitions.

    `ids` are those it was sent under, with how many streams it named then; `due` is when it is sent again, None while
    it waits to be sent.
    """

    __slots__ = ("add", "due", "ids", "settled", "streams", "tries")

    def __init__(self, streams: tuple[str, ...], *, add: bool) -> None:
        self.add = add
        self.streams = streams
        self.ids: dict[int, int] = {}
        self.tries = 0
        self.due: int | None = None
        self.settled = False


class Session:
    """One socket's life. `now` is monotonic nanoseconds; inputs are taken in the order in which they happened.

    Args:
        rules: its figures.
        url_streams: what the URL subscribes to.
        streams: what is wanted besides.
        now: when connecting began.

    Attributes:
        refused: streams that the venue does not serve, with its words.
    """

    def __init__(
        self, rules: SessionRules, url_streams: Sequence[str], streams: Sequence[str], now: int
    ) -> None:
        self.phase = Phase.CONNECTING
        self.refused: dict[str, str] = {}
        self._rules = rules
        self._now = self._began = self._heard_at = now
        self._opened_at = 0
        self._probed_at: int | None = None
        self._expects_since: int | None = None
        self._rotation_asked = False
        self._window = SlidingWindow(rules.messages, rules.window_ns)
        self._pong: bytes | None = None
        self._wanted = dict.fromkeys((*url_streams, *streams))
        self._held: dict[str, _Request | None] = dict.fromkeys(url_streams)  # None: the venue has it
        self._queue: deque[_Request] = deque()
        self._air: dict[int, _Request] = {}
        self._next_id = 1
        self._dirty = True

    @property
    def held(self) -> tuple[str, ...]:
        """Streams that the venue has taken, or may have."""
        return tuple(self._held)

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Streams that the venue has taken."""
        return tuple(stream for stream, request in self._held.items() if request is None)

    @property
    def awaiting(self) -> bool:
        """Requests are in the air: the driver should tell which streams deliver."""
        return bool(self._air)

    @property
    def settled(self) -> bool:
        """Everything wanted is with the venue or refused, and nothing else is."""
        return not self._air and not self._queue and not self._dirty

    def receive(self, what: Input, now: int) -> list[Effect]:
        """Take what happened; what is to be done about it, in order."""
        out: list[Effect] = []
        if self.phase is Phase.CLOSED:  # rule 11
            return out
        self._now = now = max(now, self._now)
        self._take(what, now, out)
        self._watch(now, out)
        return out

    def deadline(self) -> int | None:
        """When the next Tick has an effect, monotonic ns; None after the end."""
        rules = self._rules
        if self.phase is Phase.CLOSED:
            return None
        if self.phase is Phase.CONNECTING:
            return self._began + rules.timeout_ns
        must_send = self._pong is not None or bool(self._queue) or self._dirty
        times = []
        if self._probed_at is not None:
            times.append(self._probed_at + rules.timeout_ns)
        elif self._quiet(self._now):
            must_send = True
        else:
            times.append(self._heard_at + rules.quiet_ns)
        if not self._rotation_asked:
            times.append(self._opened_at + rules.life_ns)
        if self.phase is Phase.OPEN and self._expects_since is not None:
            times.append(self._expects_since + rules.silent_ns)
        times.extend(request.due for request in self._air.values() if request.due is not None)
        if must_send:
            times.append(self._now + self._window.wait(self._now))
        return max(self._now, min(times))

    # --- what happened

    def _take(self, what: Input, now: int, out: list[Effect]) -> None:
        match what:
            case Opened():
                self._opened(now)
            case Heard():
                self._hear(now)
            case Pinged(payload):
                self._hear(now)
                self._pong = payload  # rule 3
            case Delivered(streams):
                self._deliver(streams, now, out)
            case Acked(request_id):
                self._hear(now)
                self._acked(self._request(request_id))
            case Refused(request_id, message):
                self._hear(now)
                self._refused(request_id, message, out)
            case ShutdownNoticed():
                self._hear(now)
                self._rotate("the venue announced its shutdown", out)
            case Want(streams):
                self._want(streams)
            case Unwant(streams):
                self._unwant(streams)
            case Tick():
                pass
            case Lost(code, reason) | Leave(code, reason):
                self._end(code, reason, out)
            case _:
                assert_never(what)

    def _opened(self, now: int) -> None:
        if self.phase is Phase.CONNECTING:
            self.phase = Phase.OPEN
            self._opened_at = now
            self._hear(now)

    def _hear(self, now: int) -> None:
        self._heard_at = now
        self._probed_at = None

    def _deliver(self, streams: tuple[str, ...], now: int, out: list[Effect]) -> None:
        if self.phase is Phase.CONNECTING:
            return
        self._hear(now)
        if self.phase is Phase.OPEN:
            self.phase = Phase.PROVEN
            out.append(Proven())
        for stream in streams:
            request = self._held.get(stream)
            if request is not None and request.add and request.tries:  # rule 5
                self._acked(request)

    def _want(self, streams: tuple[str, ...]) -> None:
        self._wanted.update(dict.fromkeys(streams))
        for stream in streams:
            self.refused.pop(stream, None)  # rule 6: wanted anew
        self._dirty = True

    def _unwant(self, streams: tuple[str, ...]) -> None:
        for stream in streams:
            self._wanted.pop(stream, None)
            self.refused.pop(stream, None)
        self._dirty = True

    # --- answers

    def _request(self, request_id: int | str | None) -> _Request | None:
        return self._air.get(request_id) if isinstance(request_id, int) else None

    def _acked(self, request: _Request | None) -> None:
        if request is None:
            return
        self._settle(request)
        for stream in request.streams:
            if request.add:
                self._held[stream] = None
            else:
                self._held.pop(stream, None)

    def _refused(self, request_id: int | str | None, message: str, out: list[Effect]) -> None:
        if request_id is None:
            request_id = next(iter(self._air), None)
        request = self._request(request_id)
        if request is None:
            return
        if isinstance(request_id, int) and request.ids[request_id] != len(request.streams):  # rule 6
            del request.ids[request_id], self._air[request_id]
            return
        if not request.add:
            self._acked(request)  # what cannot be removed is not there
            return
        self._settle(request)
        streams = request.streams
        if len(streams) > 1:  # rule 6
            half = len(streams) // 2
            for part in (streams[:half], streams[half:]):
                self._ask(part, add=True)
            return
        del self._held[streams[0]]
        if streams[0] in self._wanted:
            self.refused[streams[0]] = message
            out.append(StreamRefused(streams[0], message))

    def _settle(self, request: _Request) -> None:
        request.settled = True
        for request_id in request.ids:
            self._air.pop(request_id, None)
        self._dirty = True

    def _ask(self, streams: tuple[str, ...], *, add: bool) -> None:
        request = _Request(streams, add=add)
        self._held.update(dict.fromkeys(streams, request))
        self._queue.append(request)

    # --- what time brings

    def _watch(self, now: int, out: list[Effect]) -> None:
        if self.phase is Phase.CONNECTING:
            if now - self._began >= self._rules.timeout_ns:  # rule 1
                self._end("connect_timeout", f"not open after {_s(self._rules.timeout_ns)}", out)
        elif self.phase is not Phase.CLOSED:
            self._watch_open(now, out)

    def _watch_open(self, now: int, out: list[Effect]) -> None:
        rules = self._rules
        if self._probed_at is not None and now - self._probed_at >= rules.timeout_ns:  # rule 8
            silence = _s(now - self._heard_at)
            self._end("heartbeat_missed", f"nothing heard for {silence}, our ping not answered", out)
            return
        if self._is_silent(now):
            self._end("silent", f"no data for {_s(rules.silent_ns)} after opening", out)  # rule 9
            return
        if now - self._opened_at >= rules.life_ns:
            self._rotate("the venue cuts connections of this age", out)
        for request in dict.fromkeys(self._air.values()):
            if request.due is not None and now >= request.due:
                self._overdue(request, out)
        self._flush(now, out)
        if not self._held:
            self._expects_since = None
        elif self._expects_since is None:
            self._expects_since = now

    def _quiet(self, now: int) -> bool:
        return now - self._heard_at >= self._rules.quiet_ns

    def _is_silent(self, now: int) -> bool:
        since = self._expects_since
        return self.phase is Phase.OPEN and since is not None and now - since >= self._rules.silent_ns

    def _rotate(self, reason: str, out: list[Effect]) -> None:
        if not self._rotation_asked:  # rule 10
            self._rotation_asked = True
            out.append(Rotate(reason))

    def _overdue(self, request: _Request, out: list[Effect]) -> None:
        if request.tries == 1:  # rule 5: reported once
            out.append(AckMissing(request.streams))
        if not request.add and (request.tries >= _UNSUBSCRIBE_TRIES or self._any_wanted(request)):
            self._acked(request)  # a removal is not worth more; an addition later sets it right
            return
        request.due = None
        self._queue.append(request)

    def _any_wanted(self, request: _Request) -> bool:
        return any(stream in self._wanted for stream in request.streams)

    # --- sending

    def _flush(self, now: int, out: list[Effect]) -> None:
        while not self._window.wait(now):  # rule 3
            effect = self._next_message(now)
            if effect is None:
                return
            self._window.take(now)
            out.append(effect)

    def _next_message(self, now: int) -> Effect | None:
        if self._pong is not None:
            pong, self._pong = SendPong(self._pong), None
            return pong
        if self._probed_at is None and self._quiet(now):  # rule 8
            self._probed_at = now
            return SendPing()
        if not self._queue and self._dirty:
            self._compare()
        while self._queue:
            request = self._queue.popleft()
            if self._prepare(request):
                return self._send(request, now)
            if not self._queue and self._dirty:
                self._compare()
        return None

    def _compare(self) -> None:
        """Queue the next message that brings the venue closer to what is wanted (rules 2, 4, 7)."""
        batch = self._rules.batch
        drop = [s for s, request in self._held.items() if request is None and s not in self._wanted]
        if drop:
            self._ask(tuple(drop[:batch]), add=False)
            return
        add = [s for s in self._wanted if s not in self._held and s not in self.refused]
        if add:
            self._ask(tuple(add[:batch]), add=True)
            return
        self._dirty = False

    def _prepare(self, request: _Request) -> bool:
        """Bring a waiting request up to date; False when nothing of it is left to ask."""
        if request.settled or not request.add:
            return not request.settled
        kept = tuple(stream for stream in request.streams if stream in self._wanted)
        dropped = tuple(stream for stream in request.streams if stream not in self._wanted)
        request.streams = kept
        if dropped and request.tries:
            self._ask(
                dropped, add=False
            )  # they may have been taken: nobody knows until a removal is answered
        else:
            for stream in dropped:
                del self._held[stream]
        if not kept:
            self._settle(request)
        return bool(kept)

    def _send(self, request: _Request, now: int) -> Effect:
        request_id = self._next_id
        self._next_id += 1
        request.tries += 1
        pause = min(request.tries - 1, _MAX_PAUSE_DOUBLINGS)
        request.due = now + (self._rules.ack_timeout_ns << pause)
        request.ids[request_id] = len(request.streams)
        self._air[request_id] = request
        if len(request.ids) > _KEPT_IDS:
            oldest = next(iter(request.ids))
            del request.ids[oldest], self._air[oldest]
        if request.add:
            return Subscribe(request.streams, request_id)
        return Unsubscribe(request.streams, request_id)

    def _end(self, code: str, reason: str, out: list[Effect]) -> None:
        self.phase = Phase.CLOSED
        self._queue.clear()
        self._air.clear()
        out.append(Ended(code, reason))


def _s(ns: int) -> str:
    return f"{ns / NS_PER_S:.1f} s"
