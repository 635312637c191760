"""All watches of a desk: rules over several instruments, what nobody knows, and an error that stays where it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    LeafState,
    Moment,
    Outcome,
    Phase,
    PriceCrosses,
    PriceIs,
    Repeat,
    Side,
    SpreadIs,
    Step,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import GapFound, GapMarked, Healed
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.rules import watched_by
from bethna.logic.alerts.trade_watch import TradeWatch

BTC, ETH = InstrumentId("BTC-USDT@binance"), InstrumentId("ETH-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
EITHER = AnyOf((PriceCrosses(BTC, Way.UP, 100.0), PriceCrosses(ETH, Way.UP, 100.0)))


class Desk:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.broken: list[tuple[InstrumentId, str]] = []
        self.watch = AlertWatch(
            self.steps.append, lambda where, error: self.broken.append((where, str(error))), 10**8
        )
        self.hear = {instrument: self.watch.listen(instrument) for instrument in (BTC, ETH)}
        self.number = 0

    def trade(self, instrument: InstrumentId, price: float, second: float = 0.0) -> None:
        self.number += 1
        ts = T0 + round(second * NS_PER_S)
        self.hear[instrument](Trade(instrument, price, 1.0, "buy", self.number, ts, ts))

    def fired(self) -> list[str]:
        return [step.rule for step in self.steps if step.outcome is Outcome.FIRED]


def test_a_rule_over_two_instruments_and_a_spread_has_one_state() -> None:
    desk = Desk()
    parts = (PriceCrosses(BTC, Way.UP, 100.0), PriceIs(ETH, Side.BELOW, 10.0), SpreadIs(BTC, 5.0))
    desk.watch.arm("a", AlertRule(AllOf(parts), Repeat.EVERY))
    desk.trade(BTC, 99)
    desk.trade(ETH, 9)
    assert desk.watch.is_unknown("a")
    desk.watch.tell(watched_by(parts[2]), Moment(T0, T0, None, 6.0))
    assert not desk.watch.is_unknown("a")
    desk.trade(BTC, 101)
    assert desk.fired() == ["a"]
    assert desk.watch.state("a").firings == 1
    desk.trade(ETH, 11)
    desk.trade(BTC, 99)
    desk.trade(BTC, 101)
    assert desk.fired() == ["a"]
    state = desk.watch.disarm("a")
    assert state is not None
    assert state.leaves == (LeafState.YES, LeafState.NO, LeafState.YES)
    assert desk.watch.disarm("a") is None
    desk.trade(ETH, 9)
    desk.trade(BTC, 99)
    desk.trade(BTC, 101)
    assert desk.fired() == ["a"]


def test_a_rule_armed_again_begins_anew_or_goes_on() -> None:
    desk = Desk()
    rule = AlertRule(PriceIs(BTC, Side.ABOVE, 100.0), Repeat.EVERY)
    desk.watch.arm("a", rule)
    desk.trade(BTC, 101)
    desk.watch.arm("a", rule)
    assert desk.steps[-1].outcome is Outcome.ALREADY
    desk.watch.arm("a", rule, desk.watch.state("a"))
    desk.trade(BTC, 102)
    desk.trade(BTC, 99)
    desk.trade(BTC, 101)
    assert desk.fired() == ["a"]


def test_nobody_knows_while_trades_are_missing() -> None:
    desk = Desk()
    desk.watch.arm("a", AlertRule(PriceCrosses(BTC, Way.UP, 100.0)))
    desk.trade(BTC, 99)
    gap = Gap("trades", 2, 2, T0, T0)
    desk.hear[BTC](GapFound(BTC, gap, T0))
    assert desk.watch.is_unknown("a")
    desk.hear[BTC](Healed(BTC, gap, 1, T0))
    assert not desk.watch.is_unknown("a")
    desk.hear[BTC](GapFound(BTC, gap, T0))
    desk.hear[BTC](GapMarked(BTC, gap, T0))
    desk.trade(BTC, 101)
    assert desk.steps[-1].moment.after_gap
    assert desk.watch.state("a").phase is Phase.DONE
    assert not desk.watch.is_unknown("a")
    with pytest.raises(KeyError):
        desk.watch.is_unknown("nobody")


def test_time_alone_ends_a_hold() -> None:
    desk = Desk()
    desk.watch.arm("a", AlertRule(PriceIs(BTC, Side.ABOVE, 100.0), already=True, hold_ns=NS_PER_S))
    desk.trade(BTC, 101)
    desk.watch.pass_time(BTC, T0 + 2 * NS_PER_S, T0)
    assert desk.fired() == ["a"]


def test_an_error_of_ours_stays_with_its_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    rule = AlertRule(AnyOf((PriceIs(BTC, Side.ABOVE, 100.0), PriceIs(ETH, Side.ABOVE, 100.0))), Repeat.EVERY)
    desk.watch.arm("a", rule)
    for instrument in (BTC, ETH):
        desk.trade(instrument, 99)
    real = TradeWatch._look

    def breaks(watch: TradeWatch, trade: Trade) -> None:
        if trade.instrument == BTC:
            raise RuntimeError("broken")
        real(watch, trade)

    monkeypatch.setattr(TradeWatch, "_look", breaks)
    desk.trade(BTC, 101)
    desk.trade(BTC, 99)
    desk.trade(ETH, 101)
    assert desk.broken == [(BTC, "broken")]
    assert desk.fired() == ["a"]
    desk.watch.arm("b", AlertRule(PriceIs(ETH, Side.ABOVE, 200.0), expires=T0 + 1))
    monkeypatch.setattr(TradeWatch, "_look", real)
    monkeypatch.setattr(TradeWatch, "pass_time", lambda *_: 1 / 0)
    for _ in range(2):  # it is told once
        desk.watch.pass_time(ETH, T0 + NS_PER_S, T0)
    assert desk.broken == [(BTC, "broken"), (ETH, "division by zero")]
    monkeypatch.undo()
    desk.watch.arm("a", rule)
    desk.trade(BTC, 99)
    desk.trade(BTC, 101)
    assert desk.fired() == ["a", "a"]


def test_a_figure_that_is_lost_is_unknown_and_its_side_stands() -> None:
    desk = Desk()
    leaf = SpreadIs(BTC, 5.0)
    desk.watch.arm("a", AlertRule(leaf, Repeat.EVERY))
    width = watched_by(leaf)

    def tell(value: float, state: State = State.COMPLETE) -> bool:
        desk.watch.tell(width, Moment(T0, T0, None, value, state))
        return desk.watch.is_unknown("a")

    assert desk.watch.is_unknown("a")
    assert not tell(6.0)
    desk.watch.figures.lose(width)
    assert desk.watch.is_unknown("a")
    assert not tell(7.0)
    assert tell(7.0, State.UNKNOWN)
    assert not tell(7.0)
    assert desk.fired() == []
    desk.watch.figures.lose(watched_by(SpreadIs(ETH, 5.0)))
    kept = desk.watch.disarm("a")
    desk.watch.arm("a", AlertRule(leaf, Repeat.EVERY), kept)
    assert desk.watch.is_unknown("a")  # nobody has told it since
    assert not tell(4.0)


def test_a_hold_that_ends_while_nobody_knows_says_so() -> None:
    desk = Desk()
    leaf = SpreadIs(BTC, 5.0)
    for name, lost in (("a", False), ("b", True)):
        desk.watch.arm(name, AlertRule(leaf, Repeat.ONCE, hold_ns=NS_PER_S, already=True))
        desk.watch.tell(watched_by(leaf), Moment(T0, T0, None, 6.0))
        if lost:
            desk.watch.figures.lose(watched_by(leaf))
        desk.watch.figures.pass_time(Moment(T0 + NS_PER_S, T0, None, 0.0))
    assert [step.moment.state for step in desk.steps if step.outcome is Outcome.FIRED] == [
        State.COMPLETE,
        State.UNKNOWN,
    ]


def test_a_doubt_says_whether_trades_are_missing_or_nothing_is_known() -> None:
    desk = Desk()
    desk.watch.arm("a", AlertRule(PriceIs(BTC, Side.ABOVE, 100.0)))
    assert desk.watch.doubt_of("a") is State.UNKNOWN
    desk.hear[BTC](GapFound(BTC, Gap("trades", 2, 2, T0, T0), T0))
    assert desk.watch.doubt_of("a") is State.INCOMPLETE


def test_a_rule_that_somebody_else_has_told_of_goes_on_from_there() -> None:
    desk = Desk()
    desk.watch.arm("a", AlertRule(PriceIs(BTC, Side.ABOVE, 100.0), Repeat.EVERY))
    desk.trade(BTC, 99)
    told = replace(desk.watch.state("a"), firings=5)
    desk.watch.put_state("a", told)
    desk.trade(BTC, 101)
    assert desk.watch.state("a").firings == 6


def test_a_gap_of_trades_is_none_of_a_spread() -> None:
    desk = Desk()
    spread, price = SpreadIs(BTC, 5.0), PriceIs(BTC, Side.ABOVE, 100.0)
    desk.watch.arm("spread", AlertRule(spread))
    desk.watch.arm("price", AlertRule(price))
    desk.trade(BTC, 99)
    desk.watch.tell(watched_by(spread), Moment(T0, T0, None, 1.0))
    desk.hear[BTC](GapFound(BTC, Gap("trades", 2, 2, T0, T0), T0))
    assert (desk.watch.is_unknown("spread"), desk.watch.is_unknown("price")) == (False, True)


@pytest.mark.parametrize(
    ("rule", "outcomes"),
    [
        (AlertRule(EITHER, Repeat.EVERY), [Outcome.FIRED, Outcome.FIRED, Outcome.FIRED]),
        (
            AlertRule(EITHER, Repeat.PER_BAR, bar=Interval.M1),
            [Outcome.FIRED, Outcome.FIRED, Outcome.SAME_BAR],
        ),
        (
            AlertRule(EITHER, Repeat.EVERY, cooldown_ns=NS_PER_S),
            [Outcome.FIRED, Outcome.COOLING, Outcome.COOLING],
        ),
        (AlertRule(EITHER, Repeat.EVERY, cooldown_ns=NS_PER_S // 50), [Outcome.FIRED] * 3),
    ],
)
def test_what_another_instrument_tells_later_is_told_for_its_own_time(
    rule: AlertRule, outcomes: list[Outcome]
) -> None:
    desk = Desk()
    desk.watch.arm("a", rule)
    start = -(T0 // NS_PER_S) % 60 + 0.0  # whole minutes from here on
    desk.trade(BTC, 99, start + 30)
    desk.trade(ETH, 99, start + 30)
    desk.trade(BTC, 101, start + 60.04)
    desk.trade(ETH, 101, start + 59.99)  # heard later, of before, and of the bar before
    desk.trade(ETH, 99, start + 59.995)
    desk.trade(BTC, 99, start + 60.1)
    desk.trade(ETH, 101, start + 59.9975)
    said = [step.outcome for step in desk.steps if step.outcome in (*outcomes, Outcome.FIRED)]
    assert said == outcomes


def test_a_bar_that_was_told_stays_so_when_an_older_one_is_told_late() -> None:
    desk = Desk()
    desk.watch.arm("a", AlertRule(EITHER, Repeat.PER_BAR, bar=Interval.M1))
    start = -(T0 // NS_PER_S) % 60 + 0.0
    for instrument, second in ((BTC, 90.0), (BTC, 150.0), (ETH, 30.0), (ETH, 95.0)):
        desk.trade(instrument, 99, start + second - 1)
        desk.trade(instrument, 101, start + second)
    said = [step.outcome for step in desk.steps if step.outcome in (Outcome.FIRED, Outcome.SAME_BAR)]
    assert said == [Outcome.FIRED, Outcome.FIRED, Outcome.FIRED, Outcome.SAME_BAR]
