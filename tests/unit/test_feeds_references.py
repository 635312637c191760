"""An index and a contract among the feeds: whoever asks for prices, health or the hash sees their figures."""

from __future__ import annotations

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import Contract, Instrument, guessed
from bethna.core.market import IndexPrice, InstrumentId, Trade, Valuation
from bethna.core.status import Trust
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds

AT = 1_700_000_000 * NS_PER_S
INDEX = InstrumentId("BTC-USD-INDEX@deribit")
PERPETUAL = InstrumentId("BTC-PERPETUAL@deribit")
SPOT = InstrumentId("BTC-USDT@binance")


def feeds_of(*names: InstrumentId) -> tuple[Feeds, ManualClock, list[object]]:
    clock = ManualClock(AT)
    bus = Bus(clock)
    heard: list[object] = []
    feeds = Feeds(bus, clock, FeedSettings())
    for name in names:
        feeds.follow(guessed(name))
        bus.channel("references", name).subscribe(heard.append, "test")
    return feeds, clock, heard


def index(value: float, at: int = AT) -> IndexPrice:
    return IndexPrice(INDEX, value, at, at)


def valuation(mark: float, at: int = AT) -> Valuation:
    return Valuation(PERPETUAL, mark, mark - 1.0, at, at, funding=1.0e-5)


def test_an_index_has_its_figure_for_a_price_and_no_book() -> None:
    feeds, clock, heard = feeds_of(INDEX)
    health = feeds.health(INDEX)
    assert (health.state, health.trust, health.coverage.state) == ("waiting", Trust.OFF, State.UNKNOWN)
    assert feeds.price(INDEX).price is None
    assert feeds.last_message(INDEX) is None
    feeds.apply(index(64_000.0))
    feeds.apply(index(63_000.0, AT - NS_PER_S))
    assert heard == [index(64_000.0)]
    health = feeds.health(INDEX)
    assert (health.state, health.last_message, health.coverage.state) == ("live", AT, State.UNVERIFIED)
    assert feeds.price(INDEX).price == 64_000.0
    assert not feeds.price(INDEX).stale
    clock.advance(61 * NS_PER_S)
    assert feeds.price(INDEX).stale


def test_a_contract_has_both_and_lives_by_either() -> None:
    feeds, _, heard = feeds_of(PERPETUAL)
    feeds.apply(valuation(100.0))
    assert feeds.last_message(PERPETUAL) == AT
    assert feeds.price(PERPETUAL).price is None
    feeds.apply(Trade(PERPETUAL, 99.5, 10.0, "buy", 7, AT, AT + 1))
    assert (feeds.price(PERPETUAL).price, feeds.price(PERPETUAL).last_message) == (99.5, AT + 1)
    view = feeds.reference("valuations", PERPETUAL)
    assert (getattr(view, "mark_price", None), view.stale) == (100.0, False)
    assert heard == [valuation(100.0)]


def test_a_lost_connection_is_said_of_a_figure_until_the_next_one_comes() -> None:
    feeds, _, _ = feeds_of(INDEX)
    feeds.apply(index(64_000.0))
    feeds.stream_state(INDEX, "live", "", AT)
    feeds.stream_state(INDEX, "stale", "reconnecting", AT, connected=False)
    assert feeds.price(INDEX).stale
    assert feeds.health(INDEX).coverage.state is State.INCOMPLETE
    feeds.stream_state(INDEX, "live", "", AT)
    assert feeds.price(INDEX).stale, "that a socket carries it again says nothing new of it"
    feeds.apply(index(64_001.0, AT + NS_PER_S))
    assert (feeds.price(INDEX).stale, feeds.health(INDEX).coverage.state) == (False, State.UNVERIFIED)
    feeds.stream_state(INDEX, "stale", "silent", AT + NS_PER_S)
    assert feeds.price(INDEX).stale
    assert feeds.reference("indices", INDEX).coverage.state is State.UNVERIFIED


def test_the_hash_sees_figures_and_forgetting_forgets_them() -> None:
    feeds, _, _ = feeds_of(INDEX, PERPETUAL)
    empty = feeds.state_hash()
    feeds.apply(index(64_000.0))
    with_index = feeds.state_hash()
    feeds.apply(valuation(100.0))
    assert len({empty, with_index, feeds.state_hash()}) == 3
    feeds.reset()
    assert feeds.state_hash() == empty
    feeds.apply(index(64_000.0))
    assert feeds.state_hash() == with_index
    feeds.leave(INDEX)
    with pytest.raises(UnknownInstrument):
        feeds.reference("indices", INDEX)


def test_what_has_no_such_figure_is_refused_and_what_is_not_followed() -> None:
    feeds, _, _ = feeds_of(PERPETUAL, SPOT)
    for kind, name in (("indices", PERPETUAL), ("valuations", SPOT), ("valuations", INDEX)):
        with pytest.raises(UnknownInstrument):
            feeds.reference(kind, name)  # type: ignore[arg-type]  # both are kinds


def test_the_catalogues_word_replaces_the_names() -> None:
    feeds, _, _ = feeds_of(PERPETUAL)
    contract = Contract("perpetual", "EUR", inverse=True)
    feeds.describe_as(
        Instrument(PERPETUAL, "deribit", "BTC", "EUR", "BTC-PERPETUAL", verified=True, contract=contract)
    )
    view = feeds.reference("valuations", PERPETUAL)
    assert (getattr(view, "price_unit", None), getattr(view, "quantity_unit", None)) == ("EUR", "EUR")
