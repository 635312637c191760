"""A book against a snapshot without a number: what was one of its states is never doubted, what was none is named."""

from __future__ import annotations

from math import inf
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, InstrumentId, Level
from bethna.logic import bookcompare
from bethna.logic.book import OrderBook
from bethna.logic.bookcompare import Comparison, Contradiction, Verdict

BTC = InstrumentId("BTC-USD@somewhere")
BIDS: list[Level] = [(100.0, 1.0), (99.0, 2.25), (98.0, 3.5)]
ASKS: list[Level] = [(101.0, 1.5), (102.0, 2.0), (103.0, 4.0)]


def snapshot(bids: list[Level], asks: list[Level]) -> BookSnapshot:
    return BookSnapshot(BTC, UNNUMBERED, bids, asks, 1, max(len(bids), len(asks)) + 1)


def delta(bids: list[Level], asks: list[Level]) -> BookDelta:
    return BookDelta(BTC, UNNUMBERED, UNNUMBERED, bids, asks, 1, 1, 1)


def judge(told: BookSnapshot, *heard: BookDelta, whole: bool = True) -> Verdict:
    window = Comparison(OrderBook(snapshot(BIDS, ASKS)), whole=whole)
    for each in heard:
        window.hear(each)
    return window.judge(told)


class Market:
    """A true book that moves, kept to `depth` levels a side where a venue cuts it."""

    def __init__(self, rng: Random, depth: int) -> None:
        self.rng, self.depth = rng, depth
        self.bids = {100.0 - n: 1.0 + n for n in range(depth)}
        self.asks = {101.0 + n: 1.0 + n for n in range(depth)}

    def move(self) -> BookDelta:
        side, first = self.rng.choice(((self.bids, 100.0), (self.asks, 101.0)))
        step = -1.0 if side is self.bids else 1.0
        price, quantity = first + step * self.rng.randrange(12), float(self.rng.randrange(4))
        levels = [(price, quantity)]
        side[price] = quantity
        if not quantity:
            del side[price]
        for dropped in sorted(side, reverse=side is self.bids)[self.depth :]:
            del side[dropped]
            levels.append((dropped, 0.0))
        return delta(levels, []) if side is self.bids else delta([], levels)

    def shown(self, depth: int) -> BookSnapshot:
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        return snapshot(bids[:depth], asks[:depth])


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(0, 30), st.integers(1, 14), st.booleans())
def test_a_snapshot_of_any_instant_of_the_window_agrees(
    seed: int, before: int, after: int, depth: int, whole: bool
) -> None:
    market = Market(Random(seed), 100 if whole else 8)
    window = Comparison(OrderBook(market.shown(100)), whole=whole)
    for _ in range(before):
        window.hear(market.move())
    told = market.shown(depth)
    for _ in range(after):
        window.hear(market.move())
    assert window.judge(told).contradictions == ()


@given(st.integers(0, 2**32), st.integers(0, 10), st.integers(0, 9))
def test_a_change_that_was_never_heard_is_named_at_its_level(seed: int, moves: int, at: int) -> None:
    market = Market(Random(seed), 20)
    window = Comparison(OrderBook(market.shown(100)), whole=True)
    touched: set[float] = set()
    for _ in range(moves):
        heard = market.move()
        window.hear(heard)
        touched |= {price for price, _ in (*heard.bids, *heard.asks)}
    price = 100.0 - at
    assume(price not in touched)
    market.bids[price] += 7.0
    assert [(each.side, each.price) for each in window.judge(market.shown(100)).contradictions] == [
        ("bid", price)
    ]
    del market.bids[price]
    (found,) = window.judge(market.shown(100)).contradictions
    assert (found.price, found.told) == (price, 0.0)


def test_a_level_of_ours_that_is_not_there_contradicts_and_so_does_one_that_we_lack() -> None:
    assert judge(snapshot([(100.0, 1.0), (98.0, 3.5)], ASKS)).contradictions == (
        Contradiction("bid", 99.0, 0.0, 2.25),
    )
    verdict = judge(snapshot(BIDS, [(100.5, 1.0), *ASKS]))
    assert verdict.contradictions == (Contradiction("ask", 100.5, 1.0, 0.0),)
    assert verdict.words() == "ask 100.5 is 1 there and none here"
    assert verdict.equal == 6


