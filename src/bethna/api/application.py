"""The desk's ASGI application: doors, routes, sockets and page put together; every error leaves it in one shape.

It opens no port (that is `server`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Receive, Scope, Send

from bethna.api.answers import VERSION
from bethna.api.assets import load_assets
from bethna.api.doors import Doors, refuse, with_headers
from bethna.api.hub import Hub
from bethna.api.metrics import Metrics
from bethna.api.protocol import ErrorAnswer, error_answer
from bethna.api.reader import DeskReader
from bethna.api.routes import ROUTES, Restarter
from bethna.api.stream import STALL_S, ws_route
from bethna.core.errors import BethnaError, ConfigError, UnknownInstrument, cut
from bethna.core.market import Interval
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import LoopLag, SystemClock
from bethna.runtime.supervisor import Restart, Supervisor, failure

Anybody = Request[Any, Any, State]

WEB_DIST = Path(__file__).resolve().parent.parent / "web_dist"
"""Where the built page is, if it was built."""

_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    409: "not_simulated",
    413: "too_large",
    415: "not_json",
}
_HINTS = {
    400: "/schema/openapi.json says what is expected",
    404: "/schema/openapi.json says what there is",
    405: "this address is read with GET or HEAD; /api/v1/restart takes POST",
    409: "a desk on the live market or on a tape is started anew by hand",
    415: "send it with the header content-type: application/json",
}
_ABOUT = (
    "Market data of a running desk, with a certificate of completeness on every figure. Instants are integer "
    "microseconds UTC, ids are strings, missing is null. Live data is on the WebSocket /ws."
)


def create_app(
    desk: DeskReader,
    bus: Bus,
    *,
    assets: Path | None = WEB_DIST,
    allowed_hosts: Iterable[str] = (),
    allowed_origins: Iterable[str] = (),
    lag: LoopLag | None = None,
    stall_s: float = STALL_S,
    restart: Restarter = None,
) -> Litestar:
    """The application over one desk.

    Args:
        assets: the folder of the built page; where there is none, a page says how to build it.
        allowed_hosts: names by which the desk may be called besides the loopback ones.
        allowed_origins: further origins whose pages may open sockets.
        lag: the sampler of the loop's lag, when somebody else runs it; else the application runs its own.
        stall_s: how long a client's socket may take nothing before it is cut off.
        restart: ends this desk and begins one on the named source; None where that is not allowed.
    """
    hub = Hub(desk, bus)
    sampler = lag or LoopLag(SystemClock())
    metrics = Metrics(desk, bus, sampler, hub.numbers)
    page = load_assets(assets)
    app = Litestar(
        route_handlers=[*ROUTES, ws_route(hub, stall_s)],
        dependencies={
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "numbers": Provide(lambda: metrics, sync_to_thread=False),
            "assets": Provide(lambda: page, sync_to_thread=False),
            "restarter": Provide(lambda: restart, sync_to_thread=False),
        },
        lifespan=[_running(hub, sampler if lag is None else None)],
        exception_handlers={
            BethnaError: _told,
            HTTPException: _told_http,
            Exception: _unexpected(bus),
        },
        openapi_config=OpenAPIConfig(
            title="BethNa",
            version=VERSION,
            description=_ABOUT,
            openapi_router=Router("/schema", route_handlers=[], before_request=_only_json),
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = behind_doors(app.asgi_handler, Doors(allowed_hosts, allowed_origins))
    return app


def behind_doors(inner: ASGIApp, doors: Doors) -> ASGIApp:
    """`inner` behind the doors: what they refuse, no route ever sees; every answer carries their headers."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = doors.refusal(scope)
        if scope["type"] == ScopeType.HTTP:
            send = with_headers(scope, send, known=refusal is None)
        if scope.get("method") == "HEAD":
            scope = cast("Scope", {**scope, "method": "GET"})  # the server leaves the body out
        if refusal is None:
            await inner(scope, receive, send)
        else:
            await refuse(scope, receive, send, refusal)

    return guarded


def _only_json(request: Anybody) -> None:
    """The library answers what it does not know below /schema with a page of its own."""
    if request.url.path.rstrip("/") not in ("/schema", "/schema/openapi.json"):
        raise NotFoundException


def _running(hub: Hub, lag: LoopLag | None) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        async with Supervisor(hub.bus.clock, hub.bus.report) as family:
            hub.start(family)
            if lag is not None:
                family.start("api:lag", lag.run, restart=Restart())
            yield
            family.stop()

    return running


def _told(_request: Anybody, error: BethnaError) -> Response[ErrorAnswer]:
    """Our own errors say themselves what happened and what to do."""
    status = 404 if isinstance(error, UnknownInstrument) else 400 if isinstance(error, ConfigError) else 503
    return Response(error_answer(error.code, error.message, error.hint), status_code=status)


def _told_http(request: Anybody, error: HTTPException) -> Response[ErrorAnswer]:
    """Litestar's errors: no such address, a wrong method, a parameter that is not what it should be."""
    status = error.status_code
    code, hint = _CODES.get(status, "http_error"), _HINTS.get(status, "")
    message = error.detail
    if isinstance(error.extra, dict):  # a route that has words of its own
        code, hint = error.extra["code"], error.extra["hint"]
    if isinstance(error, ValidationException):
        message, hint = _wrong_parameter(request, error)
    elif status == 404:
        message = f"there is nothing at {request.url.path!r}"
    return Response(error_answer(code, message, hint), status_code=status, headers=error.headers)


def _wrong_parameter(request: Anybody, error: ValidationException) -> tuple[str, str]:
    """Which parameter, what was expected of it and what was found."""
    hint = _HINTS[400]
    flaws = [flaw for flaw in error.extra or () if isinstance(flaw, dict)]
    if not flaws:
        return error.detail.partition(" for path ")[0], hint
    key = str(flaws[0].get("key", ""))
    if flaws[0].get("source") == "body":
        return (
            f'expected {{"source": "live"}}, found {_wrong_in_body(key, str(flaws[0].get("message", "")))}',
            hint,
        )
    expected = str(flaws[0].get("message", "")).replace("`", "").partition(", got")[0]
    if key == "interval":
        expected, hint = "expected an interval", f"intervals: {', '.join(Interval)}"
    found = request.query_params.get(key)
    said = f"{expected[:1].lower()}{expected[1:]}"
    return f"{key}: {said}, found {'nothing' if found is None else repr(str(found)[:100])}", hint


def _wrong_in_body(key: str, message: str) -> str:
    """What a body has instead of what was expected, in plain words; `key` is `data` for the body as a whole."""
    _, enum, value = message.partition("Invalid enum value ")
    if enum:
        return f"{key}: {cut(value)}"
    if message == repr(key):
        return "an empty body"
    said = message.replace("`", "").partition(" - at ")[0][:100]
    return f"{'something else' if key == 'data' else key}: {said[:1].lower()}{said[1:]}"


def _unexpected(bus: Bus) -> Callable[[Anybody, Exception], Response[ErrorAnswer]]:
    """The boundary: a bug of ours is reported to the desk's events, and the caller learns only that there is one."""

    def answer(request: Anybody, error: Exception) -> Response[ErrorAnswer]:
        bus.report(
            failure(bus.clock, f"api:{request.url.path}"[:200], error, "the request was answered by 500")
        )
        told = error_answer(
            "internal_error", "the desk failed to answer", "the desk's events and its log say why"
        )
        return Response(told, status_code=500)

    return answer
