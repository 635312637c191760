"""How alerts look on the wire, and what of a typed rule is refused, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from _memoryalerts import MemoryAlerts
from _memorydesk import BTC, START, MemoryDesk
from msgspec.structs import replace

from bethna.api.alerts import (
    holds,
    instruments_of,
    notification_row,
    rehearsal_answer,
    typed,
    words,
)
from bethna.api.alerts_wishes import rule_of_json
from bethna.core.alert_views import Alert, Delivery, DeliveryState, Rehearsed, RuleView
from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    LeafState,
    Moment,
    Outcome,
    Phase,
    PositionIs,
    PriceIs,
    QuietHours,
    Repeat,
    RuleState,
    Severity,
    Side,
    SignalGiven,
    Step,
)
from bethna.core.coverage import State
from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId

YES, NO, UNSEEN = LeafState.YES, LeafState.NO, LeafState.UNSEEN
ABOVE, BELOW = PriceIs(BTC, Side.ABOVE, 1.0), PriceIs(BTC, Side.BELOW, 9.0)
ALL, ANY = AllOf((ABOVE, BELOW)), AnyOf((ABOVE, BELOW))


@pytest.mark.parametrize(
    ("condition", "leaves", "expected"),
    [
        (ABOVE, (YES,), True), (ABOVE, (NO,), False), (ABOVE, (UNSEEN,), None),
        (ALL, (YES, YES), True), (ALL, (YES, NO), False), (ALL, (YES, UNSEEN), None), (ALL, (NO, UNSEEN), False),
        (ANY, (NO, NO), False), (ANY, (YES, NO), True), (ANY, (NO, UNSEEN), None), (ANY, (YES, UNSEEN), True),
    ],
)  # fmt: skip
def test_a_rule_holds_as_far_as_its_parts_are_known(
    condition: Condition, leaves: tuple[LeafState, ...], expected: bool | None
) -> None:
    view = RuleView("a1", 1, AlertRule(condition), "", RuleState(leaves), False, (), START)
    assert holds(view) is expected
    assert holds(replace(view, unknown=True)) is None
    for phase in (Phase.PAUSED, Phase.DONE, Phase.EXPIRED):
        assert holds(replace(view, state=replace(view.state, phase=phase))) is None


def test_a_rule_names_its_instruments_once_and_in_their_order() -> None:
    other = PriceIs(InstrumentId("ETH-USDT@binance"), Side.ABOVE, 1.0)
    assert instruments_of(AllOf((other, ABOVE, BELOW))) == ("ETH-USDT@binance", BTC)
    assert instruments_of(PositionIs(opened=True)) == ()


def step(outcome: Outcome, leaf: int | None = 0, parts: int = 1, **moment: Any) -> Step:
    state = RuleState((YES,) * parts)
    return Step(
        "a1", 1, outcome, leaf, replace(Moment(START, START, 7, 65_001.2), **moment), state, state, None
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (step(Outcome.FIRED), "fired at 65,001.2"),
        (step(Outcome.FIRED, leaf=None), "fired: it has held for long enough"),
        (step(Outcome.FIRED, leaf=1, parts=2), "condition 2: fired at 65,001.2"),
        (step(Outcome.FIRED, late=True, after_gap=True),
         "fired at 65,001.2; found after the fact; trades right before it are missing"),
        (step(Outcome.HOLDS), "begins to hold at 65,001.2, and has to hold for a while"),
        (step(Outcome.ALREADY), "held already when it was first seen, at 65,001.2: it waits until that is over"),
        (step(Outcome.OVER), "holds no longer, at 65,001.2"),
        (step(Outcome.NOTED, parts=2), "condition 1: another way at 65,001.2; the whole did not begin or end"),
        (step(Outcome.CORRECTED),
         "missing trades came after all, and with them it stands otherwise, at 65,001.2"),
        (step(Outcome.COOLING), "it would have fired at 65,001.2: the cooldown is not over"),
        (step(Outcome.SAME_BAR), "it would have fired at 65,001.2: it has already in this bar"),
        (step(Outcome.DOUBTED, state=State.INCOMPLETE),
         "it would have fired at 65,001.2: data are incomplete, and it asks for complete ones"),
        (step(Outcome.EXPIRED, leaf=None), "expired"),
        (step(Outcome.UNKNOWN, leaf=None), "told that nobody can know whether it holds"),
        (step(Outcome.EDITED, leaf=None), "edited, and armed anew"),
        (step(Outcome.PAUSED, leaf=None), "paused"),
        (step(Outcome.RESUMED, leaf=None), "taken up again, as if it were new"),
    ],
)  # fmt: skip
def test_each_line_of_a_journal_has_words(line: Step, said: str) -> None:
    assert words(line) == said


def test_what_is_seen_for_the_first_time_is_said_to_be() -> None:
    line = step(Outcome.NOTED)
    assert words(replace(line, before=RuleState((UNSEEN,)))) == "first seen at 65,001.2"


def test_every_outcome_has_words() -> None:
    assert all(words(step(outcome)) for outcome in Outcome)


def test_a_delivery_and_a_rehearsal_tell_microseconds() -> None:
    alert = Alert(
        "j:a1.1", "a1", 1, 3, "t", "x", "s", Severity.CRITICAL, "n", None, START, START + 2_000, 1.0, None,
        State.UNKNOWN, True, False, START,
        deliveries=(Delivery("a1", 1, "push", DeliveryState.DEAD, 3, START, START + 1_000, "gone", 2, "mail"),),
    )  # fmt: skip
    row = notification_row(alert)
    assert (row.told - row.fired, row.read, row.trade_id, row.instrument) == (2, True, None, None)
    [told] = row.deliveries
    assert (told.channel, told.state, told.attempts, told.done, told.together) == (
        "push", DeliveryState.DEAD, 3, START // 1_000 + 1, 2,
    )  # fmt: skip
    assert (told.next_try, told.error, told.instead_of) == (START // 1_000, "gone", "mail")
    found = rehearsal_answer(
        Rehearsed(
            "bars", "s", 1_000, 9_000, 5, ((2_000, 3_000),), (4_000,), {"cooling": 1}, 1, None, 2.0, False,
            90 * 10**9, 1.5, ((1_000, 2.0),),
        )
    )  # fmt: skip
    assert (found.start, found.end, found.unknown, found.fired) == (1, 9, [(2, 3)], [4])
    assert (found.cooldown_s, found.rearm, found.prices) == (90.0, 1.5, [(1, 2.0)])


# --- typed rules


def test_a_typed_rule_is_read_as_it_is_said() -> None:
    alerts = MemoryAlerts(MemoryDesk())
    rule = AlertRule(
        AnyOf((ABOVE, SignalGiven(BTC, 80.0))), Repeat.PER_BAR, Interval.M5, 1, 2, START + 1_000, True,
        severity=Severity.CRITICAL, note="x", channels=("telegram",), quiet=QuietHours(60, 120, "Europe/Berlin"),
    )  # fmt: skip
    said = typed(rule)
    assert said["expires"] == START // 1_000 + 1
    assert rule_of_json(alerts, said) == rule
    spelled = {"condition": {"type": "price_is", "instrument": "btc/usdt", "side": "above", "level": 1}}
    assert rule_of_json(alerts, spelled) == AlertRule(ABOVE)


IS: dict[str, Any] = {"type": "price_is", "instrument": BTC, "side": "above", "level": 1.0}


@pytest.mark.parametrize(
    ("said", "key", "message"),
    [
        ({}, "rule", "rule: expected condition, found none"),
        ({"condition": 7}, "condition", "condition: expected object, found int"),
        ({"condition": {"type": "price_was"}}, "condition.type",
         "condition.type: expected a kind of condition, found 'price_was'"),
        ({"condition": {"side": "above"}}, "condition", "condition: expected type, found none"),
        ({"condition": {**IS, "side": "over"}}, "condition.side",
         "condition.side: expected above, below, found 'over'"),
        ({"condition": {**IS, "level": "1"}}, "condition.level", "condition.level: expected float, found str"),
        ({"condition": {**IS, "level": 10**400}}, "condition.level", "condition.level: number out of range"),
        ({"condition": {**IS, "colour": 1}}, "condition",
         "condition: expected instrument, side, level, rearm, type, found 'colour'"),
        ({"condition": {"type": "all_of", "parts": [IS, {**IS, "x": 1}]}}, "condition.parts[1]",
         "condition.parts[1]: expected instrument"),
        ({"condition": {"type": "system_is", "trouble": "rain"}}, "condition.trouble",
         "condition.trouble: expected venue_down,"),
        ({"condition": IS, "repeat": "often"}, "repeat", "repeat: expected once, every, per_bar, found 'often'"),
        ({"condition": IS, "bar": "7m"}, "bar", "bar: expected 1s, 1m"),
        ({"condition": IS, "already": 1}, "already", "already: expected bool, found int"),
        ({"condition": IS, "hold_ns": 10**30}, "hold_ns", "hold_ns: expected a number of at most 19 digits"),
        ({"condition": IS, "expires": -1}, "expires", "expected an instant in microseconds"),
        ({"condition": IS, "expires": 2**53}, "expires", "expected an instant in microseconds"),
        ({"condition": IS, "quiet": {"start": 1}}, "quiet", "quiet: expected end, found none"),
        ({"condition": IS, "quiet": {"start": 1, "end": 2, "days": 1}}, "quiet",
         "quiet: expected start, end, zone, found 'days'"),
        ({"condition": IS, "x" * 500: 1}, "rule", "rule: expected condition, repeat, bar"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_named(said: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        rule_of_json(MemoryAlerts(MemoryDesk()), said)
    assert found.value.key == key
    assert found.value.message.startswith(message)
    assert len(found.value.message) < 250


def test_an_unknown_instrument_may_stand_where_its_source_is_still_to_come() -> None:
    alerts = MemoryAlerts(MemoryDesk())
    with pytest.raises(UnknownInstrument):
        rule_of_json(alerts, {"condition": {**IS, "instrument": "my straddle"}})
    waits = {"type": "option_is", "instrument": "my straddle", "figure": "iv", "side": "above", "level": 0.5}
    assert instruments_of(rule_of_json(alerts, {"condition": waits}).condition) == ("my straddle",)
    opened = rule_of_json(alerts, {"condition": {"type": "position_is", "opened": True}})
    assert opened == AlertRule(PositionIs(opened=True))
