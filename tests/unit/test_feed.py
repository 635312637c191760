"""One instrument's feed: what is told, in which order, and under which certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from bethna.core.coverage import Gap, State
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, InstrumentId, Quote, Ticker, Trade, TradePage
from bethna.core.status import BookStatus, GapFound, GapMarked, Healed, Trust
from bethna.logic.feed import FeedSettings, InstrumentFeed
from bethna.logic.gaplog import MAX_JUMP
from bethna.logic.tickers import change_pct

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT")
SECOND = 1_000_000_000
START = 1_700_000_040 * SECOND  # a whole minute


class Ports:
    """Keeps everything that leaves, in order."""

    def __init__(self) -> None:
        self.out: list[Any] = []
        self.wants: list[tuple[str, object]] = []
        self.owed: list[tuple[int | None, int | None]] = []
        self.hook: Callable[[Any], None] | None = None
        self.trade = self.book = self.quote = self.ticker = self._take

    def _take(self, event: object) -> None:
        self.out.append(event)
        if self.hook is not None:
            self.hook(event)

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        self.wants.append(("book", reason))

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        self.owed.append((gap.first_id, gap.last_id))

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        self.wants.append(("trades", (gap.first_id, gap.last_id)))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.out if isinstance(event, kind)]


class Desk:
    """A feed whose venue clock and host clock are one; times are seconds after START."""

    def __init__(self, settings: FeedSettings | None = None, instrument: Instrument = BTC) -> None:
        self.ports = Ports()
        self.feed = InstrumentFeed(instrument, self.ports, settings or FeedSettings())

    def trade(self, trade_id: int, at: float, price: float = 100.0) -> Trade:
        ts = START + round(at * SECOND)
        made = Trade(BTC.id, price, 1.0, "buy", trade_id, ts, ts)
        self.feed.apply_trade(made)
        return made

    def page(self, at: float, *ids: int, price: float = 100.0) -> None:
        now = START + round(at * SECOND)
        self.feed.apply_page(
            TradePage(BTC.id, [Trade(BTC.id, price, 1.0, "buy", each, now, now) for each in ids]), now
        )

    def delta(self, first: int, last: int, at: float, bid: float = 1.0) -> BookDelta:
        ts = START + round(at * SECOND)
        made = BookDelta(BTC.id, first, last, [(99.0, bid)], [], ts, ts)
        self.feed.apply_delta(made)
        return made

    def snapshot(self, last_id: int, at: float, *, partial: bool = False) -> BookSnapshot:
        ts = START + round(at * SECOND)
        made = BookSnapshot(BTC.id, last_id, [(99.0, 1.0)], [(101.0, 1.0)], ts, 5000, partial)
        self.feed.apply_snapshot(made)
        return made

    def quote(self, update_id: int, at: float, bid: float = 99.0) -> Quote:
        made = Quote(BTC.id, bid, 1.0, 101.0, 1.0, update_id, None, START + round(at * SECOND))
        self.feed.apply_quote(made)
        return made

    def tick(self, at: float) -> None:
        now = START + round(at * SECOND)
        self.feed.tick(now, now)

    def state(self) -> State:
        return self.feed.coverage().state

    def minutes(self) -> list[tuple[int, State]]:
        return [
            ((candle.open_time - START) // (60 * SECOND), candle.coverage.state)
            for candle in self.feed.candles(Interval.M1, 100, None)
        ]


# --- before any data


def test_before_any_data_everything_is_unknown_and_nothing_fails() -> None:
    feed = Desk().feed
    assert feed.coverage().state is State.UNKNOWN
    price = feed.price(stale=False, last_message=None)
    assert (price.price, price.bid, price.coverage.state, price.coverage.as_of) == (
        None,
        None,
        State.UNKNOWN,
        None,
    )
    view = feed.book_view(5)
    assert (view.bids, view.trust, view.coverage.state) == ([], Trust.WAITING, State.UNKNOWN)
    assert (feed.candles(Interval.M1, 5, None), feed.recent_trades(5)) == ([], [])
    assert (feed.newest(), feed.last_message(), feed.venue_time()) == (None, None, 0)
    assert feed.decimals() == (2, 8)


# --- trades


def test_whoever_hears_a_trade_can_read_the_candle_that_holds_it() -> None:
    desk = Desk()
    seen: list[Candle] = []
    desk.ports.hook = lambda _: seen.extend(desk.feed.candles(Interval.S1, 1, None))
    desk.trade(1, 0)
    assert [(candle.trades, candle.last_id) for candle in seen] == [(1, 1)]


def test_a_gap_is_told_wanted_healed_and_marked_in_the_stream() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.trade(4, 1)
    assert desk.ports.wants == [("trades", (2, 3))]
    desk.page(1, 2, 3)
    desk.trade(6, 2)
    desk.tick(13)
    kinds = [type(event) for event in desk.ports.out]
    assert kinds == [Trade, GapFound, Trade, Healed, Trade, Trade, GapFound, GapMarked, Trade]
    assert desk.feed.coverage().state is State.INCOMPLETE
    assert [gap.healed for gap in desk.feed.coverage().gaps] == [True, False]


def test_while_a_gap_is_open_the_price_says_so() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.trade(3, 1)
    price = desk.feed.price(stale=False, last_message=None)
    assert (price.price, price.coverage.state) == (100.0, State.INCOMPLETE)
    desk.page(1, 2)
    assert desk.feed.price(stale=False, last_message=None).coverage.state is State.COMPLETE


def test_a_late_trade_is_published_and_counted_and_is_no_last_price() -> None:
    desk = Desk(FeedSettings(kept_trades=4))
    desk.trade(1, 0)
    desk.trade(4, 1, price=200.0)
    desk.tick(12)
    desk.page(13, 3, price=150.0)
    assert desk.ports.out[-1].trade_id == 3
    assert [trade.trade_id for trade in desk.feed.recent_trades(10)] == [1, 3, 4]
    assert desk.feed.price(stale=False, last_message=None).price == 200.0
    desk.page(13, 2)
    assert isinstance(desk.ports.out[-1], Healed)
    desk.trade(6, 14)
    desk.trade(7, 14)
    desk.tick(30)
    assert [trade.trade_id for trade in desk.feed.recent_trades(10)] == [3, 4, 6, 7]
    desk.page(31, 5)
    assert [trade.trade_id for trade in desk.feed.recent_trades(10)] == [4, 5, 6, 7]
    assert [trade.trade_id for trade in desk.feed.recent_trades(2)] == [6, 7]
    assert desk.feed.trades == 7


def test_a_late_trade_older_than_all_that_is_kept_is_counted_and_not_kept() -> None:
    desk = Desk(FeedSettings(kept_trades=2))
    desk.trade(1, 0)
    for trade_id in (3, 4):
        desk.trade(trade_id, 1)
    desk.tick(12)
    desk.page(13, 2)
    assert [trade.trade_id for trade in desk.feed.recent_trades(10)] == [3, 4]
    assert desk.feed.candles(Interval.M1, 10, None)[0].trades == 4


def test_a_marked_hole_that_is_half_filled_keeps_its_candle_incomplete() -> None:
    desk = Desk()
    desk.trade(1, -1)
    desk.trade(2, 0)
    desk.trade(5, 1)
    desk.tick(12)
    desk.trade(3, 13)
    assert desk.minutes() == [(-1, State.INCOMPLETE), (0, State.INCOMPLETE)]
    desk.trade(4, 14)
    assert desk.minutes() == [(-1, State.INCOMPLETE), (0, State.INCOMPLETE)], "not known for ten seconds"
    day(desk, 5, 15)
    desk.tick(15)
    assert desk.minutes() == [(-1, State.INCOMPLETE), (0, State.COMPLETE)], "all of it came by itself"
    assert desk.state() is State.COMPLETE


# --- time without a socket (rule 5)


def test_time_without_a_socket_is_a_gap_until_an_id_proves_that_nothing_was_missed() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.trade(2, 61)
    desk.feed.disconnected("cut", START + 70 * SECOND)
    desk.tick(250)
    assert desk.minutes() == [(0, State.COMPLETE), *((minute, State.INCOMPLETE) for minute in (1, 2, 3, 4))]
    assert (desk.state(), desk.feed.price(stale=True, last_message=None).coverage.state) == (
        State.INCOMPLETE, State.INCOMPLETE,
    )  # fmt: skip
    (gap,) = desk.feed.coverage().gaps
    assert (gap.reason, gap.first_id, gap.start, gap.end) == (
        "disconnected", None, START + 61 * SECOND, START + 250 * SECOND,
    )  # fmt: skip
    desk.trade(3, 300)
    assert {state for _, state in desk.minutes()} == {State.COMPLETE}
    assert desk.state() is State.COMPLETE


def test_what_was_missed_meanwhile_is_a_gap_by_id() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.feed.disconnected("cut", START + 10 * SECOND)
    desk.trade(5, 130)
    assert [(gap.reason, gap.first_id, gap.last_id) for gap in desk.feed.coverage().gaps] == [
        ("missing", 2, 4)
    ]
    desk.page(131, 2, 3, 4)
    assert desk.state() is State.HEALED
    assert {state for _, state in desk.minutes()} == {State.HEALED}


def test_after_the_socket_is_back_a_quiet_market_is_watched_again() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.feed.disconnected("cut", START + 10 * SECOND)
    desk.feed.disconnected("still cut", START + 20 * SECOND)
    desk.tick(70)
    desk.feed.connected(START + 70 * SECOND)
    desk.delta(1, 1, 90)
    desk.feed.connected(START + 90 * SECOND)
    desk.tick(200)
    assert {state for _, state in desk.minutes()} == {State.INCOMPLETE}, "nothing has come since 90"
    day(desk, 1, 199)
    desk.tick(200)
    assert desk.minutes() == [
        (0, State.INCOMPLETE), (1, State.INCOMPLETE), (2, State.COMPLETE), (3, State.COMPLETE),
    ]  # fmt: skip
    desk.feed.disconnected("cut again", START + 200 * SECOND)
    desk.tick(250)
    assert {state for _, state in desk.minutes()} == {State.INCOMPLETE}, "no trade has proved anything since"
    assert [gap.start for gap in desk.feed.coverage().gaps] == [START], "one absence since the last trade"


def test_a_later_break_is_a_gap_of_its_own() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.feed.disconnected("cut", START + 10 * SECOND)
    desk.trade(2, 60)
    desk.feed.disconnected("cut", START + 70 * SECOND)
    desk.tick(125)
    assert desk.minutes() == [(0, State.COMPLETE), (1, State.INCOMPLETE), (2, State.INCOMPLETE)]


def test_before_any_data_a_break_is_none() -> None:
    desk = Desk()
    desk.feed.disconnected("subscribing", START)
    desk.feed.connected(START)
    desk.delta(1, 1, 1)
    desk.snapshot(1, 2)
    assert desk.state() is State.COMPLETE


# --- the book


def test_a_snapshot_is_told_before_the_deltas_that_join_it() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.delta(11, 11, 1)
    desk.snapshot(9, 2)
    told = [event for event in desk.ports.out if not isinstance(event, BookStatus)]
    assert [type(event) for event in told] == [BookSnapshot, BookDelta, BookDelta]
    trusts = [event.trust for event in desk.ports.of(BookStatus)]
    assert trusts == [Trust.SYNCING, Trust.TRUSTED]
    assert desk.ports.wants == [("book", "first delta")]


def test_a_pushed_top_of_book_is_not_stood_upon() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1, partial=True)
    assert desk.feed.booksync.book is None


def test_the_view_shows_what_is_certified_and_says_what_is_missing() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    assert desk.feed.book_view(5).update_id is None
    desk.snapshot(10, 1)
    view = desk.feed.book_view(5)
    assert (view.bids, view.asks, view.update_id) == ([(99.0, 1.0)], [(101.0, 1.0)], 10)
    assert (view.trust, view.certified_depth, view.coverage.state) == (Trust.TRUSTED, 1, State.COMPLETE)
    desk.delta(12, 12, 2)
    gapped = desk.feed.book_view(5)
    assert (gapped.bids, gapped.trust, gapped.coverage.state) == (
        [(99.0, 1.0)],
        Trust.SYNCING,
        State.INCOMPLETE,
    )
    assert [(gap.first_id, gap.last_id) for gap in gapped.coverage.gaps] == [(11, 11)]
    status = desk.ports.of(BookStatus)[-2]
    assert (status.trust, status.reason) == (Trust.SYNCING, "updates 11 to 11 missing")
    assert desk.state() is State.INCOMPLETE


def test_a_gap_told_while_there_is_no_book_does_not_pretend_to_be_syncing() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.tick(11)
    assert desk.feed.booksync.trust is Trust.UNTRUSTED
    desk.delta(12, 12, 12)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.UNTRUSTED


def test_reading_a_crossed_book_shows_nothing_and_changes_nothing() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    ts = START + 2 * SECOND
    desk.feed.apply_delta(BookDelta(BTC.id, 11, 11, [(150.0, 1.0)], [], ts, ts))
    before = desk.feed.fingerprint()
    view = desk.feed.book_view(5)
    assert (view.bids, view.asks, view.trust, view.coverage.state) == ([], [], Trust.UNTRUSTED, State.UNKNOWN)
    assert desk.feed.fingerprint() == before
    desk.tick(3)
    assert desk.feed.booksync.trust is Trust.SYNCING
    assert desk.feed.booksync.book is None


def test_a_side_without_orders_is_shown_as_such() -> None:
    desk = Desk()
    ts = START
    desk.feed.apply_snapshot(BookSnapshot(BTC.id, 10, [], [(101.0, 1.0)], ts, 5000))
    view = desk.feed.book_view(5)
    assert (view.bids, view.asks, view.coverage.state) == ([], [(101.0, 1.0)], State.COMPLETE)


# --- quotes against the book (rule 3)


def test_a_quote_that_contradicts_a_trusted_book_ends_the_trust() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.quote(10, 2)
    assert desk.feed.quotes.ok == 1
    desk.delta(11, 11, 3)
    desk.quote(11, 4, bid=98.0)
    assert (desk.feed.quotes.failed, desk.feed.booksync.trust) == (1, Trust.SYNCING)
    assert desk.ports.wants[-1] == ("book", "its best levels differ from the venue's quote")
    assert len(desk.ports.of(Quote)) == 2, "the venue's own word is published all the same"


def test_a_quote_that_waited_contradicts_when_the_book_comes_to_it() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.quote(11, 2, bid=98.0)
    assert desk.feed.booksync.trust is Trust.TRUSTED
    desk.delta(11, 11, 3)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.SYNCING
    assert desk.feed.booksync.book is None


def test_a_book_that_does_not_come_to_the_venues_quotes_is_not_trusted() -> None:
    """The last update before a silence was lost: no later one shows it, the quote does."""
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.quote(11, 2, bid=98.0)
    desk.tick(7)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.TRUSTED
    desk.tick(7.1)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.SYNCING
    assert desk.ports.wants[-1] == ("book", "behind the venue's quotes")
    (gap,) = desk.feed.booksync.log.gaps()
    assert (gap.first_id, gap.last_id, gap.healed) == (11, 11, False)
    desk.feed.apply_snapshot(
        BookSnapshot(BTC.id, 11, [(98.0, 1.0)], [(101.0, 1.0)], START + 8 * SECOND, 5000)
    )
    assert (desk.feed.booksync.trust, desk.feed.quotes.ok) == (Trust.TRUSTED, 1)
    (gap,) = desk.feed.booksync.log.gaps()
    assert gap.healed


def test_an_update_that_is_only_late_closes_what_its_quote_announced() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.quote(12, 2)
    desk.tick(8)
    assert desk.feed.booksync.trust is Trust.SYNCING
    desk.delta(11, 14, 9)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.TRUSTED
    (gap,) = desk.feed.booksync.log.gaps()
    assert (gap.healed, gap.reason) == (True, "reordered")
    desk.delta(15, 15, 10)
    assert len(list(desk.feed.booksync.log.gaps())) == 1


def test_a_quote_at_the_snapshots_id_is_judged_before_held_deltas_move_the_book_on() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.delta(11, 11, 1, bid=5.0)
    desk.quote(10, 1.5)
    desk.snapshot(10, 2)
    assert (desk.feed.quotes.ok, desk.feed.quotes.failed) == (1, 0)
    assert desk.feed.booksync.trust is Trust.TRUSTED


def test_a_snapshot_that_a_quote_contradicts_is_not_believed() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.delta(11, 11, 1)
    desk.quote(10, 1.5, bid=98.0)
    desk.snapshot(10, 2)
    assert (desk.feed.quotes.failed, desk.feed.booksync.trust, desk.feed.booksync.book) == (
        1,
        Trust.SYNCING,
        None,
    )


def test_a_quote_is_not_held_against_a_book_that_is_not_trusted() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.feed.disconnected("cut", START + 2 * SECOND)
    desk.quote(10, 3, bid=98.0)
    assert desk.feed.quotes.failed == 0
    desk.quote(9, 3)
    assert len(desk.ports.of(Quote)) == 1, "a late one is not published"


# --- what else readers see


def test_the_ticker_is_published_and_stands_beside_the_price() -> None:
    desk = Desk()
    ticker = Ticker(BTC.id, 100.0, 90.0, 110.0, 80.0, 1.0, 100.0, 11.1, None, None, None, START, START + 5)
    desk.feed.apply_ticker(ticker)
    desk.quote(1, 0)
    desk.trade(1, 0)
    price = desk.feed.price(stale=True, last_message=7)
    assert (price.change_24h_pct, price.bid, price.ask, price.stale, price.last_message) == (
        11.1,
        99.0,
        101.0,
        True,
        7,
    )
    assert desk.ports.of(Ticker) == [ticker]
    assert desk.feed.last_message() == START + 5


def test_the_newest_event_and_the_venues_time() -> None:
    desk = Desk()
    delta = desk.delta(1, 1, 1)
    assert (desk.feed.newest(), desk.feed.venue_time()) == (delta, START + SECOND)
    trade = desk.trade(1, 2)
    assert (desk.feed.newest(), desk.feed.venue_time()) == (trade, START + 2 * SECOND)
    later = desk.delta(2, 2, 3)
    assert desk.feed.newest() == later
    desk.feed.tick(START, START + 9 * SECOND)
    desk.feed.tick(START, START + 7 * SECOND)
    assert desk.feed.venue_time() == START + 9 * SECOND, "a finer measurement does not run backwards"
    desk.feed.tick(START, START + 4 * SECOND)
    assert desk.feed.venue_time() == START + 4 * SECOND, "a clock that was set back does"


def test_digits_are_the_catalogues_or_what_was_seen() -> None:
    desk = Desk()
    desk.trade(1, 0, price=100.125)
    assert desk.feed.decimals() == (3, 0)
    desk.feed.apply_quote(Quote(BTC.id, 99.1234, 0.5, 101.0, 1.0, 1, None, START))
    assert desk.feed.decimals() == (4, 1)
    desk.feed.instrument = replace(BTC, tick_size=0.01, lot_size=1e-05)
    assert desk.feed.decimals() == (2, 5)


def test_two_of_our_sockets_may_say_everything_twice() -> None:
    desk = Desk()
    desk.feed.set_overlapping(True)
    for _ in range(2):
        desk.trade(1, 0)
        desk.delta(1, 1, 0)
        desk.quote(1, 0)
        desk.quote(2, 0)
    feed = desk.feed
    assert (feed.sequence.log.duplicates, feed.booksync.log.duplicates, feed.quotes.duplicates) == (0, 0, 0)
    assert (feed.quotes.overlaps, feed.quotes.late, len(feed.quotes.irregular)) == (2, 0, 0)
    feed.set_overlapping(False)
    desk.trade(1, 0)
    desk.quote(2, 0)
    assert (feed.sequence.log.duplicates, feed.quotes.duplicates, feed.quotes.overlaps) == (1, 1, 2)


# --- what is known of trades (rule 6)


def day(desk: Desk, newest_id: int, at: float) -> None:
    ts = START + round(at * SECOND)
    desk.feed.apply_ticker(
        Ticker(BTC.id, 100.0, 90.0, 110.0, 80.0, 1.0, 100.0, 1.0, None, None, None, ts, ts, newest_id)
    )


def seconds_of(desk: Desk) -> list[tuple[int, bool, State]]:
    return [
        ((candle.open_time - START) // SECOND, candle.closed, candle.coverage.state)
        for candle in desk.feed.candles(Interval.S1, 100, None)
    ]


def test_a_stream_that_hangs_closes_no_candle_and_its_time_becomes_a_gap() -> None:
    desk = Desk()
    desk.trade(1, 0.2)
    desk.trade(2, 1.2)
    desk.tick(9)
    assert seconds_of(desk) == [(0, True, State.INCOMPLETE), (1, False, State.COMPLETE)]
    desk.tick(13)
    assert [state for *_, state in seconds_of(desk)[1:]] == [State.INCOMPLETE] * 13
    assert desk.feed.candles(Interval.S1, 1, None)[-1].coverage.gaps[0].reason == "unheard"
    day(desk, 2, 14)
    desk.tick(14)
    assert seconds_of(desk)[1:14] == [(each, True, State.COMPLETE) for each in range(1, 13)] + [
        (13, False, State.COMPLETE)
    ]


def test_what_the_venue_names_and_has_not_come_closes_no_candle() -> None:
    desk = Desk()
    desk.trade(1, 0.2)
    day(desk, 2, 3)
    desk.delta(1, 1, 9)
    desk.tick(9)
    assert [closed for _, closed, _ in seconds_of(desk)] == [False]
    desk.trade(2, 2.9)
    day(desk, 2, 10)
    desk.tick(10)
    assert [closed for _, closed, _ in seconds_of(desk)][:9] == [True] * 9


def test_a_price_speaks_no_further_than_its_trades_are_known() -> None:
    desk = Desk()
    desk.trade(1, 0.2)
    desk.delta(1, 1, 3)
    desk.tick(3)
    assert desk.feed.price(stale=False, last_message=None).coverage.as_of == START + SECOND // 5


def test_a_book_says_when_what_it_shows_was_so() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.delta(11, 11, 2)
    assert desk.feed.book_view(1).ts_recv == START + 2 * SECOND
    desk.delta(13, 13, 4)
    desk.delta(14, 14, 5)
    assert desk.feed.book_view(1).ts_recv == START + 2 * SECOND, "it stands still while updates wait"
    desk.snapshot(14, 6)
    assert desk.feed.book_view(1).ts_recv == START + 6 * SECOND


def test_a_book_without_updates_is_not_trusted_again_and_again() -> None:
    desk = Desk()
    desk.delta(10, 10, 0)
    desk.snapshot(10, 1)
    desk.quote(12, 2)
    desk.tick(8)
    desk.snapshot(12, 8.1)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.TRUSTED
    desk.quote(15, 9)
    desk.tick(10.5)
    assert desk.ports.of(BookStatus)[-1].trust is Trust.SYNCING, "not five seconds this time"
    asked = len(desk.ports.wants)
    desk.tick(12)
    assert len(desk.ports.wants) == asked, "another snapshot would age as the last one did"
    desk.tick(21)
    assert len(desk.ports.wants) == asked + 1


def test_a_book_that_is_not_wanted_is_off_and_not_missed() -> None:
    desk = Desk(FeedSettings(books=False))
    desk.feed.disconnected("cut", START)
    assert desk.feed.book_view(5).trust == Trust.OFF
    desk.trade(1, 1)
    assert desk.feed.coverage().state is State.COMPLETE


def test_a_venue_that_counts_anew_begins_the_candles_anew() -> None:
    desk = Desk()
    base = 5 * MAX_JUMP
    desk.trade(base, 1)
    desk.trade(3, 2, price=50.0)
    desk.trade(4, 3, price=51.0)
    desk.tick(20)
    marked = desk.ports.of(GapMarked)
    assert [each.gap.reason for each in marked] == ["renumbered"]
    assert desk.feed.recent_trades(1)[0].trade_id == 4
    assert not desk.ports.owed, "nothing is owed of a count that is over"


def test_a_price_is_not_whole_while_the_newest_trade_is_known_to_be_lost() -> None:
    desk = Desk()
    desk.trade(1, 1)

    def word(newest_id: int, at: float) -> None:
        ts = START + round(at * SECOND)
        desk.feed.apply_ticker(
            Ticker(BTC.id, 100.0, 99.0, 101.0, 98.0, 1.0, 1.0, 1.0, None, None, None, ts, ts, newest_id)
        )

    def state() -> tuple[State, list[str]]:
        coverage = desk.feed.price(stale=False, last_message=None).coverage
        return coverage.state, [gap.reason for gap in coverage.gaps]

    word(2, 2)
    word(2, 5)
    assert state() == (State.INCOMPLETE, ["missing"]), "asked for"
    desk.tick(20)
    assert not desk.feed.sequence.hole, "given up"
    assert state() == (State.INCOMPLETE, ["missing"]), "the price is still the one before"
    desk.page(21, 2)
    assert state() == (State.COMPLETE, [])
    assert desk.feed.recent_trades(1)[0].trade_id == 2
    word(3, 22)
    word(3, 25)
    desk.tick(40)
    assert state() == (State.INCOMPLETE, ["missing"])
    desk.trade(4, 41)
    assert state() == (State.COMPLETE, [])


def test_a_venue_that_says_no_change_says_the_opening() -> None:
    ticker = Ticker(BTC.id, 110.0, 100.0, None, None, None, None, None, None, None, None, START, START)
    assert change_pct(ticker) == pytest.approx(10.0)
    assert change_pct(replace(ticker, change_pct=-3.0)) == -3.0
    assert change_pct(replace(ticker, open=None)) is None
    assert change_pct(replace(ticker, open=0.0)) is None
