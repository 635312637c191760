"""A twin's time: it goes with the monotonic clock, follows a host that slept, and never goes back."""

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.course import AHEAD_NS, STRIDE_NS, Course

START = 1_790_000_000_000_000_000


class Host:
    def __init__(self) -> None:
        self.wall = START
        self.monotonic = 77

    def now_ns(self) -> int:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.monotonic

    def pass_ns(self, ns: int) -> None:
        self.wall += ns
        self.monotonic += ns


def test_it_goes_with_the_clock_and_says_how_late_it_is() -> None:
    host = Host()
    course = Course(host, START)
    host.pass_ns(5 * NS_PER_MS)
    assert course.wait_s(START + 7 * NS_PER_MS) == 0.002
    assert course.stride(START + 2 * NS_PER_MS) == START + 5 * NS_PER_MS
    assert (course.late_ns, course.behind_ns) == (3 * NS_PER_MS, 0)
    host.pass_ns(NS_PER_MS)
    assert course.stride(START + 9 * NS_PER_MS) == START + 6 * NS_PER_MS
    assert (course.late_ns, course.worst_late_ns) == (0, 3 * NS_PER_MS)
    assert course.wait_s(START) == 0


def test_one_that_is_far_behind_catches_up_in_strides_without_waiting() -> None:
    host = Host()
    course = Course(host, START)
    host.pass_ns(2 * STRIDE_NS + 1)
    assert course.stride(START) == START + STRIDE_NS
    assert course.wait_s(START + NS_PER_S) == 0
    assert course.stride(START) == START + 2 * STRIDE_NS
    assert course.behind_ns == 1
    assert course.stride(START) == START + 2 * STRIDE_NS + 1
    assert course.wait_s(course.reached + NS_PER_S) == 1.0


def test_a_wall_clock_that_was_set_back_or_a_little_off_changes_nothing() -> None:
    host = Host()
    course = Course(host, START)
    host.wall -= 3600 * NS_PER_S
    assert course.stride(START) == START
    host.pass_ns(NS_PER_MS)
    assert course.stride(START) == START + NS_PER_MS
    host.wall = host.monotonic - 77 + START + AHEAD_NS
    assert course.present() == START + NS_PER_MS


def test_a_host_that_slept_is_followed_once() -> None:
    host = Host()
    course = Course(host, START)
    host.wall += 3600 * NS_PER_S
    assert course.present() == START + 3600 * NS_PER_S
    assert course.stride(START) == START + STRIDE_NS
    host.pass_ns(NS_PER_MS)
    assert course.present() == START + 3600 * NS_PER_S + NS_PER_MS
