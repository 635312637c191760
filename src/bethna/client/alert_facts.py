"""Alerts of a desk behind an address as facts: its answers to the Structs of `core.alert_views`; it keeps nothing.

Instants are as the wire has them, whole microseconds.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from bethna.api.alerts_protocol import (
    AlertRow,
    ChannelRow,
    DeliveryRow,
    LineRow,
    NotificationRow,
    PreviewAnswer,
    ReceiptAnswer,
    RehearsalAnswer,
    StepRow,
    WhyAnswer,
)
from bethna.client.remote_facts import FrameError, nanos, nanos_or_none, number
from bethna.core.alert_views import (
    Alert,
    ChannelView,
    Delivery,
    LevelLine,
    Preview,
    Receipt,
    Rehearsed,
    RuleView,
    Why,
)
from bethna.core.alerts import AlertRule, LeafState, Moment, Phase, RuleState, Step
from bethna.core.clock import NS_PER_US, seconds
from bethna.core.errors import excerpt_of
from bethna.core.market import InstrumentId, Trade


def typed_rule(rule: AlertRule) -> dict[str, Any]:
    """A rule as POST takes it: `expires` in microseconds."""
    found: dict[str, Any] = msgspec.to_builtins(rule)
    if rule.expires is not None:
        found["expires"] = -(-rule.expires // NS_PER_US)
    return found


def rule_of(typed: dict[str, Any]) -> AlertRule:
    """The same back. Raises FrameError for what is none, such as a condition that this version does not know."""
    try:
        rule = msgspec.convert(typed, AlertRule)
    except msgspec.ValidationError as error:
        raise FrameError(
            f"expected a rule as this version knows it, found {excerpt_of(repr(typed))[:80]!r}: {error}",
            hint="the desk may be of another version: compare `bethna --version` here and there",
        ) from error
    return rule if rule.expires is None else replace(rule, expires=nanos(rule.expires))


def view_of(row: AlertRow) -> RuleView:
    """An armed rule."""
    state = RuleState(
        tuple(row.leaves), row.phase, row.steps, nanos_or_none(row.since), nanos_or_none(row.due), row.firings,
        nanos_or_none(row.last_fired),
    )  # fmt: skip
    return RuleView(
        row.name, row.version, rule_of(row.rule), row.sentence, state, row.unknown, tuple(row.waits_for),
        nanos(row.armed), tuple(_line(each) for each in row.lines),
    )  # fmt: skip


def preview_of(answer: PreviewAnswer) -> Preview:
    """A rule that is not armed."""
    return Preview(
        rule_of(answer.rule), answer.sentence, tuple(answer.waits_for), tuple(_line(each) for each in answer.lines),
        tuple(answer.leaves), _id(answer.instrument), answer.price,
    )  # fmt: skip


def alert_of(row: NotificationRow) -> Alert:
    """That a rule has fired."""
    return Alert(
        row.key, row.alert, row.firing, row.number, row.title, row.text, row.sentence, row.severity, row.note,
        _id(row.instrument), nanos(row.fired), nanos(row.told), row.value, number(row.trade_id), row.state,
        row.after_gap, row.late, nanos_or_none(row.read_at),
        deliveries=tuple(_delivery(row, each) for each in row.deliveries),
    )  # fmt: skip


def why_of(answer: WhyAnswer) -> Why:
    """Why it did, or did not, fire. The trades are those of its first instrument."""
    view = None if answer.alert is None else view_of(answer.alert)
    named = [] if answer.alert is None else list(answer.alert.instruments)
    named += [each.instrument for each in answer.alerts if each.instrument is not None]
    instrument = InstrumentId(named[0] if named else "")
    trades = tuple(
        Trade(
            instrument, each.price, each.quantity, each.side, int(each.trade_id), nanos(each.ts_event),
            nanos(each.ts_recv),
        )
        for each in answer.trades
    )  # fmt: skip
    return Why(
        view, answer.name, answer.sentence, nanos(answer.at), answer.reason,
        tuple(_step(answer.name, each) for each in answer.steps),
        tuple(_step(answer.name, each) for each in answer.later),
        trades, answer.around, tuple(alert_of(each) for each in answer.alerts),
    )  # fmt: skip


def rehearsed_of(answer: RehearsalAnswer) -> Rehearsed:
    """What a rule would have told."""
    return Rehearsed(
        answer.over, answer.sentence, nanos(answer.start), nanos(answer.end), answer.judged,
        tuple((nanos(start), nanos(end)) for start, end in answer.unknown),
        tuple(nanos(each) for each in answer.fired), answer.swallowed, answer.clusters, answer.per_day,
        answer.wished_per_day, answer.enough,
        None if answer.cooldown_s is None else seconds(answer.cooldown_s), answer.rearm,
        tuple((nanos(ts), price) for ts, price in answer.prices),
        None if answer.asked_from is None else nanos(answer.asked_from),
    )  # fmt: skip


def channel_of(row: ChannelRow) -> ChannelView:
    """Where alerts may go."""
    return ChannelView(
        row.name, row.kind, row.target, row.ready, row.why, row.off, row.fallback, row.waiting, row.sent, row.dead
    )  # fmt: skip


def receipt_of(answer: ReceiptAnswer) -> Receipt:
    """What came of a test."""
    return Receipt(answer.ok, answer.said)


def _line(row: LineRow) -> LevelLine:
    return LevelLine(InstrumentId(row.instrument), row.role, row.price, row.part)


def _delivery(of: NotificationRow, row: DeliveryRow) -> Delivery:
    return Delivery(
        of.alert, of.firing, row.channel, row.state, row.attempts, nanos_or_none(row.next_try),
        nanos_or_none(row.done), row.error, row.together, row.instead_of,
    )  # fmt: skip


def _step(name: str, row: StepRow) -> Step:
    moment = Moment(
        nanos(row.ts_event), nanos(row.ts_recv), number(row.trade_id), row.value, row.state, row.after_gap, row.late
    )  # fmt: skip
    return Step(
        name, row.number, row.outcome, row.leaf, moment, _state(row.before, Phase.ACTIVE),
        _state(row.after, row.phase), nanos_or_none(row.fired),
    )  # fmt: skip


def _state(leaves: tuple[LeafState, ...], phase: Phase) -> RuleState:
    return RuleState(tuple(leaves), phase)


def _id(text: str | None) -> InstrumentId | None:
    return None if text is None else InstrumentId(text)
