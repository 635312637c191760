"""The routes of docs/reference/http.md, and the page.

Each but that of bars reads the desk from memory and answers at once; what an answer looks like is `answers`' and
`protocol`'s business. One asks for another desk: it hands the wish on and knows nothing of how that is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from litestar import MediaType, Response, delete, get, post, put, route
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter, SkipValidation
from msgspec.structs import replace

from bethna.api import examples
from bethna.api.alerts_routes import ALERTS_ROUTES
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
from bethna.api.bars_routes import BARS_ROUTES
from bethna.api.best_routes import BEST_ROUTES
from bethna.api.bodies import MAX_WISH_BYTES, NOT_JSON, TOO_LARGE, Anybody, only_json_bodies, small_bodies
from bethna.api.describing import BAD, MAX_DEPTH, MAX_QUERY, REFUSALS, Desk, Spec, error_spec, ok, spec_of
from bethna.api.examples import example, word
from bethna.api.listings import (
    ConnectionsAnswer,
    SettingRow,
    SettingsAnswer,
    SymbolsAnswer,
    WatchlistAnswer,
    connections_answer,
    settings_answer,
    symbols_answer,
    watchlist_answer,
)
from bethna.api.metrics import Metrics
from bethna.api.protocol import (
    BookAnswer,
    CandlesAnswer,
    EventsAnswer,
    HealthAnswer,
    InstrumentsAnswer,
    PricesAnswer,
    RestartAnswer,
    RestartWish,
    TradesAnswer,
)
from bethna.api.reference_routes import REFERENCE_ROUTES
from bethna.api.story import Figure, StoryAnswer, story_answer
from bethna.core.clock import NS_PER_US
from bethna.core.intervals import Interval
from bethna.core.status import SourceKind

MAX_CANDLES = 1500
MAX_TRADES = 1000
MAX_EVENTS = 1000
MAX_FOUND = 100
MAX_INSTANT = 2**53 - 1

Remembered = NamedDependency[SkipValidation[bool]]
Restarter = Callable[[SourceKind], None] | None

_NOT_REACHABLE = {
    "code": "live_not_reachable",
    "hint": "wait until /api/v1/health says `live_reachable`, which a desk with the source auto finds out by itself;"
    " or end this desk and run `bethna up --source live`",
}
_WHICH_CANDLE = "the figure `candle` needs `interval` and `open_time`"

AnyName = Annotated[
    Path, PathParameter(examples=word(examples.INSTRUMENT), description="In any of the usual spellings.")
]


_CANNOT_FOLLOW: Spec = {
    409: error_spec(
        "A tape has what it has, the list is full, or it is the last one.",
        "cannot_follow",
        f"{examples.INSTRUMENT} stays: it is the last one",
        "follow another one first",
    )
}


@get(
    "/api/v1/health",
    responses={
        **ok(examples.HEALTH, "At least one venue delivers."),
        503: spec_of(HealthAnswer, "No venue delivers.", example(replace(examples.HEALTH, status="down"))),
    },
)
async def health(desk: Desk) -> Response[HealthAnswer]:
    """The desk's health as a whole and in parts: 503 when down, else 200."""
    answer = health_answer(desk)
    return Response(answer, status_code=503 if answer.status == "down" else 200)


@get("/api/v1/instruments", responses=ok(examples.INSTRUMENTS, "In the order of following."))
async def instruments(desk: Desk) -> InstrumentsAnswer:
    """What the desk follows."""
    return instruments_answer(desk)


@get("/api/v1/prices", responses=ok(examples.PRICES, "One row an instrument."))
async def prices(desk: Desk) -> PricesAnswer:
    """The last price of every followed instrument."""
    return prices_answer(desk)


