"""The market model: one seed tells one story, and whatever it tells adds up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.facts import Execution, Listing, Step
from bethna.twins.market.market import Market
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

START = 1_700_000_000_000_000_000
FINE = Listing(
    "BTCUSDT", "BTC", "USDT", 1_000_000, 1_000, 61_250.0, 30.0, size=600, levels=200, width=0.00002
)
COARSE = Listing("POLUSDT", "POL", "USDT", 10_000, 100_000_000, 0.412, 12.0, size=900, levels=150)
CRUDE = Listing("BTTCUSDT", "BTTC", "USDT", 1, 100_000_000, 0.00000060, 8.0, size=3, levels=40)
CROSS = Listing("ETHBTC", "ETH", "BTC", 1_000, 10_000, 0.0442, 5.0, size=300, levels=60)
HALTED = Listing("MATICUSDT", "MATIC", "USDT", 10_000, 100_000_000, 0.4, 5.0, trading=False)
LISTINGS = (FINE, COARSE, CRUDE, CROSS, HALTED)

Seeds = st.integers(0, 2**32)
Story = list[tuple[str, Step]]


def story(world: World) -> Story:
    heard: Story = []
    world.listen(lambda market, step: heard.append((market.listing.symbol, step)))
    return heard


def shifted(step: Step, by: int) -> Step:
    executions = tuple(
        Execution(x.trade_id, x.order, x.price, x.quantity, x.buyer_is_maker, x.ts + by, x.aggregate)
        for x in step.executions
    )
    return Step(step.ts + by, executions, step.changes, step.best_changed)


# --- identity


@settings(max_examples=25)
@given(Seeds, st.lists(st.integers(1, 4 * NS_PER_S), min_size=1, max_size=12), st.integers(0, 10**18))
def test_a_seed_tells_one_story_however_it_is_advanced_and_whenever_it_starts(
    seed: int, cuts: list[int], start: int
) -> None:
    one, other = World(seed, START, LISTINGS), World(seed, start, LISTINGS)
    by = -(-start // NS_PER_MS) * NS_PER_MS - START  # starts count from the next whole millisecond
    whole, pieces = story(one), story(other)
    for cut in cuts:
        other.advance(max(other.now, START + by) + cut)
    one.advance(START + sum(cuts))
    assert one.now == START + sum(cuts) == other.now - by
    assert pieces == [(symbol, shifted(step, by)) for symbol, step in whole]
    assert one.next_at() == other.next_at() - by > one.now
    one.advance(START)
    assert one.now == START + sum(cuts)


@settings(max_examples=10)
@given(Seeds)
def test_a_symbol_does_not_depend_on_its_neighbours(seed: int) -> None:
    many, alone = World(seed, START, LISTINGS), World(seed, START, [COARSE])
    told, single = story(many), story(alone)
    for world in (many, alone):
        world.advance(START + 5 * NS_PER_S)
    assert [each for each in told if each[0] == COARSE.symbol] == single


@settings(max_examples=10)
@given(Seeds, Seeds)
def test_two_seeds_tell_two_stories(seed: int, other: int) -> None:
    told = []
    for each in (seed, other):
        world = World(each, START, [FINE])
        heard = story(world)
        world.advance(START + 2 * NS_PER_S)
        told.append([step.changes for _, step in heard])
    assert (told[0] == told[1]) == (seed == other)


# --- the book and the trades


class Auditor:
    """Keeps the book of each market from its changes alone and holds every step against it."""

    def __init__(self, world: World) -> None:
        self.steps = 0
        self.fills = 0
        self.books = {
            symbol: tuple(dict(side) for side in market.depth(10**6))
            for symbol, market in world.markets.items()
        }
        self.ids = {symbol: (m.update_id, m.last_trade_id, 0, 0) for symbol, m in world.markets.items()}
        self.world = world
        world.listen(self.hear)

    def hear(self, market: Market, step: Step) -> None:
        symbol = market.listing.symbol
        self.steps += 1
        self.fills += len(step.executions)
        bids, asks = self.books[symbol]
        before = (max(bids), bids[max(bids)], min(asks), asks[min(asks)])
        lost: dict[tuple[bool, int], int] = {}
        update_id, trade_id, order, ts = self.ids[symbol]
        assert step.changes
        for change in step.changes:
            side = bids if change.bid else asks
            update_id += 1
            assert change.update_id == update_id
            assert change.price > 0
            held = side.get(change.price, 0)
            assert change.quantity >= 0
            assert change.quantity != held
            lost[change.bid, change.price] = held - change.quantity
            if change.quantity:
                side[change.price] = change.quantity
            else:
                del side[change.price]
        if step.executions:
            self.eaten(step, lost)
        for each in step.executions:
            trade_id += 1
            assert each.trade_id == trade_id
            assert each.ts % NS_PER_MS == 0
            assert 0 <= step.ts - each.ts < NS_PER_MS
            assert each.ts >= ts
            assert each.order == step.executions[0].order > order
            ts = each.ts
        order = step.executions[0].order if step.executions else order
        self.ids[symbol] = (update_id, trade_id, order, ts)
        assert (market.update_id, market.last_trade_id) == (update_id, trade_id)
        after = (max(bids), bids[max(bids)], min(asks), asks[min(asks)])
        assert after[0] < after[2], "the book crossed"
        assert step.best_changed == (after != before)
        assert market.best() == (after[:2], after[2:])

    def eaten(self, step: Step, lost: dict[tuple[bool, int], int]) -> None:
        """What was traded at each price is what its level lost, and the best level goes first."""
        bid = not step.executions[0].buyer_is_maker
        traded: dict[tuple[bool, int], int] = {}
        for each in step.executions:
            assert each.quantity > 0
            assert each.buyer_is_maker is not bid
            # a taker that sold met bids
            key = (each.buyer_is_maker, each.price)
            traded[key] = traded.get(key, 0) + each.quantity
        assert traded == lost
        prices = [each.price for each in step.executions]
        assert prices == sorted(prices, reverse=step.executions[0].buyer_is_maker)
        gone = [change.quantity == 0 for change in step.changes]
        assert all(gone[:-1]), "a level was passed over"

    def check_depth(self) -> None:
        for symbol, market in self.world.markets.items():
            bids, asks = self.books[symbol]
            whole = (sorted(bids.items(), reverse=True), sorted(asks.items()))
            assert market.depth(10**6) == whole
            assert market.depth(7) == (whole[0][:7], whole[1][:7])
            assert market.depth(0) == ([], [])


@settings(max_examples=20)
@given(Seeds, st.sampled_from([1.0, 7.0, 40.0]), st.lists(st.sampled_from(LISTINGS), min_size=1, unique=True))
def test_book_trades_and_ids_add_up_at_every_step(seed: int, pace: float, listings: list[Listing]) -> None:
    world = World(seed, START, listings, pace=pace)
    auditor = Auditor(world)
    world.advance(START + int(40 / pace * NS_PER_S))
    auditor.check_depth()
    floors = [
        len(side) >= 5 for symbol, book in auditor.books.items() if symbol != HALTED.symbol for side in book
    ]
    assert all(floors)


def test_what_is_halted_never_moves() -> None:
    world = World(3, START, LISTINGS)
    heard = story(world)
    world.advance(START + 30 * NS_PER_S)
    market = world.markets[HALTED.symbol]
    assert HALTED.symbol not in {symbol for symbol, _ in heard}
    assert market.best() == (None, None)
    assert market.depth(5) == ([], [])
    assert market.last_price is None
    assert market.bar(NS_PER_S, world.now) is None
    assert market.recent_trades(5) == []
    assert market.trades_from(0, 5) == []
    assert market.trades_between(0, 2**62, 5) == []
    assert market.day(world.now).last is None
    assert World(3, START, [HALTED]).next_at() > START


# --- truth, history, clocks


@settings(max_examples=12)
@given(Seeds, st.lists(st.integers(-90 * NS_PER_S, 90 * NS_PER_S), min_size=1, max_size=5))
def test_candles_history_and_books_equal_the_truth_whatever_the_venue_clock_does(
    seed: int, offsets: list[int]
) -> None:
    world = World(seed, START, (COARSE, CRUDE), pace=2.0)
    truth = Truth(world)
    for offset in [0, *offsets]:
        world.clock_offset_ns = offset
        world.advance(world.now + 40 * NS_PER_S)
    late = world.now + 200 * NS_PER_S
    for symbol, market in world.markets.items():
        trades = truth.executions[symbol]
        assert [x.trade_id for x in trades] == list(range(trades[0].trade_id, market.last_trade_id + 1))
        for length in (NS_PER_S, 5 * NS_PER_S, 60 * NS_PER_S, 300 * NS_PER_S, 3_600 * NS_PER_S):
            bars = market.candles(length, None, None, 10_000, late)
            assert {bar.open_time: bar for bar in bars if bar.trades} == truth.candles(symbol, length)
            assert all(nxt.open_time - bar.open_time == length for bar, nxt in pairwise(bars))
            for bar, nxt in pairwise(bars):
                if not nxt.trades:
                    assert (nxt.open, nxt.high, nxt.low, nxt.close) == (bar.close,) * 4
                    assert (nxt.volume, nxt.quote_volume, nxt.first_id) == (0, 0, None)
            assert bars[-1].open_time == late // length * length
        low, high = sorted((trades[len(trades) // 4].ts, trades[len(trades) // 2].ts))
        assert market.trades_between(low, high, 10**6) == [x for x in trades if low <= x.ts <= high]
        books = truth.books[symbol]
        assert truth.book(symbol, market.update_id) == market.depth(10**6)
        middle = books.first_id + len(books.changes) // 2
        instant = truth.instant_of(symbol, middle)
        assert instant.update_id >= middle
        assert truth.last_before(symbol, instant.at) == instant
        assert truth.last_before(symbol, START - 1) is None


@settings(max_examples=15)
@given(Seeds, st.integers(-5, 400), st.integers(-2, 50), st.integers(0, 12), st.integers(0, 12))
def test_history_is_a_window_of_what_happened(seed: int, at: int, limit: int, low: int, high: int) -> None:
    world = World(seed, START, (FINE,), pace=3.0, kept_trades=100)
    truth = Truth(world)
    world.advance(START + 12 * NS_PER_S)
    market = world.markets[FINE.symbol]
    trades = truth.executions[FINE.symbol]
    kept = market.trades_from(0, 10**6)
    assert kept == trades[-len(kept) :]
    assert min(100, len(trades)) <= len(kept) <= 125 + 200  # trimmed in batches, after a taker's whole sweep
    first = kept[0].trade_id + at
    assert market.trades_from(first, limit) == [x for x in kept if x.trade_id >= first][: max(0, limit)]
    assert market.recent_trades(limit) == (kept[-limit:] if limit > 0 else [])
    start, end = START + low * NS_PER_S, START + high * NS_PER_S
    assert (
        market.trades_between(start, end, limit) == [x for x in kept if start <= x.ts <= end][: max(0, limit)]
    )
