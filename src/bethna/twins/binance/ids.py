"""The ids that a payload carries, for the ledger; it reads nothing else of it."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class _Ids(Struct, rename={"trade": "t", "first_trade": "f", "last_trade": "l", "first": "U", "last": "u"}):
    """The ids of any frame; a kline's lie deeper and are not looked for."""

    trade: int | None = None
    first_trade: int | None = None
    last_trade: int | str | None = None  # a ticker's `l` is its low
    first: int | None = None
    last: int | None = None
    snapshot: int | None = msgspec.field(default=None, name="lastUpdateId")


_DECODER = msgspec.json.Decoder(_Ids)


def ids_of(payload: bytes) -> tuple[int | None, int | None]:
    """First and last id that a payload (not wrapped) carries."""
    if not payload.startswith(b"{"):
        return None, None
    ids = _DECODER.decode(payload)
    if ids.trade is not None:
        return ids.trade, ids.trade
    if ids.first_trade is not None and isinstance(ids.last_trade, int):
        return ids.first_trade, ids.last_trade
    last = ids.last if ids.last is not None else ids.snapshot
    return (last if ids.first is None else ids.first), last
