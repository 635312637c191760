"""What a rule would have told over trades that are kept: how often, when, how close together. It fetches no trades.

Rules
  1. The same watch judges them that judges live trades, so what is rehearsed is what a replay tells, firing for firing.
  2. A rule that fires once is rehearsed as one that fires every time: how often it would have is the question.
  3. Firings less than CLUSTER_NS apart are one cluster: a storm that a cooldown would make one message of.
  4. Advice is the least that meets a rate: the shortest cooldown, or the nearest re-arm level, of those that people
     use. Each candidate is rehearsed; one with which nothing would be told at all is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.alerts import AlertRule, Outcome, PriceCrosses, PriceIs, Repeat, Side, Step, Way
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import BY_TRADES, watched_by

CLUSTER_NS = 60 * NS_PER_S
COOLDOWNS_NS = tuple(
    round(minutes * 60 * NS_PER_S) for minutes in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)
)
DISTANCES = (0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05)
"""How far a re-arm level is from its level, as a share of it."""


class Rehearsal(Struct, frozen=True):
    """What a rule would have told.

    Attributes:
        start, end: event times of the first and the last trade, ns UTC; both 0 where there was none.
        trades: how many were judged. fired: event times of the firings, ascending.
        swallowed: firings that were not told, by why.
        clusters: groups of firings (rule 3).
    """

    start: int
    end: int
    trades: int
    fired: tuple[int, ...]
    swallowed: dict[Outcome, int]
    clusters: int

    @property
    def per_day(self) -> float | None:
        """Firings in 24 hours; None where no time passed."""
        passed = self.end - self.start
        return len(self.fired) * Interval.D1.ns / passed if passed > 0 else None


class Advice(Struct, frozen=True):
    """What would meet a rate; None where nothing of its kind does, or nothing is needed.

    Attributes:
        enough: the rule as it is meets it.
    """

    enough: bool
    cooldown_ns: int | None = None
    rearm: float | None = None


def rehearse(rule: AlertRule, trades: Sequence[Trade], scale: int) -> Rehearsal:
    """Judge trades of all its instruments, in the order in which they are given.

    Args:
        scale: lots per unit of quantity.

    Raises:
        ConfigError: it is not of trades alone.
    """
    others = {watched_by(part).kind for part in parts_of(rule.condition)} - BY_TRADES
    if others:
        raise ConfigError(
            "condition",
            f"expected conditions of prices and volume, found one of {', '.join(sorted(others))}",
            hint="a rehearsal needs kept trades; other figures are not kept trade by trade",
        )
    steps: list[Step] = []
    watch = AlertWatch(steps.append, _broke, scale)
    repeat = Repeat.EVERY if rule.repeat is Repeat.ONCE else rule.repeat  # rule 2
    watch.arm("rehearsed", replace(rule, repeat=repeat))
    hears = {each: watch.listen(each) for each in {trade.instrument for trade in trades}}
    for trade in trades:
        hears[trade.instrument](trade)
    fired = tuple(sorted(step.at for step in steps if step.outcome is Outcome.FIRED))
    swallowed = Counter(step.outcome for step in steps if step.outcome in _SWALLOWED)
    start, end = (trades[0].ts_event, trades[-1].ts_event) if trades else (0, 0)
    return Rehearsal(start, end, len(trades), fired, dict(swallowed), _clusters(fired))


def advise(rule: AlertRule, trades: Sequence[Trade], per_day: float, scale: int) -> Advice:
    """Which cooldown, and which re-arm level, would tell at most `per_day` firings in 24 hours (rule 4).

    Raises:
        ConfigError: as `rehearse`; or the rate is not above 0.
    """
    if not per_day > 0.0:
        raise ConfigError("per_day", f"expected a number above 0, found {per_day!r}")

    def meets(tried: AlertRule) -> bool:
        found = rehearse(tried, trades, scale)
        return bool(found.fired) and (found.per_day is None or found.per_day <= per_day)

    rate = rehearse(rule, trades, scale).per_day
    if rate is None or rate <= per_day:
        return Advice(enough=True)
    cooldown = next(
        (
            each
            for each in COOLDOWNS_NS
            if each > rule.cooldown_ns
            and meets(replace(rule, repeat=Repeat.EVERY, bar=None, cooldown_ns=each))
        ),
        None,
    )
    rearm = next((level for level, tried in _with_rearm(rule) if meets(tried)), None)
    return Advice(False, cooldown, rearm)


_SWALLOWED = frozenset({Outcome.COOLING, Outcome.SAME_BAR, Outcome.DOUBTED})


def _with_rearm(rule: AlertRule) -> Iterator[tuple[float, AlertRule]]:
    """The rule with re-arm levels farther and farther off; none where it has no single level."""
    condition = rule.condition
    if not isinstance(condition, PriceIs | PriceCrosses):
        return
    if isinstance(condition, PriceCrosses) and condition.way is Way.EITHER:
        return
    above = condition.side is Side.ABOVE if isinstance(condition, PriceIs) else condition.way is Way.UP
    for share in DISTANCES:
        level = condition.level * (1.0 - share if above else 1.0 + share)
        yield level, replace(rule, condition=replace(condition, rearm=level))


def _clusters(fired: tuple[int, ...]) -> int:
    """Rule 3."""
    return bool(fired) + sum(later - earlier >= CLUSTER_NS for earlier, later in pairwise(fired))


def _broke(_instrument: InstrumentId, error: Exception) -> None:
    raise error
