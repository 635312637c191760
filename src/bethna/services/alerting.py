"""The alerts of one desk: judged as trades leave the feeds, kept, and only then told. It delivers nothing.

Rules
  1. Trades are heard on the bus at once and in order. What comes of them is put on the disk with how far was judged, in
     one transaction, by one thread, every FLUSH_S and at once where something fired. Nothing is told before that.
  2. At the start the trades since an instrument's cursor are judged first, in their order and `late`; what comes live
     meanwhile waits. What cannot be had within CATCH_UP_S is a gap that was given up. Figures of windows begin anew.
  3. A rule is on the disk, with how far was judged when it was armed, before whoever armed it hears so: no trade from
     before is judged for it, whenever the desk ends.
  4. While the disk refuses, that is told once, and steps wait. Beyond MOST_STEPS nothing is judged any more, which is
     told, too: the next start begins where the disk stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

from bethna.core.alerts import AlertRule, Outcome, RuleState, Step
from bethna.core.clock import Clock
from bethna.core.coverage import Gap
from bethna.core.errors import BethnaError, ConfigError, NoDataYet, StoreError
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.core.status import EventLevel, GapFound, GapMarked, Healed
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.machine import begin, parts_of
from bethna.logic.alerts.rules import BY_TRADES, check, watched_by
from bethna.logic.feed_ports import TradeStreamItem
from bethna.runtime.bus import Bus, Subscription
from bethna.store.alerts.journal import Cursor, Fired

if TYPE_CHECKING:
    from bethna.store.alerts.journal import Journal, KeptRule

FLUSH_S = 0.5
CATCH_UP_S = 30.0
MOST_STEPS = 100_000
SUBJECT = "alerts"
T = TypeVar("T")
Tell = Callable[[EventLevel, str, str, str], None]


class PastTrades(Protocol):
    """Trades that the desk did not hear."""

    async def trades(self, instrument: InstrumentId, first_id: int, last_id: int) -> Sequence[Trade]:
        """Those of the ids, inclusive, ascending, as far as they can be had. Raises VenueError."""
        ...


class ArmedRule(Struct, frozen=True):
    """A rule as people see it. `unknown`: nobody can know right now whether its condition holds."""

    name: str
    rule: AlertRule
    state: RuleState
    unknown: bool


class _Ear:
    """Hears one instrument's trades; those that come before the past is judged wait (rule 2)."""

    def __init__(self, instrument: InstrumentId, cursor: Cursor | None) -> None:
        self.instrument = instrument
        self.cursor = cursor
        self.waiting: list[TradeStreamItem] = []
        self.subscription: Subscription | None = None
        self.is_open = False


