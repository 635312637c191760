"""Spreads and consolidated prices as figures of alerts, by hand."""

from __future__ import annotations

from math import inf

import pytest

from bethna.core.consolidated import BestPrice, VenueQuote
from bethna.core.coverage import Coverage, State
from bethna.core.market import BookView, InstrumentId, Level, Quote
from bethna.core.status import Trust
from bethna.logic.alerts.price_figures import consolidated, spread

BTC = InstrumentId("BTC-USD@coinbase")
NOW = 1_000


def book(
    bid: float | None = 99.0,
    ask: float | None = 101.0,
    trust: Trust = Trust.TRUSTED,
    state: State = State.COMPLETE,
    ts: tuple[int | None, int | None] = (7, 8),
) -> BookView:
    sides: list[list[Level]] = [[] if each is None else [(each, 1.0)] for each in (bid, ask)]
    return BookView(BTC, sides[0], sides[1], 1, trust, 1, *ts, Coverage(state=state))


def quote(bid: float, ask: float, ts_event: int | None = 5) -> Quote:
    return Quote(BTC, bid, 1.0, ask, 1.0, 1, ts_event, 6)


def test_a_spread_is_in_basis_points_of_the_middle_and_of_the_venues_time() -> None:
    found = spread(None, book(), NOW, live=True)
    assert found is not None
    assert (found.value, found.ts_event, found.ts_recv, found.state) == (200.0, 7, 8, State.COMPLETE)
    found = spread(quote(99.5, 100.5), book(), NOW, live=True)
    assert found is not None
    assert (found.value, found.ts_event, found.ts_recv, found.state) == (100.0, 5, 6, State.COMPLETE)
    found = spread(quote(99.5, 100.5, None), book(), NOW, live=True)
    assert found is not None
    assert (found.ts_event, found.trade_id) == (6, None)


def test_a_book_without_times_is_of_now() -> None:
    found = spread(None, book(ts=(None, None)), NOW, live=True)
    assert found is not None
    assert (found.ts_event, found.ts_recv) == (NOW, NOW)


@pytest.mark.parametrize("trust", [Trust.OFF, Trust.SYNCING, Trust.UNTRUSTED, Trust.WAITING])
def test_a_quote_without_a_trusted_book_proves_nothing(trust: Trust) -> None:
    found = spread(quote(99.0, 101.0), book(trust=trust), NOW, live=True)
    assert found is not None
    assert found.state is State.UNVERIFIED
    assert spread(None, book(trust=trust), NOW, live=True) is None


def test_a_trusted_book_says_itself_how_complete_it_is() -> None:
    found = spread(None, book(state=State.HEALED), NOW, live=True)
    assert found is not None
    assert found.state is State.HEALED


@pytest.mark.parametrize(("bid", "ask"), [(101.0, 101.0), (102.0, 101.0), (0.0, 101.0), (99.0, inf)])
def test_a_crossed_or_empty_market_has_no_spread(bid: float, ask: float) -> None:
    assert spread(quote(bid, ask), book(), NOW, live=True) is None


def test_one_side_alone_and_streams_that_are_not_live_have_none() -> None:
    assert spread(None, book(bid=None), NOW, live=True) is None
    assert spread(None, book(ask=None), NOW, live=True) is None
    assert spread(quote(99.0, 101.0), book(), NOW, live=False) is None


def best(bid: float | None, ask: float | None, *times: tuple[int | None, int | None, bool]) -> BestPrice:
    venues = tuple(
        VenueQuote(
            BTC, bid, 1.0, ask, 1.0, bid, ask, event, heard, Coverage(), None if inside else "stale"
        )
        for event, heard, inside in times
    )  # fmt: skip
    return BestPrice(
        "BTC", "USD", (), bid, 1.0, 1.0, BTC, ask, 1.0, 1.0, BTC, None, venues, 1, Coverage(state=State.UNVERIFIED)
    )  # fmt: skip


def test_a_consolidated_price_is_the_middle_and_as_new_as_the_newest_that_takes_part() -> None:
    found = consolidated(best(99.0, 102.0, (3, 4, True), (None, 5, True), (9, 9, False)), NOW)
    assert found is not None
    assert (found.value, found.ts_event, found.ts_recv, found.state) == (100.5, 5, NOW, State.UNVERIFIED)
    found = consolidated(best(99.0, 102.0, (None, None, True)), NOW)
    assert found is not None
    assert found.ts_event == NOW


def test_where_nobody_takes_part_there_is_none() -> None:
    assert consolidated(best(None, None), NOW) is None
    assert consolidated(best(1.0, None), NOW) is None
