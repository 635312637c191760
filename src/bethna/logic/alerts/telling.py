"""What an alert says to people, what a line of its journal says, and why a rule did or did not fire; it sends nothing.

Rules
  1. A title says what happened, in the past where it is an event; a text says the figure and when it was, by the
     venue's clock, and after it what a reader has to know to believe it: that it is late, that trades right before it
     are missing, that what it stands on is not complete.
  2. Times are UTC. The day is left out where it is that on which the desk heard of it.
  3. A reason is one or two sentences. What is not known is not guessed: without a figure none is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bethna.core.alerts import (
    TELLING,
    AlertRule,
    AllOf,
    AnyOf,
    ExpiryNear,
    IndicatorIs,
    Leaf,
    LeafState,
    Moment,
    OptionIs,
    Outcome,
    Passage,
    Phase,
    PnlIs,
    PositionIs,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    RuleState,
    SignalGiven,
    SpreadIs,
    Step,
    SystemIs,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S, iso_utc
from bethna.core.coverage import State
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.other_sentences import say_other
from bethna.logic.alerts.rules import is_best, waits_for
from bethna.logic.alerts.saying import say_condition
from bethna.logic.alerts.words import say_length, say_number

_STATES = {
    State.COMPLETE: "",
    State.HEALED: "on trades that were missing and found",
    State.UNVERIFIED: "nothing proves that what it stands on is whole",
    State.INCOMPLETE: "what it stands on is incomplete",
    State.UNKNOWN: "how complete what it stands on is, nobody knows",
}


# --- an alert


def title_of(rule: AlertRule, step: Step) -> str:
    """What happened: `BTC-USDT crossed above 65,000`. `step`: of the alert; it says which of several parts did it."""
    parts = parts_of(rule.condition)
    if step.outcome is Outcome.UNKNOWN:
        return f"Nobody can know: {say_condition(rule.condition)}"
    if len(parts) == 1:
        title = _event(parts[0])
    elif isinstance(rule.condition, AnyOf) and (part := _part_of(rule, step)) is not None:
        title = _event(part)
    else:
        title = say_condition(rule.condition)
    return title[0].upper() + title[1:]


def text_of(rule: AlertRule, step: Step, decimals: int | None) -> str:
    """The figure, when it was, and what a reader has to know (rule 1).

    Args:
        decimals: to print prices of its instrument with; None where that is not known.
    """
    moment, part = step.moment, _part_of(rule, step)
    at = _time(step.at, moment.ts_recv)
    if step.outcome is Outcome.UNKNOWN:
        said = [f"from {at} on, until what is missing has come"]
    elif part is None:
        said = [f"it has held for {say_length(rule.hold_ns)}, up to {at}"]
    else:
        said = [f"{_figure(part, moment.value, decimals)} at {at}{_trade(moment)}".strip()]
    said += _doubts(moment)
    return "; ".join(said)


def _part_of(rule: AlertRule, step: Step) -> Leaf | None:
    """Which condition has changed; None where time alone did it, or where the rule was another one then."""
    parts = parts_of(rule.condition)
    return None if step.leaf is None or step.leaf >= len(parts) else parts[step.leaf]


def _trade(moment: Moment) -> str:
    return "" if moment.trade_id is None else f", trade {moment.trade_id}"


def _doubts(moment: Moment) -> list[str]:
    said = []
    if moment.late:
        after = "" if moment.trade_id is None else " after a gap"
        said.append(f"late: found at {_time(moment.ts_recv, moment.ts_event)}{after}")
    if moment.after_gap:
        said.append("trades right before it are missing")
    if _STATES[moment.state]:
        said.append(_STATES[moment.state])
    return said


def _event(leaf: Leaf) -> str:
    """What has happened where a condition holds."""
    match leaf:
        case PriceIs():
            return f"{_name(leaf.instrument)} is {leaf.side} {say_number(leaf.level)}"
        case PriceCrosses():
            way = {Way.UP: "above ", Way.DOWN: "below ", Way.EITHER: ""}[leaf.way]
            return f"{_name(leaf.instrument)} crossed {way}{say_number(leaf.level)}"
        case PriceChannel():
            done = "entered" if leaf.passage is Passage.ENTERS else "left"
            return f"{_name(leaf.instrument)} {done} {say_number(leaf.low)} to {say_number(leaf.high)}"
        case PriceMoves():
            done = "fell" if leaf.way is Way.DOWN else "rose"
            percent = say_number(leaf.percent)
            return f"{_name(leaf.instrument)} {done} more than {percent}% in {say_length(leaf.window_ns)}"
        case VolumeIs():
            most = say_number(leaf.quantity)
            return f"{_name(leaf.instrument)} traded more than {most} in {say_length(leaf.window_ns)}"
        case SpreadIs():
            return f"{_name(leaf.instrument)} spread is above {say_number(leaf.basis_points)} bps"
        case IndicatorIs():
            against = leaf.other.replace(").", ") ") or say_number(leaf.level or 0.0)
            return f"{_name(leaf.instrument)} {leaf.interval} {_indicator(leaf)} is {leaf.side} {against}"
        case SignalGiven():
            return f"{_name(leaf.instrument)} has a signal of at least {say_number(leaf.confidence)}%"
        case OptionIs():
            return f"{_name(leaf.instrument)} {leaf.figure} is {leaf.side} {say_number(leaf.level)}"
        case SystemIs() | PositionIs() | PnlIs() | ExpiryNear():
            return say_other(leaf)
        case _:
            assert_never(leaf)


def _figure(leaf: Leaf, value: float, decimals: int | None) -> str:
    """What the figure of a condition was; empty where it is no number."""
    match leaf:
        case PriceIs() | PriceCrosses() | PriceChannel():
            price = say_number(value) if decimals is None else f"{value:,.{decimals}f}"
            return f"{price} {_place(leaf.instrument)}"
        case PriceMoves():
            sign = "-" if leaf.way is Way.DOWN else ""
            return f"{sign}{value:.2f}% in {say_length(leaf.window_ns)} {_place(leaf.instrument)}"
        case VolumeIs():
            return f"{_digits(value)} in {say_length(leaf.window_ns)} {_place(leaf.instrument)}"
        case SpreadIs():
            return f"{say_number(float(f'{value:.4g}'))} bps {_place(leaf.instrument)}"
        case IndicatorIs() if leaf.other:
            side = "above" if value > 0 else "below"
            return f"{_digits(abs(value))} {side} it, of the {leaf.interval} bar that closed"
        case IndicatorIs():
            return f"{_digits(value)}, of the {leaf.interval} bar that closed"
        case OptionIs():
            return f"{leaf.figure} {_short(value)}"
        case PnlIs():
            return f"{value:,.2f}{'%' if leaf.in_percent else ' usd'}"
        case ExpiryNear():
            return f"{say_length(max(0, round(value)))} left"
        case SignalGiven():
            return f"{value:.0f}%"
        case SystemIs() | PositionIs():
            return ""
        case _:
            assert_never(leaf)


def _indicator(leaf: IndicatorIs) -> str:
    return f"{leaf.indicator} {leaf.part}" if leaf.part else leaf.indicator


def _name(instrument: InstrumentId) -> str:
    symbol = instrument.partition("@")[0]
    return f"{symbol} of all venues" if is_best(instrument) else symbol


def _place(instrument: InstrumentId) -> str:
    return "across venues" if is_best(instrument) else f"on {instrument.partition('@')[2]}"


def _digits(value: float) -> str:
    """To six digits: of what is computed."""
    return say_number(float(f"{value:.6g}"))


def _short(value: float) -> str:
    """To ten digits, as people write it."""
    return say_number(float(f"{value:.10g}"))


def _time(ts: int, beside: int) -> str:
    """Rule 2."""
    said = iso_utc(ts)
    return said.partition(" ")[2] if said[:10] == iso_utc(beside)[:10] else said


# --- a line of the journal


def words_of(step: Step, rule: AlertRule | None = None) -> str:
    """What a line of a rule's journal says, for `why`. `rule`: as it was then, where that is known."""
    moment = step.moment
    said = [_outcome(step, rule)]
    if step.leaf is not None:
        part = None if rule is None else _part_of(rule, step)
        figure = _short(moment.value) if part is None else _figure(part, moment.value, None)
        said.append(f"{figure}{_trade(moment)}".strip(", "))
    said += _changes(step) + _doubts(moment)
    return f"{iso_utc(step.at)}: {'; '.join(filter(None, said))}"


