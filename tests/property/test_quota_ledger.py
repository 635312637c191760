"""The shared quota's ledger under random lives of many processes, and by hand where a figure is meant."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.logic.quota_ledger import (
    CEILINGS,
    EVERYDAY,
    FLIGHT_NS,
    GRACE_NS,
    GUARD_NS,
    HISTORY,
    HOLDERS,
    LEASE_NS,
    LOOK_NS,
    MINUTE_NS,
    MOST,
    SLOW,
    TAKEN,
    WANTS,
    WINDOWS,
    Lane,
    Ledger,
    QuotaMachine,
    Shares,
    Terms,
)

LIMIT = 6000
EVERYDAY_WEIGHT = int(LIMIT * EVERYDAY)
MOST_WEIGHT = int(LIMIT * MOST)
UNCOUNTED = Terms(LIMIT, counted=False)
BEGIN = 1000 * NS_PER_S


@dataclass
class Address:
    """A ledger, a clock and who is alive; every visit goes through bytes, as it does in a file."""

    terms: Terms = UNCOUNTED
    now: int = BEGIN
    dead: set[int] = field(default_factory=set)
    ledger: Ledger | None = None
    into: int | None = None

    def visit(self, who: int) -> QuotaMachine:
        if self.ledger is None:
            self.ledger = Ledger(self.terms.limit)
        self.ledger = msgspec.json.decode(msgspec.json.encode(self.ledger), type=Ledger)
        into = (self.now if self.into is None else self.into) % MINUTE_NS
        return QuotaMachine(
            self.ledger, self.terms, who, who, self.now, into, lambda pid: pid not in self.dead
        )

    def ask(self, who: int, weight: int, lane: Lane = Lane.HEALING, number: int = 1, since: int = 0) -> int:
        return self.visit(who).ask(number, lane, weight, since or self.now)


def at_minute(into_s: float = 10.0, terms: Terms = UNCOUNTED) -> Address:
    """A ledger that was begun so far into a minute."""
    return Address(terms, now=1200 * NS_PER_S + round(into_s * NS_PER_S))


# --- a venue that counts: whatever the processes do, it never has to say no


@dataclass
class Venue:
    """Counts what arrives by its own minute, `ahead_ns` off ours."""

    minute: int = -1
    weight: int = 0
    peak: int = 0

    def arrive(self, weight: int, now: int) -> int:
        if now // MINUTE_NS != self.minute:
            self.minute, self.weight = now // MINUTE_NS, 0
        self.weight += weight
        self.peak = max(self.peak, self.weight)
        return self.weight


steps = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "arrive", "answer", "pause", "foreign", "die", "give up"]),
        st.integers(0, 3),
        st.sampled_from(list(Lane)),
        st.sampled_from([1, 4, 25, 50]),
        st.integers(0, 20 * NS_PER_S),
    ),
    max_size=100,
)


@dataclass
class Sent:
    who: int
    weight: int
    taken: int
    counted: int | None = None


@given(steps, st.integers(-400, 400))
def test_the_venue_never_counts_more_than_its_limit(
    script: list[tuple[str, int, Lane, int, int]], off_ms: int
) -> None:
    """Arrivals late or never, clocks apart by less than the guard, processes that die: at most MOST a minute."""
    limit = 200
    address = Address(Terms(limit), now=BEGIN)
    venue = Venue()
    away: list[Sent] = []
    arrived: list[Sent] = []
    number = foreign = 0
    for what, who, lane, weight, pause in script:
        if what == "ask":
            number += 1
            machine = address.visit(who)
            if machine.ask(number, lane, weight, address.now) == 0:
                away.append(Sent(who, weight, address.now))
                assert machine.used() <= max(int(limit * MOST), machine.ledger.foreign + weight)
            elif pause % 2:
                machine.withdraw(number)
        elif what == "arrive" and away:
            sent = away.pop(pause % len(away))
            sent.counted = venue.arrive(sent.weight, address.now + off_ms * NS_PER_MS)
            arrived.append(sent)
        elif what == "answer" and arrived:
            sent = arrived.pop(pause % len(arrived))
            address.visit(sent.who).settle(sent.weight, sent.taken, sent.counted)
        elif what == "pause":
            address.now += pause
            for sent in [each for each in away if address.now - each.taken > FLIGHT_NS]:
                away.remove(sent)  # timed out long ago
        elif what == "die":
            address.dead.add(who)
            address.now += LEASE_NS
            away = [each for each in away if each.who != who]
            address.visit(4)
            address.dead.clear()
        elif what == "foreign" and not pause % 7:
            venue.arrive(1, address.now + off_ms * NS_PER_MS)
            foreign += 1
    assert venue.peak <= int(limit * MOST) + foreign


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 25, 250])), min_size=5, max_size=40),
    st.integers(0, MINUTE_NS - 1),
)
def test_who_comes_back_when_told_gets_through_and_the_minute_is_used(
    wanted: list[tuple[int, int]], into: int
) -> None:
    """No deadlock, in order, and a minute in which enough is wanted is used to 95 % of what is allowed."""
    address = Address(now=1200 * NS_PER_S + into)
    spent: dict[int, int] = {}
    queue = [(address.now, n, who, weight * 8) for n, (who, weight) in enumerate(wanted)]
    since = address.now
    went: list[tuple[int, int]] = []
    while queue:
        queue.sort()
        when, number, who, weight = queue.pop(0)
        address.now = max(address.now, when)
        assert address.now < 1200 * NS_PER_S + 60 * MINUTE_NS, "somebody never gets through"
        wait = address.visit(who).ask(number, Lane.HEALING, weight, since)
        if wait:
            queue.append((address.now + wait, number, who, weight))
        else:
            spent[address.now // MINUTE_NS] = spent.get(address.now // MINUTE_NS, 0) + weight
            address.visit(who).settle(weight, address.now, None)
            went.append((address.now // MINUTE_NS, weight))
    for minute, weight in spent.items():
        left_waiting = [each for later, each in went if later > minute]
        assert EVERYDAY_WEIGHT - max(left_waiting, default=EVERYDAY_WEIGHT) < weight <= EVERYDAY_WEIGHT


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.integers(1, 300)), min_size=2, max_size=8))
def test_at_a_new_minute_higher_lanes_go_first_whoever_wakes_first(wanted: list[tuple[Lane, int]]) -> None:
    address = at_minute(10)
    assert address.ask(99, EVERYDAY_WEIGHT) == 0
    address.visit(99).settle(EVERYDAY_WEIGHT, address.now, None)
    assert address.ask(99, MOST_WEIGHT - EVERYDAY_WEIGHT, Lane.ORDERS) == 0
    address.visit(99).settle(MOST_WEIGHT - EVERYDAY_WEIGHT, address.now, None)
    limit = max(weight for _, weight in wanted)
    for who, (lane, weight) in enumerate(wanted):
        assert address.visit(who).ask(1, lane, weight, address.now) > 0
    assert address.ledger is not None
    address.ledger.limit = max(1, round((limit + 10) / HISTORY))  # so little that not all fit
    address.now += 50 * NS_PER_S + GUARD_NS
    went: list[tuple[Lane, int]] = []
    for who in reversed(range(len(wanted))):  # the wrong order
        lane, weight = wanted[who]
        if address.visit(who).ask(1, lane, weight, 1210 * NS_PER_S) == 0:
            went.append((lane, who))
    for lane, who in went:
        before = [w for n, (other, w) in enumerate(wanted) if (other, n) < (lane, who)]
        assert sum(before) + wanted[who][1] <= int(address.ledger.limit * CEILINGS[lane])
    assert went or wanted[0][0] is not Lane.ORDERS


# --- by hand


def test_orders_have_a_reserve_that_nobody_else_touches() -> None:
    address = at_minute(10)
    assert address.ask(1, EVERYDAY_WEIGHT, Lane.SNAPSHOTS) == 0
    for lane in (Lane.SNAPSHOTS, Lane.HEALING, Lane.BACKFILL):
        assert address.ask(2, 1, lane) == 50 * NS_PER_S + GUARD_NS
        address.visit(2).withdraw(1)
    reserve = MOST_WEIGHT - EVERYDAY_WEIGHT
    assert reserve == 240
    assert address.ask(3, reserve, Lane.ORDERS) == 0
    assert address.ask(3, 1, Lane.ORDERS, 2) == 50 * NS_PER_S + GUARD_NS


def test_history_leaves_the_rest_of_a_minute_to_those_who_cannot_wait() -> None:
    address = at_minute(10)
    assert address.ask(1, int(LIMIT * HISTORY), Lane.BACKFILL) == 0
    assert address.ask(2, 1, Lane.BACKFILL) == 50 * NS_PER_S + GUARD_NS
    assert address.ask(3, EVERYDAY_WEIGHT - int(LIMIT * HISTORY), Lane.HEALING) == 0


def test_a_lower_lane_waits_while_a_higher_one_wants_and_goes_when_it_does_not() -> None:
    address = at_minute(10)
    assert address.ask(1, EVERYDAY_WEIGHT - 100) == 0
    since = address.now
    assert address.ask(2, 150, Lane.SNAPSHOTS, since=since) > 49 * NS_PER_S
    assert (
        address.ask(3, 50, Lane.HEALING, since=since) == LEASE_NS
    )  # there is room, but not beside the higher
    assert address.ask(4, 50, Lane.ORDERS) == 0  # a lower one is in nobody's way
    address.visit(2).withdraw(1)
    assert address.ask(3, 50, Lane.HEALING, since=since) == 0


def test_a_want_whose_process_is_gone_is_nobodys() -> None:
    address = at_minute(10)
    assert address.ask(1, EVERYDAY_WEIGHT - 100) == 0
    assert address.ask(2, 150, Lane.SNAPSHOTS) > 0
    address.dead.add(2)
    wait = address.ask(3, 50, Lane.HEALING)
    assert wait == LEASE_NS  # it may still be told of: it came just now
    address.now += wait
    assert address.ask(3, 50, Lane.HEALING) == 0


def test_a_want_whose_holder_does_not_come_back_is_struck_out() -> None:
    address = at_minute(58)
    assert address.ask(1, EVERYDAY_WEIGHT - 100) == 0
    address.visit(1).settle(EVERYDAY_WEIGHT - 100, address.now, None)
    wait = address.ask(2, 5700, Lane.SNAPSHOTS)
    assert wait == 2 * NS_PER_S + GUARD_NS
    address.now += wait + GRACE_NS - 1
    assert address.ask(3, 50, Lane.HEALING) > 0
    address.now += 1
    assert address.ask(3, 50, Lane.HEALING) == 0


def test_the_longest_waiting_of_a_lane_is_not_starved_by_light_requests() -> None:
    address = at_minute(10)
    assert address.ask(1, EVERYDAY_WEIGHT - 100) == 0
    assert address.ask(2, 250, Lane.HEALING, since=address.now) > 0
    address.now += NS_PER_MS
    assert address.ask(3, 1, Lane.HEALING) > 0


def test_what_is_in_flight_when_a_minute_begins_counts_in_it() -> None:
    address = at_minute(59)
    assert address.ask(1, 5000) == 0
    address.now += 2 * NS_PER_S
    machine = address.visit(2)
    assert machine.used() == 5000
    assert machine.ask(1, Lane.HEALING, 701, address.now) > 0
    assert address.ask(2, 700, number=2, lane=Lane.SNAPSHOTS) == 0
    address.now += FLIGHT_NS
    assert address.visit(2).used() == 0  # nobody waits for it any longer


def test_the_first_moment_of_a_minute_belongs_to_the_one_before_too() -> None:
    address = at_minute(50)
    assert address.ask(1, 5000) == 0
    address.visit(1).settle(5000, address.now, None)
    address.now += 10 * NS_PER_S + GUARD_NS - 1
    assert address.ask(1, 700) == 0
    address.visit(1).settle(700, address.now, None)
    assert address.ask(1, 1, number=2) == 1
    address.now += 1
    assert address.ask(1, 1, number=2) == 0


def test_the_venues_word_counts_when_it_is_more() -> None:
    address = at_minute(10, Terms(100))
    assert address.ask(1, 10) == 0
    taken = address.now
    address.visit(1).settle(10, taken, 80)
    assert address.visit(2).used() == 80
    address.visit(1).settle(0, taken, 20)
    assert address.visit(2).used() == 80
    assert address.ask(2, 16) == 50 * NS_PER_S + GUARD_NS
    address.visit(2).withdraw(1)
    assert address.ask(2, 15) == 0
    assert address.visit(2).used() == 95
    address.now += 50 * NS_PER_S
    assert address.visit(2).used() == 15  # in flight
    address.visit(2).settle(15, taken, 99)  # of the minute before
    assert address.visit(1).used() == 15
    address.now += GUARD_NS - 1
    address.visit(1).settle(0, address.now, 99)  # which of the two minutes it is of is not known
    assert address.visit(1).used() == 15


def test_until_the_venue_has_told_its_count_little_is_let_go() -> None:
    address = at_minute(10, Terms(1000))
    assert address.ask(1, 100) == 0
    assert address.ask(2, 1) == LOOK_NS
    assert address.ask(3, 1, Lane.ORDERS) == 0
    address.visit(1).settle(100, address.now, 101)
    assert address.ask(2, 800) == 0
    silent = at_minute(10, Terms(1000))  # a venue that keeps its count to itself after all
    for _ in range(4):
        assert silent.ask(1, int(1000 * SLOW) + 100) == 0
        assert silent.ask(2, 1) == LOOK_NS
        silent.visit(2).withdraw(1)
        silent.visit(1).settle(200, silent.now, None)


def test_a_request_heavier_than_the_limit_goes_when_nothing_else_did() -> None:
    address = at_minute(10)
    assert address.ask(1, 9000) == 0
    assert address.ask(2, 9000) == 50 * NS_PER_S + GUARD_NS
    address.visit(1).settle(9000, address.now, None)
    address.now += 50 * NS_PER_S + GUARD_NS
    assert address.ask(2, 9000) == 0


# --- stops


def test_a_stop_is_everybodys_and_is_never_shortened() -> None:
    address = at_minute(0)
    assert address.visit(1).stop(30.0, banned=False) == 30.0
    address.now += 10 * NS_PER_S
    assert [address.ask(2, 1, lane) for lane in Lane] == [20 * NS_PER_S] * 4
    assert address.visit(2).stop(None, banned=True) == 120.0
    assert address.visit(3).ledger.banned
    assert address.visit(3).stop(1.0, banned=False) == 120.0
    assert address.visit(3).ledger.banned
    address.now += 100 * NS_PER_S
    assert address.visit(3).stop(None, banned=False) == 60.0
    assert address.visit(3).stop(float("inf"), banned=False) == 30 * 86_400


# --- clocks


def test_a_wall_clock_that_is_set_back_stops_nobody() -> None:
    """By the host's clock the minute would not be over for an hour."""
    address = at_minute(10)
    assert address.ask(1, EVERYDAY_WEIGHT) == 0
    address.visit(1).settle(EVERYDAY_WEIGHT, address.now, None)
    wait = address.ask(2, 1)
    address.into = 37 * NS_PER_S  # whatever the wall clock says now
    address.now += wait
    assert address.ask(2, 1) == 0


