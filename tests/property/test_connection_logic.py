"""Backoff, windows, hosts, shards, slots, watchdog and clock offset under random lives."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.logic.backoff import Backoff
from bethna.logic.clock_offset import MAX_AGE_NS, ClockOffset
from bethna.logic.hosts import FIRST_NS, LONGEST_NS, TRIES, HostChoice
from bethna.logic.quota import SlidingWindow
from bethna.logic.shards import Shards
from bethna.logic.slot import Down, Numbers, Open, Promoted, Retire, Slot, SlotEffect
from bethna.logic.watchdog import FACTOR, Verdict, Watchdog

seeds = st.integers(0, 2**32 - 1)


class Highest:
    """Dice that always fall on the far end."""

    def random(self) -> float:
        return 1.0


class Lowest:
    """Dice that always fall on the near end."""

    def random(self) -> float:
        return 0.0


# --- backoff


@given(seeds, st.lists(st.integers(0, 120), max_size=40))
def test_delays_stay_under_a_ceiling_that_grows_only_with_failures(seed: int, flows: list[int]) -> None:
    backoff = Backoff(1.0, 60.0, 60.0, random.Random(seed))
    failures = 0
    for flowed_s in flows:
        failures = 0 if flowed_s >= 60 else failures + 1
        delay = backoff.delay(flowed_s * NS_PER_S)
        assert backoff.failures == failures
        assert 0 <= delay <= min(60, 2 ** max(0, failures - 1)) * NS_PER_S


def test_who_is_refused_by_name_comes_back_calmly_from_the_first_time_on() -> None:
    calm = [Backoff(1.0, 60.0, 60.0, Highest()), Backoff(1.0, 60.0, 60.0, Lowest())]
    most, least = ([each.delay(0, refused=True) / NS_PER_S for _ in range(6)] for each in calm)
    assert most == pytest.approx([5, 10, 20, 40, 60, 60])
    assert least == [2.5, 5, 10, 20, 30, 30]
    quick = Backoff(0.05, 0.2, 60.0, Highest())
    assert quick.delay(0, refused=True) <= 0.2 * NS_PER_S, "never longer than the settings allow"


def test_a_server_that_accepts_and_cuts_meets_delays_up_to_the_cap() -> None:
    backoff = Backoff(1.0, 60.0, 60.0, Highest())
    assert [backoff.delay(5 * NS_PER_S) // NS_PER_S for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    for _ in range(100):
        assert backoff.delay(0) == 60 * NS_PER_S
    backoff.steady()
    assert backoff.failures == 0
    assert backoff.delay(0) == NS_PER_S


@given(seeds)
def test_jitter_uses_the_whole_range(seed: int) -> None:
    rng = random.Random(seed)
    delays = []
    for _ in range(200):
        backoff = Backoff(1.0, 60.0, 60.0, rng)
        delays.append(backoff.delay(0) / NS_PER_S)
    assert min(delays) < 0.1
    assert max(delays) > 0.9


# --- sliding window


@given(st.integers(1, 6), st.integers(0, 2000), st.lists(st.integers(-50, 900), min_size=1, max_size=80))
def test_no_stretch_of_the_window_holds_more_than_the_limit(
    limit: int, window: int, steps: list[int]
) -> None:
    keeper = SlidingWindow(limit, window)
    now, taken = 1000, list[int]()
    for step in steps:
        now += step
        if keeper.wait(now) == 0:
            keeper.take(now)
            taken.append(max(now, taken[-1]) if taken else now)
    for at in taken:
        assert sum(at <= other <= at + window for other in taken) <= limit


@given(st.integers(1, 6), st.integers(1, 1000))
def test_who_waits_as_long_as_told_gets_through_at_the_full_rate(limit: int, window: int) -> None:
    keeper, now = SlidingWindow(limit, window), 0
    for _ in range(5 * limit):
        now += keeper.wait(now)
        assert keeper.wait(now) == 0
        keeper.take(now)
    assert now == 4 * (window + 1)


def test_a_window_that_the_venue_closed_opens_again() -> None:
    window = SlidingWindow(2, NS_PER_S)
    window.close_until(5 * NS_PER_S)
    window.close_until(3 * NS_PER_S)
    assert window.wait(NS_PER_S) == 4 * NS_PER_S
    assert window.wait(5 * NS_PER_S) == 0
    assert SlidingWindow.per_second(4.9).limit == 4
    slow = SlidingWindow.per_second(0.5)
    assert (slow.limit, slow.window_ns) == (1, 2 * NS_PER_S)
    with pytest.raises(ValueError, match="at least 1"):
        SlidingWindow(0, 1)


# --- hosts


@given(st.integers(1, 4), st.lists(st.sampled_from(["failed", "blocked", "worked", "wait"]), max_size=60))
def test_there_is_always_a_host_and_a_good_one_is_preferred(count: int, script: list[str]) -> None:
    hosts, now = HostChoice(count, 3600 * NS_PER_S), 0
    for what in script:
        index = hosts.choose(now)
        assert 0 <= index < count
        free = [other for other in range(count) if not hosts.is_avoided(other, now)]
        assert index == free[0] if free else hosts.is_avoided(index, now)
        match what:
            case "failed":
                hosts.failed(index, now)
            case "blocked":
                hosts.blocked(index, now)
                assert hosts.is_avoided(index, now)
                assert len(free) < 2 or hosts.choose(now) == free[1]
            case "worked":
                hosts.worked(index)
                assert not hosts.is_avoided(index, now)
            case _:
                now += 45 * NS_PER_S


def test_a_host_that_fails_is_left_for_longer_each_time_and_tried_again() -> None:
    hosts, now, pauses = HostChoice(2, 1), 0, []
    for _ in range(12):
        for _ in range(TRIES):
            assert not hosts.is_avoided(0, now)
            hosts.failed(0, now)
        start = now
        while hosts.is_avoided(0, now):
            now += FIRST_NS // 2
        pauses.append(now - start)
    assert pauses[:3] == [FIRST_NS, 2 * FIRST_NS, 4 * FIRST_NS]
    assert pauses[-1] == LONGEST_NS
    with pytest.raises(ValueError, match="at least one host"):
        HostChoice(0, 1)


# --- shards


class ShardsMachine(RuleBasedStateMachine):
    """Placement against a plain model: what is wanted by whom."""

    CAP = 5

    def __init__(self) -> None:
        super().__init__()
        self.shards = Shards(self.CAP)
        self.wanted: dict[str, list[str]] = {}
        self.used: set[int] = set()

    def where(self) -> dict[str, int]:
        return {s: number for group in self.wanted for s, number in self.shards.placed(group).items()}

    @rule(group=st.sampled_from("abcdefgh"), count=st.integers(0, 12))
    def add(self, group: str, count: int) -> None:
        before = self.where()
        streams = [f"{group}{n}" for n in range(count)]
        changed = self.shards.add(group, streams)
        if count:
            self.wanted[group] = streams
        else:
            self.wanted.pop(group, None)
        after = self.where()
        assert all(after[s] == before[s] for s in before.keys() & after.keys()), "a placed stream moved"
        assert changed == {(before | after)[s] for s in before.keys() ^ after.keys()}

    @rule(group=st.sampled_from("abcdefgh"))
    def remove(self, group: str) -> None:
        before = self.where()
        changed = self.shards.remove(group)
        self.wanted.pop(group, None)
        after = self.where()
        assert changed == {before[s] for s in before.keys() - after.keys()}

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def another_group_cannot_take_a_stream(self, data: st.DataObject) -> None:
        group = data.draw(st.sampled_from(sorted(self.wanted)))
        assert self.shards.add("z", self.wanted[group]) == set()
        assert self.shards.placed("z") == {}

    @invariant()
    def everything_is_placed_once_under_the_cap(self) -> None:
        carried = [stream for number in self.shards.sockets() for stream in self.shards.streams(number)]
        assert sorted(carried) == sorted(s for streams in self.wanted.values() for s in streams)
        for number in self.shards.sockets():
            assert 1 <= len(self.shards.streams(number)) <= self.CAP
        for group, streams in self.wanted.items():
            assert set(self.shards.placed(group)) == set(streams)
            assert all(group in self.shards.groups(number) for number in self.shards.placed(group).values())

    @invariant()
    def numbers_are_never_used_again(self) -> None:
        now = set(self.shards.sockets())
        fresh = now - self.used
        assert all(number > max(self.used, default=0) for number in fresh)
        self.used |= now


TestShards = ShardsMachine.TestCase


def test_a_group_that_fits_is_kept_together() -> None:
    shards = Shards(4)
    shards.add("a", ["a1", "a2", "a3"])
    shards.add("b", ["b1", "b2"])
    shards.add("c", ["c1"])
    assert [shards.groups(number) for number in shards.sockets()] == [("a", "c"), ("b",)]
    assert shards.streams(99) == ()
    assert shards.groups(99) == ()
    with pytest.raises(ValueError, match="at least one stream"):
        Shards(0)


# --- slots


class SlotMachine(RuleBasedStateMachine):
    """A slot against any life of its sockets: never without a plan, never more than two sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.attempts = SlidingWindow(6, 30 * NS_PER_S)
        self.slot = Slot(Numbers(), Backoff(1, 60, 60, random.Random(1)), self.attempts, 30 * NS_PER_S, 0)
        self.alive: set[int] = set()
        self.opened: list[int] = []
        self.proven = False
        self.stopped = False
        self.do(self.slot.tick(0))

    def do(self, effects: list[SlotEffect]) -> None:
        assert not (self.stopped and effects)
        for effect in effects:
            match effect:
                case Open(number, successor):
                    assert number not in self.alive
                    assert successor == bool(self.alive)
                    self.alive.add(number)
                    self.opened.append(self.now)
                case Retire(number):
                    self.alive.remove(number)
                case Promoted(number, rotated):
                    assert number in self.alive
                    assert not rotated or self.alive == {number}
                case Down(_, delay):
                    assert not self.alive
                    assert 0 <= delay <= 60 * NS_PER_S

    @rule(ms=st.integers(0, 90_000))
    def time_passes(self, ms: int) -> None:
        end = self.now + ms * NS_PER_MS
        while (due := self.slot.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.do(self.slot.tick(self.now))
        self.now = end

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), flowed_s=st.integers(0, 120))
    def a_socket_ends(self, data: st.DataObject, flowed_s: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.alive)))
        self.alive.remove(number)
        self.do(self.slot.ended(number, "cut", flowed_s * NS_PER_S, self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def a_socket_is_to_be_replaced(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.alive)))
        self.do(self.slot.rotate(number, "24 h", self.now))

    @rule()
    def the_successor_is_ready(self) -> None:
        if self.slot.successor is not None:
            self.do(self.slot.ready(self.slot.successor, self.now))

    @rule(number=st.integers(0, 50))
    def strangers_change_nothing(self, number: int) -> None:
        if number not in self.alive:
            assert self.slot.rotate(number, "x", self.now) == []
            assert self.slot.ended(number, "x", 0, self.now) == []
            assert self.slot.ready(number, self.now) == []

    @rule()
    def somebody_is_impatient(self) -> None:
        self.do(self.slot.hurry(self.now))

    @precondition(lambda self: len(self.opened) > 5)
    @rule()
    def nothing_is_wanted_any_more(self) -> None:
        if not self.stopped:
            self.do(self.slot.stop("unwanted", "done"))
            self.stopped = True
            assert not self.alive
            assert self.slot.rotate(1, "x", self.now) == self.slot.tick(self.now) == []

    @invariant()
    def there_is_a_plan(self) -> None:
        held = {number for number in (self.slot.main, self.slot.successor) if number is not None}
        assert held == self.alive
        assert len(held) <= 2
        assert self.slot.main is not None or self.slot.successor is None
        if not self.stopped:
            assert self.slot.main is not None or self.slot.deadline() is not None

    @invariant()
    def attempts_stay_inside_the_window(self) -> None:
        for at in self.opened:
            assert sum(at <= other <= at + 30 * NS_PER_S for other in self.opened) <= 6


