"""A gap that was given up, and what is said when its trades come after all; it judges nothing itself.

Rules
  1. An alert stands for the firing that it told of. One of another moment than any that happened stands for the last
     firing up to it that nobody was told: that is the crossing which it showed, and a line says when it was (DATED).
  2. What an alert stands for is remembered for every gap that is open still, so that nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bethna.core.alerts import Moment, OpenGap, Outcome, Phase, RuleState, Step
from bethna.core.coverage import State
from bethna.core.market import Trade
from bethna.logic.alerts.stepping import NEVER

Told = tuple[int, Step]
"""(event time of the alert, the firing that it stands for)"""


class Missing:
    """What is missing, how the rules stood there, and what was said since.

    Attributes:
        found: what came of it, by id. judged: of that what was judged already. since: what was judged behind it.
        told: by rule.
        due: when what came is judged, by the desk's clock; NEVER where all that came is.
    """

    __slots__ = ("before", "due", "first", "found", "judged", "last", "since", "states", "told")

    def __init__(self, gap: OpenGap) -> None:
        self.first, self.last, self.before = gap.first_id, gap.last_id, gap.since
        self.states = dict(gap.states)
        self.found: dict[int, Trade] = {}
        self.judged: dict[int, Trade] = {}
        self.since: list[Trade] = []
        self.told: dict[str, list[Told]] = {}
        self.due = NEVER

    @property
    def gap(self) -> OpenGap:
        """It as it is kept; with the journal it says all, but for the trades."""
        return OpenGap(self.first, self.last, self.before, dict(self.states))

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return len(self.found) > self.last - self.first

    def tell(self, step: Step) -> None:
        """A rule that stood there has fired since."""
        number = step.moment.trade_id
        if step.rule in self.states and (number is None or number >= self.first):
            self.told.setdefault(step.rule, []).append((fired_at(step), step))

    def remember(self, lines: Sequence[Step]) -> None:
        """What the journal says of rules since."""
        for line in lines:
            if line.outcome is Outcome.FIRED:
                self.tell(line)
            elif line.outcome is Outcome.DATED:
                alert = next((each for each in self.told.get(line.rule, ()) if each[0] == line.fired), None)
                if alert is not None:
                    self.date(line.rule, [(alert, replace(line, fired=line.moment.ts_event))])

    def date(self, rule: str, dated: Sequence[tuple[Told, Step]]) -> None:
        """Rule 2."""
        told = self.told.get(rule, [])
        for alert, step in dated:
            if alert in told:
                told.remove(alert)
                number = step.moment.trade_id
                if number is None or number >= self.first:
                    told.append((alert[0], step))


def known(missing: Missing, behind: Sequence[Missing]) -> list[Trade]:
    """All trades that were judged since a gap, with all that came of it, ascending; `behind`: the gaps behind it."""
    found = {trade.trade_id: trade for trade in missing.since} | missing.found
    for each in behind:
        found |= each.judged
    return [found[number] for number in sorted(found)]


def untold(fired: Sequence[Step], told: Sequence[Told]) -> tuple[list[Step], list[tuple[Told, Step]]]:
    """The firings that nobody was told, and the alerts that stand for one of another moment, with it (rule 1)."""
    left = list(fired)
    others: list[Told] = []
    for alert in sorted(told, key=lambda each: fired_at(each[1])):
        same = next((each for each in left if _is_same(each, alert[1])), None)
        if same is None:
            others.append(alert)
        else:
            left.remove(same)
    dated: list[tuple[Told, Step]] = []
    for alert in others:
        shown = next((each for each in reversed(left) if fired_at(each) <= fired_at(alert[1])), None)
        if shown is not None:
            left.remove(shown)
            dated.append((alert, shown))
    return left, dated


def told_late(step: Step, state: RuleState) -> Step:
    """A firing of a gap as a step from how the rule is now."""
    fired = fired_at(step)
    last = fired if state.last_fired is None else max(fired, state.last_fired)
    phase = Phase.DONE if step.after.phase is Phase.DONE else state.phase  # it may have expired since
    after = replace(state, steps=state.steps + 1, firings=state.firings + 1, last_fired=last, phase=phase)
    return replace(step, number=after.steps, moment=_found(step), before=state, after=after)


def dated_step(step: Step, alert: int, state: RuleState) -> Step:
    """Of which firing an alert was, as a step from how the rule is now."""
    fired, moment = fired_at(step), _found(step)
    after = replace(
        state,
        steps=state.steps + 1,
        since=fired if state.since == alert else state.since,
        last_fired=fired if state.last_fired == alert else state.last_fired,
    )
    if step.leaf is None:  # the end of a hold, seen by whatever came after it
        moment = replace(moment, ts_event=fired, trade_id=None)
    return Step(step.rule, after.steps, Outcome.DATED, step.leaf, moment, state, after, alert)


def fired_at(step: Step) -> int:
    """The event time of a firing."""
    assert step.fired is not None
    return step.fired


def _found(step: Step) -> Moment:
    return replace(step.moment, state=State.HEALED, late=True)


def _is_same(one: Step, other: Step) -> bool:
    both_held = one.leaf is None and other.leaf is None  # by whatever trade it was seen
    return one.fired == other.fired and (both_held or one.moment.trade_id == other.moment.trade_id)
