"""Answers of a front door that knows no venue: pages, headers, nothing at all; pure text."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from http import HTTPStatus

from bethna.core.clock import NS_PER_S
from bethna.twins.line.seam import Answer

HTML = "text/html"
UNANSWERED = Answer(0, {}, b"", cut=True)


def headers(venue_now: int, kind: str) -> dict[str, str]:
    """What every answer carries."""
    moment = datetime.fromtimestamp(venue_now // NS_PER_S, UTC)
    return {"Content-Type": kind, "Date": format_datetime(moment, usegmt=True), "Server": "nginx"}


def page(status: int, venue_now: int, said: str = "") -> Answer:
    """A status as a page in HTML; its own phrase unless something else is to be said."""
    known = {each.value: each.phrase for each in HTTPStatus}
    words = escape(said or f"{status} {known.get(status, 'Error')}")
    text = f"<html>\r\n<head><title>{words}</title></head>\r\n<body><center><h1>{words}</h1></center></body></html>\r\n"
    return Answer(status, headers(venue_now, HTML), text.encode())
