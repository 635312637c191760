"""The open bar of a row, and what the row asks for: what it is made of, and what heals it."""

from __future__ import annotations

from msgspec.structs import replace
from unit.test_bar_stream import M5, START, at, begun, brief, nobody, seen, stream, told

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Gap, State
from bethna.core.market import Candle
from bethna.logic.bar_stream import CALM_NS, LONGEST_NS, RETRY_NS, SETTLE_NS, SLACK, BarStream, Beginning

PART = (11.0, 13.0, 10.0, 10.5)


def watched_late(*, closed: bool = False, trades: int = 2) -> Candle:
    """The desk's candle of five minutes, of which it did not see the beginning."""
    return seen(0, PART, volume=1.5, trades=trades, closed=closed, state=State.INCOMPLETE, interval=M5)


def figures(bar: Bar) -> tuple[object, ...]:
    return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades


FIRST = told(0, (10.0, 12.0, 9.0, 11.0), volume=2.0, trades=3)
SECOND = told(1, (11.0, 11.0, 8.0, 8.0), volume=1.0, trades=2)
THIRD = seen(2, (8.0, 9.5, 8.0, 9.0), volume=0.5, trades=1, closed=False)


def opened(*bars: Bar, until: float, now: float) -> BarStream:
    """A row of five minutes whose open bar the desk saw a part of, and which has a beginning."""
    machine = stream(M5)
    machine.hear([watched_late()], (), at(now))
    machine.fetched([told(-5, interval=M5)], Beginning(START, at(until), bars), at(now))
    return machine


# rule 6 -----------------------------------------------------------------------------------------------------------


def test_a_beginning_is_lacking_where_the_desk_did_not_watch_from_the_opening_on() -> None:
    machine = begun([told(-5, interval=M5)], at(2), M5)
    assert machine.lacks_beginning()
    machine.hear([watched_late()], (), at(2))
    assert machine.lacks_beginning()
    for state in (State.COMPLETE, State.HEALED, State.UNVERIFIED):
        machine.hear([seen(0, closed=False, state=state, interval=M5)], (), at(3))
        assert not machine.lacks_beginning()
    machine.hear((), (), at(5))
    assert machine.lacks_beginning()  # of the next one nothing was heard


def test_the_open_bar_is_merged_of_the_beginning_and_what_was_seen_since() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2.1)
    (bar,) = machine.hear((), [THIRD], at(2.5))
    assert figures(bar) == (10.0, 12.0, 8.0, 9.0, 3.5, 6)
    assert (bar.closed, bar.source, bar.coverage.state) == (False, "kraken+live", State.COMPLETE)
    (bar,) = machine.hear((), [replace(THIRD, close=9.5)], at(2.6))
    assert bar.close == 9.5
    assert machine.hear((), [replace(THIRD, close=9.5)], at(2.7)) == []


def test_between_two_parts_it_is_open() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    bar = machine.row[-1]
    assert figures(bar) == (10.0, 12.0, 8.0, 8.0, 3.0, 5)
    assert not bar.closed
    (bar,) = machine.hear((), [replace(THIRD, closed=True)], at(3))
    assert (bar.closed, bar.close) == (False, 9.0)


def test_with_its_last_part_it_is_closed() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    since = [replace(THIRD, closed=True), seen(3), seen(4, closed=False)]
    assert brief(machine.hear((), since, at(4.9))) == [(0, "complete", False)]
    (bar,) = machine.hear((), [*since[:2], seen(4)], at(5))
    assert figures(bar) == (10.0, 12.0, 8.0, 11.0, 7.5, 12)
    assert (bar.closed, bar.coverage.state) == (True, State.COMPLETE)


def test_shorter_candles_with_a_hole_are_not_merged() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    (bar,) = machine.hear([watched_late()], [seen(3, closed=False)], at(3.5))  # where is the third minute?
    assert figures(bar) == (10.0, 13.0, 8.0, 10.5, 3.0, None)  # widened by what the desk has seen
    assert (bar.source, bar.coverage.state) == ("kraken+live", State.INCOMPLETE)
    (bar,) = machine.hear((), [replace(THIRD, closed=True), seen(3, closed=False)], at(3.6))
    assert (bar.close, bar.coverage.state) == (11.0, State.COMPLETE)
    (bar,) = machine.hear((), [replace(THIRD, closed=True), seen(4, closed=False)], at(4.5))
    assert bar.coverage.state is State.INCOMPLETE


