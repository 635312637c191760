"""A watch of one instrument by hand: gaps, holds, what is taken back, and what a step tells."""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Doubt,
    LeafState,
    Moment,
    Outcome,
    Phase,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    RuleState,
    Side,
    SpreadIs,
    Step,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, State
from bethna.core.intervals import Interval
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.logic.alerts.figure_watch import FigureWatch
from bethna.logic.alerts.levels import Levels
from bethna.logic.alerts.rules import Watched, watched_by
from bethna.logic.alerts.stepping import Armed
from bethna.logic.alerts.trade_watch import MOST_GAPS, TradeWatch

PAIR = InstrumentId("BTC-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
UP = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0), Repeat.EVERY)


class Desk:
    """A watch whose steps are kept."""

    def __init__(self, *rules: AlertRule) -> None:
        self.steps: list[Step] = []
        self.watch = TradeWatch(PAIR, self.steps.append, 10**8)
        self.armed = [Armed.of(f"r{number}", rule) for number, rule in enumerate(rules)]
        for armed in self.armed:
            self.arm(armed)
        self.number = 0

    def arm(self, armed: Armed) -> None:
        self.watch.arm(armed)

    def at(self, second: float, price: float, number: int | None = None, quantity: float = 1.0) -> None:
        self.number = self.number + 1 if number is None else number
        ts = T0 + round(second * NS_PER_S)
        self.watch.trade(Trade(PAIR, price, quantity, "buy", self.number, ts, ts + 1))

    def told(self) -> list[tuple[Outcome, float]]:
        """Outcomes, with seconds of their moments, and of the firing where it is one."""
        return [
            (step.outcome, ((step.moment.ts_event if step.fired is None else step.fired) - T0) / NS_PER_S)
            for step in self.steps
        ]

    def fired(self) -> list[Step]:
        return [step for step in self.steps if step.outcome is Outcome.FIRED]


def gap(first: int, last: int, reason: str = "missing") -> Gap:
    return Gap("trades", first, last, T0, T0 + NS_PER_S, reason)


def test_a_crossing_says_what_made_it_and_how_the_rule_stands() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.at(1, 100)
    desk.at(2, 101)
    (step,) = desk.fired()
    assert (step.rule, step.number, step.leaf, step.fired) == ("r0", 2, 0, T0 + 2 * NS_PER_S)
    assert step.moment.trade_id == 3
    assert step.moment.state is State.COMPLETE
    assert step.before.leaves == (LeafState.NO,)
    assert step.after == RuleState(
        (LeafState.YES,), Phase.ACTIVE, 2, T0 + 2 * NS_PER_S, None, 1, T0 + 2 * NS_PER_S
    )


def test_what_is_so_already_is_said_and_waited_out() -> None:
    desk = Desk(AlertRule(PriceIs(PAIR, Side.ABOVE, 100.0)))
    desk.at(0, 101)
    desk.at(1, 99)
    desk.at(2, 101)
    desk.at(3, 99)
    assert desk.told() == [(Outcome.ALREADY, 0), (Outcome.OVER, 1), (Outcome.FIRED, 2)]
    assert desk.armed[0].state.phase is Phase.DONE


def test_a_rule_is_armed_at_the_last_price() -> None:
    desk = Desk()
    desk.at(0, 101)
    above = PriceIs(PAIR, Side.ABOVE, 100.0)
    for name, rule in (
        ("already", AlertRule(above, already=True)),
        ("waits", AlertRule(above)),
        ("down", AlertRule(PriceCrosses(PAIR, Way.DOWN, 100.0))),
        ("volume", AlertRule(VolumeIs(PAIR, 1.5, NS_PER_S))),
    ):
        desk.arm(Armed.of(name, rule))
    said = [(step.rule, step.outcome, step.moment.trade_id) for step in desk.steps]
    assert said == [("already", Outcome.FIRED, 1), ("waits", Outcome.ALREADY, 1), ("down", Outcome.NOTED, 1)]
    desk.at(1, 99)
    assert [step.rule for step in desk.fired()] == ["already", "down"]
    desk.arm(Armed.of("goes on", AlertRule(above), desk.steps[1].after))
    assert len(desk.fired()) == 2


