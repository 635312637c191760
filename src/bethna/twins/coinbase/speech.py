"""What the venue tells of its frames so that they can be damaged and accounted for; it sends none.

A payload is the ids that the ledger notes (trade ids, or update ids of the market, which a book of this venue does not
state), a line break, and the frame: `5 7\\n{"type":"l2update",...}`. What carries no ids begins with the line break.
"""

from __future__ import annotations

from bethna.twins.line.speech import Ids, Speech

_WRONG = b'{"type":"match","trade_id":"soon","side":[],"size":null,"price":"-1","product_id":7,"sequence":{},"time":0}'


def payload(frame: bytes, first: int | None = None, last: int | None = None) -> bytes:
    """A frame with its ids."""
    if first is None:
        return b"\n" + frame
    return b"%d %d\n%b" % (first, first if last is None else last, frame)


def frame_of(_name: str, said: bytes) -> bytes:
    """The frame of a payload."""
    return said.partition(b"\n")[2]


def ids_of(said: bytes) -> Ids:
    """The ids of a payload."""
    first, _, last = said.partition(b"\n")[0].partition(b" ")
    return (int(first), int(last)) if last else (None, None)


def wrong(_frame: bytes) -> bytes:
    """A trade with everything of the wrong type."""
    return _WRONG


SPEECH = Speech(wrong=wrong, ids_of=ids_of, wrap=frame_of)
