"""The best price out of real feeds of several venues: books, quotes, how deep they are known, and one that breaks."""

from __future__ import annotations

import pytest

from bethna.app.best import Consolidated
from bethna.app.desk import Desk
from bethna.config import Settings
from bethna.core.consolidated import BestPrice
from bethna.core.coverage import Provenance, State
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import Contract, Instrument, split_id
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Level, Quote, Trade
from bethna.core.status import StreamState, SystemEvent
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds

SECOND = 10**9
AT = 1_700_000_000 * SECOND
ONE, TWO, THREE = (InstrumentId(f"BTC-USD@{venue}") for venue in ("one", "two", "three"))
FUTURE = InstrumentId("BTC-PERPETUAL@two")


def instrument(name: InstrumentId, contract: Contract | None = None, *, tradable: bool = True) -> Instrument:
    symbol, venue = split_id(name)
    base, quote = ("BTC", "USD") if contract else symbol.split("-")
    return Instrument(name, venue, base, quote, symbol, tradable=tradable, contract=contract)


class Venues:
    """Feeds of three venues, and one perpetual that is no spot pair."""

    def __init__(self, *, books: bool = True, most_ns: int | None = None) -> None:
        self.clock = ManualClock()
        self.bus = Bus(self.clock)
        self.told: list[SystemEvent] = []
        self.bus.channel("system").subscribe(self.told.append, "test")
        self.feeds = Feeds(self.bus, self.clock, FeedSettings(books=books))
        self.consolidated = Consolidated(self.feeds, self.clock, Provenance.LIVE, most_ns)
        for name in (ONE, TWO, THREE):
            self.feeds.follow(instrument(name))
        self.feeds.follow(instrument(FUTURE, Contract("perpetual")))
        self.ids = dict.fromkeys((ONE, TWO, THREE, FUTURE), 0)

    def stands(
        self, name: InstrumentId, bids: list[Level], asks: list[Level], *, at: int = AT, limit: int = 5000
    ) -> None:
        """Its book stands, and is live."""
        self.moves(name, [], [], at=at)
        self.feeds.apply_rest([BookSnapshot(name, self.ids[name], bids, asks, at, limit)], at)
        self.moves(name, [], [], at=at)
        self.feeds.stream_state(name, "live", "", at)

    def moves(self, name: InstrumentId, bids: list[Level], asks: list[Level], *, at: int = AT) -> None:
        self.ids[name] += 1
        self.feeds.apply(BookDelta(name, self.ids[name], self.ids[name], bids, asks, at, at))

    def turns(self, name: InstrumentId, state: StreamState, reason: str, *, connected: bool = True) -> None:
        self.feeds.stream_state(name, state, reason, AT, connected=connected)

    def best(self) -> BestPrice:
        return self.consolidated.best("BTC", "USD", ())

    def outs(self) -> list[str | None]:
        return [each.out for each in self.best().venues]


@pytest.fixture
def venues() -> Venues:
    found = Venues()
    found.stands(ONE, [(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0), (102.0, 1.0)], at=AT + 2 * SECOND)
    found.stands(TWO, [(99.5, 2.0), (98.5, 1.0)], [(101.5, 1.0), (102.0, 1.0)], at=AT + SECOND, limit=2)
    found.stands(THREE, [(98.0, 3.0)], [(100.5, 3.0)], at=AT + 3 * SECOND)
    return found


def test_the_best_of_three_books(venues: Venues) -> None:
    price = venues.best()
    assert (price.bid, price.bid_at, price.ask, price.ask_at) == (99.5, TWO, 100.5, THREE)
    assert [each.instrument for each in price.venues] == [ONE, TWO, THREE]  # a perpetual is no spot pair
    assert price.ts_recv == AT + SECOND
    assert (price.coverage.state, price.coverage.as_of) == (State.COMPLETE, AT + SECOND)
    assert price.coverage.sources == ("one", "two", "three")


def test_before_anything_has_come_everybody_waits() -> None:
    venues = Venues()
    assert venues.outs() == ["waiting"] * 3
    assert venues.best().coverage.state is State.UNKNOWN
    assert {each.why for each in venues.best().venues} == {"no data yet"}


@pytest.mark.parametrize(
    ("state", "reason", "connected"),
    [
        ("refused", "the venue does not list BTC-USD", False),
        ("stale", "reconnecting", False),
        ("stale", "the venue is in maintenance", True),
    ],
)
def test_a_bad_symbol_a_dead_venue_and_one_in_maintenance(
    venues: Venues, state: StreamState, reason: str, connected: bool
) -> None:
    before = venues.best()
    venues.turns(TWO, state, reason, connected=connected)
    price = venues.best()
    assert [each.out for each in price.venues] == [None, state, None]
    assert price.venues[1].why == reason
    assert (price.bid, price.bid_at, price.ask, price.ask_at) == (99.0, ONE, 100.5, THREE)
    assert (price.ts_recv, price.coverage.sources) == (AT + 2 * SECOND, ("one", "three"))
    assert (price.venues[0], price.venues[2]) == (before.venues[0], before.venues[2])


def test_a_venue_that_crosses_itself_is_named_and_comes_back(venues: Venues) -> None:
    venues.moves(TWO, [(103.0, 9.0)], [])
    price = venues.best()
    assert [each.out for each in price.venues] == [None, "crossed", None]
    assert price.venues[1].why == "its bid 103.0 is not below its own ask 101.5"
    assert (price.bid, price.bid_at) == (99.0, ONE)
    venues.moves(TWO, [(103.0, 0.0)], [])
    assert venues.best().bid_at == TWO