def test_a_hold_that_is_over_is_told_when_time_is_known_to_have_passed() -> None:
    desk = Desk(AlertRule(UP.condition, hold_ns=5 * NS_PER_S))
    desk.at(0, 99)
    desk.at(1, 101)
    desk.watch.pass_time(T0 + 3 * NS_PER_S, T0)
    assert not desk.fired()
    desk.watch.pass_time(T0 + 9 * NS_PER_S, T0 + 10 * NS_PER_S)
    (step,) = desk.fired()
    assert step.fired == T0 + 6 * NS_PER_S
    assert step.moment.trade_id is None
    assert step.moment.ts_recv == T0 + 10 * NS_PER_S
    assert desk.armed[0].state.due is None


def test_a_hold_that_is_broken_fires_nothing() -> None:
    desk = Desk(AlertRule(UP.condition, hold_ns=5 * NS_PER_S))
    desk.at(0, 99)
    desk.at(1, 101)
    desk.at(5, 99)
    desk.at(9, 99)
    assert desk.told() == [(Outcome.NOTED, 0), (Outcome.HOLDS, 1), (Outcome.OVER, 5)]


def test_a_rule_ends_when_its_time_has_come_and_not_before_its_hold() -> None:
    rule = AlertRule(UP.condition, Repeat.EVERY, hold_ns=5 * NS_PER_S, expires=T0 + 8 * NS_PER_S)
    desk = Desk(rule)
    desk.at(0, 99)
    desk.at(1, 101)
    desk.at(20, 99)
    assert desk.told()[-2:] == [(Outcome.FIRED, 6), (Outcome.EXPIRED, 20)]
    desk.at(21, 101)
    assert len(desk.steps) == 4


def test_cooldown_and_once_a_bar_swallow_with_a_line_of_the_journal() -> None:
    desk = Desk(
        AlertRule(UP.condition, Repeat.EVERY, cooldown_ns=10 * NS_PER_S),
        AlertRule(UP.condition, Repeat.PER_BAR, Interval.M1),
    )
    for second in range(0, 120, 3):
        desk.at(second, 99 if second % 2 else 101)
    outcomes = {name: [step.outcome for step in desk.steps if step.rule == name] for name in ("r0", "r1")}
    assert outcomes["r0"].count(Outcome.COOLING) > 0
    assert outcomes["r1"].count(Outcome.SAME_BAR) > 0
    bars = [Interval.M1.open_time(step.fired or 0) for step in desk.fired() if step.rule == "r1"]
    assert len(bars) == len(set(bars)) == 3


def test_a_healed_gap_is_judged_in_its_order_and_is_late() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.gap_found(gap(2, 3))
    unknown = [desk.watch.gap]
    desk.watch.healed(gap(2, 3))
    assert [*unknown, desk.watch.gap] == [gap(2, 3), None]
    desk.at(1, 101)
    desk.at(2, 99)
    desk.at(3, 101)
    first, second = desk.fired()
    assert (first.moment.trade_id, first.moment.late, first.moment.state) == (2, True, State.HEALED)
    assert (second.moment.trade_id, second.moment.late, second.moment.state) == (4, False, State.COMPLETE)


def test_what_only_came_in_another_order_is_not_late() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.healed(gap(2, 2, "reordered"))
    desk.at(1, 101)
    assert not desk.fired()[0].moment.late


def test_behind_a_gap_that_was_given_up_a_firing_says_so_or_is_doubted() -> None:
    strict = AlertRule(UP.condition, Repeat.EVERY, doubt=Doubt.COMPLETE_ONLY)
    desk = Desk(UP, strict)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 5))
    desk.at(3, 101, 6)
    assert desk.told()[-2:] == [(Outcome.FIRED, 3), (Outcome.DOUBTED, 3)]
    assert desk.steps[-2].moment.after_gap
    desk.at(4, 99)
    desk.at(5, 101)
    assert desk.told()[-2:] == [(Outcome.FIRED, 5), (Outcome.FIRED, 5)]
    assert not desk.steps[-1].moment.after_gap


def test_a_crossing_there_and_back_in_a_gap_is_told_when_its_trades_come_after_all() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 3))
    desk.at(3, 99, 4)
    assert not desk.fired()
    desk.at(2, 99, 3)
    assert not desk.fired()
    desk.at(1, 101, 2)
    (step,) = desk.fired()
    assert (step.fired, step.moment.late, step.moment.after_gap) == (T0 + NS_PER_S, True, False)
    assert desk.armed[0].state.firings == 1
    desk.at(4, 101, 5)
    assert len(desk.fired()) == 2


