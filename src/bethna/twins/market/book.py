"""The two sides of an order book in whole ticks and lots; it knows neither who orders nor why.

Each side is a list of keys in ascending order with the best last, so that both sides are one code and the best end is
the cheap one: a bid's key is its price, an ask's the negative of it.
"""

from __future__ import annotations

from bisect import insort


class Side:
    """One side of a book.

    Attributes:
        bid: which side it is. keys: ascending, the best last. lots: quantity by key. total: of all quantities.
    """

    __slots__ = ("bid", "keys", "lots", "total")

    def __init__(self, *, bid: bool) -> None:
        self.bid = bid
        self.keys: list[int] = []
        self.lots: dict[int, int] = {}
        self.total = 0

    def put(self, key: int, quantity: int) -> int:
        """Rest `quantity` more lots at a level; the level's quantity now."""
        self.total += quantity
        held = self.lots.get(key)
        if held is None:
            keys = self.keys
            if keys and key < keys[-1]:
                insort(keys, key)
            else:
                keys.append(key)
            self.lots[key] = quantity
            return quantity
        self.lots[key] = held = held + quantity
        return held

    def cut(self, index: int, quantity: int) -> int:
        """Take lots away from the level at `index` of `keys`; what is left, 0 when the level is gone."""
        key = self.keys[index]
        left = self.lots[key] - quantity
        if left > 0:
            self.lots[key] = left
            self.total -= quantity
            return left
        self.total -= quantity + left
        del self.lots[key]
        del self.keys[index]
        return 0

    def best(self) -> tuple[int, int] | None:
        """Price and quantity of the best level."""
        if not self.keys:
            return None
        key = self.keys[-1]
        return (key if self.bid else -key, self.lots[key])

    def depth(self, limit: int) -> list[tuple[int, int]]:
        """The best `limit` levels as (price, quantity), best first."""
        lots, sign = self.lots, 1 if self.bid else -1
        return [(sign * key, lots[key]) for key in self.keys[: -limit - 1 : -1]] if limit > 0 else []