@given(st.integers(0, MINUTE_NS - 1), st.integers(0, MINUTE_NS - 1), st.integers(0, 90))
def test_the_venues_clock_is_taken_over_and_forgets_nothing(host: int, venue: int, later_s: int) -> None:
    address = at_minute(10)
    address.into = host
    assert address.ask(1, 5000) == 0
    address.now += later_s * NS_PER_S
    machine = address.visit(2)
    spent = machine.used()
    machine.learn_clock(venue)
    ledger = machine.ledger
    assert ledger.sure
    assert (address.now - ledger.start) % MINUTE_NS == venue % MINUTE_NS
    assert 0 <= address.now - ledger.start < MINUTE_NS
    assert machine.used() >= min(spent, 5000)


def test_a_minute_that_had_not_begun_after_all_is_one_with_the_one_before() -> None:
    address = at_minute(59)
    assert address.ask(1, 3000) == 0
    address.visit(1).settle(3000, address.now, None)
    address.now += 2 * NS_PER_S
    assert address.ask(1, 1000) == 0
    machine = address.visit(1)
    assert machine.used() == 1000
    machine.learn_clock(58 * NS_PER_S)
    assert machine.used() == 4000
    address.now += 2 * NS_PER_S
    assert address.visit(1).used() == 1000  # what is in flight


