"""Lets the journal of alerts forget what is older than the settings say, now and then; it judges nothing."""

from __future__ import annotations

import asyncio
from functools import partial

from bethna.app.alert_ports import Ground
from bethna.core.errors import StoreError
from bethna.core.intervals import Interval
from bethna.services.alerting import Alerting
from bethna.store import alerts as journals

FORGET_S = 3_600.0


async def forget(alerting: Alerting, desk: Ground) -> None:
    """Once there is a journal, at once and every FORGET_S, until cancelled."""
    await alerting.there.wait()
    while True:
        days = desk.settings.alert_days
        before = desk.clock.now_ns() - days * Interval.D1.ns if days else 0
        try:
            await alerting.work(partial(journals.retention.prune, before=before))
        except StoreError as error:
            desk.tell("warning", "alerts_not_pruned", "alerts", error.message)
        await asyncio.sleep(FORGET_S)
