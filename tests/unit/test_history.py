"""History when its venue does not serve it: refused, limited, failing, or answering with another page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.core.bars import BarKind, CandleRules
from bethna.core.clock import iso_utc
from bethna.core.coverage import Provenance
from bethna.core.errors import BethnaError, ConfigError, RateLimited, VenueAnswer, WireError
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import CandlePage, InstrumentId, Trade, TradePage, VenueCandle
from bethna.core.wire import RestEvent
from bethna.services.history import CandleSource, History, Past
from bethna.venues.registry import codec_for, spec_for, venue_names
from bethna.venues.spec import RestRequest

BTC = InstrumentId("BTC-USDT@binance")
KNOWN = Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT")
MINUTE = 60 * 10**9
NOW = 1_700_000_040 * 10**9
RULES = CandleRules((Interval.M1, Interval.H1), page=5)


class Served:
    """A venue's REST side that answers as it is told: an error, or minutes from the asked one on."""

    def __init__(self, *answers: BethnaError | int | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        self.asked.append(request.path)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BethnaError):
            raise answer
        start = (
            int(request.path.partition("startTime=")[2].partition("&")[0]) * 10**6 - (answer or 0) * MINUTE
        )
        return [CandlePage(BTC, [self._candle(start + number * MINUTE) for number in range(5)])]

    @staticmethod
    def _candle(at: int) -> VenueCandle:
        return VenueCandle(
            BTC, "1m", at, 1.0, 2.0, 0.5, 1.5, 3.0, 4, at + MINUTE <= NOW, None, None, None, NOW
        )


def ask(
    served: Served,
    interval: Interval = Interval.M1,
    span: tuple[int, int] = (NOW - 10 * MINUTE, NOW),
    **more: Any,
) -> Past:
    source = CandleSource("binance", more.pop("rules", RULES), codec_for("binance", ""), served, lambda: NOW)
    clock = VirtualClock(NOW)
    history = History(clock, Provenance.HISTORY, 10**8)
    return run_virtually(history.bars(source, KNOWN, interval, *span, **more), clock)


def kinds(past: Past) -> list[BarKind]:
    return [bar.kind for bar in past.bars]


TRADED, UNKNOWN = BarKind.TRADED, BarKind.UNKNOWN


@pytest.mark.parametrize(
    "trouble",
    [
        RateLimited("binance", 15.0),
        VenueAnswer("binance", 503, "expected an answer, found HTTP 503"),
        WireError("binance", "expected JSON, found HTML"),
        5,  # the page before
    ],
)
def test_what_fails_for_now_is_asked_for_again(trouble: BethnaError | int) -> None:
    served = Served(trouble)
    past = ask(served)
    assert kinds(past) == [TRADED] * 10
    assert (len(served.asked), past.refusals, past.built_from) == (3, (), None)


def test_of_a_page_that_overlaps_the_one_before_the_rest_is_taken() -> None:
    served = Served(None, 3)
    assert kinds(ask(served)) == [TRADED] * 10
    assert len(served.asked) == 3


def test_a_page_that_cannot_be_had_leaves_its_time_unknown_and_the_next_is_asked_for() -> None:
    failed = VenueAnswer("binance", 503, "expected an answer, found HTTP 503")
    served = Served(failed, failed, failed)
    past = ask(served)
    assert kinds(past) == [UNKNOWN] * 5 + [TRADED] * 5
    assert {gap.reason for bar in past.bars[:5] for gap in bar.coverage.gaps} == {"source_failed"}
    (refusal,) = past.refusals
    assert (refusal.source, refusal.reason) == ("binance", failed.message)
    assert (refusal.start, refusal.end) == (NOW - 10 * MINUTE, NOW - 5 * MINUTE)


def test_who_refuses_for_good_is_asked_once() -> None:
    served = Served(VenueAnswer("binance", 400, "Invalid symbol."))
    past = ask(served)
    assert kinds(past) == [UNKNOWN] * 10
    assert {gap.reason for bar in past.bars for gap in bar.coverage.gaps} == {"source_refused"}
    assert (len(served.asked), [each.reason for each in past.refusals]) == (1, ["Invalid symbol."])