def _changes(step: Step) -> list[str]:
    pairs = list(zip(step.before.leaves, step.after.leaves, strict=False))
    several = len(pairs) > 1
    return [
        f"{f'part {number}: ' if several else ''}{was} -> {now}"
        for number, (was, now) in enumerate(pairs, 1)
        if was is not now
    ]


_WORDS = {
    Outcome.ALREADY: "held already when it was armed, so there was no edge",
    Outcome.OVER: "holds no longer",
    Outcome.NOTED: "a part is another, and the whole is not",
    Outcome.CORRECTED: "missing trades came after all, and with them it stands otherwise",
    Outcome.DATED: "missing trades came after all: this is when the alert behind them happened",
    Outcome.DOUBTED: "not told: it is to be on complete data alone",
    Outcome.EXPIRED: "expired",
    Outcome.UNKNOWN: "told that nobody can know",
    Outcome.EDITED: "edited",
    Outcome.PAUSED: "paused",
    Outcome.RESUMED: "armed again",
}


def _outcome(step: Step, rule: AlertRule | None) -> str:
    last, due = step.before.last_fired, step.after.due
    match step.outcome:
        case Outcome.FIRED:
            return "fired" if step.leaf is not None else "fired, for it has held long enough"
        case Outcome.HOLDS:
            return "begins to hold" + (
                "" if due is None else f", and fires at {iso_utc(due)} if it still does"
            )
        case Outcome.COOLING:
            until = "" if rule is None or last is None else f" until {iso_utc(last + rule.cooldown_ns)}"
            return f"not told: cooling down{until}{_since(last)}"
        case Outcome.SAME_BAR:
            return f"not told: once a bar{_since(last)}"
        case _:
            return _WORDS[step.outcome]


