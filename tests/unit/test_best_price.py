"""The best price across venues by hand: who is in, who is out and why, ties, crossing, rates, certificates."""

from __future__ import annotations

import pytest
from consolidated_venues import AT, said, top
from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.consolidated import BestPrice, VenueQuote
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.instrument import Contract
from bethna.core.status import Trust
from bethna.logic.best_price import VenueMarket, best_price, concerned, currencies_of, pair_of


def best(*markets: VenueMarket, convert: tuple[str, ...] = ()) -> BestPrice:
    return best_price(markets, "BTC", "USD", convert)


def outs(price: BestPrice) -> dict[str, str | None]:
    return {each.instrument.partition("@")[2]: each.out for each in price.venues}


def venue(price: BestPrice, name: str) -> VenueQuote:
    [found] = [each for each in price.venues if each.instrument == name]
    return found


THREE = (
    top("BTC-USD@one", 99.0, 101.0, 2.0),
    top("BTC-USD@two", 99.5, 101.5, 3.0),
    top("BTC-USD@three", 99.0, 100.5, 4.0),
)


def test_the_highest_bid_and_the_lowest_ask_win_with_whose_they_are() -> None:
    price = best(*THREE)
    assert (price.symbol, price.bid, price.bid_quantity, price.bid_at) == (
        "BTC-USD",
        99.5,
        3.0,
        "BTC-USD@two",
    )
    assert (price.ask, price.ask_quantity, price.ask_at) == (100.5, 4.0, "BTC-USD@three")
    assert (price.bid_total, price.ask_total, price.crossed_by) == (3.0, 4.0, None)
    assert set(outs(price).values()) == {None}


def test_at_one_price_the_larger_quantity_wins_then_the_first_and_the_sum_stands_beside() -> None:
    price = best(
        top("BTC-USD@one", 99.0, 101.0, 0.5),
        top("BTC-USD@two", 99.0, 101.0, 0.75),
        top("BTC-USD@three", 99.0, 101.0, 0.75),
    )
    assert (price.bid_at, price.bid_quantity, price.bid_total) == ("BTC-USD@two", 0.75, 2.0)
    assert (price.ask_at, price.ask_quantity, price.ask_total) == ("BTC-USD@two", 0.75, 2.0)


def test_one_venue_above_another_is_said_and_is_no_error() -> None:
    price = best(top("BTC-USD@one", 99.0, 100.0), top("BTC-USD@two", 100.25, 101.0))
    assert (price.bid, price.ask) == (100.25, 100.0)
    assert price.crossed_by == ("BTC-USD@two", "BTC-USD@one")
    locked = best(top("BTC-USD@one", 99.0, 100.0), top("BTC-USD@two", 100.0, 101.0))
    assert (locked.bid, locked.ask, locked.crossed_by) == (100.0, 100.0, None)


@pytest.mark.parametrize(
    ("bad", "out", "why"),
    [
        (said("BTC-USD@bad", [(150.0, 9.0)], [(151.0, 9.0)], state="stale", message="silent 9 s"), "stale", "silent"),
        (said("BTC-USD@bad", [(100.1, 9.0)], [(100.2, 9.0)], state="stale"), "stale", "longer than its pace"),
        (said("BTC-USD@bad", state="waiting"), "waiting", "nothing has been seen yet"),
        (said("BTC-USD@bad", trust=Trust.WAITING), "waiting", "its book has not come"),
        (said("BTC-USD@bad", state="refused", message="Invalid symbol"), "refused", "Invalid symbol"),
        (said("BTC-USD@bad", [(100.1, 9.0)], [(100.2, 9.0)], trust=Trust.SYNCING), "untrusted", "syncing"),
        (said("BTC-USD@bad", [(100.1, 9.0)], [(100.2, 9.0)], trust=Trust.UNTRUSTED), "untrusted", "untrusted"),
        (said("BTC-USD@bad", [(100.1, 9.0)], [(100.2, 9.0)], tradable=False), "halted", "does not trade"),
        (said("BTC-USD@bad", [(100.1, 9.0)], []), "empty", "one side alone"),
        (said("BTC-USD@bad", [], []), "empty", "no bid and no ask"),
        (said("BTC-USD@bad", [(100.1, 9.0)], [(float("inf"), 9.0)]), "empty", "one side"),
        (top("BTC-USD@bad", 100.2, 100.2, 9.0), "crossed", "100.2 is not below its own ask 100.2"),
        (top("BTC-USD@bad", 100.3, 100.1, 9.0), "crossed", "not below"),
        (top("BTC-USD@bad", 120.0, 121.0, 9.0), "far", "its 120.5 is more than 10% from 99.75 to 100.5, where 3"),
    ],
)  # fmt: skip
def test_who_is_out_is_named_and_changes_nothing(bad: VenueMarket, out: str, why: str) -> None:
    alone, beside = best(*THREE), best(*THREE, bad)
    assert outs(beside) == {"one": None, "two": None, "three": None, "bad": out}
    assert why in venue(beside, "BTC-USD@bad").why
    for name in BestPrice.__struct_fields__:
        if name != "venues":
            assert getattr(beside, name) == getattr(alone, name), name
    assert beside.venues[:3] == alone.venues


