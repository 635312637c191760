"""The best price across venues, for any venues: it is the best of those that are in, and nothing else touches it."""

from __future__ import annotations

from math import inf

from consolidated_venues import AT, said
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import decode
from msgspec.structs import replace

from bethna.api.best import BestAnswer, BestBookAnswer, best_answer, best_book_answer
from bethna.api.protocol import encode
from bethna.client.mirror_best import book_of_answer, price_of_answer
from bethna.core.consolidated import BestPrice
from bethna.core.coverage import State, weakest
from bethna.core.status import StreamState, Trust
from bethna.logic.best_book import consolidated_book
from bethna.logic.best_price import VenueMarket, best_price

STATES: st.SearchStrategy[StreamState] = st.sampled_from(
    ["live", "live", "live", "stale", "waiting", "refused", "ended"]
)
TRUSTS = st.sampled_from(
    [Trust.TRUSTED, Trust.TRUSTED, Trust.TRUSTED, Trust.SYNCING, Trust.UNTRUSTED, Trust.WAITING]
)
PRICES = st.one_of(
    st.integers(98, 102).map(float), st.sampled_from([60.0, 111.0, 150.0, 151.0, 0.0, float("inf")])
)
TIMES = st.none() | st.integers(0, 9).map(lambda us: AT + us * 1000)
QUANTITIES = st.integers(1, 3).map(float)
SIDES = st.lists(st.tuples(PRICES, QUANTITIES), max_size=4, unique_by=lambda level: level[0])


@st.composite
def markets(draw: st.DrawFn, symbols: tuple[str, ...] = ("BTC-USD", "BTC-USDT")) -> list[VenueMarket]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        bids, asks = sorted(draw(SIDES), reverse=True), sorted(draw(SIDES))
        found.append(
            said(
                f"{draw(st.sampled_from(symbols))}@v{number}", bids, asks, state=draw(STATES), trust=draw(TRUSTS),
                at=draw(TIMES), proof=draw(st.sampled_from(list(State)[:4])),
                tradable=draw(st.sampled_from([True, True, True, False])), whole=draw(st.booleans()),
            )
        )  # fmt: skip
    for number in range(draw(st.integers(0, 3))):
        low, high = sorted((draw(st.floats(0.5, 2.0)), draw(st.floats(0.5, 2.0))))
        name = draw(st.sampled_from(["USDT-USD", "USD-USDT"]))
        found.append(
            said(f"{name}@r{number}", [(low, 1.0)], [(high, 1.0)], state=draw(STATES), trust=draw(TRUSTS))
        )
    return found


CONVERTS = st.sampled_from([(), ("USDT",)])


@given(markets(), CONVERTS)
def test_the_best_is_the_best_of_those_that_are_in(
    found: list[VenueMarket], convert: tuple[str, ...]
) -> None:
    price = best_price(found, "BTC", "USD", convert)
    inside = [each for each in price.venues if each.out is None]
    assert price.bid == max((each.bid for each in inside if each.bid is not None), default=None)
    assert price.ask == min((each.ask for each in inside if each.ask is not None), default=None)
    for each in price.venues:
        assert (each.out is None) == (each.why == "")
        if each.out is None:
            assert each.bid is not None
            assert each.ask is not None
            assert 0 < each.bid < each.ask
    if inside:
        assert price.coverage.state == weakest(each.coverage.state for each in inside)
        if all(each.coverage.as_of is not None for each in inside):
            assert price.coverage.as_of == min(each.coverage.as_of or 0 for each in inside)
        at_best = [each for each in inside if each.bid == price.bid]
        assert price.bid_total == sum(each.bid_quantity or 0 for each in at_best)
        assert price.bid_quantity == max(each.bid_quantity or 0 for each in at_best)
        assert price.bid_at == next(e.instrument for e in at_best if e.bid_quantity == price.bid_quantity)
        assert price.bid is not None
        assert price.ask is not None
        assert price.crossed_by == ((price.bid_at, price.ask_at) if price.bid > price.ask else None)
    else:
        assert price.coverage.state is State.UNKNOWN


@given(markets(), CONVERTS)
def test_everybody_of_the_pair_is_named_once_in_order(
    found: list[VenueMarket], convert: tuple[str, ...]
) -> None:
    price = best_price(found, "BTC", "USD", convert)
    quotes = {"USD", *convert}
    expected = [
        each.instrument.id
        for each in found
        if each.instrument.base == "BTC" and each.instrument.quote in quotes
    ]
    assert [each.instrument for each in price.venues] == expected


def but_the_venues(price: BestPrice) -> BestPrice:
    return replace(price, venues=())


