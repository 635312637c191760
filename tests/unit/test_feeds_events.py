"""What people are told of an instrument's gaps and its book, on the bus where the event log listens."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bethna.core.coverage import Gap
from bethna.core.instrument import Contract, Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Quote, Trade, TradePage
from bethna.core.status import SystemEvent, Trust
from bethna.logic.chronicle import MOST, Chronicle
from bethna.logic.feed import FeedSettings
from bethna.logic.price_jumps import PriceJumps
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT")
SECOND = 10**9
LONG_AGO = 1_700_000_000 * SECOND


class Desk:
    """Feeds with one instrument; seconds are those of a tape that was made long ago."""

    def __init__(self) -> None:
        bus = Bus(ManualClock())
        self.told: list[SystemEvent] = []
        bus.channel("system").subscribe(self.told.append, "test")
        self.feeds = Feeds(bus, ManualClock(), FeedSettings())
        self.feeds.follow(BTC)

    def trade(self, trade_id: int, at: int, price: float = 1.0) -> Trade:
        ts = LONG_AGO + at * SECOND
        made = Trade(BTC.id, price, 1.0, "buy", trade_id, ts, ts)
        self.feeds.apply(made)
        return made

    def delta(self, first: int, last: int, at: int) -> None:
        ts = LONG_AGO + at * SECOND
        self.feeds.apply(BookDelta(BTC.id, first, last, [(99.0, 1.0)], [], ts, ts))

    def snapshot(self, last_id: int, at: int) -> None:
        ts = LONG_AGO + at * SECOND
        self.feeds.apply(BookSnapshot(BTC.id, last_id, [(99.0, 1.0)], [(101.0, 1.0)], ts, 5000))

    def standing(self) -> None:
        """Updates 1 to 3, and a book that stands on them."""
        self.delta(1, 1, 0)
        self.snapshot(1, 1)
        self.delta(2, 3, 1)
        assert self.trust() is Trust.TRUSTED

    def trust(self) -> Trust:
        return self.feeds.feed(BTC.id).booksync.trust

    def events(self) -> list[tuple[str, str, int]]:
        assert {event.subject for event in self.told} <= {BTC.id}
        return [(event.level, event.code, (event.ts - LONG_AGO) // SECOND) for event in self.told]


def test_a_gap_in_the_trades_and_its_healing_are_told_by_the_tapes_time() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.trade(4, 1)
    assert desk.events() == [("warning", "trade_gap", 1)]
    assert "trades 2 to 3" in desk.told[0].message
    now = LONG_AGO + 3 * SECOND
    found = [Trade(BTC.id, 1.0, 1.0, "buy", each, now, now) for each in (2, 3)]
    desk.feeds.apply_rest([TradePage(BTC.id, found)], now)
    assert desk.events()[1:] == [("info", "trade_gap_healed", 3)]
    assert desk.told[1].message == "healed: trades 2 to 3, 2 found"
    health = desk.feeds.health(BTC.id)
    assert (health.trade_gaps, health.heals) == (1, 1)


def test_trades_that_only_overtook_each_other_are_told_as_late_and_counted_as_no_loss() -> None:
    desk = Desk()
    for each in (1, 4, 3, 2):
        desk.trade(each, 1)
    assert desk.events() == [("warning", "trade_gap", 1), ("info", "trade_gap_closed", 1)]
    assert desk.told[1].message == "came by themselves, late: trades 2 to 3; nothing was lost"
    health = desk.feeds.health(BTC.id)
    assert (health.trade_gaps, health.heals) == (0, 0)


def test_a_price_that_jumps_is_told_once_a_minute_and_stops_nothing() -> None:
    desk = Desk()
    for number in range(1, 130):
        desk.trade(number, number, 100.0 if number % 2 else 151.0)
        desk.feeds.tick(LONG_AGO + number * SECOND)
    assert desk.events() == [("warning", "price_jumped", at) for at in (2, 62, 122)]
    assert desk.told[0].message.startswith("its price was 100 and 151 ")
    assert desk.feeds.feed(BTC.id).trades == 129


def test_an_option_may_jump() -> None:
    option = replace(BTC, contract=Contract("option"))
    jumps = PriceJumps()
    assert jumps.look(option, (1.0, 2.0), 0) is None
    assert jumps.look(BTC, None, 0) is None
    assert jumps.look(BTC, (1.0, 2.0), 0) is not None


def test_what_was_left_out_is_told_at_the_end_of_a_tape() -> None:
    desk = Desk()
    desk.trade(1, 0)
    for number in range(2, MOST):
        desk.trade(2 * number, 0)
        desk.feeds.heal_failed(BTC.id, "too_large", LONG_AGO)
    assert len(desk.told) == MOST
    desk.feeds.finish(LONG_AGO + SECOND)
    assert (desk.told[-1].code, desk.told[-1].ts) == ("events_left_out", LONG_AGO + SECOND)


def test_a_gap_that_stays_is_told_with_the_reason() -> None:
    desk = Desk()
    desk.trade(1, 0)
    desk.trade(3, 1)
    desk.feeds.heal_failed(BTC.id, "too_large", LONG_AGO + 2 * SECOND)
    assert desk.events()[1:] == [("warning", "trade_gap_marked", 2)]
    assert desk.told[1].message == "not healed: trade 2 (too_large)"


def test_a_book_that_is_lost_and_joins_again_is_told_once_each_and_its_first_synchronisation_is_not() -> None:
    desk = Desk()
    desk.standing()
    assert desk.events() == []
    desk.delta(6, 6, 2)
    desk.delta(9, 9, 3)
    assert desk.events() == [("warning", "book_syncing", 2)]
    assert "updates 4 to 5 are missing" in desk.told[0].message
    desk.snapshot(9, 4)
    desk.delta(10, 10, 5)
    assert desk.events()[1:] == [("info", "book_trusted", 4)]


def test_a_book_that_the_quote_contradicts_is_told() -> None:
    desk = Desk()
    desk.standing()
    desk.feeds.apply(Quote(BTC.id, 50.0, 1.0, 101.0, 1.0, 3, None, LONG_AGO + 2 * SECOND))
    assert [code for _, code, _ in desk.events()] == ["book_syncing"]
    assert "differ from the venue's quote" in desk.told[0].message


def test_a_lost_connection_is_no_event_of_each_book_but_what_it_missed_is() -> None:
    desk = Desk()
    desk.standing()
    desk.feeds.stream_state(BTC.id, "stale", "reconnecting: cut", LONG_AGO + 2 * SECOND, connected=False)
    assert desk.trust() is Trust.SYNCING
    assert desk.events() == []
    desk.delta(6, 6, 5)
    desk.snapshot(6, 6)
    assert desk.events() == [("warning", "book_syncing", 5), ("info", "book_trusted", 6)]


@pytest.mark.parametrize(("connected", "trust"), [(True, Trust.TRUSTED), (False, Trust.SYNCING)])
def test_one_silent_stream_is_no_lost_connection(*, connected: bool, trust: Trust) -> None:
    desk = Desk()
    desk.standing()
    desk.feeds.stream_state(BTC.id, "stale", "no Trade for longer than 20 s", LONG_AGO, connected=connected)
    assert desk.trust() is trust
    assert desk.feeds.stale(BTC.id)


def test_never_more_than_a_person_can_read() -> None:
    told: list[SystemEvent] = []
    chronicle = Chronicle(BTC.id, told.append)
    gap = Gap("trades", None, None, 1, 2, "renumbered")
    for _ in range(MOST + 5):
        chronicle.gap_found(gap, LONG_AGO)
    assert [event.code for event in told] == ["trade_gap"] * MOST
    assert "of unknown number" in told[0].message
    chronicle.tick(LONG_AGO + 59 * SECOND)
    assert len(told) == MOST
    chronicle.tick(LONG_AGO + 60 * SECOND)
    chronicle.tick(LONG_AGO + 200 * SECOND)
    assert [(event.code, event.message) for event in told[MOST:]] == [
        ("events_left_out", "5 more gaps and turns of the book")
    ]
    chronicle.gap_found(gap, LONG_AGO)  # the clock was set back
    assert told[-1].code == "trade_gap"
