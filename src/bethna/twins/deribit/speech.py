"""What the venue tells of its frames so that they can be damaged and accounted for; it sends none."""

from __future__ import annotations

import re

from bethna.twins.line.speech import Ids, Speech

_WRONG = (
    b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms",'
    b'"data":[{"timestamp":"soon","price":[],"amount":null,"direction":"up","trade_seq":-1.5,"trade_id":{}}]}}'
)
_SEQ = re.compile(rb'"trade_seq":(\d+)')
_CHANGE = re.compile(rb'"change_id":(\d+)')
_BEFORE = re.compile(rb'"prev_change_id":(\d+)')
_HEAD = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"'


def notification(channel: str) -> tuple[bytes, bytes]:
    """What stands before and behind the data of a channel's notification."""
    return _HEAD + channel.encode() + b'","data":', b"}}"


def ids_of(payload: bytes) -> Ids:
    """The `trade_seq` of the first and the last trade; of a book the change ids that it covers."""
    if seqs := _SEQ.findall(payload):
        return int(seqs[0]), int(seqs[-1])
    changes = _CHANGE.search(payload)
    if changes is None:
        return None, None
    last = int(changes[1])
    before = _BEFORE.search(payload)
    return (int(before[1]) + 1 if before else last), last


def wrong(_frame: bytes) -> bytes:
    """A trade with everything of the wrong type."""
    return _WRONG


SPEECH = Speech(wrong=wrong, ids_of=ids_of)