def test_shorter_candles_that_end_a_while_ago_are_not_all_that_happened() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)  # no trade was heard in the third minute
    assert machine.hear([watched_late()], (), at(2, 1.9)) == []
    (bar,) = machine.hear([], (), at(2, 2))
    assert figures(bar) == (10.0, 13.0, 8.0, 10.5, 3.0, None)
    assert bar.coverage.state is State.INCOMPLETE
    machine.asked(0)
    assert machine.asks(at(4), RETRY_NS) == 1  # a newer beginning heals it
    news = machine.fetched([], Beginning(START, at(4), (FIRST, SECOND, told(2), told(3))), at(4))
    assert brief(news) == [(0, "complete", False)]


def test_without_a_word_of_the_desk_the_beginning_stands() -> None:
    machine = stream(M5)
    machine.fetched([told(-5, interval=M5)], Beginning(START, at(2), (FIRST, SECOND)), at(3.5))
    assert figures(machine.row[-1]) == (10.0, 12.0, 8.0, 8.0, 3.0, 5)


def test_a_beginning_of_which_nothing_is_known_hides_nothing_that_was_seen() -> None:
    machine = opened(nobody(0), nobody(1), until=2, now=2)
    assert machine.row[-1].kind is BarKind.UNKNOWN
    (bar,) = machine.hear((), [seen(3, closed=False)], at(3.5))
    assert (bar.kind, bar.close, bar.coverage.state) == (BarKind.TRADED, 10.5, State.INCOMPLETE)


def test_a_merged_bar_is_looked_at_again_when_the_next_one_is_open() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    since = [replace(THIRD, closed=True), seen(3), seen(4, state=State.UNVERIFIED)]
    machine.hear((), since, at(5))
    machine.hear([seen(5, closed=False, interval=M5)], since, at(5.1))
    assert brief(machine.row[-2:]) == [(0, "unverified", True), (5, "complete", False)]
    (bar,) = machine.hear((), [*since[:2], seen(4)], at(5.2))
    assert (brief([bar]), bar.revision) == ([(0, "complete", True)], 1)


def test_a_beginning_that_comes_late_heals_the_bar_before_the_open_one() -> None:
    machine = begun([told(-5, interval=M5)], at(4), M5)
    machine.hear([watched_late(closed=True), seen(5, closed=False, interval=M5)], (), at(5))
    assert brief(machine.row[-2:]) == [(0, "incomplete", True), (5, "complete", False)]
    whole = Beginning(START, at(5), (FIRST, SECOND, told(2), told(3), told(4)))
    (bar,) = machine.fetched([], whole, at(5.1))
    assert (brief([bar]), bar.revision, bar.volume) == ([(0, "complete", True)], 1, 9.0)


def test_a_beginning_is_not_replaced_by_an_earlier_one() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    machine.fetched([], Beginning(START, at(1), (FIRST,)), at(2, 1))
    assert machine.beginning == Beginning(START, at(2), (FIRST, SECOND))
    again = Beginning(START, at(2), (FIRST, replace(SECOND, close=8.5)))  # a later word of as much
    (bar,) = machine.fetched([], again, at(2, 1))
    assert bar.close == 8.5
    machine.fetched([], Beginning(at(-5), at(0), (told(-5),)), at(2, 1))
    assert machine.beginning == again


def test_a_new_beginning_goes_on_with_what_was_seen_since_its_own_end() -> None:
    machine = opened(FIRST, until=1, now=2)
    machine.hear((), [seen(1), THIRD], at(2.5))
    (bar,) = machine.fetched([], Beginning(START, at(2), (FIRST, SECOND)), at(2.6))
    assert figures(bar) == (10.0, 12.0, 8.0, 9.0, 3.5, 6)
    assert bar.coverage.state is State.COMPLETE
    assert machine.hear((), [THIRD], at(2.7)) == []


def test_a_beginning_is_let_go_a_while_after_its_bar_has_closed() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    machine.hear((), (), at(5) + RETRY_NS)
    assert machine.beginning is not None
    machine.hear((), (), at(5) + RETRY_NS + 1)
    assert machine.beginning is None


def test_without_a_beginning_the_sources_figures_are_widened_by_those_of_the_desk() -> None:
    machine = begun([told(0, volume=5.0, trades=7, closed=False, interval=M5)], at(2), M5)
    (bar,) = machine.hear([watched_late()], (), at(2.1))
    assert figures(bar) == (10.0, 13.0, 9.0, 10.5, 5.0, None)
    assert (bar.closed, bar.source, bar.coverage.state) == (False, "kraken+live", State.INCOMPLETE)
    (unseen,) = watched_late().coverage.gaps
    assert bar.coverage.gaps == (Gap("candles", None, None, START, unseen.end, "not_watched"),)
    assert brief(machine.hear([watched_late(closed=True)], (), at(5))) == [(0, "incomplete", True)]


