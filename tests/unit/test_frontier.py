"""How far trades are known: what proves it, what does not, and that a candle claims no more."""

from __future__ import annotations

from bethna.logic.frontier import LAG_NS, WORD_NS, Frontier

SECOND = 1_000_000_000
T = 1_700_000_000 * SECOND


def test_what_else_is_heard_carries_it_to_a_while_before() -> None:
    frontier = Frontier()
    frontier.tick(0, 0, 0, whole=True)
    assert frontier.until == 0
    frontier.tick(T, T, 0, whole=True)
    assert frontier.until == T - LAG_NS


def test_the_venues_word_carries_it_further() -> None:
    frontier = Frontier()
    frontier.agreed(T)
    frontier.tick(T, 0, 0, whole=True)
    assert frontier.until == frontier.proven == T - WORD_NS


def test_what_else_is_heard_proves_nothing() -> None:
    frontier = Frontier()
    frontier.agreed(T)
    frontier.tick(T + 20 * SECOND, T, T + 20 * SECOND, whole=True)
    assert frontier.proven == frontier.until == T - WORD_NS, "blind until a trade or a word"
    frontier.agreed(T + 20 * SECOND)
    frontier.tick(T + 20 * SECOND, T, T + 20 * SECOND, whole=True)
    for passed in range(21, 31):
        frontier.tick(T + passed * SECOND, T, T + passed * SECOND, whole=True)
    assert frontier.until == T + 30 * SECOND - LAG_NS
    assert frontier.proven == T + 20 * SECOND - WORD_NS


def test_a_clock_that_is_set_back_takes_back_what_was_known_beyond_it() -> None:
    frontier = Frontier()
    frontier.agreed(T)
    frontier.tick(T, T, T, whole=True)
    frontier.set_back(T - 60 * SECOND)
    assert (frontier.until, frontier.proven) == (T - 60 * SECOND,) * 2
    frontier.tick(T - 50 * SECOND, T - 50 * SECOND, T - 50 * SECOND, whole=True)
    assert frontier.until == T - 50 * SECOND - LAG_NS, "and it goes on from there"


def test_while_something_is_missing_it_stands_and_an_old_word_is_forgotten() -> None:
    frontier = Frontier()
    frontier.agreed(T)
    frontier.tick(T, T, 0, whole=False)
    assert frontier.until == 0
    frontier.tick(T, T, 0, whole=True)
    assert frontier.until == T - LAG_NS


def test_it_never_goes_back_and_not_beyond_the_venues_clock() -> None:
    frontier = Frontier()
    frontier.tick(T + 10**6 * SECOND, T + 10**6 * SECOND, T, whole=True)
    assert frontier.until == T - LAG_NS, "one frame's lie about the time"
    frontier.tick(T - 60 * SECOND, T - 60 * SECOND, T, whole=True)
    assert frontier.until == T - LAG_NS
    frontier.tick(T + SECOND, T + SECOND, T + SECOND, whole=True)
    assert frontier.until == T + SECOND - LAG_NS, "and it leaves nothing behind"


def test_after_a_stretch_in_which_nothing_was_heard_only_trades_and_words_count() -> None:
    frontier = Frontier()
    frontier.tick(T, T, 0, whole=True)
    later = T + 60 * SECOND
    frontier.tick(later, T, 0, whole=True)
    frontier.tick(later + 9 * SECOND // 2, T, 0, whole=True)
    assert frontier.until == T - LAG_NS, "a book that moves again says nothing of the trades meanwhile"
    frontier.tick(later + 5 * SECOND, later + SECOND, 0, whole=True)
    assert frontier.until == later + 5 * SECOND - LAG_NS, "an id has shown what happened"


def test_the_end_of_a_tape_is_as_far_as_was_heard() -> None:
    frontier = Frontier()
    frontier.end(T)
    assert frontier.until == T
