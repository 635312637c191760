"""A slot's newer rules one by one, and what its backoff makes of long lives; the numbers are those of logic/slot."""

from __future__ import annotations

from session_line import s

from bethna.logic.backoff import Backoff
from bethna.logic.quota import SlidingWindow
from bethna.logic.slot import Down, Numbers, Open, Retire, Slot


class Highest:
    """Dice that always fall on the far end."""

    def random(self) -> float:
        return 1.0


def new_slot() -> Slot:
    slot = Slot(Numbers(), Backoff(1, 60, 60, Highest()), SlidingWindow(100, 1), s(30), 0)
    assert slot.tick(0) == [Open(1, False)]
    return slot


def test_a_socket_that_held_for_long_leaves_no_failures_behind() -> None:
    slot, now = new_slot(), 0
    for number, pause_s in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 16)):
        assert slot.ended(number, "refused", 0, now) == [Down("refused", s(pause_s))]
        now += s(pause_s)
        assert slot.tick(now) == [Open(number + 1, False)]
    assert slot.backoff.failures == 5
    assert slot.ended(6, "cut", s(3600), now + s(3600)) == [Down("cut", s(1))]
    assert slot.backoff.failures == 0


def test_rule_10_pauses_between_successors_that_fail_grow_beside_a_healthy_socket() -> None:
    slot, now, pauses = new_slot(), s(3600), []
    slot.rotate(1, "24 h", now)
    for _ in range(6):
        slot.backoff.steady()  # what a healthy socket says every second
        assert slot.successor is not None
        assert slot.ended(slot.successor, "refused", 0, now) == []
        due = slot.deadline()
        assert due is not None
        pauses.append((due - now) / s(1))
        now = due
        assert slot.tick(now) != []
    assert pauses == [1, 2, 4, 8, 16, 32]
    assert slot.backoff.failures == 0, "the socket that serves is well"
    assert slot.main == 1


def test_rule_10_the_count_starts_over_with_a_successor_that_takes_over() -> None:
    slot = new_slot()
    slot.rotate(1, "24 h", 0)
    for now in (s(30), s(62)):  # not proven, twice
        (retired, *_) = slot.tick(now)
        assert isinstance(retired, Retire)
        due = slot.deadline()
        assert due is not None
        slot.tick(due)
    assert slot.successor == 4
    slot.ready(4, s(70))
    slot.rotate(4, "24 h", s(7000))
    assert slot.ended(5, "refused", 0, s(7000)) == []
    assert slot.deadline() == s(7001)


def test_rule_11_nothing_is_opened_while_it_is_held() -> None:
    slot = new_slot()
    slot.ended(1, "nothing is carried", 0, 0)
    slot.hold()
    assert slot.deadline() is None
    assert slot.tick(s(1000)) == slot.hurry(s(1000)) == []
    assert slot.resume(s(1001)) == [Open(2, False)]
    assert slot.resume(s(1002)) == []
    slot.stop("stopped", "done")
    slot.hold()
    assert not slot.held


def test_rule_11_a_socket_that_stands_goes_on_while_it_is_held() -> None:
    slot = new_slot()
    slot.ready(1, s(1))
    slot.hold()
    assert slot.resume(s(2)) == []  # nothing is opened beside it
    assert (slot.main, slot.held) == (1, False)
