"""The journal of alerts: a step, the state after it, the firing and the cursor are one transaction.

It evaluates nothing. Whoever is killed goes on from what was committed: the trades from the cursors on are judged
again, from the states that belong to them, and say the same again.

Rules
  1. What is committed together was judged together: a state is never of another trade than its instrument's cursor.
  2. A step's number follows the one before it; a firing's counts up. A second writer, or the same step twice, is an
     error and changes nothing.
  3. A rule that is removed keeps its journal: `why` outlives it.
  4. What is to be told outward is made with its firing, in one transaction: one delivery a channel that the rule names;
     PUSH where it names none and a browser wants to be pushed to. PAGE is no delivery: the page has everything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from bethna.core.alert_views import DeliveryState
from bethna.core.alerts import TELLING, AlertRule, OpenGap, Outcome, RuleState, Step
from bethna.core.errors import StoreError
from bethna.core.market import InstrumentId
from bethna.store.alerts.facts import FILE, PAGE, PUSH, Cursor, Fired, KeptRule
from bethna.store.alerts.tables import CURSORS, DELIVERIES, FACTS, FIRINGS, PUSHES, RULES, STEPS
from bethna.store.database import DatabaseDamaged, Purpose, connect, explained, set_aside
from bethna.store.folder import take_patiently

LOCK_FILE = "alerts.lock"
_NAME, _CLOSED = "name", "closed"
PURPOSE = Purpose("bethna.store.alerts", "the journal of alerts", "keep alerts", "nothing that fires is told")

T = TypeVar("T")

_rule = msgspec.json.Decoder(AlertRule)
_state = msgspec.json.Decoder(RuleState)
_step = msgspec.json.Decoder(Step)
_gaps = msgspec.json.Decoder(tuple[OpenGap, ...])


class Journal:
    """The journal of one source's alerts, by one writer. Not for the loop: every call waits for the disk.

    Args:
        outward: whether deliveries wait to be sent; else they are made as OFF.

    Attributes:
        name: its own for good, before each key of its alerts.
        was_closed: whether it was closed in order the last time; None for a new one.

    Raises:
        StoreError: the folder cannot be used; the message says why and what to do.
    """

    def __init__(self, folder: Path, *, outward: bool = True) -> None:
        self._path = folder / FILE
        self._outward = outward
        self._gaps: dict[InstrumentId, tuple[OpenGap, ...]] = {}
        self.set_aside: Path | None = None
        self._lock: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_lock(folder)
            self._open = self._connect()
            try:
                self._begin()
            except BaseException:
                self._open.close()
                raise
        except BaseException as error:
            self._let_go()
            if not isinstance(error, OSError):
                raise
            raise StoreError(
                f"expected a folder for alerts at {folder}, found: {error.strerror}",
                hint="make room, or look whether the folder can be written",
            ) from error

    def _begin(self) -> None:
        self.name = self._facts().get(_NAME, "")
        self.was_closed = {"yes": True, "no": False}.get(self._facts().get(_CLOSED, ""))
        if not self.name:
            self.name = uuid4().hex
            self._note(_NAME, self.name)
        self._note(_CLOSED, "no")
        self.cursors()  # what stands in their gaps

    def _take_lock(self, folder: Path) -> None:
        """One writer at a time, by a lock of the operating system that dies with its process. Raises StoreError."""
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        if not take_patiently(lock):
            os.close(lock)
            raise StoreError(
                f"expected a journal of alerts that nobody else writes, found another desk at {folder}",
                hint="attach to that desk, or close it",
            )
        self._lock = lock

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _connect(self) -> Connection:
        try:
            return connect(self._path, PURPOSE)
        except DatabaseDamaged:
            self.set_aside = set_aside(self._path)
            return connect(self._path, PURPOSE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database, in order."""
        if not self._open.closed:
            with suppress(StoreError):  # the disk is full: then it was not closed in order
                self._note(_CLOSED, "yes")
        self._open.close()
        self._let_go()

    def work(self, ask: Callable[[Connection], T]) -> T:
        """One transaction of somebody else's over the same database. Raises StoreError: nothing of it is kept."""
        try:
            with self._open.begin():
                return ask(self._open)
        except DBAPIError as error:
            raise self._said(error) from error

    def _facts(self) -> dict[str, str]:
        return {row.name: row.value for row in self._read(select(FACTS))}

    def _note(self, name: str, value: str) -> None:
        def put(connection: Connection) -> None:
            connection.execute(delete(FACTS).where(FACTS.c.name == name))
            connection.execute(insert(FACTS).values(name=name, value=value))

        self.work(put)

    # --- writing

    def add(
        self,
        rules: Mapping[str, tuple[AlertRule, RuleState]],
        armed: int,
        steps: Iterable[Step] = (),
        cursors: Mapping[InstrumentId, Cursor] | None = None,
    ) -> list[Fired]:
        """All of these rules, or none, with what was judged up to then (rule 1); the firings among the steps.

        Raises:
            StoreError: a name is taken, or the disk refuses.
        """
        rows: list[dict[str, object]] = [
            {
                "name": name, "version": 1, "rule": _text(rule), "state": _text(state), "armed": armed, "removed": None,
            }
            for name, (rule, state) in rules.items()
        ]  # fmt: skip
        return self._write(rows, list(steps), cursors or {}, armed)

    def remove(self, names: Sequence[str], at: int) -> None:
        """Rules are armed no longer (rule 3): all of these, or none; those that are not armed are passed over."""
        gone = (
            update(RULES)
            .where(RULES.c.name == bindparam("gone"), RULES.c.removed.is_(None))
            .values(removed=at)
        )
        self.work(lambda connection: connection.execute(gone, [{"gone": name} for name in names]))

    def edit(
        self,
        name: str,
        rule: AlertRule,
        state: RuleState,
        armed: int,
        steps: Iterable[Step],
        cursors: Mapping[InstrumentId, Cursor],
        *,
        edited: bool,
    ) -> list[Fired]:
        """Another rule, or state, under the name of one, with what was judged up to then (rule 1).

        Args:
            edited: it is a version further.

        Raises:
            StoreError: nothing of it is kept.
        """  # fmt: skip

        def change(connection: Connection) -> None:
            connection.execute(
                update(RULES)
                .where(RULES.c.name == name)
                .values(
                    rule=_text(rule), state=_text(state), armed=armed, version=RULES.c.version + int(edited)
                )
            )

        return self._write([], list(steps), cursors, armed, change)

    def begin_anew(self, states: Mapping[str, RuleState]) -> None:
        """The world begins again: what it told is told again, under a name of its own, and the rules stand so.

        Raises:
            StoreError: nothing of it is kept.
        """
        self.name = uuid4().hex

        def put(connection: Connection) -> None:
            for table in (CURSORS, STEPS, FIRINGS, DELIVERIES):
                connection.execute(delete(table))
            connection.execute(update(FACTS).where(FACTS.c.name == _NAME).values(value=self.name))
            for name, state in states.items():
                connection.execute(update(RULES).where(RULES.c.name == name).values(state=_text(state)))

        self.work(put)
        self._gaps.clear()

    def commit(self, steps: Iterable[Step], cursors: Mapping[InstrumentId, Cursor], told: int) -> list[Fired]:
        """Steps in their order, with how far was judged (rule 1); the firings among them.

        Args:
            told: ns UTC by the desk's clock.

        Raises:
            StoreError: nothing of it is kept (rule 2).
        """
        return self._write([], list(steps), cursors, told)

    def _write(
        self,
        rules: list[dict[str, object]],
        steps: list[Step],
        cursors: Mapping[InstrumentId, Cursor],
        told: int,
        before: Callable[[Connection], None] = lambda _: None,
    ) -> list[Fired]:
        """One transaction."""
        fired = [
            Fired(step.rule, step.after.firings, step.number, step.fired, told, step.moment.late)
            for step in steps
            if step.outcome in TELLING and step.fired is not None
        ]
        states = {step.rule: step.after for step in steps}
        lines = [
            {
                "rule": step.rule, "number": step.number, "outcome": str(step.outcome),
                "ts_event": step.moment.ts_event, "step": _text(step),
            }
            for step in steps
        ]  # fmt: skip

        def put(connection: Connection) -> None:
            before(connection)
            for table, rows in ((RULES, rules), (STEPS, lines)):
                if rows:
                    connection.execute(insert(table), rows)
            if fired:
                self._put_firings(connection, fired)
            for name, state in states.items():
                connection.execute(update(RULES).where(RULES.c.name == name).values(state=_text(state)))
            for instrument, cursor in cursors.items():
                self._put_cursor(instrument, cursor)

        self.work(put)
        self._gaps.update((instrument, cursor.gaps) for instrument, cursor in cursors.items())
        return fired

    def _put_firings(self, connection: Connection, fired: list[Fired]) -> None:
        """Rule 4."""
        asked = select(RULES.c.name, RULES.c.rule).where(RULES.c.name.in_({each.rule for each in fired}))
        texts = {row.name: row.rule for row in connection.execute(asked)}
        rules = {name: _rule.decode(text) for name, text in texts.items()}
        pushed = connection.execute(select(func.count()).select_from(PUSHES)).scalar_one() > 0
        rows = [{**msgspec.to_builtins(each), "rule_was": texts.get(each.rule)} for each in fired]
        connection.execute(insert(FIRINGS), rows)
        state = DeliveryState.WAITING if self._outward else DeliveryState.OFF
        outbox = [
            {
                "rule": each.rule, "firing": each.firing, "channel": channel, "state": str(state), "attempts": 0,
                "error": "", "together": 1, "instead_of": "",
            }
            for each in fired
            for channel in _channels(rules.get(each.rule), pushed)
        ]  # fmt: skip
        if outbox:
            connection.execute(insert(DELIVERIES), outbox)

    def _put_cursor(self, instrument: InstrumentId, cursor: Cursor) -> None:
        values: dict[str, object] = {"trade_id": cursor.trade_id, "ts_event": cursor.ts_event}
        if cursor.gaps != self._gaps.get(instrument, ()):  # they are large, and change seldom
            values["gaps"] = msgspec.json.encode(cursor.gaps).decode() if cursor.gaps else None
        known = update(CURSORS).where(CURSORS.c.instrument == instrument).values(**values)
        if not self._open.execute(known).rowcount:
            self._open.execute(insert(CURSORS).values(instrument=instrument, **values))

    # --- reading

    def rules(self, *, removed: bool = False) -> list[KeptRule]:
        """The rules that are armed, or all there ever were, in the order of their names."""
        asked = select(RULES).order_by(RULES.c.name)
        rows = self._read(asked if removed else asked.where(RULES.c.removed.is_(None)))
        return [
            KeptRule(
                row.name,
                row.version,
                _rule.decode(row.rule),
                _state.decode(row.state),
                row.armed,
                row.removed,
            )
            for row in rows
        ]

    def cursors(self) -> dict[InstrumentId, Cursor]:
        """How far each instrument has been judged."""
        found = {
            InstrumentId(row.instrument): Cursor(
                row.trade_id, row.ts_event, () if row.gaps is None else _gaps.decode(row.gaps)
            )
            for row in self._read(select(CURSORS))
        }
        self._gaps = {name: cursor.gaps for name, cursor in found.items()}
        return found

    def steps(
        self, rule: str, *, until: int | None = None, after: int | None = None, limit: int = 100
    ) -> list[Step]:
        """Lines of a rule's journal, ascending.

        Args:
            until: the newest up to this event time (ns UTC, inclusive). after: the first after it, instead.
        """
        asked = select(STEPS.c.step).where(STEPS.c.rule == rule)
        if after is not None:
            rows = self._read(asked.where(STEPS.c.ts_event > after).order_by(STEPS.c.number).limit(limit))
            return [_step.decode(row.step) for row in rows]
        if until is not None:
            asked = asked.where(STEPS.c.ts_event <= until)
        rows = self._read(asked.order_by(STEPS.c.number.desc()).limit(limit))
        return [_step.decode(row.step) for row in reversed(rows)]

    def alerts_since(self, states: Mapping[str, RuleState]) -> list[Step]:
        """What rules told since they stood so, and when that was (FIRED and DATED), in the order of the lines."""
        told = (str(Outcome.FIRED), str(Outcome.DATED))
        found: list[Step] = []
        for name, state in states.items():
            asked = select(STEPS.c.step).where(
                STEPS.c.rule == name, STEPS.c.number > state.steps, STEPS.c.outcome.in_(told)
            )
            found += [_step.decode(row.step) for row in self._read(asked.order_by(STEPS.c.number))]
        return found

    def firings(self, *, limit: int = 200) -> list[Fired]:
        """The newest firings of all rules, in the order in which they were told, ascending."""
        line = FIRINGS.c
        newest = (line.told.desc(), line.fired.desc(), line.rule.desc(), line.firing.desc())
        asked = select(FIRINGS).order_by(*newest)
        rows = self._read(asked.limit(limit))
        return [
            Fired(
                row.rule, row.firing, row.number, row.fired, row.told, bool(row.late), row.read, row.cleared
            )
            for row in reversed(rows)
        ]

    # --- inside

    def _read(self, asked: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with self._open.begin():
                return self._open.execute(asked).all()
        except DBAPIError as error:
            raise self._said(error) from error

    def _said(self, error: DBAPIError) -> Exception:
        if isinstance(error, IntegrityError):  # rule 2
            return StoreError(
                f"expected lines that follow the journal of alerts at {self._path}, found ones that are there already",
                hint="close the other desk that uses this data folder",
            )
        found = explained(error, self._path, PURPOSE)
        if isinstance(found, DatabaseDamaged):
            return StoreError(
                f"expected the journal of alerts, found it damaged: {self._path}",
                hint="start the desk again: it sets the file aside and begins a new one",
            )
        return found


def _channels(rule: AlertRule | None, pushed: bool) -> list[str]:
    """Rule 4."""
    if rule is None:
        return []
    if not rule.channels:
        return [PUSH] if pushed else []
    return [each for each in rule.channels if each != PAGE]


def _text(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
