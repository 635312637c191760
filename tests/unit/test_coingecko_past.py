"""What is asked for the bars of a span and what the answers make, worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Provenance, State
from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.venues.coingecko import CoinGecko, access
from bethna.venues.coingecko.facts import Fact, IndexCandle, IndexCandlePage, Pong, Sample, SamplePage
from bethna.venues.coingecko.past import CHUNK_NS, INTERVALS, IndexPast, Pair, Question

MINUTE, HOUR, DAY = 60 * NS_PER_S, 3600 * NS_PER_S, 86_400 * NS_PER_S
NOW = 1_790_000_000 * NS_PER_S  # 2026-09-21 14:13:20 UTC, a Monday
BTC = InstrumentId("BTC-USD@coingecko")
PAIR = Pair("BTC", "USD")
FREE = IndexPast(CoinGecko(access()))
PRO = IndexPast(CoinGecko(access("pro", pro_key="CG-x")))


def asked(interval: Interval, ago: int, past: IndexPast = FREE) -> tuple[list[Question], list[str]]:
    """What is asked for everything since so long ago."""
    start = interval.close_time(interval.open_time(NOW - ago))
    questions, unserved = past.plan(PAIR, interval, start, NOW + DAY, NOW)
    spans = [(each.start, each.end) for each in unserved] + [(each.start, each.end) for each in questions]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(spans)), (
        "nothing is left out or asked twice"
    )
    assert (spans[0][0], spans[-1][1]) == (start, NOW)
    return questions, [each.why for each in unserved]


def test_candles_where_the_source_has_them() -> None:
    [half], _ = asked(Interval.M30, 20 * HOUR)
    assert half.request.path == "/coins/bitcoin/ohlc?vs_currency=usd&days=1"
    assert (half.part, half.keep_s, half.reason) == (Interval.M30, 900.0, "index")
    [four], _ = asked(Interval.H4, 29 * DAY)
    assert four.request.path == "/coins/bitcoin/ohlc?vs_currency=usd&days=30"
    assert (four.part, four.reason) == (Interval.H4, "index")
    [day], _ = asked(Interval.D1, 20 * DAY)
    assert (day.request, day.part) == (four.request, Interval.H4), "the same words, of which days are merged"


def test_minutes_are_of_the_last_day_and_no_shorter() -> None:
    [five], why = asked(Interval.M5, 20 * HOUR)
    assert five.request.path == "/coins/bitcoin/market_chart?vs_currency=usd&days=1"
    assert (five.part, five.reason, why) == (Interval.M5, "index_samples", [])
    [quarter], why = asked(Interval.M15, 3 * DAY)
    assert quarter.request == five.request
    assert quarter.start == Interval.M15.close_time(Interval.M15.open_time(NOW - DAY + 15 * MINUTE))
    assert why == ["coingecko has bars of 15m of the last day only, and of 1h and longer of more"]
    questions, unserved = FREE.plan(PAIR, Interval.M1, NOW - HOUR, NOW, NOW)
    assert questions == []
    assert unserved[0].why.startswith("coingecko has no bars of 1m, it has: 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h")


def test_what_is_older_is_asked_for_by_samples_on_one_grid() -> None:
    questions, why = asked(Interval.H1, 200 * DAY)
    assert why == []
    assert questions[-1].part is Interval.M30, "the last day is of candles"
    samples = questions[:-1]
    assert {(each.part, each.reason) for each in samples} == {(Interval.H1, "index_samples")}
    assert [each.start % CHUNK_NS for each in samples[1:]] == [0] * len(samples[1:])
    assert samples[-1].keep_s == 1_800.0
    assert samples[0].keep_s == 43_200.0
    first = samples[1].start // NS_PER_S
    assert samples[1].request.path == (
        f"/coins/bitcoin/market_chart/range?vs_currency=usd&from={first - 7200}&to={first + 80 * 86_400 + 7200}"
    )
    later, _ = asked(Interval.D1, 150 * DAY)
    assert {each.request.path for each in later[:-1]} <= {each.request.path for each in samples}


def test_six_hours_are_of_samples_to_the_end() -> None:
    questions, _ = asked(Interval.H6, 2 * DAY)
    assert {each.part for each in questions} == {Interval.H1}


@pytest.mark.parametrize("interval", INTERVALS)
def test_parts_make_the_interval_and_seams_are_whole(interval: Interval) -> None:
    for ago in (HOUR, DAY, 5 * DAY, 31 * DAY, 100 * DAY, 400 * DAY):
        questions, _ = asked(interval, ago) if interval.ns < ago else ([], [])
        for before, each in pairwise(questions):
            if before.part is not each.part:
                assert each.start == interval.open_time(each.start)
        for each in questions:
            assert each.part is interval or each.part.divides(interval)
            assert each.start < each.end


def test_a_free_plan_shows_a_year_and_a_paid_one_everything() -> None:
    questions, why = asked(Interval.D1, 500 * DAY)
    assert why == ["the keyless plan shows 365 days"]
    assert questions[0].start >= NOW - 365 * DAY + 4 * HOUR
    begin = int(questions[0].request.path.partition("from=")[2].partition("&")[0]) * NS_PER_S
    assert begin % HOUR == 0, "for an hour in the same words"
    assert NOW - 365 * DAY + 2 * HOUR <= begin <= NOW - 365 * DAY + 3 * HOUR, "its clock may be ahead"
    questions, why = asked(Interval.D1, 500 * DAY, PRO)
    assert why == []
    assert questions[0].start == Interval.D1.close_time(Interval.D1.open_time(NOW - 500 * DAY))
    begun = PRO.plan(PAIR, Interval.D1, 0, 3 * DAY, NOW)[0]
    assert begun[0].request.path.endswith(f"from=0&to={80 * 86_400 + 7200}")


def test_a_span_that_is_all_too_old_is_not_asked_for() -> None:
    questions, unserved = FREE.plan(PAIR, Interval.D1, NOW - 400 * DAY, NOW - 390 * DAY, NOW)
    assert questions == []
    assert [(each.start, each.end) for each in unserved] == [(NOW - 400 * DAY, NOW - 390 * DAY)]


def test_which_index_comes_nearest() -> None:
    assert FREE.pair("BTC", "USD") == PAIR
    assert FREE.pair("ETH", "EUR") == Pair("ETH", "EUR")
    lent = FREE.pair("BTC", "USDT")
    assert (lent.asset, lent.quote) == ("BTC", "USD")
    assert "of BTC-USD: USDT is no US dollar" in lent.note
    with pytest.raises(UnknownInstrument, match="pinned"):
        FREE.pair("PEPE", "USDT")
    with pytest.raises(ConfigError, match="expected one of USD, EUR, found 'BTC'"):
        FREE.pair("ETH", "BTC")


# --- answers


def candle(opens: int, *, closed: bool = True, whole: bool = True) -> IndexCandle:
    at = NOW - NOW % (30 * MINUTE) + opens * 30 * MINUTE
    return IndexCandle(BTC, "30m", at, at + 30 * MINUTE, 2.0, 4.0, 1.0, 3.0, closed, whole, False, NOW)


def told(question: Question, page: Fact) -> list[Bar]:
    return FREE.bars(question, page, Provenance.HISTORY)


def question(part: Interval, start: int, end: int) -> Question:
    return Question(CoinGecko(access()).ping_request(), 1.0, part, start, end, "index")


def test_candles_become_bars_of_an_index() -> None:
    page = IndexCandlePage(BTC, (candle(-3, whole=False), candle(-2), candle(-1), candle(0, closed=False)), 0)
    first, second = told(question(Interval.M30, 0, NOW), page)
    assert (first.open_time, second.close_time) == (candle(-2).open_time, candle(0).open_time)
    assert (first.open, first.high, first.low, first.close) == (2.0, 4.0, 1.0, 3.0)
    assert (first.volume, first.trades, first.source, first.kind) == (None, None, "coingecko", BarKind.TRADED)
    assert (first.coverage.state, first.coverage.sources) == (State.UNVERIFIED, ("coingecko",))
    assert told(question(Interval.M30, first.open_time + 1, NOW), page) == [second]
    assert told(question(Interval.M30, 0, second.open_time), page) == [first]
    assert told(question(Interval.M30, 0, NOW), Pong("hello")) == []


def test_samples_a_little_late_close_the_hour_before() -> None:
    """Hourly samples, 40 s behind the hour: each hour opens and closes with the price of its own ends."""
    start = NOW - NOW % DAY
    samples = tuple(
        Sample(start + hour * HOUR + 40 * NS_PER_S, 100.0 + hour) for hour in range(6) if hour != 3
    )
    found = told(question(Interval.H1, 0, NOW), SamplePage(BTC, samples, 0, NOW))
    assert [((bar.open_time - start) // HOUR, bar.open, bar.close) for bar in found] == [
        (0, 100.0, 101.0), (1, 101.0, 102.0),  # of 2 to 4 the beginning or the end was not told, 5 is not over
    ]  # fmt: skip


def test_samples_too_far_apart_are_no_bars() -> None:
    daily = tuple(Sample(day * DAY, 1.0) for day in range(5))
    with pytest.raises(ConfigError, match="since the samples are that far apart"):
        told(question(Interval.H1, 0, NOW), SamplePage(BTC, daily, 0, NOW))
