"""The life of one socket as a machine: what happened and when goes in, what to do comes out. It does no I/O.

    CONNECTING -> OPEN -> PROVEN -> CLOSED          (CLOSED can be reached from everywhere and is final)

What it says about streams, and what the answers mean, is in `logic.subscriptions` with the rules that are not here.

Rules
  1. A connection that is not open after `timeout_ns` is given up.
  3. Everything we send counts (subscriptions, greetings, answers, pings, pongs): never more than `messages` in any
     `window_ns`. The answer to a challenge goes first, then a pong; of several challenges and of several pings only the
     newest is answered (for pings RFC 6455, 5.5.3).
  8. Nothing heard for `quiet_ns`: we ping. Nothing for `timeout_ns` after that: the connection is dead. Whatever
     arrives is a sign of life, heartbeats and answers included; a venue that never pings is not missed.
  9. A socket that should carry streams and shows no data for `silent_ns` after opening is given up. Heartbeats are no
     data: they prove the connection, not the subscription.
 10. Before the venue's own cut (`life_ns`), and when it announces its shutdown, a rotation is asked for, once; the
     connection itself goes on.
 11. After the end nothing comes out any more. The first reason is the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import assert_never

from bethna.core.clock import NS_PER_S
from bethna.logic.quota import SlidingWindow
from bethna.logic.session_types import (
    Acked,
    Challenged,
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
    Renew,
    Rotate,
    Said,
    SendPing,
    SendPong,
    SendText,
    SessionRules,
    ShutdownNoticed,
    Tick,
    Unwant,
    Want,
)
from bethna.logic.subscriptions import Subscriptions, one_batch


class Session:
    """One socket's life. `now` is monotonic nanoseconds; inputs are taken in the order in which they happened.

    Args:
        rules: its figures.
        url_streams: what the URL subscribes to.
        streams: what is wanted besides.
        now: when connecting began.
        greeting: what is said first on the open socket.
        batch_of: streams of one word may stand together in a control message.
    """

    def __init__(
        self,
        rules: SessionRules,
        url_streams: Sequence[str],
        streams: Sequence[str],
        now: int,
        *,
        greeting: Sequence[str] = (),
        batch_of: Callable[[str], str] = one_batch,
    ) -> None:
        self.phase = Phase.CONNECTING
        self._rules = rules
        self._now = self._began = self._heard_at = now
        self._opened_at = 0
        self._probed_at: int | None = None
        self._expects_since: int | None = None
        self._rotation_asked = False
        self._window = SlidingWindow(rules.messages, rules.window_ns)
        self._answer: str | None = None
        self._pong: bytes | None = None
        self._streams = Subscriptions(rules, url_streams, streams, greeting, batch_of)

    @property
    def refused(self) -> dict[str, str]:
        """Streams that the venue does not serve, with its words."""
        return self._streams.refused

    @property
    def held(self) -> tuple[str, ...]:
        """Streams that the venue has taken, or may have."""
        return self._streams.held

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Streams that the venue has taken."""
        return self._streams.confirmed

    @property
    def renewing(self) -> Collection[str]:
        """Streams that are being renewed; none after the end."""
        return () if self.phase is Phase.CLOSED else self._streams.renewing

    @property
    def awaiting(self) -> bool:
        """Requests are in the air that data can answer: the driver should tell which streams deliver."""
        return self._rules.data_confirms and self._streams.in_air

    @property
    def settled(self) -> bool:
        """Everything wanted is with the venue or refused, and nothing else is."""
        return self._streams.settled

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
        must_send = self._answer is not None or self._pong is not None or self._streams.has_message
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
        times.extend(self._streams.dues())
        if must_send:
            times.append(self._now + self._window.wait(self._now))
        return max(self._now, min(times))

    # --- what happened

    def _take(self, what: Input, now: int, out: list[Effect]) -> None:
        match what:
            case Opened():
                self._opened(now)
            case Delivered(streams):
                self._deliver(streams, now, out)
            case Want(streams):
                self._streams.want(streams)
            case Unwant(streams):
                self._streams.unwant(streams)
            case Renew(streams):
                self._streams.renew(streams)
            case Tick():
                pass
            case Lost(code, reason) | Leave(code, reason):
                self._end(code, reason, out)
            case _:
                self._hear(now)
                self._listen(what, now, out)

    def _listen(self, what: Said, now: int, out: list[Effect]) -> None:
        match what:
            case Heard():
                pass
            case Pinged(payload):
                self._pong = payload  # rule 3
            case Challenged(answer):
                self._answer = answer  # rule 3
            case Acked(request_id, listed, scope):
                self._streams.acked(request_id, listed, scope, now, out)
            case Refused(request_id, message, named):
                self._streams.refuse(request_id, message, named, now, out)
            case ShutdownNoticed():
                self._rotate("the venue announced its shutdown", out)
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
        self._streams.delivered(streams)

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
        self._streams.tick(now, out)
        self._flush(now, out)
        if not self._streams.carries_any:
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

    # --- sending

    def _flush(self, now: int, out: list[Effect]) -> None:
        while not self._window.wait(now):  # rule 3
            effect = self._next_message(now)
            if effect is None:
                return
            self._window.take(now)
            out.append(effect)

    def _next_message(self, now: int) -> Effect | None:
        if self._answer is not None:
            answer, self._answer = SendText(self._answer), None
            return answer
        if self._pong is not None:
            pong, self._pong = SendPong(self._pong), None
            return pong
        if self._probed_at is None and self._quiet(now):  # rule 8
            self._probed_at = now
            return SendPing()
        return self._streams.next_message(now)

    def _end(self, code: str, reason: str, out: list[Effect]) -> None:
        self.phase = Phase.CLOSED
        self._streams.end()
        out.append(Ended(code, reason))


def _s(ns: int) -> str:
    return f"{ns / NS_PER_S:.1f} s"
