"""Requests and answers in JSON-RPC 2.0, as the venue frames them; what a method does is not its matter.

    {"jsonrpc":"2.0","id":5,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}
    {"jsonrpc":"2.0","id":5,"result":["book.BTC-PERPETUAL.100ms"],"usIn":1789344931553548,"usOut":1789344931553627,
     "usDiff":79,"testnet":false}
    {"jsonrpc":"2.0","id":7,"error":{"code":-32602,"data":{"reason":"value must be >= 10","param":"interval"},
     "message":"Invalid params"},"usIn":1789344931553548,"usOut":1789344931553609,"usDiff":61,"testnet":false}

Rules
  1. An id is an integer or a text and comes back as it is; a request without one is answered without.
  2. Times here are microseconds; everything else of the venue is milliseconds.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_US
from bethna.core.errors import BethnaError

PARSE, INVALID, NO_METHOD, BAD_PARAMS = -32700, -32600, -32601, -32602
TOO_MANY, UNAUTHORIZED, BAD_CREDENTIALS, RAW_DENIED, MAINTENANCE = 10028, 13009, 13004, 13778, 11051
_MESSAGES = {
    PARSE: "Parse error",
    INVALID: "Invalid Request",
    NO_METHOD: "Method not found",
    BAD_PARAMS: "Invalid params",
    TOO_MANY: "too_many_requests",
    UNAUTHORIZED: "unauthorized",
    BAD_CREDENTIALS: "invalid_credentials",
    RAW_DENIED: "raw_subscriptions_not_available_for_unauthorized",
    MAINTENANCE: "system_maintenance",
}
_TOOK_US, _TOOK_MOST_US = 58, 40


class Refused(BethnaError):
    """A request that is answered with an error.

    Attributes:
        number: the venue's code. reason, param: what is wrong with which parameter, if that is it.
    """

    code = "refused"

    def __init__(self, number: int, reason: str = "", param: str = "") -> None:
        super().__init__(f"{number} {_MESSAGES[number]} {reason} {param}".rstrip())
        self.number = number
        self.reason = reason
        self.param = param


def invalid(param: str, reason: str) -> Refused:
    """A parameter that is not what it has to be."""
    return Refused(BAD_PARAMS, reason, param)


class Request(Struct, frozen=True):
    """A request. `id` is None where it bore none."""

    method: str
    params: dict[str, Any]
    id: int | str | None = None


def read_request(data: bytes | str) -> Request:
    """A request of a client.

    Raises:
        Refused: it is none.
    """
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refused(PARSE) from error
    if not isinstance(found, dict) or not isinstance(found.get("method"), str):
        raise Refused(INVALID)
    params = found.get("params", {})
    request_id = found.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
        raise Refused(INVALID)
    return Request(found["method"], params if isinstance(params, dict) else {}, request_id)


def _tail(venue_now: int, count: int) -> bytes:
    """Rule 2."""
    began = venue_now // NS_PER_US
    took = _TOOK_US + count % _TOOK_MOST_US
    return b'"usIn":%d,"usOut":%d,"usDiff":%d,"testnet":false}' % (began, began + took, took)


def _head(request_id: int | str | None) -> bytes:
    """Rule 1."""
    return b'{"jsonrpc":"2.0",' + (
        b"" if request_id is None else b'"id":%b,' % msgspec.json.encode(request_id)
    )


def done(result: bytes, request_id: int | str | None, venue_now: int, count: int) -> bytes:
    """A good answer; `result` is JSON, `count` any number that differs from one to the next."""
    return _head(request_id) + b'"result":' + result + b"," + _tail(venue_now, count)


def failed(refused: Refused, request_id: int | str | None, venue_now: int, count: int) -> bytes:
    """An error."""
    error: dict[str, Any] = {"code": refused.number}
    if refused.reason:
        error["data"] = {"reason": refused.reason, "param": refused.param}
    error["message"] = _MESSAGES[refused.number]
    return _head(request_id) + b'"error":' + msgspec.json.encode(error) + b"," + _tail(venue_now, count)
