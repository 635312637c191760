"""One rule's life in event time: what a change of one part of its condition means; it watches nothing, sends nothing.

Every function takes the state and returns the line of the journal with the state after it, or None where nothing
changed. The same moments give the same lines, whoever tells them and whenever.

Rules
  1. Edges, not levels: a rule fires when its condition begins to hold. What held already when the rule was armed is
     said (`already`) and waited out, unless the rule asks otherwise.
  2. A crossing counts from the other side: on which side the price is must have been seen before.
  3. The parts that one moment changes change at once. All of: begins when all hold that did not; where crossings are
     among them, when one of these happens and the others hold. Any of: begins with each part; with a hold, when one
     holds after none did.
  4. A hold is over `hold_ns` after the beginning, in event time: that is when it fires, by whatever moment it is seen
     that the time has passed. A moment at that very instant comes after it.
  5. Cooldown, one a bar and doubt swallow a firing: that is a line of the journal with its reason, never a silence.
  6. Before anything else a moment at or after `expires` ends the rule. A hold that was over before that has fired.
"""

from __future__ import annotations

from functools import cache
from typing import assert_never

from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    Doubt,
    Leaf,
    LeafState,
    Moment,
    Outcome,
    Phase,
    PriceCrosses,
    Repeat,
    RuleState,
    Step,
    Way,
)
from bethna.core.coverage import State

YES, NO, UNSEEN = LeafState.YES, LeafState.NO, LeafState.UNSEEN
PROVED = (State.COMPLETE, State.HEALED)
_MADE_OF_OTHERS = (AllOf, AnyOf)  # a tuple: a union would be made anew at each call


def parts_of(condition: Condition) -> tuple[Leaf, ...]:
    """The parts of a condition, in their order; one where it is not made of others."""
    return condition.parts if isinstance(condition, _MADE_OF_OTHERS) else (condition,)


def begin(rule: AlertRule) -> RuleState:
    """The state of a rule that has just been armed."""
    return _beginning(len(parts_of(rule.condition)))


@cache
def _beginning(parts: int) -> RuleState:
    """One for all rules of so many parts: it never changes."""
    return RuleState((UNSEEN,) * parts)


def turn(
    name: str, rule: AlertRule, state: RuleState, leaves: tuple[LeafState, ...], moment: Moment
) -> Step | None:
    """The parts of the condition are `leaves` now.

    Whoever calls has called `pass_time` with the same moment before (rule 4).
    """
    before = state.leaves
    if state.phase is not Phase.ACTIVE or leaves == before:
        return None
    after = replace(state, leaves=leaves, steps=state.steps + 1)
    held, holds = _holds(rule.condition, before), _holds(rule.condition, leaves)
    if not holds:
        after = replace(after, since=None, due=None)
    elif not held:
        after = replace(after, since=moment.ts_event)
    index = _cause(before, leaves)
    if _begins(rule, before, leaves):
        return _begun(name, rule, state, after, index, moment)
    outcome = Outcome.OVER if held and not holds else Outcome.NOTED
    if holds and not held and not _has_crossing(rule.condition):
        outcome = Outcome.ALREADY
    return _line(name, outcome, state, after, index, moment)


def pass_time(name: str, rule: AlertRule, state: RuleState, moment: Moment) -> list[Step]:
    """Event time has come to `moment.ts_event`, and its figure is not looked at yet (rules 4 and 6)."""
    steps: list[Step] = []
    if state.phase is not Phase.ACTIVE:
        return steps
    expires, due = rule.expires, state.due
    if due is not None and due <= moment.ts_event and (expires is None or due < expires):
        step = _fire(name, rule, state, replace(state, due=None, steps=state.steps + 1), None, moment, due)
        steps.append(step)
        state = step.after
    if expires is not None and moment.ts_event >= expires and state.phase is Phase.ACTIVE:
        over = replace(state, phase=Phase.EXPIRED, due=None, steps=state.steps + 1)
        steps.append(_line(name, Outcome.EXPIRED, state, over, None, moment))
    return steps


def wakes_at(rule: AlertRule, state: RuleState) -> int | None:
    """The event time at which `pass_time` has something to do, None if never."""
    expires, due = rule.expires, state.due
    if (expires is None and due is None) or state.phase is not Phase.ACTIVE:
        return None
    return min(each for each in (expires, due) if each is not None)


