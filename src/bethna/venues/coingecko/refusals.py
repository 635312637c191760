"""How the venue says no, as the house's errors, each with what to do next; it retries nothing.

    {"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit..."}}
    {"error":{"status":{"timestamp":"...","error_code":10005,"error_message":"..."}}}
    {"error_code":10010,"status":{"error_message":"..."}}
    {"error":"Could not find coin with the given id"}

Rules
  1. What the body says counts before the status, where it says anything: an error may come with HTTP 200.
  2. A body that cannot be read is no surprise in an error: the delivery network in front answers in HTML.
  3. 429 without a plausible `Retry-After` is a wait of `BACKOFF_S`, and none is shorter than a second.
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Struct

from bethna.core.errors import RateLimited, VenueAnswer, WireError, excerpt_of
from bethna.venues.coingecko.shapes import MALFORMED, read_error, read_nested, read_text
from bethna.venues.coingecko.spec import BACKOFF_S, FREE_DAYS, NAME

LIMITED: Final = 429
LONGEST_WAIT_S: Final = 86_400.0
_CODES: Final[dict[int | None, str]] = {
    1020: "the delivery network keeps this address out: wait, or ask from another one",
    10002: "the key is missing: set the key of the plan",
    10005: "the plan does not include this: ask for less, or take a paid plan",
    10010: "this key is for the other host: set the plan to pro, or take the demo key",
    10011: "this key is for the other host: set the plan to demo, or take the pro key",
    10012: f"the plan does not go back that far: ask for the last {FREE_DAYS} days only",
}
_STATUSES: Final = {
    400: "the request is wrong: compare its path with the venue's documentation",
    401: "the venue does not accept the key: set the key of the plan, or the plan keyless",
    403: "this address or key is kept out: wait, or ask from another address",
    404: "the venue does not know it: compare our pinned ids with its list of coins",
    408: "the venue was too slow: ask again later",
}
_ITS_FAULT: Final = "the venue fails: ask again later, other sources are not affected"


class Complaint(Struct, frozen=True):
    """What a body says that is an error. `code`: an HTTP status or one of the venue's own, None where there is none."""

    code: int | None
    said: str


def complaint_of(raw: bytes) -> Complaint | None:
    """The error that a body is, None of any other body."""
    if raw.lstrip()[:1] != b"{":
        return None
    try:
        body = read_error(raw)
        code, status = body.error_code, body.status
        inside = b"null" if body.error is UNSET else bytes(body.error)
        if inside != b"null":
            if inside[:1] == b'"':
                return Complaint(code, read_text(inside))
            status = read_nested(inside).status
    except MALFORMED:
        return None
    if status is None and code is None:
        return None
    if status is not None:
        code = status.error_code if code is None else code
    said = (status.error_message if status is not None else None) or "no reason"
    return Complaint(code, said)


def refuse(path: str, status: int, raw: bytes, retry_after: str | None) -> None:
    """Raises what the answer to `path` (without its query) means, unless it is a good one.

    Raises:
        RateLimited: 429, by the status or by the body.
        VenueAnswer: any other error (rules 1 and 2), `venue_code` where the body has a code of the venue's own.
    """
    complaint = complaint_of(raw)
    if complaint is None and 200 <= status < 300:
        return
    code = None if complaint is None else complaint.code
    if LIMITED in (status, code):
        wait_s = wait_of(retry_after)
        raise RateLimited(NAME, wait_s, f"{NAME} says that too much was asked: ask again in {wait_s:.0f} s")
    said = excerpt_of(complaint.said) if complaint else f"a body that says no reason: {_kind(raw)}"
    of_http = code is not None and 400 <= code <= 599
    found = code if code is not None and of_http else status
    own = None if of_http else code
    message = f"expected an answer to {path}, found HTTP {found}: {said}"
    raise VenueAnswer(NAME, found, message, venue_code=own, hint=_hint(found, own))


def wait_of(retry_after: str | None) -> float:
    """Seconds to wait by the header `Retry-After` (rule 3)."""
    text = (retry_after or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return BACKOFF_S
    return min(max(float(text), 1.0), LONGEST_WAIT_S)


def page_of_html(raw: bytes) -> bool:
    """It is a page for people."""
    return raw.lstrip()[:1] == b"<"


def unreadable(path: str, raw: bytes, why: str) -> WireError:
    """A good status with a body that is not what the protocol says."""
    found = "a page in HTML" if page_of_html(raw) else why
    return WireError(NAME, f"expected what {path} answers, found {found}; ask again later", raw)


def _kind(raw: bytes) -> str:
    return "a page in HTML" if page_of_html(raw) else repr(excerpt_of(raw)[:80])


def _hint(status: int, code: int | None) -> str:
    if code in _CODES:
        return _CODES[code]
    if status >= 500:
        return _ITS_FAULT
    return _STATUSES.get(status, "look at the venue's page of its state, and ask again later")
