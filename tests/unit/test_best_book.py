"""The merged book by hand: sums by price, whose quantity is how much, and where it ends."""

from __future__ import annotations

from consolidated_venues import AT, said, top

from bethna.core.status import Trust
from bethna.logic.best_book import consolidated_book

ONE = said("BTC-USD@one", [(99.0, 1.0), (98.0, 2.0), (97.0, 4.0)], [(101.0, 1.0), (102.0, 2.0), (103.0, 4.0)])
TWO = said("BTC-USD@two", [(99.0, 0.5), (98.5, 8.0)], [(101.5, 8.0), (102.0, 0.5)])


def test_levels_are_summed_with_whose_they_are() -> None:
    book = consolidated_book([ONE, TWO], "BTC", "USD", 2)
    assert book.bids == [(99.0, 1.5, {"one": 1.0, "two": 0.5}), (98.5, 8.0, {"two": 8.0})]
    assert book.asks == [(101.0, 1.0, {"one": 1.0}), (101.5, 8.0, {"two": 8.0})]
    assert (book.certified_depth, book.bids_end_at, book.asks_end_at) == (2, None, None)
    assert (book.symbol, book.crossed_by, book.ts_recv) == ("BTC-USD", None, AT)


def test_it_ends_where_the_first_book_ends_and_says_whose_that_is() -> None:
    book = consolidated_book([ONE, TWO], "BTC", "USD", 20)
    assert [level[0] for level in book.bids] == [99.0, 98.5]
    assert [level[0] for level in book.asks] == [101.0, 101.5, 102.0]
    assert (book.certified_depth, book.bids_end_at, book.asks_end_at) == (2, "BTC-USD@two", "BTC-USD@two")
    assert book.asks[-1] == (102.0, 2.5, {"one": 2.0, "two": 0.5})


def test_a_book_that_ends_beyond_what_was_asked_for_ends_nothing() -> None:
    short = said("BTC-USD@two", [(99.0, 0.5), (96.0, 1.0)], [(101.0, 0.5), (104.0, 1.0)])
    book = consolidated_book([ONE, short], "BTC", "USD", 3)
    assert [level[0] for level in book.bids] == [99.0, 98.0, 97.0]
    assert (book.bids_end_at, book.asks_end_at, book.certified_depth) == (None, None, 3)


def test_a_book_whose_side_is_whole_ends_nobody() -> None:
    whole = said("BTC-USD@two", TWO.book.bids, TWO.book.asks, whole=True)
    book = consolidated_book([ONE, whole], "BTC", "USD", 20)
    assert [level[0] for level in book.bids] == [99.0, 98.5, 98.0, 97.0]
    assert (book.bids_end_at, book.certified_depth) == ("BTC-USD@one", 4)
    both = [said("BTC-USD@one", ONE.book.bids, ONE.book.asks, whole=True), whole]
    assert consolidated_book(both, "BTC", "USD", 20).bids_end_at is None


def test_a_book_that_is_out_ends_nothing_and_a_quote_is_no_book() -> None:
    short = said("BTC-USD@three", [(99.5, 1.0)], [(100.5, 1.0)], trust=Trust.UNTRUSTED)
    quoted = said("BTC-USD@four", quote=(99.9, 100.1))
    book = consolidated_book([ONE, short, quoted], "BTC", "USD", 3)
    assert [level[0] for level in book.bids] == [99.0, 98.0, 97.0]
    assert [each.out for each in book.venues] == [None, "untrusted", "no book"]
    assert book.certified_depth == 3


def test_two_books_that_cross_are_said_and_another_currency_is_another_book() -> None:
    book = consolidated_book(
        [top("BTC-USD@one", 99.0, 100.0), top("BTC-USD@two", 101.0, 102.0), top("BTC-USDT@two", 500.0, 501.0)],
        "BTC", "USD", 1,
    )  # fmt: skip
    assert book.crossed_by == ("BTC-USD@two", "BTC-USD@one")
    assert (book.bids[0][0], book.asks[0][0], len(book.venues)) == (101.0, 100.0, 2)
    assert book.bids == [(101.0, 1.0, {"two": 1.0})]


def test_nobody_in_is_an_empty_book() -> None:
    book = consolidated_book([said("BTC-USD@one", state="waiting")], "BTC", "USD", 5)
    assert (book.bids, book.asks, book.certified_depth, book.ts_recv) == ([], [], 0, None)
    assert book.coverage.state == "unknown"
