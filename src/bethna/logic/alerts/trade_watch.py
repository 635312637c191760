"""The alerts of one instrument, looking at every trade as it leaves the feed; it stores nothing and sends nothing.

Rules
  1. A trade that reaches no level, ends no hold and moves no window costs three comparisons, however many rules there
     are. `last` is how far everything has been judged: the cursor that is kept with the journal.
  2. Trades that the feed healed come in their order, while their gap is open and right after: they are judged as any,
     and are `late`. What came by itself, only later than others, is not, unless it came while others waited.
  3. Behind a gap that was given up the first trade is `after_gap`. A crossing that it shows did happen, if nobody knows
     when; one there and back in the gap does not show.
  4. Trades of a gap that was given up and come after all are gathered until all of them are there, and those of the
     gaps before it, or nobody looks for more (`settle`). Then the rules of prices are judged anew over them and all
     trades since, from how they stood at the gap: a firing that nobody was told is told `late`, and what stands
     otherwise is corrected. What was told is not taken back: where it was of another moment it stands for the earliest
     firing up to it that was not.
  5. A rule is armed at the last price: what that says of it is its first step, and the next trade can fire it.
  6. A window says nothing before it is full: from the first trade that it knows on, its whole length. Trades of before
     (`seed`) fill it and are not judged. Until then its rules are unknown (`fills`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from msgspec.structs import replace

from bethna.core.alerts import LeafState, Moment, Outcome, Phase, RuleState, Step, Way
from bethna.core.coverage import Gap, State
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.logic.alerts.rules import BY_TRADES, Watched
from bethna.logic.alerts.stepping import NEVER, Armed, Figure, Stepper
from bethna.logic.alerts.windows import Moves, Volume

MOST_GATHERED = 50_000
MOST_GAPS = 20


class _Window(Figure):
    """A figure of a moving window. `since`: when its first trade was, None before; `now`: the figure, full or not."""

    __slots__ = ("length", "machine", "now", "since")

    def __init__(self, watched: Watched, scale: int) -> None:
        super().__init__()
        self.length = length = watched.window_ns
        self.machine: Moves | Volume = (
            Volume(length, scale) if watched.kind == "volume" else Moves(length, Way(watched.kind))
        )
        self.since: int | None = None
        self.now = 0.0

    def add(self, trade: Trade) -> float:
        """What it is with one more trade."""
        machine = self.machine
        if self.since is None:
            self.since = trade.ts_event
        quantity = trade.quantity if isinstance(machine, Volume) else trade.price
        self.now = machine.add(trade.ts_event, quantity)
        return self.now

    def is_full(self, ts: int) -> bool:
        """Rule 6, at an event time."""
        return self.since is not None and ts - self.since >= self.length


class _Missing:
    """A gap that was given up: how the rules stood there, and what came of it and was said since (rule 4)."""

    __slots__ = ("first", "found", "last", "since", "states", "told")

    def __init__(self, first: int, last: int, states: dict[str, RuleState]) -> None:
        self.first, self.last = first, last
        self.states = states
        self.found: dict[int, Trade] = {}
        self.since: list[Trade] = []
        self.told: dict[str, list[Step]] = {}

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return len(self.found) > self.last - self.first


class TradeWatch(Stepper):
    """One instrument.

    Args:
        scale: lots per unit of quantity.

    Attributes:
        last: the newest trade that was judged; None before any.
        gap: what is missing right now, so that nobody knows; None else.
        up, down, due: a trade of a price from `down` to `up` and before `due` (event time) need not be looked at.
    """

    def __init__(self, instrument: InstrumentId, report: Callable[[Step], None], scale: int) -> None:
        super().__init__(report)
        self.last: Trade | None = None
        self.gap: Gap | None = None
        self._scale = scale
        self._price = Watched("price", instrument)
        self._prices = self._figures[self._price] = Figure()
        self._windows: list[_Window] = []
        self._past: Sequence[Trade] = ()
        self._healed = (0, -1)
        self._after_gap = False
        self._gap_end = 0
        self._missing: list[_Missing] = []
        self.up, self.down, self.due = inf, -inf, NEVER

    # --- rules

    def remember(self, trades: Sequence[Trade]) -> None:
        """The trades up to the last that was judged, ascending: windows of rules that are armed next have them."""
        self._past = trades

    def seed(self, trade: Trade) -> None:
        """A trade of before what will be judged next (rule 6)."""
        for window in self._windows:
            window.add(trade)

    def longest(self) -> int:
        """The longest window that is watched, ns; 0 without any."""
        return max((window.length for window in self._windows), default=0)

    def fills(self, name: str) -> bool:
        """Whether a window of a rule has not said anything yet (rule 6)."""
        armed = self._armed.get(name)
        asked = () if armed is None else self._figures_of(armed)
        return any(isinstance(each, _Window) and each.value is None for _, _, each in asked)

    def arm(self, armed: Armed) -> None:
        """As Stepper.arm, of figures of this instrument's trades."""
        last, known = self.last, len(self._figures)
        self._prices.value = None if last is None else last.price
        super().arm(armed)
        if last is not None:  # rule 5
            moment = Moment(last.ts_event, last.ts_recv, last.trade_id, last.price)
            self._judge(
                [
                    (armed.name, index, figure, replace(moment, value=figure.value))
                    for index, _, figure in self._figures_of(armed)
                    if armed.state.leaves[index] is LeafState.UNSEEN and figure.value is not None
                ]
            )
        if len(self._figures) > known:
            self._windows = [each for each in self._figures.values() if isinstance(each, _Window)]
        self._settle()

    def disarm(self, name: str) -> None:
        """As Stepper.disarm."""
        super().disarm(name)
        self._windows = [figure for figure in self._figures.values() if isinstance(figure, _Window)]
        self._settle()

    def give_up(self) -> None:
        """Watch nothing any more, whatever is broken."""
        for each in (self._armed, self._figures, self._windows, self._dues, self._missing):
            each.clear()
        self._prices = self._figures[self._price] = Figure()
        self._settle()

    def _is_mine(self, watched: Watched) -> bool:
        return watched.kind in BY_TRADES and watched.about == self._price.about

    def _figure(self, watched: Watched) -> Figure:
        window = _Window(watched, self._scale)
        for trade in self._past:
            window.add(trade)
        if self.last is not None and window.is_full(self.last.ts_event):
            window.value = window.now
        return window

    def _keeps(self, watched: Watched) -> bool:
        return watched == self._price

    # --- what the feed tells

    def trade(self, trade: Trade) -> None:
        """A trade, as it leaves the feed (rule 1)."""
        if self.down <= trade.price <= self.up and trade.ts_event < self.due:
            self.last = trade
        else:
            self._look(trade)

    def gap_found(self, gap: Gap) -> None:
        """Trades are missing, and those after them wait."""
        self.gap = gap

    def healed(self, gap: Gap) -> None:
        """They were found, and come next (rule 2); of a gap that closed by itself nothing was late."""
        self.gap = None
        if gap.first_id is not None and gap.last_id is not None and gap.reason != "reordered":
            self._healed = (gap.first_id, gap.last_id)
            self.up = -inf

    def marked(self, gap: Gap) -> None:
        """They were given up (rules 3 and 4)."""
        self.gap = None
        self._after_gap = True
        if gap.reason == "renumbered":
            self.last = None
            self._missing.clear()
        elif (
            gap.first_id is not None
            and gap.last_id is not None
            and gap.last_id - gap.first_id < MOST_GATHERED
        ):
            states = {name: each.state for name, each in self._armed.items() if self._is_of_prices(each)}
            self._missing.append(_Missing(gap.first_id, gap.last_id, states))
            del self._missing[:-MOST_GAPS]
        self._settle()

    def pass_time(self, ts: int, now: int) -> None:
        """The trades before `ts` (event time) are known, and it is `now` on the desk's clock."""
        if ts >= self.due and self.last is not None:
            self._run_out(Moment(ts, now, None, self.last.price))
            self._settle()

    def settle(self) -> None:
        """Nobody looks for more of the gaps that were given up."""
        while self._missing:
            self._judge_again(self._missing.pop(0))
        self._settle()

    # --- inside

    def _look(self, trade: Trade) -> None:
        last = self.last
        if last is not None and UNNUMBERED != trade.trade_id <= last.trade_id:
            self._gather(trade)
            return
        moment = self._moment(trade)
        self.last = trade
        for missing in self._missing:
            missing.since.append(trade)
        self._run_out(moment)
        woken = self._wake(self._prices, trade.price, moment)
        for window in self._windows:
            value = window.add(trade)
            if not window.is_full(trade.ts_event):  # rule 6
                continue
            hole = moment.after_gap or trade.ts_event - window.length < self._gap_end
            woken += self._wake(window, value, replace(moment, value=value, after_gap=hole))
        self._judge(woken)
        if self._missing and len(self._missing[0].since) > MOST_GATHERED:
            self._judge_again(self._missing.pop(0))
        self._settle()

    def _take(self, armed: Armed, step: Step) -> None:
        number = step.moment.trade_id
        for missing in self._missing:
            is_since = number is None or number >= missing.first
            if step.outcome is Outcome.FIRED and is_since and armed.name in missing.states:
                missing.told.setdefault(armed.name, []).append(step)
        super()._take(armed, step)

    def _moment(self, trade: Trade) -> Moment:
        first, until = self._healed
        healed = self.gap is not None or first <= trade.trade_id <= until
        state = State.UNVERIFIED if trade.trade_id == UNNUMBERED else State.COMPLETE
        after_gap = self._after_gap
        if after_gap:
            self._gap_end = trade.ts_event
            self._after_gap = False
        if trade.trade_id >= until:
            self._healed = (0, -1)
        return Moment(
            trade.ts_event, trade.ts_recv, trade.trade_id, trade.price,
            State.HEALED if healed else state, after_gap, healed,
        )  # fmt: skip

    def _settle(self) -> None:
        """How far the next trade may go without being looked at (rule 1)."""
        self.due = self._next_due()
        if self._windows or self._missing or self._after_gap or self._healed[1] > 0:
            self.up, self.down = -inf, inf
        else:
            self.up, self.down = self._prices.levels.up, self._prices.levels.down

    # --- gaps that were given up

    def _gather(self, trade: Trade) -> None:
        for missing in self._missing:
            if missing.first <= trade.trade_id <= missing.last:
                missing.found[trade.trade_id] = trade
        if self._missing and self._missing[0].is_whole:
            while self._missing and self._missing[0].is_whole:
                self._judge_again(self._missing.pop(0))
            self._settle()

    def _is_of_prices(self, armed: Armed) -> bool:
        """Whether all of a rule follows from the trades alone, and from no more than the last one."""
        return all(watched == self._price for watched in armed.watched)

    def _judge_again(self, missing: _Missing) -> None:
        """Rule 4."""
        if not missing.found:
            return
        found = [missing.found[number] for number in sorted(missing.found)]
        asked = [self._armed[name] for name in sorted(missing.states) if name in self._armed]
        asked = [armed for armed in asked if armed.state.phase is Phase.ACTIVE]
        true = {armed.name: Armed.of(armed.name, armed.rule, missing.states[armed.name]) for armed in asked}
        steps = self._replay(true, found + missing.since)
        for armed in asked:
            name = armed.name
            fired = [step for step in steps if step.rule == name and step.outcome is Outcome.FIRED]
            untold, spent = _untold(fired, missing.told.get(name, []))
            for each in self._missing:
                each.told[name] = [step for step in each.told.get(name, []) if step not in spent]
            for step in untold:
                self._take(armed, _told_late(step, armed.state, whole=missing.is_whole))
            self._correct(armed, true[name].state)

    def _replay(self, rules: dict[str, Armed], trades: list[Trade]) -> list[Step]:
        """What rules do over trades; how they come to the gaps that are open still is put down there."""
        steps: list[Step] = []
        again = TradeWatch(InstrumentId(self._price.about), steps.append, self._scale)
        for armed in rules.values():
            again.arm(armed)
        left = list(self._missing)
        for trade in trades:
            while left and left[0].first <= trade.trade_id:
                left.pop(0).states.update((name, armed.state) for name, armed in rules.items())
            again.trade(trade)
        for each in left:
            each.states.update((name, armed.state) for name, armed in rules.items())
        return steps

    def _correct(self, armed: Armed, true: RuleState) -> None:
        """A rule stands as it does with all that is known now."""
        state, last = armed.state, self.last
        if state.phase is Phase.ACTIVE and state.leaves != true.leaves and last is not None:
            after = replace(state, leaves=true.leaves, since=true.since, due=true.due, steps=state.steps + 1)
            moment = Moment(last.ts_event, last.ts_recv, last.trade_id, last.price, State.HEALED, late=True)
            self._take(armed, Step(armed.name, after.steps, Outcome.CORRECTED, None, moment, state, after))
        for index, _, figure in self._figures_of(armed):
            self._await(armed, index, figure)


def _untold(fired: list[Step], told: list[Step]) -> tuple[list[Step], list[Step]]:
    """What should have been told and was not, and what was told that stands for another moment than its own."""
    left = list(fired)
    others, spent = [], []
    for step in told:
        number = step.moment.trade_id
        same = next(
            (each for each in left if each.fired == step.fired and each.moment.trade_id == number), None
        )
        if same is None:
            others.append(step)
        else:
            left.remove(same)
    for step in others:
        earlier = next((each for each in left if _at(each) <= _at(step)), None)
        if earlier is not None:
            left.remove(earlier)
            spent.append(step)
    return left, spent


def _at(step: Step) -> int:
    assert step.fired is not None
    return step.fired


def _told_late(step: Step, state: RuleState, *, whole: bool) -> Step:
    """A firing of a gap as a step from how the rule is now."""
    fired = _at(step)
    last = fired if state.last_fired is None else max(fired, state.last_fired)
    moment = replace(step.moment, state=State.HEALED, after_gap=not whole, late=True)
    after = replace(
        state, steps=state.steps + 1, firings=state.firings + 1, last_fired=last, phase=step.after.phase
    )
    return replace(step, number=after.steps, moment=moment, before=state, after=after)
