"""One symbol's market: order book, trades and candles that agree with each other; it does not know what time it is.

Rules
  1. Trade ids, aggregates and update ids are contiguous over the market's whole life, from a number of its own.
  2. What a taker's executions at a price add up to is what the level there loses.
  3. Executions carry the venue's time in whole milliseconds.
  4. Those of one order are kept or forgotten together.
  5. With a past it goes on from there: ids count on from those of the past, and until the first execution the last
     price is the past's. Each trade of the past is an order and an aggregate by itself. Between the past and the oldest
     execution that is kept there can be a hole, which the ids show.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp
from random import Random

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.bars import Bars
from bethna.twins.market.book import Side
from bethna.twins.market.facts import UNIT, Bar, Change, Day, Execution, Listing, Step
from bethna.twins.market.flow import DECAY, LEAST_FAIR, Arrivals, Flow
from bethna.twins.market.latent import Latent
from bethna.twins.market.legs import most_trades
from bethna.twins.market.past import Before, Past
from bethna.twins.market.rows import MINUTE

Level = tuple[int, int]
"""(price in ticks, quantity in lots)"""


class Market:
    """One symbol.

    Attributes:
        listing: what it is. index: its position in the world.
        update_id: of the last change; the book before all changes has one too.
        last_trade_id: of the last execution; the first one's, less one, before it.
        past: what was traded before the world began; None where there was nothing.
    """

    def __init__(
        self, listing: Listing, index: int, seed: int, latent: Latent, *,
        pace: float, kept_trades: int, before: Before | None = None,
    ) -> None:  # fmt: skip
        if min(listing.tick, listing.lot, listing.size, listing.rate, pace) <= 0:
            raise ValueError(
                f"{listing.symbol}: tick, lot, size, rate and pace are above 0, found {listing}, {pace}"
            )
        rng = Random(f"{seed}/symbol/{listing.symbol}")
        self.listing = listing
        self.index = index
        self.update_id = rng.randrange(1_000_000_000, 9_000_000_000)
        self.last_trade_id = rng.randrange(100_000, 900_000_000)
        self._last_price: int | None = None
        self._order = rng.randrange(1_000_000, 9_000_000)
        self._aggregate = self.last_trade_id * 5 // 8
        self._latent = latent
        self._base = latent.paths[listing.base]
        self._quote = latent.paths[listing.quote]
        self._start_price = listing.price * UNIT / listing.tick
        self._bids = Side(bid=True)
        self._asks = Side(bid=False)
        self._arrivals = Arrivals(rng.random, listing.rate * pace, DECAY * pace)
        self._second = -1
        self._fair = self._slope = 0.0
        self._activity = 1.0
        self._kept = kept_trades
        self._trades: list[Execution] = []
        self._clock_fell = False
        remembered = None if before is None else self._remember(before, pace)
        self.past = remembered if listing.trading else None
        self._remembered = remembered
        self._bars = Bars(listing.tick * listing.lot, past=self.past)
        if listing.trading:
            self._flow = Flow(listing, rng, self._bids, self._asks, max(LEAST_FAIR, self._start_price))

    # --- what the world asks

    def wait_ns(self) -> int:
        """Nanoseconds from the last order to the next."""
        return self._arrivals.wait_ns(self._activity)

    def act(self, at: int, ts: int) -> Step:
        """The next order comes, `at` ns after the world's start, at venue time `ts`."""
        second = at // NS_PER_S
        if second != self._second:
            self._refresh(second)
        flow = self._flow
        bids, asks = self._bids, self._asks
        bid, ask = bids.keys[-1], asks.keys[-1]
        bid_lots, ask_lots = bids.lots[bid], asks.lots[ask]
        flow.order(self._fair + self._slope * (at - second * NS_PER_S))
        update_id = self.update_id
        touched = flow.touched
        if len(touched) == 1:  # four of five orders
            changes: tuple[Change, ...] = (Change(update_id + 1, *touched[0]),)
        else:
            changes = tuple([Change(next_id, *each) for next_id, each in enumerate(touched, update_id + 1)])
        self.update_id = update_id + len(touched)
        executions = () if flow.took is None else self._execute(ts - ts % NS_PER_MS, flow.took)
        best_changed = (
            bids.keys[-1] != bid
            or asks.keys[-1] != ask
            or bids.lots[bid] != bid_lots
            or asks.lots[ask] != ask_lots
        )
        return Step(ts, executions, changes, best_changed)

    # --- what anybody may ask

    def best(self) -> tuple[Level | None, Level | None]:
        """Best bid and best ask."""
        return self._bids.best(), self._asks.best()

    def depth(self, limit: int) -> tuple[list[Level], list[Level]]:
        """The best `limit` levels of bids and asks, best first."""
        return self._bids.depth(limit), self._asks.depth(limit)

    @property
    def last_price(self) -> int | None:
        """Ticks, None before the first execution (rule 5)."""
        if self._last_price is None and self.past is not None:
            return self.past.close_before(self.past.end)
        return self._last_price

    def trades_from(self, first_id: int, limit: int) -> list[Execution]:
        """Executions from an id on, ascending; from the oldest that there is when that is younger (rule 5)."""
        limit = max(0, limit)
        found = self.past.trades_from(first_id, limit) if self.past is not None else []
        if self._trades and len(found) < limit:
            index = max(0, first_id - self._trades[0].trade_id)
            found += self._trades[index : index + limit - len(found)]
        return found

    def recent_trades(self, limit: int) -> list[Execution]:
        """The newest executions, ascending."""
        if limit < 1:
            return []
        found = self._trades[-limit:]
        past, missing = self.past, limit - len(found)
        if past is None or not missing or (found and found[0].trade_id != past.last_id + 1):
            return found
        return past.trades_from(past.last_id - missing + 1, missing) + found

    def trades_between(self, start: int, end: int, limit: int) -> list[Execution]:
        """The oldest `limit` executions in `start <= ts <= end`, ascending by id, among those that there are."""
        limit = max(0, limit)
        found = self.past.trades_between(start, end, limit) if self.past is not None else []
        trades = self._trades
        if self._clock_fell:  # times do not ascend any more
            found += [each for each in trades if start <= each.ts <= end]
            return found[:limit]
        low = bisect_left(trades, start, key=_time_of)
        high = bisect_right(trades, end, key=_time_of)
        return found + trades[low : min(high, low + limit - len(found))]

    def trades_until(self, end: int, limit: int) -> list[Execution]:
        """The newest `limit` executions with `ts <= end`, ascending by id, among those that there are."""
        trades = self._trades
        if self._clock_fell:
            found = [each for each in trades if each.ts <= end]
        else:
            found = trades[: bisect_right(trades, end, key=_time_of)]
        found = found[-limit:] if limit > 0 else []
        past, missing = self.past, max(0, limit) - len(found)
        if past is None or not missing:
            return found
        last_id = past.id_from(end + 1) - 1
        older = past.trades_from(last_id - missing + 1, missing)
        return [each for each in older if each.trade_id <= last_id] + found

    def trade_of_aggregate(self, number: int) -> int:
        """The id of the first trade of an aggregate; that of the oldest there is, or of none, when it is not there."""
        past, trades = self.past, self._trades
        if past is not None and number <= past.last_id + past.aggregates_ahead:
            return number - past.aggregates_ahead
        index = bisect_left(trades, number, key=_aggregate_of)
        return trades[index].trade_id if index < len(trades) else self.last_trade_id + 1

    def candles(self, length_ns: int, start: int | None, end: int | None, limit: int, now: int) -> list[Bar]:
        """Bars whose open time lies in `start..end`, ascending, empty ones included; see `Bars.candles`."""
        return self._bars.candles(length_ns, start, end, limit, now)

    def bar(self, length_ns: int, now: int) -> Bar | None:
        """The bar that contains `now`, venue time; None before the first price."""
        return self._bars.bar(length_ns, now)

    def day(self, now: int) -> Day:
        """The rolling day that ends `now`, venue time."""
        return self._bars.day(now, self.last_price)

    def fair(self, at: int) -> float:
        """The fair price in ticks in the running second, `at` ns after the world's start; for tests and for drawing."""
        here = max(LEAST_FAIR, self._start_price * exp(self._base.here - self._quote.here))
        ahead = max(LEAST_FAIR, self._start_price * exp(self._base.ahead - self._quote.ahead))
        return here + (ahead - here) * (at % NS_PER_S) / NS_PER_S

    def fairs_before(self, times: Sequence[int]) -> list[float] | None:
        """Fair prices in ticks at instants before the start, ns UTC, ascending; None when the world has no past."""
        return None if self._remembered is None else self._remembered.fairs(times)

    def _refresh(self, second: int) -> None:
        self._second = second
        base, quote = self._base, self._quote
        self._fair = max(LEAST_FAIR, self._start_price * exp(base.here - quote.here))
        ahead = max(LEAST_FAIR, self._start_price * exp(base.ahead - quote.ahead))
        self._slope = (ahead - self._fair) / NS_PER_S
        self._activity = self._latent.activity(base)

    def _execute(self, ts: int, bought: bool) -> tuple[Execution, ...]:
        """Rules 1 to 4."""
        self._order += 1
        self._arrivals.excite()
        trades, bars = self._trades, self._bars
        if trades and ts < trades[-1].ts:
            self._clock_fell = True
        trade_id = self.last_trade_id
        aggregate, last_price = self._aggregate, -1
        executions = []
        for price, quantity in self._flow.fills:
            trade_id += 1
            if price != last_price:
                aggregate += 1
                last_price = price
            executions.append(Execution(trade_id, self._order, price, quantity, not bought, ts, aggregate))
            bars.add(ts, price, quantity, trade_id, not bought)
        self._last_price = last_price
        self.last_trade_id = trade_id
        self._aggregate = aggregate
        trades.extend(executions)
        if len(trades) > self._kept + self._kept // 4:
            self._forget()
        return tuple(executions)

    def _remember(self, before: Before, pace: float) -> Past:
        """Rule 5: ids begin so high that those of the past are above 0."""
        listing = self.listing
        start, end = before.span
        most = most_trades(listing, pace, (end - start) // MINUTE)
        self.last_trade_id += most
        self._order += most
        self._aggregate += most
        return Past(
            before, listing, self.index, pace=pace,
            fair=max(LEAST_FAIR, self._start_price), traits=(self._base.traits, self._quote.traits),
            last_id=self.last_trade_id, shift=(self._order - self.last_trade_id, self._aggregate - self.last_trade_id),
        )  # fmt: skip

    def _forget(self) -> None:
        """Rule 4."""
        trades = self._trades
        lost = len(trades) - self._kept
        while 0 < lost < len(trades) and trades[lost - 1].order == trades[lost].order:
            lost -= 1
        del trades[:lost]


def _time_of(execution: Execution) -> int:
    return execution.ts


def _aggregate_of(execution: Execution) -> int:
    return execution.aggregate
