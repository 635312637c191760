"""A venue's history by pages: each interval once, quiet where the venue skips, unknown where it does not know."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from calendars import closes, opens
from conftest import Campaign

from bethna.core.bars import Bar, BarKind, CandleRules
from bethna.core.coverage import Provenance
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, VenueCandle
from bethna.logic.bars import unknown_bar
from bethna.logic.candle_pages import SETTLED_NS, CandlePages

BTC = InstrumentId("BTC-USD@coinbase")
START = 1_709_164_800 * 10**9  # 2024-02-29 00:00 UTC
SKIPS, FILLS, NEWEST = "skips", "fills", "newest"


class Venue:
    """A venue with some intervals traded. It answers as its kind does, plainly and apart from the product."""

    def __init__(
        self, kind: str, interval: Interval, traded: set[int], listed: int, now: int, page: int
    ) -> None:
        self.kind, self.interval, self.page, self.now = kind, interval, page, now
        self.times = [opens(interval, START)]
        while closes(interval, self.times[-1]) <= now:
            self.times.append(closes(interval, self.times[-1]))
        self.traded = {number for number in traded if number < len(self.times)}
        self.listed = listed  # there was nothing before
        self.asked = 0
        self.late_ns = 0  # a venue that skips may not have told yet what ended just now

    def closes(self, number: int) -> int:
        return closes(self.interval, self.times[number])

    @property
    def rules(self) -> CandleRules:
        return CandleRules(
            (self.interval,), self.page, self.page if self.kind == NEWEST else None, self.kind == SKIPS
        )

    def candles(self, start: int, limit: int) -> list[VenueCandle]:
        self.asked += 1
        numbers = [number for number in range(self.listed, len(self.times)) if self.times[number] >= start]
        if self.kind == SKIPS:
            end = start
            for _ in range(limit):
                end = closes(self.interval, end)
            told = self.now - self.late_ns
            numbers = [
                each
                for each in numbers
                if each in self.traded
                and self.times[each] < end
                and (not self.late_ns or self.closes(each) <= told)
            ]
        elif self.kind == NEWEST:
            numbers = numbers[-self.page :]
        else:
            numbers = numbers[:limit]
        return [self._candle(number) for number in numbers]

    def _candle(self, number: int) -> VenueCandle:
        at, trades = self.times[number], 3 if number in self.traded else 0
        closed = closes(self.interval, at) <= self.now
        price = 100.0 + max((each for each in self.traded if each <= number), default=0)
        return VenueCandle(
            BTC, self.interval, at, price, price, price, price, trades * 2.0,
            None if self.kind == SKIPS else trades, closed, None, None, None, self.now,
        )  # fmt: skip


def walk(pages: CandlePages, venue: Venue) -> list[Bar]:
    bars: list[Bar] = []
    while (asked := pages.ask()) is not None:
        start, limit = asked
        assert 1 <= limit <= venue.page
        told = pages.answer(venue.candles(start, limit))
        assert told is not None
        bars += told
        assert venue.asked < 300
    assert pages.answer([]) == []
    return bars


@pytest.mark.campaign
@pytest.mark.parametrize("kind", [SKIPS, FILLS, NEWEST])
def test_every_interval_once_and_as_it_was(kind: str, campaign: Campaign) -> None:
    for seed in campaign.seeds(share=60, whole=20_000):
        rng = Random(seed)
        interval = rng.choice((Interval.M1, Interval.D1, Interval.MO1))
        share, count = rng.random(), rng.randint(0, 60)
        traded = {number for number in range(60) if rng.random() < share}
        try:
            one_way(
                kind, interval, traded, rng.randint(0, 20), count, rng.randint(1, 17),
                (rng.randint(-5, 2 * count), rng.randint(0, 100)), rng.choice((0, rng.randint(0, 10**9))),
                rng.choice((0, SETTLED_NS)),
            )  # fmt: skip
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


def one_way(
    kind: str, interval: Interval, traded: set[int], listed: int, count: int, page: int,
    span: tuple[int, int], amid: int, late_ns: int,
) -> None:  # fmt: skip
    now = opens(interval, START)
    for _ in range(count):
        now = closes(interval, now)
    now += amid * 59  # up to a minute into the open one
    venue = Venue(kind, interval, traded, listed, now, page)
    venue.late_ns = late_ns
    first = opens(interval, START)
    start = first + span[0] * interval.ns // 2
    end = start + span[1] * interval.ns // 2
    pages = CandlePages(
        venue.rules, unknown_bar(BTC, interval, 0, "", Provenance.HISTORY), "v", start, end, now
    )
    bars = walk(pages, venue)
    assert (pages.strays, pages.repeated) == (0, 0)
    at = (
        opens(interval, start)
        if opens(interval, start) == start
        else closes(interval, opens(interval, start))
    )
    wanted = []
    while at < min(end, now):
        wanted.append(at)
        at = closes(interval, at)
    if wanted and closes(interval, wanted[-1]) > now and len(bars) == len(wanted) - 1:
        open_one = venue.times.index(wanted.pop())
        told = open_one >= listed and (kind != SKIPS or (open_one in venue.traded and not late_ns))
        assert not told, "an open candle that the venue tells"
    assert [bar.open_time for bar in bars] == wanted
    for bar in bars:
        number = venue.times.index(bar.open_time) if bar.open_time in venue.times else -1
        judge(bar, number, venue, wanted)


def judge(bar: Bar, number: int, venue: Venue, wanted: list[int]) -> None:
    known = number >= venue.listed
    first = venue.times.index(wanted[0]) if wanted[0] in venue.times else 0
    is_traded = known and number in venue.traded
    assert bar.closed == (bar.close_time <= venue.now)
    if bar.kind is BarKind.TRADED:
        assert is_traded
        assert bar.close == 100.0 + number
        return
    if bar.kind is BarKind.QUIET:
        assert known
        assert not is_traded
        before = [each for each in venue.traded if each < number and (venue.kind != SKIPS or each >= first)]
        assert bar.close == 100.0 + max(before, default=0)
        return
    (gap,) = bar.coverage.gaps
    if venue.kind == FILLS:
        assert not known
        assert gap.reason == "not_in_history"
    elif venue.kind == NEWEST:
        assert gap.reason in ("too_old", "not_in_history")
        assert not known or number < len(venue.times) - venue.page
    else:
        assert gap.reason == "unheard"
        recent = bar.close_time > venue.now - SETTLED_NS
        assert recent or not is_traded
        assert recent or not [
            each for each in venue.traded if venue.listed <= each and first <= each < number
        ]


class Stuttering(Venue):
    """It answers some questions with the page before, with a piece of it in front, or says candles twice."""

    def __init__(self, rng: Random, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rng = rng
        self.before: list[VenueCandle] = []
        self.faults = 0
        self.is_asked_again = False

    def candles(self, start: int, limit: int) -> list[VenueCandle]:
        right = super().candles(start, limit)
        before = [each for each in self.before if each.open_time < start]
        self.before = before + right
        fault = "" if self.is_asked_again else self.rng.choice(("", "before", "overlap", "twice"))
        self.is_asked_again = bool(fault) and not self.is_asked_again  # whoever asks again is answered
        self.faults += bool(fault and (before or fault == "twice"))
        if fault == "before" and before:
            return before[-self.page :]
        if fault == "overlap" and before:
            return [*before[-self.rng.randint(1, self.page) :], *right][: self.page]
        return sorted([*right, *right], key=lambda each: each.open_time) if fault == "twice" else right


@pytest.mark.campaign
@pytest.mark.parametrize("kind", [SKIPS, FILLS])
def test_a_page_that_comes_twice_or_overlaps_neither_doubles_nor_hides(kind: str, campaign: Campaign) -> None:
    faults = 0
    for seed in campaign.seeds(share=60, whole=20_000):
        rng = Random(seed)
        interval = rng.choice((Interval.M1, Interval.D1, Interval.MO1))
        share, count = rng.random(), rng.randint(1, 60)
        traded = {number for number in range(60) if rng.random() < share}
        first = now = opens(interval, START)
        for _ in range(count):
            now = closes(interval, now)
        arguments = (kind, interval, traded, rng.randint(0, 10), now, rng.randint(1, 17))
        clean, stutters = Venue(*arguments), Stuttering(rng, *arguments)
        like = unknown_bar(BTC, interval, 0, "", Provenance.HISTORY)
        wanted = walk(CandlePages(clean.rules, like, "v", first, now, now), clean)
        pages, told = CandlePages(stutters.rules, like, "v", first, now, now), []
        while (asked := pages.ask()) is not None:
            told += pages.answer(stutters.candles(*asked)) or []
            assert stutters.asked < 600, seed
        assert told == wanted, seed
        faults += stutters.faults
    assert faults > 50, "it must have happened"


def test_a_venue_that_has_nothing_yet_is_asked_once() -> None:
    venue = Venue(FILLS, Interval.M1, {50}, 50, START + 60 * 60 * 10**9, 2)
    like = unknown_bar(BTC, Interval.M1, 0, "", Provenance.HISTORY)
    bars = walk(CandlePages(venue.rules, like, "v", START, START + 40 * 60 * 10**9, venue.now), venue)
    assert (len(bars), venue.asked) == (40, 1)
    assert {bar.kind for bar in bars} == {BarKind.UNKNOWN}


def test_strays_and_repeated_pages_move_nothing() -> None:
    like = unknown_bar(BTC, Interval.M1, 0, "", Provenance.HISTORY)
    venue = Venue(FILLS, Interval.M1, {0, 1, 2, 3}, 0, START + 4 * 60 * 10**9, 2)
    pages = CandlePages(venue.rules, like, "v", START, START + 4 * 60 * 10**9, venue.now)
    first = venue.candles(START, 2)
    told = pages.answer(first)
    assert told is not None
    assert len(told) == 2
    asked = pages.ask()
    assert pages.answer(first) is None, "the page before once more is no answer"
    assert (pages.ask(), pages.repeated) == (asked, 2)
    second = venue.candles(START + 2 * 60 * 10**9, 2)
    stray = VenueCandle(BTC, "1m", second[0].open_time + 1, 1, 1, 1, 1, 1, 1, True, None, None, None, 0)
    told = pages.answer([first[1], second[0], stray, second[1]])
    assert told is not None
    assert [bar.kind for bar in told] == [BarKind.TRADED] * 2
    assert (pages.ask(), pages.strays, pages.repeated) == (None, 1, 3)