def test_a_firing_behind_a_gap_stands_for_the_one_inside() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 2))
    desk.at(3, 101, 3)
    desk.at(2, 102, 2)
    (alert,) = desk.fired()
    line = desk.steps[-1]
    assert (line.outcome, line.moment.trade_id, line.moment.late) == (Outcome.DATED, 2, True)
    assert line.fired == alert.fired == T0 + 3 * NS_PER_S
    assert line.after.firings == 1


def test_of_two_crossings_in_a_gap_the_alert_behind_it_is_the_last() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 4))
    desk.at(4, 101, 5)
    for number, price in ((3, 99), (4, 101), (2, 101)):
        desk.at(number - 1, price, number)
    assert [(step.outcome, step.moment.trade_id) for step in desk.steps[-3:]] == [
        (Outcome.FIRED, 5), (Outcome.FIRED, 2), (Outcome.DATED, 4),
    ]  # fmt: skip


def test_a_rule_that_is_over_is_told_of_what_was_before() -> None:
    once, soon = AlertRule(UP.condition), AlertRule(UP.condition, Repeat.EVERY, expires=T0 + 3 * NS_PER_S)
    desk = Desk(once, soon)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 3))
    desk.at(4, 101, 4)
    assert desk.told()[-2:] == [(Outcome.EXPIRED, 4), (Outcome.FIRED, 4)]
    desk.at(1, 101, 2)
    desk.at(2, 99, 3)
    assert [(step.rule, step.outcome, step.moment.trade_id) for step in desk.steps[-2:]] == [
        ("r0", Outcome.DATED, 2), ("r1", Outcome.FIRED, 2),
    ]  # fmt: skip
    assert [armed.state.phase for armed in desk.armed] == [Phase.DONE, Phase.EXPIRED]


def test_once_is_once_where_the_alert_was_of_a_moment_that_was_none() -> None:
    desk = Desk(AlertRule(PriceIs(PAIR, Side.ABOVE, 100.0), hold_ns=2 * NS_PER_S))
    desk.at(0, 99)
    desk.at(1, 101)
    desk.watch.marked(gap(3, 3))
    for number in range(4, 8):
        desk.at(number - 1, 101, number)
    assert desk.told()[-1] == (Outcome.FIRED, 3)
    desk.at(2, 99, 3)  # it had begun to hold anew, and would have fired at 5
    assert desk.told()[-1] == (Outcome.FIRED, 3)


def test_a_gap_does_not_wait_for_ever_for_the_one_before() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 3))
    desk.at(3, 99, 4)
    desk.watch.marked(gap(5, 5))
    desk.at(5, 99, 6)
    desk.at(4, 101, 5)
    assert not desk.fired()
    desk.at(40, 99, 7)
    assert [step.moment.trade_id for step in desk.fired()] == [5]
    desk.at(1, 101, 2)
    desk.at(2, 101, 3)
    assert [step.moment.trade_id for step in desk.fired()] == [5, 2]
    desk.at(41, 101, 8)
    assert len(desk.fired()) == 3


def test_another_watch_goes_on_with_what_had_been_given_up() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 4))
    desk.at(4, 101, 5)
    desk.watch.marked(gap(6, 6))
    desk.at(6, 99, 7)
    desk.at(1, 101, 2)
    assert [(each.first_id, each.last_id) for each in desk.watch.gaps()] == [(2, 4), (6, 6)]
    again = Desk()
    (armed,) = desk.armed
    again.arm(Armed.of("r0", UP, armed.state))
    lines = [*desk.steps, replace(desk.steps[-1], outcome=Outcome.DATED, fired=1)]  # of no alert of these
    for each in desk.watch.gaps():
        again.watch.restore(each, lines)
    for number, price in ((2, 101), (3, 99), (4, 101), (5, 101), (6, 101), (7, 99)):
        again.watch.last = Trade(PAIR, price, 1.0, "buy", number, T0 + (number - 1) * NS_PER_S, T0)
        again.watch.recall(again.watch.last)
    again.watch.settle(2, 6)
    assert again.watch.gaps() == ()
    assert [(step.outcome, step.moment.trade_id) for step in again.steps] == [
        (Outcome.FIRED, 2), (Outcome.DATED, 4),
    ]  # fmt: skip
    again.at(8, 101, 8)
    assert again.steps[-1].outcome is Outcome.FIRED


