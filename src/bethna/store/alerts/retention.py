"""How long the journal of alerts remembers; it deletes what is too old, and nothing that is still to be told.

Rules
  1. A line older than the limit goes, and so does an alert with its deliveries, by when it was told.
  2. Of one rule the newest MOST_LINES stay: a rule that changes with every quote must not fill the disk.
  3. A line that an alert stands on stays as long as the alert. A delivery that waits stays, and its alert with it.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, exists, func, or_, select

from bethna.core.alert_views import DeliveryState
from bethna.store.alerts.tables import DELIVERIES, FIRINGS, STEPS

MOST_LINES = 50_000
_OPEN = (str(DeliveryState.WAITING), str(DeliveryState.HELD))


def prune(connection: Connection, before: int, most_lines: int = MOST_LINES) -> int:
    """Delete what is too old; how many lines and alerts went.

    Args:
        before: ns UTC by the desk's clock; 0 keeps alerts for ever, and lines up to `most_lines`.
    """
    line, firing, sent = STEPS.c, FIRINGS.c, DELIVERIES.c
    waits = exists().where(sent.rule == firing.rule, sent.firing == firing.firing, sent.state.in_(_OPEN))
    gone = connection.execute(delete(FIRINGS).where(firing.told < before, ~waits)).rowcount
    kept = exists().where(firing.rule == sent.rule, firing.firing == sent.firing)
    connection.execute(delete(DELIVERIES).where(~kept))
    newest = {
        row.rule: row.newest
        for row in connection.execute(
            select(line.rule, func.max(line.number).label("newest"))
            .group_by(line.rule)
            .having(func.count() > most_lines)
        )
    }
    too_many = [and_(line.rule == rule, line.number <= last - most_lines) for rule, last in newest.items()]
    stands = exists().where(firing.rule == line.rule, firing.number == line.number)
    old = or_(line.ts_event < before, *too_many)
    return gone + connection.execute(delete(STEPS).where(old, ~stands)).rowcount
