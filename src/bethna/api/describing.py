"""How routes are described: what each answers when all is well and when not, with examples; it answers nothing."""

from __future__ import annotations

import msgspec
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import SkipValidation

from bethna.api import examples
from bethna.api.examples import example, refusal
from bethna.api.protocol import ErrorAnswer
from bethna.api.reader import DeskReader

MAX_DEPTH = 5000
MAX_QUERY = 100

Desk = NamedDependency[SkipValidation[DeskReader]]
Spec = dict[int, ResponseSpec]


def ok(answer: msgspec.Struct, about: str, status: int = 200) -> Spec:
    """What a route answers when all is well, with an example."""
    return {status: spec_of(type(answer), about, example(answer))}


def spec_of(kind: type[msgspec.Struct], about: str, shown: list[Example]) -> ResponseSpec:
    """An answer of one kind, with the examples that show it."""
    return ResponseSpec(kind, description=about, generate_examples=False, examples=shown)


def error_spec(about: str, code: str, message: str, hint: str) -> ResponseSpec:
    """A refusal, as one example says it."""
    return spec_of(ErrorAnswer, about, refusal(code, message, hint))


BAD: Spec = {
    400: error_spec(
        "A parameter is missing or out of range.",
        "bad_request",
        "limit: expected int <= 1500, found '1501'",
        "/schema/openapi.json says what is expected",
    )
}
UNKNOWN: Spec = {
    404: error_spec(
        "Nothing goes by that name.",
        "unknown_instrument",
        "BTCC-USDT is not followed by this desk",
        f"nearest: {examples.INSTRUMENT}",
    )
}
REFUSALS: Spec = {**BAD, **UNKNOWN}
