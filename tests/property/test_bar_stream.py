"""The row of bars that a listener is told: whatever comes in which order, it has neither hole nor double, nor lies."""

from __future__ import annotations

from random import Random

import pytest
from conftest import Campaign
from msgspec import Struct

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State, with_gaps
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bar_stream import LONGEST_NS, BarStream, Beginning
from bethna.logic.bars import fill, unknown_bar
from bethna.logic.series import PROVED, join

BTC = InstrumentId("BTC-USD@kraken")
SCALE = 10**8
START = 1_723_161_600 * NS_PER_S  # a whole hour
M1 = Interval.M1
Figures = tuple[float, float, float, float, float, int]


class Deal(Struct, frozen=True, gc=False):
    """An execution of the market."""

    number: int
    at: int
    price: float
    lots: int


class Market:
    """What really happened, what the desk heard of it, and what the source says."""

    def __init__(self, rng: Random, length_ns: int) -> None:
        self.rng = rng
        self.deals: list[Deal] = []
        at = START
        while at < START + length_ns:
            at += rng.choice((1, 3, 10, 40, 200)) * NS_PER_S + rng.randrange(NS_PER_S)
            self.deals.append(Deal(len(self.deals), at, 100.0 + rng.randint(-9, 9), rng.randint(1, 99)))
        self.watched_from = START + rng.randrange(length_ns // 2)
        self.lost: dict[tuple[int, int], bool] = {}  # from, to: whether it has healed
        for _ in range(rng.choice((0, 0, 1, 2))):
            begin = self.watched_from + rng.randrange(length_ns // 2)
            self.lost[begin, begin + rng.randrange(1, 150) * NS_PER_S] = False
        self.failing = rng.choice((0.0, 0.3, 1.0))

    def true(self, interval: Interval, at: int, until: int) -> Figures | None:
        """The figures of an interval; None without a trade."""
        return figures([each for each in self.deals if at <= each.at < min(until, interval.close_time(at))])

    def candles(self, interval: Interval, now: int, limit: int = 1500) -> list[Candle]:
        """As the desk has them: quiet ones from the first trade on."""
        heard = [each for each in self.deals if self.watched_from <= each.at <= now and self._heard(each)]
        if not heard:
            return []
        at, close, found = interval.open_time(heard[0].at), heard[0].price, []
        while at <= now:
            end = interval.close_time(at)
            told = figures([each for each in heard if at <= each.at < end])
            opened, high, low, close, volume, trades = told or (close, close, close, close, 0.0, 0)
            found.append(
                Candle(
                    BTC, interval, at, opened, high, low, close, volume, trades, end <= now, None, None,
                    self._certificate(at, end, now, heard[-1].at),
                )
            )  # fmt: skip
            at = end
        return found[-limit:]

    def _heard(self, deal: Deal) -> bool:
        return not any(begin < deal.at < end and not healed for (begin, end), healed in self.lost.items())

    def _certificate(self, at: int, end: int, now: int, newest: int) -> Coverage:
        gaps = [
            Gap("trades", None, None, *span, "missing", healed)
            for span, healed in self.lost.items()
            if span[0] < min(end, now) and span[1] >= at
        ]
        if self.watched_from > at:
            gaps.append(Gap("trades", None, None, at, self.watched_from, "not_watched"))
        unproven = newest < (end if end <= now else at)
        state = State.UNVERIFIED if unproven else State.COMPLETE
        return with_gaps(Coverage(Provenance.LIVE, state, (), ("kraken",), now), gaps)

    def told(self, interval: Interval, first: int, until: int, now: int, *, fails: bool) -> list[Bar]:
        """What the source says of [first, until), the open bar too, sometimes."""
        bars, at = [], first
        failing = self.failing if fails else 0.0
        while at < until and at <= now:
            end = interval.close_time(at)
            found = self.true(interval, at, now)
            if end <= now and self.rng.random() < failing:
                bars.append(unknown_bar(BTC, interval, at, "source_failed", Provenance.LIVE))
            elif end <= now or (found is not None and self.rng.random() < 0.7):
                kind = BarKind.TRADED if found is not None else BarKind.QUIET
                nothing: tuple[None, None, None, None, float, int] = (None, None, None, None, 0.0, 0)
                coverage = Coverage(Provenance.LIVE, State.COMPLETE, (), ("kraken",))
                opened, high, low, close, volume, trades = found or nothing
                bars.append(
                    Bar(
                        BTC, interval, at, kind, opened, high, low, close, volume, trades, end <= now, "kraken",
                        coverage,
                    )
                )  # fmt: skip
            at = end
        return bars


def figures(deals: list[Deal]) -> Figures | None:
    if not deals:
        return None
    prices = [each.price for each in deals]
    lots = sum(each.lots for each in deals)
    return prices[0], max(prices), min(prices), prices[-1], lots / SCALE, len(deals)


class Listener:
    """Who is told; it believes nothing that breaks the rule."""

    def __init__(self, market: Market, interval: Interval) -> None:
        self.market = market
        self.interval = interval
        self.row: dict[int, Bar] = {}
        self.times = 0

    def hear(self, news: list[Bar]) -> None:
        """A word of the source is not taken back, and the same is not told twice."""
        for bar in news:
            self.times += 1
            before = self.row.get(bar.open_time)
            newest = next(reversed(self.row.values()), None)
            if before is None:
                assert newest is None or newest.close_time == bar.open_time, "a hole"
                assert newest is None or newest.closed, "the next one while this one is open"
            elif before.closed:
                assert bar.closed, "a closed bar opened"
                assert bar.revision > before.revision, "a double"
                assert said(bar) != said(before), "the same again"
                if before.source == "kraken" and before.coverage.state in PROVED:
                    assert bar.coverage.state in PROVED, "taken back"
            else:
                assert before is newest
            assert bar.closed or bar.revision == 0
            self.row[bar.open_time] = bar
            self.believe(bar)

    def believe(self, bar: Bar) -> None:
        """A closed bar that calls itself whole is the truth's."""
        if bar.closed and bar.coverage.state in PROVED:
            true = self.market.true(self.interval, bar.open_time, bar.close_time)
            assert said(bar)[:6] == true or (true is None and bar.kind is BarKind.QUIET), "it lies"


def joined(candles: list[Candle], at: int) -> list[Candle]:
    """Those that follow each other from `at` on, as the desk looks them up."""
    found = []
    for candle in candles:
        if candle.open_time != at:
            break
        found.append(candle)
        at = candle.interval.close_time(at)
    return found


def said(bar: Bar) -> tuple[object, ...]:
    return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.kind, bar.coverage.state


class Trial:
    """A desk, its source and its stream, in steps of time."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.interval = rng.choice((M1, M1, Interval.M5))
        self.market = Market(rng, 15 * self.interval.ns)
        self.history = rng.randint(1, 12)
        self.stream = BarStream(BTC, self.interval, self.history, Provenance.LIVE, SCALE)
        self.listener = Listener(self.market, self.interval)
        self.now = self.market.watched_from + rng.randrange(1 + rng.choice((0, 1, 3)) * self.interval.ns)
        self.away: list[tuple[list[Bar], Beginning | None]] = []

    def fetch(self, limit: int) -> tuple[list[Bar], Beginning | None]:
        """As the desk answers: its candles of when it was asked, the source's of a little later."""
        newest = self.interval.open_time(self.now)
        start = self.interval.earlier(newest, limit - 1)
        live = [each for each in self.market.candles(self.interval, self.now) if each.open_time >= start]
        ahead = self.rng.choice((0, 0, 3 * NS_PER_S))  # the source's clock
        past = self.market.told(self.interval, start, newest + 1, self.now + ahead, fails=True)
        like = unknown_bar(BTC, self.interval, 0, "", Provenance.LIVE)
        bars = join(fill(past, like, start, newest, skips_quiet=False), live)
        if past and not past[-1].closed and newest not in {bar.open_time for bar in bars}:
            bars.append(past[-1])
        return bars, self.begin(newest) if self.interval is not M1 else None

    def begin(self, at: int) -> Beginning | None:
        until = M1.open_time(self.now)
        if not self.stream.lacks_beginning() or until == at:
            return None
        told = self.market.told(M1, at, until, self.now, fails=True)
        mine = [each for each in self.market.candles(M1, self.now) if at <= each.open_time < until]
        return Beginning(at, until, tuple(join(told, mine)))

    def look(self, *, late: bool = False) -> None:
        """As the desk looks: the newest few, or all of them when something old has changed."""
        limit = 1500 if late else self.rng.choice((2, 8, 1500))
        now = self.now - (
            0 if late else self.rng.choice((0, 0, 0, 0, 70 * NS_PER_S))
        )  # its clock was set back
        if self.stream.beginning is None:
            since: list[Candle] = []
        else:
            begun = self.stream.beginning
            end = self.interval.close_time(begun.open_time)
            since = [each for each in self.market.candles(M1, now) if begun.until <= each.open_time < end]
            since = joined(since, begun.until) if self.rng.random() < 0.7 else since[1:]
        candles = self.market.candles(self.interval, now, limit)
        self.listener.hear(self.stream.hear(candles, since, now))
        self.check_open_bar(candles, now)

    def check_open_bar(self, candles: list[Candle], now: int) -> None:
        """It shows the newest price that was heard, and where it calls itself whole, all that happened."""
        bar = next(reversed(self.listener.row.values()), None)
        heard = next((each for each in candles if bar is not None and each.open_time == bar.open_time), None)
        if bar is None or heard is None or bar.closed or now < self.now:
            return
        assert not heard.trades or bar.close == heard.close, "an old price"
        if bar.coverage.state in PROVED and bar.source != "kraken":
            true = self.market.true(self.interval, bar.open_time, now + 1)
            assert true is None or said(bar)[:6] == true, "the open bar lies"

    def answer(self, *, heals: bool = False) -> None:
        """One of the answers that are on their way comes, or fails."""
        bars, beginning = self.away.pop(self.rng.randrange(len(self.away)))
        if not heals and self.rng.random() < 0.2:
            self.stream.failed()
        else:
            self.listener.hear(self.stream.fetched(bars, beginning, self.now))

    def step(self) -> None:
        seconds = self.rng.choice((0, 1, 5, 20, 61)) * self.interval.ns // M1.ns
        seconds += self.rng.choice((0, 0, 0, 0, 250))
        self.now += seconds * NS_PER_S
        for span in self.market.lost:
            self.market.lost[span] |= self.rng.random() < 0.05
        match self.rng.randrange(5):
            case 0:
                self.away.append(self.fetch(self.rng.randint(1, self.history + 5)))
            case 1 if self.away:
                self.answer()
            case 2 if self.rng.random() < 0.2:
                self.listener.hear(self.stream.give_up(self.now))
            case _:
                self.look()
        if (limit := self.stream.asks(self.now, self.now)) is not None and self.rng.random() < 0.7:
            self.stream.asked(self.now)
            self.away.append(self.fetch(limit))

    def end(self) -> None:
        """The source tells everything, the desk hears the end of all, and what the stream asks for is answered."""
        self.away.clear()
        self.market.failing = 0.0
        self.now = max(self.now, self.market.deals[-1].at) + 2 * self.interval.ns
        for _ in range(4):
            for _ in range(3):
                self.now += self.interval.ns // 3
                self.look(late=True)
            self.now += LONGEST_NS
            self.look(late=True)
            limit = self.stream.asks(self.now, self.now)
            if limit is not None:
                self.stream.asked(self.now)
                self.away.append(self.fetch(limit))
                self.answer(heals=True)
        self.look(late=True)
        assert self.listener.row
        closed = [bar for bar in self.listener.row.values() if bar.close_time <= self.now - LONGEST_NS]
        assert all(bar.closed for bar in closed)
        weak = [bar for bar in closed if bar.coverage.state not in PROVED]
        assert not weak, f"never healed: {weak[0]}"
        assert list(self.listener.row.values()) == self.stream.row


@pytest.mark.campaign
def test_neither_hole_nor_double_whatever_comes_in_which_order(campaign: Campaign) -> None:
    for seed in campaign.seeds(share=60, whole=20_000):
        try:
            trial = Trial(seed)
            for _ in range(trial.rng.randint(5, 60)):
                trial.step()
            trial.end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
