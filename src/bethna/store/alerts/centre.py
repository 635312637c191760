"""Alerts as they lie in the journal, with the line that says why and the rule as it was; what is read, and cleared.

Every function is one transaction's work over `Journal.work`; it sends nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, select, tuple_, update

from bethna.core.alerts import AlertRule, Step
from bethna.store.alerts.facts import AlertKey, Fired, KeptAlert
from bethna.store.alerts.tables import FIRINGS, RULES, STEPS

_rule = msgspec.json.Decoder(AlertRule)
_step = msgspec.json.Decoder(Step)


def newest(
    connection: Connection, limit: int, *, rule: str | None = None, uncleared: bool = False
) -> list[KeptAlert]:
    """The newest, by when they were told, ascending.

    Args:
        rule: of this one alone. uncleared: of those that are in the notification centre.
    """
    line = FIRINGS.c
    asked = _asked().order_by(line.told.desc(), line.fired.desc(), line.rule.desc(), line.firing.desc())
    if rule is not None:
        asked = asked.where(FIRINGS.c.rule == rule)
    if uncleared:
        asked = asked.where(FIRINGS.c.cleared.is_(None))
    return [_kept(row) for row in reversed(connection.execute(asked.limit(limit)).all())]


def named(connection: Connection, keys: Sequence[AlertKey]) -> list[KeptAlert]:
    """These, as far as they are there, by when they were told."""
    asked = _asked().where(tuple_(FIRINGS.c.rule, FIRINGS.c.firing).in_(keys))
    return [
        _kept(row)
        for row in connection.execute(asked.order_by(FIRINGS.c.told, FIRINGS.c.fired, FIRINGS.c.firing))
    ]


def between(connection: Connection, rule: str, start: int, end: int, limit: int) -> list[KeptAlert]:
    """Those of a rule that fired in [start, end] by event time, ns UTC."""
    asked = _asked().where(FIRINGS.c.rule == rule, FIRINGS.c.fired >= start, FIRINGS.c.fired <= end)
    return [
        _kept(row)
        for row in connection.execute(asked.order_by(FIRINGS.c.fired, FIRINGS.c.firing).limit(limit))
    ]


def mark(connection: Connection, keys: Sequence[AlertKey], at: int | None) -> None:
    """As read at a time (ns UTC by the desk's clock); None as unread. What was read keeps its time."""
    change = update(FIRINGS).where(tuple_(FIRINGS.c.rule, FIRINGS.c.firing).in_(keys))
    if at is not None:
        change = change.where(FIRINGS.c.read.is_(None))
    connection.execute(change.values(read=at))


def clear(connection: Connection, keys: Sequence[AlertKey], at: int) -> None:
    """Out of the notification centre."""
    change = update(FIRINGS).where(tuple_(FIRINGS.c.rule, FIRINGS.c.firing).in_(keys))
    connection.execute(change.values(cleared=at))


def rule_named(connection: Connection, name: str) -> AlertRule | None:
    """A rule as it stands, or stood when it was removed; None for one that never was."""
    text = connection.execute(select(RULES.c.rule).where(RULES.c.name == name)).scalar()
    return None if text is None else _rule.decode(text)


def _asked() -> Select[Any]:
    rule_now = select(RULES.c.rule).where(RULES.c.name == FIRINGS.c.rule).scalar_subquery()
    of_line = and_(STEPS.c.rule == FIRINGS.c.rule, STEPS.c.number == FIRINGS.c.number)
    return select(FIRINGS, STEPS.c.step, rule_now.label("rule_now")).join(STEPS, of_line)


def _kept(row: Row[Any]) -> KeptAlert:
    fired = Fired(
        row.rule, row.firing, row.number, row.fired, row.told, bool(row.late), row.read, row.cleared
    )
    return KeptAlert(fired, _step.decode(row.step), _rule.decode(row.rule_was or row.rule_now))