TestSlot = SlotMachine.TestCase


def test_a_rotation_keeps_the_old_socket_until_the_new_one_is_ready() -> None:
    slot = Slot(Numbers(), Backoff(1, 60, 60, Highest()), SlidingWindow(10, 1), 30 * NS_PER_S, 0)
    assert slot.tick(0) == [Open(1, False)]
    assert slot.rotate(1, "24 h", 5) == [Open(2, True)]
    assert slot.rotate(1, "again", 6) == []
    assert slot.rotate(2, "shutdown", 7) == []  # the successor itself must go soon
    assert slot.ready(2, 8) == [Retire(1, "rotated", "24 h"), Promoted(2, True), Open(3, True)]
    assert slot.ended(2, "cut", 0, 9) == [Promoted(3, False)]
    assert slot.ended(3, "cut", 0, 10) == [Down("cut", NS_PER_S)]


def test_a_successor_that_proves_nothing_is_given_up_and_another_one_tried() -> None:
    slot = Slot(Numbers(), Backoff(1, 60, 60, Highest()), SlidingWindow(10, 1), 30 * NS_PER_S, 0)
    slot.tick(0)
    slot.rotate(1, "24 h", 0)
    (retired,) = slot.tick(30 * NS_PER_S)
    assert isinstance(retired, Retire)
    assert (retired.number, retired.code) == (2, "not_proven")
    assert slot.main == 1
    assert slot.tick(31 * NS_PER_S) == [Open(3, True)]


