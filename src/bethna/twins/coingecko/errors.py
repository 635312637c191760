"""How the venue says no: three shapes of JSON, and one of plain text; a page in HTML is not its own.

{"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit..."}}
{"error":{"status":{"timestamp":"...","error_code":10005,"error_message":"..."}}}
{"error_code":10010,"status":{"error_message":"..."}}
{"error":"coin not found"}
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_S

_encode = msgspec.json.encode

LIMIT_SAID = (
    "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API "
    "plans for higher rate limits."
)
PAST_SAID = "Your request exceeds the allowed time range. Public API users are limited to the past 365 days."
PAID_SAID = "This request is limited to PRO API subscribers."
MISSING_SAID = "API Key Missing"
FOR_PRO_SAID = "If you are using Pro API key, please change your root URL to pro-api.coingecko.com"
FOR_DEMO_SAID = "If you are using Demo API key, please change your root URL to api.coingecko.com"


class Reply(Struct, frozen=True):
    """An answer in JSON."""

    status: int
    body: bytes


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def plain(status: int, said: str) -> Reply:
    """The fourth shape."""
    return Reply(status, _encode({"error": said}))


def in_status(status: int, code: int, said: str) -> Reply:
    """The first shape."""
    return Reply(status, _encode({"status": {"error_code": code, "error_message": said}}))


def nested(status: int, code: int, said: str, venue_now: int) -> Reply:
    """The second shape."""
    moment = datetime.fromtimestamp(venue_now // NS_PER_S, UTC).isoformat()
    inside = {"timestamp": moment, "error_code": code, "error_message": said}
    return Reply(status, _encode({"error": {"status": inside}}))


def flat(status: int, code: int, said: str) -> Reply:
    """The third shape."""
    return Reply(status, _encode({"error_code": code, "status": {"error_message": said}}))


def limited() -> Reply:
    """Too much was asked."""
    return in_status(429, 429, LIMIT_SAID)


def failing(status: int, turn: int, venue_now: int) -> Reply | None:
    """The venue is broken, said in turn: None leaves it to the page in HTML of what stands in front."""
    match turn % 4:
        case 0:
            return None
        case 1:
            return in_status(status, status, "Internal error")
        case 2:
            return nested(status, status, "Internal error", venue_now)
        case _:
            return flat(status, status, "Internal error")