def test_a_closed_word_of_the_source_is_not_widened() -> None:
    machine = begun([told(0, closed=False, interval=M5)], at(2), M5)
    machine.hear([watched_late()], (), at(4.9))
    (bar,) = machine.fetched([told(0, interval=M5)], None, at(5))
    assert (figures(bar), bar.coverage.state) == ((10.0, 12.0, 9.0, 11.0, 2.0, 3), State.COMPLETE)


def test_what_the_desk_watched_from_its_opening_on_needs_no_source() -> None:
    machine = begun([told(0, volume=9.0, closed=False, interval=M5)], at(2), M5)
    (bar,) = machine.hear([seen(0, PART, closed=False, state=State.UNVERIFIED, interval=M5)], (), at(2.1))
    assert (bar.close, bar.source) == (10.5, "live")


def test_where_the_desk_saw_no_trade_the_sources_figures_stay() -> None:
    machine = begun([told(0, closed=False, interval=M5)], at(2), M5)
    assert machine.hear([watched_late(trades=0)], (), at(2.1)) == []
    assert brief(machine.hear([watched_late(trades=0, closed=True)], (), at(5, 2))) == [
        (0, "incomplete", True)
    ]


def test_where_the_source_saw_no_trade_the_desks_figures_stand() -> None:
    quiet = replace(told(0, closed=False, interval=M5), kind=BarKind.QUIET, volume=0.0, trades=0)
    machine = begun([quiet], at(1), M5)
    (bar,) = machine.hear([watched_late()], (), at(2))
    assert (figures(bar), bar.source) == ((*PART, 1.5, 2), "live")


def test_the_greater_volume_stands() -> None:
    for volume in (1.0, None):
        machine = begun([told(0, volume=volume, closed=False, interval=M5)], at(2), M5)
        assert [bar.volume for bar in machine.hear([watched_late()], (), at(2.1))] == [1.5]


def test_a_part_that_is_open_a_little_longer_is_no_hole() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    machine.hear((), [THIRD], at(2.5))
    assert machine.hear((), [THIRD], at(3, 5)) == []
    assert machine.row[-1].coverage.state is State.COMPLETE
    (bar,) = machine.hear((), [seen(3)], at(3.5))  # a hole: as far as they joined they are widened
    assert bar.volume == 3.5


def test_a_merged_bar_that_is_closed_stays_when_its_parts_are_gone() -> None:
    machine = opened(FIRST, SECOND, until=2, now=2)
    machine.hear((), [seen(2), seen(3), seen(4, state=State.UNVERIFIED)], at(5))
    machine.hear((), [seen(2), seen(3), seen(4)], at(5, 1))  # its proof has come
    machine.hear((), [], at(5) + RETRY_NS + 1)
    assert machine.beginning is None
    assert machine.hear([watched_late(closed=True)], [], at(6.5)) == []
    assert machine.row[1].coverage.state is State.COMPLETE


def test_where_nothing_is_known_of_the_beginning_the_sources_own_bar_is_widened() -> None:
    machine = stream(M5)
    theirs = told(0, volume=5.0, closed=False, interval=M5)
    machine.fetched([theirs], Beginning(START, at(2), (nobody(0), nobody(1))), at(2))
    (bar,) = machine.hear([watched_late()], [seen(3, closed=False)], at(3.5))
    assert figures(bar) == (10.0, 13.0, 9.0, 10.5, 5.0, None)


def test_what_the_desk_saw_a_part_of_is_more_than_nothing() -> None:
    machine = begun([nobody(0, M5)], at(5), M5)
    (bar,) = machine.hear([watched_late(closed=True)], [], at(5))
    assert (figures(bar), bar.coverage.state) == ((*PART, 1.5, 2), State.INCOMPLETE)


# rule 7 -----------------------------------------------------------------------------------------------------------


def test_it_asks_for_its_history_until_it_has_it() -> None:
    machine = stream(history=7)
    assert machine.asks(at(0), 5) == 7
    machine.asked(5)
    assert machine.asks(at(0), 4 + RETRY_NS) is None
    assert machine.asks(at(0), 5 + RETRY_NS) == 7


