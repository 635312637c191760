"""The routes of indices and valuations; they decide nothing: the desk has, and `reference` says how it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from litestar import get
from litestar.params import PathParameter

from bethna.api import reference_examples as examples
from bethna.api.describing import REFUSALS, Desk, ok
from bethna.api.examples import word
from bethna.api.reference import IndicesAnswer, ValuationsAnswer, indices_answer, valuations_answer

AnyIndex = Annotated[Path, PathParameter(examples=word(examples.INDEX), description="An index by its name.")]
AnyContract = Annotated[
    Path, PathParameter(examples=word(examples.CONTRACT), description="A perpetual, a future or an option.")
]


@get("/api/v1/indices", responses=ok(examples.INDICES, "In the order of following."))
async def indices(desk: Desk) -> IndicesAnswer:
    """Every followed index: of prices, and of volatilities."""
    return indices_answer(desk)


@get("/api/v1/indices/{instrument:path}", responses={**ok(examples.INDICES, "One row."), **REFUSALS})
async def index(desk: Desk, instrument: AnyIndex) -> IndicesAnswer:
    """One index."""
    found, notice = desk.resolve(_name(instrument))
    return indices_answer(desk, [found], notice)


@get("/api/v1/valuations", responses=ok(examples.VALUATIONS, "In the order of following."))
async def valuations(desk: Desk) -> ValuationsAnswer:
    """What venues say that each followed contract is worth, Greeks included."""
    return valuations_answer(desk)


@get("/api/v1/valuations/{instrument:path}", responses={**ok(examples.VALUATIONS, "One row."), **REFUSALS})
async def valuation(desk: Desk, instrument: AnyContract) -> ValuationsAnswer:
    """What its venue says that one contract is worth."""
    found, notice = desk.resolve(_name(instrument))
    return valuations_answer(desk, [found], notice)


def _name(path: Path) -> str:
    return path.as_posix().lstrip("/")


REFERENCE_ROUTES = (indices, index, valuations, valuation)
