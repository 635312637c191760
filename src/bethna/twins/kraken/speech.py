"""What the venue tells of its frames so that they can be damaged and accounted for; it sends none.

Rules
  1. Frames of books have no number. Payloads inside the twin begin with one: `FIRST-LAST`, a line break, the frame.
     `wrap` takes it off again, so no client ever sees it. Of a trade these are trade ids, of a book the market's
     update ids since the frame before: the fault grid can tell what a lost frame changed.
  2. What bears no ids begins with the line break.
"""

from __future__ import annotations

import re

from bethna.twins.line.speech import Ids, Speech

_CHECKSUM = re.compile(rb'("checksum":)(\d+)')
_WRONG = (
    b'{"channel":"trade","type":"update","data":[{"symbol":7,"side":"up","price":"dear","qty":null,"ord_type":[],'
    b'"trade_id":-1,"timestamp":"soon"}]}'
)


def numbered(first: int, last: int, frame: bytes) -> bytes:
    """A payload with the ids of what it tells (rule 1)."""
    return b"%d-%d\n%b" % (first, last, frame)


def bare(frame: bytes) -> bytes:
    """A payload without ids (rule 2)."""
    return b"\n" + frame


def ids_of(payload: bytes) -> Ids:
    """Rule 1."""
    first, mark, last = payload[: payload.index(b"\n")].partition(b"-")
    return (int(first), int(last)) if mark else (None, None)


def wrap(_name: str, payload: bytes) -> bytes:
    """The frame of a payload."""
    return payload[payload.index(b"\n") + 1 :]


def spoil(frame: bytes) -> bytes | None:
    """A book with one bit of its checksum wrong."""
    spoiled, count = _CHECKSUM.subn(lambda found: found[1] + b"%d" % (int(found[2]) ^ 1), frame, count=1)
    return spoiled if count else None


SPEECH = Speech(wrong=lambda _frame: _WRONG, ids_of=ids_of, wrap=wrap, spoil=spoil)
