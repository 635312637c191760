"""What each stream says: steps of the market go in, payloads come out; who listens and how it leaves is not its matter.

Rules
  1. A match and a ticker are said with the step that they are about, one for each execution.
  2. A book is said in batches (`gathered`).
  3. Who comes later is told the last match and a ticker of it, when there was one.
  4. Heartbeats tell the last trade at a whole second, whatever became of it on the way.
"""

from __future__ import annotations

from collections.abc import Callable

from bethna.twins.coinbase.frames import Forms, month_volume
from bethna.twins.coinbase.gathered import Changed, GatheredBook
from bethna.twins.coinbase.products import status_frame
from bethna.twins.coinbase.sequences import LastMatches, sequence_now, sequence_of
from bethna.twins.coinbase.speech import payload
from bethna.twins.coinbase.streams import STATUS, Stream
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.bars import HOUR
from bethna.twins.market.facts import Execution, Step
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World


class Matches(Publisher):
    """`matches` (rule 1)."""

    def __init__(self, market: Market, last: LastMatches) -> None:
        self._market = market
        self._last = last
        self._forms = Forms(market.listing)

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Each execution."""
        forms = self._forms
        return [
            payload(forms.match(each, sequence_of(each, step)), each.trade_id) for each in step.executions
        ]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """`last_match` (rule 3)."""
        sequence = self._last.of(self._market)
        return [
            payload(self._forms.match(each, sequence, b"last_match"), each.trade_id)
            for each in self._market.recent_trades(1)
        ]


class Tickers(Publisher):
    """`ticker` and, said in steps of time, `ticker_batch`."""

    def __init__(self, market: Market, last: LastMatches, *, batched: bool = False) -> None:
        self._market = market
        self._last = last
        self._forms = Forms(market.listing)
        self._batched = batched
        self._traded = False
        self._hour = -1
        self._month = 0

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Rule 1."""
        if not step.executions:
            return []
        if self._batched:
            self._traded = True
            return []
        later = sum(each.quantity for each in step.executions)
        found = []
        for each in step.executions:
            later -= each.quantity
            found.append((each, sequence_of(each, step), later))
        return self._said(found, step.ts)

    def flush(self, now: int) -> list[bytes]:
        """The newest, when there is a newer one."""
        if not self._traded:
            return []
        self._traded = False
        return self.opening(now)

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """Rule 3."""
        last = self._market.recent_trades(1)
        return self._said([(each, self._last.of(self._market), 0) for each in last], now)

    def _said(self, found: list[tuple[Execution, int, int]], now: int) -> list[bytes]:
        if not found:
            return []
        market, forms = self._market, self._forms
        day, month, best = market.day(now), self._month_volume(now), forms.touch(market)
        return [
            payload(forms.ticker(each, sequence, day, later, month, best), each.trade_id)
            for each, sequence, later in found
        ]

    def _month_volume(self, now: int) -> int:
        """The hours that are over are added up once in an hour."""
        hour = now - now % HOUR
        bar = self._market.bar(HOUR, now)
        running = bar.volume if bar else 0
        if hour != self._hour:
            self._hour = hour
            self._month = month_volume(self._market, now) - running
        return self._month + running


class Books(GatheredBook):
    """`level2_batch`; its time is that of the newest change (rule 2)."""

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self._forms = Forms(market.listing)

    def snapshot(self, bids: list[Level], asks: list[Level], now: int) -> bytes:
        """The frame of a whole book."""
        return self._forms.snapshot(bids, asks)

    def update(self, changes: list[Changed], now: int) -> bytes:
        """The frame of a batch."""
        return self._forms.update([change[:3] for change in changes], changes[-1][3])


class Heartbeats(Publisher):
    """`heartbeat` (rule 4)."""

    hears = False

    def __init__(self, market: Market) -> None:
        self._market = market
        self._forms = Forms(market.listing)

    def flush(self, now: int) -> list[bytes]:
        """At each whole second."""
        market = self._market
        return [payload(self._forms.heartbeat(market.last_trade_id, sequence_now(market), now))]


class Statuses(Publisher):
    """`status`: all products and currencies, at once and then in steps of time.

    Args:
        open_: whether the venue is, and not about to be closed.
    """

    hears = False

    def __init__(self, world: World, open_: Callable[[], bool]) -> None:
        self._world = world
        self._open = open_

    def flush(self, now: int) -> list[bytes]:
        """What is listed."""
        return [payload(status_frame(self._world, online=self._open()))]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """What is listed."""
        return self.flush(now)


def publisher(stream: Stream, world: World, last: LastMatches, open_: Callable[[], bool]) -> Publisher:
    """Who speaks for a stream of a product that is listed; `open_` is for `Statuses`."""
    if stream.suffix == STATUS:
        return Statuses(world, open_)
    market = world.markets[stream.symbol]
    match stream.suffix:
        case "matches":
            return Matches(market, last)
        case "level2_batch":
            return Books(market)
        case "heartbeat":
            return Heartbeats(market)
        case _:
            return Tickers(market, last, batched=stream.suffix == "ticker_batch")
