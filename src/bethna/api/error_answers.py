"""Every error of a route as an answer of one shape, counted by its code; no stack trace ever leaves the desk."""

from __future__ import annotations

from collections import Counter
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException

from bethna.api.protocol import ErrorAnswer, error_answer
from bethna.api.story import NoStory
from bethna.core.errors import (
    AlertChanged,
    BethnaError,
    CannotFollow,
    ConfigError,
    FeatureOff,
    LimitReached,
    NoDataYet,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
    cut,
)
from bethna.core.intervals import Interval
from bethna.runtime.bus import Bus
from bethna.runtime.supervisor import failure

Anybody = Request[Any, Any, State]

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
    405: "this address is read with GET or HEAD; /api/v1/restart takes POST, /api/v1/watchlist/NAME PUT and DELETE; "
    "/schema/openapi.json says what those of alerts take",
    409: "a desk on the live market or on a tape is started anew by hand",
    413: "send a smaller body, or none",
    415: "send it with the header content-type: application/json",
}

# Parameters that the library does not let a route call by their own name.
_SPELLED = {"text": "query"}


class ErrorAnswers:
    """The exception handlers of one application.

    Args:
        refused: counts answers that were errors, by code.
    """

    def __init__(self, bus: Bus, refused: Counter[str]) -> None:
        self._bus = bus
        self._refused = refused

    def ours(self, _request: Anybody, error: BethnaError) -> Response[ErrorAnswer]:
        """Our own errors say themselves what happened and what to do."""
        match error:
            case UnknownInstrument() | UnknownAlert() | UnknownChannel() | NoStory():
                status = 404
            case CannotFollow() | AlertChanged() | LimitReached() | FeatureOff() | NoDataYet():
                status = 409
            case ConfigError():
                status = 400
            case _:
                status = 503
        return self._answer(status, error.code, error.message, error.hint)

    def http(self, request: Anybody, error: HTTPException) -> Response[ErrorAnswer]:
        """Litestar's errors: no such address, a wrong method, a parameter that is not what it should be."""
        status = error.status_code
        code, hint = _CODES.get(status, "http_error"), _HINTS.get(status, "")
        message = error.detail
        if isinstance(error.extra, dict):  # a route that has words of its own
            code, hint = error.extra["code"], error.extra["hint"]
        if isinstance(error, ValidationException):
            message, hint = _wrong_parameter(request, error)
        elif status == 404 and not isinstance(error.extra, dict):
            message = f"there is nothing at {request.url.path[:200]!r}"
        answer = self._answer(status, code, message, hint)
        answer.headers.update(error.headers or {})
        return answer

    def unexpected(self, request: Anybody, error: Exception) -> Response[ErrorAnswer]:
        """The boundary: a bug of ours is reported to the desk's events; the caller learns only that there is one."""
        subject = f"api:{request.url.path}"[:200]
        self._bus.report(failure(self._bus.clock, subject, error, "the request was answered by 500"))
        return self._answer(
            500, "internal_error", "the desk failed to answer", "the desk's events and its log say why"
        )

    def _answer(self, status: int, code: str, message: str, hint: str) -> Response[ErrorAnswer]:
        self._refused[code] += 1
        return Response(error_answer(code, message, hint), status_code=status)


def _wrong_parameter(request: Anybody, error: ValidationException) -> tuple[str, str]:
    """Which parameter, what was expected of it and what was found."""
    hint = _HINTS[400]
    flaws = [flaw for flaw in error.extra or () if isinstance(flaw, dict)]
    if not flaws:
        return error.detail.partition(" for path ")[0], hint
    key = str(flaws[0].get("key", ""))
    key = _SPELLED.get(key, key)
    if flaws[0].get("source") == "body":
        return (
            f'expected {{"source": "live"}}, found {_wrong_in_body(key, str(flaws[0].get("message", "")))}',
            hint,
        )
    expected = str(flaws[0].get("message", "")).replace("`", "").partition(", got")[0]
    if key == "interval":
        expected, hint = "expected an interval", f"intervals: {', '.join(Interval)}"
    if key == "figure":
        expected, hint = "expected a figure", "docs/reference/http.md lists the figures that have a story"
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
