"""What `bethna doctor` asks of the venues that are followed: does each host answer, both ways, what time is it there?

Nobody else is asked: that a venue of which nothing is wanted does not answer is no fault of this desk. What is asked
counts in the quota that all processes of the user share; one that is spent is a warning.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random

from bethna.app.live import venue_codec, venue_spec
from bethna.app.quota import ask_once, connection_window, quota_keeper, wait_for_turn
from bethna.app.wanted import followed_venues
from bethna.app.watchlist import KeptList
from bethna.cli.checks import Check, See
from bethna.config import Settings
from bethna.core.clock import NS_PER_S, seconds
from bethna.core.errors import BethnaError, RateLimited, VenueError
from bethna.core.wire import ServerTime
from bethna.logic.access import next_step, refuses_us, why_denied
from bethna.net.http import HttpClient
from bethna.net.network import INTERNET
from bethna.net.ws import Socket, connect
from bethna.runtime.clocks import SystemClock
from bethna.store.quota_keeper import QuotaKeeper
from bethna.venues.registry import venue_names
from bethna.venues.spec import Codec, StreamHost, VenueSpec

LARGE_OFFSET_S = 1.0


async def check_hosts(settings: Settings) -> list[Check]:
    """Every host of every venue that is followed, all at once, each within the settings' timeout."""
    try:
        venues = followed_venues(KeptList(settings).settings)
    except BethnaError as error:
        return [Check("symbols", "failed", error.message, error.hint, see=See.SETTING)]
    clock = SystemClock()
    proxy = settings.proxy.reveal() or None
    asked = []
    async with (
        AsyncExitStack() as leaves,
        HttpClient(clock, proxy=proxy) as http,
        asyncio.TaskGroup() as group,
    ):
        for venue in venues:
            spec = venue_spec(venue, settings)
            quota = leaves.enter_context(quota_keeper(spec, clock, Random(), INTERNET))
            for host in spec.hosts:
                one = _Host(spec, venue_codec(venue, settings), host, settings.timeout_s, proxy, quota)
                asked.append(group.create_task(one.check(http, clock)))
    found = [check for task in asked for check in task.result()]
    if others := [venue for venue in venue_names() if venue not in venues]:
        said = f"not asked, since nothing of theirs is followed: {', '.join(others)}"
        found.append(Check("other venues", "skipped", said))
    return found


class _Host:
    """One host of one venue."""

    def __init__(
        self,
        spec: VenueSpec,
        codec: Codec,
        host: StreamHost,
        timeout_s: float,
        proxy: str | None,
        quota: QuotaKeeper,
    ) -> None:
        self._spec = spec
        self._venue = spec.name
        self._quota = quota
        self._codec = codec
        self._host = host
        self._timeout_s = timeout_s
        self._proxy = proxy

    async def check(self, http: HttpClient, clock: SystemClock) -> list[Check]:
        """REST, then the socket."""
        return [await self._rest(http, clock), await self._socket(clock)]

    async def _rest(self, http: HttpClient, clock: SystemClock) -> Check:
        name = f"{self._venue} {self._host.name} REST"
        codec = self._codec
        request = codec.time_request()
        try:
            answer = await ask_once(
                self._spec, self._host, request, http, self._quota, clock, self._timeout_s
            )
            if answer.status != 200:
                found = why_denied(self._venue, answer.status, f"{self._host.rest} answers {answer.status}")
                return self._unreachable(name, found, answer.status)
            events = codec.decode_http(request.path, answer.body, answer.ts_recv)
        except RateLimited as error:
            return _not_asked(name, error)
        except VenueError as error:
            return self._unreachable(name, error.message, hint=error.hint)
        took_ms = (answer.received - answer.sent) / 1e6
        for event in events:
            if isinstance(event, ServerTime):
                offset_s = (event.ts_event - (answer.sent + answer.received) // 2) / NS_PER_S
                found = f"{self._host.rest} answers in {took_ms:.0f} ms, its clock minus ours is {offset_s:+.3f} s"
                if abs(offset_s) > LARGE_OFFSET_S:
                    hint = "the desk corrects for it; set this machine's clock by NTP"
                    return Check(name, "warning", found, hint, offset_s, See.CLOCK)
                return Check(name, "ok", found, clock_offset_s=offset_s)
        return self._unreachable(name, f"{self._host.rest} does not answer with its time")

    async def _socket(self, clock: SystemClock) -> Check:
        name = f"{self._venue} {self._host.name} socket"
        url = self._host.ws + self._codec.socket_path(())
        window, until = (
            connection_window(self._spec, self._quota),
            clock.monotonic_ns() + seconds(self._timeout_s),
        )
        try:
            while wait := window.wait(clock.monotonic_ns()):
                await wait_for_turn(self._spec, wait, until - clock.monotonic_ns())
            window.take(clock.monotonic_ns())
        except RateLimited as error:
            return _not_asked(name, error)
        try:
            opened = await connect(
                url,
                venue=self._venue,
                clock=clock,
                on_frame=_unheard,
                events=_Unmoved(),
                timeout_s=self._timeout_s,
                proxy=self._proxy,
            )
        except VenueError as error:
            status = getattr(error, "status", None)
            found = why_denied(self._venue, status, error.message)
            return self._unreachable(name, found, status, error.hint)
        opened.close()
        await opened.wait_ended()
        return Check(name, "ok", f"{self._host.ws} takes connections")

    def _unreachable(self, name: str, found: str, status: int | None = None, hint: str = "") -> Check:
        return unreachable(name, found, status, hint, venue=self._venue, another=len(self._spec.hosts) > 1)


_UNREACHABLE = "look at this machine's network, proxy and firewall"
_OTHERS = "; the desk tries the venue's other hosts by itself"


def _not_asked(name: str, error: RateLimited) -> Check:
    """The quota lets nobody through now: processes of the user spent it, or the venue said wait."""
    hint = "your other processes use it, or the venue has asked to wait; `bethna status` of a desk shows it"
    return Check(name, "warning", f"not asked: {error.message}", hint)


def unreachable(
    name: str, found: str, status: int | None = None, hint: str = "", *, venue: str, another: bool
) -> Check:
    """A host that does not serve us; `another`: the venue has more than this one."""
    see = See.BLOCKED if refuses_us(status) else See.NO_CONNECTION
    return Check(name, "unreachable", found, hint or _what_to_do(venue, status, another=another), see=see)


def _what_to_do(venue: str, status: int | None, *, another: bool) -> str:
    if status is not None and refuses_us(status):
        return next_step(venue, status, another=another)
    if status in (418, 429):
        return "too many requests from this address: wait before asking again"
    return _UNREACHABLE + (_OTHERS if another else "")


def _unheard(_raw: bytes, _ts: int) -> None:
    """Nobody subscribed to anything."""


class _Unmoved:
    """Hears of a socket's rare events and does nothing."""

    def opened(self, socket: Socket) -> None:
        """The upgrade succeeded."""

    def pinged(self, payload: bytes) -> None:
        """A ping came."""

    def ponged(self) -> None:
        """A pong came."""
