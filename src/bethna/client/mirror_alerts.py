"""Alerts of a desk behind an address as they fire: the topic `notifications`; it keeps which were told, not the centre.

Rules
  1. A listener hears each alert once, by its key. What is said to have just fired is news.
  2. Of a snapshot the alerts that were told since the first of the listeners came are news, by the desk's clock: so
     it is when the subscription begins, and after a lost connection. What left the centre meanwhile is not heard.
  3. Another desk at the same address has alerts of its own: those of its first snapshot are no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bethna.api.alerts_protocol import NotificationRow, NotificationsAnswer, NotificationsDelta
from bethna.api.topics import Topic
from bethna.client.alert_facts import alert_of
from bethna.client.mirror_channel import Around, Channel
from bethna.client.remote_facts import Frame, nanos, read
from bethna.core.alert_views import Alert

REMEMBERED = 10_000
"""Keys; more than a centre holds, so that none comes back as news."""


class AlertsChannel(Channel):
    """Alerts as they fire."""

    turning = False

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self._seen: dict[str, None] = {}
        self._begun = False

    @property
    def begun(self) -> bool:
        return self._begun

    def snapshot(self, frame: Frame) -> Sequence[object]:
        rows = read(NotificationsAnswer, frame.data).notifications
        if self.anew:  # rule 3
            return self._note(rows, ())
        since = self.since
        return self._note(rows, [row.key for row in rows if since is not None and nanos(row.told) >= since])

    def delta(self, frame: Frame) -> Sequence[object]:
        said = read(NotificationsDelta, frame.data)
        return self._note(said.notifications, said.fired)

    def _note(self, rows: Iterable[NotificationRow], fired: Iterable[str]) -> list[Alert]:
        """Rule 1: those of `fired` that were not told before; all of the rows are known from now on."""
        wanted, news = set(fired), []
        for row in rows:
            if row.key in wanted and row.key not in self._seen:
                news.append(alert_of(row))
            self._seen[row.key] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._begun = True
        return news
