"""A market's past: one seed and start remember one story, whatever is asked first, and whatever they say adds up."""

from __future__ import annotations

from itertools import pairwise
from math import log
from statistics import pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.bars import DAY, HOUR, MINUTE, SECOND, WEEK, open_time
from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import Bar, Execution, Listing
from bethna.twins.market.market import Market
from bethna.twins.market.past import AT_ONCE, Before, Memory
from bethna.twins.market.world import World

START = 1_700_000_000_123_456_789
LIVELY = listing("SOL", "USDT")
QUIET = listing("ROSE", "USDT")
CRUDE = Listing("BTTCUSDT", "BTTC", "USDT", 1, 100_000_000, 0.00000060, 0.2, size=3, levels=40)
CROSS = listing("ETH", "BTC")
HALTED = Listing("MATICUSDT", "MATIC", "USDT", 10_000, 100_000_000, 0.4, 5.0, trading=False)
LISTINGS = (LIVELY, QUIET, CRUDE, CROSS, HALTED)
DAYS = 12
LENGTHS = (MINUTE, 3 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, WEEK)

Seeds = st.integers(0, 2**32)
Symbols = st.sampled_from([each.symbol for each in LISTINGS[:4]])


def world(seed: int, start: int = START, days: int = DAYS, pace: float = 1.0) -> World:
    return World(seed, start, LISTINGS, past_days=days, pace=pace)


def all_of(market: Market, length: int, now: int) -> list[Bar]:
    return market.candles(length, None, None, 1_000_000, now)


def summed(trades: list[Execution], opens: int, unit: int) -> Bar:
    """A bar of trades, added up here on its own."""
    bought = [each for each in trades if not each.buyer_is_maker]
    prices = [each.price for each in trades]
    return Bar(
        opens, prices[0], max(prices), min(prices), prices[-1],
        sum(each.quantity for each in trades), unit * sum(each.price * each.quantity for each in trades), len(trades),
        sum(each.quantity for each in bought), unit * sum(each.price * each.quantity for each in bought),
        trades[0].trade_id, trades[-1].trade_id,
    )  # fmt: skip


def joined(bars: list[Bar], opens: int) -> Bar:
    """Bars in one, added up here on its own."""
    traded = [bar for bar in bars if bar.trades]
    if not traded:
        close = bars[0].close
        return Bar(opens, close, close, close, close, 0, 0, 0, 0, 0, None, None)
    return Bar(
        opens, traded[0].open, max(bar.high for bar in traded), min(bar.low for bar in traded), traded[-1].close,
        sum(bar.volume for bar in traded), sum(bar.quote_volume for bar in traded), sum(bar.trades for bar in traded),
        sum(bar.taker_buy_volume for bar in traded), sum(bar.taker_buy_quote for bar in traded),
        traded[0].first_id, traded[-1].last_id,
    )  # fmt: skip


Question = tuple[str, str, int, int, int]
Questions = st.lists(
    st.tuples(
        st.sampled_from(("candles", "trades", "day", "between", "until")),
        Symbols,
        st.sampled_from(LENGTHS),
        st.integers(-DAY, DAYS * DAY + DAY),
        st.integers(1, 40),
    ),
    min_size=2,
    max_size=8,
)