# --- watchdog


@given(st.integers(1, 20), st.lists(st.floats(0.1, 3.0), min_size=30, max_size=80))
def test_a_stream_that_keeps_its_pace_is_never_called_stale(pace_s: int, wobble: list[float]) -> None:
    dog: Watchdog[str] = Watchdog(10 * NS_PER_S, 3600 * NS_PER_S, 90 * NS_PER_S)
    dog.watch("x", 0)
    now = 0
    for number, factor in enumerate(wobble):
        for _ in range(max(1, round(pace_s * factor))):
            now += NS_PER_S
            assert dog.seen("x", number or None, now) is None
        assert dog.seen("x", number + 1, now) is None
    allowed = dog.allowed_ns("x")
    assert allowed >= 10 * NS_PER_S
    assert dog.seen("x", len(wobble), now + allowed) is None
    verdict = dog.seen("x", len(wobble), now + allowed + 1)
    assert verdict == Verdict("x", True, allowed + 1, allowed)
    assert dog.is_stale("x")
    assert dog.seen("x", len(wobble), now + 2 * allowed) is None  # told once
    back = dog.seen("x", -1, now + 3 * allowed)
    assert back is not None
    assert not back.stale
    assert not dog.is_stale("x")


def test_a_stream_that_is_silent_from_the_start_is_found() -> None:
    dog: Watchdog[str] = Watchdog(9, 1000, 90)
    dog.watch("x", 0)
    dog.watch("x", 50)  # watched already
    assert dog.seen("x", None, 90) is None
    assert dog.seen("x", None, 91) == Verdict("x", True, 91, 90)
    dog.restart("x", 100)
    assert dog.allowed_ns("x") == 180  # rule 5
    dog.forget("x")
    dog.forget("x")
    dog.restart("x", 1)
    assert dog.seen("x", 1, 2) is None
    assert not dog.is_stale("x")
    assert not dog.lively("x", 1)
    assert not dog.is_learnt("x")
    assert dog.allowed_ns("x") == 90


