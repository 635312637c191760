"""Whether a venue trades, by what its connections said; the numbers are those of logic/condition."""

from __future__ import annotations

from bethna.logic.condition import Condition


def halted(*connections: int) -> Condition:
    condition = Condition()
    turns = [condition.said(number, trading=False, message="maintenance") for number in connections]
    assert turns == [True] + [False] * (len(connections) - 1)
    return condition


def words(condition: Condition) -> str | None:
    return condition.not_trading


def test_rule_1_the_newest_word_counts() -> None:
    condition = halted(1, 2)
    assert not condition.said(1, trading=False, message="cancel_only")
    assert words(condition) == "cancel_only"
    assert condition.said(2, trading=True, message="online")
    assert words(condition) is None
    assert not condition.said(1, trading=True, message="online")


def test_rule_2_the_word_of_a_living_connection_stands() -> None:
    condition = halted(1)
    assert not condition.look({1: True, 2: True})
    assert words(condition) == "maintenance"


def test_rule_3_a_new_connection_that_works_takes_it_back() -> None:
    condition = halted(1)
    assert not condition.look({})
    assert not condition.look({2: False})
    assert words(condition) == "maintenance"
    assert condition.look({2: True})
    assert words(condition) is None
    assert not condition.look({2: True})


def test_rule_3_not_where_the_venue_says_it_again() -> None:
    condition = halted(1)
    condition.said(2, trading=False, message="maintenance")
    assert not condition.look({2: True})
    assert words(condition) == "maintenance"


def test_rule_3_a_connection_that_stood_before_proves_nothing() -> None:
    condition = halted(2)
    assert not condition.look({1: True})
    assert condition.look({1: True, 3: True})