def test_the_shares_of_processes_and_of_strangers_add_up_to_what_was_used() -> None:
    address = at_minute(10, Terms(6000))
    assert (address.ask(1, 200), address.ask(2, 30)) == (0, 0)
    address.visit(2).settle(30, address.now, 300)  # the venue counted 70 that none of ours spent
    assert address.visit(1).shares() == Shares(used=300, own=200, foreign=70, processes=2)
    assert address.visit(2).shares() == Shares(used=300, own=30, foreign=70, processes=2)
    address.visit(2).leave()
    assert address.visit(1).shares() == Shares(used=300, own=200, foreign=70, processes=1)
    address.now += MINUTE_NS
    assert address.visit(1).shares() == Shares(used=200, own=200, foreign=0, processes=1), "it is in flight"


def test_another_boot_begins_anew_with_the_limit_that_was_learnt() -> None:
    address = at_minute(10)
    address.visit(1).learn_limit(1200)
    address.visit(1).learn_limit(0)
    assert address.ask(1, 1000) == 0
    address.now = 5 * NS_PER_S
    machine = address.visit(2)
    assert (machine.used(), machine.ledger.limit, machine.sharers()) == (0, 1200, 1)
    assert address.ledger is not None
    address.ledger.start = address.now + 1  # nonsense: it would never end
    assert address.visit(2).ledger.start <= address.now


