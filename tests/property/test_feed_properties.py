"""A whole feed under loss, doubling, reordering, breaks, late history and corrupt ids: it names what it does not have.

The market below is the truth: it goes on whether or not anybody hears it. What the feed publishes, shows and certifies
is compared with it after every step.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.core.coverage import Gap, State
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Quote, Trade, TradePage
from bethna.core.status import GapMarked, Trust
from bethna.logic.feed import FeedSettings, InstrumentFeed

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT")
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
FIRST = 1_000
Sides = tuple[dict[float, float], dict[float, float]]


class Market:
    """Numbers its trades and book changes, and remembers everything."""

    def __init__(self) -> None:
        self.now = START
        self.trades: list[Trade] = []
        self.update_id = 500
        bids = {100.0 - n: 1.0 for n in range(1, 6)}
        asks = {100.0 + n: 1.0 for n in range(1, 6)}
        self.states: dict[int, Sides] = {self.update_id: (bids, asks)}

    def trade(self) -> Trade:
        trade_id = FIRST + len(self.trades)
        made = Trade(BTC.id, 100.0 + trade_id % 7, 0.5, "buy", trade_id, self.now, self.now)
        self.trades.append(made)
        return made

    def delta(self, changes: list[tuple[bool, int, int]]) -> BookDelta:
        bids, asks = (dict(side) for side in self.states[self.update_id])
        first = self.update_id + 1
        self.update_id += len(changes)
        told: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for is_bid, distance, quantity in changes:
            side, price = (bids, 100.0 - distance) if is_bid else (asks, 100.0 + distance)
            told[not is_bid].append((price, float(quantity)))
            side[price] = float(quantity)
            if not quantity:
                del side[price]
        self.states[self.update_id] = (bids, asks)
        return BookDelta(BTC.id, first, self.update_id, *told, self.now, self.now)

    def quote(self) -> Quote | None:
        bids, asks = self.states[self.update_id]
        if not bids or not asks:
            return None
        bid, ask = max(bids), min(asks)
        return Quote(BTC.id, bid, bids[bid], ask, asks[ask], self.update_id, None, self.now)

    def snapshot(self, age: int, limit: int) -> BookSnapshot:
        update_id = sorted(self.states)[-1 - min(age, len(self.states) - 1)]
        bids, asks = self.states[update_id]
        levels = sorted(bids.items(), reverse=True)[:limit], sorted(asks.items())[:limit]
        return BookSnapshot(BTC.id, update_id, *levels, self.now, limit)


class Ports:
    """Hears the feed and holds it to its word, event by event."""

    def __init__(self) -> None:
        self.trade = self._trade
        self.book = self.quote = self.ticker = self._let_go
        self.published: list[int] = []
        self.marked: list[Gap] = []
        self.wanted: list[Gap] = []

    def _trade(self, event: object) -> None:
        if isinstance(event, GapMarked):
            self.marked.append(event.gap)
        if isinstance(event, Trade):
            newest = max(self.published, default=0)
            late = any((g.first_id or 0) <= event.trade_id <= (g.last_id or 0) for g in self.marked)
            assert event.trade_id > newest or late, f"{event.trade_id} after {newest} and in no marked gap"
            assert event.trade_id not in self.published, f"{event.trade_id} left twice"
            self.published.append(event.trade_id)

    def _let_go(self, event: object) -> None: ...

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None: ...

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Nobody brings them."""

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        self.wanted.append(gap)


Fate = st.sampled_from(["keep"] * 5 + ["drop", "double", "delay"])
Changes = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=3)
Step = st.one_of(
    st.tuples(st.just("trade"), Fate, st.integers(1, 5)),
    st.tuples(st.just("delta"), Fate, Changes),
    st.tuples(st.just("quote"), Fate, st.just(0)),
    st.tuples(st.just("snapshot"), st.integers(0, 4), st.sampled_from([3, 50])),
    st.tuples(st.just("history"), st.integers(0, 30), st.integers(1, 20)),
    st.tuples(st.just("wanted"), st.just(0), st.just(0)),
    st.tuples(st.just("failed"), st.just(0), st.just(0)),
    st.tuples(st.just("time"), st.integers(1, 15), st.just(0)),
    st.tuples(st.just("break"), st.integers(0, 4), st.booleans()),
)
Steps = st.lists(Step, max_size=70)