@get("/api/v1/candles", responses={**ok(examples.CANDLES, "Ascending by open time."), **REFUSALS})
async def candles(
    desk: Desk,
    instrument: Annotated[str, QueryParameter(examples=word(examples.INSTRUMENT))],
    interval: Annotated[Interval, QueryParameter(examples=word("1m"))],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_CANDLES)] = 500,
    end: Annotated[int | None, QueryParameter(gt=-1, le=MAX_INSTANT)] = None,
) -> CandlesAnswer:
    """Candles ascending by open time, the open one last; `end` (exclusive) pages backwards."""
    found, notice = desk.resolve(instrument)
    end_ns = None if end is None else end * NS_PER_US
    return candles_answer(desk, found, interval, limit, end_ns=end_ns, notice=notice)


# `path` parameters, since a percent-encoded slash (BTC%2FUSDT) is a plain one by the time routes are matched
@get("/api/v1/book/{instrument:path}", responses={**ok(examples.BOOK, "Best first."), **REFUSALS})
async def book(
    desk: Desk, instrument: AnyName, depth: Annotated[int, QueryParameter(ge=1, le=MAX_DEPTH)] = 20
) -> BookAnswer:
    """The top of one order book, never deeper than certified."""
    found, notice = desk.resolve(_name(instrument))
    return book_answer(desk.book(found, depth), desk.clock.now_ns(), notice)


@get("/api/v1/trades/{instrument:path}", responses={**ok(examples.TRADES, "Newest last."), **REFUSALS})
async def trades(
    desk: Desk, instrument: AnyName, limit: Annotated[int, QueryParameter(ge=1, le=MAX_TRADES)] = 100
) -> TradesAnswer:
    """The newest trades of one instrument, newest last."""
    found, notice = desk.resolve(_name(instrument))
    return trades_answer(desk, found, limit, notice)


@get("/api/v1/events", responses={**ok(examples.EVENTS, "Newest last."), **BAD})
async def events(
    desk: Desk, limit: Annotated[int, QueryParameter(ge=1, le=MAX_EVENTS)] = 200
) -> EventsAnswer:
    """Reconnects, gaps, heals and refusals, newest last."""
    return events_answer(desk, limit)


@get("/api/v1/symbols", responses={**ok(examples.SYMBOLS, "Best match first."), **BAD})
async def symbols(
    desk: Desk,
    text: Annotated[str, QueryParameter(name="query", max_length=MAX_QUERY, examples=word("btc"))] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_FOUND)] = 20,
) -> SymbolsAnswer:
    """What the desk's venues list and the text may mean; an empty text lists what is followed."""
    return symbols_answer(desk, text, limit)


@get("/api/v1/watchlist", responses=ok(examples.WATCHLIST, "In the order of following."))
async def watchlist(desk: Desk, kept: Remembered) -> WatchlistAnswer:
    """What the desk follows, for every client, and how each is."""
    return watchlist_answer(desk, kept=kept)


_CHANGED = {**ok(examples.WATCHLIST, "The list as it is now."), **REFUSALS, **_CANNOT_FOLLOW, **TOO_LARGE}


# The library makes its own answer to OPTIONS with the first handler of a path, and forgets the second one.
@route("/api/v1/watchlist/{instrument:path}", http_method="OPTIONS", include_in_schema=False, status_code=204)
async def list_options(instrument: FromPath[Path]) -> Response[None]:
    """What this address takes."""
    del instrument
    return Response(None, headers={"allow": "DELETE, OPTIONS, PUT"})


@put("/api/v1/watchlist/{instrument:path}", before_request=small_bodies, responses=_CHANGED)
async def follow(desk: Desk, kept: Remembered, instrument: AnyName) -> WatchlistAnswer:
    """Follow one more, for every client; one that is followed already is left alone."""
    _, notice = await desk.follow(_name(instrument))
    return watchlist_answer(desk, kept=kept, notice=notice)


@delete(
    "/api/v1/watchlist/{instrument:path}",
    status_code=200,
    before_request=small_bodies,
    responses=_CHANGED,
)
async def unfollow(desk: Desk, kept: Remembered, instrument: AnyName) -> WatchlistAnswer:
    """Follow it no longer, for every client."""
    await desk.unfollow(_name(instrument))
    return watchlist_answer(desk, kept=kept)