# --- windows


@given(st.integers(1, 6), st.integers(0, 2000), st.lists(st.integers(0, 900), min_size=1, max_size=80))
def test_no_stretch_of_a_window_holds_more_than_its_limit(limit: int, length: int, steps: list[int]) -> None:
    address, taken = Address(), list[int]()
    for number, step in enumerate(steps):
        address.now += step
        wait = address.visit(number % 3).take("connections", limit, length)
        if wait:
            address.now += wait
            assert address.visit(number % 3).take("connections", limit, length) == 0
        taken.append(address.now)
    for at in taken:
        assert sum(at <= other <= at + length for other in taken) <= limit


def test_a_window_that_the_venue_closed_is_closed_for_all() -> None:
    address = Address(now=BEGIN)
    address.visit(1).close_until("connections", BEGIN + 5)
    address.visit(1).close_until("connections", BEGIN + 3)
    assert address.visit(2).take("connections", 1, 10) == 5
    address.now += 5
    assert address.visit(2).take("connections", 1, 10) == 0
    assert address.visit(3).take("connections", 1, 10) == 11
    assert address.visit(3).take("others", 1, 10) == 0


# --- bounds


def test_the_ledger_is_bounded_whatever_is_asked() -> None:
    address = Address(now=BEGIN)
    assert address.ask(0, EVERYDAY_WEIGHT) == 0
    for who in range(HOLDERS + 50):
        address.now += 1
        for number in range(WANTS + 5):
            assert address.ask(who, 10, Lane.BACKFILL, number) > 0
    for window in range(WINDOWS + 3):
        full = address.visit(1).take(str(window), 1, 10)
        assert full == (LEASE_NS if window >= WINDOWS else 0)
    address.visit(1).close_until("one more", 10)
    assert address.ledger is not None
    address.ledger.windows["1"].taken = [address.now] * (TAKEN - 5)
    for _ in range(10):
        address.visit(1).take("1", 2 * TAKEN, NS_PER_S)
    ledger = address.visit(1).ledger
    assert len(ledger.holders) == HOLDERS
    assert max(len(each.wants) for each in ledger.holders) == WANTS
    assert max(len(each.taken) for each in ledger.windows.values()) <= TAKEN
    assert len(msgspec.json.encode(ledger)) < 400_000


