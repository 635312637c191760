"""What a desk says of its alerts: how a rule stands, that one has fired, where that was told; it judges nothing.

Rules
  1. An alert is a firing of a rule; (rule, firing) is its name for good, written `a3.1`. With the journal's own name
     before it, it is the key by which whoever is told twice knows that it is once.
  2. That it happened and that somebody was told are two facts: an alert is there when its firing is on the disk, a
     delivery says of one channel how far telling has come.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from bethna.core.alerts import AlertRule, LeafState, RuleState, Severity, Step
from bethna.core.coverage import State
from bethna.core.market import InstrumentId, Trade


class LevelRole(StrEnum):
    """What a level of a rule is, for who draws it."""

    LEVEL = "level"
    REARM = "rearm"
    LOW = "low"
    HIGH = "high"


class LevelLine(Struct, frozen=True, gc=False):
    """A price of a rule that can be drawn, and moved. `part`: of which of its conditions."""

    instrument: InstrumentId
    role: LevelRole
    price: float
    part: int


class RuleView(Struct, frozen=True, gc=False):
    """A rule as people see it.

    Attributes:
        version: counts its edits from 1; who edits says which one was read.
        sentence: the rule in words that are read as the same rule.
        unknown: nobody can know right now whether its condition holds. waits_for: sources that are not there yet.
        armed: ns UTC by the desk's clock, of this version.
        lines: what of it can be drawn on a chart.
    """

    name: str
    version: int
    rule: AlertRule
    sentence: str
    state: RuleState
    unknown: bool
    waits_for: tuple[str, ...]
    armed: int
    lines: tuple[LevelLine, ...] = ()


class Preview(Struct, frozen=True, gc=False):
    """A rule that is not armed, as it would be.

    Attributes:
        leaves: how its parts stand now, as far as that is known. price: the last of its first instrument, None before.
    """

    rule: AlertRule
    sentence: str
    waits_for: tuple[str, ...]
    lines: tuple[LevelLine, ...]
    leaves: tuple[LeafState, ...]
    instrument: InstrumentId | None
    price: float | None


class DeliveryState(StrEnum):
    """How far one channel has come with telling of one alert."""

    WAITING = "waiting"
    SENT = "sent"
    HELD = "held"
    """Quiet hours: it is sent when they are over."""
    OFF = "off"
    """The source is a recording or simulated, and nobody asked for channels there."""
    DEAD = "dead"
    """It could not be sent, and is tried no more; `error` says why."""


class Delivery(Struct, frozen=True, gc=False):
    """One alert on its way over one channel.

    Attributes:
        next_try, done: ns UTC by the desk's clock; done when it was sent or given up.
        error: of the last attempt, "" without one. together: how many alerts the message told of.
        instead_of: the channel that it stands in for, "" for its own sake.
    """

    rule: str
    firing: int
    channel: str
    state: DeliveryState
    attempts: int = 0
    next_try: int | None = None
    done: int | None = None
    error: str = ""
    together: int = 1
    instead_of: str = ""


class Alert(Struct, frozen=True, gc=False):
    """That a rule has fired.

    Attributes:
        key: the journal's name, rule and firing (rule 1). number: of the line of the journal that says why.
        title, text: for people, without a prefix. sentence: the rule as it was then.
        fired: ns UTC by the venue's clock. told: ns UTC by the desk's, when it was on the disk.
        state: how complete what it stands on is. after_gap, late: as of its `Moment`.
        read, cleared: ns UTC by the desk's clock; cleared from the notification centre.
    """

    key: str
    rule: str
    firing: int
    number: int
    title: str
    text: str
    sentence: str
    severity: Severity
    note: str
    instrument: InstrumentId | None
    fired: int
    told: int
    value: float
    trade_id: int | None
    state: State
    after_gap: bool
    late: bool
    read: int | None = None
    cleared: int | None = None
    deliveries: tuple[Delivery, ...] = ()


class Message(Struct, frozen=True, gc=False):
    """What a channel carries: one alert, or several that came close together.

    Attributes:
        key: of the first; with `count` and `last` it names the others. prefix: such as `[SIMULATED, seed 7] `, "" on a
            live source; `title` and `text` begin without it.
    """

    key: str
    title: str
    text: str
    severity: Severity
    prefix: str
    fired: int
    told: int
    late: bool
    count: int = 1
    keys: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()


class ChannelView(Struct, frozen=True, gc=False):
    """Where alerts may go.

    Attributes:
        kind: `push`, `webhook`, or the service (`telegram`, `mailto`, `ntfy`...). target: for people, without secrets.
        ready: it can be used; `why` says what is missing where not.
        off: nothing goes out on this source. fallback: the channel that is tried instead, "" without one.
        waiting, sent, dead: of its deliveries.
    """

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


class Receipt(Struct, frozen=True, gc=False):
    """What came of one attempt to tell somebody.

    Attributes:
        final: trying again will not help. retry_after_s: the channel's own word, None without one.
        gone: the address is no more (an expired push subscription).
    """

    ok: bool
    said: str = ""
    final: bool = False
    retry_after_s: float | None = None
    gone: bool = False


class Why(Struct, frozen=True):
    """Why a rule did, or did not, fire.

    Attributes:
        at: event time that was asked about, ns UTC. reason: in words.
        steps: lines of its journal up to then, ascending; later: the first ones after it.
        trades: those around the moment, as far as they can be had, ascending. around: why they are not all, "" else.
    """

    view: RuleView | None
    name: str
    sentence: str
    at: int
    reason: str
    steps: tuple[Step, ...]
    later: tuple[Step, ...]
    trades: tuple[Trade, ...]
    around: str
    alerts: tuple[Alert, ...]


class Rehearsed(Struct, frozen=True):
    """What a rule would have told over what is known of the past.

    Attributes:
        over: `trades`, or `bars`: then counts are a lower bound, for a bar shows its extremes and not the way between.
        start, end: of what was judged, ns UTC; unknown: spans in it of which nothing is known.
        fired: event times of the firings, ascending. swallowed: firings that were not told, by why.
        clusters: groups of firings less than a minute apart. per_day: None where no time passed.
        cooldown_ns, rearm: what would meet the wished rate, None where nothing does or no rate was wished.
        enough: the rule as it is meets it, None without a wish.
        prices: what was judged, thinned for a plot: (ns UTC, price).
        asked_from: from where it was asked for, ns UTC; None where that was not said.
    """

    over: str
    sentence: str
    start: int
    end: int
    judged: int
    unknown: tuple[tuple[int, int], ...]
    fired: tuple[int, ...]
    swallowed: dict[str, int]
    clusters: int
    per_day: float | None
    wished_per_day: float | None
    enough: bool | None
    cooldown_ns: int | None
    rearm: float | None
    prices: tuple[tuple[int, float], ...]
    asked_from: int | None = None

    @property
    def short_ns(self) -> int:
        """How much later than asked for the first of what could be had is; 0 where it is below a part in a hundred."""
        late = 0 if self.asked_from is None else self.start - self.asked_from
        return late if self.asked_from is not None and 100 * late > self.end - self.asked_from else 0


class PushSubscription(Struct, frozen=True, gc=False):
    """A browser that wants to be pushed to, as its `PushManager` says it."""

    endpoint: str
    p256dh: str
    auth: str
    label: str = ""


class AlertsChanged(Struct, frozen=True, gc=False):
    """Something of the alerts is another: on the bus, channel `alerts`. What, is read from the desk.

    Attributes:
        rules: names of rules whose state, version or being there has changed. alerts: keys likewise; empty with `all`
            for whoever must look anew.
        fired: alerts that have just fired and are on the disk, for who shows a toast.
    """

    rules: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    fired: tuple[Alert, ...] = ()


class AlertLimits(Struct, frozen=True, gc=False):
    """How many may be armed, and are.

    Attributes:
        price_rules, signal_rules: the settings; *_armed: those that count for them now.
        notifications: how many the centre holds. toast_s: how long a page shows what is not critical.
    """

    price_rules: int
    price_rules_armed: int
    signal_rules: int
    signal_rules_armed: int
    notifications: int
    toast_s: float
