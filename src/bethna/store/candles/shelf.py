"""The store of closed candles: put, read, fold into segments, let go; it asks no source, and lives in one thread.

Rules
  1. What was put is there after a crash: a bar is committed to the tail first. Where a part of the calendar is full, or
     its tail is FOLD_ROWS long, it is folded into the part's segment.
  2. A fold is whole or has not been: the new file is on the disk before one transaction puts it into the list and takes
     its bars from the tail; the old file goes last. What a killed fold left is cleared away at the next start.
  3. A bar whose figures give way to others gets the next revision, and the journal says what it was. A bar that the
     desk saw itself from end to end stays, whatever a venue says of it.
  4. Open and unknown bars are not kept: they change, and their source may know later.
  5. A segment that is not what was written is set aside, and its bars are asked for again; so is a database. Both are
     told. The list is made anew from the segments, which say themselves what they hold.
  6. One writer at a time, by a lock of the operating system that dies with its process. Whoever comes second goes on
     without, and tries again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from alembic.util import CommandError
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, delete, func, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import State
from bethna.core.errors import StoreError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.store.candles import segment
from bethna.store.candles.parts import SUFFIX, Part, folder_of, most_in, part_of
from bethna.store.candles.segment import COLUMNS, FIGURES, About, Damaged
from bethna.store.candles.tables import BARS, REVISIONS, SEGMENTS
from bethna.store.database import DatabaseDamaged, Purpose, connect, explained, set_aside
from bethna.store.folder import take_patiently

FOLD_ROWS = 10_000
LIVE = "live"
FILE = "candles.sqlite"
PURPOSE = Purpose(
    "bethna.store.candles", "the store of candles", "keep candles", "the desk goes on and keeps no candles"
)
LOCK_FILE = "candles.lock"
_PROVED = (State.COMPLETE, State.HEALED)


class Kept(Struct, frozen=True):
    """What became of bars that were put: new ones, and those that took another's place."""

    new: int
    revised: int


