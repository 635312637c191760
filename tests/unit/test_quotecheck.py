"""The cross-examination of book and quotes: what is proof, what is not, and which quotes are let in."""

from __future__ import annotations

import pytest

from bethna.core.market import BookSnapshot, InstrumentId, Quote
from bethna.logic.book import OrderBook
from bethna.logic.quotecheck import (
    BEHIND_NS,
    KEPT_FAILURES,
    MAX_KEPT,
    MAX_LAG,
    MUTE_NS,
    QuoteCheck,
)

BTC = InstrumentId("BTC-USDT@binance")
CORRUPT = 10**15


def quote(
    update_id: int | None, bid: float = 99.0, ask: float = 101.0, sizes: tuple[float, float] = (1.0, 1.0)
) -> Quote:
    return Quote(BTC, bid, sizes[0], ask, sizes[1], update_id, None, 7)


def book(update_id: int = 10, *, limit: int = 2) -> OrderBook:
    """Two levels a side, certified to 98 and 102 unless the limit says that there are no more."""
    return OrderBook(
        BookSnapshot(BTC, update_id, [(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0), (102.0, 1.0)], 1, limit)
    )


def verdict(check: QuoteCheck) -> tuple[int, int, int]:
    return check.ok, check.failed, check.uncertain


# --- when a quote is judged (rules 2 and 3)


def test_a_quote_at_the_books_id_is_judged_at_once() -> None:
    check = QuoteCheck()
    assert check.quote(quote(10), book(10))
    assert verdict(check) == (1, 0, 0)


def test_a_quote_below_the_books_id_is_published_and_not_judged() -> None:
    check = QuoteCheck()
    assert check.quote(quote(9, bid=5.0), book(10))
    check.book_moved(book(11))
    assert verdict(check) == (0, 0, 0)
    assert check.quotes == 1


def test_a_quote_above_the_books_id_waits_until_the_book_stands_on_it() -> None:
    check = QuoteCheck()
    check.quote(quote(12), book(10))
    check.quote(quote(14, bid=5.0), book(10))
    check.book_moved(book(11))
    assert verdict(check) == (0, 0, 0)
    check.book_moved(book(12))
    assert verdict(check) == (1, 0, 0)
    check.book_moved(book(15))
    check.book_moved(book(14))
    assert verdict(check) == (1, 0, 0), "the book passed over 14: there was no counterpart"


def test_without_a_trusted_book_quotes_wait_and_are_bounded() -> None:
    check = QuoteCheck()
    for update_id in range(MAX_KEPT + 10):
        assert check.quote(quote(update_id), None)
    assert len(check.waits) == MAX_KEPT
    check.book_moved(book(MAX_KEPT + 9))
    assert verdict(check) == (1, 0, 0)


def test_quotes_without_an_id_are_let_through_unjudged() -> None:
    check = QuoteCheck()
    assert check.quote(quote(None, bid=5.0), book(10))
    assert check.quote(quote(None, bid=5.0), book(10))
    check.book_moved(book(11))
    assert (check.quotes, verdict(check)) == (2, (0, 0, 0))


# --- what is proof (rule 4)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (quote(10), (1, 0, 0)),
        (quote(10, sizes=(2.0, 1.0)), (0, 1, 0)),  # another quantity at the same price
        (quote(10, sizes=(1.0, 2.0)), (0, 1, 0)),
        (quote(10, bid=99.5), (0, 1, 0)),  # a certified level that the book does not have
        (quote(10, ask=100.5), (0, 1, 0)),
        (quote(10, bid=98.0), (0, 1, 0)),  # the book has a better level than the best
        (quote(10, ask=102.0), (0, 1, 0)),
        (quote(10, bid=97.0), (0, 1, 0)),  # likewise, though the quoted price is not certified
        (quote(10, ask=103.0), (0, 1, 0)),
    ],
)
def test_disagreement_at_the_best_levels_is_proof(told: Quote, expected: tuple[int, int, int]) -> None:
    check = QuoteCheck()
    check.quote(told, book(10))
    assert verdict(check) == expected
    assert len(check.failures) == expected[1]


def emptied(*, limit: int) -> OrderBook:
    """All that was told is gone, on both sides; whether there is more depends on the limit."""
    made = book(9, limit=limit)
    made.apply([(99.0, 0.0), (98.0, 0.0)], [(101.0, 0.0), (102.0, 0.0)], 10)
    return made


@pytest.mark.parametrize(
    ("told", "limit", "expected"),
    [
        (quote(10, bid=97.0, ask=103.0), 2, (0, 0, 1)),  # levels that were never told
        (quote(10, bid=97.0, ask=102.0), 2, (0, 1, 0)),  # 102 was told, and told to be gone
        (quote(10, bid=98.0, ask=103.0), 2, (0, 1, 0)),
        (quote(10, bid=97.0, ask=103.0), 3, (0, 1, 0)),  # the snapshot held the whole side: there is no more
    ],
)
def test_an_untold_level_proves_nothing(told: Quote, limit: int, expected: tuple[int, int, int]) -> None:
    check = QuoteCheck()
    check.quote(told, emptied(limit=limit))
    assert verdict(check) == expected


