"""The route of series of bars. It may ask a venue, so it takes its time; it keeps and joins nothing itself."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from bethna.api import bars_examples as examples
from bethna.api.bars import BarsAnswer, bars_answer
from bethna.api.describing import REFUSALS, Desk, ok
from bethna.api.examples import word
from bethna.core.clock import NS_PER_US
from bethna.core.intervals import Interval

MAX_BARS = 5000
MAX_INSTANT = 2**53 - 1


@get("/api/v1/bars", responses={**ok(examples.BARS, "One bar for each interval, ascending."), **REFUSALS})
async def bars(
    desk: Desk,
    instrument: Annotated[str, QueryParameter(examples=word(examples.INSTRUMENT))],
    interval: Annotated[Interval, QueryParameter(examples=word("1h"))],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_BARS)] = 500,
    end: Annotated[int | None, QueryParameter(gt=-1, le=MAX_INSTANT)] = None,
) -> BarsAnswer:
    """The venue's history and the desk's own candles as one series; `end` (exclusive) pages backwards."""
    found, notice = desk.resolve(instrument)
    series = await desk.bars(found, interval, limit, None if end is None else end * NS_PER_US)
    return bars_answer(series, notice)


BARS_ROUTES = (bars,)
