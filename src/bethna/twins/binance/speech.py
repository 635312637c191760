"""What the venue tells of its frames so that they can be wrapped, damaged and accounted for; it sends none."""

from __future__ import annotations

from bethna.twins.binance.frames import combined
from bethna.twins.binance.ids import ids_of
from bethna.twins.line.speech import Speech

_WRONG = b'{"e":"trade","E":"soon","s":["no"],"t":{},"p":null,"q":true,"T":-1,"m":"yes"}'


def wrong(frame: bytes) -> bytes:
    """A trade with everything of the wrong type, wrapped when the frame is."""
    head, mark, _ = frame.partition(b'"data":')
    return head + mark + _WRONG + b"}" if mark else _WRONG


SPEECH = Speech(wrong=wrong, ids_of=ids_of, wrap=combined)
