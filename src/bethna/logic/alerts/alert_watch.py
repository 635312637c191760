"""All alerts of a desk: which instrument's watch has which part of a rule, and how each rule stands. It stores nothing.

Rules
  1. A rule's parts may be of several instruments and other figures; its one state is shared by all their watches.
  2. A fault domain is one instrument: an error of ours while it is judged is told, and its rules are judged no more
     until they are armed again; its feed, and every other instrument, go on.
  3. While trades are missing nobody knows: a rule is `unknown` as long as one of its instruments is in a gap or unseen,
     or one of its other figures is not known now (`figure_watch`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from bethna.core.alerts import AlertRule, LeafState, Moment, Phase, RuleState, Step
from bethna.core.coverage import State
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import GapFound, GapMarked, Healed
from bethna.logic.alerts.figure_watch import FigureWatch
from bethna.logic.alerts.rules import BY_TRADES, Watched
from bethna.logic.alerts.stepping import Armed
from bethna.logic.alerts.trade_watch import TradeWatch
from bethna.logic.feed_ports import TradeStreamItem


class AlertWatch:
    """The armed rules.

    Args:
        report: hears every step, in order, while what made it is told.
        broke: hears of an error of ours (rule 2).
        scale: lots per unit of quantity.
    """

    def __init__(
        self, report: Callable[[Step], None], broke: Callable[[InstrumentId, Exception], None], scale: int
    ) -> None:
        self._report = report
        self._broke = broke
        self._scale = scale
        self._armed: dict[str, Armed] = {}
        self._trades: dict[InstrumentId, TradeWatch] = {}
        self._broken: set[InstrumentId] = set()
        self.figures = FigureWatch(report)

    # --- rules

    def arm(self, name: str, rule: AlertRule, state: RuleState | None = None) -> None:
        """Watch a rule, from a state or from the beginning; one of that name is watched no longer."""
        if name in self._armed:
            self.disarm(name)
        armed = self._armed[name] = Armed.of(name, rule, state)
        watched = armed.watched
        if len(watched) == 1 and watched[0].kind in BY_TRADES:  # as most are; a shorter way
            self._arm_at(InstrumentId(watched[0].about), armed)
            return
        for about in dict.fromkeys(each.about for each in watched if each.kind in BY_TRADES):
            self._arm_at(InstrumentId(about), armed)
        if any(each.kind not in BY_TRADES for each in watched):
            self.figures.arm(armed)

    def _arm_at(self, instrument: InstrumentId, armed: Armed) -> None:
        self._broken.discard(instrument)
        self.watch(instrument).arm(armed)

    def disarm(self, name: str) -> RuleState | None:
        """Watch it no longer; how it stood, None if nobody watched it."""
        armed = self._armed.pop(name, None)
        if armed is None:
            return None
        for about in {watched.about for watched in armed.watched}:
            watch = self._trades.get(InstrumentId(about))
            if watch is not None:
                watch.disarm(name)
        self.figures.disarm(name)
        return armed.state

    def state(self, name: str) -> RuleState:
        """How a rule stands. Raises KeyError."""
        return self._armed[name].state

    def is_unknown(self, name: str) -> bool:
        """Rule 3. Raises KeyError for a name that is not armed."""
        armed = self._armed[name]
        if armed.state.phase is not Phase.ACTIVE:
            return False
        return self._misses(name) or LeafState.UNSEEN in armed.state.leaves or self.figures.is_unknown(name)

    def doubt_of(self, name: str) -> State:
        """How complete what a rule stands on is, where it is unknown. Raises KeyError."""
        return State.INCOMPLETE if self._misses(name) else State.UNKNOWN

    def _misses(self, name: str) -> bool:
        """Whether trades of one of its instruments are missing right now, or not enough are there for a window."""
        asked = self._armed[name].watched
        watches = (
            self._trades.get(InstrumentId(watched.about)) for watched in asked if watched.kind in BY_TRADES
        )
        return any(watch is not None and (watch.gap is not None or watch.fills(name)) for watch in watches)

    def put_state(self, name: str, state: RuleState) -> None:
        """A rule has been told of by somebody else: its numbers are others, its leaves the same. Raises KeyError."""
        self._armed[name].state = state

    # --- what the feeds tell

    def watch(self, instrument: InstrumentId) -> TradeWatch:
        """The watch of one instrument's trades."""
        found = self._trades.get(instrument)
        if found is None:
            found = self._trades[instrument] = TradeWatch(instrument, self._report, self._scale)
        return found

    def listen(self, instrument: InstrumentId) -> Callable[[TradeStreamItem], None]:
        """What hears the channel of its trades, at once and in order: alerts are no mailbox."""
        watch = self.watch(instrument)
        judge = watch.trade

        def hear(item: TradeStreamItem) -> None:
            try:
                if isinstance(item, Trade):
                    last = watch.last
                    if (
                        watch.down <= item.price <= watch.up
                        and item.ts_event < watch.due
                        and last is not None
                        and item.trade_id >= last.trade_id
                    ):
                        watch.last = item  # as TradeWatch.trade, without the call
                    else:
                        judge(item)
                else:
                    _tell(watch, item)
            except Exception as error:  # noqa: BLE001 - rule 2, decision 0010
                self._give_up(instrument, error)

        return hear

    def pass_time(self, instrument: InstrumentId, known_until: int, now: int) -> None:
        """The trades of an instrument are known up to `known_until` (event time); it is `now` by the desk's clock."""
        try:
            self.watch(instrument).pass_time(known_until, now)
        except Exception as error:  # noqa: BLE001 - rule 2, decision 0010
            self._give_up(instrument, error)

    def tell(self, watched: Watched, moment: Moment) -> None:
        """A figure that is not of trades."""
        self.figures.tell(watched, moment)

    def _give_up(self, instrument: InstrumentId, error: Exception) -> None:
        """Rule 2."""
        self._trades[instrument].give_up()
        if instrument not in self._broken:
            self._broken.add(instrument)
            self._broke(instrument, error)


def _tell(watch: TradeWatch, item: GapFound | Healed | GapMarked) -> None:
    match item:
        case GapFound():
            watch.gap_found(item.gap)
        case Healed():
            watch.healed(item.gap)
        case GapMarked():
            watch.marked(item.gap)
        case _:
            assert_never(item)
