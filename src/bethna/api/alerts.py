"""Alerts as a client hears them: facts of the desk as the Structs of `alerts_protocol`; it reads no wish and no route.

Instants are integer microseconds UTC, missing is null. It judges nothing: how a rule stands the desk has said.

Rules
  1. Whether a rule holds follows from what is known of its parts: any of holds as soon as one part does, all of does
     not as soon as one part does not. While nobody can know, or nobody judges it (paused, done, expired), it is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, assert_never

import msgspec

from bethna.api.alerts_port import AlertsDesk
from bethna.api.alerts_protocol import (
    AlertRow,
    AlertsAnswer,
    ChannelRow,
    ChannelsAnswer,
    DeliveryRow,
    HistoryAnswer,
    LimitsCard,
    LineRow,
    NotificationRow,
    NotificationsAnswer,
    PreviewAnswer,
    RehearsalAnswer,
    StepRow,
    WhyAnswer,
    WhyTrade,
)
from bethna.api.answers import micros, micros_or_none
from bethna.core.alert_views import (
    Alert,
    AlertLimits,
    ChannelView,
    Delivery,
    LevelLine,
    Preview,
    Rehearsed,
    RuleView,
    Why,
)
from bethna.core.alerts import AlertRule, AllOf, AnyOf, Condition, LeafState, Outcome, Phase, Step
from bethna.core.clock import NS_PER_S
from bethna.core.market import Trade

_Turned = Literal[Outcome.EXPIRED, Outcome.UNKNOWN, Outcome.EDITED, Outcome.PAUSED, Outcome.RESUMED]


def typed(rule: AlertRule) -> dict[str, Any]:
    """A rule as JSON, as POST takes it: `expires` in microseconds."""
    said: dict[str, Any] = msgspec.to_builtins(rule)
    return {**said, "expires": micros_or_none(rule.expires)}


def alert_row(view: RuleView) -> AlertRow:
    """A rule for the wire."""
    rule, state = view.rule, view.state
    return AlertRow(
        view.name, view.version, view.sentence, typed(rule), state.phase, holds(view), view.unknown, state.leaves,
        view.waits_for, state.firings, micros_or_none(state.last_fired), micros(view.armed), rule.severity, rule.note,
        rule.channels, instruments_of(rule.condition), line_rows(view.lines), state.steps,
        micros_or_none(state.since), micros_or_none(state.due),
    )  # fmt: skip


def holds(view: RuleView) -> bool | None:
    """Whether its condition holds, as far as it is known (rule 1)."""
    state = view.state
    if view.unknown or state.phase is not Phase.ACTIVE:
        return None
    decisive = LeafState.YES if isinstance(view.rule.condition, AnyOf) else LeafState.NO
    if decisive in state.leaves:
        return decisive is LeafState.YES
    return None if LeafState.UNSEEN in state.leaves else decisive is LeafState.NO


def instruments_of(condition: Condition) -> tuple[str, ...]:
    """Which instruments it is about, each once, in the order of its parts."""
    parts = condition.parts if isinstance(condition, AllOf | AnyOf) else (condition,)
    named = (getattr(part, "instrument", None) for part in parts)
    return tuple(dict.fromkeys(each for each in named if each))


def line_rows(lines: Sequence[LevelLine]) -> list[LineRow]:
    """What can be drawn, for the wire."""
    return [LineRow(each.instrument, each.role, each.price, each.part) for each in lines]


def limits_card(limits: AlertLimits) -> LimitsCard:
    """How many may be armed, and are."""
    return LimitsCard(
        limits.price_rules, limits.price_rules_armed, limits.signal_rules, limits.signal_rules_armed,
        limits.notifications, limits.toast_s,
    )  # fmt: skip


def alerts_answer(desk: AlertsDesk, views: Sequence[RuleView] | None = None) -> AlertsAnswer:
    """All armed rules, or these of them."""
    shown = desk.rules() if views is None else views
    return AlertsAnswer([alert_row(each) for each in shown], limits_card(desk.limits()))


def preview_answer(preview: Preview) -> PreviewAnswer:
    """What would be armed."""
    return PreviewAnswer(
        preview.sentence, typed(preview.rule), preview.waits_for, line_rows(preview.lines), preview.leaves,
        preview.instrument, preview.price,
    )  # fmt: skip


def notification_row(alert: Alert) -> NotificationRow:
    """An alert for the wire."""
    return NotificationRow(
        alert.key, alert.rule, alert.firing, alert.title, alert.text, alert.sentence, alert.severity, alert.note,
        alert.instrument, micros(alert.fired), micros(alert.told), alert.value, _id(alert.trade_id), alert.state,
        alert.after_gap, alert.late, alert.read is not None, [delivery_row(each) for each in alert.deliveries],
        alert.number, micros_or_none(alert.read),
    )  # fmt: skip


def delivery_row(delivery: Delivery) -> DeliveryRow:
    """How far one channel has come, for the wire."""
    return DeliveryRow(
        delivery.channel, delivery.state, delivery.attempts, micros_or_none(delivery.next_try),
        micros_or_none(delivery.done), delivery.error, delivery.together, delivery.instead_of,
    )  # fmt: skip


def unread(alerts: Sequence[Alert]) -> int:
    """How many of these nobody has read."""
    return sum(each.read is None for each in alerts)


def notifications_answer(alerts: Sequence[Alert]) -> NotificationsAnswer:
    """The notification centre."""
    return NotificationsAnswer([notification_row(each) for each in alerts], unread(alerts))


def history_answer(alerts: Sequence[Alert]) -> HistoryAnswer:
    """The newest alerts."""
    return HistoryAnswer([notification_row(each) for each in alerts])


def why_answer(why: Why) -> WhyAnswer:
    """Why a rule did, or did not, fire."""
    return WhyAnswer(
        why.name, None if why.view is None else alert_row(why.view), why.sentence, micros(why.at), why.reason,
        [step_row(each) for each in why.steps], [step_row(each) for each in why.later],
        [_trade(each) for each in why.trades], why.around, [notification_row(each) for each in why.alerts],
    )  # fmt: skip


def step_row(step: Step) -> StepRow:
    """A line of a rule's journal for the wire."""
    moment = step.moment
    return StepRow(
        step.number, step.outcome, micros(moment.ts_event), micros(moment.ts_recv), _id(moment.trade_id), moment.value,
        moment.state, moment.after_gap, moment.late, step.leaf, step.before.leaves, step.after.leaves,
        step.after.phase, micros_or_none(step.fired), words(step),
    )  # fmt: skip