class Run:
    """One feed against one market."""

    def __init__(self, *, held: int = 40) -> None:
        self.market = Market()
        self.ports = Ports()
        patient = FeedSettings(
            patience_ns=10 * SECOND, max_held_trades=held, max_held_deltas=held, kept_trades=500
        )
        self.feed = InstrumentFeed(BTC, self.ports, patient)
        self.delayed: list[tuple[int, Any]] = []
        self.heard: set[int] = set()

    def play(self, steps: list[tuple[str, Any, Any]], *, reading: bool = False) -> Run:
        for number, step in enumerate(steps):
            self.market.now += SECOND // 10
            self._do(*step, number)
            for due in [each for each in self.delayed if each[0] <= number]:
                self.delayed.remove(due)
                self._hear(due[1])
            if reading:
                self.read()
        return self

    def read(self) -> None:
        feed = self.feed
        feed.coverage(), feed.book_view(5), feed.price(stale=False, last_message=None), feed.decimals()
        feed.candles(Interval.M1, 10, None), feed.recent_trades(9), feed.newest(), feed.last_message()

    def _do(self, kind: str, one: Any, two: Any, number: int) -> None:  # noqa: C901 - one line a kind of step
        market, feed = self.market, self.feed
        if kind == "trade":
            self._send(market.trade(), one, number + two)
        elif kind == "delta":
            self._send(market.delta(two), one, number + len(two))
        elif kind == "quote" and (quote := market.quote()):
            self._send(quote, one, number + 2)
        elif kind == "snapshot":
            feed.apply_snapshot(market.snapshot(one, two))
        elif kind == "history":
            self._fetch(market.trades[one : one + two])
        elif kind == "wanted" and self.ports.wanted:
            gap = self.ports.wanted[-1]
            self._fetch([t for t in market.trades if (gap.first_id or 0) <= t.trade_id <= (gap.last_id or 0)])
        elif kind == "failed":
            feed.sequence.heal_failed(market.now, "not_in_history")
        elif kind == "time":
            for _ in range(one):
                market.now += SECOND
                feed.tick(market.now, market.now)
        elif kind == "break":
            feed.disconnected("cut", market.now)
            for _ in range(one):
                market.trade()
                market.delta([(True, 3, 2)])
            market.now += SECOND
            if two:
                feed.connected(market.now)

    def _send(self, event: Any, fate: str, later: int) -> None:
        if fate in ("keep", "double"):
            self._hear(event)
        if fate == "double":
            self._hear(event)
        if fate == "delay":
            self.delayed.append((later, event))

    def _hear(self, event: Any) -> None:
        if isinstance(event, Trade):
            self.heard.add(event.trade_id)
            self.feed.apply_trade(event)
        elif isinstance(event, BookDelta):
            self.feed.apply_delta(event)
        else:
            self.feed.apply_quote(event)
        self.check_book()

    def _fetch(self, trades: list[Trade]) -> None:
        self.feed.apply_page(TradePage(BTC.id, trades), self.market.now)

    # --- against the truth

    def check_book(self) -> None:
        sync = self.feed.booksync
        if sync.trust is Trust.TRUSTED:
            assert sync.book is not None
            bids, asks = self.market.states[sync.book.update_id]
            shown_bids, shown_asks = sync.book.top(100)
            assert shown_bids == sorted(bids.items(), reverse=True)[: len(shown_bids)]
            assert shown_asks == sorted(asks.items())[: len(shown_asks)]
        assert self.feed.quotes.failed == 0, "every quote is true"

    def missing(self) -> set[int]:
        spans = [span for hole in self.feed.sequence.log.holes for span in hole.missing]
        return {each for low, high in spans for each in range(low, high + 1)}

    def check_trades(self) -> None:
        """What was promised is here, or held, or named as missing; a complete certificate names nothing."""
        feed, published = self.feed, set(self.ports.published)
        promised = set(range(self.ports.published[0], feed.sequence.next_id)) if published else set()
        assert published <= promised
        assert promised - published == self.missing() & promised
        assert feed.trades == len(published)
        assert sum(candle.trades for candle in feed.candles(Interval.M1, 1500, None)) == len(published)
        assert [t.trade_id for t in feed.kept] == sorted(published)[-500:]
        if feed.coverage().state is State.COMPLETE:
            assert published == promised
            assert not self.missing()
            assert self.ports.published == sorted(published)
        for candle in feed.candles(Interval.M1, 1500, None):
            if candle.coverage.state is State.COMPLETE:
                inside = {
                    t.trade_id
                    for t in self.market.trades
                    if candle.open_time <= t.ts_event < candle.open_time + 60 * SECOND
                }
                assert inside & promised <= published