def test_what_is_whole_is_not_asked_for() -> None:
    machine = begun([told(0)], at(1))
    machine.asked(0)
    assert machine.asks(at(1, 30), 10 * LONGEST_NS) is None


def test_one_that_has_just_ended_is_asked_for_when_it_has_settled() -> None:
    machine = begun([told(0)], at(1))
    machine.asked(0)  # in the first second of the bar that follows
    machine.hear((), (), at(2, 2))
    assert machine.asks(at(2) + SETTLE_NS - 1, CALM_NS) is None
    assert machine.asks(at(2) + SETTLE_NS, CALM_NS - 1) is None
    assert machine.asks(at(2) + SETTLE_NS, CALM_NS) == 2  # this one, and the open one


def test_one_that_was_asked_for_is_asked_for_later_each_time() -> None:
    machine = begun([told(0), nobody(1)], at(2))
    machine.asked(0)
    machine.asks(at(2) + SETTLE_NS, 0)
    for pause in (RETRY_NS, 2 * RETRY_NS, 4 * RETRY_NS, 8 * RETRY_NS, LONGEST_NS, LONGEST_NS):
        machine.asked(0)
        assert machine.asks(at(2.5), pause - 1) is None
        assert machine.asks(at(2.5), pause) == 2
        machine.failed()


def test_while_something_heals_it_is_asked_for_soon() -> None:
    machine = begun([nobody(0), nobody(1)], at(2))
    machine.asks(at(2.5), 0)
    machine.asked(0)
    machine.failed()
    assert machine.asks(at(2.5), 2 * RETRY_NS - 1) is None
    machine.asked(0)
    machine.fetched([told(0)], None, at(2.5))
    assert machine.asks(at(2.5), RETRY_NS) == 2
    machine.asked(0)
    machine.fetched([], None, at(2.5))
    assert machine.asks(at(2.5), RETRY_NS) is None
    machine.asked(0)
    machine.fetched([told(1)], None, at(2.5))
    assert machine.asks(at(2.5), LONGEST_NS) is None  # all is whole


def test_an_answer_that_leaves_as_many_weak_but_others_has_healed_something() -> None:
    machine = begun([nobody(0), nobody(1)], at(2))
    machine.asked(0)
    machine.fetched([told(0), nobody(2)], None, at(3.5))
    assert machine.asks(at(3.5), RETRY_NS) == 3


def test_one_that_only_lacks_its_proof_is_given_time_to_get_it() -> None:
    machine = begun([told(0)], at(1))
    machine.asked(0)
    machine.hear([seen(1, state=State.UNVERIFIED)], (), at(2))
    assert machine.asks(at(2) + RETRY_NS - 1, LONGEST_NS) is None
    assert machine.asks(at(2) + RETRY_NS, LONGEST_NS) == 3


def test_an_open_bar_that_is_not_whole_is_asked_for_where_shorter_ones_can_heal_it() -> None:
    machine = begun([told(-5, interval=M5)], at(2), M5)
    machine.asked(0)
    machine.hear([watched_late()], (), at(2))
    assert machine.asks(at(2), RETRY_NS - 1) is None
    assert machine.asks(at(2), RETRY_NS) == 1
    minutes = begun([told(0)], at(1))
    minutes.asked(0)
    minutes.hear([seen(1, closed=False, state=State.INCOMPLETE)], (), at(1, 30))
    assert minutes.asks(at(1, 30), LONGEST_NS) is None
    whole = begun([told(0, closed=False, interval=M5)], at(2), M5)
    whole.asked(0)
    assert whole.asks(at(2), LONGEST_NS) is None


def test_no_more_is_asked_for_than_the_row_can_hold() -> None:
    machine = begun([nobody(0)], at(0, 58), history=1)
    machine.asked(0)
    assert machine.asks(at(5 * SLACK), LONGEST_NS) == 1 + SLACK


def test_one_that_was_asked_for_before_it_settled_is_asked_for_soon() -> None:
    machine = begun([told(0), nobody(1)], at(2))
    machine.asked(0)
    assert machine.asks(at(2) + SETTLE_NS, CALM_NS) == 2


def test_where_nothing_is_known_or_the_last_one_is_closed_nothing_is_asked_for() -> None:
    machine = begun([], at(1), M5)
    machine.asked(0)
    assert machine.asks(at(1), LONGEST_NS) is None
    machine = begun([told(-5, interval=M5)], at(5), M5)
    machine.asked(0)
    machine.hear([watched_late(closed=True)], [], at(5))
    assert machine.asks(at(5, 1), LONGEST_NS) is None  # not yet