def _since(last: int | None) -> str:
    return "" if last is None else f", it had fired at {iso_utc(last)}"


# --- why


def reason(
    rule: AlertRule,
    state: RuleState | None,
    unknown: bool,
    steps: Sequence[Step],
    at: int,
    *,
    price: float | None = None,
    value: float | None = None,
    missing: tuple[int, int] | None = None,
) -> str:
    """Why it did, or did not, fire at a time.

    Args:
        state: as it stood then; `steps[-1].after` where there are any. None: nobody remembers.
        unknown: nobody could know then.
        steps: lines of its journal up to then, ascending.
        at: event time that is asked about, ns UTC.
        price: the last one then, said for a rule of one condition of prices; None where it is not known (rule 3).
        value: likewise of any other figure.
        missing: from when to when trades are missing around it, ns UTC.
    """
    if state is None:
        return "Nobody can say: it was not armed then, and its journal has nothing of that time."
    newest = steps[-1] if steps else None
    figure = price if isinstance(rule.condition, PriceIs | PriceCrosses | PriceChannel) else value
    if newest is not None and newest.outcome in TELLING:
        return _fired(rule, newest) + _by_then(rule, newest, at, figure)
    if state.phase is Phase.PAUSED:
        since = "" if newest is None else f" since {iso_utc(newest.moment.ts_event)}"
        return f"It was paused{since}."
    if state.phase is Phase.EXPIRED:
        return "It did not: it had expired." + _before(state)
    if state.phase is Phase.DONE:
        return "It did not: it was to fire once, and it had." + _before(state)
    sources = waits_for(rule.condition)
    if sources:
        return f"It waits for: {', '.join(sources)}."
    if missing is not None:
        return f"Nobody can know: trades are missing from {iso_utc(missing[0])} to {iso_utc(missing[1])}."
    if unknown or LeafState.UNSEEN in state.leaves:
        return f"Nobody can know: {_unseen(rule, state)}." + _before(state)
    return f"It did not{_why_not(rule, state, newest, at, figure)}." + _before(state)


def _fired(rule: AlertRule, step: Step) -> str:
    at = iso_utc(step.at)
    if step.outcome is Outcome.UNKNOWN:
        return f"It told at {at} that nobody can know whether it holds."
    part = _part_of(rule, step)
    if step.leaf is None:
        said = f"It fired at {at}, because it had held for {say_length(rule.hold_ns)}."
    elif part is None:
        said = f"It fired at {at}."
    else:
        figure = _figure(part, step.moment.value, None)
        said = f"It fired at {at}, because {_event(part)}{f' ({figure})' if figure else ''}."
    if step.after.phase is Phase.DONE:
        return f"{said} It was to fire once, so it is over."
    after = "" if not rule.cooldown_ns else f" {say_length(rule.cooldown_ns)} later at the soonest, and"
    return f"{said} It fires again{after} when it has been over and begins anew."


