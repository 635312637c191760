"""Alerts in memory as clients are tested before: with channels, deliveries, and a rehearsal of known figures."""

from __future__ import annotations

from _memoryalerts import MemoryAlerts
from _memorydesk import BTC, ETH, MemoryDesk
from msgspec.structs import replace

from bethna.core.alert_views import (
    Alert,
    AlertsChanged,
    ChannelView,
    Delivery,
    DeliveryState,
    Receipt,
    Rehearsed,
)
from bethna.core.alerts import AlertRule
from bethna.core.clock import NS_PER_S
from bethna.core.errors import UnknownChannel
from bethna.core.market import InstrumentId
from bethna.logic.alerts.saying import say

MAIL = ChannelView(
    "mail", "mailto", "me@example.org", False, "its address is missing", True, "telegram", 1, 0, 2
)


class ToldAlerts(MemoryAlerts):
    """One more channel, a delivery for each that a rule names, and what a test wants to be answered.

    Attributes:
        receipt: what the test of a channel brings. asked: the arguments of the last rehearsal.
        states: how the deliveries of the next alerts are, by channel; WAITING without a word.
    """

    def __init__(self, desk: MemoryDesk, *, most: int = 5) -> None:
        super().__init__(desk, most=most)
        self.known.append(MAIL)
        self.receipt = Receipt(True, "200 OK")
        self.asked: dict[str, object] = {}
        self.states: dict[str, Delivery] = {}

    def fire(self, name: str, value: float = 65_001.2, *, late: bool = False) -> Alert:
        alert = self.fire_silently(name, value, late=late)
        self.publish(AlertsChanged((name,), (alert.key,), (alert,)))
        return alert

    def fire_silently(self, name: str, value: float = 65_001.2, *, late: bool = False) -> Alert:
        alert = super().fire_silently(name, value, late=late)
        waiting = (
            self.states.get(
                each, Delivery(name, alert.firing, each, DeliveryState.WAITING, next_try=alert.told)
            )
            for each in self.armed[name].rule.channels
        )
        self.fired[alert.key] = replace(
            alert, deliveries=tuple(replace(each, rule=name, firing=alert.firing) for each in waiting)
        )
        return self.fired[alert.key]

    async def test_channel(self, name: str) -> Receipt:
        if name not in [each.name for each in self.known]:
            raise UnknownChannel(name, [each.name for each in self.known])
        return self.receipt

    async def rehearse(
        self,
        rule: AlertRule,
        *,
        over: str = "trades",
        span_ns: int | None = None,
        per_day: float | None = None,
    ) -> Rehearsed:
        self._check(rule)
        self.asked = {"over": over, "span_ns": span_ns, "per_day": per_day}
        now = self.desk.clock.now_ns()
        start = now - (span_ns or 3600 * NS_PER_S)
        part = (now - start) // 10
        wished = per_day is not None
        return Rehearsed(
            over, say(rule), start, now, 1000, ((start, start + part),),
            tuple(start + part * each for each in (2, 3, 8)),
            {"cooling": 2}, 3, 72.0, per_day, per_day >= 72.0 if per_day is not None else None,
            600 * NS_PER_S if wished else None, 64_800.0 if wished else None,
            tuple((start + part * each, 65_000.0 + each) for each in range(11)),
        )  # fmt: skip


def with_alerts(*instruments: InstrumentId) -> tuple[MemoryDesk, ToldAlerts]:
    """A desk in memory that keeps alerts."""
    desk = MemoryDesk(instruments or (BTC, ETH))
    return desk, ToldAlerts(desk)