def test_a_refusal_is_told_to_each_who_asks_until_its_time_is_asked_for_again() -> None:
    served = Served(VenueAnswer("binance", 400, "Invalid symbol."))
    source = CandleSource("binance", RULES, codec_for("binance", ""), served, lambda: NOW)
    clock = VirtualClock(NOW)
    history = History(clock, Provenance.HISTORY, 10**8)

    async def reasons(start: int, end: int) -> list[str]:
        past = await history.bars(source, KNOWN, Interval.M1, NOW - start * MINUTE, NOW - end * MINUTE)
        return [each.reason for each in past.refusals]

    async def asked() -> list[list[str]]:
        told = [await reasons(10, 5), await reasons(7, 6), await reasons(20, 15)]
        await pass_time(61)
        return [*told, await reasons(10, 5)]

    assert run_virtually(asked(), clock) == [["Invalid symbol."], ["Invalid symbol."], [], []]
    assert len(served.asked) == 3


def test_nobody_waits_for_the_end_of_a_ban() -> None:
    served = Served(RateLimited("binance", 3_600.0, banned=True))
    past = ask(served)
    assert kinds(past) == [UNKNOWN] * 10
    assert (len(served.asked), [each.reason for each in past.refusals]) == (
        1,
        ["binance asks to wait 3600.0 s"],
    )


def test_progress_is_told_page_by_page() -> None:
    told: list[tuple[int, int]] = []
    progress: Callable[[int, int], None] = lambda known, wanted: told.append((known, wanted))  # noqa: E731 - one line
    ask(Served(), progress=progress)
    assert told == [(5, 10), (10, 10)]


def test_an_interval_that_the_venue_lacks_is_built_and_says_from_what() -> None:
    past = ask(Served(), Interval.M5, (NOW - 20 * MINUTE, NOW))
    opened = Interval.M5.open_time(NOW - 20 * MINUTE)
    assert [bar.open_time for bar in past.bars if bar.closed] == [
        opened + n * 5 * MINUTE for n in range(1, 4)
    ]
    assert {(bar.volume, bar.trades) for bar in past.bars if bar.closed} == {(15.0, 20)}
    assert past.built_from is Interval.M1