def test_the_allowance_follows_the_pace_between_its_bounds() -> None:
    dog: Watchdog[str] = Watchdog(15, 300, 60)
    for name, pace in (("quick", 1), ("slow", 4), ("rare", 40)):
        dog.watch(name, 0)
        for number in range(1, 200):
            assert dog.seen(name, number, number * pace) is None
    assert dog.allowed_ns("quick") == FACTOR
    assert dog.allowed_ns("slow") == FACTOR * 4
    assert dog.allowed_ns("rare") == 300
    assert dog.lively("quick", 1)
    assert not dog.lively("rare", 39)


@given(st.integers(2, 500), st.integers(1, 19))
def test_a_stream_quicker_than_the_ticks_has_its_true_pace(a_second: int, least_s: int) -> None:
    dog: Watchdog[str] = Watchdog(least_s * NS_PER_S, 300 * NS_PER_S, 60 * NS_PER_S)
    dog.watch("x", 0)
    for second in range(1, 60):
        assert dog.seen("x", second, second * NS_PER_S, a_second) is None
    pause_ns = NS_PER_S // a_second  # two ticks are the least that a silence can be told from none by
    assert dog.allowed_ns("x") == pytest.approx(
        max(least_s * NS_PER_S, FACTOR * pause_ns, 2 * NS_PER_S), rel=0.01
    )


