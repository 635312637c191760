"""What can be asked of an alert and what it says when it fires; nothing is evaluated or delivered here.

A rule is a condition and how to repeat it. Conditions are a closed union: `assert_never` at the end of a match makes
the type checker name a kind that somebody forgot.

Rules
  1. Prices, quantities and percents are finite and above 0; `logic/alert_rules.check` says so, and these types do not.
  2. A figure that stands on a level is still on the side from which it came; a first one is on neither.
  3. Times are ns UTC of the venue's clock (event time), but where `ts_recv` says that it is the desk's own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId


class Way(StrEnum):
    """In which direction something goes."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


class Side(StrEnum):
    """On which side of a level something is."""

    ABOVE = "above"
    BELOW = "below"


class Passage(StrEnum):
    """What is done with a channel."""

    ENTERS = "enters"
    LEAVES = "leaves"


class PriceIs(Struct, frozen=True, gc=False, tag="price_is"):
    """The last price is beyond a level, strictly.

    Attributes:
        rearm: it counts as over only beyond this level, on the other side (hysteresis); None for the level itself.
    """

    instrument: InstrumentId
    side: Side
    level: float
    rearm: float | None = None


class PriceCrosses(Struct, frozen=True, gc=False, tag="price_crosses"):
    """The last price comes from one side of a level to the other. A touch is no crossing, and a price that stands on
    the level is still on the side from which it came.

    Attributes:
        rearm: it counts again only when the price has been beyond this level; only with one direction.
    """

    instrument: InstrumentId
    way: Way
    level: float
    rearm: float | None = None


class PriceChannel(Struct, frozen=True, gc=False, tag="price_channel"):
    """The last price enters or leaves `low` to `high`; a touch of an edge is neither.

    Attributes:
        margin: in the price's unit: how far beyond the edge counts as the other side again.
    """

    instrument: InstrumentId
    low: float
    high: float
    passage: Passage
    margin: float = 0.0


class PriceMoves(Struct, frozen=True, gc=False, tag="price_moves"):
    """The last price is more than `percent` above the lowest (up) or below the highest (down) one of the window.

    Attributes:
        window_ns: the trades of (t - window, t], judged at each trade.
    """

    instrument: InstrumentId
    way: Way
    percent: float
    window_ns: int


class VolumeIs(Struct, frozen=True, gc=False, tag="volume_is"):
    """More than `quantity` (in the instrument's unit) was traded in the window that ends at a trade."""

    instrument: InstrumentId
    quantity: float
    window_ns: int


class SpreadIs(Struct, frozen=True, gc=False, tag="spread_is"):
    """The best ask is more than `basis_points` of the middle above the best bid."""

    instrument: InstrumentId
    basis_points: float


class IndicatorIs(Struct, frozen=True, gc=False, tag="indicator_is"):
    """An indicator of closed bars is beyond a level, or beyond another indicator of the same bars.

    Attributes:
        indicator, other: as `logic/indicators` writes them: `rsi(14)`. part: of a value with several, else "".
        level: None where there is an `other`.
    """

    instrument: InstrumentId
    interval: Interval
    indicator: str
    side: Side
    level: float | None = None
    other: str = ""
    part: str = ""


class Trouble(StrEnum):
    """What can be wrong with the desk itself; `logic/alerts/troubles` says when it is."""

    VENUE_DOWN = "venue_down"
    STALE = "stale"
    GAP_OPEN = "gap_open"
    QUOTA = "quota"
    CLOCK_OFF = "clock_off"


class SystemIs(Struct, frozen=True, gc=False, tag="system_is"):
    """The desk itself is not well.

    Attributes:
        about: an instrument for STALE and GAP_OPEN, a venue for the others; "" for any.
    """

    trouble: Trouble
    about: str = ""


class OptionFigure(StrEnum):
    """What of an option is watched."""

    IV = "iv"
    PREMIUM = "premium"
    DELTA = "delta"
    GAMMA = "gamma"
    VEGA = "vega"
    THETA = "theta"


class OptionIs(Struct, frozen=True, gc=False, tag="option_is"):
    """A figure of an option, or of a saved structure by its name, is beyond a level."""

    instrument: InstrumentId
    figure: OptionFigure
    side: Side
    level: float


class PositionIs(Struct, frozen=True, gc=False, tag="position_is"):
    """A position was opened or closed. `account`: whose; "" for any."""

    opened: bool
    account: str = ""


class PnlIs(Struct, frozen=True, gc=False, tag="pnl_is"):
    """Profit (or loss, below 0) is beyond an amount in US dollars, or beyond a percentage of what was paid."""

    side: Side
    level: float
    in_percent: bool
    account: str = ""


class ExpiryNear(Struct, frozen=True, gc=False, tag="expiry_near"):
    """A position expires within a time."""

    within_ns: int
    account: str = ""


class SignalGiven(Struct, frozen=True, gc=False, tag="signal_given"):
    """A signal of at least this confidence, in percent."""

    instrument: InstrumentId
    confidence: float = 70.0


Leaf: TypeAlias = (
    PriceIs
    | PriceCrosses
    | PriceChannel
    | PriceMoves
    | VolumeIs
    | SpreadIs
    | IndicatorIs
    | SystemIs
    | OptionIs
    | PositionIs
    | PnlIs
    | ExpiryNear
    | SignalGiven
)
"""A condition that is not made of others."""


class AllOf(Struct, frozen=True, gc=False, tag="all_of"):
    """All of several at once. A crossing among them is true in the instant of the crossing alone."""

    parts: tuple[Leaf, ...]


