"""What a request may bring along: JSON of a bounded size, or next to nothing; what is in it the routes read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, SerializationException
from msgspec import Struct, ValidationError, convert

from bethna.api.describing import Spec, error_spec
from bethna.api.flaws import flaw_of

MAX_WISH_BYTES = 1024
MAX_JSON_BYTES = 1024 * 1024

Anybody = Request[object, object, State]

TOO_LARGE: Spec = {
    413: error_spec(
        "The body is too large.", "too_large", "Request Entity Too Large", "send a smaller body, or none"
    )
}
NOT_JSON: Spec = {
    415: error_spec(
        "The body is no JSON.",
        "not_json",
        "expected content-type application/json, found 'text/plain'",
        "send it with the header content-type: application/json",
    )
}


def small_bodies(request: Anybody) -> None:
    """Nothing is read of a body here, and one that announces itself as large is not waited for."""
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > MAX_WISH_BYTES:
        raise HTTPException(status_code=413, detail=f"expected no body, found one of {length[:20]} bytes")


def only_json_bodies(request: Anybody) -> None:
    """No form of a foreign page can send this content type; a script that does carries its Origin to the doors."""
    found = request.headers.get("content-type", "")
    if found.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(
            status_code=415, detail=f"expected content-type application/json, found {found[:100]!r}"
        )


def json_body(kind: type[Struct]) -> Callable[[Anybody], Awaitable[None]]:
    """A body that is a `kind` to the letter; the library would take "2" for 2, and fail at one nested too deeply."""

    async def only_such_bodies(request: Anybody) -> None:
        only_json_bodies(request)
        try:
            convert(await request.json(), kind)  # the request keeps it, so it is read once
        except SerializationException:
            return  # no JSON: the library says so in its own place
        except ValidationError as error:
            where, what = flaw_of(error)
            detail = f"{where or 'the body'}: {what}"
        except RecursionError:
            detail = "expected a body nested a few levels deep, found one far deeper"
        else:
            return
        raise HTTPException(status_code=400, detail=detail)

    return only_such_bodies
