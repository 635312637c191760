"""Executions of one taker's order at one price, told as one; it numbers nothing, the market has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from bethna.twins.market.facts import Execution


class Aggregate(Struct, frozen=True, gc=False):
    """What the venue calls an aggregate trade: ids of its trades, price in ticks, quantity in lots, time in ns."""

    number: int
    price: int
    quantity: int
    first_id: int
    last_id: int
    ts: int
    buyer_is_maker: bool


def aggregates(executions: Iterable[Execution]) -> Iterator[Aggregate]:
    """The aggregates of executions that are whole orders, ascending by id."""
    for number, group in groupby(executions, key=number_of):
        parts = list(group)
        first = parts[0]
        quantity = first.quantity if len(parts) == 1 else sum(part.quantity for part in parts)
        yield Aggregate(
            number,
            first.price,
            quantity,
            first.trade_id,
            parts[-1].trade_id,
            first.ts,
            first.buyer_is_maker,
        )


def number_of(execution: Execution) -> int:
    """Its aggregate."""
    return execution.aggregate
