"""When refused streams are asked for again, and what is news; the numbers are those of logic/refusals."""

from __future__ import annotations

from random import Random

import pytest
from session_line import s

from bethna.logic.refusals import JITTER, PAUSES_S, Refusals


class Middle:
    """Dice without jitter."""

    def random(self) -> float:
        return 0.5


def test_rule_1_it_is_asked_for_again_with_growing_pauses() -> None:
    refusals, now, pauses = Refusals(Middle()), 0, []
    assert refusals.refuse("a", "no such stream", now)
    for socket in range(1, 7):
        began = now
        while not refusals.due(now):
            now += s(1)
        pauses.append((now - began) / s(1))
        refusals.ask("a", socket)
        assert refusals.due(now) == []
        assert refusals.asked() == [("a", socket)]
        assert not refusals.refuse("a", "no such stream", now)
    assert pauses == [60, 120, 300, 600, 600, 600]


@pytest.mark.parametrize("seed", range(20))
def test_rule_2_what_is_refused_within_seconds_is_asked_for_at_one_time(seed: int) -> None:
    refusals = Refusals(Random(seed))
    names = [f"s{n}" for n in range(20)]
    for number, name in enumerate(names):
        refusals.refuse(name, "no", s(0.3) * number)
    dues = [at for at in range(0, s(80), s(0.5)) if refusals.due(at)]
    assert s(60 * (1 - JITTER)) <= dues[0] <= s(60 * (1 + JITTER)) + s(0.5)
    assert set(refusals.due(dues[0])) == set(names)


def test_rule_2_desks_do_not_ask_together() -> None:
    dues = set()
    for seed in range(50):
        refusals = Refusals(Random(seed))
        refusals.refuse("a", "no", 0)
        dues.add(next(at for at in range(0, s(80), s(1)) if refusals.due(at)))
    assert len(dues) > 5
    assert len(PAUSES_S) == 4


def test_rule_3_the_same_words_are_no_news() -> None:
    refusals = Refusals(Middle())
    assert refusals.refuse("a", "no such stream", 0)
    assert not refusals.refuse("a", "no such stream", 1)
    assert refusals.refuse("a", "try later", 2)
    assert refusals.reason("a") == "try later"
    refusals.forget("a")
    assert "a" not in refusals
    assert not refusals
    assert refusals.refuse("a", "try later", 3), "it was taken, or wanted anew"


def test_a_second_refusal_of_what_nobody_asked_for_again_changes_no_pause() -> None:
    refusals = Refusals(Middle())
    refusals.refuse("a", "no", 0)
    refusals.refuse("a", "no", s(30))  # two sockets stood
    assert refusals.due(s(61)) == ["a"]


def test_rules_4_and_5_it_stays_refused_while_it_is_asked_for_and_when_the_socket_goes() -> None:
    refusals = Refusals(Middle())
    refusals.refuse("a", "no", 0)
    refusals.ask("a", 7)
    assert list(refusals) == ["a"]
    refusals.fail("a", s(61))
    assert refusals.asked() == []
    assert refusals.due(s(61 + 119)) == []
    assert refusals.due(s(61 + 120)) == ["a"]
