"""How alerts are said on a line: where a rule stands, how far a delivery is, when a rehearsal fired; it asks nobody.

Rules
  1. A state is a word, never a colour: armed, holds, unknown and why, paused, done, expired, waits for a source.
  2. A plot is of plain characters. Each column is a part of the span: `-` the price, `*` the price where it fired, and
     below how often: `.` not at all, 1 to 9, `+` for more. `?` is time of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bethna.api.alerts import holds
from bethna.cli.cells import lasted
from bethna.cli.grid import MISSING, plain
from bethna.core.alert_views import Alert, ChannelView, Delivery, DeliveryState, Rehearsed, RuleView
from bethna.core.alerts import LeafState, Phase, PriceCrosses, PriceMoves, VolumeIs, Way
from bethna.core.coverage import State
from bethna.logic.alerts.machine import parts_of

PLOT_COLUMNS, PLOT_ROWS = 60, 8
_MOST_COUNT = 9


def state_words(view: RuleView) -> str:
    """Where a rule stands (rule 1)."""
    state = view.state
    if state.phase is not Phase.ACTIVE:
        return str(state.phase)
    if view.waits_for:
        return f"waits for {' and '.join(view.waits_for)}, which is not there yet"
    if view.unknown:
        windows = any(isinstance(part, PriceMoves | VolumeIs) for part in parts_of(view.rule.condition))
        return f"unknown: {'its window is not full yet, or ' if windows else ''}what it stands on is missing"
    if LeafState.UNSEEN in state.leaves:
        return "armed, nothing seen yet"
    condition = view.rule.condition
    if isinstance(condition, PriceCrosses):  # it holds in the instant of the crossing alone
        above = (state.leaves[0] is LeafState.YES) is not (condition.way is Way.DOWN)
        return f"armed, the price is {'above' if above else 'below'}"
    if not holds(view):
        return "armed"
    hold = view.rule.hold_ns
    return f"holds, and has to for {lasted(hold)}" if hold else "holds"


def alert_words(alert: Alert) -> str:
    """What is to be known of an alert beside its title: how complete, late, after a gap."""
    words = [] if alert.state is State.COMPLETE else [str(alert.state)]
    words += ["after a gap"] if alert.after_gap else []
    words += ["late"] if alert.late else []
    return ", ".join(words) or str(alert.state)


def delivery_words(delivery: Delivery) -> str:
    """One channel: `telegram sent`, `mail gave up: 401`, `phone waiting after 2 attempts: timed out`."""
    said = f"{delivery.channel} {_DELIVERY[delivery.state]}"
    if delivery.state is DeliveryState.WAITING and delivery.attempts:
        said += f" after {times(delivery.attempts, 'attempt')}"
    if delivery.together > 1:
        said += f", {delivery.together} alerts in one"
    if delivery.instead_of:
        said += f", instead of {delivery.instead_of}"
    return plain(said + (f": {delivery.error}" if delivery.error else ""))


def deliveries_words(alert: Alert) -> str:
    """All of its channels."""
    return "; ".join(delivery_words(each) for each in alert.deliveries) or "page only"


def channel_words(channel: ChannelView) -> str:
    """Whether it can be used."""
    if not channel.ready:
        return f"not ready: {channel.why}"
    return "off on this source" if channel.off else "ready"


_DELIVERY = {
    DeliveryState.WAITING: "waiting",
    DeliveryState.SENT: "sent",
    DeliveryState.HELD: "held until its quiet hours are over",
    DeliveryState.OFF: "off on this source",
    DeliveryState.DEAD: "gave up",
}


# --- rehearsals


def rehearsed_words(found: Rehearsed) -> list[str]:
    """How often, how clustered, what was swallowed, and of what nothing is known."""
    judged = f"{found.judged:,} {found.over}"
    rate = "" if found.per_day is None else f", {_rate(found.per_day)} a day"
    said = [
        f"{judged} were judged: fired {times(len(found.fired), 'time')} in {times(found.clusters, 'cluster')}{rate}"
    ]
    if found.over == "bars":
        said.append("bars show no way between their extremes: it may have been more often")
    if found.swallowed:
        why = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in sorted(found.swallowed.items())
        )
        said.append(f"not told: {why}")
    if found.short_ns:
        said.append(f"what could be had begins {lasted(found.short_ns)} later than asked for")
    if found.unknown:
        length = sum(end - start for start, end in found.unknown)
        said.append(f"nothing is known of {lasted(length)} of it")
    return [*said, *_advice(found)]


def _advice(found: Rehearsed) -> list[str]:
    """What would meet the wished rate."""
    if found.wished_per_day is None:
        return []
    wish = f"{found.wished_per_day:g} a day"
    if found.enough:
        return [f"for {wish}: " + ("it is fine as it is" if found.fired else "it would not have told once")]
    ways = [] if found.cooldown_ns is None else [f"cooldown {lasted(found.cooldown_ns)}"]
    ways += [] if found.rearm is None else [f"again at {found.rearm:,.10g}"]
    return [
        f"for {wish}: {' or '.join(ways)}"
        if ways
        else f"for {wish}: no cooldown and no re-arm level meets it"
    ]


class Plot(Struct, frozen=True):
    """The lines of a plot (rule 2), from the top; `labels` are the prices of the first and the last line of `rows`."""

    rows: list[str]
    counts: str
    labels: tuple[float, float] | None


def plot(found: Rehearsed, columns: int = PLOT_COLUMNS, rows: int = PLOT_ROWS) -> Plot:
    """When it fired, over its span (rule 2)."""
    width = max(1, found.end - found.start)

    def column(ts: int) -> int:
        return min(columns - 1, max(0, (ts - found.start) * columns // width))

    counts = [0] * columns
    for ts in found.fired:
        counts[column(ts)] += 1
    prices: list[float | None] = [None] * columns
    for ts, price in found.prices:
        prices[column(ts)] = price
    hidden = {place for start, end in found.unknown for place in range(column(start), column(end - 1) + 1)}
    marks = "".join(_count(count, place in hidden) for place, count in enumerate(counts))
    known = [price for price in prices if price is not None]
    if not known:
        return Plot([], marks, None)
    low, high = min(known), max(known)
    step = (high - low) / (rows - 1) or 1.0
    drawn = [[" "] * columns for _ in range(rows if high > low else 1)]
    for place, level in enumerate(prices):
        if level is not None:
            drawn[round((high - level) / step)][place] = "*" if counts[place] else "-"
    return Plot(["".join(line).rstrip() for line in drawn], marks, (high, low))


def _count(count: int, hidden: bool) -> str:
    if not count:
        return "?" if hidden else "."
    return str(count) if count <= _MOST_COUNT else "+"


def _rate(per_day: float) -> str:
    return f"{per_day:,.0f}" if per_day >= 10.0 else f"{per_day:.2g}"


def times(count: int, what: str) -> str:
    """How many of something: `1 time`, `1,200 times`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def number(value: float | None) -> str:
    """A figure as it is, with its thousands apart."""
    return MISSING if value is None else f"{value:,.10g}"


def short_key(alert: Alert) -> str:
    """Its name in the desk's own journal: `a3.1`."""
    return f"{alert.rule}.{alert.firing}"


def names(several: Sequence[str]) -> str:
    """Several names in a line."""
    return ", ".join(several) or MISSING