def test_a_book_that_misses_updates_is_out_until_it_joins(venues: Venues) -> None:
    venues.ids[TWO] += 5
    venues.moves(TWO, [(99.9, 1.0)], [])
    assert venues.outs() == [None, "untrusted", None]
    venues.feeds.apply_rest(
        [BookSnapshot(TWO, venues.ids[TWO], [(99.6, 1.0)], [(101.5, 1.0)], AT + SECOND, 5000)], AT + SECOND
    )
    assert (venues.outs(), venues.best().bid) == ([None, None, None], 99.6)


def test_a_venue_that_does_not_trade_now(venues: Venues) -> None:
    venues.feeds.describe_as(instrument(TWO, tradable=False))
    assert venues.outs() == [None, "halted", None]


def test_a_bug_in_reading_one_feed_leaves_the_others(venues: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_depth: int) -> None:
        raise ZeroDivisionError("a bug, made on purpose")

    monkeypatch.setattr(venues.feeds.feed(TWO), "book_view", fails)
    prices = [venues.best() for _ in range(3)]
    price = prices[-1]
    assert [each.out for each in price.venues] == [None, "stale", None]
    assert price.venues[1].why == "it cannot be read, see the events"
    assert (price.bid, price.ask) == (99.0, 100.5)
    assert [event.subject for event in venues.told] == [f"best:{TWO}"]  # once
    assert venues.consolidated.book("BTC", "USD", 5).bids[0][0] == 99.0


def test_where_books_are_off_quotes_are_what_there_is_and_nothing_proves_them() -> None:
    venues = Venues(books=False)
    for name, bid, ask in ((ONE, 99.0, 101.0), (TWO, 99.5, 101.5)):
        ts = AT if name == ONE else None
        venues.feeds.apply(Quote(name, bid, 1.0, ask, 2.0, 7, ts, AT + SECOND))
        venues.feeds.stream_state(name, "live", "", AT)
    venues.feeds.apply(Trade(TWO, 100.0, 1.0, "buy", 1, AT - SECOND, AT))
    price = venues.best()
    assert (price.bid, price.bid_quantity, price.ask, price.ask_quantity) == (99.5, 1.0, 101.0, 2.0)
    assert [each.out for each in price.venues] == [None, None, "waiting"]
    assert [each.coverage.as_of for each in price.venues[:2]] == [AT, AT - SECOND]
    assert price.coverage.state is State.UNVERIFIED
    assert [each.out for each in venues.consolidated.book("BTC", "USD", 5).venues] == [
        "no book",
        "no book",
        "waiting",
    ]


def test_the_merged_book_ends_where_a_venue_tells_no_more(venues: Venues) -> None:
    book = venues.consolidated.book("BTC", "USD", 20)
    assert [level[0] for level in book.bids] == [99.5, 99.0, 98.5]
    assert [level[0] for level in book.asks] == [100.5, 101.0, 101.5, 102.0]
    assert (book.bids_end_at, book.asks_end_at, book.certified_depth) == (TWO, TWO, 3)
    venues.turns(TWO, "stale", "silent")
    book = venues.consolidated.book("BTC", "USD", 20)  # the other two are known to their last level
    assert [level[:2] for level in book.bids] == [(99.0, 1.0), (98.0, 4.0)]
    assert (book.bids_end_at, book.asks_end_at) == (None, None)


def test_what_is_not_followed_is_refused_with_what_is(venues: Venues) -> None:
    with pytest.raises(UnknownInstrument, match="of BTC-EUR nothing is followed") as error:
        venues.consolidated.book("BTC", "EUR", 5)
    assert error.value.nearest == ("BTC-USD",)
    with pytest.raises(UnknownInstrument):
        venues.consolidated.best("ETH", "USD", ("USDT",))


def test_a_desk_answers_from_its_own_feeds() -> None:
    desk = Desk(Settings(source="live", symbols=("BTC-USDT",)))
    [found] = desk.best("BTC", "USDT").venues
    assert (found.instrument.partition("@")[0], found.out) == ("BTC-USDT", "waiting")
    assert desk.consolidated_book("BTC", "USDT", 5).bids == []


def test_a_venue_that_falls_silent_is_out_when_its_price_is_too_old_and_back_with_the_next_word() -> None:
    venues = Venues(most_ns=5 * SECOND)
    venues.clock.advance_to(AT)
    for name in (ONE, TWO, THREE):
        venues.stands(name, [(99.0, 1.0)], [(101.0, 1.0)])
    venues.clock.advance(5 * SECOND)
    assert venues.outs() == [None] * 3
    venues.moves(ONE, [(98.0, 1.0)], [], at=AT + 5 * SECOND)
    venues.feeds.apply(Quote(THREE, 99.0, 1.0, 101.0, 1.0, None, None, AT + 5 * SECOND))
    venues.feeds.apply(Trade(TWO, 99.0, 1.0, "buy", 1, AT, AT + 5 * SECOND))
    venues.clock.advance(SECOND)
    assert venues.outs() == [None, "stale", None], "a trade is no word on what stands in the book"
    venues.moves(TWO, [(98.0, 1.0)], [], at=AT + 6 * SECOND)
    assert venues.outs() == [None] * 3


def test_what_comes_late_is_as_old_as_it_is_late() -> None:
    venues = Venues(most_ns=5 * SECOND)
    venues.clock.advance_to(AT)
    venues.feeds.clock_offset("one").rest(AT, AT, AT, venues.clock.monotonic_ns())
    venues.stands(ONE, [(99.0, 1.0)], [(101.0, 1.0)])
    venues.ids[ONE] += 1
    venues.feeds.apply(BookDelta(ONE, venues.ids[ONE], venues.ids[ONE], [], [], AT - 8 * SECOND, AT))
    assert venues.best().venues[0].why == "its price is older than 5 s"
