"""An independent replay in exact decimals, slow and obvious: what every contestant must have seen."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from benchmarks.contest import Outcome, Seen, Work

Side = dict[Decimal, Decimal]


def replay(work: Work) -> Outcome:
    """The venue's published procedure: drop what the snapshot holds already, then every update must connect."""
    snapshot = json.loads(work.snapshot)
    bids, asks = _side(snapshot["bids"]), _side(snapshot["asks"])
    last_id: int = snapshot["lastUpdateId"]
    seen = Seen()
    for frame in work.prelude + work.frames:
        event = json.loads(frame.raw)["data"]
        if frame.kind == "trade":
            seen.trades += 1
            seen.last_price = Decimal(event["p"])
            continue
        if event["u"] <= last_id:
            continue
        if not event["U"] <= last_id + 1 <= event["u"]:
            raise ValueError(f"frames do not connect: expected update {last_id + 1}, found {event['U']}")
        last_id = event["u"]
        _apply(bids, event["b"])
        _apply(asks, event["a"])
        seen.updates += 1
        if work.reads_top:
            bid, ask = max(bids), min(asks)
            seen.tops.append((bid, bids[bid], ask, asks[ask]))
    bid, ask = max(bids), min(asks)
    return seen.outcome(work, (bid, bids[bid]), (ask, asks[ask]))


def _side(levels: list[list[str]]) -> Side:
    return {Decimal(price): Decimal(size) for price, size in levels}


def _apply(side: Side, levels: list[list[Any]]) -> None:
    for price_text, size_text in levels:
        price, size = Decimal(price_text), Decimal(size_text)
        if size:
            side[price] = size
        else:
            side.pop(price, None)