def test_what_an_alert_was_is_remembered_by_another_watch() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 4))
    desk.at(4, 101, 5)
    desk.at(2, 101, 3)
    desk.watch.pass_time(0, T0 + 60 * NS_PER_S)
    assert [step.outcome for step in desk.steps[-2:]] == [Outcome.FIRED, Outcome.DATED]
    again = Desk()
    again.arm(Armed.of("r0", UP, desk.armed[0].state))
    again.watch.restore(desk.watch.gaps()[0], desk.steps)
    again.at(5, 101, 6)
    for number, price in ((2, 99), (3, 101), (4, 101), (5, 101)):
        again.watch.recall(Trade(PAIR, price, 1.0, "buy", number, T0 + (number - 1) * NS_PER_S, T0))
    again.watch.settle(2, 4)
    assert again.steps == []


def test_what_cannot_be_had_is_forgotten() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    for first in (2, 5):
        desk.watch.marked(gap(first, first + 1))
        desk.at(first, 99, first + 2)
    desk.watch.forget(2, 3)
    assert [each.first_id for each in desk.watch.gaps()] == [5]


def test_a_gap_that_is_whole_is_judged_when_nobody_looks_for_the_one_before() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 3))
    desk.at(3, 99, 4)
    desk.watch.marked(gap(5, 5))
    desk.at(5, 99, 6)
    desk.at(4, 101, 5)
    desk.watch.settle(2, 3)
    assert [step.moment.trade_id for step in desk.fired()] == [5]


def test_a_part_of_a_gap_is_judged_when_no_more_comes_and_the_rest_when_it_does() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 5))
    desk.at(5, 99, 6)
    desk.at(3, 101, 4)
    desk.at(5 + 29, 99, 7)
    assert not desk.fired()
    desk.watch.pass_time(0, T0 + 35 * NS_PER_S + 1)
    (step,) = desk.fired()
    assert (step.moment.trade_id, step.moment.after_gap) == (4, True)
    for number, price in ((2, 101), (3, 99), (5, 99)):
        desk.at(number - 1, price, number)
    assert [(step.moment.trade_id, step.moment.after_gap) for step in desk.fired()] == [(4, True), (2, False)]
    assert len(desk.steps) == 3


def test_the_oldest_of_many_gaps_is_judged_before_it_is_let_go() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    for number in range(2, 2 + 3 * MOST_GAPS + 3, 3):
        desk.watch.marked(gap(number, number + 1))
        desk.at(number, 99, number + 2)
        if number == 2:
            desk.at(1, 101, 2)
    assert [(step.moment.trade_id, step.moment.after_gap) for step in desk.fired()] == [(2, False)]


def test_a_late_trade_that_reaches_nothing_is_not_the_newest() -> None:
    desk = Desk(UP)
    for number in range(1, 4):
        desk.at(number, 99, number)
    desk.at(1, 98, 1)
    assert desk.watch.last is not None
    assert desk.watch.last.trade_id == 3


def test_what_a_late_trade_shows_corrects_how_a_rule_stands() -> None:
    desk = Desk(AlertRule(PriceCrosses(PAIR, Way.UP, 100.0, 95.0), Repeat.EVERY))
    desk.at(0, 94)
    desk.watch.marked(gap(2, 2))
    desk.at(3, 98, 3)
    desk.at(2, 101, 2)
    assert desk.told()[-2:] == [(Outcome.FIRED, 2), (Outcome.CORRECTED, 3)]
    desk.at(4, 101, 4)
    assert len(desk.fired()) == 1  # it has not been below 95 since


def test_part_of_a_gap_counts_when_nobody_looks_for_more() -> None:
    desk = Desk(AlertRule(UP.condition))
    desk.at(0, 99)
    desk.watch.marked(gap(2, 9))
    desk.at(3, 99, 10)
    desk.at(1, 101, 4)
    desk.watch.settle(2, 8)
    assert not desk.fired()  # there may be more
    desk.watch.settle(2, 9)
    (step,) = desk.fired()
    assert step.moment.after_gap
    assert desk.armed[0].state.phase is Phase.DONE
    desk.watch.marked(gap(11, 12))
    desk.watch.settle(11, 12)  # nothing came of it
    assert len(desk.steps) == 2


