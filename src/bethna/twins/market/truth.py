"""The whole truth of a world, kept in memory for tests; it forgets nothing, so it is for worlds that end.

It adds up on its own, from the steps it hears, and asks the markets for nothing but their first book: what it says
about a candle or a book is a second opinion, not the market's own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from msgspec import Struct

from bethna.twins.market.facts import Bar, Change, Execution, Step
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

CHECKPOINT = 4_096


class Books:
    """One market's book at every update id since it was first heard.

    Attributes:
        first_id: of the book before all changes that were heard. changes: all of them.
    """

    def __init__(self, market: Market) -> None:
        bids, asks = market.depth(1_000_000)
        self.first_id = market.update_id
        self.changes: list[Change] = []
        self._now = (dict(bids), dict(asks))
        self._kept = [(dict(bids), dict(asks))]

    def apply(self, changes: tuple[Change, ...]) -> None:
        """Take the changes of one step."""
        for change in changes:
            self.changes.append(change)
            _apply(self._now, change)
            if len(self.changes) % CHECKPOINT == 0:
                self._kept.append((dict(self._now[0]), dict(self._now[1])))

    def at(self, update_id: int) -> tuple[list[Level], list[Level]]:
        """All bids and asks, best first, after the change with this id; IndexError when it was not heard."""
        count = update_id - self.first_id
        if not 0 <= count <= len(self.changes):
            known = f"{self.first_id}..{self.first_id + len(self.changes)}"
            raise IndexError(f"expected an update id in {known}, found {update_id}")
        kept = count // CHECKPOINT
        sides = (dict(self._kept[kept][0]), dict(self._kept[kept][1]))
        for change in self.changes[kept * CHECKPOINT : count]:
            _apply(sides, change)
        return sorted(sides[0].items(), reverse=True), sorted(sides[1].items())


def _apply(sides: tuple[dict[int, int], dict[int, int]], change: Change) -> None:
    side = sides[0 if change.bid else 1]
    if change.quantity:
        side[change.price] = change.quantity
    else:
        del side[change.price]


class Instant(Struct, frozen=True, gc=False):
    """When a step happened: the caller's time and the venue's, and the last update id and trade id after it."""

    at: int
    ts: int
    update_id: int
    last_trade_id: int


class Truth:
    """Everything that happened in a world since this was made.

    Attributes:
        executions: by symbol, by id. books: by symbol. instants: by symbol, one for each step.

    A market that is renamed keeps its first symbol here.
    """

    def __init__(self, world: World) -> None:
        self._listings = [market.listing for market in world.markets.values()]
        self.executions: dict[str, list[Execution]] = {symbol: [] for symbol in world.markets}
        self.books = {symbol: Books(market) for symbol, market in world.markets.items()}
        self.instants: dict[str, list[Instant]] = {symbol: [] for symbol in world.markets}
        self._world = world
        world.listen(self._hear)

    def _hear(self, market: Market, step: Step) -> None:
        symbol = self._listings[market.index].symbol
        self.executions[symbol].extend(step.executions)
        self.books[symbol].apply(step.changes)
        instant = Instant(self._world.now, step.ts, step.changes[-1].update_id, market.last_trade_id)
        self.instants[symbol].append(instant)

    def book(self, symbol: str, update_id: int) -> tuple[list[Level], list[Level]]:
        """All bids and asks of a symbol, best first, at an update id."""
        return self.books[symbol].at(update_id)

    def instant_of(self, symbol: str, update_id: int) -> Instant:
        """The step that made the change with this id."""
        instants = self.instants[symbol]
        return instants[bisect_left(instants, update_id, key=_update_id)]

    def last_before(self, symbol: str, at: int) -> Instant | None:
        """The last step at or before an instant of the caller's time."""
        instants = self.instants[symbol]
        index = bisect_right(instants, at, key=_at)
        return instants[index - 1] if index else None

    def candles(self, symbol: str, length_ns: int) -> dict[int, Bar]:
        """Every candle with a trade in it, by open time, added up from the executions alone.

        Args:
            length_ns: aligned to the UTC epoch (for weeks, which start on Mondays, ask the market).
        """
        listing = next(each for each in self._listings if each.symbol == symbol)
        unit = listing.tick * listing.lot
        inside: dict[int, list[Execution]] = {}
        for each in self.executions[symbol]:
            inside.setdefault(each.ts // length_ns * length_ns, []).append(each)
        return {opens: _candle(opens, inside[opens], unit) for opens in sorted(inside)}


def _update_id(instant: Instant) -> int:
    return instant.update_id


def _at(instant: Instant) -> int:
    return instant.at


def _candle(opens: int, trades: list[Execution], unit: int) -> Bar:
    prices = [each.price for each in trades]
    bought = [each for each in trades if not each.buyer_is_maker]
    return Bar(
        open_time=opens,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum(each.quantity for each in trades),
        quote_volume=unit * sum(each.price * each.quantity for each in trades),
        trades=len(trades),
        taker_buy_volume=sum(each.quantity for each in bought),
        taker_buy_quote=unit * sum(each.price * each.quantity for each in bought),
        first_id=trades[0].trade_id,
        last_id=trades[-1].trade_id,
    )