class AnyOf(Struct, frozen=True, gc=False, tag="any_of"):
    """Any of several, each by itself: while one holds, the beginning of another counts all the same."""

    parts: tuple[Leaf, ...]


Condition: TypeAlias = Leaf | AllOf | AnyOf


class Repeat(StrEnum):
    """How often a rule fires."""

    ONCE = "once"
    EVERY = "every"
    PER_BAR = "per_bar"


class Severity(StrEnum):
    """How it is told; a critical one stays until it is dismissed."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Doubt(StrEnum):
    """What a rule does where data are missing."""

    FIRE = "fire"
    """What is known to have happened is told, with its coverage."""
    COMPLETE_ONLY = "complete_only"
    """What stands on missing data is not told; `why` says so."""
    TELL = "tell"
    """As FIRE, and it is told when nobody can know."""


class QuietHours(Struct, frozen=True, gc=False):
    """Time of the day, in minutes since midnight of `zone`, in which outward channels keep silent.

    Attributes:
        start, end: end exclusive; it may lie before the start and then is of the next day. zone: an IANA name.
    """

    start: int
    end: int
    zone: str = "UTC"


class AlertRule(Struct, frozen=True, gc=False):
    """What somebody wants to be told.

    Attributes:
        bar: of which at most one firing is told each, with PER_BAR; None else.
        hold_ns: the condition must hold for so long in event time before it counts.
        cooldown_ns: after a firing nothing is told for so long in event time.
        expires: from then on it is over; None never.
        already: it fires at once where the condition holds when it is armed. Else that is said, and it waits.
        channels: where to, by name; the page's own centre has everything.
    """

    condition: Condition
    repeat: Repeat = Repeat.ONCE
    bar: Interval | None = None
    hold_ns: int = 0
    cooldown_ns: int = 0
    expires: int | None = None
    already: bool = False
    doubt: Doubt = Doubt.FIRE
    severity: Severity = Severity.INFO
    note: str = ""
    channels: tuple[str, ...] = ()
    quiet: QuietHours | None = None


class Moment(Struct, frozen=True, gc=False):
    """What made a rule look up.

    Attributes:
        ts_event: the venue's time. ts_recv: the desk's own, when it heard of it. trade_id: None where it was no trade.
        value: of what the condition is about: a price, a percentage, an indicator.
        state: how complete what it stands on is. after_gap: trades right before it are missing.
        late: it is told of a time that had been given up as missing.
    """

    ts_event: int
    ts_recv: int
    trade_id: int | None
    value: float
    state: State = State.COMPLETE
    after_gap: bool = False
    late: bool = False


class Phase(StrEnum):
    """Where a rule is in its life."""

    ACTIVE = "active"
    DONE = "done"
    EXPIRED = "expired"
    PAUSED = "paused"


class LeafState(StrEnum):
    """What is known of one part of a condition; of a crossing it is the side on which the price is."""

    UNSEEN = "unseen"
    NO = "no"
    YES = "yes"


class RuleState(Struct, frozen=True, gc=False):
    """All that a rule remembers; with the next moments it says all that it will do.

    Attributes:
        leaves: one for each part of the condition.
        steps: how often it has changed: the number of the next line of its journal.
        since: event time since when the condition holds; None while it does not.
        due: event time at which a hold is over; None without one.
        firings, last_fired: how many, and the event time of the last.
        bar_before: of a rule of once a bar, the event time of its last firing in a bar before that of `last_fired`.
    """

    leaves: tuple[LeafState, ...]
    phase: Phase = Phase.ACTIVE
    steps: int = 0
    since: int | None = None
    due: int | None = None
    firings: int = 0
    last_fired: int | None = None
    bar_before: int | None = None


class OpenGap(Struct, frozen=True, gc=False):
    """Trades of an instrument that were given up and may come after all, and how the rules stood there.

    Attributes:
        first_id, last_id: inclusive. since: event time of the trade before them. states: by the name of the rule.
    """

    first_id: int
    last_id: int
    since: int
    states: dict[str, RuleState]


class Outcome(StrEnum):
    """What came of a step."""

    FIRED = "fired"
    HOLDS = "holds"
    """The condition has begun to hold; the rule waits until it has for long enough."""
    ALREADY = "already"
    """It held when the rule was armed, so there was no edge."""
    OVER = "over"
    """It holds no longer."""
    NOTED = "noted"
    """A part has changed, and the whole has not."""
    CORRECTED = "corrected"
    """Missing trades came after all, and with them it stands otherwise."""
    DATED = "dated"
    """Missing trades came after all, and show of which moment an alert was that came behind them."""
    COOLING = "cooling"
    SAME_BAR = "same_bar"
    DOUBTED = "doubted"
    """It would have fired, on data that are not complete."""
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """Nobody could know whether it holds, and it had asked to be told so: an alert, too."""
    EDITED = "edited"
    PAUSED = "paused"
    RESUMED = "resumed"


TELLING = (Outcome.FIRED, Outcome.UNKNOWN)
"""Outcomes that are an alert."""


class Step(Struct, frozen=True, gc=False):
    """One line of a rule's journal: what it was, what it is, and why.

    Attributes:
        leaf: which part has changed; None where time alone did it.
        fired: event time of the alert, for FIRED and UNKNOWN: that of the moment, or of the end of a hold. For DATED
            that of the alert whose moment this is.
    """

    rule: str
    number: int
    outcome: Outcome
    leaf: int | None
    moment: Moment
    before: RuleState
    after: RuleState
    fired: int | None = None

    @property
    def at(self) -> int:
        """The event time of what it says: of an alert its own, else that of the moment."""
        return self.moment.ts_event if self.fired is None or self.outcome not in TELLING else self.fired
