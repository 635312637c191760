"""The clocks of the venues and our own: what is told of them, once each, and when a measurement is doubted."""

from __future__ import annotations

from _memorydesk import BTC, ETH

from bethna.core.clock import NS_PER_S
from bethna.core.market import Trade
from bethna.logic.clock_offset import EVENTS_PLAUSIBLE_NS, MIN_EVENTS, PLAUSIBLE_NS, ClockOffset
from bethna.logic.venue_clocks import CALM_NS, VenueClocks

T = 1_700_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S


class Desk:
    """Looks once a second; `wall` is what its own clock was set by."""

    def __init__(self) -> None:
        self.clocks = VenueClocks()
        self.passed = self.wall = 0
        self.told: list[str] = []
        self.measure(0)

    @property
    def now(self) -> int:
        return T + self.passed + self.wall

    def measure(self, offset: int) -> None:
        self.clocks.offset("binance").rest(self.now, self.now + 2, self.now + 1 + offset, self.passed)

    def second(self, ahead: int = 0, excess: int | None = None) -> tuple[int, int | None]:
        self.passed += NS_PER_S
        self.clocks.host_set_back(self.now, self.passed)
        newest = Trade(BTC, 1.0, 1.0, "buy", 1, self.now + ahead, self.now)
        found = self.clocks.look(BTC, "binance", newest, excess, self.now, self.passed)
        self.told += [event.code for event in self.clocks.events(self.now, self.passed)]
        return found


def test_what_a_clock_can_say_at_most() -> None:
    offset = ClockOffset()
    assert offset.limit_ns(0) is None
    for _ in range(MIN_EVENTS):
        offset.event(T + 70, T)
    assert offset.limit_ns(0) == 70 + EVENTS_PLAUSIBLE_NS
    offset.rest(T, T + 200, T + 600, 0)
    assert offset.limit_ns(0) == 500 + 100 + PLAUSIBLE_NS
    offset.rest(T, T + 99, T, 1, coarse_ns=NS_PER_S)
    assert offset.limit_ns(0) == 500 + 100 + PLAUSIBLE_NS, "the finer one is believed"


def test_a_doubt_asks_for_a_measurement_and_one_answers_it() -> None:
    offset = ClockOffset()
    assert not offset.suspect(0)
    offset.doubt()
    assert offset.suspect(0)
    offset.rest(T, T + 2, T + 1, 0)
    assert not offset.suspect(0)


def test_ahead_is_told_once_and_its_end_once() -> None:
    desk = Desk()
    assert desk.second() == (desk.now, 1 + PLAUSIBLE_NS)
    desk.second(ahead=HOUR)
    assert desk.clocks.offset("binance").suspect(desk.passed)
    assert desk.clocks.words(BTC) == "its times run 3600.0 s ahead of its venue's clock"
    assert desk.clocks.venue_words("binance") == "its times run 3600.0 s ahead of its clock"
    assert (desk.clocks.words(ETH), desk.clocks.venue_words("bin")) == ("", "")
    desk.second(ahead=HOUR)
    desk.second()
    assert (desk.clocks.words(BTC), desk.told) == ("", ["venue_clock_ahead"])
    desk.second(excess=HOUR)  # one lie since the last look
    for _ in range(CALM_NS // NS_PER_S):
        desk.second()
    assert desk.told == ["venue_clock_ahead", "venue_clock_agrees"]


def test_a_clock_that_was_set_is_told_and_what_it_says_then_is_right() -> None:
    desk = Desk()
    desk.second()
    desk.second(ahead=HOUR)
    desk.measure(HOUR)
    assert desk.second(ahead=HOUR) == (desk.now + HOUR, HOUR + 1 + PLAUSIBLE_NS)
    assert (desk.told, desk.clocks.words(BTC)) == (["venue_clock_ahead", "venue_clock_set"], "")
    desk.measure(0)
    desk.second()
    assert desk.told[2:] == ["venue_clock_set"], "and set back"


def test_our_own_clock_that_is_set_back_is_seen_and_the_offsets_follow() -> None:
    desk = Desk()
    desk.second()
    desk.wall -= HOUR
    desk.passed += NS_PER_S
    assert desk.clocks.host_set_back(desk.now, desk.passed) == HOUR
    assert desk.clocks.offset("binance").suspect(desk.passed), "measured again all the same"
    assert desk.second(ahead=HOUR) == (desk.now + HOUR, HOUR + 1 + PLAUSIBLE_NS)
    assert (desk.told, desk.clocks.words(BTC)) == ([], "")


def test_a_machine_that_slept_has_not_set_its_clock_back() -> None:
    desk = Desk()
    desk.second()
    desk.wall += HOUR  # the monotonic clock stood still meanwhile
    desk.second()
    assert desk.told == []
    assert desk.second() == (desk.now, 1 + PLAUSIBLE_NS)


def test_before_anything_is_measured_nothing_is_known_and_nothing_told() -> None:
    clocks = VenueClocks()
    assert clocks.look(BTC, "binance", None, None, T, 0) == (0, None)
    assert clocks.events(T, 0) == []
    clocks.offset("binance").rest(T, T + 2, T + 1, 0)
    assert clocks.look(BTC, "binance", None, None, T, 0) == (T, 1 + PLAUSIBLE_NS)
    old = Trade(BTC, 1.0, 1.0, "buy", 1, T - HOUR, T - HOUR)
    assert clocks.look(BTC, "binance", old, None, T, 0) == (T, 1 + PLAUSIBLE_NS)
    assert clocks.words(BTC) == "", "what came long ago was in time when it came"


def test_what_is_not_followed_any_more_says_nothing() -> None:
    desk = Desk()
    desk.second(ahead=HOUR)
    desk.clocks.forget(BTC)
    assert desk.clocks.venue_words("binance") == ""
    desk.clocks.clear()
    assert desk.clocks.offset("binance").limit_ns(0) is None