@get("/api/v1/connections", responses=ok(examples.CONNECTIONS, "As they are now; a tape has none."))
async def connections(desk: Desk) -> ConnectionsAnswer:
    """Each socket to a venue."""
    return connections_answer(desk)


@get("/api/v1/settings", responses=ok(examples.SETTINGS, "In the order of the documentation."))
async def settings(setting_rows: NamedDependency[SkipValidation[list[SettingRow]]]) -> SettingsAnswer:
    """Every setting with where its value came from; secrets stay hidden."""
    return settings_answer(setting_rows)


@get("/api/v1/story", responses={**ok(examples.STORY, "One figure."), **REFUSALS})
async def story(
    desk: Desk,
    figure: Annotated[Figure, QueryParameter(examples=word("bid"))],
    instrument: Annotated[str, QueryParameter(examples=word(examples.INSTRUMENT))],
    interval: Annotated[Interval | None, QueryParameter(description=_WHICH_CANDLE)] = None,
    open_time: Annotated[int | None, QueryParameter(gt=-1, le=MAX_INSTANT, description=_WHICH_CANDLE)] = None,
) -> StoryAnswer:
    """Where a number that is shown comes from: source, times, completeness, inputs, and how it was made."""
    found, _ = desk.resolve(instrument)
    if figure == "candle" and (interval is None or open_time is None):
        missing = "interval" if interval is None else "open_time"
        raise HTTPException(
            status_code=400, detail=f"{missing}: expected one with the figure candle, found nothing"
        )
    opened_ns = None if open_time is None else open_time * NS_PER_US
    return story_answer(desk, figure, found, interval=interval, open_time_ns=opened_ns)


@post(
    "/api/v1/restart",
    status_code=202,
    before_request=only_json_bodies,
    request_max_body_size=MAX_WISH_BYTES,
    responses={
        **ok(examples.RESTART, "It ends, and another one begins.", 202),
        **BAD,
        **TOO_LARGE,
        409: error_spec(
            "It simulates no market of its own, or the live market was not seen to answer.",
            "not_simulated",
            "expected a desk that simulates a market of its own, found the source live",
            "a desk on the live market or on a tape is started anew by hand",
        ),
        **NOT_JSON,
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


@get(
    "/metrics",
    media_type="text/plain; version=0.0.4",
    response_description="Text format 0.0.4; docs/reference/http.md lists every metric.",
)
async def metrics(numbers: NamedDependency[SkipValidation[Metrics]]) -> str:
    """Prometheus text."""
    return numbers.text()


@get("/docs", include_in_schema=False, media_type=MediaType.HTML)
async def docs(request: Anybody, assets: NamedDependency[SkipValidation[Assets]]) -> Response[bytes]:
    """The description of these routes for people."""
    return _file(request, assets, "docs.html")


@get(["/", "/{page:path}"], include_in_schema=False, media_type=MediaType.HTML)
async def page(
    request: Anybody, assets: NamedDependency[SkipValidation[Assets]], page: FromPath[Path | None] = None
) -> Response[bytes]:
    """A file of the built page; a path that looks like no file is the page itself, so its deep links work."""
    return _file(request, assets, "" if page is None else page.as_posix().lstrip("/"))


def _file(request: Anybody, assets: Assets, path: str) -> Response[bytes]:
    if not assets.built:
        return Response(MISSING_PAGE, status_code=503, media_type="text/html")
    found = assets.find(path)
    if found is None:
        raise NotFoundException
    headers = {"etag": found.etag, "cache-control": found.cache_control}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=found.media_type)
    return Response(found.body, headers=headers, media_type=found.media_type)


def _name(path: Path) -> str:
    return path.as_posix().lstrip("/")


ROUTES = (
    health, instruments, prices, candles, *BARS_ROUTES, book, trades, *BEST_ROUTES, *REFERENCE_ROUTES,
    *ALERTS_ROUTES, events, symbols,
    watchlist, list_options, follow, unfollow, connections,
    settings, story, restart, metrics, docs, page,
)  # fmt: skip
