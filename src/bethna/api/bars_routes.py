"""The routes of series of bars and of indicators. It may ask a venue, so it takes its time; it joins nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from bethna.api import bars_examples as examples
from bethna.api import indicators_examples
from bethna.api.bars import BarsAnswer, bars_answer
from bethna.api.describing import REFUSALS, Desk, ok
from bethna.api.examples import word
from bethna.api.indicators import IndicatorsAnswer, indicated_series, indicators_answer
from bethna.core.clock import NS_PER_US
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.logic.indicators.registry import parse_all
from bethna.logic.indicators.shown import MOST_SHOWN
from bethna.logic.openings import day_start

MAX_BARS = 5000
MAX_INSTANT = 2**53 - 1
MOST_LENDERS = 8


@get("/api/v1/bars", responses={**ok(examples.BARS, "One bar for each interval, ascending."), **REFUSALS})
async def bars(
    desk: Desk,
    instrument: Annotated[str, QueryParameter(examples=word(examples.INSTRUMENT))],
    interval: Annotated[Interval, QueryParameter(examples=word("1h"))],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_BARS)] = 500,
    end: Annotated[int | None, QueryParameter(gt=-1, le=MAX_INSTANT)] = None,
    indicators: Annotated[list[str] | None, QueryParameter(examples=word(["ema(20)", "rsi(14)"]))] = None,
    also: Annotated[list[str] | None, QueryParameter(examples=word([examples.VENUE]))] = None,
    day_starts: Annotated[str | None, QueryParameter(examples=word("08:00"))] = None,
) -> BarsAnswer:
    """The venue's history and the desk's own candles as one series; `end` (exclusive) pages backwards.

    `indicators`: such as `ema(20),rsi(14)`, or the parameter several times; at most 8. `also`: venues, in this order,
    whose bars of the same pair are lent where its own has none. `day_starts`: when days begin (UTC), of `1d`, `1w`.
    """
    starts = day_start(day_starts, interval)
    wanted = parse_all(indicators or (), MOST_SHOWN, interval)
    found, notice = desk.resolve(instrument)
    until = None if end is None else end * NS_PER_US
    told = await indicated_series(desk, found, interval, limit, until, wanted, _venues(also or ()), starts)
    return bars_answer(told.series, told.shown, notice)


def _venues(texts: Sequence[str]) -> tuple[str, ...]:
    """Names in one parameter with commas between them, or in several. Raises ConfigError for too many."""
    names = tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
    if len(names) > MOST_LENDERS:
        raise ConfigError("also", f"expected at most {MOST_LENDERS} venues, found {len(names)}")
    return names


@get(
    "/api/v1/indicators",
    sync_to_thread=False,
    responses=ok(indicators_examples.CARDS, "Those that there are, the usual first."),
)
def indicators() -> IndicatorsAnswer:
    """The indicators that bars can be asked with."""
    return indicators_answer()


BARS_ROUTES = (bars, indicators)