def test_a_recording_that_has_ended_stands_as_it_was() -> None:
    assert best(said("BTC-USD@one", [(1.0, 1.0)], [(2.0, 1.0)], state="ended")).bid == 1.0


def test_where_books_are_off_the_quote_takes_part() -> None:
    price = best(said("BTC-USD@one", quote=(99.0, 101.0)), said("BTC-USD@two", trust=Trust.OFF))
    assert (price.bid, price.bid_quantity, price.ask, price.ask_quantity) == (99.0, 1.0, 101.0, 2.0)
    assert outs(price) == {"one": None, "two": "waiting"}


def test_far_needs_two_others_that_agree() -> None:
    one_against_one = best(top("BTC-USD@one", 99.0, 101.0), top("BTC-USD@two", 149.0, 151.0))
    assert outs(one_against_one) == {"one": None, "two": None}
    apart = best(  # 100 and 101.1 do not agree within 1 %
        top("BTC-USD@one", 99.0, 101.0), top("BTC-USD@two", 100.1, 102.1), top("BTC-USD@three", 149.0, 151.0)
    )
    assert set(outs(apart).values()) == {None}
    edge = best(  # exactly 10 % is not more than 10 %
        top("BTC-USD@one", 99.0, 101.0), top("BTC-USD@two", 99.0, 101.0), top("BTC-USD@three", 109.0, 111.0)
    )
    assert set(outs(edge).values()) == {None}


def test_the_larger_group_is_believed_and_of_two_equal_ones_none() -> None:
    low = [top(f"BTC-USD@low{n}", 99.0, 101.0) for n in range(3)]
    high = [top(f"BTC-USD@high{n}", 199.0, 201.0) for n in range(3)]
    price = best(*low, *high[:2])
    assert [each.out for each in price.venues] == [None, None, None, "far", "far"]
    none = best(*low[:2], *high[:2])
    assert {each.out for each in none.venues} == {"far"}
    assert (none.bid, none.ask, none.bid_at, none.ts_recv, none.coverage.state) == (
        None,
        None,
        None,
        None,
        "unknown",
    )


# --- conversion


USDT = top("BTC-USDT@four", 100.0, 102.0, 5.0)


def test_a_currency_is_no_other_one_unless_that_is_asked_for() -> None:
    price = best(*THREE, USDT, top("USDT-USD@one", 0.998, 0.999))
    assert [each.instrument for each in price.venues] == [each.instrument.id for each in THREE]


def test_a_bid_is_worth_what_the_rate_fetches_and_an_ask_costs_what_it_costs() -> None:
    rates = (top("USDT-USD@one", 0.998, 1.0, at=AT - 5), top("USDT-USD@two", 0.9975, 0.999))
    price = best(*THREE, USDT, *rates, convert=("USDT",))
    found = venue(price, "BTC-USDT@four")
    assert (found.bid, found.ask) == (100.0 * 0.998, 102.0 * 0.999)
    assert (found.own_bid, found.own_ask, found.bid_quantity) == (100.0, 102.0, 5.0)
    assert found.rate is not None
    assert (found.rate.pair, found.rate.bid, found.rate.ask) == ("USDT-USD", 0.998, 0.999)
    assert (found.rate.bid_at, found.rate.ask_at, found.rate.ts_recv) == (
        "USDT-USD@one",
        "USDT-USD@two",
        AT - 5,
    )
    assert (price.bid, price.bid_at, price.convert) == (100.0 * 0.998, "BTC-USDT@four", ("USDT",))
    assert found.coverage.sources == ("four", "one", "two")
    assert price.coverage.as_of == AT - 5


