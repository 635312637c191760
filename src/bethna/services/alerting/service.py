"""The alerts of one desk: judged as trades leave the feeds, kept, and only then told. It delivers nothing.

Rules
  1. Trades are heard on the bus at once and in order. What comes of them is put on the disk with how far was judged, in
     one transaction, by one thread, every FLUSH_S and at once where something fired. Nothing is told before that.
  2. At the start the trades since an instrument's cursor come first (`ears`).
  3. A rule is on the disk, with how far was judged when it was armed, before whoever armed it hears so: no trade from
     before is judged for it, whenever the desk ends. The same holds for one that is edited, paused or taken up again:
     it is armed at the last price, its journal and the numbers of its firings go on.
  4. While the disk refuses, that is told once, and steps wait. Beyond MOST_STEPS nothing is judged any more, which is
     told, too: the next start begins where the disk stands.
  5. A recording that was closed in order begins anew, and with it its rules, those that had fired once included, and
     their journal; one that was killed goes on where the disk stands.
  6. Two who edit the same version: the second is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.alerts import TELLING, AlertRule, Doubt, Moment, Outcome, Phase, RuleState, Step
from bethna.core.clock import Clock
from bethna.core.errors import AlertChanged, StoreError, UnknownAlert
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.machine import begin, parts_of
from bethna.logic.alerts.rules import BY_TRADES, check, waits_for, watched_by
from bethna.logic.alerts.saying import say
from bethna.runtime.bus import Bus
from bethna.services.alerting.ears import SUBJECT, Ears, PastTrades, Tell
from bethna.services.alerting.ended import to_its_end
from bethna.services.alerting.kept import SinceGaps, anew, by_number, since_gaps
from bethna.store import alerts as journals
from bethna.store.alerts.facts import FILE, Cursor, Fired, KeptRule

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bethna.store.alerts.journal import Journal

FLUSH_S = 0.5
MOST_STEPS = 100_000
T = TypeVar("T")
Told = Callable[[Sequence[tuple[Fired, Step, AlertRule]], frozenset[str]], None]


class ArmedRule(Struct, frozen=True):
    """A rule as it stands. `unknown`: nobody can know right now whether its condition holds."""

    name: str
    version: int
    armed: int
    rule: AlertRule
    state: RuleState
    unknown: bool


class _Held(Struct, frozen=True):
    rule: AlertRule
    version: int
    armed: int


class Alerting:
    """All alerts of one source.

    Args:
        folder: of the journal alone, below the source's data folder.
        tell: hears level, code, subject and message of what goes wrong with it.
        told: hears the alerts that are on the disk now, with step and rule, and the names of all rules that changed.
        past: where missed trades come from; None where nobody has them. recent: an instrument's
            newest, ascending.
        scale: lots per unit of quantity.
        repeats: the source is a recording (rule 5). outward: whether deliveries are to be sent (`Journal`).
        allow: raises LimitReached when these rules are too many; hears those that are armed and the new ones.
    """

    def __init__(
        self,
        folder: Path,
        bus: Bus,
        clock: Clock,
        tell: Tell,
        told: Told,
        *,
        past: PastTrades | None = None,
        recent: Callable[[InstrumentId], Sequence[Trade]] = lambda _: (),
        scale: int = 10**8,
        repeats: bool = False,
        outward: bool = True,
        allow: Callable[[Sequence[AlertRule], Sequence[AlertRule]], None] = lambda _armed, _new: None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._told = told
        self._repeats = repeats
        self._outward = outward
        self._allow = allow
        self._recent = recent
        self.watch = AlertWatch(self._report, self._broke, scale)
        self.ears = Ears(
            bus, self.watch, clock, tell, past,
            last=lambda each: next(reversed(recent(each)), None), repeats=repeats,
        )  # fmt: skip
        self._rules: dict[str, _Held] = {}
        self._steps: list[Step] = []
        self._kept: dict[InstrumentId, Cursor] = {}
        self._last_number = 0
        self._journal: Journal | None = None
        self._begun = False
        self.there = asyncio.Event()
        self._hurry = asyncio.Event()
        self._turn = asyncio.Lock()
        self._refused = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alerts")

    # --- life

    @property
    def journal_name(self) -> str:
        """The journal's own, before each key of its alerts; empty while there is none."""
        return "" if self._journal is None else self._journal.name

    async def start(self) -> None:
        """Arm what is kept; a journal is made when there is something to keep.

        Raises:
            StoreError: the journal cannot be used, and no alert is armed.
        """
        self._begun = True
        found = await self.in_thread(self._open)
        if found is None:
            return
        journal, kept, self._kept, self.ears.since_gaps = found
        self._last_number = max((by_number(each)[0] for each in kept), default=0)
        for each in sorted(kept, key=by_number):
            if each.removed is None:
                self._rules[each.name] = _Held(each.rule, each.version, each.armed)
                self.watch.arm(each.name, each.rule, each.state)
        for held in self._rules.values():
            self._hear(held.rule, self._kept)
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
                group.create_task(self.ears.run())
        finally:
            await asyncio.shield(self.close())

    async def close(self) -> None:
        """Keep what was judged, and let the journal go. `run` does so by itself."""
        self.ears.close()
        await self.keep()
        self._begun, journal = False, self._journal  # from here on nobody makes another one
        if journal is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, journal.close)
        await asyncio.to_thread(self._thread.shutdown)

    # --- rules

    @to_its_end
    async def add(self, rules: Iterable[AlertRule]) -> list[str]:
        """Arm all of these, or none; their names.

        Raises:
            ConfigError: one makes no sense. StoreError: the disk refuses. LimitReached: they are too many.
            NoDataYet: trades from before are still to be judged, and would be judged for it, too (rule 3).
        """
        wanted = list(rules)
        now = self._clock.now_ns()
        for rule in wanted:
            check(rule, now)
            self.ears.check_caught_up(rule)
        async with self._turn:
            self._allow(self._active(), wanted)
            named = {f"a{self._last_number + number}": rule for number, rule in enumerate(wanted, 1)}
            names = list(named)
            for name, rule in named.items():  # rule 3: at the trades that were judged by now
                self._hear(rule)
                self.watch.arm(name, rule)
            steps, cursors = self._take()
            new = {name: (rule, begin(rule)) for name, rule in named.items()}
            try:
                fired = await self.in_thread(lambda: self._usable().add(new, now, steps, cursors))
            except StoreError:
                for name in names:
                    self.watch.disarm(name)
                self._steps = [step for step in steps + self._steps if step.rule not in new]
                raise
            self._rules.update({name: _Held(rule, 1, now) for name, rule in named.items()})
            self._last_number += len(wanted)
            self._kept.update(cursors)
            self._say(fired, steps, names)
        return names

    @to_its_end
    async def edit(self, name: str, rule: AlertRule, version: int) -> None:
        """Another rule in its place. Raises AlertChanged: it is of another version (rule 6). And what `add` raises."""
        now = self._clock.now_ns()
        check(rule, now)
        self.ears.check_caught_up(rule)
        async with self._turn:
            held, state = self._held(name), self.watch.state(name)
            if held.version != version:
                raise AlertChanged(name, version, held.version, say(held.rule))
            self._allow([each for each in self._active() if each is not held.rule], [rule])
            fresh = replace(begin(rule), firings=state.firings)
            await self._rearm(name, _Held(rule, held.version + 1, now), Outcome.EDITED, fresh)

    @to_its_end
    async def pause(self, name: str, *, paused: bool) -> None:
        """Judge it no longer, or again (rule 3); fine if it is so already."""
        async with self._turn:
            held, state = self._held(name), self.watch.state(name)
            if (state.phase is Phase.PAUSED) is paused:
                return
            if paused:
                after = replace(state, phase=Phase.PAUSED, since=None, due=None)
                await self._rearm(name, held, Outcome.PAUSED, after)
                return
            check(held.rule, self._clock.now_ns())
            self.ears.check_caught_up(held.rule)
            self._allow(self._active(), [held.rule])
            after = replace(begin(held.rule), firings=state.firings, last_fired=state.last_fired)
            await self._rearm(name, held, Outcome.RESUMED, after)

    async def _rearm(self, name: str, held: _Held, outcome: Outcome, after: RuleState) -> None:
        """Rule 3, for a rule that goes on as another, or from another state."""
        before_rule = self._rules[name]
        before = self.watch.state(name)
        after = replace(after, steps=before.steps + 1)
        now = self._clock.now_ns()
        self._report(Step(name, after.steps, outcome, None, Moment(now, now, None, 0.0), before, after))
        self._hear(held.rule)
        self.watch.arm(name, held.rule, after)
        steps, cursors = self._take()
        state = self.watch.state(name)
        try:
            fired = await self.in_thread(
                lambda: self._usable().edit(
                    name, held.rule, state, held.armed, steps, cursors, edited=outcome is Outcome.EDITED
                )
            )
        except StoreError:
            self.watch.arm(name, before_rule.rule, before)
            self._steps = [step for step in steps if step.rule != name or step.number <= before.steps]
            raise
        self._rules[name] = held
        self._kept.update(cursors)
        self._say(fired, steps, [name])

    @to_its_end
    async def remove(self, *names: str) -> None:
        """Arm them no longer, all or none; their journal stays. Raises UnknownAlert. StoreError: the disk refuses."""
        gone = frozenset(names)
        for name in names:
            self._held(name)
        await self.keep()
        async with self._turn:
            for name in names:
                self._held(name)
            at = self._clock.now_ns()
            await self.in_thread(lambda: self._usable().remove(sorted(gone), at))
            for name in gone:
                self.watch.disarm(name)
                del self._rules[name]
            self._steps = [step for step in self._steps if step.rule not in gone]
            self._told((), gone)

    def rules(self) -> list[ArmedRule]:
        """The armed rules, in the order of their arming."""
        return [self.rule(name) for name in self._rules]

    def rule(self, name: str) -> ArmedRule:
        """One of them. Raises UnknownAlert."""
        held, watch = self._held(name), self.watch
        return ArmedRule(name, held.version, held.armed, held.rule, watch.state(name), watch.is_unknown(name))

    def doubted(self) -> set[str]:
        """The names of rules that nobody can know of now, and that ask to be told so."""
        return {
            name
            for name, held in self._rules.items()
            if held.rule.doubt is Doubt.TELL
            and self.watch.is_unknown(name)
            and not waits_for(held.rule.condition)
        }

    def _held(self, name: str) -> _Held:
        held = self._rules.get(name)
        if held is None:
            raise UnknownAlert(name)
        return held

    def _active(self) -> list[AlertRule]:
        return [each.rule for each in self.rules() if each.state.phase is Phase.ACTIVE]

    def _hear(self, rule: AlertRule, cursors: Mapping[InstrumentId, Cursor] | None = None) -> None:
        """A rule that was kept is judged from its cursors on, one that is armed now by what comes from now on."""
        for part in parts_of(rule.condition):
            watched = watched_by(part)
            if watched.kind in BY_TRADES:
                instrument = InstrumentId(watched.about)
                self.ears.hear(instrument, None if cursors is None else cursors.get(instrument))
                if cursors is None and watched.window_ns:
                    self.watch.watch(instrument).remember(self._recent(instrument))

    # --- the journal

    async def why(
        self, name: str, *, until: int | None = None, after: int | None = None, limit: int = 100
    ) -> list[Step]:
        """Lines of a rule's journal, ascending: the newest up to an event time, or the first after one (ns UTC)."""
        await self.keep()
        return await self.in_thread(lambda: self._usable().steps(name, until=until, after=after, limit=limit))

    async def firings(self, limit: int = 200) -> list[Fired]:
        """The newest firings of all rules, ascending."""
        await self.keep()
        return await self.in_thread(lambda: self._usable().firings(limit=limit))

    async def work(self, ask: Callable[[Connection], T]) -> T:
        """One transaction over the journal's database, in its thread. Raises StoreError."""
        return await self.in_thread(lambda: self._usable().work(ask))

    # --- time, and doubt

    def pass_time(self, instrument: InstrumentId, known_until: int) -> None:
        """The trades of an instrument are known up to then (event time, ns UTC)."""
        self.watch.pass_time(instrument, known_until, self._clock.now_ns())

    def tell_unknown(self, name: str, since: int) -> None:
        """Nobody can know since `since` (event time, ns UTC) whether a rule holds, and it asked to be told."""
        state = self.watch.state(name)
        now = self._clock.now_ns()
        after = replace(state, steps=state.steps + 1, firings=state.firings + 1)
        moment = Moment(since, now, None, 0.0, self.watch.doubt_of(name), after_gap=True)
        self.watch.put_state(name, after)
        self._report(Step(name, after.steps, Outcome.UNKNOWN, None, moment, state, after, since))

    # --- what is kept and told

    def _report(self, step: Step) -> None:
        self._steps.append(step)
        if step.outcome in TELLING:
            self._hurry.set()

    def _take(self) -> tuple[list[Step], dict[InstrumentId, Cursor]]:
        """What was judged and is not on the disk: steps and cursors of one and the same moment (rule 1)."""
        steps, self._steps = self._steps, []
        return steps, self.ears.cursors(self._kept)

    async def _keep_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._hurry.wait()
            self._hurry.clear()
            await self.keep()

    @to_its_end
    async def keep(self) -> None:
        """Put what was judged on the disk, and tell what fired (rules 1 and 4)."""
        async with self._turn:
            steps, cursors = self._take()
            if not steps and not cursors:
                return
            now = self._clock.now_ns()
            try:
                fired = await self.in_thread(lambda: self._usable().commit(steps, cursors, now))
            except StoreError as error:
                self._steps = steps + self._steps
                self._not_kept(error)
                return
            self._kept.update(cursors)
            if self._refused:
                self._tell("info", "alerts_kept_again", SUBJECT, "alerts are kept on disk again")
            self._refused = False
            self._say(fired, steps)

    def _say(self, fired: Sequence[Fired], steps: Sequence[Step], changed: Iterable[str] = ()) -> None:
        lines = {(step.rule, step.number): step for step in steps}
        told = [
            (each, lines[each.rule, each.number], self._rules[each.rule].rule)
            for each in fired
            if each.rule in self._rules
        ]
        names = {step.rule for step in steps} | set(changed)
        self._told(told, frozenset(names))

    def _not_kept(self, error: StoreError) -> None:
        """Rule 4."""
        if not self._refused:
            self._tell("error", "alerts_not_kept", SUBJECT, f"{error.message}. {error.hint}".strip())
        self._refused = True
        if len(self._steps) > MOST_STEPS:
            self.ears.stop()
            self._steps.clear()
            said = "no alert is judged any more: what fires cannot be kept; start anew"
            self._tell("error", "alerts_stopped", SUBJECT, said)

    def _broke(self, instrument: InstrumentId, error: Exception) -> None:
        said = f"its alerts are judged no more, by a fault of ours: {error!r}"
        self._tell("error", "alerts_broken", instrument, said)

    # --- in the journal's thread

    def _open(self) -> tuple[Journal, list[KeptRule], dict[InstrumentId, Cursor], SinceGaps] | None:
        if not (self._folder / FILE).exists():
            return None
        journal = self._usable()
        kept = journal.rules(removed=True)
        if self._repeats and journal.was_closed:  # rule 5
            kept = [replace(each, state=anew(each)) for each in kept]
            journal.begin_anew({each.name: each.state for each in kept})
        cursors = journal.cursors()
        return journal, kept, cursors, since_gaps(journal, cursors)

    def _usable(self) -> Journal:
        """The journal, made when there is none yet."""
        if self._journal is None:
            self._journal = journals.journal.Journal(self._folder, outward=self._outward)
        return self._journal

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work in the journal's thread. Raises StoreError: it is closed."""
        if not self._begun:
            raise StoreError("expected the journal of alerts, found it closed", hint="start the desk")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            if self._journal is not None:
                self.there.set()
