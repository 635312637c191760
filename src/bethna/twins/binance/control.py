"""Control frames of a connection, read and answered as text; it does not know what is subscribed.

    {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}   -> {"result":null,"id":1}
    {"method":"GET_PROPERTY","params":["combined"],"id":2}     -> {"result":true,"id":2}
    {"method":"LIST","id":3}                -> {"code":2,"msg":"Invalid request: unknown variant `LIST`, ...","id":3}
    {"method":"SUBSCRIBE","params":["x"],"id":4} -> {"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":4}

Rules
  1. Codes of errors: 0 unknown property, 1 wrong type of a value, 2 invalid request, 3 invalid JSON.
  2. An error is flat (`code`, `msg`, `id`), except of a malformed stream name, where it lies in `error`.
  3. An id is an int64, a text of at most 36 characters, or null; a missing one is null.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

Method = Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"]
METHODS: tuple[Method, ...] = get_args(Method)
Id = int | str | None
MAX_ID_CHARS = 36
MAX_INT64 = 2**63 - 1
_EXPECTED = ", ".join(f"`{method}`" for method in METHODS)
_BYTE = re.compile(r"\(byte (\d+)\)")
_encode = msgspec.json.encode


class Request(Struct, frozen=True):
    """A control frame that can be understood; `value` is what SET_PROPERTY sets."""

    method: Method
    id: Id
    streams: tuple[str, ...] = ()
    value: bool = False


def read_request(frame: bytes | str, *, unsigned_ids: bool = False) -> Request | bytes:
    """A client's text frame: a request, or the error that answers it."""
    raw = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _encode({"code": 3, "msg": f"Invalid JSON: expected value at {_position(raw, str(error))}"})
    if not isinstance(found, dict):
        return failed(2, "Invalid request: expected an object", None)
    request_id = found.get("id")
    if not _is_id(request_id, unsigned_ids):  # rule 3
        return failed(2, "Invalid request: request ID must be an unsigned integer", None)
    if "method" not in found:
        return failed(2, f"Invalid request: missing field `method` at {_position(raw)}", request_id)
    method = found["method"]
    if method not in METHODS:
        said = method if isinstance(method, str) else _encode(method).decode()
        return failed(
            2, f"Invalid request: unknown variant `{said[:100]}`, expected one of {_EXPECTED}", request_id
        )
    return _with_params(method, found.get("params"), request_id)


def _with_params(method: Method, params: Any, request_id: Id) -> Request | bytes:
    if method == "LIST_SUBSCRIPTIONS":
        return Request(method, request_id)
    if not isinstance(params, list):
        return failed(2, "Invalid request: missing field `params`, expected an array", request_id)
    if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        if not all(isinstance(each, str) for each in params):
            return failed(2, "Invalid request: stream name must be a string", request_id)
        return Request(method, request_id, tuple(dict.fromkeys(params)))
    wanted = 2 if method == "SET_PROPERTY" else 1
    if len(params) != wanted:
        said = "too many parameters" if len(params) > wanted else "missing parameters"
        return failed(2, f"Invalid request: {said}", request_id)
    if not isinstance(params[0], str):
        return failed(2, "Invalid request: property name must be a string", request_id)
    if params[0] != "combined":
        return failed(0, "Unknown property", request_id)
    if method == "GET_PROPERTY":
        return Request(method, request_id)
    if not isinstance(params[1], bool):
        return failed(1, "Invalid value type: expected Boolean", request_id)
    return Request(method, request_id, value=params[1])


def done(result: object, request_id: Id) -> bytes:
    """`{"result":null,"id":1}`"""
    return _encode({"result": result, "id": request_id})


def failed(code: int, message: str, request_id: Id) -> bytes:
    """The flat form of an error."""
    return _encode({"code": code, "msg": message, "id": request_id})


def failed_nested(code: int, message: str, request_id: Id) -> bytes:
    """The nested form of an error."""
    return _encode({"error": {"code": code, "msg": message}, "id": request_id})


def _is_id(value: object, unsigned: bool) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return not unsigned and len(value) <= MAX_ID_CHARS
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return (0 if unsigned else -MAX_INT64 - 1) <= value <= MAX_INT64


def _position(raw: bytes, said: str = "") -> str:
    """`line 1 column 17`: where a parser stopped, the end where it does not say."""
    found = _BYTE.search(said)
    before = raw[: int(found[1])] if found else raw
    line_end = before.rfind(b"\n")
    return f"line {before.count(10) + 1} column {len(before) - line_end - 1}"
