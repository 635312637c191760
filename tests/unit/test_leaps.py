"""Times that run ahead of their venue's clock: what is marked while they do, and what stays marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.logic.leaps import MOST_LEAPS, Leaps
from bethna.logic.venue_time import VenueTime

LIMIT = 2 * NS_PER_S
HOUR = 3600


class Line:
    """Trades by second: the clock of the venue and that of the desk are one unless it is said otherwise."""

    def __init__(self) -> None:
        self.leaps = Leaps()
        self.leaps.tick(LIMIT, 0)
        self.reached = self.before = 0

    def trade(self, told: int, came: int) -> None:
        self.leaps.judge(told * NS_PER_S, came * NS_PER_S, self.before, self.reached)
        self.before = told * NS_PER_S
        self.reached = max(self.reached, (told + 1) * NS_PER_S)

    def clock(self, offset_s: int, now: int) -> None:
        self.leaps.tick(LIMIT + offset_s * NS_PER_S, (now + offset_s) * NS_PER_S)

    def marks(self, now: int) -> list[tuple[float, float, str]]:
        return [
            ((gap.start or 0) / NS_PER_S, (gap.end or 0) / NS_PER_S, gap.reason)
            for gap in self.leaps.gaps(now * NS_PER_S, self.reached)
        ]


def test_before_a_clock_is_measured_nothing_is_ahead() -> None:
    line = Line()
    line.leaps.tick(None, 0)
    line.trade(HOUR, 1)
    assert (line.marks(9), line.leaps.excess_ns()) == ([], None)


def test_a_time_at_the_limit_is_right_and_one_beyond_opens_a_leap() -> None:
    line = Line()
    line.trade(10, 10)
    line.trade(13, 11)
    assert (line.marks(11), line.leaps.in_doubt) == ([], False)
    line.trade(15, 12)
    assert line.marks(14) == [(13, 14, "clock_ahead"), (15, 16, "clock_ahead")]
    assert (line.leaps.in_doubt, line.leaps.excess_ns()) == (True, 3 * NS_PER_S)


def test_times_that_return_end_the_gap_and_stay_marked() -> None:
    line = Line()
    line.trade(10, 10)
    line.trade(HOUR + 11, 11)
    line.trade(HOUR + 19, 19)
    line.trade(20, 20)
    line.trade(21, 21)
    wanted = [(10, 20, "clock_ahead"), (HOUR + 11, HOUR + 20, "clock_ahead")]
    assert line.marks(21) == line.marks(2 * HOUR) == wanted
    assert not line.leaps.in_doubt


def test_a_clock_that_was_set_leaves_the_time_that_nobody_saw() -> None:
    line = Line()
    line.trade(10, 10)
    line.trade(HOUR + 11, 11)
    line.clock(HOUR, 15)
    line.trade(HOUR + 16, 16)
    assert line.marks(HOUR + 16) == [(10, HOUR + 11, "clock_set")]
    assert not line.leaps.in_doubt


def test_a_clock_that_was_set_and_is_set_back_is_marked_as_a_whole_until_it_says_so() -> None:
    line = Line()
    line.trade(10, 10)
    line.trade(HOUR + 11, 11)
    line.clock(HOUR, 15)
    line.trade(20, 20)
    assert line.marks(HOUR + 20) == [(10, HOUR + 12, "clock_ahead")]
    assert line.leaps.in_doubt
    line.clock(0, 30)
    assert line.marks(30) == [(10, 20, "clock_ahead"), (HOUR + 11, HOUR + 12, "clock_ahead")]
    assert not line.leaps.in_doubt


def test_one_lie_between_two_right_times_is_marked_and_told() -> None:
    line = Line()
    line.trade(10, 10)
    line.trade(HOUR, 11)
    line.trade(12, 12)
    assert line.leaps.excess_ns() == (HOUR - 11) * NS_PER_S
    assert line.leaps.excess_ns() is None, "once"


def test_our_own_clock_that_was_set_back_leaves_no_leap() -> None:
    line = Line()
    line.trade(HOUR + 10, HOUR + 10)
    line.trade(HOUR + 11, 11)
    line.leaps.host_set_back(HOUR * NS_PER_S)
    assert (line.marks(20), line.leaps.in_doubt, line.leaps.excess_ns()) == ([], False, None)
    line.trade(2 * HOUR + 50, 50)
    line.leaps.host_set_back(HOUR * NS_PER_S)
    assert line.leaps.in_doubt, "an hour of the two was the venue's"
    line.leaps.tick(None, 0)
    line.leaps.host_set_back(HOUR * NS_PER_S)


def test_many_leaps_are_kept_as_one_gap_and_none_is_lost() -> None:
    line = Line()
    for number in range(MOST_LEAPS + 3):
        line.trade(100 * number + 1, 100 * number + 1)
        line.trade(100 * number + HOUR, 100 * number + 2)
        line.trade(100 * number + 3, 100 * number + 3)
    marks = line.marks(10**6)
    assert len(marks) == 1 + 2 * MOST_LEAPS
    assert marks[0][:2] == (1, 200 + HOUR + 1), "the three oldest, from the first to the last"


@given(
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 9_000)), max_size=60), st.integers(-9_000, 9_000)
)
def test_gaps_are_spans_and_bounded_whatever_comes(told: list[tuple[int, int]], offset_s: int) -> None:
    line = Line()
    for number, (ts, came) in enumerate(told):
        line.trade(ts, came)
        if number % 7 == 0:
            line.clock(offset_s * (number % 2), came)
        if number % 11 == 0:
            line.leaps.host_set_back(came * NS_PER_S)
    for gap in line.leaps.gaps(5_000 * NS_PER_S, line.reached):
        assert gap.start is not None
        assert gap.end is not None
        assert gap.start <= gap.end


def test_a_time_that_the_clock_cannot_say_moves_nothing() -> None:
    time = VenueTime()
    time.tick(100 * NS_PER_S, 100 * NS_PER_S, LIMIT, 100 * NS_PER_S, 0, whole=True)
    assert time.now(102 * NS_PER_S) == 102 * NS_PER_S
    assert time.now(103 * NS_PER_S) == 100 * NS_PER_S
    assert time.known_until(9_999 * NS_PER_S) == time.proven_until(9_999 * NS_PER_S) == 100 * NS_PER_S
    time.judge(9_999 * NS_PER_S, 100 * NS_PER_S, 0, 0)
    [first, _] = time.gaps(10_000 * NS_PER_S, None, 100 * NS_PER_S)
    assert (first.start, first.end) == (100 * NS_PER_S, 100 * NS_PER_S), "no trade before it: the clock"