def test_a_level_that_was_told_is_held_to_its_quantity_wherever_it_lies() -> None:
    beyond = emptied(limit=2)
    beyond.apply([(97.0, 5.0)], [], 11)
    check = QuoteCheck()
    check.quote(quote(11, bid=97.0, ask=103.0), beyond)
    assert verdict(check) == (0, 1, 0)


def test_a_book_with_one_empty_side_is_wrong_when_the_venue_quotes_it() -> None:
    one_sided = OrderBook(BookSnapshot(BTC, 10, [(99.0, 1.0)], [], 1, 5))
    check = QuoteCheck()
    check.quote(quote(10), one_sided)
    assert verdict(check) == (0, 1, 0)


def test_agreement_widens_what_may_be_shown() -> None:
    made = emptied(limit=2)
    made.apply([(97.0, 1.0), (96.0, 1.0)], [(103.0, 1.0)], 11)
    assert made.top(5) == ([], [])
    check = QuoteCheck()
    check.quote(quote(11, bid=97.0, ask=103.0), made)
    assert verdict(check) == (1, 0, 0)
    assert made.top(5) == ([(97.0, 1.0)], [(103.0, 1.0)])


def test_a_crossed_book_is_wrong_whatever_is_certified() -> None:
    crossed = book(9)
    crossed.apply([(150.0, 1.0)], [], 10)
    check = QuoteCheck()
    check.quote(quote(10, bid=1.0, ask=500.0), crossed)
    assert verdict(check) == (0, 1, 0)
    assert check.failures[0][1] == (None, None)


def test_only_the_first_failures_are_kept() -> None:
    check = QuoteCheck()
    for update_id in range(KEPT_FAILURES + 5):
        check.quote(quote(update_id, bid=5.0), book(update_id))
    assert (check.failed, len(check.failures)) == (KEPT_FAILURES + 5, KEPT_FAILURES)


# --- which quotes are let in (rule 1)


def test_late_and_doubled_quotes_are_dropped_by_name() -> None:
    check = QuoteCheck()
    newest = quote(12)
    assert check.quote(newest, None)
    assert not check.quote(quote(12, bid=5.0), None)
    assert not check.quote(quote(11, bid=5.0), None)
    assert (check.quotes, check.duplicates, check.late) == (1, 1, 1)
    assert check.latest is newest
    assert [(gap.first_id, gap.reason, gap.start) for gap in check.irregular] == [
        (12, "duplicate", 7),
        (11, "reordered", 7),
    ]


def test_one_corrupt_id_does_not_silence_the_quotes() -> None:
    check = QuoteCheck()
    check.quote(quote(10), None)
    check.quote(quote(CORRUPT), None)
    assert [check.quote(quote(update_id), book(update_id)) for update_id in range(11, 15)] == [
        False,
        True,
        True,
        True,
    ]
    assert verdict(check) == (3, 0, 0)
    check.quote(quote(16), book(15))
    check.book_moved(book(16))
    assert verdict(check) == (4, 0, 0), "what the corrupt one would have waited for is in nobody's way"


def test_a_first_id_that_was_corrupt_does_not_either() -> None:
    check = QuoteCheck()
    taken = [check.quote(quote(update_id), None) for update_id in (CORRUPT, 10, 11, 12)]
    assert taken == [True, False, True, True]


def test_a_lag_of_our_own_sockets_is_no_new_count() -> None:
    check = QuoteCheck()
    check.quote(quote(5 * MAX_LAG), None)
    for update_id in range(4 * MAX_LAG, 4 * MAX_LAG + 5):
        assert not check.quote(quote(update_id), None)
    assert check.late == 5
    assert not check.quote(quote(4 * MAX_LAG - 1), None), "the first that is too far below, and it is alone"
    assert not check.quote(quote(4 * MAX_LAG), None), "it ascends, but is not too far below"
    assert not check.quote(quote(9), None)
    assert not check.quote(quote(9), None), "twice the same does not ascend"
    assert not check.quote(quote(8), None)
    assert check.quote(quote(10), None)


# --- a book that is behind (rule 5)


def test_a_quote_may_wait_for_its_updates_for_a_while() -> None:
    check = QuoteCheck()
    assert check.behind(BEHIND_NS * 9, mute=False) is None, "nothing waits"
    check.quote(quote(12), book(10))
    assert check.behind(7 + BEHIND_NS, mute=False) is None
    assert check.behind(8 + BEHIND_NS, mute=False) == 12


def test_where_no_update_has_come_since_it_was_behind_it_may_wait_less() -> None:
    check = QuoteCheck()
    check.quote(quote(12), book(10))
    assert check.behind(7 + MUTE_NS, mute=True) is None
    assert check.behind(8 + MUTE_NS, mute=True) == 12
    assert check.behind(0, mute=True) is None, "a clock that is set back makes nothing old"
