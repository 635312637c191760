"""What a client hears of alerts: one Struct per answer of docs/reference/http.md; it converts nothing (`alerts` does).

Instants are integer microseconds UTC, ids are strings, missing is null. Lengths inside a typed rule keep their unit in
their name (`hold_ns`); its `expires` is in microseconds, as every instant here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from bethna.core.alert_views import DeliveryState, LevelRole
from bethna.core.alerts import LeafState, Outcome, Phase, Severity
from bethna.core.coverage import State


class LineRow(Struct, frozen=True, gc=False):
    """A price of a rule that can be drawn, and moved; `part` counts its conditions from 0."""

    instrument: str
    role: LevelRole
    price: float
    part: int


class AlertRow(Struct, frozen=True, gc=False):
    """An armed rule.

    Attributes:
        version: say it when you edit. rule: typed, as POST takes it. holds: null where nobody knows.
        leaves: how each of its conditions stands. waits_for: sources that are not there yet.
        steps: lines of its journal. since, due: the venue's time since when it holds, and when a hold is over.
    """

    name: str
    version: int
    sentence: str
    rule: dict[str, Any]
    phase: Phase
    holds: bool | None
    unknown: bool
    leaves: tuple[LeafState, ...]
    waits_for: tuple[str, ...]
    firings: int
    last_fired: int | None
    armed: int
    severity: Severity
    note: str
    channels: tuple[str, ...]
    instruments: tuple[str, ...]
    lines: list[LineRow]
    steps: int
    since: int | None
    due: int | None


class LimitsCard(Struct, frozen=True, gc=False):
    """How many may be armed, and are."""

    price_rules: int
    price_rules_armed: int
    signal_rules: int
    signal_rules_armed: int
    notifications: int
    toast_s: float


class AlertsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/alerts, and the snapshot of the topic `alerts`."""

    alerts: list[AlertRow]
    limits: LimitsCard


class AlertsDelta(Struct, frozen=True, gc=False):
    """What changed of the topic `alerts`: rows as they are now, names that are gone, the limits with what is armed."""

    alerts: list[AlertRow]
    removed: list[str]
    limits: LimitsCard


