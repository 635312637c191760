"""The alerts of a desk, put together: rules by sentence or type, their journal, the centre, rehearsal, delivery.

It is what the doors ask (`AlertsDesk`); what decides lives below: `services/alerting`, `logic/alerts`,
`services/delivering`.

Rules
  1. A journal that cannot be used is told once and raised by every call; the market goes on.
  2. An instrument of a rule that is not followed yet is followed from then on; one whose rules are armed is not left.
  3. A rule that asks to be told when nobody can know is told so once for each time, after UNKNOWN_S of it.
  4. On a recording or a simulated market nothing goes outward unless the settings ask for it, and every message
     says what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from bethna.app.alert_centre import AlertCentre, instrument_of
from bethna.app.alert_delivery import DeskDelivery, make_delivery, prefix_of
from bethna.app.alert_figures import AlertFigures
from bethna.app.alert_forgetting import forget
from bethna.app.alert_past import VenuePast
from bethna.app.alert_ports import Ground
from bethna.app.alert_rehearsal import Rehearser
from bethna.app.alert_rules import (
    check_room,
    check_venues,
    check_zone,
    limits_of,
    lines_of,
    numbered,
    view_of,
)
from bethna.app.alert_symbols import Symbols
from bethna.app.alert_why import Explainer
from bethna.core.alert_views import (
    Alert,
    AlertLimits,
    ChannelView,
    Preview,
    PushSubscription,
    Receipt,
    Rehearsed,
    RuleView,
    Why,
)
from bethna.core.alerts import AlertRule, Phase, Step
from bethna.core.clock import Clock, seconds
from bethna.core.errors import (
    BethnaError,
    StoreError,
    UnknownChannel,
    UnknownInstrument,
)
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import check, waits_for, watched_by
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.sentence import parse
from bethna.logic.feed import FeedSettings
from bethna.services.alerting import Alerting
from bethna.store import alerts as journals
from bethna.store.alerts.facts import PAGE, PUSH

UNKNOWN_S = 10.0
SECOND_S = 1.0


class DeskAlerts:
    """See `AlertsDesk`. `start` before the first trade, then `run` beside the desk.

    Args:
        desk: whose alerts. folder: of the journal alone. outward: made by `wire_outward` once there is a journal.
    """

    def __init__(self, desk: Ground, folder: Path, feed: FeedSettings, *, outward: bool) -> None:
        self._desk = desk
        self._clock: Clock = desk.clock
        self._settings = desk.settings
        self._error: StoreError | None = StoreError(
            "expected alerts that were begun, found a desk that has not started", hint="start the desk"
        )
        journals.load()
        self._symbols = Symbols(desk)
        self._past = VenuePast(desk.lines, desk.feeds)
        on_tape = desk.source() == "tape"
        self.alerting = Alerting(
            folder, desk.bus, desk.clock, self._tell, self._told,
            past=None if on_tape else self._past, recent=self._symbols.recent,
            repeats=on_tape, outward=outward, allow=self._allow,
        )  # fmt: skip
        self.delivery: DeskDelivery | None = None
        self._outward = outward
        self._group: asyncio.TaskGroup | None = None
        self.centre = AlertCentre(
            self._settings.alert_notifications, desk.bus, desk.clock, self.alerting.work,
            self._symbols.decimals, lambda: self.alerting.journal_name,
        )  # fmt: skip
        self.figures = AlertFigures(
            desk, desk.bus, desk.clock, self.alerting.watch.figures, soon=_at_once if on_tape else _soon
        )
        self._rehearser = Rehearser(desk, self._past, feed)
        self._explainer = Explainer(desk.clock, self.alerting, self.centre, self._rehearser)
        self._unknown: dict[str, int] = {}
        self._told_unknown: set[str] = set()

    # --- life

    async def start(self) -> None:
        """Arm what is kept (rule 1). Raises ConfigError: a channel of the settings cannot be used."""
        position = self._desk.tape()
        self.delivery = await make_delivery(
            self._settings, self.alerting.work, self._read, self._clock, self._desk.rng, self._tell,
            self._come_further, outward=self._outward,
            prefix=prefix_of(
                self._desk.source(), self._desk.simulation(), "" if position is None else position.name
            ),
        )  # fmt: skip
        try:
            await self.alerting.start()
            self._error = None
            await self.centre.load()
        except StoreError as error:
            self._error = error
            self._tell("error", "alerts_unusable", "alerts", f"{error.message}. {error.hint}".strip())

    async def run(self) -> None:
        """Keep, deliver and look at what changes by time, until cancelled; then it is closed."""
        if self._error is not None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._keep(), name="alerts")
                group.create_task(self._seconds(), name="alerts-seconds")
                group.create_task(self._follow_kept(), name="alerts-follow")
                group.create_task(forget(self.alerting, self._desk), name="alerts-forget")
        finally:
            self._group = None
            self.figures.close()
            self._error = StoreError(
                "expected a desk that runs, found its alerts closed", hint="start it again"
            )

    async def _keep(self) -> None:
        """Deliver for as long as the journal is there, which closes last."""
        assert self.delivery is not None
        async with asyncio.TaskGroup() as group:
            delivering = group.create_task(self._deliver(self.delivery), name="alerts-delivery")
            try:
                await self.alerting.run()
            finally:
                delivering.cancel()

    async def _deliver(self, delivery: DeskDelivery) -> None:
        """There is nothing to deliver before there is a journal, and none is made for that."""
        await self.alerting.there.wait()
        await delivery.run()

    def _come_further(self, keys: Sequence[tuple[str, int]]) -> None:
        """Deliveries of these have come further."""
        if self._group is not None:
            self._group.create_task(self._refresh(tuple(keys)), name="alerts-refresh")

    async def _refresh(self, keys: Sequence[tuple[str, int]]) -> None:
        with suppress(StoreError):  # what is shown is a little old then, no more
            await self.centre.refresh(keys)

    async def _read(self, keys: Sequence[tuple[str, int]]) -> Sequence[Alert]:
        return await self.centre.read(lambda connection: journals.centre.named(connection, keys))

    async def _follow_kept(self) -> None:
        """Rule 2."""
        for armed in self.alerting.rules():
            try:
                await self._symbols.follow(armed.rule)
            except BethnaError as error:
                said = f"{armed.name} has no data: {error.message}. {error.hint}".strip()
                self._desk.tell("error", "alert_without_data", armed.name, said)

    async def _seconds(self) -> None:
        while True:
            self.second()
            await asyncio.sleep(SECOND_S)

    def second(self) -> None:
        """What changes by time alone."""
        for instrument in list(self.alerting.ears.open()):
            try:
                known = self._desk.feeds.feed(instrument).known_until()
            except UnknownInstrument:
                continue
            self.alerting.pass_time(instrument, known)
        self.figures.look()
        self.figures.second()
        self._look_for_unknown()

    def _look_for_unknown(self) -> None:
        """Rule 3."""
        now = self._clock.now_ns()
        unknown = self.alerting.doubted()
        self._told_unknown &= unknown
        self._unknown = {name: self._unknown.get(name, now) for name in unknown}
        for name, since in self._unknown.items():
            if name not in self._told_unknown and now - since >= seconds(UNKNOWN_S):
                self._told_unknown.add(name)
                self.alerting.tell_unknown(name, since)

    # --- rules

    def read_sentence(self, text: str) -> AlertRule:
        """See `AlertsDesk`."""
        return parse(text, self.resolve)

    def resolve(self, text: str) -> InstrumentId:
        """See `AlertsDesk`."""
        return self._symbols.resolve(text)

    def preview(self, rule: AlertRule) -> Preview:
        """See `AlertsDesk`."""
        self._check(rule)
        instrument = instrument_of(rule, None)
        return Preview(
            rule, say(rule), waits_for(rule.condition), lines_of(rule),
            tuple(self._symbols.leaf_now(rule, index) for index in range(len(parts_of(rule.condition)))),
            instrument, None if instrument is None else self._symbols.price_now(instrument),
        )  # fmt: skip

    def limits(self) -> AlertLimits:
        """See `AlertsDesk`."""
        rules = [each.rule for each in self.alerting.rules() if each.state.phase is Phase.ACTIVE]
        return limits_of(self._settings, rules)

    def rules(self) -> Sequence[RuleView]:
        """See `AlertsDesk`."""
        self._usable()
        return [view_of(each) for each in self.alerting.rules()]

    def rule(self, name: str) -> RuleView:
        """See `AlertsDesk`."""
        self._usable()
        return view_of(self.alerting.rule(name))

    async def add(self, rules: Sequence[AlertRule]) -> Sequence[RuleView]:
        """See `AlertsDesk`."""
        self._usable()
        for number, rule in enumerate(rules, 1):
            try:
                self._check(rule)
                await self._symbols.follow(rule)
            except BethnaError as error:
                raise numbered(error, number, len(rules)) from error
        names = await self.alerting.add(rules)
        self.figures.look()
        return [self.rule(name) for name in names]

    async def edit(self, name: str, rule: AlertRule, version: int) -> RuleView:
        """See `AlertsDesk`."""
        self._usable()
        self.alerting.rule(name)
        self._check(rule)
        await self._symbols.follow(rule)
        await self.alerting.edit(name, rule, version)
        self.figures.look()
        return self.rule(name)

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        """See `AlertsDesk`."""
        self._usable()
        await self.alerting.pause(name, paused=paused)
        self.figures.look()
        return self.rule(name)

    async def remove(self, *names: str) -> None:
        """See `AlertsDesk`."""
        self._usable()
        await self.alerting.remove(*names)
        self.figures.look()

    def watching(self, instrument: InstrumentId) -> list[str]:
        """The names of rules that are judged by this instrument (rule 2)."""
        return [
            each.name
            for each in self.alerting.rules()
            if each.state.phase is Phase.ACTIVE
            and any(watched_by(part).about == instrument for part in parts_of(each.rule.condition))
        ]

    # --- what has happened

    async def alerts(self, *, limit: int = 200, rule: str | None = None) -> Sequence[Alert]:
        """See `AlertsDesk`."""
        self._usable()
        await self.alerting.keep()
        return await self.centre.read(lambda connection: journals.centre.newest(connection, limit, rule=rule))

    async def why(self, name: str, *, at: int | None = None, limit: int = 50) -> Why:
        """See `AlertsDesk`."""
        self._usable()
        return await self._explainer.why(name, at, limit)

    async def rehearse(
        self,
        rule: AlertRule,
        *,
        over: str = "trades",
        span_ns: int | None = None,
        per_day: float | None = None,
    ) -> Rehearsed:
        """See `AlertsDesk`."""
        self._check(rule)
        await self._symbols.follow(rule)
        return await self._rehearser.rehearse(rule, over, span_ns, per_day)

    # --- the centre

    def notifications(self) -> Sequence[Alert]:
        """See `AlertsDesk`."""
        self._usable()
        return self.centre.alerts()

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """See `AlertsDesk`."""
        self._usable()
        await self.centre.mark(keys, read=read)

    async def clear(self, keys: Sequence[str] | None) -> None:
        """See `AlertsDesk`."""
        self._usable()
        await self.centre.clear(keys)

    # --- delivery

    def channels(self) -> Sequence[ChannelView]:
        """See `AlertsDesk`."""
        self._usable()
        return [] if self.delivery is None else self.delivery.channels()

    async def test_channel(self, name: str) -> Receipt:
        """See `AlertsDesk`."""
        return await self._delivery().test(name)

    def push_key(self) -> str:
        """See `AlertsDesk`."""
        return self._delivery().push_key()

    async def push_add(self, subscription: PushSubscription) -> None:
        """See `AlertsDesk`."""
        await self._delivery().push_add(subscription)

    async def push_remove(self, endpoint: str) -> None:
        """See `AlertsDesk`."""
        await self._delivery().push_remove(endpoint)

    def _delivery(self) -> DeskDelivery:
        self._usable()
        if self.delivery is None:
            raise UnknownChannel(PUSH, ())
        return self.delivery

    # --- inside

    def _tell(self, level: EventLevel, code: str, subject: str, message: str) -> None:
        """What is wrong stands where everybody sees it, too, once for each kind."""
        if level == "error":
            self._desk.notify(level, code, subject, message, about=code)
        else:
            self._desk.tell(level, code, subject, message)

    def _usable(self) -> None:
        """Rule 1."""
        if self._error is not None:
            raise self._error

    def _told(self, fired: Sequence[tuple[object, Step, AlertRule]], changed: frozenset[str]) -> None:
        self.centre.told(fired, changed)  # type: ignore[arg-type]  # the firings are the journal's own
        if fired and self.delivery is not None:
            self.delivery.wake()

    def _allow(self, armed: Sequence[AlertRule], new: Sequence[AlertRule]) -> None:
        check_room(self._settings, armed, new)

    def _check(self, rule: AlertRule) -> None:
        check(rule, self._clock.now_ns())
        check_venues(rule)
        check_zone(rule)
        known = {PAGE, PUSH, *(each.name for each in self._known_channels())}
        for channel in rule.channels:
            if channel not in known:
                raise UnknownChannel(channel, sorted(known))

    def _known_channels(self) -> Collection[ChannelView]:
        return [] if self.delivery is None else self.delivery.channels()


def _at_once(look: Callable[[], None]) -> None:
    """A recording must say the same at every speed."""
    look()


def _soon(look: Callable[[], None]) -> None:
    """Once a turn of the loop."""
    asyncio.get_running_loop().call_soon(look)
