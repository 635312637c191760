"""A segment: the bars of one part of a series in a Parquet file, and as an Arrow table; it knows no database.

Rules
  1. A file is written beside its name, flushed to the disk, and takes its name when it is whole: a name means a whole
     file. What a killed writer left has another ending.
  2. A file says itself whose bars it holds, so that the list of segments can be made anew from the files.
  3. Each page of it has a checksum, which reading compares: other bytes than those that were written are an error.
  4. A bar comes back as it was put: figures to the bit, and its certificate whole. What a certificate has beyond a
     state, a source and where it comes from stands in a column of its own, as JSON.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.store.candles.parts import Part, file_name, part_of

DRAFT = ".draft"
_WORD = pa.dictionary(pa.int8(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("open_time", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("kind", _WORD, nullable=False),
        pa.field("open", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("close", pa.float64()),
        pa.field("volume", pa.float64()),
        pa.field("trades", pa.int64()),
        pa.field("source", _WORD, nullable=False),
        pa.field("provenance", _WORD, nullable=False),
        pa.field("coverage", _WORD, nullable=False),
        pa.field("certificate", pa.string()),
        pa.field("revision", pa.int32(), nullable=False),
    ]
)
COLUMNS = tuple(SCHEMA.names)
FIGURES = (*COLUMNS[:9], "coverage", "revision")
"""What a reader of figures wants of them; the rest is for the bars themselves."""
_ABOUT = b"bethna"
_encode = msgspec.json.encode
_decode_coverage = msgspec.json.Decoder(Coverage).decode


class About(Struct, frozen=True):
    """Whose bars a segment holds (rule 2)."""

    instrument: InstrumentId
    interval: Interval
    part: str
    start: int
    rows: int


class Damaged(Exception):
    """A file is not what was written; the text says how."""


def row_of(bar: Bar) -> tuple[Any, ...]:
    """A bar in the order of `COLUMNS`; its time in ns UTC."""
    coverage = bar.coverage
    plain = Coverage(coverage.provenance, coverage.state, (), (bar.source,), None)
    return (
        bar.open_time, bar.kind.value, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.source,
        coverage.provenance.value, coverage.state.value, None if coverage == plain else _encode(coverage).decode(),
        bar.revision,
    )  # fmt: skip


def bars_of(instrument: InstrumentId, interval: Interval, rows: Sequence[Sequence[Any]]) -> Iterator[Bar]:
    """The bars of rows as `row_of` makes them."""
    seen: dict[tuple[str, str, str], Coverage] = {}
    for (
        at,
        kind,
        opened,
        high,
        low,
        close,
        volume,
        trades,
        source,
        origin,
        state,
        certificate,
        revision,
    ) in rows:
        if certificate is not None:
            coverage = _decode_coverage(certificate)
        else:
            coverage = seen.get((origin, state, source)) or seen.setdefault(
                (origin, state, source), Coverage(Provenance(origin), State(state), (), (source,), None)
            )
        yield Bar(
            instrument, interval, at, BarKind(kind), opened, high, low, close, volume, trades, True, source, coverage,
            revision,
        )  # fmt: skip


def table_of(rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows as `row_of` makes them, as a table."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a table, as `row_of` makes them."""
    columns = [
        _numbers(table.column(0)),
        *(table.column(index).to_pylist() for index in range(1, len(COLUMNS))),
    ]
    return list(zip(*columns, strict=True))


def times_of(table: pa.Table) -> Any:
    """The openings, ns UTC, as an int64 array of numpy."""
    return table.column(0).cast(pa.int64()).to_numpy()


def within(table: pa.Table, start: int, end: int) -> pa.Table:
    """Its rows that open in [start, end); it is ascending, and stays where it lies."""
    times = times_of(table)
    low, high = (int(each) for each in times.searchsorted((start, end)))
    return table.slice(low, high - low)


def write(root: Path, folder: Path, about: About, part: Part, table: pa.Table) -> tuple[Path, int]:
    """Put a segment onto the disk (rules 1 to 3); where it lies below `root`, and how many bytes it has.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    marked = table.replace_schema_metadata({_ABOUT: _encode(about)})
    sink = pa.BufferOutputStream()
    words = [field.name for field in SCHEMA if field.type == _WORD]
    pq.write_table(marked, sink, compression="zstd", write_page_checksum=True, use_dictionary=words)
    content = sink.getvalue()
    digest = hashlib.blake2b(content, digest_size=6).hexdigest()
    place = folder / file_name(part, digest)
    (root / folder).mkdir(parents=True, exist_ok=True)
    draft = root / folder / f"{place.name}{DRAFT}"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(root / place)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _flush_folder(root / folder)
    return place, content.size


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The whole of a segment, ascending; of `columns` alone where they are named.

    Raises:
        Damaged: it is not there, or not what was written (rule 3).
    """
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read(columns=columns)
    except FileNotFoundError:
        raise Damaged("it is gone") from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise Damaged(str(error).splitlines()[0]) from error
    expected = SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])
    if not table.schema.equals(expected):
        raise Damaged("it has other columns")
    return table


def about(path: Path) -> tuple[About, Part]:
    """Whose bars a file holds, by its own word (rule 2). Raises Damaged."""
    try:
        file = pq.ParquetFile(path)
        told = (file.schema_arrow.metadata or {}).get(_ABOUT)
        if told is None:
            raise Damaged("it does not say whose bars it holds")
        found = msgspec.json.decode(told, type=About)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise Damaged(str(error).splitlines()[0]) from error
    part = part_of(found.interval, found.start)
    if found.rows != file.metadata.num_rows or found.part != part.label:
        raise Damaged("it says other things of itself than it holds")
    return found, part


def _numbers(column: pa.ChunkedArray) -> list[int]:
    numbers: list[int] = column.cast(pa.int64()).to_pylist()
    return numbers


def _flush_folder(folder: Path) -> None:
    """A new name is only safe when its folder is on the disk, too; not every system lets one ask for it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
