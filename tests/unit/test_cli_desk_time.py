"""What time it is for a desk: its own clock carried on by ours, and a recording's time, which stands still."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from bethna.api.protocol import HealthAnswer
from bethna.cli.desk_time import ASK_EVERY_NS, REMEMBERED, DeskTime
from bethna.core.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from bethna.core.status import SourceKind
from bethna.runtime.clocks import ManualClock

AHEAD_NS = 1_000_000 * NS_PER_S


@dataclass
class Told:
    """A desk whose answers are as late as they are told to be."""

    clock: ManualClock
    source: SourceKind = "live"
    late_ns: int = 0
    asked: int = 0
    fixed: int | None = field(default=None)

    def health(self) -> HealthAnswer:
        self.asked += 1
        now = self.clock.monotonic_ns() + AHEAD_NS - self.late_ns if self.fixed is None else self.fixed
        return HealthAnswer("ok", "1", self.source, None, None, now // NS_PER_US, None, {}, {}, [])


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 1500)), min_size=1, max_size=40))
def test_it_is_as_right_as_the_freshest_of_the_last_answers(steps: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    desk = Told(clock)
    time = DeskTime(desk, clock)
    late: list[int] = []
    for wait_ms, late_ms in steps:
        clock.advance(wait_ms * NS_PER_MS)
        desk.late_ns = late_ms * NS_PER_MS
        before = desk.asked
        found = time.now_ns()
        late += [desk.late_ns] * (desk.asked - before)
        wrong = clock.monotonic_ns() + AHEAD_NS - found
        assert min(late[-REMEMBERED:]) <= wrong < min(late[-REMEMBERED:]) + NS_PER_US


def test_it_asks_once_a_second() -> None:
    clock = ManualClock()
    desk = Told(clock)
    time = DeskTime(desk, clock)
    for _ in range(100):
        time.now_ns()
        clock.advance(ASK_EVERY_NS // 10)
    assert desk.asked == 10


def test_the_time_of_a_recording_is_what_was_said_last() -> None:
    clock = ManualClock()
    desk = Told(clock, source="tape", fixed=77 * NS_PER_S)
    time = DeskTime(desk, clock)
    assert time.now_ns() == 77 * NS_PER_S
    clock.advance(ASK_EVERY_NS // 2)
    assert time.now_ns() == 77 * NS_PER_S
    desk.fixed = 12 * NS_PER_S  # it starts over
    clock.advance(ASK_EVERY_NS)
    assert time.now_ns() == 12 * NS_PER_S
