"""The whole truth of a world as JSON lines, written as it happens; it reads nothing back and decides nothing.

Every line is an object with `type`; of several worlds each line says its `venue`, too. Prices are ticks, quantities
lots, times ns UTC of the venue's clock.

    {"type":"world","seed":1,"start":...,"pace":1.0,"past_days":0,"listings":[{"symbol":"BTCUSDT","base":"BTC","quote":"USDT",
        "tick":1000000,"lot":1000,...}]}                      the first line; tick and lot in units of 1e-8
    {"type":"book","symbol":"BTCUSDT","update_id":7,"bids":[[6125000,120],...],"asks":[...]}  each book, before all else
    {"type":"trade","symbol":"BTCUSDT","trade_id":5,"order":9,"price":6125001,"quantity":40,"buyer_is_maker":false,
        "ts":...,"aggregate":4}
    {"type":"change","symbol":"BTCUSDT","ts":...,"changes":[[8,"ask",6125001,80],...]}  update id, side, price, quantity
    {"type":"candle","symbol":"BTCUSDT","interval":"1m","open_time":...,"open":...,...}   quote_volume in units of 1e-16

Rules
  1. The trades of an order come before the changes that they made.
  2. A candle is written when its minute is over by the venue's clock, if it had trades. After the clock was set back a
     minute can be over twice: its last line counts.
  3. Lines are gathered and written every `BUFFER` bytes, with `flush` and with `close`.
  4. What cannot be written is told by `flush` and `close`, every time from then on; hearing never raises, since the
     other listeners of the world have a right to their steps. After the first failure nothing more is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bethna.core.errors import StoreError
from bethna.twins.market.bars import MINUTE
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

BUFFER = 64 * 1024
ALL_LEVELS = 1_000_000


class TruthFile:
    """Writes what one world or several do, from where they are now.

    Args:
        path: the file; what it held is replaced. world: one, or several by the names of their venues.

    Attributes:
        failed: why nothing more is written, None while all is well. lines: how many were written or gathered.

    Raises:
        StoreError: the file cannot be opened or its beginning not be written.
    """

    def __init__(self, path: Path, world: World | Mapping[str, World]) -> None:
        self._path = path
        if isinstance(world, World):
            self._stories = [_Story(world, self.say, {})]
        else:
            self._stories = [_Story(each, self.say, {"venue": venue}) for venue, each in world.items()]
        self._encode = msgspec.json.Encoder().encode
        self._lines = bytearray()
        self.failed: StoreError | None = None
        self.lines = 0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise self._refused(error) from error
        for story in self._stories:
            story.begin()
        try:
            self.flush()
        except StoreError:
            self._file.close()
            raise
        for story in self._stories:
            story.world.listen(story.hear)

    def flush(self) -> None:
        """Write what was gathered; StoreError when that, or an earlier write, failed."""
        self._write()
        if self.failed is not None:
            raise self.failed

    def close(self) -> None:
        """Write what is left, the open minutes included, and close the file; StoreError when anything is missing."""
        for story in self._stories:
            story.say_candles(None)
        try:
            self.flush()
        finally:
            self._file.close()
            if self.failed is None:
                self.failed = StoreError(f"{self._path.name} is closed")

    def say(self, **line: Any) -> None:
        """One more line (rules 3 and 4)."""
        if self.failed is not None:
            return
        self._lines += self._encode(line)
        self._lines += b"\n"
        self.lines += 1
        if len(self._lines) > BUFFER:
            self._write()

    def _write(self) -> None:
        if self.failed is not None:
            self._lines.clear()
            return
        try:
            while self._lines:
                written = self._file.write(self._lines)
                del self._lines[:written]
        except OSError as error:
            self.failed = self._refused(error)
            self._lines.clear()

    def _refused(self, error: OSError) -> StoreError:
        reason = error.strerror or str(error)
        return StoreError(
            f"the truth cannot be written to {self._path}: {reason}",
            hint="free some space or choose another file with --truth",
        )


class _Story:
    """What one world says.

    Args:
        say: takes a line. besides: what each line says besides.
    """

    def __init__(self, world: World, say: Callable[..., None], besides: dict[str, str]) -> None:
        self.world = world
        self._say = partial(say, **besides)
        self._minute = -1
        self._touched: set[tuple[Market, int]] = set()

    def begin(self) -> None:
        """What it is, and each book."""
        world = self.world
        self._say(
            type="world",
            seed=world.seed,
            start=world.start,
            pace=world.pace,
            past_days=world.past_days,
            listings=[market.listing for market in world.markets.values()],
        )
        for symbol, market in world.markets.items():
            bids, asks = market.depth(ALL_LEVELS)
            self._say(type="book", symbol=symbol, update_id=market.update_id, bids=bids, asks=asks)

    def hear(self, market: Market, step: Step) -> None:
        """A step has happened (rule 1)."""
        minute = step.ts - step.ts % MINUTE
        if minute != self._minute:
            self._minute = minute
            self.say_candles(minute)
        symbol = market.listing.symbol
        for each in step.executions:
            self._say(
                type="trade",
                symbol=symbol,
                trade_id=each.trade_id,
                order=each.order,
                price=each.price,
                quantity=each.quantity,
                buyer_is_maker=each.buyer_is_maker,
                ts=each.ts,
                aggregate=each.aggregate,
            )
        if step.executions:
            self._touched.add((market, minute))
        changes = [
            (each.update_id, "bid" if each.bid else "ask", each.price, each.quantity) for each in step.changes
        ]
        self._say(type="change", symbol=symbol, ts=step.ts, changes=changes)

    def say_candles(self, minute: int | None) -> None:
        """Rule 2: those of other minutes than `minute`."""
        over = sorted((opens, market.index, market) for market, opens in self._touched if opens != minute)
        for opens, _, market in over:
            self._touched.discard((market, opens))
            for bar in market.candles(MINUTE, opens, opens, 1, opens):
                values = msgspec.structs.asdict(bar)
                self._say(type="candle", symbol=market.listing.symbol, interval="1m", **values)
