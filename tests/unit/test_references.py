"""The newest index and valuation: which stands, when it is stale, what is said of its completeness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, Provenance, State
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import Contract, Instrument, guessed
from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation
from bethna.core.reference import IndexView, ReferenceKind, ValuationView
from bethna.logic.references import LEAST_NS, MOST_NS, SET_BACK_NS, References, units_of

INDEX = guessed(InstrumentId("BTC-USD-INDEX@deribit"))
DVOL = guessed(InstrumentId("BTC-DVOL@deribit"))
OPTION = guessed(InstrumentId("BTC-25DEC26-76000-C@deribit"))
SPOT = guessed(InstrumentId("BTC-USDT@binance"))
GREEKS = Greeks(0.74, 2.0e-5, 132.0, -29.0, 121.0)


def price(value: float, at_s: float, *, came_s: float | None = None) -> IndexPrice:
    came = at_s if came_s is None else came_s
    return IndexPrice(INDEX.id, value, round(at_s * NS_PER_S), round(came * NS_PER_S))


def index(found: References, now_s: float, *, live: bool = True) -> IndexView:
    return found.index(INDEX, round(now_s * NS_PER_S), live=live)


def each_second(count: int) -> References:
    found = References()
    for second in range(count):
        found.apply(price(100.0 + second, float(second)))
    return found


def test_before_anything_came_nothing_is_known_and_nothing_is_stale() -> None:
    found = References(Provenance.SYNTHETIC)
    view = index(found, 1000.0)
    assert (view.value, view.ts_event, view.ts_recv, view.stale) == (None, None, None, False)
    assert (view.coverage.state, view.coverage.provenance) == (State.UNKNOWN, Provenance.SYNTHETIC)
    assert (view.coverage.sources, view.stale_after_ns) == (("deribit",), MOST_NS)
    assert found.last_message(INDEX.id) is None
    assert found.fingerprint(INDEX.id) == {}


def test_a_figure_is_unverified_and_says_of_when_it_is() -> None:
    found = References()
    assert found.apply(price(64_000.5, 7.0, came_s=9.0))
    view = index(found, 10.0)
    assert (view.value, view.ts_event, view.ts_recv) == (64_000.5, 7 * NS_PER_S, 9 * NS_PER_S)
    assert (view.coverage.state, view.coverage.as_of, view.coverage.gaps) == (
        State.UNVERIFIED, 7 * NS_PER_S, (),
    )  # fmt: skip
    assert found.last_message(INDEX.id) == 9 * NS_PER_S
    assert found.fingerprint(INDEX.id) == {"index": price(64_000.5, 7.0, came_s=9.0)}


def test_what_a_second_socket_says_later_of_an_earlier_time_is_passed_over() -> None:
    found = References()
    assert found.apply(price(2.0, 20.0))
    assert not found.apply(price(1.0, 19.0, came_s=20.1))
    assert found.apply(price(3.0, 20.0, came_s=20.2))  # the same instant said anew is newer
    assert index(found, 20.3).value == 3.0


def test_a_venue_whose_clock_was_set_back_is_heard_again() -> None:
    found = References()
    found.apply(price(2.0, 100.0))
    at_s = 100.0 - SET_BACK_NS / NS_PER_S
    assert not found.apply(price(1.0, at_s, came_s=101.0))
    assert found.apply(price(1.5, at_s - 1.0, came_s=102.0))
    assert index(found, 102.0).value == 1.5


@pytest.mark.parametrize(("seconds", "patience_s"), [(1, 60), (3, 60), (4, 20), (50, 20)])
def test_how_old_it_may_be_follows_its_pace(seconds: int, patience_s: int) -> None:
    found, last_s = each_second(seconds), seconds - 1
    assert index(found, last_s).stale_after_ns == patience_s * NS_PER_S
    assert not index(found, last_s + patience_s).stale
    assert index(found, last_s + patience_s + 0.001).stale
    assert index(found, last_s + patience_s + 1).coverage.state is State.UNVERIFIED


@pytest.mark.parametrize(("pause_s", "patience_ns"), [(0.1, LEAST_NS), (30.0, MOST_NS)])
def test_patience_has_bounds(pause_s: float, patience_ns: int) -> None:
    found = References()
    for step in range(10):
        found.apply(price(1.0, step * pause_s))
    assert index(found, 0.0).stale_after_ns == patience_ns


def test_while_nothing_carries_it_it_is_stale_and_incomplete_until_its_next_word() -> None:
    found = each_second(5)
    assert index(found, 4.1, live=False).stale
    found.lose(INDEX.id)
    view = index(found, 4.1)
    assert view.stale
    assert view.coverage.state is State.INCOMPLETE
    assert view.coverage.gaps == (Gap("index", start=4 * NS_PER_S, reason="disconnected"),)
    found.apply(price(9.0, 600.0))
    view = index(found, 600.0)
    assert (view.value, view.stale, view.coverage.state) == (9.0, False, State.UNVERIFIED)
    assert view.stale_after_ns == 20 * NS_PER_S, "a pause in which nobody could hear is none"


def test_losing_or_forgetting_what_never_came_does_nothing() -> None:
    found = References()
    found.lose(INDEX.id)
    found.forget(INDEX.id)
    found = each_second(3)
    found.forget(INDEX.id)
    assert index(found, 3.0).value is None


def test_an_index_stands_where_prices_are_shown() -> None:
    found = each_second(2)
    view = found.price(INDEX, NS_PER_S, live=True)
    assert (view.price, view.bid, view.ask, view.change_24h_pct) == (101.0, None, None, None)
    assert (view.ts_event, view.last_message, view.stale) == (NS_PER_S, NS_PER_S, False)
    assert view.coverage.state is State.UNVERIFIED


def test_what_an_index_is_of() -> None:
    found = References()
    assert (index(found, 0.0).kind, index(found, 0.0).unit) == ("price", "USD")
    volatility = found.index(DVOL, 0, live=True)
    assert (volatility.kind, volatility.unit) == ("volatility", "%")


def test_a_valuation_is_what_the_venue_said_with_its_age() -> None:
    said = Valuation(
        OPTION.id, 0.1296, 83_250.78, 5 * NS_PER_S, 6 * NS_PER_S, 84_222.23, "BTC-25DEC26", 0.3825, 0.356, 0.4038,
        GREEKS, 480.6,
    )  # fmt: skip
    found = References()
    nothing = found.view("valuations", OPTION, 0, live=True)
    assert isinstance(nothing, ValuationView)
    assert (nothing.mark_price, nothing.greeks, nothing.coverage.state) == (None, None, State.UNKNOWN)
    found.apply(said)
    view = found.view("valuations", OPTION, 7 * NS_PER_S, live=True)
    assert isinstance(view, ValuationView)
    for field in set(Valuation.__struct_fields__):
        assert getattr(view, field) == getattr(said, field), field
    assert (view.kind, view.stale, view.coverage.state) == ("option", False, State.UNVERIFIED)
    found.lose(OPTION.id)
    assert found.valuation(OPTION, 7 * NS_PER_S, live=True).coverage.gaps[0].stream == "valuation"


@pytest.mark.parametrize(
    ("kind", "instrument"), [("indices", OPTION), ("indices", SPOT), ("valuations", INDEX), ("valuations", SPOT)]
)  # fmt: skip
def test_what_has_no_such_figure_is_refused(kind: ReferenceKind, instrument: Instrument) -> None:
    with pytest.raises(UnknownInstrument, match=f"found {instrument.id}") as caught:
        References().view(kind, instrument, 0, live=True)
    assert kind in caught.value.hint


@pytest.mark.parametrize(
    ("contract", "units"),
    [
        (None, (None, None)),
        (Contract("option"), (None, None)),
        (Contract("option", "BTC", inverse=True), ("BTC", "BTC")),
        (Contract("option", "USDC"), ("USD", "BTC")),
        (Contract("perpetual", "BTC", inverse=True), ("USD", "USD")),
        (Contract("future", "USDC"), ("USD", "BTC")),
    ],
)
def test_units_are_those_of_the_contract_once_a_catalogue_has_spoken(
    contract: Contract | None, units: tuple[str | None, str | None]
) -> None:
    made = Instrument(OPTION.id, "deribit", "BTC", "USD", "BTC-X", verified=True, contract=contract)
    assert units_of(made) == units


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100)), min_size=1, max_size=30))
def test_no_figure_follows_one_that_is_a_little_newer(said: list[tuple[int, int]]) -> None:
    found, came = References(), 0
    for at_s, later_s in said:
        came += later_s
        before = index(found, came).ts_event
        stands = found.apply(price(1.0, at_s, came_s=came))
        after = index(found, came).ts_event
        assert after is not None
        if before is not None:
            assert stands == (after == at_s * NS_PER_S and not before - SET_BACK_NS <= after < before)
            assert stands or after == before