class Alerting:
    """All alerts of one source.

    Args:
        folder: of the journal alone, below the source's data folder.
        tell: hears level, code, subject and message of what goes wrong with it.
        told: hears each firing with its step and rule, when it is on the disk.
        past: where missed trades come from; None where nobody has them.
        scale: lots per unit of quantity.
    """

    def __init__(
        self,
        folder: Path,
        bus: Bus,
        clock: Clock,
        tell: Tell,
        told: Callable[[Fired, Step, AlertRule], None],
        *,
        past: PastTrades | None = None,
        scale: int = 10**8,
    ) -> None:
        self._folder = folder
        self._bus = bus
        self._clock = clock
        self._tell = tell
        self._told = told
        self._past = past
        self._watch = AlertWatch(self._report, self._broke, scale)
        self._rules: dict[str, AlertRule] = {}
        self._ears: dict[InstrumentId, _Ear] = {}
        self._steps: list[Step] = []
        self._kept: dict[InstrumentId, Cursor] = {}
        self._last_number = 0
        self._journal: Journal | None = None
        self._hurry = asyncio.Event()
        self._behind: asyncio.Queue[_Ear] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._refused = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alerts")

    # --- life

    async def start(self) -> None:
        """Arm what is kept. Raises StoreError: the journal cannot be used, and no alert is armed."""
        journal, kept, self._kept = await self._do(self._open)
        self._journal = journal
        numbers = [int(each.name[1:]) for each in kept if each.name[1:].isdecimal()]
        self._last_number = max(numbers, default=0)
        for each in kept:
            if each.removed is None:
                self._rules[each.name] = each.rule
                self._watch.arm(each.name, each.rule, each.state)
        for rule in self._rules.values():
            self._hear(rule)
        if journal.set_aside is not None:
            self._tell(
                "error", "alerts_set_aside", SUBJECT,
                f"the journal of alerts was damaged; it is set aside as {journal.set_aside.name}, and no rule is armed",
            )  # fmt: skip

    async def run(self) -> None:
        """Keep, tell and catch up, until cancelled; then it is closed."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_on())
                group.create_task(self._catch_up_on())
        finally:
            await asyncio.shield(self._close())

    async def _close(self) -> None:
        for ear in self._ears.values():
            if ear.subscription is not None:
                ear.subscription.close()
        await self.keep()
        if self._journal is not None:
            await self._do(self._journal.close)
        await asyncio.to_thread(self._thread.shutdown)

    # --- rules

    async def add(self, rules: Iterable[AlertRule]) -> list[str]:
        """Arm all of these, or none; their names.

        Raises:
            ConfigError: one makes no sense. StoreError: the disk refuses.
            NoDataYet: trades from before are still to be judged (rule 2), and would be judged for it, too (rule 3).
        """
        wanted = list(rules)
        now = self._clock.now_ns()
        for rule in wanted:
            check(rule, now)
            self._check_caught_up(rule)
        async with self._turn:
            names = [f"a{self._last_number + number}" for number in range(1, len(wanted) + 1)]
            named = dict(zip(names, wanted, strict=True))
            for name, rule in named.items():  # rule 3: at the trades that were judged by now
                self._watch.arm(name, rule)
            steps, cursors = self._take()
            new = {name: (rule, begin(rule)) for name, rule in named.items()}
            try:
                fired = await self._do(lambda: self._usable().add(new, now, steps, cursors))
            except StoreError:
                for name in names:
                    self._watch.disarm(name)
                self._steps = [step for step in steps + self._steps if step.rule not in new]
                raise
            self._rules.update(named)
            self._last_number += len(wanted)
            self._kept.update(cursors)
            self._say(fired, steps)
            for rule in wanted:
                self._hear(rule)
        return names

    def _check_caught_up(self, rule: AlertRule) -> None:
        for part in parts_of(rule.condition):
            ear = self._ears.get(InstrumentId(watched_by(part).about))
            if ear is not None and not ear.is_open:
                raise NoDataYet(
                    f"trades of {ear.instrument}",
                    "those since the desk was here last come first",
                    hint="arm it again when its first trade has come",
                )

    async def remove(self, name: str) -> None:
        """Arm it no longer; its journal stays. Raises ConfigError: no such rule. StoreError: the disk refuses."""
        if name not in self._rules:
            raise ConfigError(
                "alert", f"expected the name of an armed rule, found {name}", hint="bethna alerts list"
            )
        await self.keep()
        async with self._turn:
            at = self._clock.now_ns()
            await self._do(lambda: self._usable().remove(name, at))
            self._watch.disarm(name)
            self._rules.pop(name, None)
            self._steps = [step for step in self._steps if step.rule != name]

    def rules(self) -> list[ArmedRule]:
        """The armed rules, in the order of their arming."""
        states = self._watch.states()
        return [
            ArmedRule(name, rule, states[name], self._watch.is_unknown(name))
            for name, rule in self._rules.items()
        ]

    async def why(self, name: str, *, until: int | None = None, limit: int = 100) -> list[Step]:
        """The newest lines of a rule's journal up to an event time (ns UTC, inclusive), ascending."""
        await self.keep()
        return await self._do(lambda: self._usable().steps(name, until=until, limit=limit))

    async def firings(self, *, limit: int = 200) -> list[Fired]:
        """The newest firings of all rules, ascending."""
        await self.keep()
        return await self._do(lambda: self._usable().firings(limit=limit))

    # --- what comes in

    def pass_time(self, instrument: InstrumentId, known_until: int) -> None:
        """The trades of an instrument are known up to `known_until` (event time, ns UTC)."""
        ear = self._ears.get(instrument)
        if ear is not None and ear.is_open:
            self._watch.pass_time(instrument, known_until, self._clock.now_ns())

    def _hear(self, rule: AlertRule) -> None:
        for part in parts_of(rule.condition):
            watched = watched_by(part)
            instrument = InstrumentId(watched.about)
            if watched.kind not in BY_TRADES or instrument in self._ears:
                continue
            ear = self._ears[instrument] = _Ear(instrument, self._kept.get(instrument))
            if ear.cursor is None:
                self._open_ear(ear)
            else:
                ear.subscription = self._channel(ear, partial(self._wait, ear))

    def _wait(self, ear: _Ear, item: TradeStreamItem) -> None:
        """Rule 2: the first trade shows what was missed."""
        begun = any(isinstance(each, Trade) for each in ear.waiting)
        ear.waiting.append(item)
        if isinstance(item, Trade) and not begun:
            self._behind.put_nowait(ear)

    def _open_ear(self, ear: _Ear) -> None:
        if ear.subscription is not None:
            ear.subscription.close()
        ear.is_open = True
        ear.subscription = self._channel(ear, self._watch.listen(ear.instrument))

    def _channel(self, ear: _Ear, hear: Callable[[TradeStreamItem], None]) -> Subscription:
        return self._bus.channel("trades", ear.instrument).subscribe(hear, SUBJECT)

    async def _catch_up_on(self) -> None:
        while True:
            await self._catch_up(await self._behind.get())

    async def _catch_up(self, ear: _Ear) -> None:
        """Rule 2."""
        cursor, first = ear.cursor, next(each for each in ear.waiting if isinstance(each, Trade))
        assert cursor is not None
        hear, instrument, now = self._watch.listen(ear.instrument), ear.instrument, self._clock.now_ns()
        missing = range(cursor.trade_id + 1, first.trade_id)
        if UNNUMBERED in (first.trade_id, cursor.trade_id):
            hear(GapMarked(instrument, Gap("trades", None, None, cursor.ts_event, first.ts_event), now))
        elif first.trade_id <= cursor.trade_id:
            at = cursor.trade_id + 1
            hear(
                GapMarked(
                    instrument, Gap("trades", at, at, cursor.ts_event, first.ts_event, "renumbered"), now
                )
            )
        elif missing:
            gap = Gap("trades", missing[0], missing[-1], cursor.ts_event, first.ts_event)
            hear(GapFound(instrument, gap, now))
            found = await self._missed(instrument, missing)
            for trade in found:
                hear(trade)
            if len(found) == len(missing):
                hear(Healed(instrument, gap, len(found), now))
            else:
                left = Gap(
                    "trades", missing[len(found)], missing[-1], cursor.ts_event, first.ts_event, "heal_failed"
                )
                hear(GapMarked(instrument, left, now))
        for item in ear.waiting:
            hear(item)
        ear.waiting.clear()
        self._open_ear(ear)

    async def _missed(self, instrument: InstrumentId, missing: range) -> list[Trade]:
        """Those of the missing trades that follow each other from the first on."""
        found: Sequence[Trade] = ()
        if self._past is not None:
            try:
                async with asyncio.timeout(CATCH_UP_S):
                    found = await self._past.trades(instrument, missing[0], missing[-1])
            except (BethnaError, TimeoutError) as error:
                self._tell(
                    "warning",
                    "alerts_missed",
                    instrument,
                    f"trades since the desk was here last could not be had: {error}",
                )
        return [trade for trade, number in zip(found, missing, strict=False) if trade.trade_id == number]

    # --- what is kept and told

    def _report(self, step: Step) -> None:
        self._steps.append(step)
        if step.outcome is Outcome.FIRED:
            self._hurry.set()

    def _take(self) -> tuple[list[Step], dict[InstrumentId, Cursor]]:
        """What was judged and is not on the disk: steps and cursors of one and the same moment (rule 1)."""
        steps, self._steps = self._steps, []
        cursors = {}
        for instrument, ear in self._ears.items():
            last = self._watch.watch(instrument).last
            if ear.is_open and last is not None:
                cursor = Cursor(last.trade_id, last.ts_event)
                if cursor != self._kept.get(instrument):
                    cursors[instrument] = cursor
        return steps, cursors

    async def _keep_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            self._hurry.clear()
            await self.keep()

    async def keep(self) -> None:
        """Put what was judged on the disk, and tell what fired (rules 1 and 4)."""
        async with self._turn:
            steps, cursors = self._take()
            if not steps and not cursors:
                return
            now = self._clock.now_ns()
            try:
                fired = await self._do(lambda: self._usable().commit(steps, cursors, now))
            except StoreError as error:
                self._steps = steps + self._steps
                self._not_kept(error)
                return
            self._kept.update(cursors)
            if self._refused:
                self._refused = False
                self._tell("info", "alerts_kept_again", SUBJECT, "alerts are kept on disk again")
            self._say(fired, steps)

    def _say(self, fired: Sequence[Fired], steps: Sequence[Step]) -> None:
        lines: Mapping[tuple[str, int], Step] = {(step.rule, step.number): step for step in steps}
        for each in fired:
            rule = self._rules.get(each.rule)
            if rule is not None:
                self._told(each, lines[each.rule, each.number], rule)

    def _not_kept(self, error: StoreError) -> None:
        """Rule 4."""
        if not self._refused:
            self._refused = True
            self._tell("error", "alerts_not_kept", SUBJECT, f"{error.message}. {error.hint}".strip())
        if len(self._steps) > MOST_STEPS:
            for ear in self._ears.values():
                if ear.subscription is not None:
                    ear.subscription.close()
                ear.is_open = False
            self._steps.clear()
            self._tell(
                "error",
                "alerts_stopped",
                SUBJECT,
                "no alert is judged any more: what fires cannot be kept; start anew",
            )

    def _broke(self, instrument: InstrumentId, error: Exception) -> None:
        self._tell(
            "error",
            "alerts_broken",
            instrument,
            f"its alerts are judged no more, by a fault of ours: {error!r}",
        )

    # --- in the journal's thread

    def _open(self) -> tuple[Journal, list[KeptRule], dict[InstrumentId, Cursor]]:
        from bethna.store.alerts.journal import Journal

        journal = Journal(self._folder)
        return journal, journal.rules(removed=True), journal.cursors()

    def _usable(self) -> Journal:
        if self._journal is None:
            raise StoreError("expected the journal of alerts, found it closed", hint="start the desk")
        return self._journal

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
