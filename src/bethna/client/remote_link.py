"""The way to a desk behind an address: requests, one WebSocket, and the coming back after a loss; it keeps no market.

Rules
  1. Nothing is attached to that is not a desk of ours: each connection begins with its health, whose shape is checked.
  2. A connection that is lost is tried again with growing delays, for as long as it is wanted. Only the first attempt
     fails to whoever asked for it.
  3. A desk speaks each second. One that is silent for SILENT_S is taken for gone.
  4. The token goes in a header, never in an address. A desk that refuses ours is asked seldom: wrong tokens shut a
     caller out. `renew` may know a newer one.
  5. Requests of a program go over connections of their own and are not repeated.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from bethna.api.protocol import ErrorAnswer, HealthAnswer, InstrumentsAnswer
from bethna.client.discover import HEALTH, bearing, looks_like_health
from bethna.client.mirrors import Mirrors
from bethna.client.refusals import refused
from bethna.client.remote_facts import FrameError, instrument_of, read
from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.errors import (
    BethnaError,
    ConfigError,
    ConnectError,
    ConnectionLost,
    DeskRefused,
    DeskUnreachable,
    RateLimited,
)
from bethna.logic.backoff import Backoff, Rng
from bethna.net import ws
from bethna.net.http import HttpAnswer, HttpClient, Method

T = TypeVar("T")

NAME = "desk"
API = "/api/v1/"
FIRST_S, MOST_S, STEADY_S = 0.25, 5.0, 10.0
REFUSED_S = 15.0
SILENT_S = 10.0
TICK_S = 1.0
_TOKEN = re.compile(r"[!-~]{1,4096}", re.ASCII)


def address_of(url: str) -> tuple[str, str | None]:
    """An address as people write it, as the desk's own, and the token where it holds one.

    Raises:
        ConfigError: it is none.
    """
    text = url.strip()
    try:
        found = urlsplit(text if "://" in text else f"http://{text}")
        port = found.port
    except ValueError:
        found, port = urlsplit(""), None
    host = found.hostname or ""
    if found.scheme not in ("http", "https") or not host or found.username is not None:
        raise ConfigError(
            "url", f"url: expected the address of a desk, found {text.partition('?')[0][:80]!r}",
            hint="write http://127.0.0.1:8700",
        )  # fmt: skip
    name = f"[{host}]" if ":" in host else host
    token = next(iter(parse_qs(found.query).get("token", ())), None)
    return f"{found.scheme}://{name}" + ("" if port is None else f":{port}"), token


class Link:
    """One desk's address, and how to reach what is there.

    Args:
        renew: the token that the desk's own note has by now, None where there is none.

    Attributes:
        ready: done once everything wanted has spoken, or with what kept it from that.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        mirrors: Mirrors,
        clock: Clock,
        rng: Rng,
        *,
        timeout_s: float,
        renew: Callable[[], str | None],
    ) -> None:
        _check_token(token)
        self.url = url
        self.mirrors = mirrors
        mirrors.wishes = self._wish
        mirrors.listed = self._list_changed
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._token = token
        self._clock = clock
        self._timeout_s = timeout_s
        self._renew = renew
        self._backoff = Backoff(FIRST_S, MOST_S, STEADY_S, rng)
        self._http = HttpClient(clock, headers=bearing(token))
        self._socket: ws.Socket | None = None
        self._heard_at = 0
        self._wished = False
        self._list = asyncio.Event()
        self._failure: FrameError | None = None

    # requests ----------------------------------------------------------------------------------------------------

    async def get(self, path: str, kind: type[T], timeout_s: float | None = None) -> T:
        """The answer to a GET below /api/v1. Raises DeskUnreachable, and what the desk refuses with."""
        return self._read(await self.ask("GET", path, timeout_s), kind)

    async def post(self, path: str, body: Struct | None, kind: type[T], timeout_s: float | None = None) -> T:
        """The answer to a POST of JSON below /api/v1. Raises as `get`."""
        return self._read(await self.ask("POST", path, timeout_s, body), kind)

    async def put(self, path: str, body: Struct, kind: type[T]) -> T:
        """The answer to a PUT of JSON below /api/v1. Raises as `get`."""
        return self._read(await self.ask("PUT", path, body=body), kind)

    async def ask(
        self, method: Method, path: str, timeout_s: float | None = None, body: Struct | None = None
    ) -> bytes:
        """The body of an answer below /api/v1.

        Args:
            timeout_s: where an answer may take longer than usual: the desk asks others for it.
            body: what is sent, as JSON.

        Raises:
            DeskUnreachable: nothing came. What the desk refuses with: its own words (`refusals`).
        """
        said = None if body is None else msgspec.json.encode(body)
        answer = await self._send(method, API + path, timeout_s, said)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(answer, self.url)
        return answer.body

    async def _send(
        self, method: Method, path: str, timeout_s: float | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        longest = self._timeout_s if timeout_s is None else max(timeout_s, self._timeout_s)
        try:
            return await self._http.ask(method, self.url + path, venue=NAME, timeout_s=longest, body=body)
        except (ConnectError, RuntimeError) as error:  # RuntimeError: the pool was closed meanwhile
            said = error.message if isinstance(error, ConnectError) else "the connection was closed"
            raise DeskUnreachable(self.url, f"no desk answers at {self.url}: {said}") from error

    def _read(self, body: bytes, kind: type[T]) -> T:
        try:
            return read(kind, body)
        except FrameError as error:
            raise DeskRefused(error.code, error.message, hint=error.hint) from error

    # the connection ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep connected until cancelled (rule 2)."""
        try:
            while True:
                began = self._clock.monotonic_ns()
                stood, least_ns = False, 0
                try:
                    await self._attach()
                    stood = True
                    reason = await self._carry()
                except (DeskUnreachable, DeskRefused) as error:
                    reason = error.message
                    if not self.ready.done():
                        self.ready.set_exception(error)
                        return
                    if isinstance(error, DeskRefused):  # rule 4
                        least_ns = 0 if self._renewed() else seconds(REFUSED_S)
                self.mirrors.lose(reason)
                flowed = self._clock.monotonic_ns() - began if stood else 0
                await asyncio.sleep(max(least_ns, self._backoff.delay(flowed)) / NS_PER_S)
        finally:
            await self._http.close()

    async def _attach(self) -> None:
        """Rule 1. Raises DeskUnreachable, DeskRefused."""
        answer = await self._send("GET", HEALTH)
        if answer.status >= HTTPStatus.BAD_REQUEST and not looks_like_health(answer.body):
            raise refusal(answer, self.url)
        if not looks_like_health(answer.body):
            raise not_a_desk(self.url)
        health = self._read(answer.body, HealthAnswer)
        rows = (await self.get("instruments", InstrumentsAnswer)).instruments
        self._failure = None
        self._heard_at = self._clock.monotonic_ns()
        try:
            self._socket = await ws.connect(
                "ws" + self.url.removeprefix("http") + "/ws", venue=NAME, clock=self._clock, on_frame=self._hear,
                events=self, timeout_s=self._timeout_s, headers=bearing(self._token),
            )  # fmt: skip
        except (ConnectError, RateLimited) as error:
            raise DeskUnreachable(
                self.url, f"no WebSocket of a desk at {self.url}: {error.message}"
            ) from error
        self.mirrors.attach(health, [instrument_of(row) for row in rows])

    async def _carry(self) -> str:
        """Until the connection is gone: why. Raises DeskRefused for a desk of another version."""
        socket = self._socket
        assert socket is not None
        ended = None
        try:
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(self._tick(socket), name="desk-tick"),
                    group.create_task(self._follow_list(), name="desk-list"),
                ]
                try:
                    ended = await socket.wait_ended()
                except ConnectionLost as error:
                    ended = error.message
                for task in beside:
                    task.cancel()
        finally:
            self._socket = None
            if ended is None:  # we leave: say so, and wait for the answer a moment
                socket.close()
                await _over(socket)
        if self._failure is not None:
            raise DeskRefused(self._failure.code, self._failure.message, hint=self._failure.hint)
        return ended

    async def _tick(self, socket: ws.Socket) -> None:
        """The second hand (rule 3)."""
        while True:
            await asyncio.sleep(TICK_S)
            self.mirrors.tick()
            if self._clock.monotonic_ns() - self._heard_at > SILENT_S * NS_PER_S:
                socket.abort()

    async def _follow_list(self) -> None:
        """Ask what the desk follows, each time that it seems to be something else."""
        while True:
            await self._list.wait()
            self._list.clear()
            try:
                await self.look_at_list()
            except (DeskUnreachable, DeskRefused):  # the connection will end too, or the next word asks again
                await asyncio.sleep(TICK_S)
                self._list.set()

    async def look_at_list(self) -> None:
        """What the desk follows now."""
        rows = (await self.get("instruments", InstrumentsAnswer)).instruments
        self.mirrors.follow(instrument_of(row) for row in rows)

    # what the socket tells (`SocketEvents`) ----------------------------------------------------------------------

    def opened(self, socket: ws.Socket) -> None:
        """Frames come when they are asked for."""

    def pinged(self, payload: bytes) -> None:
        """The desk wants to know whether we live."""
        if self._socket is not None:
            self._socket.pong(payload)

    def ponged(self) -> None:
        """We do not ask."""

    def _hear(self, raw: bytes, _ts_recv: int) -> None:
        self._heard_at = self._clock.monotonic_ns()
        if self._failure is not None:
            return
        try:
            self.mirrors.frame(raw)
        except FrameError as error:
            self._failure = error
            if self._socket is not None:
                self._socket.abort()
            return
        if not self.ready.done() and self.mirrors.connected and not self._wished and not self.mirrors.lacking:
            self.ready.set_result(None)

    def _wish(self) -> None:
        """Something is to be asked for: at the end of this turn, all at once."""
        if not self._wished:
            self._wished = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._wished = False
        if self._socket is not None:
            for request in self.mirrors.requests():
                self._socket.send(request.decode())

    def _list_changed(self) -> None:
        self._list.set()

    def _renewed(self) -> bool:
        """Whether there is another token by now (rule 4)."""
        token = self._renew()
        if token is None or token == self._token:
            return False
        self._token = token
        self._http.carry(bearing(token))
        return True


async def _over(socket: ws.Socket) -> None:
    """Wait for the end of a connection that was told to close; it is dropped after a moment anyway."""
    try:
        await socket.wait_ended()
    except ConnectionLost:
        return


def refusal(answer: HttpAnswer, url: str) -> BethnaError:
    """What an answer that is an error says, as ours."""
    try:
        error = read(ErrorAnswer, answer.body).error
    except FrameError:
        return not_a_desk(url)
    return refused(error.code, error.message, error.hint)


def not_a_desk(url: str) -> DeskUnreachable:
    """Something else answers there."""
    return DeskUnreachable(
        url, f"expected a desk at {url}, found another program",
        hint="start one with `bethna up`, or name the address that it printed",
    )  # fmt: skip


def _check_token(token: str | None) -> None:
    if token and not _TOKEN.fullmatch(token):
        raise ConfigError(
            "token", "token: expected letters, digits and signs without spaces, found something else"
        )