@given(Steps)
def test_whatever_happens_nothing_is_lost_doubled_or_disordered_in_silence(
    steps: list[tuple[str, Any, Any]],
) -> None:
    run = Run().play(steps)
    run.check_trades()
    run.feed.sequence.finish(run.market.now)
    run.check_trades()
    published = set(run.ports.published)
    promised = {each for each in run.heard if published and each >= run.ports.published[0]}
    assert promised <= published, "what was heard has left"


@given(Steps)
def test_the_state_is_a_function_of_what_came_and_reading_changes_nothing(
    steps: list[tuple[str, Any, Any]],
) -> None:
    once, again, read = Run().play(steps), Run().play(steps), Run().play(steps, reading=True)
    assert once.feed.fingerprint() == again.feed.fingerprint() == read.feed.fingerprint()
    assert once.ports.published == read.ports.published


@given(Steps, st.integers(0, 70), st.sampled_from(["trade", "delta", "quote"]))
@settings(max_examples=60)
def test_one_corrupt_id_changes_nothing_for_those_that_follow(
    steps: list[tuple[str, Any, Any]], spot: int, kind: str
) -> None:
    run = Run()
    spot = min(spot, len(steps))
    run.play([("trade", "keep", 1), ("delta", "keep", [(True, 1, 1)]), ("quote", "keep", 0), *steps[:spot]])
    now = run.market.now
    if kind == "trade":
        run.feed.apply_trade(Trade(BTC.id, 1e6, 1.0, "buy", 10**15, now, now))
    elif kind == "delta":
        run.feed.apply_delta(BookDelta(BTC.id, 10**15, 10**15 + 3, [(500.0, 1.0)], [], now, now))
    else:
        run.feed.apply_quote(Quote(BTC.id, 1.0, 1.0, 2.0, 1.0, 10**15, None, now))
    run.play([*steps[spot:]])
    calm: list[tuple[str, Any, Any]] = [
        ("trade", "keep", 1),
        ("delta", "keep", [(True, 1, 1)]),
        ("quote", "keep", 0),
    ] * 3
    run.play(
        [*calm, ("time", 15, 0), *calm, ("snapshot", 0, 50), *calm, ("wanted", 0, 0), ("time", 15, 0), *calm]
    )
    run.check_book()
    feed = run.feed
    assert feed.sequence.next_id == FIRST + len(run.market.trades), "trades flow in order"
    assert (feed.sequence.held, feed.booksync.held) == (0, 0)
    assert feed.booksync.trust is Trust.TRUSTED
    assert feed.booksync.book is not None
    assert feed.booksync.book.update_id == run.market.update_id
    assert feed.quotes.latest is not None
    assert feed.quotes.latest.update_id == run.market.update_id


@given(Steps)
def test_an_undamaged_feed_is_complete_and_names_nothing(steps: list[tuple[str, Any, Any]]) -> None:
    kept = [(kind, "keep", two) for kind, _, two in steps if kind in ("trade", "delta", "quote")]
    run = Run().play([("snapshot", 0, 50), *kept])
    assert run.ports.published == [trade.trade_id for trade in run.market.trades]
    assert not list(run.feed.coverage().gaps)
    log = run.feed.sequence.log, run.feed.booksync.log
    assert not any(each.duplicates or each.strays or list(each.gaps()) for each in log)
    assert not run.ports.wanted
    if kept:
        assert run.feed.coverage().state is State.COMPLETE