def test_the_inverse_is_turned_around() -> None:
    price = best(USDT, top("USD-USDT@one", 1.0, 1.25), convert=("USDT",))
    [found] = price.venues
    assert found.rate is not None
    assert (found.rate.pair, found.rate.bid, found.rate.ask) == ("USD-USDT", 0.8, 1.0)
    assert (found.bid, found.ask) == (80.0, 102.0)
    rates = (top("USD-USDT@one", 1.0, 1.25), top("USD-USDT@two", 0.8, 1.1))
    [found] = best(USDT, *rates, convert=("USDT",)).venues
    assert found.rate is not None  # what USDT fetches is what USD costs
    assert (found.rate.bid_at, found.rate.ask_at) == ("USD-USDT@two", "USD-USDT@one")


def test_the_direct_rate_goes_before_the_inverse_and_a_dead_one_gives_way() -> None:
    inverse = top("USD-USDT@one", 1.0, 1.25)
    direct = top("USDT-USD@two", 0.9, 0.95)
    dead = said("USDT-USD@two", [(0.9, 1.0)], [(0.95, 1.0)], state="stale")
    [found] = best(USDT, inverse, direct, convert=("USDT",)).venues
    assert found.rate is not None
    assert found.rate.pair == "USDT-USD"
    [found] = best(USDT, inverse, dead, convert=("USDT",)).venues
    assert found.rate is not None
    assert found.rate.pair == "USD-USDT"


def test_a_rate_that_two_venues_cross_gives_each_side_the_worse_price() -> None:
    rates = (top("USDT-USD@one", 0.99, 0.992), top("USDT-USD@two", 0.995, 0.998))
    [found] = best(USDT, *rates, convert=("USDT",)).venues
    assert found.rate is not None
    assert (found.rate.bid, found.rate.ask) == (0.992, 0.995)
    assert (found.rate.bid_at, found.rate.ask_at) == ("USDT-USD@one", "USDT-USD@two")


def test_without_a_live_rate_the_venue_is_out_and_there_is_no_chain() -> None:
    chain = (top("USDT-EUR@one", 0.9, 0.91), top("EUR-USD@one", 1.1, 1.11))
    price = best(*THREE, USDT, *chain, convert=("EUR", "USDT"))
    found = venue(price, "BTC-USDT@four")
    assert (found.out, found.bid, found.ask, found.own_bid) == ("no live rate", None, None, 100.0)
    assert found.why == "neither USDT-USD nor USD-USDT has a live price here"
    assert price.bid == 99.5
    stale = said("BTC-USDT@four", [(1.0, 1.0)], [(2.0, 1.0)], state="stale")
    assert [each.out for each in best(stale, convert=("USDT",)).venues] == ["stale"]


def test_far_is_judged_after_conversion() -> None:
    jpy = top("BTC-JPY@four", 15_000.0, 15_100.0)
    near = best(*THREE, jpy, top("JPY-USD@one", 0.00665, 0.00666), convert=("JPY",))
    assert venue(near, "BTC-JPY@four").out is None
    wrong = best(*THREE, jpy, top("JPY-USD@one", 0.0665, 0.0666), convert=("JPY",))
    assert (venue(wrong, "BTC-JPY@four").out, wrong.bid) == ("far", 99.5)


# --- certificates


def test_the_weakest_that_is_in_and_the_oldest_that_is_in() -> None:
    price = best(
        top("BTC-USD@one", 99.0, 101.0, at=AT + 9),
        said("BTC-USD@two", [(98.0, 1.0)], [(102.0, 1.0)], at=AT + 4, proof=State.UNVERIFIED),
        said("BTC-USD@three", [(98.0, 1.0)], [(102.0, 1.0)], at=AT, proof=State.INCOMPLETE, state="stale"),
    )
    assert price.ts_recv == AT + 4
    assert price.coverage == Coverage(Provenance.DERIVED, State.UNVERIFIED, (), ("one", "two"), AT + 4)


