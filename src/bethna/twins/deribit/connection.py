"""One client's connection in the venue's words: requests, subscriptions, heartbeats.

    {"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}

Rules
  1. A channel that is none is left out of the result without a word; so is one that a fault refuses. The result lists
     what is subscribed now of what was asked for, in the reverse order of the alphabet; what each says first follows in
     that order.
  2. `raw` without authentication refuses the whole request.
  3. With `public/set_heartbeat` a heartbeat and a test_request leave each interval. Who has not called `public/test`
     `test_within_s` later is closed.
  4. Who asks too much is answered 10028, and the session is terminated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from bethna.core.clock import seconds
from bethna.twins.deribit.exchange import Exchange
from bethna.twins.deribit.limits import Limits, Rules
from bethna.twins.deribit.methods import Asked, answer
from bethna.twins.deribit.publishers import Publisher, publisher
from bethna.twins.deribit.rpc import (
    BAD_CREDENTIALS,
    RAW_DENIED,
    TOO_MANY,
    Refused,
    Request,
    done,
    failed,
    invalid,
    read_request,
)
from bethna.twins.deribit.speech import notification
from bethna.twins.deribit.streams import RAW, Channel, parse
from bethna.twins.faults.facts import Fault
from bethna.twins.line import connection as line
from bethna.twins.line.connection import GOING_AWAY, POLICY
from bethna.twins.line.shared import Shared

HEARTBEAT = b'{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}'
TEST_REQUEST = b'{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}'
MAX_HEARTBEAT_S = 3600.0
OK = b'"ok"'
PLATFORM = "platform_state"


class Connection(line.Connection):
    """One WebSocket connection.

    Args:
        limits: of all addresses. ask: makes what methods need of a request's parameters.
    """

    GOODBYES: Mapping[str, tuple[int, str]] = MappingProxyType(
        {
            "life": (GOING_AWAY, ""),
            "no_pong": (POLICY, ""),
            "too_many_messages": (POLICY, "too_many_requests"),
            "idle": (GOING_AWAY, "inactivity"),
            "no_test": (GOING_AWAY, "heartbeat"),
            "maintenance": (GOING_AWAY, "maintenance"),
        }
    )

    def __init__(
        self,
        shared: Shared,
        rules: Rules,
        limits: Limits,
        exchange: Exchange,
        ask: Callable[[Mapping[str, Any], int], Asked],
        address: str,
        path: str,
    ) -> None:
        super().__init__(shared, address, path)
        self._rules = rules
        self._limits = limits
        self._exchange = exchange
        self._ask = ask
        self._asked = 0
        self._beats = 0
        self._interval_s = 0.0
        self._untested = False

    # --- requests

    def obey(self, data: bytes | str, now: int) -> None:
        """Read a request and answer it."""
        self._asked += 1
        try:
            request = read_request(data)
        except Refused as refused:
            self.post.answer(failed(refused, None, self._shared.venue_now, self._asked))
            return
        if not self._limits.take(request.method, self.address, now):  # rule 4
            too_many = Refused(TOO_MANY)
            self.post.answer(failed(too_many, request.id, self._shared.venue_now, self._asked))
            self.end("too_many_messages")
            return
        fresh: list[Channel] = []
        streams: list[Channel] = []
        try:
            result = self._result(request, now, fresh, streams)
            said = done(result, request.id, self._shared.venue_now, self._asked)
        except Refused as refused:
            said = failed(refused, request.id, self._shared.venue_now, self._asked)
        self.post.answer(said, self.lateness_s(streams, now))
        for channel in fresh:
            self.open_topic(self.topics[channel.name], now)

    def announce(self, fault: Fault, now: int) -> None:
        """`platform_state`, to who wants to hear it."""
        if PLATFORM in self.topics:
            before, behind = notification(PLATFORM)
            self.post.answer(before + b'{"maintenance":true}' + behind)

    def more(self) -> dict[str, object]:
        """Its heartbeat."""
        return {"heartbeat_s": self._interval_s}

    def _result(self, request: Request, now: int, fresh: list[Channel], streams: list[Channel]) -> bytes:
        """Args: fresh, streams: are filled with channels that are new, and with all that the request is about."""
        params = request.params
        match request.method:
            case "public/subscribe":
                return self._subscribe(_channels(params, self._rules.channels), now, fresh, streams)
            case "public/unsubscribe":
                gone = [name for name in _channels(params, self._rules.channels) if self.drop(name)]
                return msgspec.json.encode(sorted(gone, reverse=True))
            case "public/unsubscribe_all":
                for name in list(self.topics):
                    self.drop(name)
                return OK
            case "public/set_heartbeat":
                return self._set_heartbeat(params.get("interval"), now)
            case "public/disable_heartbeat":
                self._beats += 1
                self._interval_s = 0.0
                self._untested = False
                return OK
            case "public/auth":
                raise Refused(BAD_CREDENTIALS)
            case "public/test":
                self._untested = False
            case _:
                pass
        return answer(request.method, self._ask(params, now))

    # --- subscriptions

    def _subscribe(self, names: list[str], now: int, fresh: list[Channel], streams: list[Channel]) -> bytes:
        """Rules 1 and 2."""
        found = [parse(name, self._exchange.contracts, self._exchange.currencies) for name in names]
        known = [channel for channel in found if channel is not None]
        if any(channel.pace == RAW for channel in known):
            raise Refused(RAW_DENIED)
        taken = []
        for channel in sorted(known, key=_name, reverse=True):
            if channel.name not in self.topics:
                if self.refuses(channel, now):
                    self._shared.refusals += 1
                    continue
                self._carry(channel, now)
                fresh.append(channel)
            taken.append(channel.name)
        streams += known
        return msgspec.json.encode(taken)

    def _carry(self, channel: Channel, now: int) -> None:
        def make() -> Publisher | None:
            return publisher(channel, self._exchange)

        self.carry(channel, make, now)

    # --- heartbeats

    def _set_heartbeat(self, interval: object, now: int) -> bytes:
        """Rule 3."""
        if isinstance(interval, bool) or not isinstance(interval, int | float):
            raise invalid("interval", "value required" if interval is None else "wrong format")
        if not interval >= self._rules.least_heartbeat_s:
            raise invalid("interval", f"value must be >= {self._rules.least_heartbeat_s:g}")
        self._beats += 1
        self._interval_s = min(float(interval), MAX_HEARTBEAT_S)
        self._untested = False
        self._beat_in(now, self._beats)
        return OK

    def _beat_in(self, now: int, count: int) -> None:
        def beat(at: int) -> None:
            if count != self._beats:
                return
            self._untested = True
            self.post.answer(HEARTBEAT)
            self.post.answer(TEST_REQUEST)
            self.later(at + seconds(self._rules.test_within_s), late)
            self._beat_in(at, count)

        def late(_at: int) -> None:
            if count == self._beats and self._untested:
                self.end("no_test")

        self.later(now + seconds(self._interval_s), beat)


def _name(channel: Channel) -> str:
    return channel.name


def _channels(params: Mapping[str, Any], most: int) -> list[str]:
    """The channels of a request, each once."""
    found = params.get("channels")
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise invalid("channels", "value required" if found is None else "wrong format")
    if len(found) > most:
        raise invalid("channels", f"at most {most} channels")
    return list(dict.fromkeys(found))