@pytest.mark.parametrize(
    ("interval", "span", "rules", "words"),
    [
        (Interval.M1, (NOW, NOW), RULES, "ends before it begins"),
        (Interval.M1, (0, NOW), RULES, "at most 1,000,000 bars"),
        (Interval.S1, (NOW - MINUTE, NOW), RULES, "no candles of 1s"),
        (Interval.M5, (NOW - MINUTE, NOW), CandleRules((Interval.H1,), 5), "it has: 1h"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    interval: Interval, span: tuple[int, int], rules: CandleRules, words: str
) -> None:
    served = Served()
    with pytest.raises(ConfigError) as found:
        ask(served, interval, span, rules=rules)
    assert words in f"{found.value.message} {found.value.hint}"
    assert served.asked == []


class Traded:
    """A venue that keeps five candles, and trades for ever: one each half minute, of which a page holds four."""

    def __init__(self, *, every_ns: int = MINUTE // 2) -> None:
        self.asked: list[str] = []
        self.every_ns = every_ns

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        self.asked.append(request.path)
        if "OHLC" in request.path:
            oldest = Interval.M1.open_time(NOW) - 5 * MINUTE
            return [CandlePage(BTC, [Served._candle(oldest + n * MINUTE) for n in range(5)])]
        since = int(request.path.partition("since=")[2].partition("&")[0]) + 1
        first = -(-since // self.every_ns)
        trades = [
            Trade(BTC, float(n % 7 + 1), 2.0, "buy", n, n * self.every_ns, NOW)
            for n in range(first, first + 4)
        ]
        return [TradePage(BTC, trades)]


def of_trades(served: Traded, minutes: int, until: int = 0, first: int = 0) -> Past:
    rules = CandleRules((Interval.M1,), page=720, newest=5, trades_page=4, first=first)
    codec = codec_for("kraken", "")
    codec.learn([KNOWN])
    source = CandleSource("kraken", rules, codec, served, lambda: NOW)
    clock = VirtualClock(NOW)
    history = History(clock, Provenance.HISTORY, 10**8)
    start = Interval.M1.open_time(NOW) - minutes * MINUTE
    return run_virtually(history.bars(source, KNOWN, Interval.M1, start, NOW - until * MINUTE), clock)


def test_a_span_all_of_which_is_too_old_is_made_of_trades_too() -> None:
    served = Traded()
    past = of_trades(served, 25, until=15)
    assert kinds(past) == [TRADED] * 10
    assert {(bar.volume, bar.trades) for bar in past.bars} == {(4.0, 2)}
    assert past.refusals == ()
    assert "OHLC" in served.asked[0]
    assert all("Trades" in path for path in served.asked[1:])


def test_what_is_too_old_for_the_venues_candles_is_made_of_its_trades() -> None:
    served = Traded()
    past = of_trades(served, 25)
    assert kinds(past) == [TRADED] * 25
    assert [bar.source for bar in past.bars] == ["kraken"] * 25
    assert {(bar.volume, bar.trades) for bar in past.bars[:20]} == {(4.0, 2)}
    for bar in past.bars[:20]:
        first, second = (
            float(n % 7 + 1) for n in (bar.open_time * 2 // MINUTE, bar.open_time * 2 // MINUTE + 1)
        )
        assert (bar.open, bar.close) == (first, second)
    assert past.refusals == ()
    assert len(served.asked) == 1 + 14, "three new trades a page, since two overlap in one"


def test_what_would_take_too_many_pages_of_trades_is_not_begun() -> None:
    served = Traded(every_ns=MINUTE // 20)
    past = of_trades(served, 25)
    assert kinds(past) == [UNKNOWN] * 20 + [TRADED] * 5
    (refusal,) = past.refusals
    assert "keeps the newest 5 candles of 1m; its trades from before would take" in refusal.reason
    assert len(served.asked) == 2


FIRST = 1_699_920_000 * 10**9  # 2023-11-14


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "pages"),
    [(7, 5, 1), (9, -3, 0), (0, 5, 1)],
    ids=["across", "all of it before", "behind"],
)
def test_nobody_is_asked_for_the_time_before_there_was_a_market(
    before: int, after: int, pages: int, quiet: bool
) -> None:
    served = Served()
    rules = replace(RULES, first=FIRST, skips_quiet=quiet)
    past = ask(served, Interval.M1, (FIRST - before * MINUTE, FIRST + after * MINUTE), rules=rules)
    unknown = min(before, before + after)
    assert kinds(past) == [UNKNOWN] * unknown + [TRADED] * (before + after - unknown)
    assert {gap.reason for bar in past.bars[:unknown] for gap in bar.coverage.gaps} <= {"not_asked"}
    assert [path.partition("startTime=")[2].partition("&")[0] for path in served.asked] == [
        str(FIRST // 10**6)
    ] * pages
    assert [(each.source, each.reason, each.start, each.end) for each in past.refusals] == [
        (
            "binance",
            "binance had no market before 2023-11-14",
            FIRST - before * MINUTE,
            FIRST + min(after, 0) * MINUTE,
        )
    ] * (before > 0)


def test_nor_for_its_trades() -> None:
    first = Interval.M1.open_time(NOW) - 10 * MINUTE
    served = Traded()
    past = of_trades(served, 25, first=first)
    assert kinds(past) == [UNKNOWN] * 15 + [TRADED] * 10
    asked = [int(path.partition("since=")[2].partition("&")[0]) for path in served.asked if "Trades" in path]
    assert asked[0] == first - 1
    assert asked == sorted(asked)


def test_a_bar_amid_which_the_market_began_is_asked_for() -> None:
    rules = CandleRules((Interval.H1,), page=5, first=FIRST + 90 * MINUTE)
    served = Served()
    ask(served, Interval.H1, (FIRST, FIRST + 120 * MINUTE), rules=rules)
    assert f"startTime={(FIRST + 60 * MINUTE) // 10**6}" in served.asked[0]


def test_each_venue_says_since_when_it_may_have_had_a_market() -> None:
    first = {name: iso_utc(spec_for(name).candles.first) for name in venue_names()}
    assert first == {
        "binance": "2017-07-01 00:00:00.000 UTC",
        "coinbase": "2015-01-01 00:00:00.000 UTC",
        "kraken": "2013-09-01 00:00:00.000 UTC",
        "deribit": "2016-06-01 00:00:00.000 UTC",
    }
    assert spec_for("coinbase", "advanced").candles.first == spec_for("coinbase").candles.first
