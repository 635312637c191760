"""Alerts in memory: what the doors' tests stand before; rules are armed, fired and judged by hand."""

from __future__ import annotations

from collections.abc import Sequence

from _memorydesk import MemoryDesk
from msgspec.structs import replace

from bethna.core.alert_views import (
    Alert,
    AlertLimits,
    AlertsChanged,
    ChannelView,
    LevelLine,
    LevelRole,
    Preview,
    PushSubscription,
    Receipt,
    Rehearsed,
    RuleView,
    Why,
)
from bethna.core.alerts import (
    AlertRule,
    LeafState,
    Moment,
    Outcome,
    Phase,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    RuleState,
    Step,
)
from bethna.core.coverage import State
from bethna.core.errors import (
    AlertChanged,
    ConfigError,
    LimitReached,
    NoDataYet,
    StoreError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import begin, parts_of
from bethna.logic.alerts.rehearsal import rehearse
from bethna.logic.alerts.rules import check, waits_for
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.sentence import parse

JOURNAL = "7c1e"
YES, NO = LeafState.YES, LeafState.NO


class MemoryAlerts:
    """An AlertsDesk whose firings a test makes; it publishes what it changes, after changing it."""

    def __init__(self, desk: MemoryDesk, *, most: int = 50, centre: int = 200) -> None:
        self.desk = desk
        self.most = most
        self.centre = centre
        self.armed: dict[str, RuleView] = {}
        self.removed: dict[str, RuleView] = {}
        self.steps: dict[str, list[Step]] = {}
        self.fired: dict[str, Alert] = {}
        self.known = [ChannelView("telegram", "telegram", "a chat", True, "", False, "", 0, 0, 0)]
        self.pushed: dict[str, PushSubscription] = {}
        self.tested: list[str] = []
        self.damaged: StoreError | None = None
        desk.alerts = self

    # what a test does --------------------------------------------------------------------------------------------

    def publish(self, changed: AlertsChanged) -> None:
        self.desk.bus.channel("alerts").publish(changed)

    def stand(self, name: str, *leaves: LeafState, unknown: bool = False) -> None:
        """How a rule stands from now on, said to nobody."""
        view = self.armed[name]
        state = replace(view.state, leaves=leaves or view.state.leaves)
        self.armed[name] = replace(view, state=state, unknown=unknown)

    def fire(self, name: str, value: float = 65_001.2, *, late: bool = False) -> Alert:
        """A rule fires."""
        alert = self.fire_silently(name, value, late=late)
        self.publish(AlertsChanged((name,), (alert.key,), (alert,)))
        return alert

    def fire_silently(self, name: str, value: float = 65_001.2, *, late: bool = False) -> Alert:
        """The same, said to nobody."""
        view, now = self.armed[name], self.desk.clock.now_ns()
        state = view.state
        after = replace(
            state, leaves=(YES, *state.leaves[1:]), steps=state.steps + 1, firings=state.firings + 1, last_fired=now
        )  # fmt: skip
        moment = Moment(now, now, 7, value, State.COMPLETE, late=late)
        self.steps[name].append(Step(name, after.steps, Outcome.FIRED, 0, moment, state, after, now))
        self.armed[name] = replace(view, state=after)
        rule = view.rule
        key = f"{JOURNAL}.{name}.{after.firings}"
        alert = self.fired[key] = Alert(
            key, name, after.firings, after.steps, f"{name} fired", f"at {value:,}", view.sentence, rule.severity,
            rule.note, InstrumentId(_instruments(rule)[0]), now, now, value, 7, State.COMPLETE, False, late,
        )  # fmt: skip
        return alert

    # what the doors ask ------------------------------------------------------------------------------------------

    def read_sentence(self, text: str) -> AlertRule:
        return parse(text, self.resolve)

    def resolve(self, text: str) -> InstrumentId:
        return self.desk.resolve(text)[0]

    def preview(self, rule: AlertRule) -> Preview:
        self._check(rule)
        instrument = InstrumentId(_instruments(rule)[0])
        leaves = begin(rule).leaves
        price = self.desk.price(instrument).price
        return Preview(rule, say(rule), waits_for(rule.condition), lines_of(rule), leaves, instrument, price)

    def rules(self) -> Sequence[RuleView]:
        self._usable()
        return list(self.armed.values())

    def rule(self, name: str) -> RuleView:
        self._usable()
        if name not in self.armed:
            raise UnknownAlert(name)
        return self.armed[name]

    def limits(self) -> AlertLimits:
        return AlertLimits(self.most, len(self.armed), 100, 0, self.centre, 5.0)

    async def add(self, rules: Sequence[AlertRule]) -> Sequence[RuleView]:
        self._usable()
        for number, rule in enumerate(rules, 1):
            try:
                self._check(rule)
            except ConfigError as error:
                which = f"rule {number} of {len(rules)}: " if len(rules) > 1 else ""
                raise ConfigError(error.key, which + error.message, hint=error.hint) from error
        if len(self.armed) + len(rules) > self.most:
            there = f"found {len(self.armed)} and {len(rules)} more"
            raise LimitReached(
                "alert_price_rules", f"expected at most {self.most} armed rules of prices, {there}"
            )
        views = [self._arm(f"a{len(self.steps) + 1}", rule, 1) for rule in rules]
        self.publish(AlertsChanged(tuple(view.name for view in views)))
        return views

    async def edit(self, name: str, rule: AlertRule, version: int) -> RuleView:
        held = self.rule(name)
        if held.version != version:
            raise AlertChanged(name, version, held.version, held.sentence)
        self._check(rule)
        view = self._arm(name, rule, version + 1)
        self.publish(AlertsChanged((name,)))
        return view

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        view = self.rule(name)
        phase = Phase.PAUSED if paused else Phase.ACTIVE
        self.armed[name] = replace(view, state=replace(view.state, phase=phase))
        self.publish(AlertsChanged((name,)))
        return self.armed[name]

    async def remove(self, *names: str) -> None:
        for name in names:
            self.rule(name)
        for name in names:
            self.removed[name] = self.armed.pop(name)
        self.publish(AlertsChanged(names))

    async def alerts(self, *, limit: int = 200, rule: str | None = None) -> Sequence[Alert]:
        self._usable()
        return [each for each in self.fired.values() if rule in (None, each.rule)][-limit:]

    async def why(self, name: str, *, at: int | None = None, limit: int = 50) -> Why:
        view = self.armed.get(name) or self.removed.get(name)
        if view is None:
            raise UnknownAlert(name)
        moment = self.desk.clock.now_ns() if at is None else at
        steps = [each for each in self.steps[name] if each.moment.ts_event <= moment]
        later = [each for each in self.steps[name] if each.moment.ts_event > moment]
        trades = self.desk.trades(InstrumentId(_instruments(view.rule)[0]), 20)
        return Why(
            self.armed.get(name), name, view.sentence, moment, "fired" if steps else "nothing has happened yet",
            tuple(steps[-limit:]), tuple(later[:5]), tuple(trades), "" if trades else "no trades are kept",
            tuple(each for each in self.fired.values() if each.rule == name),
        )  # fmt: skip

    async def rehearse(
        self,
        rule: AlertRule,
        *,
        over: str = "trades",
        span_ns: int | None = None,
        per_day: float | None = None,
    ) -> Rehearsed:
        self._check(rule)
        instrument = InstrumentId(_instruments(rule)[0])
        now = self.desk.clock.now_ns()
        trades = [
            each
            for each in self.desk.trades(instrument, 1000)
            if span_ns is None or each.ts_event > now - span_ns
        ]
        if not trades:
            raise NoDataYet(f"trades of {instrument}")
        found = rehearse(rule, trades, 10**5)
        return Rehearsed(
            over, say(rule), found.start, found.end, found.trades, ((found.start - 1000, found.start),), found.fired,
            {str(outcome): count for outcome, count in found.swallowed.items()}, found.clusters, found.per_day,
            per_day, None if per_day is None else True, None, None,
            tuple((each.ts_event, each.price) for each in trades),
        )  # fmt: skip

    def notifications(self) -> Sequence[Alert]:
        self._usable()
        return [each for each in self.fired.values() if each.cleared is None][-self.centre :]

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        self._each(keys, read=self.desk.clock.now_ns() if read else None)

    async def clear(self, keys: Sequence[str] | None) -> None:
        self._each(keys, cleared=self.desk.clock.now_ns())

    def channels(self) -> Sequence[ChannelView]:
        return self.known

    async def test_channel(self, name: str) -> Receipt:
        if name not in [each.name for each in self.known]:
            raise UnknownChannel(name, [each.name for each in self.known])
        self.tested.append(name)
        return Receipt(True, "accepted")

    def push_key(self) -> str:
        return "BPrM0cQ2cQm0"

    async def push_add(self, subscription: PushSubscription) -> None:
        if not subscription.endpoint.startswith("https://"):
            raise ConfigError("endpoint", f"expected an https address, found {subscription.endpoint!r}")
        self.pushed[subscription.endpoint] = subscription

    async def push_remove(self, endpoint: str) -> None:
        self.pushed.pop(endpoint, None)

    # inside ------------------------------------------------------------------------------------------------------

    def _usable(self) -> None:
        if self.damaged is not None:
            raise self.damaged

    def _check(self, rule: AlertRule) -> None:
        check(rule, self.desk.clock.now_ns())
        for channel in rule.channels:
            if channel not in [each.name for each in self.known]:
                raise UnknownChannel(channel, [each.name for each in self.known])
        followed = [each.id for each in self.desk.instruments()]
        for named in _instruments(rule):
            if named not in followed and not waits_for(rule.condition):
                raise UnknownInstrument(named)

    def _arm(self, name: str, rule: AlertRule, version: int) -> RuleView:
        state: RuleState = begin(rule)
        view = RuleView(
            name, version, rule, say(rule), state, False, waits_for(rule.condition), self.desk.clock.now_ns(),
            lines_of(rule),
        )  # fmt: skip
        self.armed[name] = view
        self.steps.setdefault(name, [])
        return view

    def _each(self, keys: Sequence[str] | None, **changes: int | None) -> None:
        named = [each.key for each in self.notifications()] if keys is None else keys
        known = [key for key in named if key in self.fired]
        for key in known:
            self.fired[key] = replace(self.fired[key], **changes)
        self.publish(AlertsChanged(alerts=tuple(known)))


def lines_of(rule: AlertRule) -> tuple[LevelLine, ...]:
    """What of a rule can be drawn."""
    lines: list[LevelLine] = []
    for number, part in enumerate(parts_of(rule.condition)):
        if isinstance(part, PriceIs | PriceCrosses):
            lines.append(LevelLine(part.instrument, LevelRole.LEVEL, part.level, number))
            if part.rearm is not None:
                lines.append(LevelLine(part.instrument, LevelRole.REARM, part.rearm, number))
        elif isinstance(part, PriceChannel):
            lines.append(LevelLine(part.instrument, LevelRole.LOW, part.low, number))
            lines.append(LevelLine(part.instrument, LevelRole.HIGH, part.high, number))
    return tuple(lines)


def _instruments(rule: AlertRule) -> list[str]:
    return [getattr(part, "instrument", "") for part in parts_of(rule.condition)]
