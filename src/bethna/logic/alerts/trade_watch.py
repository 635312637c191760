"""The alerts of one instrument, looking at every trade as it leaves the feed; it stores nothing and sends nothing.

Rules
  1. A trade that reaches no level, ends no hold and moves no window costs three comparisons, however many rules there
     are. `last` is how far everything has been judged: the cursor that is kept with the journal.
  2. Trades that the feed healed come in their order, while their gap is open and right after: they are judged as any,
     and are `late`. What came by itself, only later than others, is not, unless it came while others waited.
  3. Behind a gap that was given up the first trade is `after_gap`. A crossing that it shows did happen, if nobody knows
     when; one there and back in the gap does not show.
  4. Trades of a gap that was given up and come after all are gathered until all of them are there, and those of the
     gaps before it; or until none has come for QUIET_NS, or nobody looks for more (`settle`), for some never come. Then
     the rules of prices are judged anew over all that is known since the gap, from how they stood at it: a firing that
     nobody was told is told `late`, and what stands otherwise is corrected. What was told is not taken back: where it
     was of another moment a line says of which (`given_up`).
  5. A rule is armed at the last price: what that says of it is its first step, and the next trade can fire it.
  6. A window says nothing before it is full: from the first trade that it knows on, its whole length. Trades of before
     (`seed`) fill it and are not judged. Until then its rules are unknown (`fills`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from math import inf

from msgspec.structs import replace

from bethna.core.alerts import LeafState, Moment, OpenGap, Outcome, Phase, RuleState, Step, Way
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, State
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.logic.alerts.given_up import Missing, dated_step, fired_at, known, told_late, untold
from bethna.logic.alerts.rules import BY_TRADES, Watched
from bethna.logic.alerts.stepping import NEVER, Armed, Figure, Stepper
from bethna.logic.alerts.windows import Moves, Volume

MOST_GATHERED = 50_000
MOST_GAPS = 100
QUIET_NS = 30 * NS_PER_S


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
        self._missing: list[Missing] = []
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
        for missing in self._missing:  # who is armed anew was not there
            missing.states.pop(name, None)
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
        last = self.last
        if (
            self.down <= trade.price <= self.up
            and trade.ts_event < self.due
            and last is not None
            and trade.trade_id >= last.trade_id
        ):
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
            self._judge_all(list(self._missing))
            self.last = None
        elif (
            gap.first_id is not None
            and gap.last_id is not None
            and gap.last_id - gap.first_id < MOST_GATHERED
        ):
            states = {name: each.state for name, each in self._armed.items() if self._is_of_prices(each)}
            since = gap.start or 0
            self._missing.append(Missing(OpenGap(gap.first_id, gap.last_id, since, states)))
            self._judge_all(self._missing[:-MOST_GAPS])
        self._settle()

    def pass_time(self, ts: int, now: int) -> None:
        """The trades before `ts` (event time) are known, and it is `now` on the desk's clock."""
        self._judge_quiet(now)
        if ts >= self.due and self.last is not None:
            self._run_out(Moment(ts, now, None, self.last.price))
            self._settle()

    def gaps(self) -> tuple[OpenGap, ...]:
        """What was given up and is not settled."""
        return tuple(missing.gap for missing in self._missing)

    def restore(self, gap: OpenGap, lines: Sequence[Step]) -> None:
        """A gap of a watch that went before; `lines` of the journal of its rules since. Its trades are to be told
        (`recall`), and those behind it."""
        missing = Missing(gap)
        missing.remember(lines)
        self._missing.append(missing)
        self._settle()

    def recall(self, trade: Trade) -> None:
        """A trade of a restored gap, or one behind it that was judged."""
        for missing in self._missing:
            if missing.first <= trade.trade_id <= missing.last:
                missing.found[trade.trade_id] = trade
                missing.due = trade.ts_recv + QUIET_NS
            elif trade.trade_id > missing.last:
                missing.since.append(trade)

    def forget(self, first_id: int, last_id: int) -> None:
        """The trades of these ids cannot be had, and what came of them cannot be judged."""
        self._missing = [each for each in self._missing if each.first < first_id or last_id < each.last]
        self._settle()

    def settle(self, first_id: int, last_id: int) -> None:
        """Nobody looks for more of the trades of these ids, inclusive."""
        self._judge_all([each for each in self._missing if first_id <= each.first and each.last <= last_id])
        self._judge_whole()
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
            if missing.first <= trade.trade_id <= missing.last:  # nothing had come behind it yet
                missing.found[trade.trade_id] = trade
        self._run_out(moment)
        woken = self._wake(self._prices, trade.price, moment)
        for window in self._windows:
            value = window.add(trade)
            if not window.is_full(trade.ts_event):  # rule 6
                continue
            hole = moment.after_gap or trade.ts_event - window.length < self._gap_end
            state = State.INCOMPLETE if hole else moment.state
            woken += self._wake(window, value, replace(moment, value=value, after_gap=hole, state=state))
        self._judge(woken)
        self._judge_all([each for each in self._missing if len(each.since) > MOST_GATHERED])
        self._judge_quiet(trade.ts_recv)
        self._settle()

    def _take(self, armed: Armed, step: Step) -> None:
        if step.outcome is Outcome.FIRED:
            for missing in self._missing:
                missing.tell(step)
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
                newest = trade if self.last is None else max(trade, self.last, key=_received)
                missing.due = newest.ts_recv + QUIET_NS
        if self._missing and self._missing[0].is_whole:
            self._judge_whole()
            self._settle()

    def _judge_whole(self) -> None:
        whole = list(takewhile(_is_whole, self._missing))
        for missing in whole:
            missing.judged = missing.found  # each is known to those before it
        self._judge_all(whole)

    def _judge_quiet(self, now: int) -> None:
        """What came, when nothing more has come for long enough: who is not whole waits on."""
        for missing in [each for each in self._missing if each.due <= now]:
            if missing.is_whole:
                self._judge_all([missing])
            else:
                self._judge_again(missing)
        self._judge_whole()

    def _judge_all(self, gaps: Sequence[Missing]) -> None:
        """For the last time: what comes of them from here on is not looked at."""
        for missing in gaps:
            self._judge_again(missing)
            self._missing.remove(missing)
            for each in self._missing:
                if each.first < missing.first:
                    each.since.extend(missing.found.values())

    def _is_of_prices(self, armed: Armed) -> bool:
        """Whether all of a rule follows from the trades alone, and from no more than the last one."""
        return all(watched == self._price for watched in armed.watched)

    def _judge_again(self, missing: Missing) -> None:
        """Rule 4."""
        missing.due = NEVER
        missing.judged = dict(missing.found)  # more may come
        if not missing.found:
            return
        asked = [self._armed[name] for name in sorted(missing.states) if name in self._armed]
        asked = [armed for armed in asked if armed.state.phase is not Phase.PAUSED]
        true = {armed.name: Armed.of(armed.name, armed.rule, missing.states[armed.name]) for armed in asked}
        steps = self._replay(true, missing)
        for armed in asked:
            name = armed.name
            fired = [step for step in steps if step.rule == name and step.outcome is Outcome.FIRED]
            left, dated = untold(fired, missing.told.get(name, []))
            for each in self._missing:
                each.date(name, dated)
            alerts = {step.number: alert for (alert, _), step in dated}
            for step in sorted([*left, *(step for _, step in dated)], key=fired_at):
                alert = alerts.get(step.number)
                if alert is not None:
                    self._take(armed, dated_step(step, alert, armed.state))
                elif armed.state.phase is not Phase.DONE:
                    self._take(armed, told_late(step, armed.state))
            self._correct(armed, true[name].state)

    def _replay(self, rules: dict[str, Armed], missing: Missing) -> list[Step]:
        """What rules do over all that is known since a gap; how they come to the ones behind it is put down there."""
        steps: list[Step] = []
        again = TradeWatch(InstrumentId(self._price.about), steps.append, self._scale)
        for armed in rules.values():
            again.arm(armed)
        behind = [each for each in self._missing if each.first > missing.first]
        left, before = list(behind), missing.first - 1
        for trade in known(missing, behind):
            again._after_gap = trade.trade_id != before + 1
            before = trade.trade_id
            while left and left[0].first <= trade.trade_id:
                left.pop(0).states.update((name, armed.state) for name, armed in rules.items())
            again.trade(trade)
        for each in left:
            each.states.update((name, armed.state) for name, armed in rules.items())
        return steps

    def _correct(self, armed: Armed, true: RuleState) -> None:
        """A rule stands as it does with all that is known now."""
        state, last = armed.state, self.last
        as_it_is = replace(state, leaves=true.leaves, due=true.due)
        if armed.rule.cooldown_ns or armed.rule.bar is not None:  # it says from when on it may fire again
            as_it_is = replace(as_it_is, last_fired=true.last_fired, bar_before=true.bar_before)
        if state.phase is Phase.ACTIVE and state != as_it_is and last is not None:
            after = replace(as_it_is, since=true.since, steps=state.steps + 1)
            moment = Moment(last.ts_event, last.ts_recv, last.trade_id, last.price, State.HEALED, late=True)
            self._take(armed, Step(armed.name, after.steps, Outcome.CORRECTED, None, moment, state, after))
        for index, _, figure in self._figures_of(armed):
            self._await(armed, index, figure)


def _is_whole(missing: Missing) -> bool:
    return missing.is_whole


def _received(trade: Trade) -> int:
    return trade.ts_recv
