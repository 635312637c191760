"""What the venue answers when it gives nothing: limits, bans, places it does not serve, its own failures; pure text."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from bethna.twins.binance.limits import Denial
from bethna.twins.line import denials
from bethna.twins.line.limits import retry_after_s, venue_ms
from bethna.twins.line.seam import Answer

JSON = "application/json;charset=UTF-8"
_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in the terms of use."
)


def headers(venue_now: int) -> dict[str, str]:
    """What every answer carries."""
    return denials.headers(venue_now, JSON)


def error_body(code: int, message: str) -> bytes:
    """`{"code":-1121,"msg":"Invalid symbol."}`"""
    return msgspec.json.encode({"code": code, "msg": message})


def denied(denial: Denial, address: str, weight: int, now: int, offset_ns: int) -> Answer:
    """429 or 418 of the venue's own rules."""
    return limited(denial.status, denial.until, address, weight, now, offset_ns)


def limited(status: int, until: int, address: str, weight: int, now: int, offset_ns: int) -> Answer:
    """429 or 418, told to wait until an instant of the caller's clock."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        said = (
            f"Too much request weight used; current limit is {weight} request weight per 1 MINUTE. Please use "
            "WebSocket Streams for live updates to avoid polling the API."
        )
    else:
        said = (
            f"Way too much request weight used; IP({address}) banned until {venue_ms(until + offset_ns)}. Please use "
            "WebSocket Streams for live updates to avoid bans."
        )
    found = headers(now + offset_ns)
    found["Retry-After"] = str(retry_after_s(until, now))
    return Answer(status, found, error_body(-1003, said))


def restricted(venue_now: int) -> Answer:
    """451."""
    return Answer(451, headers(venue_now), error_body(0, _RESTRICTED))


def failed(status: int, venue_now: int) -> Answer:
    """5xx: the venue's own words for 500, those of a front door for the others."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        said = "An unknown error occurred while processing the request."
        return Answer(status, headers(venue_now), error_body(-1000, said))
    return denials.page(status, venue_now)


def refused(status: int, code: int, message: str, venue_now: int) -> Answer:
    """4xx in the venue's form."""
    return Answer(status, headers(venue_now), error_body(code, message))
