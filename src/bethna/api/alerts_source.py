"""The sources of the topics `alerts` and `notifications`: what changed of rules and of the centre; it judges nothing.

Rules, cited by the code; those of `source` hold as well:

1. Rules that the desk names on the bus are looked at soon, all of them once a second: whether somebody can know how a
   rule stands may change without any event.
2. A frame joins what waits: rows as they are now, what is gone, and one count that is as new as the newest of them.
3. That an alert has fired is no state: its key is said to each reader once, whatever becomes of its row meanwhile, and
   with its row also where the centre is too small for it: then it is removed in the same frame. Where too many wait, a
   new snapshot stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from bethna.api.alerts import (
    alert_row,
    alerts_answer,
    limits_card,
    notification_row,
    notifications_answer,
    unread,
)
from bethna.api.alerts_port import AlertsDesk
from bethna.api.protocol import Rate, encode
from bethna.api.reader import DeskReader
from bethna.api.source import Anew, News, Piece, Source
from bethna.api.topics import Topic
from bethna.core.alert_views import Alert, AlertsChanged, RuleView
from bethna.core.errors import FeatureOff, UnknownAlert
from bethna.runtime.bus import Bus

MOST_FIRED = 1_000
"""Alerts that have fired and wait to be collected; rule 3."""
OFF_HINT = "start one that does: `bethna up` keeps them"
_PASSING = "passing"


def alerts_of(desk: DeskReader) -> AlertsDesk:
    """The desk's alerts. Raises FeatureOff where it keeps none."""
    if desk.alerts is None:
        raise FeatureOff("alerts", "this desk keeps no alerts", hint=OFF_HINT)
    return desk.alerts


class _Listed(Source):
    """What both share: frames of several lists and one value (rule 2), and an ear on the bus."""

    shape = (b"{", b"}")
    state = True
    lists: ClassVar[tuple[str, ...]] = ()
    value: ClassVar[str] = ""

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._dirty = False

    def open(self) -> None:
        """Listen to the desk's alerts."""
        self._subscriptions.append(self.bus.channel("alerts").subscribe(self._tap, self.name))

    @classmethod
    def joined(cls, pieces: Sequence[Piece]) -> bytes:
        """One object: each list with its pieces, and the newest value."""
        lists: dict[str, list[bytes]] = {name: [] for name in cls.lists}
        value = b"null"
        for piece in pieces:
            if piece.part == cls.value:
                value = piece.body
            else:
                cls.sort_in(piece, lists)
        members = [b'"%b":[%b]' % (name.encode(), b",".join(lists[name])) for name in cls.lists]
        return b'{%b,"%b":%b}' % (b",".join(members), cls.value.encode(), value)

    @classmethod
    def sort_in(cls, piece: Piece, lists: dict[str, list[bytes]]) -> None:
        """Put a piece where it belongs."""
        lists[piece.part].append(piece.body)

    def _with_value(self, pieces: list[News], value: object) -> list[News]:
        """What changed, and the value, which is one whatever it is about."""
        return [*pieces, Piece((self.value,), encode(value), part=self.value)] if pieces else []

    def _tap(self, event: AlertsChanged, /) -> None:
        raise NotImplementedError

    def _note(self) -> None:
        if not self._dirty:
            self._dirty = True
            self.mark()


def _is_vague(event: AlertsChanged) -> bool:
    """It does not say what has changed, so all may have."""
    return not (event.rules or event.alerts or event.fired)


class AlertsSource(_Listed):
    """The armed rules."""

    lists = ("alerts", "removed")
    value = "limits"

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._seen: dict[str, RuleView] = {}
        self._named: dict[str, None] = {}
        self._all = False

    def open(self) -> None:
        """Listen, and remember how the rules stand."""
        self._seen = {view.name: view for view in alerts_of(self.desk).rules()}
        super().open()

    def snapshot(self, notice: str | None) -> bytes:
        """As GET alerts."""
        return encode(alerts_answer(alerts_of(self.desk)))

    def look(self) -> None:
        """Look at every rule with the next `collect` (rule 1)."""
        self._dirty = self._all = True

    def collect(self) -> Sequence[News]:
        """Rows that are another way, and names that are gone; of one name the newer news counts."""
        if not self._dirty:
            return []
        now = self._now()
        self._dirty = self._all = False
        self._named.clear()
        pieces: list[News] = []
        for name, view in now.items():
            if view is None:
                if self._seen.pop(name, None) is not None:
                    pieces.append(Piece(name, encode(name), part="removed"))
            elif view != self._seen.get(name):
                self._seen[name] = view
                pieces.append(Piece(name, encode(alert_row(view)), part="alerts"))
        return self._with_value(pieces, limits_card(alerts_of(self.desk).limits()))

    def _now(self) -> dict[str, RuleView | None]:
        """The rules that may have changed, None for those that are gone."""
        alerts = alerts_of(self.desk)
        if self._all:
            return {**dict.fromkeys(self._seen), **{view.name: view for view in alerts.rules()}}
        found: dict[str, RuleView | None] = {}
        for name in self._named:
            try:
                found[name] = alerts.rule(name)
            except UnknownAlert:
                found[name] = None
        return found

    def _tap(self, event: AlertsChanged, /) -> None:
        self._all = self._all or _is_vague(event)
        self._named.update(dict.fromkeys((*event.rules, *(alert.rule for alert in event.fired))))
        if self._all or self._named:
            self._note()


class NotificationsSource(_Listed):
    """The notification centre, and what has just fired."""

    lists = ("notifications", "fired", "removed")
    value = "unread"

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._seen: dict[str, Alert] = {}
        self._fired: dict[str, Alert] = {}

    def open(self) -> None:
        """Listen, and remember what the centre shows."""
        self._seen = self._centre()
        super().open()

    def snapshot(self, notice: str | None) -> bytes:
        """As GET notifications."""
        return encode(notifications_answer(alerts_of(self.desk).notifications()))

    def look(self) -> None:
        """Look at the whole centre with the next `collect`."""
        self._dirty = True

    def collect(self) -> Sequence[News]:
        """Rows that are another way, keys that are gone, and keys that have just fired (rule 3)."""
        if not self._dirty:
            return []
        now, before = self._centre(), self._seen
        fired, self._fired = self._fired, {}
        self._dirty, self._seen = False, now
        if len(fired) > MOST_FIRED:
            return [Anew()]
        pieces: list[News] = [Piece(key, encode(key), part="removed") for key in before if key not in now]
        pieces += [
            Piece(key, encode(notification_row(alert)), part=_PASSING)
            for key, alert in fired.items()
            if key not in now
        ]
        pieces += [
            Piece(key, encode(notification_row(alert)), part="notifications")
            for key, alert in now.items()
            if key in fired or alert != before.get(key)
        ]
        pieces += [Piece(("fired", key), encode(key), part="fired") for key in fired]
        return self._with_value(pieces, unread(list(now.values())))

    @classmethod
    def sort_in(cls, piece: Piece, lists: dict[str, list[bytes]]) -> None:
        """What only passes comes and goes in one frame."""
        if piece.part == _PASSING:
            lists["notifications"].append(piece.body)
            lists["removed"].append(encode(piece.key))
        else:
            super().sort_in(piece, lists)

    def _centre(self) -> dict[str, Alert]:
        return {alert.key: alert for alert in alerts_of(self.desk).notifications()}

    def _tap(self, event: AlertsChanged, /) -> None:
        if len(self._fired) <= MOST_FIRED:
            self._fired.update((alert.key, alert) for alert in event.fired)
        if event.alerts or event.fired or _is_vague(event):
            self._note()
