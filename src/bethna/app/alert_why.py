"""Why a rule did, or did not, fire: its journal, the trades around the moment, the words; it judges nothing.

Rules
  1. What is shown around an alert are the trades of the alert; around any other time those of that time.
  2. A price is that of the last trade up to the time asked about, where the desk has it at hand; else none is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from bethna.app.alert_centre import AlertCentre, instrument_of
from bethna.app.alert_past import holes
from bethna.app.alert_rehearsal import Rehearser
from bethna.app.alert_rules import view_of
from bethna.core.alert_views import Why
from bethna.core.alerts import TELLING, AlertRule, Step
from bethna.core.clock import Clock, iso_utc, seconds
from bethna.core.errors import ConfigError, UnknownAlert
from bethna.core.market import Trade
from bethna.logic.alerts.machine import begin
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.telling import reason
from bethna.services.alerting import Alerting, ArmedRule
from bethna.store import alerts as journals

AROUND = 10
"""Trades before and after a moment that are shown."""
LATER = 5
NEAR_S = 30.0
AHEAD_S = 5.0
BEST = "best"


class Explainer:
    """Explains the rules of one desk."""

    def __init__(self, clock: Clock, alerting: Alerting, kept: AlertCentre, rehearser: Rehearser) -> None:
        self._clock = clock
        self._alerting = alerting
        self._centre = kept
        self._rehearser = rehearser

    async def why(self, name: str, at: int | None, limit: int) -> Why:
        """See `AlertsDesk.why`."""
        now = self._clock.now_ns()
        moment = now if at is None else at
        if moment > now + seconds(AHEAD_S):
            raise ConfigError("at", "expected a time that has been, found one that is still to come")
        steps = await self._alerting.why(name, until=moment, limit=limit)
        later = await self._alerting.why(name, after=moment, limit=LATER)
        rule = await self._alerting.work(lambda connection: journals.centre.rule_named(connection, name))
        if rule is None:
            raise UnknownAlert(name)
        try:
            armed: ArmedRule | None = self._alerting.rule(name)
        except UnknownAlert:
            armed = None
        trades, around = await self._around(rule, steps, moment, is_now=at is None)
        shown = [*steps, *later]
        start = min((each.fired for each in shown if each.fired is not None), default=moment)
        alerts = await self._centre.read(
            lambda c: journals.centre.between(c, name, start, 2**63 - 1, limit + LATER)
        )
        state = steps[-1].after if steps else later[0].before if later else begin(rule)
        unknown = armed is not None and at is None and armed.unknown
        instrument = instrument_of(rule, None)
        price = None if instrument is None else self._rehearser.price_at(instrument, moment)
        said = reason(rule, state, unknown, steps, moment, price=price, missing=_missing(trades, moment))
        if armed is not None and armed.version == 1 and not steps and moment < armed.armed:
            said = f"It was not armed then: it was at {iso_utc(armed.armed)}."
        if armed is None:
            said = f"{said} It is armed no longer."
        return Why(
            None if armed is None else view_of(armed), name, say(rule), moment, said, tuple(steps), tuple(later),
            tuple(trades), around, tuple(alerts),
        )  # fmt: skip

    async def _around(
        self, rule: AlertRule, steps: Sequence[Step], at: int, *, is_now: bool
    ) -> tuple[list[Trade], str]:
        """Trades around what is asked about, and why they are not all: the alert that it is, or else that time."""
        newest = next(reversed(steps), None)
        is_it = (
            newest is not None
            and newest.outcome in TELLING
            and newest.moment.trade_id is not None
            and (is_now or at - newest.moment.ts_event <= seconds(NEAR_S))
        )
        it = newest if is_it else None
        instrument = instrument_of(rule, None if it is None else it.leaf)
        if instrument is None or instrument.endswith(f"@{BEST}"):
            return [], "it is not of trades"
        if it is None:
            return await self._rehearser.around(instrument, None, at, AROUND)
        return await self._rehearser.around(instrument, it.moment.trade_id, it.moment.ts_event, AROUND)


def _missing(trades: Sequence[Trade], at: int) -> tuple[int, int] | None:
    """From when to when trades are missing at a time, among those around it."""
    spans = (span for span in holes(trades) if span[0] <= at <= span[1])
    return next(spans, None)