def test_a_late_trade_of_no_gap_is_nobodys() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.at(1, 99)
    desk.watch.marked(gap(3, 3))
    desk.at(1, 101, 1)
    assert not desk.fired()


def test_a_gap_too_large_or_without_ids_only_doubts_what_comes_next() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    for each in (gap(2, 900_000), Gap("trades", None, None, T0, T0, "disconnected")):
        desk.watch.marked(each)
        desk.watch.healed(each)
    desk.watch.marked(gap(2, 900_000))
    desk.at(1, 101, 900_001)
    assert desk.fired()[0].moment.after_gap
    desk.at(1, 99, 5)
    assert len(desk.steps) == 2


def test_a_venue_that_counts_anew_is_followed() -> None:
    desk = Desk(UP)
    desk.at(0, 99, 1_000)
    desk.watch.marked(gap(1_001, 1_001, "renumbered"))
    desk.at(1, 101, 5)
    assert desk.fired()[0].moment.after_gap


def test_trades_without_numbers_are_not_proven() -> None:
    desk = Desk(UP)
    desk.at(0, 99, UNNUMBERED)
    desk.at(1, 101, UNNUMBERED)
    assert desk.fired()[0].moment.state is State.UNVERIFIED


def test_a_hold_and_an_expiry_look_at_trades_that_reach_no_level() -> None:
    desk = Desk(AlertRule(UP.condition, expires=T0 + 5 * NS_PER_S))
    desk.at(0, 99)
    desk.at(5, 99)
    assert desk.told()[-1] == (Outcome.EXPIRED, 5)


def test_windows_are_shared_and_say_when_a_gap_lies_in_them() -> None:
    volume = VolumeIs(PAIR, 5.0, 60 * NS_PER_S)
    desk = Desk(
        AlertRule(volume, Repeat.EVERY),
        AlertRule(PriceMoves(PAIR, Way.UP, 10.0, 60 * NS_PER_S), Repeat.EVERY),
        AlertRule(AllOf((volume, PriceCrosses(PAIR, Way.UP, 100.0))), Repeat.EVERY),
    )
    desk.at(-60, 90, 1, quantity=0.5)
    desk.at(0, 90, 2, quantity=3.0)
    desk.watch.marked(gap(3, 3))
    desk.at(1, 91, 4, quantity=1.0)
    desk.at(2, 101, 5, quantity=2.0)
    fired = {step.rule: step for step in desk.fired()}
    assert set(fired) == {"r0", "r1", "r2"}
    assert fired["r0"].moment.value == 6.0
    assert fired["r0"].moment.after_gap
    assert fired["r0"].moment.state is State.INCOMPLETE  # what it stands on is not all there
    assert fired["r1"].moment.value > 12
    desk.at(3, 80, 3)  # comes after all; windows are not made anew
    assert len(desk.fired()) == 3
    for name in ("r0", "r1"):
        desk.watch.disarm(name)
    desk.watch.disarm("r2")
    desk.watch.disarm("nobody")
    assert len(desk.watch) == 0
    desk.at(300, 200)
    assert len(desk.fired()) == 3


def test_a_rule_that_is_gone_is_not_judged_again() -> None:
    desk = Desk(UP, UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 2))
    desk.at(3, 99, 3)
    desk.watch.disarm("r0")
    desk.at(2, 101, 2)
    assert [step.rule for step in desk.fired()] == ["r1"]


def test_a_rule_that_is_over_is_stepped_no_more() -> None:
    desk = Desk(AlertRule(UP.condition, hold_ns=NS_PER_S), AlertRule(UP.condition))
    desk.at(0, 99)
    desk.at(1, 101)
    desk.at(3, 101)
    desk.at(4, 99)
    desk.at(5, 101)
    assert len(desk.fired()) == 2
    resumed = Desk()
    resumed.arm(Armed.of("done", AlertRule(UP.condition), desk.armed[0].state))
    resumed.at(0, 99)
    resumed.at(1, 101)
    assert not resumed.steps


