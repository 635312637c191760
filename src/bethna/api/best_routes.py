"""The routes of one best price across venues; they decide nothing: the desk has, and `best` says how it looks."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from bethna.api import examples
from bethna.api.best import BestAnswer, BestBookAnswer, best_answer, best_book_answer
from bethna.api.describing import MAX_DEPTH, MAX_QUERY, REFUSALS, Desk, ok
from bethna.api.examples import word
from bethna.api.reader import DeskReader
from bethna.core.errors import ConfigError
from bethna.logic.best_price import currencies_of, pair_of

AnyPair = Annotated[str, PathParameter(examples=word(examples.PAIR), description="Without a venue.")]


# Not `path` parameters, since something may follow; a slash has addresses of its own.
@get("/api/v1/best/{pair:str}", responses={**ok(examples.BEST, "Who is in and who is not."), **REFUSALS})
async def best(
    desk: Desk,
    pair: AnyPair,
    convert: Annotated[str, QueryParameter(max_length=MAX_QUERY, examples=word("USDT,USDC"))] = "",
) -> BestAnswer:
    """The best price of a pair across venues; pairs in the currencies of `convert` take part, converted."""
    return _best(desk, pair, convert)


@get("/api/v1/best/{base:str}/{quote:str}", include_in_schema=False)
async def best_by_slash(
    desk: Desk, base: FromPath[str], quote: FromPath[str], convert: FromQuery[str] = ""
) -> BestAnswer:
    """The same for `BTC/USD`."""
    return _best(desk, f"{base}/{quote}", convert)


def _best(desk: DeskReader, pair: str, convert: str) -> BestAnswer:
    base, quote, notice = pair_of(pair)
    try:
        currencies = currencies_of(convert.split(","), quote)
    except ConfigError as error:
        raise HTTPException(status_code=400, detail=error.message) from error
    return best_answer(desk.best(base, quote, currencies), desk.clock.now_ns(), notice)


@get("/api/v1/best/{pair:str}/book", responses={**ok(examples.BEST_BOOK, "Best first."), **REFUSALS})
async def best_book(
    desk: Desk, pair: AnyPair, depth: Annotated[int, QueryParameter(ge=1, le=MAX_DEPTH)] = 20
) -> BestBookAnswer:
    """The books of a pair merged by price, never deeper than each of them certifies."""
    return _best_book(desk, pair, depth)


@get("/api/v1/best/{base:str}/{quote:str}/book", include_in_schema=False)
async def best_book_by_slash(
    desk: Desk,
    base: FromPath[str],
    quote: FromPath[str],
    depth: Annotated[int, QueryParameter(ge=1, le=MAX_DEPTH)] = 20,
) -> BestBookAnswer:
    """The same for `BTC/USD`."""
    return _best_book(desk, f"{base}/{quote}", depth)


def _best_book(desk: DeskReader, pair: str, depth: int) -> BestBookAnswer:
    base, quote, notice = pair_of(pair)
    return best_book_answer(desk.consolidated_book(base, quote, depth), desk.clock.now_ns(), notice)


BEST_ROUTES = (best, best_by_slash, best_book, best_book_by_slash)