# --- what holds, and what begins


def _holds(condition: Condition, leaves: tuple[LeafState, ...]) -> bool:
    return any(leaf is YES for leaf in leaves) if isinstance(condition, AnyOf) else set(leaves) == {YES}


def _has_crossing(condition: Condition) -> bool:
    return any(isinstance(part, PriceCrosses) for part in parts_of(condition))


def _cause(before: tuple[LeafState, ...], after: tuple[LeafState, ...]) -> int:
    """The part that is told as what changed: one that came to hold, before any other."""
    changed = [index for index, leaf in enumerate(after) if leaf is not before[index]]
    return next((index for index in changed if after[index] is YES), changed[0])


def _begins(rule: AlertRule, before: tuple[LeafState, ...], after: tuple[LeafState, ...]) -> bool:
    """Whether the condition begins to hold by this change (rules 1 to 3)."""
    condition = rule.condition
    parts = parts_of(condition)
    if isinstance(condition, PriceCrosses) and condition.way is Way.EITHER:
        return before[0] is not UNSEEN and after[0] is not before[0]
    crossings = [isinstance(part, PriceCrosses) for part in parts]
    turned = [now is YES and was is NO for was, now in zip(before, after, strict=True)]
    first = rule.already and any(
        now is YES and was is UNSEEN and not crosses
        for was, now, crosses in zip(before, after, crossings, strict=True)
    )
    held, holds = _holds(condition, before), _holds(condition, after)
    if isinstance(condition, AnyOf):
        return (any(turned) or first) and not (held and rule.hold_ns)
    if held or not holds:
        return False
    if any(crossings):
        return any(now and crosses for now, crosses in zip(turned, crossings, strict=True))
    return any(turned) or first


# --- firing


def _begun(
    name: str, rule: AlertRule, state: RuleState, after: RuleState, index: int, moment: Moment
) -> Step:
    """The condition has begun to hold."""
    if rule.hold_ns:
        waiting = replace(after, since=moment.ts_event, due=moment.ts_event + rule.hold_ns)
        return _line(name, Outcome.HOLDS, state, waiting, index, moment)
    return _fire(name, rule, state, after, index, moment, moment.ts_event)


def _fire(
    name: str,
    rule: AlertRule,
    state: RuleState,
    after: RuleState,
    index: int | None,
    moment: Moment,
    ts: int,
) -> Step:
    """Rule 5. `ts`: event time of the firing."""
    swallowed = _swallowed(rule, state, moment, ts)
    if swallowed is not None:
        return _line(name, swallowed, state, after, index, moment)
    before = state.last_fired
    last = ts if before is None else max(ts, before)
    phase = Phase.DONE if rule.repeat is Repeat.ONCE else after.phase
    fired = replace(after, firings=state.firings + 1, last_fired=last, phase=phase, due=None)
    if rule.bar is not None and before is not None and rule.bar.open_time(before) != rule.bar.open_time(ts):
        earlier = before if ts > before else max(ts, state.bar_before or ts)
        fired = replace(fired, bar_before=earlier)
    return _line(name, Outcome.FIRED, state, fired, index, moment, ts)


def _swallowed(rule: AlertRule, state: RuleState, moment: Moment, ts: int) -> Outcome | None:
    """Why a firing is not told; None where it is."""
    last = state.last_fired
    if last is not None and abs(ts - last) < rule.cooldown_ns:  # another instrument may be heard later
        return Outcome.COOLING
    match rule.repeat:
        case Repeat.ONCE | Repeat.EVERY:
            pass
        case Repeat.PER_BAR:
            bar = rule.bar
            assert bar is not None  # `alert_rules.check` says so
            told = [bar.open_time(each) for each in (last, state.bar_before) if each is not None]
            if bar.open_time(ts) in told:  # not any before: another instrument may be heard later
                return Outcome.SAME_BAR
        case _:
            assert_never(rule.repeat)
    if rule.doubt is Doubt.COMPLETE_ONLY and (moment.after_gap or moment.state not in PROVED):
        return Outcome.DOUBTED
    return None


def _line(
    name: str,
    outcome: Outcome,
    before: RuleState,
    after: RuleState,
    index: int | None,
    moment: Moment,
    fired: int | None = None,
) -> Step:
    return Step(name, after.steps, outcome, index, moment, before, after, fired)