class AlertsWish(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /api/v1/alerts: sentences, typed rules, or both; all are armed or none.

    Attributes:
        via: channels for those that name none.
    """

    sentences: tuple[str, ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    via: tuple[str, ...] = ()


class AlertWish(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule, as a sentence or typed: POST preview, PUT /api/v1/alerts/NAME.

    Attributes:
        version: the one that was read, for an edit.
    """

    sentence: str | None = None
    rule: dict[str, Any] | None = None
    version: int | None = None


class PreviewAnswer(Struct, frozen=True, gc=False):
    """POST /api/v1/alerts/preview: what would be armed."""

    sentence: str
    rule: dict[str, Any]
    waits_for: tuple[str, ...]
    lines: list[LineRow]
    leaves: tuple[LeafState, ...]
    instrument: str | None
    price: float | None


class DeliveryRow(Struct, frozen=True, gc=False):
    """How far one channel has come with telling; `together`: alerts that the message told of."""

    channel: str
    state: DeliveryState
    attempts: int
    next_try: int | None
    done: int | None
    error: str
    together: int
    instead_of: str


class NotificationRow(Struct, frozen=True, gc=False):
    """An alert.

    Attributes:
        key: its name for good. alert: the rule's name. fired: the venue's time; told: the desk's.
        state: how complete what it stands on is. late: it was found after the fact; after_gap: trades right before it
            are missing.
        number: of the line of the rule's journal that says why. read_at: the desk's time, null while it is unread.
    """

    key: str
    alert: str
    firing: int
    title: str
    text: str
    sentence: str
    severity: Severity
    note: str
    instrument: str | None
    fired: int
    told: int
    value: float
    trade_id: str | None
    state: State
    after_gap: bool
    late: bool
    read: bool
    deliveries: list[DeliveryRow]
    number: int
    read_at: int | None


class NotificationsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/notifications, and the snapshot of the topic: the centre, newest last.

    Attributes:
        unread: of those in the centre.
    """

    notifications: list[NotificationRow]
    unread: int


class NotificationsDelta(Struct, frozen=True, gc=False):
    """What changed of the topic `notifications`.

    Attributes:
        fired: keys of rows that have just fired, for who shows a toast. removed: keys that left the centre.
    """

    notifications: list[NotificationRow]
    fired: list[str]
    removed: list[str]
    unread: int


class NamesWish(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /api/v1/alerts/remove. `names`: of armed rules."""

    names: tuple[str, ...] = ()


class RemovedAnswer(Struct, frozen=True, gc=False):
    """The rules that are armed no longer."""

    removed: list[str]


class KeysWish(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /api/v1/notifications/read and /clear. `keys`: null is all of the centre. `read`: false marks as unread."""

    keys: tuple[str, ...] | None = None
    read: bool = True


class HistoryAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/alerts/history: the newest alerts, cleared or not, newest last."""

    alerts: list[NotificationRow]


class StepRow(Struct, frozen=True, gc=False):
    """One line of a rule's journal.

    Attributes:
        fired: the event time of the firing, null else. before, after: how its conditions stood.
        words: the line for people.
    """

    number: int
    outcome: Outcome
    ts_event: int
    ts_recv: int
    trade_id: str | None
    value: float
    state: State
    after_gap: bool
    late: bool
    leaf: int | None
    before: tuple[LeafState, ...]
    after: tuple[LeafState, ...]
    phase: Phase
    fired: int | None
    words: str


class WhyTrade(Struct, frozen=True, gc=False):
    """A trade around the moment."""

    trade_id: str
    price: float
    quantity: float
    side: Literal["buy", "sell"]
    ts_event: int
    ts_recv: int


class WhyAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/alerts/NAME/why.

    Attributes:
        alert: null where the rule is removed. at: the event time asked about. reason: in words.
        steps: up to then, ascending; later: the first ones after. around: why trades are not all, "" else.
    """

    name: str
    alert: AlertRow | None
    sentence: str
    at: int
    reason: str
    steps: list[StepRow]
    later: list[StepRow]
    trades: list[WhyTrade]
    around: str
    alerts: list[NotificationRow]


class RehearsalWish(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /api/v1/alerts/rehearse.

    Attributes:
        over: `trades` is exact, `bars` reaches farther and is a lower bound. span_s: how far back, null for what can be
            had quickly. per_day: a wished rate, for advice.
    """

    sentence: str | None = None
    rule: dict[str, Any] | None = None
    over: Literal["trades", "bars"] = "trades"
    span_s: float | None = None
    per_day: float | None = None


class RehearsalAnswer(Struct, frozen=True, gc=False):
    """What a rule would have told.

    Attributes:
        judged: how many trades or bars. unknown: spans of which nothing is known. swallowed: by outcome.
        cooldown_s, rearm: what would meet the wished rate; null where nothing does, or nothing was wished.
        prices: thinned for a plot, [microseconds, price].
        asked_from: microseconds from where it was asked for; null where that was not said.
    """

    over: str
    sentence: str
    start: int
    end: int
    judged: int
    unknown: list[tuple[int, int]]
    fired: list[int]
    swallowed: dict[str, int]
    clusters: int
    per_day: float | None
    wished_per_day: float | None
    enough: bool | None
    cooldown_s: float | None
    rearm: float | None
    prices: list[tuple[int, float]]
    asked_from: int | None = None


class ChannelRow(Struct, frozen=True, gc=False):
    """Where alerts may go. `off`: nothing goes out on this source; `why`: what is missing where it is not ready."""

    name: str
    kind: str
    target: str
    ready: bool
    why: str
    off: bool
    fallback: str
    waiting: int
    sent: int
    dead: int


class ChannelsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/channels."""

    channels: list[ChannelRow]


class ReceiptAnswer(Struct, frozen=True, gc=False):
    """POST /api/v1/channels/NAME/test: whether it arrived, and what was said."""

    ok: bool
    said: str


class PushKeyAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/push: the application server key for PushManager.subscribe, base64url."""

    key: str


class PushKeys(Struct, frozen=True):
    """The keys of a browser's subscription."""

    p256dh: str
    auth: str


class PushWish(Struct, frozen=True):
    """PUT /api/v1/push: a browser's subscription, as its toJSON has it; DELETE takes the endpoint alone."""

    endpoint: str
    keys: PushKeys | None = None
    label: str = ""
