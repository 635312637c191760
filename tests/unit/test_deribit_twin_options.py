"""Prices of the simulated options: Black-76 by hand and by the protocol sheet, the smile, the calendar, the roll."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from math import exp, log, pi, sqrt

import pytest
from deribit_bench import BTC, DeribitBench, answers, data_of
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.twins.deribit.black76 import black76, cumulative, implied
from bethna.twins.deribit.calendar import YEAR_NS, Terms, day_of, expiries
from bethna.twins.deribit.option import Option
from bethna.twins.deribit.options import PLACES
from bethna.twins.deribit.smile import at_the_money, forward, volatility
from bethna.twins.deribit.text import number
from bethna.twins.market.bars import DAY


def instant(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * NS_PER_S  # type: ignore[misc,arg-type]  # year to second


def option_of(bench: DeribitBench, name: str) -> Option:
    found = bench.twin.exchange.contracts[name]
    assert isinstance(found, Option)
    return found


# --- Black-76


def test_at_the_money_by_hand() -> None:
    priced = black76(100.0, 100.0, 1.0, 0.2, call=True)
    d1 = 0.1
    density = exp(-0.005) / sqrt(2 * pi)
    assert priced.value == pytest.approx(100 * (2 * 0.5398278372770290 - 1), abs=1e-9)  # N(0.1), from tables
    assert priced.delta == pytest.approx(0.5398278372770290, abs=1e-12)
    assert priced.gamma == pytest.approx(density / 20)
    assert priced.vega == pytest.approx(density)
    assert priced.theta == pytest.approx(-100 * density * 0.2 / 2 / 365)
    assert priced.rho == pytest.approx(100 * (1 - 0.5398278372770290) / 100)
    assert cumulative(d1) + cumulative(-d1) == pytest.approx(1.0)


def test_the_sheets_option_has_the_sheets_greeks() -> None:
    """BTC-25DEC26-76000-C at 1790755217219 ms, as the protocol sheet shows it."""
    years = (instant(2026, 12, 25, 8) - 1_790_755_217_219_000_000) / YEAR_NS
    priced = black76(84222.23, 76000.0, years, 0.3825, call=True)
    assert priced.value / 84222.23 == pytest.approx(0.1296, abs=0.00005)
    assert priced.delta == pytest.approx(0.74092, abs=0.0001)
    assert priced.gamma == pytest.approx(2.0e-5, abs=1e-6)
    assert priced.vega == pytest.approx(132.3649, abs=0.02)
    assert priced.theta == pytest.approx(-29.43212, abs=0.02)
    assert priced.rho == pytest.approx(121.30652, abs=0.02)


prices = st.floats(10.0, 200_000.0)
moneyness = st.floats(-0.6, 0.6)
years = st.floats(0.002, 2.0)
volatilities = st.floats(0.1, 2.0)


@given(prices, moneyness, years, volatilities)
def test_parity_of_calls_and_puts(future: float, away: float, span: float, level: float) -> None:
    strike = future * exp(away)
    call, put = (black76(future, strike, span, level, call=side) for side in (True, False))
    assert call.value - put.value == pytest.approx(future - strike, abs=1e-8 * future)
    assert call.delta - put.delta == pytest.approx(1.0)
    assert (call.gamma, call.vega, call.theta) == (put.gamma, put.vega, put.theta)


@given(prices, moneyness, years, volatilities)
def test_delta_and_vega_are_slopes(future: float, away: float, span: float, level: float) -> None:
    strike = future * exp(away)
    bump = future * 1e-5

    def value(price: float, sigma: float) -> float:
        return black76(price, strike, span, sigma, call=True).value

    found = black76(future, strike, span, level, call=True)
    slope = (value(future + bump, level) - value(future - bump, level)) / (2 * bump)
    assert found.delta == pytest.approx(slope, abs=1e-4)
    rise = (value(future, level + 1e-5) - value(future, level - 1e-5)) / 2e-5 / 100
    assert found.vega == pytest.approx(rise, abs=1e-5 * future)


@given(prices, moneyness, years, volatilities, st.booleans())
def test_a_price_implies_a_volatility_that_has_that_price(
    future: float, away: float, span: float, level: float, call: bool
) -> None:
    strike = future * exp(away)
    value = black76(future, strike, span, level, call=call).value
    found = implied(value, future, strike, span, call=call)
    least = max(0.0, future - strike if call else strike - future)
    if value - least > 1e-6 * future:
        assert black76(future, strike, span, found, call=call).value == pytest.approx(
            value, abs=1e-7 * future
        )
        assert found > 0.0


@pytest.mark.parametrize("value", [0.0, -1.0, 99.0, 1e9])
def test_a_price_that_no_volatility_has_implies_none(value: float) -> None:
    assert implied(value if value != 99.0 else 19.9, 100.0, 80.0, 0.1, call=True) == 0.0


# --- the smile


@given(
    st.sampled_from(["BTC", "ETH", "SOL"]),
    st.floats(-2.0, 2.0),
    st.floats(0.003, 1.0),
    st.floats(100, 200_000),
)
def test_calls_on_the_smile_fall_and_are_convex_in_the_strike(
    currency: str, heat: float, span: float, usd: float
) -> None:
    at, future = at_the_money(currency, heat, span), forward(usd, span)
    strikes = [future * (0.5 + n / 40) for n in range(60)]
    values = [
        black76(future, strike, span, volatility(at, future, strike, span), call=True).value
        for strike in strikes
    ]
    steps = [after - before for before, after in pairwise(values)]
    assert all(step <= 1e-9 * future for step in steps)
    assert all(after - before >= -1e-6 * future for before, after in pairwise(steps))


def test_the_smile_at_the_money_is_its_level() -> None:
    assert volatility(0.5, 60_000.0, 60_000.0, 0.1) == 0.5
    low, high = (volatility(0.5, 60_000.0, strike, 0.1) for strike in (48_000.0, 75_000.0))
    assert low > high > 0.5  # lower on the calls' side


# --- the calendar


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (instant(2026, 11, 25, 7, 59, 59), ["25NOV26", "27NOV26", "25DEC26"]),
        (instant(2026, 11, 25, 8), ["26NOV26", "27NOV26", "25DEC26"]),
        (instant(2026, 11, 25, 8, 0, 1), ["26NOV26", "4DEC26", "25DEC26"]),
        (instant(2026, 11, 26, 9), ["27NOV26", "4DEC26", "25DEC26"]),
        (instant(2026, 12, 31, 23), ["1JAN27", "8JAN27", "29JAN27"]),
        (instant(2027, 1, 10, 0), ["10JAN27", "15JAN27", "26FEB27"]),
    ],
)
def test_expiries_by_hand(now: int, days: list[str]) -> None:
    found = expiries(now)
    assert [day_of(expiry) for expiry in found] == days
    assert all(datetime.fromtimestamp(expiry // NS_PER_S, UTC).hour == 8 for expiry in found)


@given(st.integers(instant(2024, 1, 1), instant(2035, 1, 1)))
def test_expiries_are_after_now_and_ascend(now: int) -> None:
    found = expiries(now)
    assert now < found[0] < found[1] < found[2]
    assert all(datetime.fromtimestamp(each // NS_PER_S, UTC).weekday() == 4 for each in found[1:])


def test_there_are_places_for_all_that_is_ever_listed_at_once() -> None:
    listed: set[int] = set()
    most = 0
    for day in range(3 * 365):
        now = instant(2026, 1, 1, 8) + day * DAY
        listed = {expiry for expiry in listed if expiry > now} | set(expiries(now))
        most = max(most, len(listed))
    assert most > 3
    assert 8 * most <= PLACES


def test_the_day_has_no_leading_zero() -> None:
    assert Terms("BTC", instant(2026, 8, 5, 8), 76000, call=False).name == "BTC-5AUG26-76000-P"


# --- options of the venue


def test_every_option_is_marked_by_its_own_volatility() -> None:
    bench = DeribitBench().run(30)
    for name in bench.options():
        option = option_of(bench, name)
        ticker = bench.result("ticker", instrument_name=name)
        span = (option.terms.expiry - option.moved) / YEAR_NS
        priced = black76(
            ticker["underlying_price"], option.terms.strike, span, option.volatility, call=option.terms.call
        )
        assert ticker["mark_price"] == pytest.approx(priced.value / ticker["underlying_price"], abs=0.00011)
        assert ticker["mark_iv"] == pytest.approx(100 * option.volatility, abs=0.005)
        assert ticker["greeks"]["delta"] == pytest.approx(priced.delta, abs=0.001)
        assert ticker["underlying_price"] == pytest.approx(ticker["index_price"] * exp(0.04 * span), abs=0.01)
        assert log(ticker["underlying_price"] / ticker["index_price"]) < 0.01


def test_bids_are_below_the_mark_and_asks_above_on_the_steps_of_prices() -> None:
    bench = DeribitBench()
    for second in range(1, 200, 7):
        bench.run(second)
        for name in bench.options():
            option = option_of(bench, name)
            mark = option.priced.value / option.future * 10_000
            bids, asks = option.depth(100)
            assert all(price < mark for price, _ in bids)
            assert all(price > mark for price, _ in asks)
            assert all(price < 50 or price % 5 == 0 for price, _ in (*bids, *asks))
            assert all(lots > 0 for _, lots in (*bids, *asks))
            assert len(bids) <= 8 >= len(asks)


def test_what_is_worth_less_than_a_tick_has_no_bids_zero_in_tickers_and_null_in_quotes() -> None:
    bench = DeribitBench()
    far = next(
        name for name in bench.options() if bench.result("ticker", instrument_name=name)["mark_price"] == 0.0
    )
    _, wire = bench.open(f"quote.{far}", f"ticker.{far}.100ms", f"book.{far}.100ms")
    bench.run(5)
    quote, ticker = data_of(wire, f"quote.{far}")[0], data_of(wire, f"ticker.{far}.100ms")[0]
    assert (quote["best_bid_price"], quote["best_bid_amount"]) == (None, None)
    assert (ticker["best_bid_price"], ticker["best_bid_amount"], ticker["bid_iv"]) == (0.0, 0.0, 0.0)
    assert quote["best_ask_price"] == ticker["best_ask_price"] > 0.0
    assert data_of(wire, f"book.{far}.100ms")[0]["bids"] == []


def test_implied_volatilities_are_those_of_the_best_prices() -> None:
    bench = DeribitBench().run(20)
    seen = 0
    for name in bench.options():
        ticker, terms = bench.result("ticker", instrument_name=name), option_of(bench, name).terms
        for side in ("bid", "ask"):
            iv, price = ticker[f"{side}_iv"], ticker[f"best_{side}_price"]
            if iv:
                seen += 1
                span = (terms.expiry - ticker["timestamp"] * 1_000_000) / YEAR_NS
                future = ticker["underlying_price"]
                value = black76(future, terms.strike, span, iv / 100, call=terms.call).value
                assert value / future == pytest.approx(price, abs=0.0002)
    assert seen > 40


def test_trades_of_options_state_what_they_imply_and_are_within_the_book() -> None:
    bench = DeribitBench()
    _, wire = bench.open("trades.option.BTC.100ms", "trades.option.any.agg2")
    bench.run(60)
    trades = [trade for data in data_of(wire, "trades.option.BTC.100ms") for trade in data]
    assert len(trades) > 20
    assert {trade["instrument_name"].split("-")[0] for trade in trades} == {"BTC"}
    for trade in trades:
        assert trade["amount"] == trade["contracts"] > 0
        assert trade["iv"] >= 0.0
        above = trade["price"] > trade["mark_price"] - 0.0001
        assert above == (trade["direction"] == "buy") or trade["price"] == trade["mark_price"]
    for data in data_of(wire, "trades.option.BTC.100ms"):
        assert len({trade["instrument_name"] for trade in data}) == 1


def test_at_eight_what_expires_is_closed_and_the_next_day_is_created() -> None:
    bench = DeribitBench(start=instant(2026, 11, 26, 7, 59, 30))
    old = [name for name in bench.options() if "-26NOV26-" in name and name.startswith("BTC")]
    assert len(old) == 8
    connection, wire = bench.open("instrument.state.option.BTC", f"ticker.{old[0]}.100ms")
    bench.run(29)
    assert data_of(wire, "instrument.state.option.BTC") == []
    bench.run(40)
    events = [
        (each["state"], each["instrument_name"]) for each in data_of(wire, "instrument.state.option.BTC")
    ]
    assert [name for state, name in events if state == "settled"] == old
    assert [name for state, name in events if state == "closed"] == old
    fresh = [name for state, name in events if state == "created"]
    assert {name.split("-")[1] for name in fresh} == {"27NOV26"}
    assert [name for state, name in events if state == "started"] == fresh
    assert set(fresh) <= set(bench.options())
    assert not set(old) & set(bench.options())
    last = data_of(wire, f"ticker.{old[0]}.100ms")[-1]["timestamp"]
    assert last <= instant(2026, 11, 26, 8) // 1_000_000
    bench.ask(connection, "public/subscribe", channels=[f"ticker.{old[0]}.100ms", f"ticker.{fresh[0]}.100ms"])
    assert f"ticker.{fresh[0]}.100ms" in answers(wire)[-1]["result"]
    assert bench.get("ticker", instrument_name=old[0]).status == 400
    indices = [each.index for each in bench.twin.exchange.contracts.values()]
    assert len(set(indices)) == len(indices)


def test_the_whole_chain_in_one_channel_states_volatility_as_a_fraction() -> None:
    bench = DeribitBench()
    _, wire = bench.open("markprice.options.btc_usd", "deribit_volatility_index.btc_usd")
    bench.run(10)
    chain = data_of(wire, "markprice.options.btc_usd")[-1]
    assert {each["instrument_name"] for each in chain} == {n for n in bench.options() if n.startswith("BTC")}
    ticker = bench.result("ticker", instrument_name=chain[0]["instrument_name"])
    assert chain[0]["iv"] == pytest.approx(ticker["mark_iv"] / 100, abs=0.0001)
    assert 20 < data_of(wire, "deribit_volatility_index.btc_usd")[-1]["volatility"] < 90


def test_options_do_not_depend_on_who_listens_or_how_time_is_cut() -> None:
    alone = DeribitBench().run(30)
    heard = DeribitBench()
    heard.open("trades.option.BTC.100ms", *(f"book.{name}.100ms" for name in heard.options()[:9]))
    heard.run(30, 0.013)
    for name in alone.options():
        assert option_of(alone, name).ticker(0) == option_of(heard, name).ticker(0)
    assert BTC in alone.twin.exchange.contracts


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2e-5, b"2.0e-5"),
        (1.96e-6, b"1.96e-6"),
        (8450.0, b"8450.0"),
        (0.0065, b"0.0065"),
        (0.0, b"0.0"),
        (-3, b"-3.0"),
    ],
)
def test_numbers_are_written_as_the_venue_writes_them(value: float, said: bytes) -> None:
    assert number(value) == said
    assert float(said) == value