def test_what_is_simulated_stays_so_also_where_nobody_is_in() -> None:
    simulated = said("BTC-USD@one", [(1.0, 1.0)], [(2.0, 1.0)], provenance=Provenance.SYNTHETIC)
    assert best(simulated, THREE[0]).coverage.provenance is Provenance.SYNTHETIC
    gone = said("BTC-USD@one", state="waiting", provenance=Provenance.SYNTHETIC)
    assert best(gone).coverage == Coverage(Provenance.SYNTHETIC, State.UNKNOWN)


def test_an_age_that_is_not_known_is_not_made_up() -> None:
    price = best(THREE[0], said("BTC-USD@two", [(98.0, 1.0)], [(102.0, 1.0)], at=None))
    assert (price.ts_recv, price.coverage.as_of) == (None, None)


# --- names


def test_a_pair_in_any_spelling() -> None:
    for text in ("BTC-USD", "btc/usd", "XBTUSD", " btc_usd "):
        assert pair_of(text) == ("BTC", "USD", None)
    assert pair_of("MATIC-USDT") == ("POL", "USDT", "MATIC was renamed to POL on 2024-09-13")
    for text in (
        "BTC-USD@one",
        "BTC-PERPETUAL",
        "BTC-USD-INDEX",
        "BTC-25DEC26",
        "BTC_USDC-PERPETUAL",
        "BTC",
        "@",
        "",
    ):
        with pytest.raises(UnknownInstrument):
            pair_of(text)


def test_currencies_to_convert_from() -> None:
    assert currencies_of(["usdt ", "EUR", "USD", "USDT"], "USD") == ("EUR", "USDT")
    for wrong in (["A-B"], ["X" * 21], ["ÄÖ"], [f"C{n}" for n in range(9)]):
        with pytest.raises(ConfigError, match=r"convert: expected at most 8 currencies"):
            currencies_of(wrong, "USD")


def test_spot_pairs_and_their_rates_alone_are_concerned() -> None:
    followed = [
        each.instrument
        for each in (
            *THREE, USDT, top("USDT-USD@one", 1, 2), top("USD-USDT@one", 1, 2), top("USDC-USD@one", 1, 2),
            said("BTC-USD@future", contract=Contract("perpetual")), top("ETH-USD@one", 1, 2), top("BTC-EUR@one", 1, 2),
        )
    ]  # fmt: skip
    assert concerned(followed, "BTC", "USD") == followed[:3]
    assert concerned(followed, "BTC", "USD", ("USDT",)) == followed[:6]
    assert [each.id for each in concerned(followed, "BTC", "USD", ("EUR",))][-1] == "BTC-EUR@one"
    with pytest.raises(UnknownInstrument, match="of BTC-GBP nothing is followed") as error:
        concerned(followed, "BTC", "GBP")
    assert error.value.nearest == ("BTC-USD", "BTC-USDT", "BTC-EUR")
    with pytest.raises(UnknownInstrument):
        concerned(followed, "SOL", "USD", ("USDT",))


@pytest.mark.parametrize(("age_s", "out"), [(0, None), (5, None), (5.1, "stale"), (None, None)])
def test_a_price_of_an_age_is_no_price_of_now(age_s: float | None, out: str | None) -> None:
    old = replace(
        top("BTC-USD@old", 200.0, 201.0, 9.0),
        age_ns=None if age_s is None else round(age_s * NS_PER_S),
        most_ns=5 * NS_PER_S,
    )
    price = best(top("BTC-USD@one", 99.0, 101.0), old)
    assert outs(price) == {"one": None, "old": out}
    if out:
        assert (venue(price, "BTC-USD@old").why, price.bid) == ("its price is older than 5 s", 99.0)
        assert outs(best(replace(old, most_ns=None)))["old"] is None
        assert outs(best(replace(old, state="ended")))["old"] is None, (
            "a recording that has ended stands as it was"
        )
        assert outs(best(replace(old, state="refused")))["old"] == "refused", "the other reason says more"