def test_what_a_level_was_in_the_window_agrees_and_what_it_was_before_does_not() -> None:
    changes = (delta([(99.0, 5.0)], []), delta([(99.0, 6.0)], []))
    for quantity, agrees in ((2.25, True), (5.0, True), (6.0, True), (4.0, False)):
        told = snapshot([(100.0, 1.0), (99.0, quantity), (98.0, 3.5)], ASKS)
        assert (judge(told, *changes).contradictions == ()) is agrees
    gone = snapshot([(100.0, 1.0), (98.0, 3.5)], ASKS)
    assert judge(gone, *changes).contradictions
    assert not judge(gone, *changes, delta([(99.0, 0.0)], [])).contradictions


def test_beyond_what_either_of_them_reaches_nothing_is_said() -> None:
    short = judge(snapshot(BIDS[:2], ASKS[:1]))
    assert (short.contradictions, short.equal, short.reach) == ((), 3, (99.0, 101.0))
    all_of_it = judge(snapshot(BIDS, ASKS))
    assert (all_of_it.equal, all_of_it.reach) == (6, (-inf, inf))
    assert judge(snapshot(BIDS, ASKS), delta([(97.0, 1.0)], [])).reach == (-inf, inf), (
        "it came, and was heard"
    )
    deeper = snapshot([*BIDS, (97.0, 1.0)], ASKS)
    assert judge(deeper, whole=False).contradictions == ()
    assert [each.price for each in judge(deeper, whole=True).contradictions] == [97.0]
    nothing = judge(snapshot([], ASKS))
    assert (nothing.contradictions, nothing.equal, nothing.reach) == ((), 3, (inf, inf))


def test_fewer_digits_agree_with_what_they_are_cut_from_and_with_nothing_else() -> None:
    cut = [(100.0, 1.0), (99.0, 2.2), (98.0, 3.5)]
    assert judge(snapshot(cut, ASKS)).contradictions == ()
    wrong = judge(snapshot([(100.0, 1.0), (99.0, 2.5), (98.0, 3.5)], ASKS))
    assert wrong.words() == "bid 99 is 2.5 there and 2.25 here"
    absent = judge(snapshot([(100.5, 0.1), *cut], ASKS))
    assert [each.price for each in absent.contradictions] == [100.5]


def test_fewer_digits_are_known_also_where_the_first_quantity_with_more_came_in_the_window() -> None:
    whole_numbers: list[Level] = [(100.0, 1.0), (99.0, 2.0)]
    window = Comparison(OrderBook(snapshot(whole_numbers, [(101.0, 3.0)])), whole=True)
    window.hear(delta([(98.0, 12.34567891)], []))
    told = window.judge(snapshot([*whole_numbers, (98.0, 12.345)], [(101.0, 3.0)]))
    assert (told.contradictions, told.equal) == ((), 4)
    less = window.judge(snapshot([*whole_numbers, (98.0, 12.344)], [(101.0, 3.0)]))
    assert [each.price for each in less.contradictions] == [98.0]


def test_a_quantity_that_is_less_than_the_snapshot_can_say_agrees_as_nothing_at_all() -> None:
    """Kraken says 0.000 of 0.00041234, and lists the level."""
    bids: list[Level] = [(100.0, 1.125), (99.0, 0.00041234)]
    window = Comparison(OrderBook(snapshot(bids, [(101.0, 3.0)])), whole=False)
    told = snapshot([(100.0, 1.125), (99.0, 0.0)], [(101.0, 3.0)])
    assert window.judge(told).contradictions == ()


def test_a_window_of_too_many_changes_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookcompare, "MOST_CHANGES", 3)
    window = Comparison(OrderBook(snapshot(BIDS, ASKS)), whole=True)
    for _ in range(3):
        window.hear(delta([(99.0, 1.0)], []))
        assert not window.overrun
    window.hear(delta([(99.0, 2.0)], []))
    window.hear(delta([(99.0, 2.0)], []))
    assert window.overrun


def test_two_verdicts_share_a_level_or_they_do_not_and_few_are_named() -> None:
    one = judge(snapshot([(100.0, 9.0), *BIDS[1:]], ASKS))
    two = judge(snapshot([(100.0, 8.0), *BIDS[1:]], [(101.0, 9.0), *ASKS[1:]]))
    three = judge(snapshot(BIDS, [(101.0, 9.0), *ASKS[1:]]))
    assert one.shares(two)
    assert two.shares(three)
    assert not one.shares(three)
    many = judge(snapshot([(price, 9.0) for price, _ in BIDS], [(price, 9.0) for price, _ in ASKS]))
    assert many.words().endswith("bid 98 is 9 there and 3.5 here; and 3 more")