def _by_then(rule: AlertRule, step: Step, at: int, value: float | None) -> str:
    """How it stood some time after it had fired."""
    if value is None or step.after.phase is not Phase.ACTIVE or at - step.moment.ts_event < NS_PER_S:
        return ""
    return f" At {iso_utc(at)} {_away(parts_of(rule.condition)[0], value)}."


def _why_not(rule: AlertRule, state: RuleState, newest: Step | None, at: int, value: float | None) -> str:
    """The rest of a sentence that begins with `It did not`."""
    if state.due is not None and state.since is not None:
        since, due = iso_utc(state.since), iso_utc(state.due)
        return f" yet: it has held since {since}, and is to hold for {say_length(rule.hold_ns)}, up to {due}"
    if newest is not None and newest.outcome in _SWALLOWED:
        told = _outcome(newest, rule).partition(": ")[2]
        return f": it would have at {iso_utc(newest.moment.ts_event)}, but {told}"
    parts = parts_of(rule.condition)
    if len(parts) == 1:
        leaf = parts[0]
        away = None if value is None else _away(leaf, value)
        if state.leaves[0] is LeafState.YES and isinstance(leaf, PriceCrosses) and leaf.way is not Way.EITHER:
            return f": {away or 'it was there'} already, so it did not cross"
        if state.leaves[0] is LeafState.YES and not isinstance(leaf, PriceCrosses):
            already = newest is not None and newest.outcome is Outcome.ALREADY
            words = "when it was armed, so there was no edge" if already else "before, so nothing began"
            return f": it held already {words}"
        return f": {away or 'its condition did not begin to hold'}"
    if not isinstance(rule.condition, AllOf):
        return ": none of its conditions began to hold"
    open_ = [
        _event(part) for part, leaf in zip(parts, state.leaves, strict=False) if leaf is not LeafState.YES
    ]
    if open_:
        return f": of its conditions these did not hold: {', '.join(open_)}"
    return f": all of its conditions held by {iso_utc(at)}, and none of them began then"


_SWALLOWED = (Outcome.COOLING, Outcome.SAME_BAR, Outcome.DOUBTED)


def _unseen(rule: AlertRule, state: RuleState) -> str:
    names = [
        _event(part)
        for part, leaf in zip(parts_of(rule.condition), state.leaves, strict=False)
        if leaf is LeafState.UNSEEN
    ]
    filling = "" if not _has_window(rule) else ", or its window was not full yet"
    if names:
        return f"nothing had been seen yet on which side it is{filling}: {', '.join(names)}"
    return f"what it stands on was missing{filling}"


def _has_window(rule: AlertRule) -> bool:
    return any(isinstance(part, PriceMoves | VolumeIs) for part in parts_of(rule.condition))


def _away(leaf: Leaf, value: float) -> str:
    """Where a figure was, and how far from where it counts."""
    figure = _figure(leaf, value, None)
    match leaf:
        case PriceIs() | PriceCrosses():
            return f"the price was {_short(value)}, {_from(value, leaf.level)}"
        case PriceChannel():
            edge = min((leaf.low, leaf.high), key=lambda each: abs(value - each))
            return f"the price was {_short(value)}, {_from(value, edge, 'edge')}"
        case IndicatorIs() if leaf.other:
            return f"it was {figure}"
        case IndicatorIs() | OptionIs() | PnlIs():
            return f"it was {_short(value)}, {_from(value, leaf.level or 0.0)}"
        case PriceMoves():
            return f"it was {figure}, and more than {say_number(leaf.percent)}% counts"
        case VolumeIs():
            return f"it was {figure}, and more than {say_number(leaf.quantity)} counts"
        case SpreadIs():
            return f"it was {figure}, and more than {say_number(leaf.basis_points)} bps counts"
        case ExpiryNear() | SignalGiven():
            return f"it was {figure}"
        case SystemIs() | PositionIs():
            return "it was not so"
        case _:
            assert_never(leaf)


def _from(value: float, level: float, what: str = "level") -> str:
    if value == level:
        return f"which is the {what} itself"
    return f"{_short(abs(value - level))} {'above' if value > level else 'below'} the {what}"


def _before(state: RuleState) -> str:
    return "" if state.last_fired is None else f" It fired last at {iso_utc(state.last_fired)}."