@given(markets(), CONVERTS)
def test_who_is_out_changes_nothing(found: list[VenueMarket], convert: tuple[str, ...]) -> None:
    """But for `far`, which needs to be seen to be out, each alone: without its like it might be believed."""
    price = best_price(found, "BTC", "USD", convert)
    out = {each.instrument for each in price.venues if each.out not in (None, "far")}
    without = best_price([each for each in found if each.instrument.id not in out], "BTC", "USD", convert)
    kept = [each for each in price.venues if each.instrument not in out]
    assert list(without.venues) == kept
    if kept:
        assert but_the_venues(without) == but_the_venues(price)
    # and what it says does not matter either
    said_else = [
        replace(each, book=replace(each.book, bids=[(1e-6, 1e6)], asks=[(1e9, 1e6)], ts_recv=1))
        if each.instrument.id in out and each.state in ("stale", "waiting", "refused")
        else each
        for each in found
    ]
    assert but_the_venues(best_price(said_else, "BTC", "USD", convert)) == but_the_venues(price)


@given(markets(), CONVERTS, st.randoms(use_true_random=False))
def test_another_order_of_venues_changes_ties_alone(
    found: list[VenueMarket], convert: tuple[str, ...], rng: object
) -> None:
    price = best_price(found, "BTC", "USD", convert)
    mixed = list(found)
    rng.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    other = best_price(mixed, "BTC", "USD", convert)
    for name in ("bid", "bid_quantity", "bid_total", "ask", "ask_quantity", "ask_total", "ts_recv"):
        assert getattr(price, name) == getattr(other, name)
    assert (price.crossed_by is None) == (other.crossed_by is None)
    assert {each.instrument: each.out for each in price.venues} == {e.instrument: e.out for e in other.venues}
    assert price.coverage.state == other.coverage.state
    assert price.coverage.as_of == other.coverage.as_of


@given(markets())
def test_conversion_never_improves_a_price(found: list[VenueMarket]) -> None:
    """Whatever single live rate there is between the two, nobody gets more or pays less by ours."""
    price = best_price(found, "BTC", "USD", ("USDT",))
    for each in price.venues:
        if each.rate is None:
            assert each.out == "no live rate" or each.bid in (None, each.own_bid)
            continue
        direct = best_price(found, "USDT", "USD")
        if direct.bid is not None and direct.ask is not None:
            sides = (direct.bid, direct.ask)
        else:
            inverse = best_price(found, "USD", "USDT")
            assert inverse.bid is not None
            assert inverse.ask is not None
            sides = (1 / inverse.ask, 1 / inverse.bid)
        for rate in sides:
            assert each.bid is None or each.own_bid is None or each.bid <= each.own_bid * rate
            assert each.ask is None or each.own_ask is None or each.ask >= each.own_ask * rate


@given(markets(("BTC-USD",)), st.integers(1, 6))
def test_a_merged_book_is_the_sum_of_the_books_and_no_deeper_than_each(
    found: list[VenueMarket], depth: int
) -> None:
    cut = [
        replace(each, book=replace(each.book, bids=each.book.bids[:depth], asks=each.book.asks[:depth]))
        for each in found
    ]
    book = consolidated_book(cut, "BTC", "USD", depth)
    price = best_price(cut, "BTC", "USD")
    assert [each.out for each in book.venues] == [each.out for each in price.venues]
    assert (book.crossed_by, book.ts_recv, book.coverage) == (price.crossed_by, price.ts_recv, price.coverage)
    inside = {each.instrument for each in book.venues if each.out is None}
    merged = [each for each in cut if each.instrument.id in inside]
    for side, levels, best, end in (
        ("bids", book.bids, price.bid, book.bids_end_at), ("asks", book.asks, price.ask, book.asks_end_at),
    ):  # fmt: skip
        assert (levels[0][0] if levels else None) == best
        prices = [level[0] for level in levels]
        assert prices == sorted(set(prices), reverse=side == "bids")
        assert len(levels) <= depth
        for at, total, parts in levels:
            expected = {
                each.instrument.venue: quantity
                for each in merged
                for where, quantity in getattr(each.book, side)
                if where == at
            }
            assert (parts, total) == (expected, sum(expected.values()))
        everything = {where for each in merged for where, _ in getattr(each.book, side)}
        if end is None:
            assert len(levels) == min(depth, len(everything)) or len(levels) == depth
        else:
            [ender] = [each for each in merged if each.instrument.id == end]
            assert prices[-1] == getattr(ender.book, side)[-1][0]
        for each in merged:  # nobody's book is passed whose levels beyond were never told
            whole = each.whole_bids if side == "bids" else each.whole_asks
            own = getattr(each.book, side)
            if not whole and len(own) < depth and prices:
                assert prices[-1] >= own[-1][0] if side == "bids" else prices[-1] <= own[-1][0]
    assert book.certified_depth == min(len(book.bids), len(book.asks))


@given(markets(), CONVERTS, st.integers(1, 6))
def test_what_is_said_over_the_wire_is_read_back_without_a_loss(
    found: list[VenueMarket], convert: tuple[str, ...], depth: int
) -> None:
    found = [
        each for each in found if inf not in [price for price, _ in each.book.asks + each.book.bids]
    ]  # null there
    price = best_price(found, "BTC", "USD", convert)
    assert price_of_answer(decode(encode(best_answer(price, AT)), type=BestAnswer)) == price
    book = consolidated_book(found, "BTC", "USD", depth)
    assert book_of_answer(decode(encode(best_book_answer(book, AT)), type=BestBookAnswer)) == book
