"""The figures of alerts beside trades, told to real watches by a desk whose market is moved by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _memorydesk import BTC, ETH, SOL, START, MemoryDesk
from msgspec.structs import replace

from bethna.app.alert_figures import AlertFigures
from bethna.app.alert_rules import check_venues
from bethna.core.alerts import (
    AlertRule,
    AnyOf,
    Condition,
    IndicatorIs,
    LeafState,
    OptionFigure,
    OptionIs,
    Outcome,
    Phase,
    PriceCrosses,
    PriceIs,
    Repeat,
    Side,
    SpreadIs,
    Step,
    SystemIs,
    Trouble,
    Way,
)
from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, State
from bethna.core.errors import BethnaError, ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Quote
from bethna.core.status import BookStatus, InstrumentHealth, StreamStatus, Trust, VenueHealth
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.bar_figure import BarFigure

COINBASE, KRAKEN = InstrumentId("BTC-USD@coinbase"), InstrumentId("BTC-USD@kraken")
BEST = InstrumentId("BTC-USD@best")
MINUTE = Interval.M1.ns
WIDE = SpreadIs(BTC, 50.0)
RSI = IndicatorIs(BTC, Interval.M1, "sma(2)", Side.ABOVE, 100.0)


class House:
    def __init__(self, *instruments: InstrumentId, soon: bool = False) -> None:
        self.desk = MemoryDesk(instruments or (BTC, ETH))
        self.steps: list[Step] = []
        self.later: list[Callable[[], None]] = []
        self.watch = AlertWatch(self.steps.append, lambda _where, _error: None, 10**8)
        self.figures = AlertFigures(
            self.desk,
            self.desk.bus,
            self.desk.clock,
            self.watch.figures,
            soon=self.later.append if soon else None,
        )
        for each in instruments or (BTC, ETH):
            self.desk.trade(each, 100.0)
            self.desk.move(each, [(99.9, 1.0)], [(100.1, 1.0)])

    def arm(self, *conditions: Condition, hold_ns: int = 0) -> None:
        for number, condition in enumerate(conditions):
            self.watch.arm(f"a{number}", AlertRule(condition, Repeat.EVERY, hold_ns=hold_ns))
        self.figures.look()

    def pass_seconds(self, count: int = 1) -> None:
        for _ in range(count):
            self.desk.clock.advance(NS_PER_S)
            self.figures.second()

    def quote(self, bid: float, ask: float, instrument: InstrumentId = BTC) -> None:
        now = self.desk.clock.now_ns()
        self.desk.bus.channel("quotes", instrument).publish(
            Quote(instrument, bid, 1.0, ask, 1.0, 1, None, now)
        )

    def fired(self) -> list[str]:
        return [step.rule for step in self.steps if step.outcome is Outcome.FIRED]

    def unknown(self, name: str = "a0") -> bool:
        return self.watch.is_unknown(name)

    def is_so(self, name: str = "a0") -> LeafState:
        return self.watch.state(name).leaves[0]

    def listeners(self) -> int:
        return sum(each.subscribers for each in self.desk.bus.channels()) + len(self.desk.bar_listeners)

    def reports(self) -> list[str]:
        return [event.code for event in self.desk.log]


def bar(minute: int, close: float | None, *, closed: bool = True) -> Bar:
    known = close is not None
    return Bar(
        BTC, Interval.M1, START + minute * MINUTE, BarKind.TRADED if known else BarKind.UNKNOWN, close, close, close,
        close, 1.0 if known else None, None, closed, "live" if known else "",
        Coverage(state=State.COMPLETE if known else State.UNKNOWN),
    )  # fmt: skip


def test_a_spread_is_read_off_the_book_at_each_change() -> None:
    house = House()
    house.arm(WIDE)
    assert not house.unknown()
    assert house.is_so() is LeafState.NO
    house.desk.move(BTC, asks=[(100.1, 0.0), (101.0, 1.0)])
    assert house.fired() == ["a0"]
    moment = house.steps[-1].moment
    assert (moment.ts_event, moment.state, moment.trade_id) == (START, State.COMPLETE, None)
    assert moment.value == pytest.approx(109.5, abs=0.1)
    house.desk.move(BTC, asks=[(101.0, 0.0)])  # one side alone
    assert house.unknown()
    house.desk.move(BTC, asks=[(100.1, 1.0)])
    assert not house.unknown()
    assert house.is_so() is LeafState.NO


def test_where_quotes_come_they_are_the_spread_and_the_book_says_how_far_to_trust_them() -> None:
    house = House()
    house.arm(WIDE)
    house.quote(99.0, 101.0)
    assert house.fired() == ["a0"]
    house.desk.move(BTC, bids=[(99.95, 1.0)])
    house.desk.take_anew(BTC)
    assert house.is_so() is LeafState.YES
    house.quote(99.9, 100.1)
    house.desk.trusts[BTC] = Trust.UNTRUSTED
    house.desk.bus.channel("book", BTC).publish(BookStatus(BTC, Trust.UNTRUSTED, "crossed", START))
    house.quote(99.0, 101.0)
    assert house.fired() == ["a0", "a0"]
    assert house.steps[-1].moment.state is State.UNVERIFIED
    house.quote(101.0, 101.0)
    assert house.unknown()


def test_a_spread_is_lost_while_the_streams_are_not_live() -> None:
    house = House()
    house.arm(WIDE)
    house.desk.turn(BTC, "stale", "silent")
    assert house.unknown()
    house.pass_seconds()
    assert house.unknown()
    house.desk.stale.clear()  # nobody tells the turn
    house.pass_seconds()
    assert not house.unknown()
    house.desk.turn(BTC, "stale", "silent")
    house.desk.move(BTC, bids=[(99.95, 1.0)])
    assert not house.unknown()
    assert house.fired() == []


def test_a_rule_that_is_armed_later_knows_at_once_where_it_stands() -> None:
    house = House()
    house.arm(WIDE)
    house.watch.arm("late", AlertRule(SpreadIs(BTC, 5.0)))
    house.figures.look()
    assert house.is_so("late") is LeafState.YES
    assert [(step.rule, step.outcome) for step in house.steps][-1] == ("late", Outcome.ALREADY)


def test_a_consolidated_price_is_judged_when_a_venue_changes() -> None:
    house = House(COINBASE, KRAKEN)
    house.arm(PriceCrosses(BEST, Way.UP, 100.0), PriceIs(BEST, Side.BELOW, 99.0))
    house.desk.move(KRAKEN, [(99.9, 0.0), (99.8, 1.0)])
    house.desk.move(COINBASE, [(99.9, 0.0), (99.7, 1.0)])
    assert house.fired() == []
    house.desk.move(KRAKEN, [(100.05, 2.0)])
    assert house.fired() == ["a0"]
    moment = house.steps[-1].moment
    assert moment.value == pytest.approx(100.075)
    assert moment.state is State.COMPLETE
    house.desk.turn(KRAKEN, "stale", "silent")
    assert not house.unknown()
    house.desk.turn(COINBASE, "stale", "silent")
    assert house.unknown()
    house.desk.turned.clear()  # nobody tells the turn
    house.pass_seconds()
    assert not house.unknown()


def test_many_changes_of_one_turn_of_the_loop_are_judged_once() -> None:
    house = House(COINBASE, KRAKEN, soon=True)
    house.arm(PriceCrosses(BEST, Way.EITHER, 100.01))
    house.desk.move(KRAKEN, [(100.05, 2.0)])
    house.desk.move(COINBASE, [(99.0, 2.0)])
    house.desk.move(KRAKEN, [(100.05, 0.0)])
    house.desk.move(KRAKEN, [(100.08, 2.0)])
    (judge,) = house.later
    assert house.fired() == []
    judge()
    assert house.fired() == ["a0"]
    house.desk.move(KRAKEN, [(100.08, 0.0)])
    house.watch.disarm("a0")
    house.figures.look()
    house.later[-1]()  # it was disarmed in the same breath
    assert house.fired() == ["a0"]


def test_an_indicator_is_told_once_a_closed_bar() -> None:
    house = House()
    house.arm(RSI)
    assert house.unknown()
    house.desk.say_bars(bar(0, 90.0), bar(1, 92.0), bar(2, 200.0, closed=False))
    assert house.is_so() is LeafState.NO
    house.desk.say_bars(bar(2, 201.0, closed=False))
    assert house.fired() == []
    house.desk.say_bars(bar(2, 120.0))
    assert house.fired() == ["a0"]
    moment = house.steps[-1].moment
    assert (moment.ts_event, moment.value) == (START + 3 * MINUTE, 106.0)
    house.desk.say_bars(bar(2, 1.0))  # a later word of the source
    assert house.is_so() is LeafState.YES
    house.desk.say_bars(bar(3, None))
    assert house.unknown()
    house.figures.look()
    assert house.unknown()
    house.desk.say_bars(bar(3, 5.0))
    assert not house.unknown()
    assert house.is_so() is LeafState.NO
    assert house.steps[-1].moment.late


def test_a_row_that_is_there_already_is_heard_at_once() -> None:
    house = House()
    house.desk.bar_row = {each.open_time: each for each in (bar(0, 90.0), bar(1, 92.0))}
    house.arm(RSI)
    assert house.is_so() is LeafState.NO


def test_bars_that_nobody_has_are_tried_again_when_something_else_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    asked: list[Callable[[BethnaError], None]] = []
    listen = house.desk.listen_bars

    def refuse(
        instrument: InstrumentId, interval: Interval, history: int, hear: object, ended: Callable[..., None]
    ) -> object:
        asked.append(ended)
        return listen(instrument, interval, history, hear, ended)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(house.desk, "listen_bars", refuse)
    house.arm(RSI)
    asked[0](ConfigError("interval", "nobody has it"))
    house.figures.look()
    house.pass_seconds(2)
    assert len(asked) == 1
    assert house.unknown()
    house.watch.arm("more", AlertRule(WIDE))
    house.figures.look()
    assert len(asked) == 2
    assert len(house.desk.bar_listeners) == 1


def test_a_venue_that_stays_away_is_down() -> None:
    house = House()
    house.arm(
        SystemIs(Trouble.VENUE_DOWN, "binance"),
        SystemIs(Trouble.VENUE_DOWN),
        SystemIs(Trouble.VENUE_DOWN, "x"),
    )
    house.desk.venue_healths = [VenueHealth("binance", "reconnecting")]
    house.pass_seconds(6)
    assert house.fired() == []
    house.pass_seconds()
    assert house.fired() == ["a1", "a0"]
    moment = house.steps[-1].moment
    now = house.desk.clock.now_ns()
    assert (moment.ts_event, moment.ts_recv, moment.value, moment.state) == (now, now, 1.0, State.COMPLETE)
    house.desk.venue_healths = [VenueHealth("binance", "ok")]
    house.pass_seconds()
    assert [house.is_so(each) for each in ("a0", "a1", "a2")] == [
        LeafState.NO,
        LeafState.NO,
        LeafState.UNSEEN,
    ]
    assert [house.unknown(each) for each in ("a0", "a1", "a2")] == [False, False, True]


def test_other_troubles_of_the_desk() -> None:
    house = House()
    house.desk.venue_healths = [
        VenueHealth("binance", "ok", quota_used=80, quota_limit=100, clock_offset_ns=0)
    ]
    house.arm(
        SystemIs(Trouble.QUOTA, "binance"), SystemIs(Trouble.CLOCK_OFF), SystemIs(Trouble.STALE, BTC),
        SystemIs(Trouble.GAP_OPEN),
    )  # fmt: skip
    house.desk.turn(BTC, "stale", "silent")
    assert house.fired() == ["a2"]  # at once
    house.desk.venue_healths = [
        VenueHealth("binance", "ok", quota_used=95, quota_limit=100, clock_offset_ns=2 * NS_PER_S)
    ]
    house.desk.coverage = Coverage(gaps=(Gap("trades", 5, 6, START, START),))
    house.pass_seconds()
    assert sorted(house.fired()) == ["a0", "a1", "a2", "a3"]


def test_troubles_of_instruments_are_read_off_those_that_somebody_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    read: list[InstrumentId] = []
    health = house.desk.instrument_health

    def reads(instrument: InstrumentId) -> InstrumentHealth:
        read.append(instrument)
        return health(instrument)

    monkeypatch.setattr(house.desk, "instrument_health", reads)
    house.arm(SystemIs(Trouble.VENUE_DOWN))
    assert read == []
    house.arm(SystemIs(Trouble.STALE, ETH))
    assert read == [ETH]
    house.arm(SystemIs(Trouble.STALE))
    assert read == [ETH, BTC, ETH]
    house.arm(SystemIs(Trouble.STALE, SOL))
    assert house.unknown()
    assert read == [ETH, BTC, ETH]


def test_holds_end_and_rules_expire_by_the_desks_clock() -> None:
    house = House()
    house.arm(WIDE, hold_ns=2 * NS_PER_S)
    expires = START + 2 * NS_PER_S
    house.watch.arm("ends", AlertRule(SpreadIs(ETH, 500.0), expires=expires))
    house.figures.look()
    house.quote(99.0, 101.0)
    house.pass_seconds(2)
    assert house.fired() == []
    house.pass_seconds()
    assert house.fired() == ["a0"]
    assert house.watch.state("ends").phase is Phase.EXPIRED


def test_what_is_wanted_no_longer_is_let_go() -> None:
    house = House(BTC, COINBASE)
    before = house.listeners()
    conditions = (
        WIDE, PriceIs(BEST, Side.ABOVE, 1.0), RSI, SystemIs(Trouble.STALE), SystemIs(Trouble.QUOTA),
        OptionIs(BTC, OptionFigure.IV, Side.ABOVE, 60.0),
    )  # fmt: skip
    house.arm(*conditions)
    assert house.listeners() > before
    for number in range(len(conditions)):
        assert house.watch.disarm(f"a{number}") is not None
    house.figures.look()
    assert house.listeners() == before
    house.arm(AnyOf((WIDE, PriceIs(BEST, Side.ABOVE, 1.0))), RSI, SystemIs(Trouble.STALE))
    house.figures.close()
    assert house.listeners() == before
    assert house.reports() == []


async def test_what_is_followed_later_is_heard_from_then_on() -> None:
    house = House()
    house.arm(
        SpreadIs(SOL, 50.0),
        PriceIs(BEST, Side.ABOVE, 1.0),
        replace(RSI, instrument=SOL),
        SystemIs(Trouble.STALE, SOL),
    )
    assert all(house.unknown(each) for each in ("a0", "a1", "a2", "a3"))
    await house.desk.follow("SOL-USDT")
    house.desk.trade(SOL, 100.0)
    house.desk.move(SOL, [(99.0, 1.0)], [(101.0, 1.0)])
    house.pass_seconds()
    assert not house.unknown("a0")
    assert not house.unknown("a3")
    assert house.unknown("a1")
    assert len(house.desk.bar_listeners) == 1


async def test_what_is_left_is_lost_without_a_fault() -> None:
    house = House()
    house.arm(WIDE, RSI)
    await house.desk.unfollow("BTC-USDT")
    house.desk.bus.channel("status", BTC).publish(
        StreamStatus(BTC, "ended", "left", connected=False, ts=START)
    )
    assert house.unknown()
    house.pass_seconds()
    assert house.unknown("a1")
    assert house.desk.bar_listeners == []
    assert house.reports() == []


def test_many_turns_of_one_breath_are_one_look_at_the_troubles() -> None:
    house = House(soon=True)
    house.arm(SystemIs(Trouble.STALE))
    house.desk.turn(BTC, "stale", "silent")
    house.figures.close()
    house.later[-1]()  # it was closed in the same breath
    assert house.fired() == []


def test_an_error_of_ours_is_told_once_and_stays_with_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.arm(WIDE, SpreadIs(ETH, 50.0), SystemIs(Trouble.STALE, BTC), RSI)
    house.desk.broken.add(BTC)
    house.quote(99.0, 101.0)
    house.pass_seconds(3)
    house.desk.say_bars(bar(0, 90.0), bar(1, 92.0))
    with monkeypatch.context() as patch:
        patch.setattr(BarFigure, "hear", lambda *_: 1 / 0)
        for number in (2, 3):
            house.desk.say_bars(bar(number, 92.0))
    assert house.reports() == ["task_failed"] * 3
    assert [house.unknown(each) for each in ("a0", "a1", "a2", "a3")] == [True, False, True, True]
    house.desk.broken.clear()
    house.watch.arm("more", AlertRule(SpreadIs(ETH, 5.0)))
    house.watch.arm("other", AlertRule(SystemIs(Trouble.QUOTA)))
    house.figures.look()  # something else is wanted: all are tried again
    assert [house.unknown(each) for each in ("a0", "a2", "a3")] == [False, False, False]


def test_a_venue_that_there_is_not_is_refused_with_the_nearest() -> None:
    for condition in (
        WIDE,
        SystemIs(Trouble.STALE, BTC),
        SystemIs(Trouble.QUOTA),
        SystemIs(Trouble.QUOTA, "kraken"),
    ):
        check_venues(AlertRule(condition))
    with pytest.raises(ConfigError) as caught:
        check_venues(AlertRule(AnyOf((WIDE, SystemIs(Trouble.VENUE_DOWN, "binanse")))))
    assert "binance" in str(caught.value.hint)
