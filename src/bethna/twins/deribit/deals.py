"""The trades of one instrument as the venue states them, and the coins that they moved; it makes none.

    {"timestamp":1789344933994,"price":76917.5,"amount":8450.0,"direction":"buy","index_price":76906.67,
     "instrument_name":"BTC-PERPETUAL","trade_seq":140284854,"mark_price":76917.12,"tick_direction":0,
     "starbase_match_id":225046781992378368,"trade_id":"267258393","contracts":845.0,
     "starbase_timestamp":1789344933994718924}

Rules
  1. `trade_seq` counts per instrument without a hole. `trade_id` is unique in the venue and ascends by more than one.
  2. `tick_direction`: 0 up, 1 as before after an up, 2 down, 3 as before after a down.
  3. A candle's volume in coins is the exact sum over its trades of amount / price in units of 1e-8, each cut to them.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from msgspec import Struct

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.text import number
from bethna.twins.market.bars import MINUTE
from bethna.twins.market.facts import UNIT

KEPT = 10_000
KEPT_MINUTES = 10_000
SPREAD = 1000
"""How far apart the trade ids of one instrument are: no two instruments share one."""
_MATCH = 225_000_000_000_000_000


class Deal(Struct, frozen=True, gc=False):
    """One trade.

    Attributes:
        seq: its `trade_seq`. ts: venue time, ns. price: as stated. amount: as stated. buy: the taker bought.
        text: the JSON object.
    """

    seq: int
    ts: int
    price: float
    amount: float
    buy: bool
    text: bytes


class Deals:
    """The newest trades of an instrument.

    Args:
        name: of the instrument. prefix: of its trade ids, `ETH-`. index: tells its ids from those of others.

    Attributes:
        seq: of the last trade. last: its price, None before the first.
    """

    def __init__(self, name: str, prefix: str, index: int, seq: int) -> None:
        self.seq = seq
        self.last: float | None = None
        self._name = name.encode()
        self._prefix = prefix
        self._index = index % SPREAD
        self._kept: deque[Deal] = deque(maxlen=KEPT)
        self._direction = 1
        self._coins: dict[int, int] = {}

    def rename(self, name: str) -> None:
        """The instrument has another name from now on."""
        self._name = name.encode()

    def add(
        self, ts: int, price: float, amount: float, contracts: float, *, buy: bool,
        mark: bytes, index: bytes, iv: bytes = b"", coins: int = 0,
    ) -> None:  # fmt: skip
        """Take the next trade.

        Args:
            mark, index: prices as text. iv: percent, of options. coins: moved, in units of 1e-8.
        """
        self.seq = seq = self.seq + 1
        last = self.last
        if last is not None and price != last:
            self._direction = 0 if price > last else 2  # rule 2
        elif self._direction in (0, 2):
            self._direction += 1
        self.last = price
        text = (
            b'{"timestamp":%d,"price":%b,"amount":%b,"direction":"%b","index_price":%b,"instrument_name":"%b",'
            b'"trade_seq":%d,"mark_price":%b,"tick_direction":%d,"starbase_match_id":%d,"trade_id":"%b",%b'
            b'"contracts":%b,"starbase_timestamp":%d}'
        ) % (
            ts // NS_PER_MS,
            number(price),
            number(amount),
            b"buy" if buy else b"sell",
            index,
            self._name,
            seq,
            mark,
            self._direction,
            _MATCH + self.trade_id(seq),
            f"{self._prefix}{self.trade_id(seq)}".encode(),
            b'"iv":%b,' % iv if iv else b"",
            number(contracts),
            ts + seq % NS_PER_MS,
        )
        self._kept.append(Deal(seq, ts, price, amount, buy, text))
        if coins:
            minute = ts - ts % MINUTE
            if minute not in self._coins and len(self._coins) >= KEPT_MINUTES:
                del self._coins[next(iter(self._coins))]
            self._coins[minute] = self._coins.get(minute, 0) + coins

    def trade_id(self, seq: int) -> int:
        """Rule 1."""
        return seq * SPREAD + self._index

    def after(self, seq: int) -> list[Deal]:
        """Those after a `trade_seq`, ascending."""
        count = min(self.seq - seq, len(self._kept))
        return list(islice(self._kept, len(self._kept) - count, None)) if count > 0 else []

    def newest(self) -> list[Deal]:
        """All that are kept, ascending."""
        return list(self._kept)

    def coins(self, start: int, length_ns: int) -> int:
        """Moved in `start <= ts < start + length_ns`, whole minutes, in units of 1e-8 (rule 3)."""
        return sum(self._coins.get(minute, 0) for minute in range(start, start + length_ns, MINUTE))


def coins_for(amount: int, price_units: int) -> int:
    """What `amount` USD are in coins at a price in units of 1e-8 USD; in units of 1e-8 coins (rule 3)."""
    return amount * UNIT * UNIT // price_units