@given(st.integers(3, 12), st.integers(1, 1000))
def test_a_stream_that_comes_in_clumps_is_not_taken_for_a_quick_one(every_s: int, clump: int) -> None:
    dog: Watchdog[str] = Watchdog(NS_PER_S, 300 * NS_PER_S, 60 * NS_PER_S)
    dog.watch("x", 0)
    for second in range(1, 60 * every_s):
        assert dog.seen("x", second // every_s or None, second * NS_PER_S, clump) is None
    assert dog.allowed_ns("x") >= FACTOR * (every_s - 1) * NS_PER_S


@given(seeds, st.floats(1.0, 20.0), st.integers(1, 50))
def test_a_lively_stream_of_random_pauses_is_not_called_stale_by_the_default_bounds(
    seed: int, clumps_a_second: float, clump: int
) -> None:
    dog: Watchdog[str] = Watchdog(15 * NS_PER_S, 300 * NS_PER_S, 60 * NS_PER_S)
    dice = random.Random(seed)
    dog.watch("x", 0)
    arrival, mark = dice.expovariate(clumps_a_second), 0
    for second in range(1, 600):
        count = 0
        while arrival <= second:
            count += clump
            arrival += dice.expovariate(clumps_a_second)
        mark += count
        assert dog.seen("x", mark or None, second * NS_PER_S, count) is None


def test_a_stream_that_keeps_falling_silent_is_given_more_each_time_until_it_is_known_anew() -> None:
    dog: Watchdog[str] = Watchdog(10, 10, 10)
    dog.watch("x", 0)
    now, allowances = 0, []
    for number in range(7):
        allowances.append(dog.allowed_ns("x"))
        now += allowances[-1] + 1
        assert dog.seen("x", number, now) is None or number == 0
        verdict = dog.seen("x", number, now + dog.allowed_ns("x") + 1)
        assert verdict is not None
        now += dog.allowed_ns("x") * 4
        assert dog.seen("x", -number - 1, now) is not None
    assert allowances == sorted(allowances)
    assert allowances[-1] == 10 << 4
    for number in range(200):
        now += 1
        dog.seen("x", number, now)
    assert dog.allowed_ns("x") == 10


# --- clock offset


@given(
    st.integers(-(10**10), 10**10),
    st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1)), min_size=1, max_size=30),
)
def test_the_true_offset_lies_within_the_stated_error(true: int, trips: list[tuple[int, float]]) -> None:
    offset, now = ClockOffset(), 10**18
    for number, (round_trip, share) in enumerate(trips):
        served = now + round(round_trip * share)
        offset.rest(now, now + round_trip, served + true, number)
        best = offset.best(number)
        assert best is not None
        assert abs(best.offset_ns - true) <= best.error_ns + 1
        now += 10**10
    best = offset.best(len(trips))
    assert best is not None
    assert best.error_ns == min((trip + 1) // 2 for trip, _ in trips[-16:])
    assert offset.measured(len(trips)) == (best.offset_ns, "rest")


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**9), st.floats(0, 1), st.integers(0, 10**9))
def test_whole_seconds_bound_the_offset_and_events_speak_within(
    true: int, round_trip: int, share: float, travel: int
) -> None:
    offset, now = ClockOffset(), 10**18
    served = now + round(round_trip * share) + true
    offset.rest(now, now + round_trip, served - served % NS_PER_S, 1, NS_PER_S)
    best = offset.best(1)
    assert best is not None
    assert abs(best.offset_ns - true) <= best.error_ns + 1
    assert offset.measured(1) == (best.offset_ns, "rest")
    for _ in range(5):
        offset.event(now + true, now + travel)
    measured = offset.offset_ns(2)
    assert measured is not None
    assert abs(measured - best.offset_ns) <= best.error_ns
    if travel <= best.offset_ns + best.error_ns - true and true - travel >= best.offset_ns - best.error_ns:
        assert offset.measured(2) == (true - travel, "events")


def test_a_stepped_host_clock_is_noticed_and_followed() -> None:
    offset = ClockOffset()
    for number in range(5):
        offset.rest(number, number + 1000, number + 500, number)
        offset.event(1000 + number, 1000 + number)
    assert offset.offset_ns(5) == 0
    assert not offset.suspect(5)
    step = 5 * NS_PER_S  # the host's clock jumps ahead
    for number in range(20):
        offset.event(number, number + step)
    assert offset.suspect(6)
    offset.rest(step, step + 2000, 1000, 7)
    assert offset.measured(7) == (-step, "rest")
    assert not offset.suspect(7)
    offset.rest(10, 5, 0, 8)  # stepped while asking
    assert offset.offset_ns(8) == -step


def test_events_speak_where_nobody_answers() -> None:
    offset = ClockOffset()
    assert offset.offset_ns(0) is None
    for late in (30, 10, 20, 10_000):
        offset.event(1_000_000 - late, 1_000_000)
    assert offset.measured(0) is None
    offset.event(1_000_000 - 5, 1_000_000)
    assert offset.measured(0) == (-20, "events")
    assert not offset.suspect(0)
    offset.rest(0, 10, 5, 0)
    assert offset.measured(MAX_AGE_NS) == (0, "rest")
    assert offset.measured(MAX_AGE_NS + 1) == (-20, "events")