def test_a_rule_goes_on_from_its_state() -> None:
    desk = Desk()
    state = RuleState((LeafState.YES,), since=T0, due=T0 + NS_PER_S, steps=3)
    desk.arm(Armed.of("r", AlertRule(UP.condition, Repeat.EVERY, hold_ns=NS_PER_S), state))
    desk.watch.pass_time(T0 + 5 * NS_PER_S, T0)  # no price is known yet
    assert not desk.steps
    desk.at(2, 99)
    assert desk.told() == [(Outcome.FIRED, 1), (Outcome.OVER, 2)]
    assert [step.number for step in desk.steps] == [4, 5]


def test_a_quantity_that_has_gone_out_of_a_window_leaves_nothing() -> None:
    desk = Desk(AlertRule(VolumeIs(PAIR, 0.25, NS_PER_S), Repeat.EVERY))
    desk.at(-1, 1, quantity=0.01)
    desk.at(0, 1, quantity=0.1)
    desk.at(0, 1, quantity=0.2)
    desk.at(10, 1, quantity=0.1)
    desk.at(10.5, 1, quantity=0.2)
    assert len(desk.fired()) == 2


def test_levels_wake_each_once_and_forget_what_was_taken_back() -> None:
    levels: Levels[int] = Levels()
    for who in range(200):
        levels.put(who, 100.0 + who, 50.0 - who)
    assert (len(levels), levels.up, levels.down) == (200, 100.0, 50.0)
    for who in range(0, 200, 2):
        levels.take(who)
        levels.put(who, 0.0, 1000.0)
        levels.take(who)
    assert len(levels) == 100
    levels.put(1, inf, 10.0)
    levels.put(3, 500.0, -inf)
    assert sorted(levels.wake(110.0)) == [5, 7, 9]
    assert sorted(levels.wake(9.0)) == [1, *range(11, 41, 2)]
    assert levels.wake(60.0) == []
    assert sorted(levels.wake(1000.0)) == [3, *range(41, 200, 2)]
    assert (len(levels), levels.up, levels.down) == (0, inf, -inf)


def test_too_many_trades_since_a_gap_settle_it() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 3))
    desk.at(1, 101, 2)
    for number in range(4, 50_010):
        desk.at(2, 99, number)
    (step,) = desk.fired()
    assert step.moment.trade_id == 2


def test_of_two_gaps_each_gets_its_own_trades() -> None:
    desk = Desk(UP)
    desk.at(0, 99)
    desk.watch.marked(gap(2, 2))
    desk.at(2, 99, 3)
    desk.watch.marked(gap(4, 4))
    desk.at(4, 99, 5)
    desk.at(3, 101, 4)
    assert not desk.fired()  # how the price came to it is not known yet
    desk.at(1, 101, 2)
    assert [step.moment.trade_id for step in desk.fired()] == [2, 4]


def test_once_is_once_also_of_what_comes_late() -> None:
    desk = Desk(AlertRule(UP.condition), AlertRule(UP.condition, Repeat.EVERY))
    desk.at(0, 99)
    desk.watch.marked(gap(2, 4))
    desk.at(4, 99, 5)
    for number, price in ((2, 101), (3, 99), (4, 101)):
        desk.at(number, price, number)
    assert [(step.rule, step.moment.trade_id) for step in desk.fired()] == [("r0", 2), ("r1", 2), ("r1", 4)]


