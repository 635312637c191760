"""The notification centre of a desk: the newest alerts in memory, what is read of them, and what is told of a change.

The journal keeps all; what is cleared here is not gone there. It delivers nothing.

Rules
  1. The centre holds as many as the setting says; the oldest leave it by themselves, unread or not.
  2. Read and cleared are of the desk, not of a page: the disk has them before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from bethna.core.alert_views import Alert, AlertsChanged, Delivery
from bethna.core.alerts import AlertRule, Step
from bethna.core.clock import Clock
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import watched_by
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.telling import text_of, title_of
from bethna.runtime.bus import Bus
from bethna.store import alerts as journals
from bethna.store.alerts.facts import AlertKey, Fired, KeptAlert

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
Decimals = Callable[[InstrumentId], int]
"""Digits to print an instrument's prices with."""


class Work(Protocol):
    """Who does work over the journal's database."""

    def __call__(self, ask: Callable[[Connection], T]) -> Awaitable[T]:
        """One transaction. Raises StoreError."""
        ...


class AlertCentre:
    """The centre.

    Args:
        most: how many it holds. work: over the journal.
        decimals: digits of prices. journal: its name, before each key; empty while there is none.
    """

    def __init__(
        self, most: int, bus: Bus, clock: Clock, work: Work, decimals: Decimals,
        journal: Callable[[], str],
    ) -> None:  # fmt: skip
        self._journal = journal
        self._most = most
        self._channel = bus.channel("alerts")
        self._clock = clock
        self._work = work
        self._decimals = decimals
        self._alerts: dict[str, Alert] = {}

    async def load(self) -> None:
        """What the journal has, if there is one. Raises StoreError."""
        if self._journal():
            self._put(
                await self.read(
                    lambda connection: journals.centre.newest(connection, self._most, uncleared=True)
                )
            )

    def alerts(self) -> list[Alert]:
        """What it holds, ascending by when it was told."""
        return list(self._alerts.values())

    def told(self, fired: Sequence[tuple[Fired, Step, AlertRule]], rules: frozenset[str]) -> None:
        """These have just fired, and are on the disk; these rules have changed."""
        alerts = [self.alert_of(KeptAlert(each, step, rule)) for each, step, rule in fired]
        self._put(alerts)
        keys = tuple(each.key for each in alerts)
        self._channel.publish(AlertsChanged(tuple(sorted(rules)), keys, tuple(alerts)))

    async def refresh(self, keys: Sequence[AlertKey]) -> None:
        """Something about these is another: read them again. Raises StoreError."""
        found = await self.read(lambda connection: journals.centre.named(connection, list(keys)))
        for alert in found:
            if alert.key in self._alerts:
                self._alerts[alert.key] = alert
        self._say([alert.key for alert in found])

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """Rule 2."""
        named = self._named(keys)
        at = self._clock.now_ns() if read else None
        await self._work(lambda connection: journals.centre.mark(connection, named, at))
        await self.refresh(named)

    async def clear(self, keys: Sequence[str] | None) -> None:
        """Rule 2."""
        named = self._named(keys)
        at = self._clock.now_ns()
        await self._work(lambda connection: journals.centre.clear(connection, named, at))
        gone = [self.key_of(*each) for each in named]
        for key in gone:
            self._alerts.pop(key, None)
        self._say(gone)

    async def read(self, ask: Callable[[Connection], list[KeptAlert]]) -> list[Alert]:
        """Alerts from the journal, with where they have been told. Raises StoreError."""

        def work(
            connection: Connection,
        ) -> tuple[list[KeptAlert], Mapping[AlertKey, tuple[Delivery, ...]]]:
            kept = ask(connection)
            keys = [(each.fired.rule, each.fired.firing) for each in kept]
            return kept, journals.outbox.of_alerts(connection, keys)

        kept, deliveries = await self._work(work)
        return [
            self.alert_of(each, deliveries.get((each.fired.rule, each.fired.firing), ())) for each in kept
        ]

    def alert_of(self, kept: KeptAlert, deliveries: tuple[Delivery, ...] = ()) -> Alert:
        """An alert for people."""
        fired, step, rule = kept.fired, kept.step, kept.rule
        sentence, instrument = say(rule), instrument_of(rule, step.leaf)
        decimals = 2 if instrument is None else self._decimals(instrument)
        return Alert(
            self.key_of(fired.rule, fired.firing), fired.rule, fired.firing, fired.number,
            title_of(rule, step), text_of(rule, step, decimals), sentence, rule.severity, rule.note,
            instrument, fired.fired, fired.told, step.moment.value, step.moment.trade_id, step.moment.state,
            step.moment.after_gap, step.moment.late, fired.read, fired.cleared, deliveries,
        )  # fmt: skip

    def key_of(self, rule: str, firing: int) -> str:
        """Its name for good."""
        return f"{self._journal()}.{rule}.{firing}"

    def _named(self, keys: Sequence[str] | None) -> list[AlertKey]:
        """Those of the keys that the centre holds; None is all."""
        asked = self._alerts if keys is None else [key for key in dict.fromkeys(keys) if key in self._alerts]
        return [(self._alerts[key].rule, self._alerts[key].firing) for key in asked]

    def _put(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self._alerts[alert.key] = alert
        for key in list(self._alerts)[: -self._most]:  # rule 1
            del self._alerts[key]

    def _say(self, keys: Sequence[str]) -> None:
        if keys:
            self._channel.publish(AlertsChanged((), tuple(keys)))


def instrument_of(rule: AlertRule, leaf: int | None) -> InstrumentId | None:
    """Of which instrument a part of a rule is, or its first that has one; None where it has none."""
    parts = parts_of(rule.condition)
    asked = parts if leaf is None else (parts[leaf], *parts)
    about = (watched_by(part).about for part in asked)
    return next((InstrumentId(each) for each in about if "-" in each and "@" in each), None)
