"""The desk's ASGI application: doors, routes, sockets and page put together; every error leaves it in one shape.

It opens no port (that is `server`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Receive, Scope, Send

from bethna.api.answers import VERSION
from bethna.api.assets import load_assets
from bethna.api.doors import Doors, refuse, welcome, with_headers
from bethna.api.error_answers import Anybody, ErrorAnswers
from bethna.api.hub import Hub
from bethna.api.listings import SettingRow
from bethna.api.metrics import HubNumbers, Metrics
from bethna.api.reader import DeskReader
from bethna.api.routes import ROUTES, Restarter
from bethna.api.stream import STALL_S, ws_route
from bethna.core.clock import Clock
from bethna.core.errors import BethnaError
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import LoopLag, SystemClock
from bethna.runtime.supervisor import Restart, Supervisor

CLOSED_BODIES = ("RestartWish", "AlertsWish", "AlertWish", "RehearsalWish", "KeysWish")
"""Bodies that take no further properties."""

WEB_DIST = Path(__file__).resolve().parent.parent / "web_dist"
"""Where the built page is, if it was built."""

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
    settings: Iterable[SettingRow] = (),
    kept: Callable[[], bool] = lambda: False,
    token: str = "",
    rate_per_s: float = 0.0,
    host_clock: Clock | None = None,
) -> Litestar:
    """The application over one desk.

    Args:
        assets: the folder of the built page; where there is none, a page says how to build it.
        allowed_hosts: names by which the desk may be called besides the loopback ones.
        allowed_origins: further origins whose pages may open sockets.
        lag: the sampler of the loop's lag, when somebody else runs it; else the application runs its own.
        stall_s: how long a client's socket may take nothing before it is cut off.
        restart: ends this desk and begins one on the named source; None where that is not allowed.
        settings: what GET settings says; no secret is in it.
        kept: whether the watchlist survives a restart.
        token: what every caller must bring; empty is nothing.
        rate_per_s: requests a second for each address; 0 is no limit.
        host_clock: tells pauses and paces of callers; the desk's own clock may be a tape's.
    """
    hub = Hub(desk, bus)
    clock = host_clock or SystemClock()
    sampler = lag or LoopLag(clock)
    rows = list(settings)
    errors = ErrorAnswers(bus, hub.numbers.refused)
    metrics = Metrics(desk, bus, sampler, hub.numbers)
    page = load_assets(assets)
    app = Litestar(
        route_handlers=[*ROUTES, ws_route(hub, stall_s)],
        dependencies={
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "numbers": Provide(lambda: metrics, sync_to_thread=False),
            "assets": Provide(lambda: page, sync_to_thread=False),
            "restarter": Provide(lambda: restart, sync_to_thread=False),
            "setting_rows": Provide(lambda: rows, sync_to_thread=False),
            "kept": Provide(kept, sync_to_thread=False),
        },
        lifespan=[_running(hub, sampler if lag is None else None)],
        exception_handlers={
            BethnaError: errors.ours,
            HTTPException: errors.http,
            Exception: errors.unexpected,
        },
        openapi_config=OpenAPIConfig(
            title="BethNa",
            version=VERSION,
            description=_ABOUT,
            openapi_router=Router(
                "/schema", route_handlers=[], before_request=_only_json, include_in_schema=False
            ),
            render_plugins=[_Description()],
            use_handler_docstrings=True,
        ),
        logging_config=None,
        debug=False,
    )
    doors = Doors(allowed_hosts, allowed_origins, token=token, rate_per_s=rate_per_s, clock=clock)
    app.asgi_handler = behind_doors(app.asgi_handler, doors, hub.numbers)
    return app


def behind_doors(inner: ASGIApp, doors: Doors, numbers: HubNumbers) -> ASGIApp:
    """`inner` behind the doors: what they refuse, no route ever sees; every answer carries their headers."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = doors.refusal(scope)
        if scope["type"] == ScopeType.HTTP:
            send = with_headers(scope, send, known=refusal is None or refusal.code != "host_not_allowed")
        if refusal is not None:
            numbers.refused[refusal.code] += 1
            await refuse(scope, receive, send, refusal)
            return
        headers = doors.tokens.welcome(scope)
        if headers is not None:
            await welcome(send, headers)
            return
        if scope.get("method") == "HEAD":
            scope = cast("Scope", {**scope, "method": "GET"})  # the server leaves the body out
        await inner(scope, receive, send)

    return guarded


class _Description(JsonRenderPlugin):
    """The description, with what the library does not tell of a body: that it takes no further properties."""

    def render(self, request: Anybody, openapi_schema: dict[str, Any]) -> bytes:
        """The description as JSON."""
        for name in CLOSED_BODIES:
            openapi_schema["components"]["schemas"][name]["additionalProperties"] = False
        return super().render(request, openapi_schema)


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