def test_figures_are_judged_as_they_are_told() -> None:
    steps: list[Step] = []
    watch = FigureWatch(steps.append)
    spread = AlertRule(SpreadIs(PAIR, 5.0), Repeat.EVERY, hold_ns=NS_PER_S)
    both = AlertRule(AnyOf((SpreadIs(PAIR, 5.0), SystemIs(Trouble.VENUE_DOWN))), Repeat.EVERY)
    for name, rule in (("a", spread), ("b", both)):
        watch.arm(Armed.of(name, rule))
    width, down = watched_by(SpreadIs(PAIR, 1.0)), watched_by(SystemIs(Trouble.VENUE_DOWN))
    assert watch.wanted() == {width, down}
    watch.tell(Watched("spread", "elsewhere"), Moment(T0, T0, None, 9.0))
    for second, value in ((0, 2.0), (1, 6.0), (2, 4.0), (3, 7.0)):
        watch.tell(width, Moment(T0 + second * NS_PER_S, T0, None, value))
    watch.tell(down, Moment(T0 + 3 * NS_PER_S, T0, None, 0.0))
    watch.tell(down, Moment(T0 + 3 * NS_PER_S, T0, None, 1.0))
    watch.pass_time(Moment(T0 + 9 * NS_PER_S, T0, None, 0.0))
    told = [
        (step.rule, ((step.fired or 0) - T0) // NS_PER_S) for step in steps if step.outcome is Outcome.FIRED
    ]
    assert told == [("b", 1), ("a", 2), ("b", 3), ("b", 3), ("a", 4)]
    for name in ("a", "b"):
        watch.disarm(name)
    assert watch.wanted() == frozenset()


def test_a_rule_that_was_taken_back_while_it_held_says_nothing() -> None:
    desk = Desk(AlertRule(UP.condition, hold_ns=NS_PER_S))
    desk.at(0, 99)
    desk.at(1, 101)
    desk.watch.disarm("r0")
    desk.at(5, 101)
    assert not desk.fired()


def test_a_gap_that_was_just_given_up_begins_as_it_is_known_by_then() -> None:
    desk = Desk(AlertRule(PriceCrosses(PAIR, Way.UP, 100.0, 95.0), Repeat.EVERY))
    desk.at(0, 94)
    desk.watch.marked(gap(2, 2))
    desk.at(2, 98, 3)
    desk.watch.marked(gap(4, 4))
    desk.at(1, 101, 2)
    desk.at(4, 98, 5)
    desk.at(3, 101, 4)
    assert [step.moment.trade_id for step in desk.fired()] == [2]


def test_once_told_of_a_gap_nothing_more_of_it_is() -> None:
    desk = Desk(AlertRule(UP.condition))
    desk.at(0, 99)
    desk.watch.marked(gap(2, 4))
    for number, price in ((2, 101), (3, 99)):
        desk.at(number, price, number)
    desk.at(5, 99, 5)
    desk.at(4, 101, 4)
    assert [step.moment.trade_id for step in desk.fired()] == [2]


def test_what_was_told_is_not_taken_back() -> None:
    desk = Desk(AlertRule(PriceIs(PAIR, Side.ABOVE, 100.0, 95.0), Repeat.EVERY))
    desk.watch.marked(gap(1, 1))
    desk.at(1, 98, 2)
    desk.at(2, 101, 3)
    assert len(desk.fired()) == 1
    desk.at(0, 101, 1)  # it was above all the time: there was no edge
    assert len(desk.fired()) == 1
    assert desk.armed[0].state.firings == 1


def test_a_window_says_nothing_before_it_is_full() -> None:
    rule = AlertRule(VolumeIs(PAIR, 5.0, 60 * NS_PER_S), Repeat.EVERY)
    desk = Desk(rule)
    desk.at(0, 90, quantity=9.0)
    assert desk.watch.fills("r0")
    desk.at(59, 90, quantity=9.0)
    assert desk.told() == []
    desk.at(60, 90, quantity=9.0)
    assert (desk.told(), desk.watch.fills("r0")) == ([(Outcome.ALREADY, 60)], False)
    desk.at(300, 90, quantity=1.0)
    desk.at(301, 90, quantity=9.0)
    assert desk.told()[1:] == [(Outcome.OVER, 300), (Outcome.FIRED, 301)]


def test_a_window_is_filled_by_trades_of_before_that_are_not_judged() -> None:
    rule = AlertRule(VolumeIs(PAIR, 5.0, 60 * NS_PER_S), Repeat.EVERY)
    past = [Trade(PAIR, 90.0, 2.0, "buy", n, T0 + n * 20 * NS_PER_S, T0) for n in range(5)]
    seeded = Desk(rule)
    assert seeded.watch.longest() == 60 * NS_PER_S
    for trade in past:
        seeded.watch.seed(trade)
    seeded.at(81, 90, 5, quantity=0.5)
    assert seeded.told() == [(Outcome.ALREADY, 81)]
    steps: list[Step] = []
    armed = TradeWatch(PAIR, steps.append, 10**8)
    assert armed.longest() == 0
    armed.last = past[-1]
    armed.remember(past)
    armed.arm(Armed.of("late", rule))
    assert [(step.outcome, step.moment.value) for step in steps] == [(Outcome.ALREADY, 6.0)]
    assert not armed.fills("late")
