"""The routes of docs/reference/http.md, and the page.

Each reads the desk from memory and answers at once; what an answer looks like is `answers`' and `protocol`'s business.
One asks for another desk: it hands the wish on and knows nothing of how that is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from bethna.api.answers import (
    book_answer,
    candles_answer,
    events_answer,
    health_answer,
    instruments_answer,
    prices_answer,
    trades_answer,
)
from bethna.api.assets import MISSING_PAGE, Assets
from bethna.api.metrics import Metrics
from bethna.api.protocol import (
    BookAnswer,
    CandlesAnswer,
    ErrorAnswer,
    EventsAnswer,
    HealthAnswer,
    InstrumentsAnswer,
    PricesAnswer,
    RestartAnswer,
    RestartWish,
    TradesAnswer,
)
from bethna.api.reader import DeskReader
from bethna.core.clock import NS_PER_US
from bethna.core.market import Interval
from bethna.core.status import SourceKind

T = TypeVar("T")

MAX_CANDLES = 1500
MAX_DEPTH = 5000
MAX_TRADES = 1000
MAX_EVENTS = 1000
MAX_WISH_BYTES = 1024

Desk = NamedDependency[SkipValidation[DeskReader]]
Anybody = Request[object, object, State]
Restarter = Callable[[SourceKind], None] | None

_NOT_REACHABLE = {
    "code": "live_not_reachable",
    "hint": "wait until /api/v1/health says `live_reachable`, which a desk with the source auto finds out by itself;"
    " or end this desk and run `bethna up --source live`",
}
_REFUSALS = {
    400: ResponseSpec(
        ErrorAnswer, description="A parameter is missing or out of range.", generate_examples=False
    ),
    404: ResponseSpec(ErrorAnswer, description="Nothing goes by that name.", generate_examples=False),
}


@get("/api/v1/health", responses={503: ResponseSpec(HealthAnswer, description="No venue delivers.")})
async def health(desk: Desk) -> Response[HealthAnswer]:
    """The desk's health as a whole and in parts: 503 when down, else 200."""
    answer = health_answer(desk)
    return Response(answer, status_code=503 if answer.status == "down" else 200)


@get("/api/v1/instruments")
async def instruments(desk: Desk) -> InstrumentsAnswer:
    """What the desk follows."""
    return instruments_answer(desk)


@get("/api/v1/prices")
async def prices(desk: Desk) -> PricesAnswer:
    """The last price of every followed instrument."""
    return prices_answer(desk)


@get("/api/v1/candles", responses=_REFUSALS)
async def candles(
    desk: Desk,
    instrument: FromQuery[str],
    interval: FromQuery[Interval],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_CANDLES)] = 500,
    end: Annotated[int | None, QueryParameter(ge=0, le=2**53 - 1)] = None,
) -> CandlesAnswer:
    """Candles ascending by open time, the open one last; `end` (exclusive) pages backwards."""
    found, notice = desk.resolve(instrument)
    end_ns = None if end is None else end * NS_PER_US
    return candles_answer(desk, found, interval, limit, end_ns=end_ns, notice=notice)


# `path` parameters, since a percent-encoded slash (BTC%2FUSDT) is a plain one by the time routes are matched
@get("/api/v1/book/{instrument:path}", responses=_REFUSALS)
async def book(
    desk: Desk, instrument: FromPath[Path], depth: Annotated[int, QueryParameter(ge=1, le=MAX_DEPTH)] = 20
) -> BookAnswer:
    """The top of one order book, never deeper than certified."""
    found, notice = desk.resolve(_name(instrument))
    return book_answer(desk.book(found, depth), desk.clock.now_ns(), notice)


@get("/api/v1/trades/{instrument:path}", responses=_REFUSALS)
async def trades(
    desk: Desk, instrument: FromPath[Path], limit: Annotated[int, QueryParameter(ge=1, le=MAX_TRADES)] = 100
) -> TradesAnswer:
    """The newest trades of one instrument, newest last."""
    found, notice = desk.resolve(_name(instrument))
    return trades_answer(desk, found, limit, notice)


@get("/api/v1/events", responses={400: _REFUSALS[400]})
async def events(
    desk: Desk, limit: Annotated[int, QueryParameter(ge=1, le=MAX_EVENTS)] = 200
) -> EventsAnswer:
    """Reconnects, gaps, heals and refusals, newest last."""
    return events_answer(desk, limit)


def _only_json_bodies(request: Anybody) -> None:
    """No form of a foreign page can send this content type; a script that does carries its Origin to the doors."""
    found = request.headers.get("content-type", "")
    if found.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(
            status_code=415, detail=f"expected content-type application/json, found {found[:100]!r}"
        )


@post(
    "/api/v1/restart",
    status_code=202,
    before_request=_only_json_bodies,
    request_max_body_size=MAX_WISH_BYTES,
    responses={
        400: _REFUSALS[400],
        409: ResponseSpec(
            ErrorAnswer,
            description="It simulates no market of its own, or the live market was not seen to answer.",
            generate_examples=False,
        ),
        415: ResponseSpec(ErrorAnswer, description="The body is no JSON.", generate_examples=False),
    },
)
async def restart(
    data: JSONBody[RestartWish], desk: Desk, restarter: NamedDependency[SkipValidation[Restarter]]
) -> RestartAnswer:
    """End a desk on a simulated market and begin one on the live market, at the same address."""
    if restarter is None:
        raise HTTPException(
            status_code=409,
            detail=f"expected a desk that simulates a market of its own, found the source {desk.source()}",
        )
    simulation = desk.simulation()
    if (
        simulation is None or not simulation.live_reachable
    ):  # nothing would lead back from a desk without data
        raise HTTPException(
            status_code=409,
            detail="expected a live market that answered when it was last asked, found none (live_reachable is false)",
            extra=_NOT_REACHABLE,
        )
    restarter(data.source)
    return RestartAnswer(data.source)


@get("/metrics", media_type="text/plain; version=0.0.4")
async def metrics(numbers: NamedDependency[SkipValidation[Metrics]]) -> str:
    """Prometheus text."""
    return numbers.text()


@get(["/", "/{page:path}"], include_in_schema=False, media_type=MediaType.HTML)
async def page(
    request: Anybody, assets: NamedDependency[SkipValidation[Assets]], page: FromPath[Path | None] = None
) -> Response[bytes]:
    """A file of the built page; a path that looks like no file is the page itself, so its deep links work."""
    if not assets.built:
        return Response(MISSING_PAGE, status_code=503, media_type="text/html")
    found = assets.find("" if page is None else page.as_posix().lstrip("/"))
    if found is None:
        raise NotFoundException
    headers = {"etag": found.etag, "cache-control": found.cache_control}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=found.media_type)
    return Response(found.body, headers=headers, media_type=found.media_type)


def _name(path: Path) -> str:
    return path.as_posix().lstrip("/")


ROUTES = (health, instruments, prices, candles, book, trades, events, restart, metrics, page)