def test_an_urgent_want_finds_room_among_many_idle_ones() -> None:
    address = Address(now=BEGIN)
    assert address.ask(0, MOST_WEIGHT) == 0
    for number in range(WANTS):
        address.ask(1, 1, Lane.BACKFILL, number)
    address.ask(1, 1, Lane.ORDERS, 99)
    wants = address.visit(1).ledger.holders[-1].wants
    assert [want.number for want in wants] == [99, *range(WANTS - 1)]


def test_who_is_silent_for_an_hour_is_forgotten_and_who_leaves_is_gone() -> None:
    address = Address(now=BEGIN)
    address.visit(1)
    address.now += 3599 * NS_PER_S
    assert address.visit(2).sharers() == 2
    address.now += NS_PER_S
    assert address.visit(2).sharers() == 1
    assert not (machine := address.visit(3)).leave()
    assert machine.sharers() == 1
    assert address.visit(2).leave()


def test_a_portion_is_all_that_is_spent_by_who_keeps_a_ledger_alone() -> None:
    address = at_minute(10, Terms(LIMIT, counted=False, portion=0.25))
    assert address.ask(1, int(EVERYDAY_WEIGHT * 0.25)) == 0
    assert address.ask(1, 1, number=2) > 0
    assert address.visit(1).take("connections", 4, 1000) == 0
    assert address.visit(1).take("connections", 4, 1000) == 1001


@pytest.mark.parametrize("raw", [b"{}", b"[0]", b'["x"]', b"[10,true,null,0,true,-1]", b"[1,true,1e400]"])
def test_what_is_no_ledger_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(raw, type=Ledger)