def answer(asked: Question, whole: World) -> object:
    kind, symbol, length, ago, count = asked
    market, at = whole.markets[symbol], START - ago
    if kind == "candles":
        return market.candles(length, at, None, count, START)
    if kind == "day":
        return market.day(START)
    if kind == "between":
        return market.trades_between(at, at + length, count)
    if kind == "until":
        return market.trades_until(at, count)
    return market.trades_from(market.last_trade_id - ago // MINUTE, count)


@settings(max_examples=25, deadline=None)
@given(Seeds, Questions)
def test_whatever_is_asked_first_the_answers_are_the_same(seed: int, questions: list[Question]) -> None:
    there, back = world(seed), world(seed)
    forth = [answer(each, there) for each in questions]
    again = [answer(each, back) for each in reversed(questions)]
    assert forth == again[::-1]


def test_what_is_given_up_is_drawn_again_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = world(5)
    wanted = {symbol: all_of(market, MINUTE, START) for symbol, market in roomy.markets.items()}
    days = {symbol: all_of(market, DAY, START) for symbol, market in roomy.markets.items()}
    monkeypatch.setattr(Before, "__init__", _narrow(Before.__init__))
    narrow = world(5)
    for _ in range(2):
        for symbol, market in narrow.markets.items():
            assert all_of(market, DAY, START) == days[symbol]
            assert all_of(market, MINUTE, START)[-4000:] == wanted[symbol][-4000:]
            assert (
                market.candles(MINUTE, START - 5 * DAY, None, 90, START)
                == [bar for bar in wanted[symbol] if bar.open_time >= START - 5 * DAY][:90]
            )


def _narrow(made: object) -> object:
    def narrow(self: Before, seed: int, start: int, days: int) -> None:
        assert callable(made)
        made(self, seed, start, days)
        self.memory = Memory(hours=3, rows=10)

    return narrow


@settings(max_examples=8, deadline=None)
@given(Seeds, Symbols, st.sampled_from(LENGTHS[1:]), st.floats(0.05, 3.0))
def test_a_longer_bar_is_the_sum_of_its_minutes(seed: int, symbol: str, length: int, pace: float) -> None:
    market = world(seed, days=1, pace=pace).markets[symbol]
    minutes = all_of(market, MINUTE, START)
    assert minutes[0].trades > 0  # before the first trade there is nothing
    assert minutes[0].open_time >= START // DAY * DAY - DAY
    assert minutes[-1].open_time == START // MINUTE * MINUTE
    assert all(two.open_time == one.open_time + MINUTE for one, two in pairwise(minutes))
    groups: dict[int, list[Bar]] = {}
    for bar in minutes:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.low >= 1
        assert (bar.trades > 0) == (bar.volume > 0) == (bar.first_id is not None)
        groups.setdefault(open_time(bar.open_time, length), []).append(bar)
    assert all_of(market, length, START) == [joined(group, opens) for opens, group in groups.items()]


@settings(max_examples=10, deadline=None)
@given(Seeds, Symbols)
def test_ids_count_on_without_a_hole_to_the_worlds_first_trade(seed: int, symbol: str) -> None:
    whole = world(seed)
    market = whole.markets[symbol]
    before = market.last_trade_id
    rows = [bar for bar in all_of(market, HOUR, START) if bar.trades]
    assert rows[0].first_id is not None
    assert rows[0].first_id > 0
    for one, two in pairwise(rows):
        assert two.first_id == (one.last_id or 0) + 1
    for bar in rows:
        assert bar.trades == (bar.last_id or 0) - (bar.first_id or 0) + 1
    assert rows[-1].last_id == before
    heard: list[Execution] = []
    whole.listen(lambda told, step: heard.extend(step.executions if told is market else ()))
    while not heard:
        whole.advance(whole.now + 60 * NS_PER_S)
    assert heard[0].trade_id == before + 1
    newest = market.trades_from(before - 3, 5)
    assert [each.trade_id for each in newest] == list(range(before - 3, before + 2))
    assert [each.aggregate for each in newest] == list(range(heard[0].aggregate - 4, heard[0].aggregate + 1))
    assert newest[0].aggregate > 0
    assert market.trade_of_aggregate(newest[1].aggregate) == newest[1].trade_id
    assert market.trade_of_aggregate(heard[0].aggregate) == heard[0].trade_id
    assert [each.order for each in newest[:4]] == [newest[0].order + step for step in range(4)]


@settings(max_examples=15, deadline=None)
@given(Seeds, Symbols, st.integers(0, DAYS * DAY), st.floats(0.1, 30.0))
def test_a_minute_is_the_sum_of_its_trades(seed: int, symbol: str, ago: int, pace: float) -> None:
    market = world(seed, pace=pace).markets[symbol]
    unit = market.listing.tick * market.listing.lot
    start = (START - ago) // MINUTE * MINUTE
    bars = market.candles(MINUTE, start, None, 5, START)
    for bar in bars:
        trades = market.trades_between(bar.open_time, bar.open_time + MINUTE - 1, 1_000_000)
        if not trades:
            assert (bar.trades, bar.volume, bar.open) == (0, 0, bar.close)
            continue
        assert summed(trades, bar.open_time, unit) == bar
        assert all(each.quantity > 0 and each.ts % NS_PER_MS == 0 for each in trades)
        assert [each.ts for each in trades] == sorted(each.ts for each in trades)
        assert [each.trade_id for each in trades] == list(range(bar.first_id or 0, (bar.last_id or 0) + 1))


@settings(max_examples=10, deadline=None)
@given(Seeds, Symbols, st.integers(-20, 4 * 86_400), st.integers(1, 700))
def test_trades_by_time_by_id_and_from_behind_are_the_same_trades(
    seed: int, symbol: str, ago_s: int, count: int
) -> None:
    whole = world(seed, days=3)
    whole.advance(START + 20 * NS_PER_S)
    market, at = whole.markets[symbol], START - ago_s * NS_PER_S
    later = market.trades_between(at, whole.now, count)
    assert all(each.ts >= at for each in later)
    if later:
        assert later == market.trades_from(later[0].trade_id, count)
        assert later[0].trade_id == 1 + max(
            (each.trade_id for each in market.trades_until(at - 1, 1)), default=later[0].trade_id - 1
        )
    earlier = market.trades_until(at, count)
    assert all(each.ts <= at for each in earlier)
    assert len(earlier) <= count
    if earlier:
        assert earlier == market.trades_from(earlier[0].trade_id, len(earlier))
        younger = market.trades_from(earlier[-1].trade_id + 1, 1)
        assert not younger or younger[0].ts > at
    assert market.recent_trades(count) == market.trades_from(market.last_trade_id - count + 1, count)


@settings(max_examples=10, deadline=None)
@given(Seeds)
def test_the_past_ends_where_the_world_begins(seed: int) -> None:
    whole = world(seed)
    for symbol, market in whole.markets.items():
        last = market.last_price
        if symbol == HALTED.symbol:
            assert last is None
            assert market.past is None
            continue
        assert last is not None
        minutes = market.candles(MINUTE, None, None, 240, START)
        usual = pstdev([two.close - one.close for one, two in pairwise(minutes)])
        fair = market.fair(0)
        assert abs(last - fair) <= 8 * usual + market.listing.width * fair + 2
        assert market.fairs_before([START + DAY]) == [max(20.0, fair)]


def test_the_bar_that_both_share_has_all_of_both() -> None:
    whole = world(3, days=2)
    market = whole.markets[LIVELY.symbol]
    before = {length: market.bar(length, START) for length in (15 * MINUTE, HOUR, DAY)}
    heard: list[Execution] = []
    whole.listen(lambda told, step: heard.extend(step.executions if told is market else ()))
    whole.advance(START + 40 * NS_PER_S)
    assert heard
    for length, bar in before.items():
        now = market.bar(length, whole.now)
        assert bar is not None
        assert now is not None
        assert now.open_time == bar.open_time
        assert (now.open, now.first_id) == (bar.open, bar.first_id)
        assert now.trades == bar.trades + len(heard)
        assert now.volume == bar.volume + sum(each.quantity for each in heard)
        assert now.close == heard[-1].price
        assert now == market.bar(length, whole.now)
    day = market.day(whole.now)
    start = whole.now - whole.now % MINUTE - DAY + MINUTE
    assert day.first_id == market.trades_between(start, whole.now, 1)[0].trade_id
    assert day.last_id == heard[-1].trade_id
    assert day.trades == heard[-1].trade_id - (day.first_id or 0) + 1
    assert day.previous == market.trades_until(start - 1, 1)[0].price
    seconds = market.candles(SECOND, START - HOUR, None, 1_000, whole.now)
    assert seconds[0].open_time == heard[0].ts // SECOND * SECOND  # of seconds there is no past


def test_a_clock_that_is_set_back_adds_to_the_past() -> None:
    whole = world(3, days=2)
    market = whole.markets[LIVELY.symbol]
    before = all_of(market, HOUR, START)
    whole.clock_offset_ns = -3 * HOUR
    whole.advance(START + 30 * NS_PER_S)
    told = market.trades_from(before[-1].last_id or 0, 10**6)[1:]
    assert told
    now = {bar.open_time: bar for bar in market.candles(HOUR, None, None, 1_000, START)}
    changed = [bar for bar in before if now[bar.open_time] != bar]
    assert {bar.open_time for bar in changed} == {each.ts // HOUR * HOUR for each in told}
    assert sum(now[bar.open_time].trades - bar.trades for bar in changed) == len(told)


def test_a_later_start_remembers_the_same_hours_from_another_price() -> None:
    one, two = world(9), world(9, START + 7 * HOUR)
    for symbol in (LIVELY.symbol, CROSS.symbol):
        bars, later = (
            [
                bar
                for bar in each.markets[symbol].candles(HOUR, None, None, 10_000, each.now)
                if START - 9 * DAY < bar.open_time < START - DAY
            ]
            for each in (one, two)
        )
        factors = [log(second.close / first.close) for first, second in zip(bars, later, strict=True)]
        assert pstdev(factors) < 0.002 < pstdev([log(bar.close / bars[0].close) for bar in bars])


def test_what_a_market_has_forgotten_since_the_start_is_a_hole_that_the_ids_show() -> None:
    whole = World(4, START, [LIVELY], past_days=2, kept_trades=20)
    market = whole.markets[LIVELY.symbol]
    before = market.last_trade_id
    whole.advance(START + 120 * NS_PER_S)
    kept = market.recent_trades(10_000)
    assert len(kept) < 40 < market.last_trade_id - before
    assert kept[0].trade_id > before + 1
    assert [each.trade_id for each in market.trades_from(before - 1, 4)] == [
        before - 1, before, kept[0].trade_id, kept[1].trade_id,
    ]  # fmt: skip
    assert market.trades_until(whole.now, len(kept) + 2)[:3] == [*market.trades_from(before - 1, 2), kept[0]]
    (hour,) = market.candles(HOUR, START // HOUR * HOUR, None, 1, whole.now)
    assert hour.last_id == market.last_trade_id
    assert hour.trades == hour.last_id - (hour.first_id or 0) + 1


def test_before_everything_there_is_nothing() -> None:
    market = world(1, days=1).markets[QUIET.symbol]
    assert market.past is not None
    start = market.past.start
    assert market.trades_until(start - 1, 5) == []
    assert market.past.close_before(start) is None
    assert market.trades_between(0, start - 1, 5) == []
    first = market.trades_from(0, 3)
    assert [each.trade_id for each in first] == list(range(first[0].trade_id, first[0].trade_id + 3))
    assert market.trades_until(first[1].ts, 5)[-1].trade_id in (first[1].trade_id, first[2].trade_id)
    assert market.candles(DAY, 0, None, 5, START)[0].open_time == start
    assert market.trades_from(market.last_trade_id + 1, 5) == market.trades_from(0, 0) == []


def test_what_happens_afterwards_is_as_without_a_past_but_for_the_numbers() -> None:
    stories = []
    for days in (0, 30):
        whole = World(4, START, [LIVELY], past_days=days)
        heard: list[Execution] = []
        whole.listen(lambda _market, step, to=heard: to.extend(step.executions))  # type: ignore[misc]  # one list each
        whole.advance(START + 20 * NS_PER_S)
        stories.append([(each.ts, each.price, each.quantity) for each in heard])
    assert stories[0] == stories[1] != []


def test_venues_of_one_seed_remember_one_price_and_assets_move_together() -> None:
    dollars = [
        World(
            6, START, [Listing(name, "BTC", quote, 1_000_000, 1_000, 61_250.0, rate)], past_days=60
        ).markets[name]
        for name, quote, rate in (("BTCUSDT", "USDT", 40.0), ("BTC/USD", "USD", 3.0))
    ]
    pair = [market.candles(HOUR, None, None, 1_000, START) for market in dollars]
    assert max(abs(log(one.close / two.close)) for one, two in zip(*pair, strict=True)) < 0.003
    whole = World(6, START, [listing(base, "USDT") for base in ("BTC", "ETH", "SOL", "EUR")], past_days=400)
    moves = {}
    for symbol, market in whole.markets.items():
        closes = [bar.close for bar in market.candles(DAY, None, None, 1_000, START)]
        moves[symbol] = [log(two / one) for one, two in pairwise(closes)]
    assert 0.015 < pstdev(moves["BTCUSDT"]) < 0.05
    assert pstdev(moves["EURUSDT"]) < 0.002
    both = [one * two for one, two in zip(moves["BTCUSDT"], moves["ETHUSDT"], strict=True)]
    assert sum(both) / len(both) / pstdev(moves["BTCUSDT"]) / pstdev(moves["ETHUSDT"]) > 0.5


def test_quiet_markets_have_quiet_minutes_and_lively_ones_hardly_any() -> None:
    whole = world(8)
    quiet, lively = (
        [not bar.trades for bar in all_of(whole.markets[each.symbol], MINUTE, START)]
        for each in (QUIET, LIVELY)
    )
    assert 0.05 < sum(quiet) / len(quiet) < 0.6
    assert sum(lively) / len(lively) < 0.002  # the minute in which the world begins has none yet


def test_a_past_ends_on_the_hour_and_is_longer_than_what_is_drawn_at_once() -> None:
    start = START // DAY * DAY + DAY
    market = world(2, start, days=AT_ONCE // 24 + 3).markets[QUIET.symbol]
    hours = all_of(market, HOUR, start)
    assert hours[0].open_time == start - (AT_ONCE // 24 + 3) * DAY
    assert hours[-2].open_time == start - HOUR
    minutes = all_of(market, MINUTE, start)
    assert sum(bar.trades for bar in minutes) == sum(bar.trades for bar in hours) > 0


def test_ids_stay_above_0_however_much_was_traded() -> None:
    market = World(2, START, [listing("BTC", "USDT")], past_days=3, pace=1000.0).markets["BTCUSDT"]
    days = market.candles(DAY, None, None, 10, START)
    assert sum(bar.trades for bar in days) > 1_000_000_000, "more than the first ids that are drawn"
    assert (days[0].first_id or 0) > 0
    (first,) = market.trades_from(0, 1)
    assert min(first.trade_id, first.aggregate, first.order) > 0


def test_a_past_that_would_begin_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a past that begins after 1970"):
        World(1, DAY, [LIVELY], past_days=3)