def words(step: Step) -> str:
    """A line of a rule's journal for people, such as: `fired at 65,001; found after the fact`."""
    moment = step.moment
    said = _outcome(step)
    if moment.late:
        said += "; found after the fact"
    if moment.after_gap:
        said += "; trades right before it are missing"
    return said


_AFTER_ALL = {
    Outcome.CORRECTED: ", and with them it stands otherwise",
    Outcome.DATED: ": the alert behind them is of this moment",
}


def _outcome(step: Step) -> str:
    at = f"at {step.moment.value:,.10g}"
    part = "" if len(step.after.leaves) == 1 or step.leaf is None else f"condition {step.leaf + 1}: "
    match step.outcome:
        case Outcome.FIRED if step.leaf is None:
            return "fired: it has held for long enough"
        case Outcome.FIRED:
            return f"{part}fired {at}"
        case Outcome.HOLDS:
            return f"{part}begins to hold {at}, and has to hold for a while"
        case Outcome.ALREADY:
            return f"{part}held already when it was first seen, {at}: it waits until that is over"
        case Outcome.OVER:
            return f"{part}holds no longer, {at}"
        case Outcome.NOTED if step.leaf is not None and step.before.leaves[step.leaf] is LeafState.UNSEEN:
            return f"{part}first seen {at}"
        case Outcome.NOTED:
            return f"{part}another way {at}; the whole did not begin or end"
        case Outcome.CORRECTED | Outcome.DATED:
            return f"{part}missing trades came after all{_AFTER_ALL[step.outcome]}, {at}"
        case Outcome.COOLING:
            return f"{part}it would have fired {at}: the cooldown is not over"
        case Outcome.SAME_BAR:
            return f"{part}it would have fired {at}: it has already in this bar"
        case Outcome.DOUBTED:
            return (
                f"{part}it would have fired {at}: data are {step.moment.state}, and it asks for complete ones"
            )
        case _:
            return _turned(step.outcome)


def _turned(outcome: _Turned) -> str:
    """What is no news of its figure."""
    match outcome:
        case Outcome.EXPIRED:
            return "expired"
        case Outcome.UNKNOWN:
            return "told that nobody can know whether it holds"
        case Outcome.EDITED:
            return "edited, and armed anew"
        case Outcome.PAUSED:
            return "paused"
        case Outcome.RESUMED:
            return "taken up again, as if it were new"
        case _:
            assert_never(outcome)


def rehearsal_answer(found: Rehearsed) -> RehearsalAnswer:
    """What a rule would have told."""
    cooldown = None if found.cooldown_ns is None else found.cooldown_ns / NS_PER_S
    return RehearsalAnswer(
        found.over, found.sentence, micros(found.start), micros(found.end), found.judged,
        [(micros(start), micros(end)) for start, end in found.unknown], [micros(each) for each in found.fired],
        found.swallowed, found.clusters, found.per_day, found.wished_per_day, found.enough, cooldown, found.rearm,
        [(micros(at), price) for at, price in found.prices],
        None if found.asked_from is None else micros(found.asked_from),
    )  # fmt: skip


def channels_answer(channels: Sequence[ChannelView]) -> ChannelsAnswer:
    """Where alerts may go."""
    return ChannelsAnswer(
        [
            ChannelRow(
                each.name, each.kind, each.target, each.ready, each.why, each.off, each.fallback, each.waiting,
                each.sent, each.dead,
            )
            for each in channels
        ]
    )  # fmt: skip


def _trade(trade: Trade) -> WhyTrade:
    return WhyTrade(
        str(trade.trade_id), trade.price, trade.quantity, trade.side, micros(trade.ts_event), micros(trade.ts_recv)
    )  # fmt: skip


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