class CandleShelf:
    """The candles of one source, in one folder. All methods belong to one thread; all raise StoreError.

    Args:
        folder: of its own; nobody else writes there (the data folder's lock sees to that).
        now: ns UTC, for the journal.
        tell: hears in words of what was set aside.
    """

    def __init__(self, folder: Path, now: Callable[[], int], tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._now = now
        self._tell = tell
        self._open: Connection | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Open the database and clear up after a killed writer (rules 2 and 5)."""
        with self._explaining():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            try:
                self._connect()
                self._match_files()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the database; what was put stays."""
        if self._open is not None:
            self._open.close()
            self._open = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def put(self, bars: Iterable[Bar]) -> Kept:
        """Keep bars (rules 1, 3 and 4)."""
        closed = sorted(
            (bar for bar in bars if bar.closed and bar.kind is not BarKind.UNKNOWN),
            key=lambda bar: (bar.instrument, bar.interval, bar.open_time),
        )
        new = revised = 0
        with self._explaining():
            for (instrument, interval), group in groupby(
                closed, key=lambda bar: (bar.instrument, bar.interval)
            ):
                fresh, others = self._put(instrument, interval, list(group))
                new, revised = new + fresh, revised + others
        return Kept(new, revised)

    def bars(self, instrument: InstrumentId, interval: Interval, start: int, end: int) -> list[Bar]:
        """What is kept of [start, end), by opening, ascending; ns UTC."""
        with self._explaining():
            rows = segment.rows_of(self._table(instrument, interval, start, end))
        return list(segment.bars_of(instrument, interval, rows))

    def frame(self, instrument: InstrumentId, interval: Interval, start: int, end: int) -> pa.Table:
        """The same as an Arrow table with the columns `FIGURES`: for hundreds of thousands of bars."""
        with self._explaining():
            return self._table(instrument, interval, start, end, FIGURES)

    def let_go(self, interval: Interval, before: int) -> int:
        """Forget bars of `interval` that open before `before`, ns UTC: whole segments, and the tail; how many."""
        gone = (BARS.c.interval == interval.value) & (BARS.c.open_time < before)
        old = (SEGMENTS.c.interval == interval.value) & (SEGMENTS.c.end <= before)
        with self._explaining():
            with self._connection.begin():
                found = self._connection.execute(select(SEGMENTS.c.file, SEGMENTS.c.rows).where(old)).all()
                self._connection.execute(delete(SEGMENTS).where(old))
                count: int = self._connection.execute(delete(BARS).where(gone)).rowcount
            for file, _ in found:
                (self._folder / file).unlink(missing_ok=True)
        return count + sum(int(rows) for _, rows in found)

    # ------------------------------------------------------------------------------------------------- reading

    def _table(
        self,
        instrument: InstrumentId,
        interval: Interval,
        start: int,
        end: int,
        columns: Sequence[str] = COLUMNS,
    ) -> pa.Table:
        """Segments and tail as one table, ascending, each time once."""
        with self._connection.begin():
            tail = self._tail(instrument, interval, start, end)
            found = self._segments(instrument, interval, start, end)
        pieces = [segment.within(self._read(row, columns), start, end) for row in found]
        if tail:
            newest = segment.table_of(tail).select(list(columns))
            pieces = [_without(each, segment.times_of(newest)) for each in pieces]
            pieces.append(newest)
        pieces = [each for each in pieces if each.num_rows]
        if not pieces:
            return segment.table_of(()).select(list(columns))
        table = pa.concat_tables(pieces).unify_dictionaries()
        starts_later = all(segment.times_of(a)[-1] < segment.times_of(b)[0] for a, b in pairwise(pieces))
        return table if starts_later else table.sort_by("open_time")

    def _tail(self, instrument: InstrumentId, interval: Interval, start: int, end: int) -> list[Any]:
        asked = select(*(BARS.c[name] for name in COLUMNS)).where(
            BARS.c.instrument == instrument,
            BARS.c.interval == interval.value,
            BARS.c.open_time >= start,
            BARS.c.open_time < end,
        )
        return list(map(tuple, self._connection.execute(asked.order_by(BARS.c.open_time)).all()))

    def _segments(
        self, instrument: InstrumentId, interval: Interval, start: int, end: int
    ) -> Sequence[RowMapping]:
        asked = select(SEGMENTS).where(
            SEGMENTS.c.instrument == instrument,
            SEGMENTS.c.interval == interval.value,
            SEGMENTS.c.start < end,
            SEGMENTS.c.end > start,
        )
        return self._connection.execute(asked.order_by(SEGMENTS.c.start)).mappings().all()

    def _read(self, row: RowMapping, columns: Sequence[str] | None = None) -> pa.Table:
        """A segment; an empty one where it was set aside (rule 5)."""
        wanted = list(columns or COLUMNS)
        try:
            return segment.read(self._folder / row["file"], None if columns is None else wanted)
        except Damaged as damage:
            self._set_aside(self._folder / row["file"], str(damage), row["rows"])
            self._forget(row)
            return segment.table_of(()).select(wanted)

    # ------------------------------------------------------------------------------------------------- writing

    def _put(self, instrument: InstrumentId, interval: Interval, bars: list[Bar]) -> tuple[int, int]:
        first, last = bars[0].open_time, bars[-1].open_time + 1
        there = {bar.open_time: bar for bar in self.bars(instrument, interval, first, last)}
        taken: dict[int, Bar] = {}
        journal: list[dict[str, object]] = []
        new = 0
        for bar in bars:
            before = taken.get(bar.open_time) or there.get(bar.open_time)
            if before is None:
                new += 1
                taken[bar.open_time] = bar
            elif _figures(before) != _figures(bar) and not _stays(before, bar):  # rule 3
                taken[bar.open_time] = replace(bar, revision=before.revision + 1)
                journal.append(self._revision(before, taken[bar.open_time]))
        if not taken:
            return 0, 0
        columns = ("instrument", "interval", *COLUMNS)
        rows = [
            dict(zip(columns, (instrument, interval.value, *segment.row_of(bar)), strict=True))
            for bar in taken.values()
        ]
        with self._connection.begin():
            if len(rows) > new:
                times = [at for at in taken if at in there]
                for at in times:
                    self._connection.execute(
                        delete(BARS).where(_is(instrument, interval), BARS.c.open_time == at)
                    )
            self._connection.execute(insert(BARS), rows)
            if journal:
                self._connection.execute(insert(REVISIONS), journal)
        for part in sorted({part_of(interval, at) for at in taken}):
            self._fold_when_due(instrument, interval, part)
        return new, len(journal)

    def _revision(self, before: Bar, after: Bar) -> dict[str, object]:
        written = (msgspec.json.encode(_figures(each)).decode() for each in (before, after))
        figures = dict(zip(("before", "after"), written, strict=True))
        return {
            "told": self._now(), "instrument": after.instrument, "interval": after.interval.value,
            "open_time": after.open_time, "revision": after.revision, **figures,
        }  # fmt: skip

    def _fold_when_due(self, instrument: InstrumentId, interval: Interval, part: Part) -> None:
        """Rule 1."""
        asked = select(func.count()).where(_is(instrument, interval), _within(part))
        with self._connection.begin():
            waiting = int(self._connection.execute(asked).scalar_one())
            folded = sum(
                int(row["rows"]) for row in self._segments(instrument, interval, part.start, part.end)
            )
        most = most_in(interval, part)
        becomes_full = most is not None and folded < most <= waiting + folded
        if waiting >= FOLD_ROWS or becomes_full:
            self._fold(instrument, interval, part)

    def _fold(self, instrument: InstrumentId, interval: Interval, part: Part) -> None:
        """Rule 2."""
        table = self._table(instrument, interval, part.start, part.end).combine_chunks()
        about = About(instrument, interval, part.label, int(segment.times_of(table)[0]), table.num_rows)
        place, size = segment.write(self._folder, folder_of(instrument, interval), about, part, table)
        with self._connection.begin():
            old = self._segments(instrument, interval, part.start, part.end)
            self._list(about, part, place, size)
            self._connection.execute(delete(BARS).where(_is(instrument, interval), _within(part)))
        for row in old:
            if row["file"] != place.as_posix():
                (self._folder / row["file"]).unlink(missing_ok=True)

    def _list(self, about: About, part: Part, place: Path, size: int) -> None:
        """Put a segment into the list, in the place of the one before."""
        self._connection.execute(
            delete(SEGMENTS).where(
                SEGMENTS.c.instrument == about.instrument,
                SEGMENTS.c.interval == about.interval.value,
                SEGMENTS.c.start == part.start,
            )
        )
        listed = {
            "instrument": about.instrument, "interval": about.interval.value, "start": part.start, "end": part.end,
            "file": place.as_posix(), "rows": about.rows, "bytes": size,
        }  # fmt: skip
        self._connection.execute(insert(SEGMENTS), listed)

    # ------------------------------------------------------------------------------------------------- mending

    def _take_lock(self) -> None:
        """Rule 6."""
        lock = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        if not take_patiently(lock):
            os.close(lock)
            raise StoreError(
                f"expected the store of candles to be free, found it in use by another process: {self._folder}",
                hint="candles are kept again when that process has ended",
            )
        self._lock = lock

    def _connect(self) -> None:
        path = self._folder / FILE
        try:
            self._open = connect(path, PURPOSE)
        except DatabaseDamaged as damage:
            self._begin_anew(str(damage))

    def _begin_anew(self, damage: str) -> None:
        """Rule 5, of the database."""
        if self._open is not None:
            self._open.close()
            self._open = None
        aside = set_aside(self._folder / FILE)
        self._open = connect(self._folder / FILE, PURPOSE)
        self._tell(
            f"the database of candles was damaged ({damage}): it is set aside as {aside.name}, and made anew from the"
            " segments; what was not in them yet is asked for again"
        )

    def _match_files(self) -> None:
        """The list and the folder say the same afterwards (rules 2 and 5)."""
        with self._connection.begin():
            listed = {row["file"]: row for row in self._connection.execute(select(SEGMENTS)).mappings()}
        for draft in self._folder.rglob(f"*{segment.DRAFT}"):
            draft.unlink()
        there = {path.relative_to(self._folder).as_posix(): path for path in self._folder.rglob(f"*{SUFFIX}")}
        for file, row in listed.items():
            size = there[file].stat().st_size if file in there else None
            if size != row["bytes"]:
                damage = "it is gone" if size is None else f"it has {size} bytes of {row['bytes']}"
                self._set_aside(self._folder / file, damage, row["rows"])
                self._forget(row)
                there.pop(file, None)
        parts = {
            (row["instrument"], row["interval"], row["start"])
            for row in listed.values()
            if row["file"] in there
        }
        for file, path in there.items():
            if file not in listed:
                self._adopt(file, path, parts)

    def _adopt(self, file: str, path: Path, parts: set[tuple[str, str, int]]) -> None:
        """A file that nobody listed: of a part that has none it is the segment, else a killed fold left it."""
        try:
            about, part = segment.about(path)
        except Damaged as damage:
            self._set_aside(path, str(damage), None)
            return
        key = (about.instrument, about.interval.value, part.start)
        if key in parts:
            path.unlink()
            return
        with self._connection.begin():
            self._list(about, part, Path(file), path.stat().st_size)
        parts.add(key)

    def _set_aside(self, path: Path, damage: str, rows: int | None) -> None:
        """Rule 5, of a segment."""
        name = path.relative_to(self._folder).as_posix()
        kept = ""
        if path.exists():
            kept = f"; it is set aside as {set_aside(path).name}"
        count = "" if rows is None else f" of {rows:,} candles"
        self._tell(f"the segment {name}{count} is damaged: {damage}{kept}. Its candles are asked for again")

    def _forget(self, row: RowMapping) -> None:
        with self._connection.begin():
            self._connection.execute(delete(SEGMENTS).where(SEGMENTS.c.file == row["file"]))

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            raise StoreError("expected an open store of candles, found a closed one")
        return self._open

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Whatever goes wrong is a StoreError that says what to do; a database found damaged is begun anew."""
        path = self._folder / FILE
        try:
            yield
        except DBAPIError as error:
            raised = explained(error, path, PURPOSE)
            if not isinstance(raised, DatabaseDamaged):
                raise raised from error
            with self._explaining_files():
                self._begin_anew(str(raised))
                self._match_files()
            raise StoreError(
                "the database of candles was damaged", hint="it was made anew: ask again"
            ) from error
        except OSError as error:
            raise _of_files(error, path) from error
        except (
            SQLAlchemyError,
            CommandError,
            pa.ArrowException,
        ) as error:  # no fault of the disk, nor the desk's end
            raise StoreError(f"expected to use the store of candles at {path}, found: {error}") from error

    @contextmanager
    def _explaining_files(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _of_files(error, self._folder / FILE) from error


def _of_files(error: OSError, path: Path) -> StoreError:
    return StoreError(
        f"expected to keep candles in {path.parent}, found: {error.strerror or error}",
        hint="make room, or look whether the folder can be written; the desk goes on without keeping candles",
    )


def _is(instrument: InstrumentId, interval: Interval) -> Any:
    return (BARS.c.instrument == instrument) & (BARS.c.interval == interval.value)


def _within(part: Part) -> Any:
    return (BARS.c.open_time >= part.start) & (BARS.c.open_time < part.end)


def _without(table: pa.Table, times: Any) -> pa.Table:
    """A segment's rows without those that the tail has, too."""
    import pyarrow.compute as pc

    if not table.num_rows:
        return table
    own = segment.times_of(table)
    low, high = times.searchsorted((own[0], own[-1] + 1))
    if low == high:
        return table
    return table.filter(
        pc.invert(
            pc.is_in(table.column("open_time"), pa.array(times[low:high]).cast(pa.timestamp("ns", "UTC")))
        )
    )


def _figures(bar: Bar) -> tuple[object, ...]:
    return (bar.kind.value, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.source)


def _stays(before: Bar, after: Bar) -> bool:
    """Rule 3: what the desk saw from end to end is not replaced by what a venue says."""
    return before.source == LIVE and before.coverage.state in _PROVED and after.source != LIVE
